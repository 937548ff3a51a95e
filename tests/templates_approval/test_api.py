"""Templates by machine: check only, keep, submit, and find the versions again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from businesses.models import Business
from templates_approval import offer
from templates_approval.models import Template, Version
from tests.make import make_approved_version, make_business, make_client, make_key

LINT = "template-versions/lint"
GOOD = {
    "name": "spring_sale",
    "language": "en",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "Hello {{1}}, come in.", "example": {"body_text": [["Ada"]]}}],
}


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


def ask(business: Business, method: str, path: str, body: Any = None) -> Any:
    secret = make_key(business=business)[1]
    sent = body if isinstance(body, bytes) else json.dumps(body) if body is not None else ""
    headers = {"Authorization": f"Bearer {secret}"}
    return make_client().generic(method, f"/api/v1/{path}", sent, content_type="application/json", headers=headers)


def found(answer: Any) -> list[tuple[str, str]]:
    return [(finding["code"], finding["path"]) for finding in answer.json()["findings"]]


def test_checks_only_and_keeps_nothing(business: Business) -> None:
    answer = ask(business, "POST", LINT, {**GOOD, "language": "fr_FR"})

    assert answer.status_code == 200
    assert ("language_unknown", "language") in found(answer)
    assert answer.json()["n_errors"] == 4
    assert {"code", "rule", "severity", "path", "message", "fix"} == set(answer.json()["findings"][0])
    assert not Template.objects.exists()


def test_either_profile_can_be_asked(business: Business) -> None:
    assert ask(business, "POST", f"{LINT}?profile=whatsapp", GOOD).json() == {"n_errors": 0, "findings": []}
    assert len(found(ask(business, "POST", f"{LINT}?profile=platform", GOOD))) == 3
    assert ask(business, "POST", f"{LINT}?profile=other", GOOD).status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"[]", 200),
        (b"7", 200),
        (b"null", 200),
        (b'{"components": [[[[]]]], "name": 7}', 200),
        (b'{"components": [{"type": "CAROUSEL", "cards": [{"components": [7]}]}]}', 200),
        (b'{"name": "<script>alert(1)</script>", "components": [{"type": "BODY", "text": "{% debug %}"}]}', 200),
        (b'{"name": NaN}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": "\\u0000"}', 400),
        (b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}", 400),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"name": "' + b"a" * 1_100_000 + b'"}', 413),
        (b"{", 400),
        (b"\xff", 400),
    ],
    ids=range(15),
)
def test_bad_input_is_a_finding_or_a_refusal_and_never_a_fault_of_ours(
    business: Business, body: bytes, status: int
) -> None:
    answer = ask(business, "POST", LINT, body)

    assert answer.status_code == status
    if status == 200:
        assert answer.json()["n_errors"] > 0


@pytest.mark.parametrize("path", [LINT, "template-versions"])
def test_what_is_longer_than_any_template_is_refused_before_it_is_read(business: Business, path: str) -> None:
    def sent(length: int) -> int:
        parts = [{"type": "BODY", "text": "é" * (length // 2)}]
        return int(ask(business, "POST", path, {**GOOD, "category": "marketing", "components": parts}).status_code)

    assert sent(250_000) < 300
    assert sent(256_000) == 400
    assert not Version.objects.filter(components__0__text="é" * 128_000).exists()


def test_the_refusal_says_where(business: Business) -> None:
    deep = json.loads("[" * 30 + "]" * 30)

    for path in (LINT, "template-versions"):
        answer = ask(business, "POST", path, {**GOOD, "components": [{"type": "BODY", "text": "a", "x": deep}]})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"].startswith("/components/0/x/0/")


def test_a_draft_can_be_completed_while_it_is_kept(business: Business) -> None:
    wording: dict[str, Any] = {
        "name": "spring_sale",
        "language": "fr",
        "components": [{"type": "BODY", "text": "Bonjour à vous tous."}],
    }

    kept = ask(business, "POST", "template-versions", {**wording, "complete": True}).json()

    assert kept["findings"] == []
    assert kept["components"] == offer.completed(wording["components"], language="fr", fallbacks={})[0]
    assert ask(business, "POST", f"template-versions/{kept['code']}/submit").json()["state"] == "submitted"


TIMER = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Ends soon"}}
HELLO = {"type": "BODY", "text": "Hello to all of you."}


@pytest.mark.parametrize("beside", [[], [TIMER], [{"type": "FOOTER", "text": "Maison Lumen"}]], ids=range(3))
@pytest.mark.parametrize("text", [{}, {"text": 7}, {"text": None}, {"text": ["a"]}, {"text": " "}], ids=range(5))
def test_what_cannot_be_completed_is_kept_and_found(business: Business, text: Any, beside: list[Any]) -> None:
    parts = [{"type": "BODY", **text}, *beside]
    asked = {"name": "spring_sale", "language": "en", "components": parts, "complete": True}

    kept = ask(business, "POST", "template-versions", asked)

    assert kept.status_code == 201
    assert kept.json()["components"][0] == {"type": "BODY", **text}
    assert kept.json()["findings"]


@pytest.mark.parametrize(
    "name", [f"button.{'9' * 5_000}.1", "button.100.1", "button.\u0663.1", "button.0.", "button..1"]
)
def test_a_fallback_that_is_no_buttons_stays_where_it_is(business: Business, name: str) -> None:
    asked = {"name": "spring_sale", "language": "en", "components": [HELLO, {"type": "BUTTONS", "buttons": []}]}

    kept = ask(business, "POST", "template-versions", {**asked, "fallbacks": {name: "you"}, "complete": True})

    assert kept.status_code == 201
    assert list(kept.json()["fallbacks"]) == [name]


def test_words_are_kept_as_they_came(business: Business) -> None:
    text = "  <b>{{ request }}</b> {% load x %} ${7*7}\n\té\u202f%  "

    kept = ask(
        business,
        "POST",
        "template-versions",
        {**GOOD, "category": "marketing", "components": [{"type": "BODY", "text": text}]},
    )

    assert kept.status_code == 201
    assert Version.objects.get().components == [{"type": "BODY", "text": text}]


def test_versions_are_found_by_template_language_and_state(business: Business) -> None:
    approved = make_approved_version(business=business)
    ask(business, "POST", "template-versions", {**GOOD, "category": "marketing", "name": "other"})

    def listed(query: str) -> list[str]:
        return [version["name"] for version in ask(business, "GET", f"template-versions?{query}").json()["data"]]

    assert listed("") == ["other", "spring_sale"]
    assert listed(f"template={approved.template.code}") == ["spring_sale"]
    assert listed("state=draft") == ["other"]
    assert listed("name=other&language=fr") == []
    assert ask(business, "GET", "template-versions?state=odd").status_code == 400


def test_a_stranger_finds_nothing(business: Business) -> None:
    approved = make_approved_version(business=business)

    assert ask(make_business(), "GET", f"template-versions?template={approved.template.code}").json()["data"] == []
