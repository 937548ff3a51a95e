"""Every channel keeps the same bargain: what it declares, and what each answer of a provider makes of a message."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from broadcasts import channels, secrets
from broadcasts.channels import http
from broadcasts.channels.base import Message, Outcome, OutcomeKind, Poison
from broadcasts.channels.whatsapp import account
from broadcasts.models import Delivery, PhoneMessage, Sender
from businesses.models import Business
from tests.conftest import OwnDatabase
from tests.make import make_business

KINDS = list(channels.KINDS)
OVER_HTTP = ["webhook", "whatsapp"]
ACCEPTED, REJECTED, NOT_STARTED, UNKNOWN = (
    OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.NOT_STARTED, OutcomeKind.UNKNOWN,
)  # fmt: skip
CONTENT = {"name": "spring", "language": {"code": "en"}, "components": [], "body": "Hello"}


def make_sender(business: Business, kind: str, url: str = "", **settings: Any) -> Sender:
    keys = account.new_keys(token="EAAG", app_secret="hush")
    sealed = account.sealed(keys) if kind == "whatsapp" else secrets.encrypt(secrets.new_signing_secret())
    told = {"url": url, "account_id": "12345", "phone_number_id": "67890", **settings}
    return Sender.objects.create(
        business=business,
        channel=kind,
        name="Shop",
        settings=told,
        secret_encrypted=sealed,
        created_at=business.created_at,
    )


def message(n: int = 1, *, gated_at: float | None = None) -> Message:
    return Message(
        broadcast_id=1,
        recipient_id=n,
        attempt=1,
        code=f"dlv_{n:026}",
        address=f"+3363998{n:07}",
        language="en",
        content=CONTENT,
        preference_url="http://testserver/p/x/",
        price_micro=1,
        gated_at=time.monotonic() if gated_at is None else gated_at,
    )


def send(sender: Sender, messages: Sequence[Message]) -> list[tuple[Message, Outcome]]:
    reported: list[tuple[Message, Outcome]] = []

    async def once() -> None:
        channel = channels.KINDS[sender.channel]()
        try:
            await channel.send(sender, messages, lambda *outcome: reported.append(outcome))
        finally:
            await channel.close()

    asyncio.run(once())
    return reported


# --- What each declares -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_says_what_it_promises_and_what_it_cannot_see(kind: str) -> None:
    traits = channels.KINDS[kind].traits
    assert traits.kind == kind
    assert traits.idempotency_window is None or traits.idempotency_window > timedelta(minutes=1)
    assert timedelta(minutes=1) <= traits.receipt_horizon <= timedelta(days=7)
    assert traits.address_kinds
    assert 1 <= traits.messages_per_second <= 1_000
    assert traits.cannot_see or kind == "sandbox", "nothing is hidden from the sandbox alone"


def test_whatsapp_knows_no_keys_and_waits_a_day_for_receipts() -> None:
    traits = channels.KINDS["whatsapp"].traits
    assert traits.idempotency_window is None
    assert traits.receipt_horizon == timedelta(days=1)
    assert traits.has_own_review


def test_every_kind_of_sender_has_a_channel() -> None:
    assert set(KINDS) == set(Sender.Channel.values)


# --- What answers prove -------------------------------------------------------------------------


@contextmanager
def answering(raw: bytes, *, hangs_up: bool = True) -> Iterator[str]:
    """A server that reads a request and answers these very bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        while b"\r\n\r\n" not in connection.recv(65536):
                            pass
                        connection.sendall(raw)
                        if not hangs_up:
                            time.sleep(3)
                    except OSError:
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def raw(status: int, body: bytes = b"{}", *headers: bytes, length: int | None = None) -> bytes:
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % (len(body) if length is None else length), *headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def fault(code: int) -> bytes:
    return b'{"error": {"message": "no", "code": %d}}' % code


