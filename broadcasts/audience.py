"""To whom: filters over a business's contacts, or an explicit list, read into one safe queryset."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from businesses.models import Business
from consent.models import Contact
from consent.models.people import ContactQuerySet

FILTERS = frozenset({"countries", "languages", "attributes", "contacts", "except_contacts"})


class BadAudience(ValidationError):
    """The definition cannot be read; the sentence names the part."""


def check(definition: Any) -> dict[str, Any]:
    """Return ``definition`` if it can be read, else raise ``BadAudience``. ``{}`` is everybody."""
    if not isinstance(definition, dict):
        raise BadAudience(_("The audience must be an object, for example {“countries”: [“FR”]}."))
    if unknown := sorted(set(definition) - FILTERS):
        raise BadAudience(
            _("Unknown part of the audience: %(names)s. Known parts: %(known)s.")
            % {"names": ", ".join(map(str, unknown)), "known": ", ".join(sorted(FILTERS))}
        )
    for name in FILTERS - {"attributes"} & set(definition):
        _check_list(name, definition.get(name, []))
    attributes = definition.get("attributes", {})
    if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
        raise BadAudience(_("“attributes” must map names to texts, for example {“city”: “Lyon”}."))
    return definition


def _check_list(name: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadAudience(_("“%(name)s” must be a list of texts.") % {"name": name})


def contacts(*, business: Business, definition: dict[str, Any]) -> ContactQuerySet:
    """Return the contacts of ``business`` that ``definition`` describes; each person once, by construction."""
    chosen = Contact.objects.of(business)
    if countries := definition.get("countries"):
        chosen = chosen.filter(recipient__country__in=countries)
    if languages := definition.get("languages"):
        chosen = chosen.filter(language__in=languages)
    for name, value in definition.get("attributes", {}).items():
        # Containment of one pair, so that no attribute's name is ever read as part of a query.
        chosen = chosen.filter(attributes__contains={name: value})
    if (codes := definition.get("contacts")) is not None:
        chosen = chosen.filter(code__in=codes)
    if codes := definition.get("except_contacts"):
        chosen = chosen.filter(~Q(code__in=codes))
    return chosen
