"""A business passes on a stop that it received elsewhere. It may stop for a person, and never resume."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from businesses.models import Business, Event
from consent import dossier
from consent.models import Contact, Refusal
from tests.make import make_business, make_key, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def contact(business: Business) -> Contact:
    make_people(business=business, n=1)
    return Contact.objects.get()


def post(client: Client, contact: Contact, secret: str, body: Any = None, **headers: str) -> Any:
    return client.post(
        f"/api/v1/contacts/{contact.code}/stop",
        data=json.dumps(body if body is not None else {}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}", **headers},
    )


@pytest.mark.promise("P3")
def test_it_holds_when_it_is_answered_and_twice_is_once(client: Client, business: Business, contact: Contact) -> None:
    secret = make_key(business=business)[1]
    first = post(client, contact, secret, {"evidence": "call 5521"})
    assert (first.status_code, first.json()) == (200, {"contact": contact.code, "is_new": True})
    assert Refusal.objects.get().via == "api"
    assert post(client, contact, secret).json()["is_new"] is False
    assert Refusal.objects.count() == 1
    told = dossier.history(recipient_id=contact.recipient_id)[-1]
    assert told.kind == "stopped"
    assert told.payload is not None
    assert (told.payload["via"], told.payload["evidence"], told.payload["actor"]) == ("api", "call 5521", "business")
    assert Event.objects.filter(business=business, kind="contact.stopped").count() == 1


def test_the_same_request_again_is_the_same_answer(client: Client, business: Business, contact: Contact) -> None:
    secret = make_key(business=business)[1]
    answers = [post(client, contact, secret, **{"Idempotency-Key": "stop-1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replayed"] == "true"


def test_it_needs_the_scope_and_a_contact_of_ones_own(client: Client, business: Business, contact: Contact) -> None:
    reader, stranger = (
        make_key(business=business, scopes=("broadcasts:read",))[1],
        make_key(business=make_business())[1],
    )
    assert post(client, contact, reader).status_code == 403
    assert post(client, contact, stranger).status_code == 404
    assert not Refusal.objects.exists()


def test_an_unknown_field_is_an_error(client: Client, business: Business, contact: Contact) -> None:
    answer = post(client, contact, make_key(business=business)[1], {"until": "tomorrow"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/until"
    assert not Refusal.objects.exists()


def test_no_program_can_resume() -> None:
    routes = [str(route) for route in _routes()]
    assert any(route.endswith("contacts/<slug:code>/stop") for route in routes)
    assert not [route for route in routes if "contacts" in route and ("resume" in route or "unblock" in route)]


def _routes(resolver: Any = None, above: str = "") -> Any:
    for pattern in (resolver or get_resolver()).url_patterns:
        here = above + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _routes(pattern, here)
        else:
            yield here
