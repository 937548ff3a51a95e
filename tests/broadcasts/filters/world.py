"""People of every sort, and definitions of every sort about them: what the property test draws from."""

from datetime import timedelta
from typing import Any

from django.db import connection
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from broadcasts.models import Broadcast, Delivery
from businesses.models import Business
from consent.models import Contact, ImportBatch, Interaction, Recipient
from consent.reasons import PLATFORM_FACTS, Reason
from tests.make import NOW, make_broadcast

COUNTRIES, LANGUAGES = ["FR", "DE", "BE"], ["fr", "de", ""]
# Names and values that would hurt a careless query.
NAMES = ["city", "age", "since", "it's", 'say "so"', "100%", "a.b", "2024", "$.x", "%s", "{value}", "é"]
VALUES = [
    "Lyon", "lyon", "Évry", "évry", "", "5", "5.0", "-3,5", "30", "1e5", "inf", "NaN", "99999999999999999999", "12,",
    "2024-02-30", "2024-02-28T10:00", "2023-12-31", "31/12/2023", "50%", "a_b", "'; DROP TABLE x; --", "\\", "{p}",
    "%s",
]  # fmt: skip
REACTIONS = {"none": 0, "interested": 1, "not_interested": 2}
OWN, PLATFORM = Reason.OPTED_OUT, Reason.CAP_PLATFORM
assert PLATFORM in PLATFORM_FACTS
assert OWN not in PLATFORM_FACTS

kinds = st.sampled_from([kind.name.lower() for kind in Interaction.Kind])
provenances = st.sampled_from(["observed", "attested"])
past = st.integers(0, 60).map(lambda days: NOW - timedelta(days=days, hours=1))
states = st.sampled_from([state.name.lower() for state in Delivery.State])
rows = st.fixed_dictionaries(
    {
        "state": states,
        "is_hidden": st.booleans(),
        "error_code": st.sampled_from([None, "131026", "131050", "131049", "gave_up", "nonsense"]),
        "reaction": st.sampled_from([None, "interested", "not_interested"]),
        "delivered_at": past,
    }
)
interactions = st.fixed_dictionaries(
    {
        "kind": kinds,
        "provenance": provenances,
        "occurred_at": past,
        "is_withdrawn": st.sampled_from([False, False, True]),
    }
)


def people(codes: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    person = st.fixed_dictionaries(
        {
            "country": st.sampled_from(COUNTRIES),
            "language": st.sampled_from(LANGUAGES),
            "attributes": st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4),
            "created_at": past,
            "last_reaction": st.sampled_from(list(REACTIONS)),
            "interactions": st.lists(interactions, max_size=4),
            "deliveries": st.dictionaries(st.sampled_from(codes), rows, max_size=3),
        }
    )
    return st.lists(person, min_size=12, max_size=12)


