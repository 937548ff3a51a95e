"""Broadcasts by machine: the whole way, and every way of getting it wrong."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from broadcasts import lifecycle
from broadcasts.api import broadcasts as api
from broadcasts.api.segments import Segments
from broadcasts.models import Broadcast, Estimate
from businesses.models import ApiKey, Business, IdempotentRequest, Wallet
from tests.at_once import at_once
from tests.make import (
    EURO,
    make_approved_version,
    make_business,
    make_client,
    make_key,
    make_people,
    make_sandbox_sender,
    make_user,
)

PROBLEM = {"type", "title", "status", "detail", "instance", "code"}


class Program:
    """A client program with a key."""

    def __init__(self, business: Business, *scopes: str, secret: str = "") -> None:
        self.secret = secret or make_key(business=business, **({"scopes": scopes} if scopes else {}))[1]  # type: ignore[arg-type]
        self.client = make_client()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        headers = {"Authorization": f"Bearer {self.secret}", **headers}
        content_type = headers.pop("Content-Type", "application/json")
        return self.client.generic(method, f"/api/v1/{path}", sent, content_type=content_type, headers=headers)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, body, **headers)


def draft_of(business: Business, **changes: Any) -> dict[str, Any]:
    version = make_approved_version(business=business)
    sender = make_sandbox_sender(business=business)
    return {
        "name": "Spring",
        "template": version.template.code,
        "sender": sender.code,
        "variables": {"discount": "20"},
    } | changes


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) - {"errors"} == PROBLEM
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"].startswith("http://testserver/api/v1/problems#")
    assert problem["instance"].startswith("urn:uuid:")
    assert problem["detail"]
    return problem


def pointers(problem: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in problem["errors"]}


def test_from_a_draft_to_a_launch(db: None) -> None:
    business = make_business(money=1_000 * EURO)
    make_people(business=business, n=7, now=timezone.now())
    program = Program(business)

    created = program.post("broadcasts", draft_of(business, audience={"countries": ["FR"]}))
    assert created.status_code == 201, created.content
    code = created.json()["code"]
    assert created.json()["state"] == "draft"

    assert program.ask("PATCH", f"broadcasts/{code}", {"name": "Early spring"}).json()["name"] == "Early spring"

    estimated = program.post(f"broadcasts/{code}/estimate")
    assert estimated.status_code == 201, estimated.content
    assert estimated.json()["n_audience"] == 7
    assert estimated.json()["currency"] == "EUR"

    launched = program.post(f"broadcasts/{code}/launch", {"token": estimated.json()["token"]})
    assert launched.status_code == 200, launched.content
    assert launched.json()["state"] == "preparing"
    assert Wallet.objects.get(business=business).held_micro == estimated.json()["max_micro"]

    read = program.get(f"broadcasts/{code}").json()
    assert read["funnel"]["audience"] == sum(
        read["funnel"][part] for part in ("queued", "skipped", "sent", "failed", "unknown")
    )
    assert program.post(f"broadcasts/{code}/cancel").json()["state"] == "cancelled"
    is_problem(program.post(f"broadcasts/{code}/cancel"), 422, "cannot_cancel")


def test_a_sending_broadcast_pauses_and_goes_on(db: None) -> None:
    business = make_business()
    program = Program(business)
    code = program.post("broadcasts", draft_of(business)).json()["code"]
    is_problem(program.post(f"broadcasts/{code}/pause"), 422, "cannot_pause")
    is_problem(program.post(f"broadcasts/{code}/resume"), 422, "cannot_resume")


def test_a_launch_without_money_says_so_and_changes_nothing(db: None) -> None:
    business = make_business()
    make_people(business=business, n=3, now=timezone.now())
    program = Program(business)
    code = program.post("broadcasts", draft_of(business)).json()["code"]
    token = program.post(f"broadcasts/{code}/estimate").json()["token"]
    problem = is_problem(program.post(f"broadcasts/{code}/launch", {"token": token}), 422, "not_enough_money")
    assert "Top it up" in problem["detail"]
    assert program.get(f"broadcasts/{code}").json()["state"] == "draft"


def test_a_wrong_token_launches_nothing(db: None) -> None:
    business = make_business(money=EURO)
    program = Program(business)
    code = program.post("broadcasts", draft_of(business)).json()["code"]
    is_problem(program.post(f"broadcasts/{code}/launch", {"token": "guessed"}), 422, "cannot_quote")


# Lists


def test_lists_are_read_page_by_page_while_they_grow(db: None) -> None:
    business = make_business()
    make_stranger_draft()
    program, described = Program(business), draft_of(business)
    codes = [program.post("broadcasts", described).json()["code"] for _ in range(5)]
    first = program.get("broadcasts?limit=2")
    assert [row["code"] for row in first.json()["data"]] == codes[:-3:-1]
    assert 'rel="next"' in first["Link"]
    program.post("broadcasts", described)
    seen, url = [], first.json()["next"]
    while url:
        page = program.get(url.split("/api/v1/")[1]).json()
        seen += [row["code"] for row in page["data"]]
        url = page["next"]
    assert seen == codes[2::-1]


def make_stranger_draft() -> Business:
    stranger = make_business(name="Stranger")
    assert Program(stranger).post("broadcasts", draft_of(stranger)).status_code == 201
    return stranger


def test_lists_are_filtered_by_state(db: None) -> None:
    business = make_business()
    program = Program(business)
    program.post("broadcasts", draft_of(business))
    assert len(program.get("broadcasts?state=draft").json()["data"]) == 1
    assert program.get("broadcasts?state=sending").json()["data"] == []
    assert pointers(is_problem(program.get("broadcasts?state=asleep"), 400, "invalid")) == {"/state": "invalid_choice"}


@pytest.mark.parametrize("cursor", ["x", "cD0x", "%00", "cD1ub3QrYStkYXRl", "bz05OTk5OTk5OTk5OTk5OTk5OTk5OQ==", "é"])
def test_a_cursor_that_is_not_ours_is_a_problem(db: None, cursor: str) -> None:
    business = make_business()
    program = Program(business)
    program.post("broadcasts", draft_of(business))
    answer = program.get(f"broadcasts?cursor={cursor}")
    assert answer.status_code in (200, 400), answer.content
    if answer.status_code == 400:
        is_problem(answer, 400, "malformed")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "99999999999999999999"])
def test_a_strange_limit_is_the_usual_one(db: None, limit: str) -> None:
    assert Program(make_business()).get(f"broadcasts?limit={limit}").status_code == 200


# Keys and scopes


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic dTpw", "Bearer tmb_live_" + "a" * 43, "Bearer \x7f", "Token abc"]
)
def test_without_a_valid_key_nothing_is_told(db: None, header: str) -> None:
    answer = make_client().get("/api/v1/broadcasts", headers={"Authorization": header})
    is_problem(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="Tambour"'


def test_a_session_is_no_key(db: None) -> None:
    owner = make_user()
    make_business(owner=owner)
    client = make_client(owner)
    is_problem(client.get("/api/v1/broadcasts"), 401, "unauthenticated")


def test_revoked_and_ended_keys_are_refused(db: None) -> None:
    business = make_business()
    program = Program(business)
    assert program.get("broadcasts").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    is_problem(program.get("broadcasts"), 401, "unauthenticated")
    ApiKey.objects.update(expires_at=None, revoked_at=timezone.now())
    is_problem(program.get("broadcasts"), 401, "unauthenticated")


def test_a_key_does_what_its_scopes_say(db: None) -> None:
    business = make_business()
    described = draft_of(business)
    reader, writer = Program(business, "broadcasts:read"), Program(business, "broadcasts:write")
    assert reader.get("broadcasts").status_code == 200
    problem = is_problem(reader.post("broadcasts", described), 403, "forbidden")
    assert "broadcasts:write" in problem["detail"]
    assert writer.post("broadcasts", described).status_code == 201
    is_problem(writer.get("broadcasts"), 403, "forbidden")
    is_problem(reader.get("contacts"), 403, "forbidden")
    is_problem(reader.get("template-versions"), 403, "forbidden")


def test_an_operation_without_a_scope_refuses(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(api.Broadcasts.scopes, "list")
    is_problem(Program(make_business()).get("broadcasts"), 403, "forbidden")


def test_modes_do_not_see_each_other(db: None) -> None:
    business = make_business()
    live, test = Program(business), Program(business.twin)
    code = live.post("broadcasts", draft_of(business)).json()["code"]
    is_problem(test.get(f"broadcasts/{code}"), 404, "not_found")
    assert test.get("broadcasts").json()["data"] == []


# What is wrong with a body


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"[1,", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1' + b"0" * 400 + b"}",
        b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 100_000,
        b'{"name": "a\\u0000b"}', b'{"a\\u0000": 1}', b'{"variables": {"x": ["\\u0000"]}}',
    ],
)  # fmt: skip
def test_what_is_no_json_is_a_problem(db: None, body: bytes) -> None:
    answer = Program(make_business()).post("broadcasts", body)
    is_problem(answer, 400, "malformed" if body else "invalid")


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
def test_what_is_no_object_is_a_problem(db: None, body: Any) -> None:
    is_problem(Program(make_business()).post("broadcasts", json.dumps(body)), 400, "invalid")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, {"/name": "blank"}),
        ({"name": None}, {"/name": "null"}),
        ({"name": "a" * 121}, {"/name": "max_length"}),
        ({"name": {"a": 1}}, {"/name": "invalid"}),
        ({"life_hours": 10**30}, {"/life_hours": "invalid"}),
        ({"life_hours": 2**63}, {"/life_hours": "max_value"}),
        ({"life_hours": 1.5}, {"/life_hours": "invalid"}),
        ({"life_hours": True}, {"/life_hours": "invalid"}),
        ({"life_hours": 0}, {"/life_hours": "min_value"}),
        ({"budget_micro": -1}, {"/budget_micro": "min_value"}),
        ({"waits_for_cap": "perhaps"}, {"/waits_for_cap": "invalid"}),
        ({"waits_for_cap": []}, {"/waits_for_cap": "invalid"}),
        ({"scheduled_at": "tomorrow"}, {"/scheduled_at": "invalid"}),
        ({"scheduled_at": 10**30}, {"/scheduled_at": "invalid"}),
        ({"audience": {"countries": ["FR", "fr"]}}, {"/audience/countries/1": "invalid"}),
        ({"audience": {"countries": "FR"}}, {"/audience/countries": "not_a_list"}),
        ({"audience": {"cities": ["Lyon"]}}, {"/audience/cities": "unknown_field"}),
        ({"audience": []}, {"/audience": "invalid"}),
        ({"variables": {"a/b~c": {}}}, {"/variables/a~1b~0c": "invalid"}),
        ({"variables": []}, {"/variables": "not_a_dict"}),
        ({"template": "tpl_0000000000000000"}, {"/template": "does_not_exist"}),
        ({"template": 7}, {"/template": "does_not_exist"}),
        ({"template": {}}, {"/template": "does_not_exist"}),
        ({"template": ["a"]}, {"/template": "does_not_exist"}),
        ({"template": None}, {"/template": "null"}),
        ({"state": "completed"}, {"/state": "unknown_field"}),
        ({"nmae": "a", "": 1}, {"/nmae": "unknown_field", "/": "unknown_field"}),
    ],
)
def test_what_is_wrong_is_pointed_at(db: None, changes: dict[str, Any], expected: dict[str, str]) -> None:
    business = make_business()
    answer = Program(business).post("broadcasts", draft_of(business, **changes))
    assert pointers(is_problem(answer, 400, "invalid")) == expected
    assert not Broadcast.objects.exists()


def test_all_that_is_missing_is_named_at_once(db: None) -> None:
    problem = is_problem(Program(make_business()).post("broadcasts", {}), 400, "invalid")
    assert pointers(problem) == {"/name": "required", "/template": "required", "/sender": "required"}


def test_the_things_of_others_are_as_unknown_as_those_of_nobody(db: None) -> None:
    business, stranger = make_business(), make_business()
    theirs = draft_of(stranger)
    program = Program(business)
    of_stranger = program.post(
        "broadcasts", draft_of(business, template=theirs["template"], sender=theirs["sender"])
    ).json()
    of_nobody = program.post("broadcasts", draft_of(business, template="tpl_0", sender="snd_0")).json()
    assert of_stranger["errors"] == of_nobody["errors"]
    assert len(of_stranger["errors"]) == 2


def test_a_rule_of_the_domain_is_a_refusal_that_says_how_to_mend_it(db: None) -> None:
    business = make_business()
    later = {"scheduled_at": "2100-01-01T00:00:00Z"}
    problem = is_problem(Program(business).post("broadcasts", draft_of(business, **later)), 422, "cannot_create")
    assert problem["errors"][0]["pointer"] == "/scheduled_at"


def test_other_content_is_not_taken(db: None) -> None:
    program = Program(make_business())
    is_problem(
        program.post("broadcasts", "a=b", **{"Content-Type": "application/x-www-form-urlencoded"}),
        415,
        "unsupported_media_type",
    )
    is_problem(program.post("broadcasts", "<a/>", **{"Content-Type": "text/xml"}), 415, "unsupported_media_type")
    is_problem(program.get("broadcasts", Accept="text/html"), 406, "not_acceptable")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.parametrize("size", [1_000_001, 3_000_000])
def test_a_body_that_is_too_large_is_not_read(db: None, headers: dict[str, str], size: int) -> None:
    is_problem(Program(make_business()).post("broadcasts", b" " * size, **headers), 413, "too_large")


@pytest.mark.parametrize("path", ["nothing", "broadcasts/", "broadcasts/a/b/c", "", "broadcasts/%00", "broadcasts/é"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_addresses_that_do_not_exist_are_problems(db: None, path: str, method: str) -> None:
    is_problem(Program(make_business()).ask(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "broadcasts"),
        ("PUT", "broadcasts/brd_0"),
        ("GET", "broadcasts/brd_0/launch"),
        ("OPTIONS", "broadcasts"),
    ],
)
def test_methods_that_do_not_exist_are_problems(db: None, method: str, path: str) -> None:
    answer = Program(make_business()).ask(method, path)
    is_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"]


def test_problems_speak_the_language_asked_for(db: None) -> None:
    program = Program(make_business())
    french = program.get("broadcasts/brd_0", **{"Accept-Language": "fr"})
    assert french["Content-Language"] == "fr"


def test_a_fault_of_ours_is_a_problem_with_a_number_and_has_no_effect(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(**_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(lifecycle, "create", break_down)
    business = make_business()
    answer = Program(business).post("broadcasts", draft_of(business))
    problem = is_problem(answer, 500, "internal")
    assert "secret detail" not in answer.content.decode()
    assert problem["instance"].startswith("urn:uuid:")
    assert "RuntimeError: secret detail" in caplog.text


def test_too_many_requests_wait(db: None) -> None:
    business, other = make_business(), make_business()
    program = Program(business)
    with override_settings(API_REQUESTS_PER_MINUTE=3):
        answers = [program.get("broadcasts") for _ in range(8)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        is_problem(refused, 429, "throttled")
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert refused["RateLimit"].startswith('"minute";r=0;t=')
        assert answers[0]["RateLimit-Policy"] == '"minute";q=3;w=60'
        assert Program(other).get("broadcasts").status_code == 200


def test_without_redis_nobody_is_held_back(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.cache import cache
    from redis.exceptions import ConnectionError as Away

    def away(*_: Any, **__: Any) -> None:
        raise Away

    monkeypatch.setattr(cache, "add", away)
    with override_settings(API_REQUESTS_PER_MINUTE=0):
        assert Program(make_business()).get("broadcasts").status_code == 200


# Repeating


def test_a_repeated_request_gets_the_first_answer(db: None) -> None:
    business = make_business()
    program, described = Program(business), draft_of(business)
    first = program.post("broadcasts", described, **{"Idempotency-Key": "k1"})
    again = program.post("broadcasts", described, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    assert Broadcast.objects.count() == 1

    is_problem(
        program.post("broadcasts", described | {"name": "b"}, **{"Idempotency-Key": "k1"}),
        422,
        "idempotency_key_reused",
    )
    assert program.post("broadcasts", described, **{"Idempotency-Key": "k2"}).json()["code"] != first.json()["code"]


def test_a_replay_passes_the_same_doors(db: None) -> None:
    business = make_business()
    described = draft_of(business)
    Program(business).post("broadcasts", described, **{"Idempotency-Key": "k1"})
    is_problem(
        Program(business, "broadcasts:read").post("broadcasts", described, **{"Idempotency-Key": "k1"}),
        403,
        "forbidden",
    )
    stranger = Program(make_business())
    is_problem(stranger.post("broadcasts", described, **{"Idempotency-Key": "k1"}), 400, "invalid")


def test_what_failed_is_not_stored(db: None) -> None:
    business = make_business()
    program, described = Program(business), draft_of(business)
    is_problem(program.post("broadcasts", described | {"name": ""}, **{"Idempotency-Key": "k1"}), 400, "invalid")
    assert program.post("broadcasts", described, **{"Idempotency-Key": "k1"}).status_code == 201


def test_a_crash_after_the_effect_leaves_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    business = make_business()
    program, described = Program(business), draft_of(business)
    create = lifecycle.create

    def create_and_crash(**facts: Any) -> Broadcast:
        create(**facts)
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched, transaction.atomic():
        patched.setattr(lifecycle, "create", create_and_crash)
        is_problem(program.post("broadcasts", described, **{"Idempotency-Key": "k1"}), 500, "internal")
    assert not Broadcast.objects.exists()
    assert not IdempotentRequest.objects.exists()
    assert program.post("broadcasts", described, **{"Idempotency-Key": "k1"}).status_code == 201


@pytest.mark.parametrize("key", ["", "é", "a" * 256, "a\tb"])
def test_a_key_that_cannot_be_kept_is_refused(db: None, key: str) -> None:
    business = make_business()
    answer = Program(business).post("broadcasts", draft_of(business), **{"Idempotency-Key": key})
    is_problem(answer, 400, "invalid")


def test_many_identical_requests_at_once_make_one_thing(own_database: Any) -> None:
    business = make_business()
    described = draft_of(business)
    secret = make_key(business=business)[1]

    def post(_n: int) -> tuple[int, str | None]:
        answer = Program(business, secret=secret).post("broadcasts", described, **{"Idempotency-Key": "k1"})
        return answer.status_code, answer.get("Idempotent-Replayed")

    answers = at_once(post, 16)
    assert answers.count((201, None)) == 1, answers
    assert all(answer in [(201, None), (201, "true"), (409, None)] for answer in answers), answers
    assert Broadcast.objects.count() == 1


def test_launching_many_times_at_once_launches_once(own_database: Any) -> None:
    business = make_business(money=1_000 * EURO)
    make_people(business=business, n=5, now=timezone.now())
    secret = make_key(business=business)[1]
    program = Program(business, secret=secret)
    code = program.post("broadcasts", draft_of(business)).json()["code"]
    token = program.post(f"broadcasts/{code}/estimate").json()["token"]
    answers = at_once(
        lambda _n: Program(business, secret=secret).post(f"broadcasts/{code}/launch", {"token": token}).status_code, 8
    )
    assert sorted(answers) == [200] + [422] * 7
    assert Wallet.objects.get(business=business).held_micro == Estimate.objects.get(token=token).max_micro


# Documentation


def test_the_document_says_what_the_api_does(db: None) -> None:
    document = make_client().get(reverse("api-schema")).json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert ("post", "/api/v1/broadcasts/{code}/launch") in operations
    for (method, path), operation in operations.items():
        assert {"401", "403", "406", "429", "500"} <= set(operation["responses"]), path
        assert operation["security"][0]["key"], f"{method} {path} names no scope"
        assert operation["summary"], path
        if method == "post":
            assert any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"]), path
            assert {"400", "409", "413", "415", "422"} <= set(operation["responses"]), path
        if "{code}" in path:
            assert "404" in operation["responses"]


def test_every_post_can_be_repeated() -> None:
    from consent.api.contacts import Contacts
    from templates_approval.api import Versions

    for view, actions in (
        (api.Broadcasts, "create estimate launch pause resume cancel"),
        (Segments, "create count"),
        (Contacts, "create attest"),
        (Versions, "create submit"),
    ):
        for action in actions.split():
            assert hasattr(getattr(view, action), "__wrapped__"), f"{view.__name__}.{action} is not repeatable"


def test_the_example_in_the_document_is_a_draft(db: None) -> None:
    business = make_business()
    mine = draft_of(business)
    answer = Program(business).post("broadcasts", api.DRAFT | {name: mine[name] for name in ("template", "sender")})
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("name", ["api-docs", "api-problems"])
def test_pages_of_the_api_follow_the_browser_rules(db: None, name: str) -> None:
    page = make_client().get(reverse(name))
    assert page.status_code == 200
    text = page.content.decode()
    assert "<style" not in text
    assert " style=" not in text
    assert text.count("<script") == text.count("<script src=")
    assert "default-src 'self'" in page["Content-Security-Policy"]


def test_the_reference_loads_its_own_script(db: None) -> None:
    script = make_client().get(reverse("api-docs") + "?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/v1/openapi.json" in script.content.decode()
