from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("broadcasts", "0018_plan_mark")]

    operations = [
        migrations.AddField("phonemessage", "due_at", models.DateTimeField(null=True)),
        migrations.AddField("phonemessage", "acts_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "phonemessage",
            models.Index(fields=["acts_at"], condition=Q(acts_at__isnull=False), name="phone_message_acts"),
        ),
    ]
