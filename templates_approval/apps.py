"""Templates: What may be said?"""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TemplatesApprovalConfig(AppConfig):
    name = "templates_approval"
    verbose_name = _("Templates")
