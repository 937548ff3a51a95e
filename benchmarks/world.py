"""The world a benchmark needs: verified businesses with approved words and money, and very many people who know them.

Businesses, words and money come about through the product's own functions. People are made where they live, as a
superuser with foreign keys asleep: what is measured is never this.
"""

from __future__ import annotations

import os
from datetime import datetime
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

MAKE_PEOPLE = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO consent_recipient (id, code, country, timezone, locale, created_at)
SELECT i, 'rcp_bench' || i, 'FR', 'Europe/Paris', '', now() FROM generate_series({first}, {last}) i;
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
    _as_superuser(MAKE_PEOPLE.format(first=first, last=last, earlier=EARLIER_OFFERS))


def make_contacts(*, business: Business, first: int, last: int) -> None:
    """Let the people ``first`` … ``last`` have dealt with ``business``."""
    _as_superuser(MAKE_CONTACTS.format(business=business.pk, first=first, last=last))


def make_told(*, broadcast: Broadcast, first: int, last: int) -> None:
    """Write down what became of the people ``first`` … ``last`` in ``broadcast``, as if it had been sent."""
    _as_superuser(MAKE_TOLD.format(broadcast=broadcast.pk, first=first, last=last))


def tidy_up() -> None:
    """What autovacuum would have done some minutes after such an import."""
    _as_superuser("VACUUM ANALYZE")


def _as_superuser(statements: str) -> None:
    server, name = urlsplit(os.environ["TEST_SERVER_URL"]), urlsplit(os.environ["DATABASE_URL"]).path
    url = urlunsplit((server.scheme, server.netloc, name, server.query, ""))
    with psycopg.connect(url, autocommit=True) as superuser:
        for statement in filter(str.strip, statements.split(";\n")):
            superuser.execute(statement.encode())  # our own text above


def open_business(*, name: str, url: str, now: datetime) -> tuple[Business, Sender]:
    """A verified business with money and a webhook sender that nothing slows down."""
    business = make_business(name=name, money=MONEY, now=now)
    sender, _secret = senders.connect_webhook(business=business, name=name, url=url, now=now, messages_per_second=RATE)
    return business, sender


def launch(*, business: Business, sender: Sender, now: datetime) -> Broadcast:
    """A broadcast to everybody who knows ``business``, with two variables, launched and not frozen yet."""
    version = make_approved_version(business=business)
    broadcast = lifecycle.create(
        business=business,
        name="benchmark",
        template=version.template,
        sender=sender,
        audience={},
        variables={"discount": "20"},
        by=None,
        now=now,
    )
    token = estimate.estimate(broadcast=broadcast, now=now, exact=False).token
    return lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)
