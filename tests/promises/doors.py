"""Every door through which a person may stop, over real HTTP: what somebody sees who presses, writes or calls."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from broadcasts import secrets
from broadcasts.channels import wire
from broadcasts.channels.base import Message
from broadcasts.models import Sender
from businesses.models import Business
from consent.models import Contact
from tests.feedback.visitor import FORM
from tests.make import make_client, make_key

Stop = Callable[["Visitor", Message], None]


@dataclass(frozen=True)
class Visitor:
    """Speaks HTTP with the web server, one connection after the other."""

    host: str
    cookies: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        told = {name.replace("_", "-"): value for name, value in headers.items()} | {"Cookie": self.cookies}
        connection.request(method, path, body or None, told)
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        connection.close()
        return answer

    def send(self, path: str, form: dict[str, str]) -> http.client.HTTPResponse:
        return self.ask("POST", path, urlencode(form).encode(), Content_Type="application/x-www-form-urlencoded")


def by_page(visitor: Visitor, message: Message) -> None:
    """Opens the link that came with an earlier message, and presses stop."""
    path = urlsplit(message.preference_url).path
    page: Any = visitor.ask("GET", path)
    seal = next(seal for action, seal, _ in FORM.findall(page.text) if action == "stop")
    _must(visitor.send(path, {"action": "stop", "seal": seal}), 303)


def by_provider(sender: Sender) -> Stop:
    """Writes STOP, which the messaging service passes on, signed."""
    secret = secrets.of_sender(sender)

    def stop(visitor: Visitor, message: Message) -> None:
        now = datetime.now(UTC)
        said = {"type": "text", "from": message.address, "text": "Stop!", "id": message.code, "at": now.isoformat()}
        body = json.dumps({"updates": [said]}).encode()
        signed = wire.sign(secret, message_id=message.code, body=body, now=now)
        _must(visitor.ask("POST", f"/callbacks/{sender.code}/", body, Content_Type="application/json", **signed), 200)

    return stop


def by_phone(sender: Sender, business: Business) -> Stop:
    """Writes STOP on a sandbox phone, as a member does who tries it out."""
    client = make_client(business.members.get().user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value

    def stop(visitor: Visitor, message: Message) -> None:
        token = "a" * 32
        member = Visitor(visitor.host, f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={token}")
        path = f"/phone/{sender.code}/{message.address}/"
        _must(member.send(path, {"text": "STOP", "csrfmiddlewaretoken": token}), 302)

    return stop


def by_program(business: Business) -> Stop:
    """Was told on the telephone; the business's program passes it on."""
    _, secret = make_key(business=business)
    code_of = dict(Contact.objects.of(business).values_list("recipient_id", "code"))

    def stop(visitor: Visitor, message: Message) -> None:
        path = f"/api/v1/contacts/{code_of[message.recipient_id]}/stop"
        said = {"Content_Type": "application/json", "Authorization": f"Bearer {secret}"}
        _must(visitor.ask("POST", path, b"{}", **said), 200)

    return stop


def _must(answer: Any, status: int) -> None:
    assert answer.status == status, f"{answer.status}: {answer.text[:300]}"


def stop_through(
    doors: dict[str, Stop], *, host: str, people: Sequence[Message], per_second: float, until: Callable[[], bool]
) -> dict[str, dict[int, float]]:
    """Let people stop through all doors at once until ``until``; return for each door who was answered when.

    ``people`` are their earlier messages. Each is answered once; ``per_second`` is the rate of all doors together.
    """

    def through(place: int, stop: Stop) -> dict[int, float]:
        answered_at: dict[int, float] = {}
        for message in people[place :: len(doors)]:
            if until():
                break
            stop(Visitor(host), message)
            answered_at[message.recipient_id] = time.time()
            time.sleep(len(doors) / per_second)
        return answered_at

    with ThreadPoolExecutor(len(doors)) as threads:
        runs = {name: threads.submit(through, place, stop) for place, (name, stop) in enumerate(doors.items())}
        return {name: run.result() for name, run in runs.items()}
