"""Makes what tests need through the product's own functions. Typed, keyword-only, one thing each."""

from datetime import UTC, datetime, time
from functools import cache
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.client import ClientHandler

from broadcasts import chunks, estimate, freeze, gate, lifecycle, plan, senders, settle
from broadcasts.channels import sandbox
from broadcasts.channels.base import Message, Outcome, OutcomeKind
from broadcasts.channels.whatsapp import account
from broadcasts.models import Broadcast, Sender
from businesses import keys, onboarding, wallet
from businesses.models import ApiKey, Business, Member, User
from consent import quiet_hours, staging, trust
from consent.models import ImportBatch, Interaction, QuietHours
from templates_approval import review, reviewers
from templates_approval.models import Template, Version

NOW = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
EURO = 1_000_000

_numbers = iter(range(1, 1_000_000))


def make_user(*, email: str = "", password: str | None = None, is_staff: bool = False) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", password, is_staff=is_staff)


def make_business(
    *,
    owner: User | None = None,
    name: str = "Boulangerie Martin",
    country: str = "FR",
    currency: str = "EUR",
    registration_number: str = "",
    is_verified: bool = True,
    money: int = 0,
    now: datetime = NOW,
) -> Business:
    """A live business (its test twin is ``.twin``), verified, with ``money`` micro-units in its wallet."""
    owner = owner or make_user()
    business = onboarding.open_business(
        name=name,
        country=country,
        registration_number=registration_number or f"RCS {next(_numbers)}",
        legal_name=f"{name} SARL",
        owner=owner,
        currency=currency,
        now=now,
    )
    if is_verified:
        onboarding.verify(business=business, by=make_user(is_staff=True), now=now)
    if money:
        wallet.top_up(business=business, amount_micro=money, key=f"first money:{business.code}", now=now)
    return business


def make_member(*, business: Business, role: Member.Role, user: User | None = None) -> User:
    user = user or make_user()
    Member.objects.create(business=business, user=user, role=role)
    return user


@cache
def _one_handler() -> ClientHandler:
    """The middleware, assembled once: it costs more than most requests."""
    return ClientHandler(enforce_csrf_checks=False)


def make_client(user: User | None = None) -> Client:
    """A browser (or program), logged in as ``user``; our own faults come back as answers with status 500."""
    client = Client(raise_request_exception=False)
    client.handler = _one_handler()
    if user is not None:
        client.force_login(user)
    return client


def make_key(
    *, business: Business, scopes: tuple[str, ...] = tuple(keys.SCOPES), by: User | None = None, now: datetime = NOW
) -> tuple[ApiKey, str]:
    return keys.issue(business=business, name="shop", scopes=scopes, by=by or _an_owner(business), now=now)


def _an_owner(business: Business) -> User:
    return Member.objects.of(business).filter(role=Member.Role.OWNER).select_related("user")[0].user


# --- The hot path: many people at once, made where they live ---------------------------------------

TEMPLATE_COMPONENTS = [
    {
        "type": "BODY",
        "text": "Hello {{first_name}}, this week {{discount}} percent off in our shop. Reply STOP to stop.",
        "example": {
            "body_text_named_params": [
                {"param_name": "first_name", "example": "Ana"},
                {"param_name": "discount", "example": "20"},
            ]
        },
    },
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Interested"},
            {"type": "QUICK_REPLY", "text": "Not interested"},
        ],
    },
]


def make_approved_version(
    *,
    business: Business,
    language: str = "en",
    name: str = "spring_sale",
    components: list[dict[str, Any]] | None = None,
) -> Version:
    """A version that went the whole way: drafted, submitted by its owner, approved by a reviewer."""
    owner = _an_owner(business)
    version = review.draft(
        business=business,
        name=name,
        language=language,
        components=components or TEMPLATE_COMPONENTS,
        fallbacks={"first_name": "there"},
        category=Template.Category.MARKETING,
        by=owner,
        now=NOW,
    )
    version = review.submit(version=version, by=owner, now=NOW)
    return review.approve(version=version, reviewer=reviewers.appoint(user=make_user(), now=NOW), now=NOW)


