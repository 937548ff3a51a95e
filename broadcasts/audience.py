"""To whom: a definition in the grammar of ``filters``, which may also name saved segments, read into one safe queryset.

A draft keeps the definition as it was composed. What is asked (estimate, freezing) is always the *frozen* one, into
which the segments have been put; launching writes it down: no later change of a segment reaches what was confirmed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from broadcasts import segments
from broadcasts.filters import counting, grammar, query
from broadcasts.filters.grammar import BadDefinition
from broadcasts.filters.reading import Finding
from broadcasts.models import Broadcast, Segment
from businesses.models import Business
from consent.models import Contact
from consent.models.people import ContactQuerySet


def check(*, business: Business, definition: Any) -> dict[str, Any]:
    """Return ``definition`` if it can be used, else raise ``BadDefinition``. ``{}`` is everybody."""
    tree = grammar.read(definition, may_name_segments=True)
    segments.check_codes(business=business, definition=definition, tree=tree)
    _segments_of(business, definition)
    return dict(definition)


def frozen(*, business: Business, definition: dict[str, Any]) -> dict[str, Any]:
    """Return ``definition`` with today's meaning of the segments that it names. Raises ``BadDefinition``."""
    grammar.read(definition, may_name_segments=True)
    return grammar.put_in(definition, _segments_of(business, definition))


def _segments_of(business: Business, definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    named = grammar.named(definition, "segment")
    if not named:
        return {}
    if len(named) > grammar.SEGMENTS_MAX:
        said = _("An audience may name %(n)d segments at most.") % {"n": grammar.SEGMENTS_MAX}
        raise BadDefinition([Finding(named[grammar.SEGMENTS_MAX].path, said)])
    mine = Segment.objects.of(business).in_use().filter(code__in={each.code for each in named})
    found: dict[str, dict[str, Any]] = dict(mine.values_list("code", "definition"))
    if lost := [each for each in named if each.code not in found]:
        said = _("You have no segment with this code, or it was archived. Choose another.")
        raise BadDefinition([Finding(each.path, said, "does_not_exist") for each in lost])
    return found


def contacts(*, business: Business, definition: dict[str, Any], now: datetime) -> ContactQuerySet:
    """Return the contacts that a frozen ``definition`` describes as of ``now``; each person once, by construction.

    Made for going through them in slices: each condition is a look-up by index for each contact.
    """
    tree = grammar.read_frozen(definition)
    facts = query.facts_for(tree, business=business, now=now)
    return Contact.objects.of(business).filter(query.condition(tree, facts))


def meant(broadcast: Broadcast) -> ContactQuerySet:
    """Return the contacts that a launched broadcast is for, as they were understood when it was confirmed."""
    as_confirmed = broadcast.frozen_audience or {"definition": broadcast.audience, "as_of": None}
    as_of = parse_datetime(as_confirmed["as_of"] or "") or broadcast.launched_at or broadcast.created_at
    return contacts(business=broadcast.business, definition=as_confirmed["definition"], now=as_of)


def freeze(*, broadcast: Broadcast, as_of: datetime) -> None:
    """Write down on ``broadcast`` what its audience means, as of the estimate that is being confirmed; not saved."""
    definition = frozen(business=broadcast.business, definition=broadcast.audience)
    broadcast.frozen_audience = {"definition": definition, "as_of": as_of.isoformat()}


def count(*, business: Business, definition: dict[str, Any], now: datetime) -> int:
    """Count the contacts of a frozen ``definition`` exactly. Raises ``counting.TooSlow``."""
    return counting.exactly(business=business, tree=grammar.read_frozen(definition), now=now)
