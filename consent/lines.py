"""What kind of telephone line a number belongs to: read once, with the number. Whether it matters, a channel says."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LineType(models.IntegerChoices):
    """As the numbering plan says. In North America, and for provider's ids, nobody can tell: ``UNKNOWN``."""

    UNKNOWN = 0, _("line of unknown type")
    MOBILE = 1, _("mobile")
    LANDLINE = 2, _("landline")
    INTERNET = 3, _("internet telephone")
    PAGER = 4, _("pager")


# Where one cannot tell, it may be one: nobody is refused for a guess.
MOBILES = frozenset({LineType.MOBILE, LineType.UNKNOWN})
