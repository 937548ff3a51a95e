"""The world a benchmark needs: verified businesses with approved words and money, and very many people who know them.

Businesses, words and money come about through the product's own functions. People are made where they live, as a
superuser with foreign keys asleep: what is measured is never this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection

from broadcasts import estimate, lifecycle, senders
from broadcasts.models import Broadcast, Sender
from businesses.models import Business
from tests.make import EURO, make_approved_version, make_business, open_policy

MONEY = 1_000_000 * EURO
RATE = 1_000_000
# What each person was already sent by others: the gate has something to count.
EARLIER_OFFERS = 2
# So many broadcasts share a partition of the deliveries.
PARTITION = 256

MAKE_PEOPLE = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO consent_recipient (id, code, country, timezone, locale, created_at)
SELECT i, 'rcp_bench' || i, 'FR', 'Europe/Paris', '', now() FROM generate_series({first}, {last}) i;
ALTER TABLE consent_recipient ALTER COLUMN id RESTART WITH {after};
INSERT INTO consent_address (recipient_id, kind, value, scope)
SELECT i, 'e164', '+336' || lpad(i::text, 8, '0'), '' FROM generate_series({first}, {last}) i;
INSERT INTO consent_capentry (recipient_id, broadcast_id, business_id, reserved_at, counts_at)
SELECT i, -n, -n, told_at, told_at
FROM generate_series({first}, {last}) i
CROSS JOIN generate_series(1, {earlier}) n
CROSS JOIN LATERAL (SELECT now() - (10 + n + i % 5) * interval '1 day' AS told_at) t;
"""
MAKE_CONTACTS = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO consent_contact
    (code, business_id, recipient_id, name, language, attributes, last_reaction, created_at, updated_at)
SELECT 'ctc_{business}_' || i, {business}, i, 'Ana ' || i, 'en', jsonb_build_object('city', 'Lyon ' || i % 50), 0,
       now(), now()
FROM generate_series({first}, {last}) i;
INSERT INTO consent_interaction
    (business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered, evidence, created_at)
SELECT {business}, i, 1, 1, now() - (1 + i % 200) * interval '1 day', TRUE, 'form ' || i, now()
FROM generate_series({first}, {last}) i;
"""

MAKE_TOLD = """
SET session_replication_role = replica;
SET synchronous_commit = off;
SELECT make_delivery_partition({broadcast});
INSERT INTO broadcasts_delivery
    (broadcast_id, recipient_id, contact_id, version_id, country, price_micro, variables, state, reason, interaction_id,
     basis, gated_at, sent_at, delivered_at)
SELECT {broadcast}, i, i, 1, 'FR', 80000, '{{"discount": "20", "first_name": "Ana"}}',
       CASE i % 10 WHEN 0 THEN 5 WHEN 1 THEN 5 WHEN 2 THEN 50 WHEN 3 THEN 80 WHEN 4 THEN 80 ELSE 70 END,
       CASE i % 10 WHEN 0 THEN 50 WHEN 1 THEN 102 END, 1, 1, now(), now(), now()
FROM generate_series({first}, {last}) i;
"""
# Handed over and taken by the provider, with their slots, their money and their counts: what receipts are about.
MAKE_ACCEPTED = """
SET session_replication_role = replica;
SET synchronous_commit = off;
SELECT make_delivery_partition({broadcast});
INSERT INTO broadcasts_delivery
    (broadcast_id, recipient_id, contact_id, version_id, country, price_micro, variables, state, attempt,
     interaction_id, basis, gated_at, sent_at)
