"""Says in words to whom a broadcast was addressed, for somebody who got it: what about them was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from businesses import names

# What is put into words below; whatever else a definition holds is named as such, never left out.
SAID = frozenset({"countries", "languages", "attributes", "contacts", "except_contacts"})


def in_words(*, audience: Mapping[str, Any], business: str) -> list[str]:
    """Return a sentence for each part of ``audience``; one sentence for everybody."""
    said = []
    if countries := audience.get("countries"):
        said.append(_("People whose number is of: %(names)s.") % {"names": _listed(map(names.country, countries))})
    if languages := audience.get("languages"):
        said.append(
            _("People to whom %(business)s writes in: %(names)s.")
            % {"business": business, "names": _listed(map(names.language, languages))}
        )
    for name, value in (audience.get("attributes") or {}).items():
        said.append(
            _("People about whom %(business)s has noted “%(name)s”: %(value)s.")
            % {"business": business, "name": name, "value": value}
        )
    if (chosen := audience.get("contacts")) is not None:
        said.append(_of_a_list(len(chosen), business))
    if audience.keys() - SAID:
        said.append(_("People chosen by what they bought, opened or answered before.") % {"business": business})
    return said or [_("Everybody whom %(business)s may write to.") % {"business": business}]


def _of_a_list(n: int, business: str) -> str:
    return ngettext(
        "You alone: %(business)s chose one person by hand.",
        "A list of %(n)s people whom %(business)s chose one by one.",
        n,
    ) % {"business": business, "n": n}


def _listed(words: Any) -> str:
    return ", ".join(str(word) for word in words)