def definitions(codes: list[str], contact_codes: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    days = st.sampled_from(["2026-04-10", "2026-05-02", "2026-05-20", "2026-06-02"])
    numbers = st.sampled_from([-4, 0, 5, 5.5, 30, 1000])
    past_days = st.sampled_from(["2023-12-31", "2024-02-28", "2025-01-01"])
    when = st.fixed_dictionaries(
        {},
        optional={
            "within_days": st.integers(1, 60),
            "since": days,
            "before": days,
            "more_than_days_ago": st.integers(1, 50),
        },
    ).filter(
        lambda w: (
            w.get("since", "0") < w.get("before", "9") and w.get("more_than_days_ago", 0) < w.get("within_days", 99)
        )
    )
    test = st.one_of(
        st.sampled_from(VALUES).filter(bool),
        st.fixed_dictionaries({}, optional={
            "is": st.sampled_from(VALUES).filter(bool), "is_not": st.sampled_from(VALUES).filter(bool),
            "one_of": st.lists(st.sampled_from(VALUES).filter(bool), min_size=1, max_size=3), "is_set": st.booleans(),
            "contains": st.sampled_from(["yo", "É", "é", "%", "_", "\\", "'", "5"]),
            "starts_with": st.sampled_from(["ly", "É", "20", "%", "5"]),
            "more_than": numbers, "less_than": numbers, "since": past_days, "before": past_days,
            "between": st.one_of(st.just([0, 10]), st.just(["2023-01-01", "2024-02-29"]), st.just([5, 5])),
        }).filter(bool),
    )  # fmt: skip
    told = st.fixed_dictionaries(
        {"code": st.sampled_from(codes)},
        optional={
            "was": st.sampled_from(["sent", "delivered", "read", "failed", "failed_for_now", "skipped", "absent"]),
            "reaction": st.sampled_from(list(REACTIONS)),
        },
    ).filter(lambda asked: len(asked) > 1)
    leaves: dict[str, st.SearchStrategy[Any]] = {
        "countries": st.lists(st.sampled_from(COUNTRIES), max_size=2),
        "languages": st.lists(st.sampled_from(["fr", "de"]), max_size=2),
        "attributes": st.dictionaries(st.sampled_from(NAMES), test, max_size=2),
        "contacts": st.lists(st.sampled_from(contact_codes), max_size=6),
        "except_contacts": st.lists(st.sampled_from(contact_codes), max_size=3),
        "added": when,
        "last_reaction": st.sampled_from(list(REACTIONS)),
        "interaction": st.builds(
            lambda more, when: more | when,
            st.fixed_dictionaries(
                {},
                optional={
                    "kinds": st.lists(kinds, max_size=3),
                    "provenance": provenances,
                    "at_least": st.integers(1, 3),
                },
            ),
            when,
        ),
        "broadcast": told,
        "offers": st.fixed_dictionaries({"within_days": st.integers(1, 70)}, optional={"at_least": st.integers(1, 3)}),
    }

    def parts(depth: int) -> st.SearchStrategy[dict[str, Any]]:
        inner = {} if depth == 3 else {name: st.lists(parts(depth + 1), max_size=2) for name in ("all", "any", "none")}
        some = st.lists(st.sampled_from(sorted([*leaves, *inner])), min_size=1, max_size=2, unique=True)
        return some.flatmap(lambda names: st.fixed_dictionaries({name: (leaves | inner)[name] for name in names}))

    return parts(0)


def make_world(business: Business, drawn: list[dict[str, Any]], codes: list[str]) -> list[dict[str, Any]]:
    """Put the drawn people into the database as contacts of ``business``; return them with their contacts' codes."""
    ids = {broadcast.code: broadcast.pk for broadcast in Broadcast.objects.of(business)}
    made = Recipient.objects.bulk_create(
        Recipient(country=person["country"], timezone="Europe/Paris", created_at=NOW) for person in drawn
    )
    contacts = Contact.objects.bulk_create(
        Contact(business=business, recipient=recipient, language=person["language"], attributes=person["attributes"],
                last_reaction=REACTIONS[person["last_reaction"]], created_at=person["created_at"], updated_at=NOW,
                code=f"ctc_{position:02}")
        for position, (recipient, person) in enumerate(zip(made, drawn, strict=True))
    )  # fmt: skip
    _deal(business, made, drawn)
    _tell(ids, made, drawn)
    return [person | {"code": contact.code} for contact, person in zip(contacts, drawn, strict=True)]


def _deal(business: Business, made: list[Recipient], drawn: list[dict[str, Any]]) -> None:
    batch = ImportBatch.objects.create(business=business, filename="people.csv", created_at=NOW)
    Interaction.objects.bulk_create(
        Interaction(
            business=business,
            recipient=recipient,
            kind=Interaction.Kind[each["kind"].upper()],
            provenance=Interaction.Provenance[each["provenance"].upper()],
            batch=batch,
            occurred_at=each["occurred_at"],
            evidence=f"form {n}",
            created_at=NOW,
            withdrawn_at=NOW if each["is_withdrawn"] else None,
        )
        for recipient, person in zip(made, drawn, strict=True)
        for n, each in enumerate(person["interactions"])
    )


def _tell(ids: dict[str, int], made: list[Recipient], drawn: list[dict[str, Any]]) -> None:
    told = [
        (ids[code], recipient.pk, Delivery.State[row["state"].upper()], row)
        for recipient, person in zip(made, drawn, strict=True)
        for code, row in person["deliveries"].items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO broadcasts_delivery (broadcast_id, recipient_id, contact_id, version_id, country, price_micro,"
            " state, reason, interaction_id, basis, gated_at, delivered_at, reaction, variables, error_code)"
            " VALUES (%s, %s, 0, 1, 'FR', 0, %s, %s, 1, 1, now(), %s, %s, %s, %s)",
            [
                (broadcast, recipient, state, _reason(state, row), row["delivered_at"],
                 REACTIONS.get(row["reaction"] or ""), Jsonb({}), row["error_code"])
                for broadcast, recipient, state, row in told
            ],
        )  # fmt: skip


def _reason(state: Delivery.State, row: dict[str, Any]) -> int | None:
    if state == Delivery.State.SKIPPED:
        return int(PLATFORM if row["is_hidden"] else OWN)
    return int(Reason.UNCONFIRMED) if state in (25, 55, 60) else None


def make_broadcasts(business: Business, n: int = 3) -> list[str]:
    """Launched ones, whose deliveries the test writes itself."""
    first = make_broadcast(business=business)
    others = [
        Broadcast.objects.create(
            business=business, name=f"Offer {number}", template=first.template, sender=first.sender, created_at=NOW
        )
        for number in range(n - 1)
    ]
    every = [first, *others]
    Broadcast.objects.of(business).update(launched_at=NOW - timedelta(days=70), ends_at=NOW + timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.executemany("SELECT make_delivery_partition(%s)", [(broadcast.pk,) for broadcast in every])
    return [broadcast.code for broadcast in every]
