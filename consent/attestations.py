"""What a business's program attests of many people at once: all of it in one transaction, set-based, and naturally
repeatable, for the same evidence of the same person is known the second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from businesses.codes import contact_code
from businesses.models import Business
from consent import contacts, ledger, suppressions, trust, verdicts
from consent.models import Address, Contact, ImportBatch, Interaction, Recipient

KIND_NAMES = [Interaction.Kind(number).name.lower() for number in sorted(Interaction.Kind.values)]


@cache
def statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text()


@dataclass(frozen=True, kw_only=True)
class Attested:
    """One thing that somebody did. They are named by address, or by the code of the business's contact."""

    kind: int
    occurred_at: datetime
    evidence: str
    opt_out_offered: bool = False
    contact: str = ""
    address_kind: str = Address.Kind.E164
    value: str = ""
    country: str = ""
    timezone: str = ""
    name: str = ""
    language: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


class Noted(NamedTuple):
    """What became of one of them: the contact's code ('' = refused), and whether the evidence was new."""

    contact: str
    is_new: bool


UNKNOWN = Noted("", False)


@transaction.atomic
def take(*, business: Business, attested: Sequence[Attested], now: datetime) -> tuple[ImportBatch, list[Noted]]:
    """Take everything in; returns the batch of this month, and for each of ``attested`` what became of it.

    Nobody is refused but codes that are none of the business's contacts, and people who were erased or are suppressed
    for this company: both come back as ``UNKNOWN``, so that nobody learns which.
    """
    batch = trust.batch_of_month(business=business, now=now)
    people = _people(business, attested, now)
    if not people:
        return batch, [UNKNOWN] * len(attested)
    known = [(people.get(_who(one)), one) for one in attested]
    dealt = [(recipient_id, one) for recipient_id, one in known if recipient_id is not None]
    with connection.cursor() as cursor:
        # A statement of its own: what follows sees everything that was committed while it waited.
        verdicts.lock(cursor, recipient_ids=sorted(set(people.values())))
        _check_nobody_left(business, attested, set(people.values()))
        cursor.execute(statement("attest_contacts"), _values(batch, now, people=_facts(dealt)))
        n_made, n_changed = cursor.fetchone()
        ledger.begin_many()
        cursor.execute(statement("attest_evidence"), _values(batch, now, dealings=_dealings(dealt)))
        added = set(cursor.fetchall())
    ledger.append_many(now=now)
    trust.put_on_probation(batch=batch, now=now)
    ImportBatch.objects.filter(pk=batch.pk).update(
        n_rows=F("n_rows") + len(attested), n_new=F("n_new") + n_made, n_updated=F("n_updated") + n_changed
    )
    return batch, list(_noted(business, known, added))


class SomebodyLeft(ValidationError):
    """Somebody was erased between the look and the lock. Asked again, they are left out like everybody erased."""


def _check_nobody_left(business: Business, attested: Sequence[Attested], people: set[int]) -> None:
    """What was made for a number that may not come back goes with the transaction."""
    left = Recipient.objects.filter(pk__in=people, erased_at__isnull=False)
    named = {one.value: one for one in attested if not one.contact}
    barred = _suppressed(business, named)
    kinds = {one.address_kind for one in named.values()}
    made = Address.objects.filter(kind__in=kinds, value__in=barred, recipient_id__in=people)
    if left.exists() or (barred and made.exists()):
        raise SomebodyLeft(_("The list of people has changed at this very moment. Send the request again."))


def _who(one: Attested) -> tuple[str, str]:
    return ("contact", one.contact) if one.contact else (one.address_kind, one.value)


def _people(business: Business, attested: Sequence[Attested], now: datetime) -> dict[tuple[str, str], int]:
    """Find or make the person behind every code and address; who is suppressed has none."""
    codes = {one.contact for one in attested if one.contact}
    mine = Contact.objects.of(business).filter(code__in=codes, recipient__erased_at__isnull=True)
    people = {("contact", code): pk for code, pk in mine.values_list("code", "recipient_id")}
    named = {one.value: one for one in attested if not one.contact}
    for value in _suppressed(business, named):
        del named[value]
    people |= _at(named)
    _make([one for key, one in sorted(named.items()) if _who(one) not in people], now)
    return people | _at(named)