TAKEN = {"webhook": b'{"id": "x1"}', "whatsapp": b'{"messages": [{"id": "x1", "message_status": "accepted"}]}'}
# What comes over the wire → what it proves, for every channel.
TABLE: dict[str, tuple[Callable[[str], bytes], OutcomeKind]] = {
    "taken": (lambda kind: raw(200, TAKEN[kind]), ACCEPTED),
    "an id with a NUL": (lambda kind: raw(200, TAKEN[kind].replace(b"x1", b"x\\u00001")), ACCEPTED),
    "a documented refusal": (lambda kind: raw(400, fault(131026)), REJECTED),
    "later": (lambda kind: raw(429, fault(130429), b"Retry-After: 3"), NOT_STARTED),
    "HTML with 200": (lambda kind: raw(200, b"<html>Hello</html>"), UNKNOWN),
    "an empty object": (lambda kind: raw(200, b"{}"), UNKNOWN),
    "a list": (lambda kind: raw(200, b"[1]"), UNKNOWN),
    "nothing at all": (lambda kind: raw(200, b""), UNKNOWN),
    "bytes": (lambda kind: raw(200, b"\x00\xff\xfe"), UNKNOWN),
    "half a body": (lambda kind: raw(200, TAKEN[kind][:9], length=500), UNKNOWN),
    "a fault of theirs": (lambda kind: raw(500, fault(131000)), UNKNOWN),
    "a bad gateway": (lambda kind: raw(502, b"<html>502</html>"), UNKNOWN),
    "another way": (lambda kind: raw(302, b"", b"Location: http://127.0.0.1:1/"), UNKNOWN),
    "no HTTP": (lambda kind: b"\x16\x03\x01 hello", UNKNOWN),
    "a closed line": (lambda kind: b"", UNKNOWN),
}


@pytest.mark.parametrize("answer", TABLE)
@pytest.mark.parametrize("kind", OVER_HTTP)
@pytest.mark.django_db
def test_each_answer_is_what_it_proves(kind: str, answer: str, settings: Any) -> None:
    make, expected = TABLE[answer]
    with answering(make(kind)) as url:
        settings.TRUSTED_HOSTS, settings.WHATSAPP_API_URL = [url.removeprefix("http://")], url
        [(_, outcome)] = send(make_sender(make_business(), kind, url), [message()])
    assert outcome.kind == expected, outcome
    assert bool(outcome.error_code) == (expected != ACCEPTED)
    assert outcome.provider_id == ("x1" if expected == ACCEPTED else "")
    assert outcome.wait_seconds == (3.0 if answer == "later" else 0.0)


@pytest.mark.parametrize("kind", OVER_HTTP)
@pytest.mark.django_db
def test_who_does_not_answer_is_unknown_and_who_is_not_there_was_never_asked(
    kind: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", timedelta(seconds=1))
    with answering(b"", hangs_up=False) as url:
        settings.TRUSTED_HOSTS, settings.WHATSAPP_API_URL = [url.removeprefix("http://")], url
        sender = make_sender(make_business(), kind, url)
        [(_, outcome)] = send(sender, [message()])
        assert outcome.kind == UNKNOWN
    [(_, outcome)] = send(sender, [message()])
    assert outcome.kind == NOT_STARTED
    assert outcome.wait_seconds > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_too_late_is_not_begun(kind: str, own_database: OwnDatabase, settings: Any) -> None:
    settings.WHATSAPP_API_URL = "http://127.0.0.1:9"
    sender = make_sender(make_business(), kind, "http://127.0.0.1:9/x")
    late = [message(n, gated_at=time.monotonic() - 1.1) for n in range(3)]
    reported = send(sender, late)
    assert sorted(m.recipient_id for m, _ in reported) == [0, 1, 2], "each exactly once"
    assert {outcome.kind for _, outcome in reported} == {NOT_STARTED}
    assert not PhoneMessage.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.django_db
def test_reading_nonsense_never_fails(kind: str) -> None:
    sender = make_sender(make_business(), kind)
    channel = channels.KINDS[kind]()
    for body in (b"", b"{}", b"[]", b"null", b"\xff", b'{"updates": 7, "entry": 7}', b'{"updates": [7], "entry": [7]}'):
        updates = channel.parse(sender, body)
        assert updates
        assert all(isinstance(update, Poison) for update in updates)
        assert not channel.verify(sender, {}, body)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.django_db
def test_a_sender_without_a_secret_believes_nobody(kind: str, settings: Any) -> None:
    settings.WHATSAPP_APP_SECRET = ""
    sender = make_sender(make_business(), kind)
    Sender.objects.filter(pk=sender.pk).update(secret_encrypted=secrets.encrypt("whsec_"))
    sender.refresh_from_db()
    channel = channels.KINDS[kind]()
    assert not channel.verify(sender, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, b"{}")
    assert Delivery.State.HELD == 40
