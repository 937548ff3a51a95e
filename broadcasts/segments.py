"""Saved segments: named filters over the contacts of a business, made, changed, copied and put away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from broadcasts.filters import grammar, query, words
from broadcasts.filters.grammar import BadDefinition
from broadcasts.filters.parts import Group
from broadcasts.filters.reading import UNKEEPABLE, Finding
from broadcasts.models import Broadcast, Segment
from businesses import audit
from businesses.models import Business, User

NAME_MAX = 80
SEGMENTS_MAX = 500


class CannotSave(ValidationError):
    """The segment cannot be kept as described; keyed by field."""


def read(*, business: Business, definition: Any) -> Group:
    """Return what ``definition`` means. Raises ``BadDefinition``, also for broadcasts that are not the business's."""
    tree = grammar.read(definition)
    check_codes(business=business, definition=definition, tree=tree)
    return tree


def check_codes(*, business: Business, definition: dict[str, Any], tree: Group) -> None:
    """Raise ``BadDefinition`` when ``definition``, which has been read, asks about a broadcast that is not there."""
    codes = query.codes_of(tree)
    mine = set(Broadcast.objects.of(business).filter(code__in=codes).values_list("code", flat=True)) if codes else set()
    if codes - mine:
        said = _("You have no broadcast with this code. Take one from your list of broadcasts.")
        raise BadDefinition(
            [
                Finding(path, said, "does_not_exist")
                for path, code in grammar.named(definition, "broadcast")
                if code not in mine
            ]
        )


def create(*, business: Business, name: str, definition: Any, by: User | None, now: datetime) -> Segment:
    """Save filters under a name. Raises ``CannotSave`` for the name, ``BadDefinition`` for the filters."""
    read(business=business, definition=definition)
    _check_room(business)
    segment = Segment(
        business=business,
        name=_named(name),
        definition=definition,
        schema=grammar.VERSION,
        created_by=by,
        created_at=now,
        updated_at=now,
    )
    return _save(segment, "segment.created", by, now)


def edit(
    *, segment: Segment, by: User | None, now: datetime, name: str | None = None, definition: Any = None
) -> Segment:
    """Change name or filters. What was launched with it before does not change. Raises as ``create`` does."""
    if definition is not None:
        read(business=segment.business, definition=definition)
        segment.definition, segment.schema = definition, grammar.VERSION
    if name is not None:
        segment.name = _named(name)
    segment.updated_at = now
    return _save(segment, "segment.edited", by, now)


def duplicate(*, segment: Segment, by: User | None, now: datetime) -> Segment:
    """Make another one with the same filters, under the first free name."""
    taken = set(Segment.objects.of(segment.business).in_use().values_list("name", flat=True))
    first = _("%(name)s (copy)") % {"name": segment.name[: NAME_MAX - 12]}
    names = [first, *(f"{first} {n}" for n in range(2, SEGMENTS_MAX + 2))]
    name = next(name for name in names if name.casefold() not in {each.casefold() for each in taken})
    return create(business=segment.business, name=name, definition=segment.definition, by=by, now=now)


def archive(*, segment: Segment, by: User | None, now: datetime) -> bool:
    """Put it away: no draft can be launched with it any more, what was launched goes on. True if this call did it."""
    with transaction.atomic():
        gone = Segment.objects.in_use().filter(pk=segment.pk).update(archived_at=now)
        if gone:
            _tell(segment, "segment.archived", by, now)
    return bool(gone)


def restore(*, segment: Segment, by: User | None, now: datetime) -> Segment:
    """Take it out of the archive, under its name; what it filters by is read again. Raises as ``create`` does."""
    if segment.archived_at is None:
        return segment
    read(business=segment.business, definition=segment.definition)
    _check_room(segment.business)
    segment.archived_at = None
    segment.updated_at = now
    return _save(segment, "segment.restored", by, now)


def _check_room(business: Business) -> None:
    if Segment.objects.of(business).in_use().count() >= SEGMENTS_MAX:
        raise CannotSave({"name": _("You have %(n)d segments already; archive some first.") % {"n": SEGMENTS_MAX}})


def called(*, business: Business, definitions: Iterable[dict[str, Any]]) -> words.Called:
    """Look up how the broadcasts and segments that ``definitions`` name are called, in two queries at most."""
    every = list(definitions)
    told = {each.code for definition in every for each in grammar.named(definition, "broadcast")}
    saved = {each.code for definition in every for each in grammar.named(definition, "segment")}
    broadcasts = Broadcast.objects.of(business).filter(code__in=told).values_list("code", "name") if told else ()
    segments = Segment.objects.of(business).filter(code__in=saved).values_list("code", "name") if saved else ()
    return words.Called(dict(broadcasts), dict(segments))


def describe(*, business: Business, definition: dict[str, Any]) -> str:
    """Say a definition, which may name segments, in the reader's language."""
    tree = grammar.read(definition, may_name_segments=True)
    return words.describe(tree, called(business=business, definitions=[definition]))


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > NAME_MAX or UNKEEPABLE.search(name):
        raise CannotSave({"name": _("Give the segment a name of 1 to %(n)d letters.") % {"n": NAME_MAX}})
    return name


def _save(segment: Segment, what: str, by: User | None, now: datetime) -> Segment:
    try:
        with transaction.atomic():
            segment.save()
            _tell(segment, what, by, now)
    except IntegrityError:
        raise CannotSave({"name": _("You have a segment of this name already; choose another.")}) from None
    return segment


def _tell(segment: Segment, what: str, by: User | None, now: datetime) -> None:
    audit.note(
        action=what,
        object_kind="segment",
        object_code=segment.code,
        actor=by,
        business=segment.business,
        # Not the filters: they may hold what a person could be known by.
        after={"name": segment.name},
        now=now,
    )