def make_people(
    *,
    business: Business,
    n: int,
    first: int = 1,
    country: str = "FR",
    timezone: str = "Europe/Paris",
    language: str = "en",
    interaction: int = Interaction.Kind.OPT_IN,
    days_ago: int = 1,
    batch: ImportBatch | None = None,
    now: datetime | None = None,
) -> list[int]:
    """Make ``n`` people who can be told: address, contact and evidence, set-based. Return their recipient ids.

    The evidence is observed, or attested by ``batch``; then only its probe can be told.

    Number ``first`` … ``first + n - 1``: the same numbers for two businesses are the same people.
    """
    parameters = {
        "n": n, "first": first, "country": country, "timezone": timezone, "language": language,
        "business_id": business.pk, "kind": int(interaction), "days_ago": days_ago, "now": now or NOW,
        "provenance": 2 if batch else 1, "batch_id": batch.pk if batch else None,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO consent_recipient (code, country, timezone, locale, created_at)
            SELECT 'rcp_' || i, %(country)s, %(timezone)s, '', %(now)s
            FROM generate_series(%(first)s, %(first)s + %(n)s - 1) i
            ON CONFLICT (code) DO NOTHING
            """,
            parameters,
        )
        cursor.execute(
            """
            INSERT INTO consent_address (recipient_id, kind, value, scope)
            SELECT r.id, 'e164', '+3363998' || lpad(i::text, 7, '0'), ''
            FROM generate_series(%(first)s, %(first)s + %(n)s - 1) i JOIN consent_recipient r ON r.code = 'rcp_' || i
            ON CONFLICT DO NOTHING
            """,
            parameters,
        )
        cursor.execute(
            """
            INSERT INTO consent_contact (code, business_id, recipient_id, name, language, attributes, last_reaction,
                                         created_at, updated_at)
            SELECT 'ctc_' || %(business_id)s || '_' || i, %(business_id)s, r.id, 'Ana ' || i, %(language)s, '{}', 0,
                   %(now)s, %(now)s
            FROM generate_series(%(first)s, %(first)s + %(n)s - 1) i JOIN consent_recipient r ON r.code = 'rcp_' || i
            ON CONFLICT DO NOTHING
            """,
            parameters,
        )
        cursor.execute(
            """
            INSERT INTO consent_interaction (business_id, recipient_id, kind, provenance, occurred_at, opt_out_offered,
                                             evidence, batch_id, created_at)
            SELECT %(business_id)s, r.id, %(kind)s, %(provenance)s,
                   %(now)s::timestamptz - %(days_ago)s * interval '1 day', TRUE, 'form ' || i, %(batch_id)s, %(now)s
            FROM generate_series(%(first)s, %(first)s + %(n)s - 1) i JOIN consent_recipient r ON r.code = 'rcp_' || i
            """,
            parameters,
        )
        if batch:
            trust.put_on_probation(batch=batch, now=now or NOW)
        if n >= staging.MANY_CONTACTS:
            cursor.execute("SELECT analyze_contacts()")
        cursor.execute(
            "SELECT id FROM consent_recipient r JOIN generate_series(%(first)s, %(first)s + %(n)s - 1) i"
            " ON r.code = 'rcp_' || i ORDER BY id",
            parameters,
        )
        return [row[0] for row in cursor.fetchall()]


def make_batch(*, business: Business, now: datetime = NOW, **fields: Any) -> ImportBatch:
    """A contact file that was read, on probation; `make_people(batch=…)` puts people into it."""
    told = {"filename": "clients.csv", "state": ImportBatch.State.DONE, "created_at": now, "finished_at": now, **fields}
    return ImportBatch.objects.create(business=business, **told)


def make_broadcast(
    *,
    business: Business,
    version: Version | None = None,
    sender: Sender | None = None,
    now: datetime = NOW,
    **fields: Any,
) -> Broadcast:
    """A draft to everybody, over the sandbox unless ``sender`` says otherwise."""
    version = version or make_approved_version(business=business)
    sender = sender or make_sandbox_sender(business=business)
    return lifecycle.create(
        business=business,
        name="Spring",
        template=version.template,
        sender=sender,
        audience=fields.pop("audience", {}),
        variables=fields.pop("variables", {"discount": "20"}),
        by=None,
        now=now,
        **fields,
    )


def make_sandbox_sender(*, business: Business, messages_per_second: int = 100_000) -> Sender:
    return senders.connect_sandbox(business=business, name="Shop", now=NOW, messages_per_second=messages_per_second)


def make_whatsapp_sender(*, business: Business, number: str = "", account_id: str = "102290129340398") -> Sender:
    """A sender as if it had been connected, without a provider that was asked. Its app's secret is ``hush``."""
    return Sender.objects.create(
        business=business,
        channel=Sender.Channel.WHATSAPP,
        name="Shop",
        settings={"account_id": account_id, "phone_number_id": number or f"{10_000 + business.pk}"},
        secret_encrypted=account.sealed(account.new_keys(token="EAAG", app_secret="hush")),
        created_at=NOW,
    )


def make_launched(*, business: Business, now: datetime = NOW, **fields: Any) -> Broadcast:
    """A broadcast whose audience is frozen: lanes may take its chunks."""
    broadcast = make_broadcast(business=business, now=now, **fields)
    token = estimate.estimate(broadcast=broadcast, now=now).token
    broadcast = lifecycle.launch(broadcast=broadcast, token=token, by=None, now=now)
    while freeze.next_slice(broadcast_id=broadcast.pk, now=now):
        pass
    broadcast.refresh_from_db()
    return broadcast


def open_policy() -> None:
    """Let offers leave at any hour: tests run at night, too."""
    QuietHours.objects.all().delete()
    QuietHours.objects.bulk_create(
        QuietHours(country="", weekday=day, opens_at=time(0), closes_at=time(23, 59, 59, 999999), source="test")
        for day in range(7)
    )
    quiet_hours.forget()


def make_sent(*, business: Business, now: datetime, **fields: Any) -> tuple[Broadcast, list[Message]]:
    """A broadcast that passed the gate and lies on its people's phones; no receipt has come yet."""
    broadcast = make_launched(business=business, now=now, **fields)
    owner, sent = uuid4(), []
    while claim := chunks.claim(owner=owner, busy=[], now=now):
        passed = gate.pass_batch(
            chunk_id=claim.chunk_id,
            owner=owner,
            plan=plan.read(broadcast.pk),
            recipient_ids=claim.recipient_ids,
            now=now,
        )
        sandbox._write(broadcast.sender, passed.messages, now)
        results = [(m, Outcome(OutcomeKind.ACCEPTED, provider_id=sandbox.provider_id(m.code))) for m in passed.messages]
        settle.outcomes(broadcast_id=broadcast.pk, sender_id=broadcast.sender_id, results=results, now=now)
        sent += passed.messages
    return broadcast, sent


def make_reviewer(*, now: datetime = NOW) -> User:
    return reviewers.appoint(user=make_user(), now=now)


def make_draft(
    *, business: Business, body: str = "", name: str = "spring_sale", language: str = "en", now: datetime = NOW
) -> Version:
    """A draft that the rules have nothing against; ``body`` replaces its message."""
    message = {"type": "BODY", "text": body} if body else TEMPLATE_COMPONENTS[0]
    return review.draft(
        business=business,
        name=name,
        language=language,
        components=[message, {"type": "FOOTER", "text": "Reply STOP to end these offers"}, TEMPLATE_COMPONENTS[1]],
        fallbacks={} if body else {"first_name": "there"},
        category=Template.Category.MARKETING,
        by=_an_owner(business),
        now=now,
    )


def make_submitted(*, business: Business, now: datetime = NOW, **fields: Any) -> Version:
    """A draft of the business's owner that waits for a reviewer."""
    version = make_draft(business=business, now=now, **fields)
    return review.submit(version=version, by=_an_owner(business), now=now)