SELECT {broadcast}, i, i, 1, 'FR', {price}, '{{"discount": "20", "first_name": "Ana"}}', 30, 1, 1, 1, now(), NULL
FROM generate_series({first}, {last}) i;
INSERT INTO consent_capentry (recipient_id, broadcast_id, business_id, reserved_at, counts_at)
SELECT i, {broadcast}, {business}, now(), now() + interval '2 days' FROM generate_series({first}, {last}) i;
UPDATE broadcasts_budget SET reserved_micro = {price}::bigint * ({last} - {first} + 1) WHERE broadcast_id = {broadcast};
INSERT INTO broadcasts_countdelta (broadcast_id, variant, state, reason, n)
VALUES ({broadcast}, 0, 30, 0, {last} - {first} + 1);
UPDATE broadcasts_broadcast SET state = 'completed', completed_at = now(), n_audience = {last} - {first} + 1
WHERE id = {broadcast};
"""
MAKE_REFUSALS = """
SET session_replication_role = replica;
INSERT INTO consent_refusal (legal_entity_id, recipient_id, kind, via, refused_at)
SELECT {legal_entity}, i, 1 + i / 100 % 2, 'page', now() FROM generate_series(100, {last}, 100) i;
"""
STORE_DELIVERIES = """
SET session_replication_role = replica;
SET synchronous_commit = off;
SELECT make_delivery_partition({broadcast});
INSERT INTO broadcasts_delivery
    (broadcast_id, recipient_id, contact_id, version_id, country, price_micro, variables, state, attempt,
     interaction_id, basis, gated_at, sent_at, delivered_at)
SELECT {broadcast}, i, i, 1, 'FR', 80000, '{{"discount": "20", "first_name": "Ana"}}', 70, 1, 1, 1, now(), now(), now()
FROM generate_series(1, {n}) i;
"""


_known_by: dict[int, Business] = {}
_turn = count()


class NotEmpty(Exception):
    """The database has people in it already: a benchmark would measure something else, and harm them."""


def prepare() -> None:
    """Open the hours, and make sure that nobody lives here yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM consent_recipient)")
        if cursor.fetchone()[0]:
            raise NotEmpty("The benchmark wants an empty database; `make bench` brings one.")
    open_policy()


def make_people(*, first: int, last: int) -> None:
    _as_superuser(MAKE_PEOPLE.format(first=first, last=last, after=last + 1, earlier=EARLIER_OFFERS))


def make_contacts(*, business: Business, first: int, last: int) -> None:
    """Let the people ``first`` … ``last`` have dealt with ``business``."""
    _as_superuser(MAKE_CONTACTS.format(business=business.pk, first=first, last=last))


def make_told(*, broadcast: Broadcast, first: int, last: int) -> None:
    """Write down what became of the people ``first`` … ``last`` in ``broadcast``, as if it had been sent."""
    _as_superuser(MAKE_TOLD.format(broadcast=broadcast.pk, first=first, last=last))


def make_refusals(*, business: Business, last: int) -> None:
    """Let every hundredth person have stopped or blocked ``business``."""
    _as_superuser(MAKE_REFUSALS.format(legal_entity=business.legal_entity_id, last=last))


def make_accepted(*, broadcast: Broadcast, first: int, last: int) -> None:
    """Let ``broadcast`` be handed over to the people ``first`` … ``last``, and nothing be known of them yet."""
    fields = {"broadcast": broadcast.pk, "business": broadcast.business_id, "price": price_micro(broadcast)}
    _as_superuser(MAKE_ACCEPTED.format(first=first, last=last, **fields))


def price_micro(broadcast: Broadcast) -> int:
    """Return what one message to France costs, as frozen at the launch."""
    return broadcast.price_lines.get(country="FR").price_micro


def store_deliveries(*, broadcast_id: int, n: int) -> None:
    """Lay ``n`` old deliveries beside those of others, in the partition that ``broadcast_id`` belongs to."""
    _as_superuser(STORE_DELIVERIES.format(broadcast=broadcast_id, n=n))


def forget_offers() -> None:
    """Give back what earlier measurements took, slots and a business's own turns: each begins with the same people."""
    _as_superuser(
        "DELETE FROM consent_capentry WHERE broadcast_id > 0;\n"
        # What was left paused is over, too: lanes would go on ending it.
        "UPDATE broadcasts_broadcast SET state = 'completed', completed_at = now(), settled_at = now()"
        " WHERE state = 'paused';\n"
        "UPDATE broadcasts_broadcast SET ends_at = ends_at - interval '60 days'"
        " WHERE ends_at > now() - interval '30 days'"
    )


