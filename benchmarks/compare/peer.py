"""`django-meta-whatsapp` at work, in an environment that has only what it needs; run by `benchmarks.compare`.

    python peer.py prepare N        makes its tables, a template, a campaign and N contacts
    python peer.py send             runs the campaign, as its Celery task would

Imports nothing of Tambour. Its address of the provider is replaced by ours; nothing else of it is touched.
"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="compare " * 8,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_meta_whatsapp"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PEER_DATABASE"],
            "HOST": os.environ["PEER_HOST"],
            "USER": os.environ["PEER_USER"],
        }
    },
    USE_TZ=True,
    WHATSAPP={"ACCESS_TOKEN": "token", "PHONE_NUMBER_ID": "1", "ENCRYPTION_KEY": "compare"},
)
django.setup()

from django_meta_whatsapp import models, utils  # noqa: E402


def prepare(n: int) -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    template = models.WhatsAppTemplate.objects.create(
        name="spring_sale", language="en", status="APPROVED", body_text="This week 20 percent off in our shop."
    )
    models.WhatsAppCampaign.objects.create(name="Spring", template=template)
    phone = next(f.name for f in models.WhatsAppContact._meta.fields if "phone" in f.name)
    models.WhatsAppContact.objects.bulk_create(
        models.WhatsAppContact(**{phone: f"3363998{i:07}"}, name=f"Ana {i}") for i in range(1, n + 1)
    )


def send() -> None:
    utils.GRAPH_BASE = os.environ["PEER_SINK"] + "/messages"
    utils.run_campaign(models.WhatsAppCampaign.objects.get().pk)


if __name__ == "__main__":
    prepare(int(sys.argv[2])) if sys.argv[1] == "prepare" else send()
