"""Notices: durable with what they answer, carried after the commit, once for each cause, and never too many."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection

from broadcasts import courier, notices, senders
from broadcasts.channels import wire
from broadcasts.channels.base import NoticeMessage, Outcome, OutcomeKind
from broadcasts.channels.sandbox import Sandbox
from broadcasts.channels.webhook import Webhook
from broadcasts.models import Notice, PhoneMessage, Sender
from businesses.models import Business
from consent import refusals
from consent.lines import LineType
from consent.models import Address, Recipient
from templates_approval.models import Version
from tests.make import NOW, make_approved_version, make_business, make_people, make_sandbox_sender

pytestmark = pytest.mark.django_db
Kind, State = Notice.Kind, Notice.State


@pytest.fixture
def business() -> Business:
    return make_business(name="Maison Tournesol")


@pytest.fixture
def sender(business: Business) -> Sender:
    return make_sandbox_sender(business=business)


@pytest.fixture
def person(business: Business) -> int:
    return make_people(business=business, n=1)[0]


def tell(sender: Sender, person: int, kind: Kind = Kind.STOP, **more: Any) -> Notice | None:
    told = {"cause": "in_1", "language": "en", "now": NOW, **more}
    if kind == Kind.TEST:
        version = Version.objects.of(sender.business).first() or make_approved_version(business=sender.business)
        told |= {"version": version, "content": {"body": "Hello", "buttons": []}}
    return notices.tell(sender=sender, recipient_id=person, kind=kind, **told)


def said() -> list[str]:
    return [message.content["text"] for message in PhoneMessage.objects.order_by("id")]


def test_a_notice_waits_for_the_courier_and_is_said_once(sender: Sender, person: int) -> None:
    tell(sender, person, language="fr")
    assert said() == []
    assert courier.carry(now=NOW) == 1
    assert courier.carry(now=NOW + timedelta(minutes=1)) == 0
    assert len(said()) == 1
    assert "Maison Tournesol" in said()[0]
    assert "START" in said()[0]
    assert Notice.objects.get().state == State.SENT


def test_nothing_that_is_said_stays_behind(sender: Sender, person: int) -> None:
    notice = tell(sender, person, Kind.CODE, code="483920")
    assert notice is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT n::text FROM broadcasts_notice n")
        assert "483920" not in cursor.fetchone()[0]
    courier.carry(now=NOW)
    assert "483920" in said()[0]
    assert Notice.objects.get().text_encrypted is None


def test_one_cause_is_answered_once(sender: Sender, person: int) -> None:
    assert tell(sender, person, Kind.JOIN, cause="form 1") is not None
    assert tell(sender, person, Kind.JOIN, cause="form 1", now=NOW + timedelta(hours=30)) is None
    assert tell(sender, person, Kind.JOIN, cause="form 2") is not None


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.RESUME, Kind.HELP])
def test_whoever_changes_their_mind_reads_one_confirmation(sender: Sender, person: int, kind: Kind) -> None:
    apart = notices.APART[kind]
    for i in range(4):
        tell(sender, person, kind, cause=f"in_{i}", now=NOW + apart / 5 * i)
    assert Notice.objects.count() == 1
    assert tell(sender, person, kind, cause="in_later", now=NOW + apart) is not None


@pytest.mark.parametrize("kind", list(Kind))
def test_there_are_never_too_many(business: Business, person: int, kind: Kind) -> None:
    most, window = notices.LIMITS[kind]
    for i in range(most + 3):
        tell(make_sandbox_sender(business=business), person, kind, cause=f"in_{i}")
    assert Notice.objects.count() == most
    assert tell(make_sandbox_sender(business=business), person, kind, cause="later", now=NOW + window) is not None


@pytest.mark.parametrize("kind", list(Kind))
def test_what_comes_too_late_is_not_said(sender: Sender, person: int, kind: Kind) -> None:
    tell(sender, person, kind)
    assert courier.carry(now=NOW + notices.LIFE[kind]) == 0
    assert said() == []
    notice = Notice.objects.get()
    assert (notice.state, notice.text_encrypted) == (State.EXPIRED, None)
    assert notices.LIFE[Kind.STOP] <= timedelta(minutes=5)


def test_it_goes_where_they_wrote_from(sender: Sender, person: int) -> None:
    other = Address.objects.create(recipient_id=person, kind="e164", value="+33639989999")
    tell(sender, person, address="+33639989999")
    tell(sender, person, Kind.HELP, address="+33639980000")
    assert [n.address_id == other.pk for n in Notice.objects.order_by("pk")] == [True, False]


def test_of_several_numbers_it_goes_to_one_that_the_sender_reaches(business: Business, person: int) -> None:
    hook, _ = senders.connect_webhook(
        business=business, name="SMS", url="http://127.0.0.1:9/", mobiles_only=True, now=NOW
    )
    Address.objects.update(line_type=LineType.LANDLINE)
    mobile = Address.objects.create(recipient_id=person, kind="e164", value="+33612345678", line_type=LineType.MOBILE)
    assert tell(hook, person) is not None
    assert Notice.objects.get().address_id == mobile.pk


def test_whoever_cannot_be_reached_is_told_nothing(business: Business, person: int) -> None:
    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=NOW)
    Address.objects.update(kind="sandbox")
    assert tell(hook, person) is None
    Address.objects.all().delete()
    assert tell(make_sandbox_sender(business=business), person) is None


def changed(what: str, sender: Sender, person: int) -> None:
    match what:
        case "the number is somebody else's":
            Address.objects.update(recipient=Recipient.objects.create(country="FR", timezone="UTC", created_at=NOW))
        case "the number is gone":
            Address.objects.all().delete()
        case "the person was erased":
            Recipient.objects.update(erased_at=NOW)
        case "the sender is closed":
            Sender.objects.update(is_active=False)
        case "they have stopped since":
            refusals.stop(recipient_id=person, business=sender.business, via="page", now=NOW)
        case "it was forgotten":
            assert notices.forget(recipient_id=person) == 1


@pytest.mark.parametrize(
    "what",
    [
        "the number is somebody else's",
        "the number is gone",
        "the person was erased",
        "the sender is closed",
        "they have stopped since",
        "it was forgotten",
    ],
)
def test_it_is_looked_at_once_more_before_it_leaves(sender: Sender, person: int, what: str) -> None:
    tell(sender, person, Kind.RESUME)
    changed(what, sender, person)
    assert courier.carry(now=NOW) == 0
    assert said() == []
    assert Notice.objects.get().state == State.EXPIRED


def test_somebody_erased_is_told_nothing(sender: Sender, person: int) -> None:
    Recipient.objects.update(erased_at=NOW)
    assert tell(sender, person) is None


def test_a_crowd_of_one_sender_does_not_keep_others_waiting(business: Business) -> None:
    loud, quiet = make_sandbox_sender(business=business), make_sandbox_sender(business=business)
    people = make_people(business=business, n=courier.OF_ONE_SENDER + 5)
    for person in people:
        tell(loud, person)
    tell(quiet, people[0])
    assert courier.carry(now=NOW) == courier.OF_ONE_SENDER + 1
    assert courier.carry(now=NOW) == 5


def test_a_courier_that_dies_leaves_its_notices_to_the_next(sender: Sender, person: int) -> None:
    tell(sender, person)
    assert len(courier._claim(NOW)) == 1
    assert courier.carry(now=NOW + courier.CLAIM - timedelta(seconds=1)) == 0
    assert courier.carry(now=NOW + courier.CLAIM) == 1
    assert len(said()) == 1


def test_without_keys_what_is_unclear_is_not_repeated(
    sender: Sender, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = type("Traits", (), {**vars(Sandbox.traits), "idempotency_window": None})
    monkeypatch.setattr(Sandbox, "traits", forgetful)
    tell(sender, person)
    courier._claim(NOW)
    assert courier.carry(now=NOW + courier.CLAIM) == 0
    assert said() == []


def test_old_notices_are_forgotten(sender: Sender, person: int) -> None:
    tell(sender, person)
    tell(sender, person, Kind.HELP, now=NOW + timedelta(days=20))
    courier.carry(now=NOW + timedelta(days=20))
    assert notices.forget_old(now=NOW + timedelta(days=31)) == 1
    assert Notice.objects.get().kind == Kind.HELP


# --- Over HTTP ----------------------------------------------------------------------------------


@pytest.fixture
def service(settings: Any) -> Iterator[Any]:
    """Somebody's messaging service: keeps what it gets, and answers what the test wants."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(
                ({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(server.status)  # type: ignore[attr-defined]
            body = b'{"id": "m1"}'
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.status, server.got = 200, got  # type: ignore[attr-defined]
    settings.TRUSTED_HOSTS = [f"127.0.0.1:{server.server_port}"]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hook(business: Business, service: Any) -> Sender:
    url = f"http://127.0.0.1:{service.server_port}/"
    return senders.connect_webhook(business=business, name="S", url=url, now=NOW)[0]


def test_the_webhook_is_told_signed_with_a_key(hook: Sender, person: int, service: Any) -> None:
    notice = tell(hook, person, Kind.HELP)
    assert notice is not None
    assert courier.carry(now=NOW) == 1
    headers, body = service.got[0]
    assert headers["idempotency-key"] == headers["webhook-id"] == notice.code
    told = json.loads(body)
    assert told["type"] == "notice.send"
    assert told["data"]["notice_code"] == notice.code
    assert (told["data"]["kind"], told["data"]["to"], told["data"]["language"]) == ("help", "+33639980000001", "en")
    assert "STOP" in told["data"]["text"]
    assert wire.verify(hook, headers, body)


@pytest.mark.parametrize(
    ("status", "ends"), [(500, State.WAITING), (429, State.WAITING), (400, State.FAILED), (200, State.SENT)]
)
def test_what_is_unclear_is_repeated_under_the_same_key(
    hook: Sender, person: int, service: Any, status: int, ends: State
) -> None:
    tell(hook, person)
    service.status = status
    courier.carry(now=NOW)
    assert Notice.objects.get().state == ends
    service.status = 200
    courier.carry(now=NOW + timedelta(seconds=30))
    keys = [headers["idempotency-key"] for headers, _ in service.got]
    assert len(set(keys)) == 1
    assert len(keys) == (2 if ends == State.WAITING else 1)


def test_a_service_that_is_down_is_tried_later_and_later(business: Business, person: int, settings: Any) -> None:
    settings.TRUSTED_HOSTS = ["127.0.0.1:9"]
    hook, _ = senders.connect_webhook(business=business, name="S", url="http://127.0.0.1:9/", now=NOW)
    tell(hook, person)
    waits: list[datetime] = []
    for _ in range(3):
        courier.carry(now=waits[-1] if waits else NOW)
        waits.append(Notice.objects.get().due_at)
    assert NOW < waits[0] < waits[1] < waits[2] < NOW + timedelta(minutes=1)
    assert Notice.objects.get().state == State.WAITING


def test_the_guard_stands_before_notices_too(hook: Sender, person: int, settings: Any) -> None:
    settings.TRUSTED_HOSTS = []
    outcomes: list[Outcome] = []

    async def go() -> None:
        channel = Webhook()
        await channel.tell(hook, [NoticeMessage("ntc_1", "help", "+1", "en", "x")], lambda _, o: outcomes.append(o))
        await channel.close()

    asyncio.run(go())
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.REJECTED]