def begin_partition() -> int:
    """Let the next broadcast be the first of a partition of its own; return the last id of that partition."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(id), 0) FROM broadcasts_broadcast")
        first = (int(cursor.fetchone()[0]) // PARTITION + 1) * PARTITION
    _as_superuser(f"ALTER TABLE broadcasts_broadcast ALTER COLUMN id RESTART WITH {first}")
    return first + PARTITION - 1


@contextmanager
def without_autovacuum() -> Iterator[None]:
    """Keep away what would look at pages, too, while pages are counted."""
    _as_superuser("ALTER SYSTEM SET autovacuum = off;\nSELECT pg_reload_conf()")
    try:
        yield
    finally:
        _as_superuser("ALTER SYSTEM RESET autovacuum;\nSELECT pg_reload_conf()")


def tidy_up() -> None:
    """What autovacuum would have done some minutes after such an import."""
    _as_superuser("VACUUM ANALYZE")


def _as_superuser(statements: str) -> None:
    server, name = urlsplit(os.environ["TEST_SERVER_URL"]), urlsplit(os.environ["DATABASE_URL"]).path
    url = urlunsplit((server.scheme, server.netloc, name, server.query, ""))
    with psycopg.connect(url, autocommit=True) as superuser:
        for statement in filter(str.strip, statements.split(";\n")):
            superuser.execute(statement.encode())  # our own text above


def open_business(*, name: str, url: str, now: datetime, rate: int = RATE) -> tuple[Business, Sender]:
    """A verified business with money and a webhook sender, which nothing slows down unless ``rate`` does."""
    business, sender, _secret = open_business_with_secret(name=name, url=url, now=now, rate=rate)
    return business, sender


def open_business_with_secret(*, name: str, url: str, now: datetime, rate: int = RATE) -> tuple[Business, Sender, str]:
    """The same, and the secret that its provider signs with."""
    business = make_business(name=name, money=MONEY, now=now)
    return business, *connect(business=business, url=url, now=now, rate=rate)


def connect(*, business: Business, url: str, now: datetime, rate: int = RATE) -> tuple[Sender, str]:
    """Give ``business`` a webhook sender; return it and its secret."""
    return senders.connect_webhook(business=business, name="Sender", url=url, now=now, messages_per_second=rate)


def point(sender: Sender, url: str) -> None:
    """Let ``sender`` hand over elsewhere."""
    sender.settings = {**sender.settings, "url": url}
    sender.save(update_fields=["settings"])


def know_everybody(*, n: int, now: datetime) -> Business:
    """The one business that all ``n`` people know; made when it is first asked for."""
    if n not in _known_by:
        _known_by[n] = make_business(name="Everybody's", money=MONEY, now=now)
        make_contacts(business=_known_by[n], first=1, last=n)
        tidy_up()
    return _known_by[n]


def compose(*, business: Business, sender: Sender, now: datetime, **fields: int) -> Broadcast:
    """A draft of a broadcast to everybody who knows ``business``, with two variables."""
    version = make_approved_version(business=business, name=f"spring_sale_{sender.pk}_{next(_turn)}")
    return lifecycle.create(
        business=business,
        name="benchmark",
        template=version.template,
        sender=sender,
        audience={},
        variables={"discount": "20"},
        by=None,
        now=now,
        **fields,  # type: ignore[arg-type]
    )


def draft(*, business: Business, sender: Sender, now: datetime) -> tuple[Broadcast, str]:
    """A broadcast as ``compose`` makes it, and the token of its estimate: all that a launch needs."""
    broadcast = compose(business=business, sender=sender, now=now)
    return broadcast, estimate.estimate(broadcast=broadcast, now=now, exact=False).token


def confirm(prepared: tuple[Broadcast, str], *, now: datetime) -> Broadcast:
    """Launch what ``draft`` prepared; it is not frozen yet."""
    broadcast, token = prepared
    return lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)


def launch(*, business: Business, sender: Sender, now: datetime) -> Broadcast:
    """A broadcast as ``compose`` makes it, launched and not frozen yet."""
    return confirm(draft(business=business, sender=sender, now=now), now=now)