def _suppressed(business: Business, named: Mapping[str, Attested]) -> list[str]:
    hashes = {suppressions.hash_address(value, one.address_kind): value for value, one in named.items()}
    barred = suppressions.barred(hashes=list(hashes), legal_entity_id=business.legal_entity_id)
    return sorted(hashes[hashed] for hashed in barred)


def _at(named: Mapping[str, Attested]) -> dict[tuple[str, str], int]:
    kinds = {one.address_kind for one in named.values()}
    found = Address.objects.filter(kind__in=kinds, value__in=list(named), scope="")
    return {(kind, value): pk for kind, value, pk in found.values_list("kind", "value", "recipient_id")}


def _make(strangers: Sequence[Attested], now: datetime) -> None:
    """Make people whom nobody knew, numbers in one order for everybody; where somebody was faster, theirs stay."""
    if not strangers:
        return
    made = Recipient.objects.bulk_create(
        Recipient(country=one.country, timezone=one.timezone, created_at=now) for one in strangers
    )
    Address.objects.bulk_create(
        (
            Address(
                recipient=recipient,
                kind=one.address_kind,
                value=one.value,
                line_type=contacts.line_type_at(kind=one.address_kind, value=one.value),
            )
            for recipient, one in zip(made, strangers, strict=True)
        ),
        ignore_conflicts=True,
    )
    Recipient.objects.filter(pk__in=[recipient.pk for recipient in made], addresses__isnull=True).delete()
    there = set(Recipient.objects.filter(pk__in=[recipient.pk for recipient in made]).values_list("pk", flat=True))
    suppressions.give_back(
        people={
            suppressions.hash_address(one.value, one.address_kind): recipient
            for recipient, one in zip(made, strangers, strict=True)
            if recipient.pk in there
        }
    )


def _values(batch: ImportBatch, now: datetime, **more: str) -> dict[str, Any]:
    return {
        "business_id": batch.business_id,
        "batch_id": batch.pk,
        "batch_code": batch.code,
        "kind_names": KIND_NAMES,
        "now": now,
        **more,
    }


def _facts(dealt: Iterable[tuple[int, Attested]]) -> str:
    """Each person once, as JSON: of several values the last one that is not empty."""
    facts: dict[int, dict[str, Any]] = {}
    for pk, one in dealt:
        known = facts.setdefault(pk, {"name": "", "language": "", "attributes": {}})
        known["name"] = one.name or known["name"]
        known["language"] = one.language or known["language"]
        known["attributes"] |= one.attributes
    rows = [{"recipient_id": pk, "contact_code": contact_code(), **known} for pk, known in facts.items()]
    return orjson.dumps(rows).decode()


def _dealings(dealt: Iterable[tuple[int, Attested]]) -> str:
    return orjson.dumps(
        [
            {
                "recipient_id": pk,
                "kind": one.kind,
                "occurred_at": one.occurred_at,
                "opt_out_offered": one.opt_out_offered,
                "evidence": one.evidence,
            }
            for pk, one in dealt
        ]
    ).decode()


def _noted(
    business: Business, known: Sequence[tuple[int | None, Attested]], added: set[tuple[Any, ...]]
) -> Iterable[Noted]:
    ids = {pk for pk, _one in known if pk is not None}
    mine = Contact.objects.of(business).filter(recipient__in=ids)
    codes = dict(mine.values_list("recipient_id", "code"))
    for pk, one in known:
        if pk is None:
            yield UNKNOWN
            continue
        key = (pk, one.kind, one.occurred_at, one.evidence)
        # The same thing twice in one request is new once.
        yield Noted(codes[pk], key in added)
        added.discard(key)
