"""A repeated request has its effect once and gets the first answer again (promise B of the reliability table)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from businesses import idempotency
from businesses.models import Business, IdempotentRequest
from tests.at_once import at_once
from tests.make import NOW, make_business


def ask(business: Business, *, key: str = "k1", body: bytes = b"{}", now: Any = NOW) -> object:
    """Repeat one request; its effect is to rename the business."""
    with idempotency.once(business=business, route="POST /x", key=key, body=body, now=now) as this:
        if this.earlier is not None:
            return this.earlier.body
        Business.objects.filter(pk=business.pk).update(name="renamed")
        this.store(status=201, body={"answer": 1}, now=now)
        return "first"


def test_the_first_answer_is_given_again(db: None) -> None:
    business = make_business()
    assert ask(business) == "first"
    assert ask(business) == {"answer": 1}
    assert IdempotentRequest.objects.count() == 1


def test_another_body_is_refused(db: None) -> None:
    business = make_business()
    ask(business)
    with pytest.raises(idempotency.KeyReused):
        ask(business, body=b'{"a":1}')


def test_businesses_and_modes_do_not_share_keys(db: None) -> None:
    business = make_business()
    assert [ask(business), ask(business.twin), ask(make_business())] == ["first", "first", "first"]


def test_an_answer_is_kept_for_a_day(db: None) -> None:
    business = make_business()
    ask(business)
    assert ask(business, now=NOW + timedelta(hours=24)) == {"answer": 1}
    assert ask(business, now=NOW + timedelta(hours=24, seconds=1)) == "first"


def test_old_answers_are_forgotten(db: None) -> None:
    ask(make_business())
    assert idempotency.forget_old(before=NOW) == 0
    assert idempotency.forget_old(before=NOW + timedelta(hours=1)) == 1


def test_a_crash_leaves_neither_effect_nor_answer(db: None) -> None:
    business = make_business()

    def crash() -> None:
        with idempotency.once(business=business, route="POST /x", key="k1", body=b"{}", now=NOW) as this:
            Business.objects.filter(pk=business.pk).update(name="renamed")
            this.store(status=201, body={}, now=NOW)
            raise RuntimeError("between the effect and the commit")

    with pytest.raises(RuntimeError):
        crash()
    business.refresh_from_db()
    assert business.name == "Boulangerie Martin"
    assert ask(business) == "first"


def test_a_second_request_does_not_wait_for_the_first(own_database: Any) -> None:
    business = make_business()
    inside, leave = threading.Event(), threading.Event()

    def slow(_n: int) -> None:
        with idempotency.once(business=business, route="POST /x", key="k1", body=b"{}", now=NOW):
            inside.set()
            assert leave.wait(timeout=20)

    thread = threading.Thread(target=lambda: at_once(slow, 1))
    thread.start()
    assert inside.wait(timeout=20)
    with pytest.raises(idempotency.StillRunning):
        ask(business)
    assert ask(business, key="another") == "first"
    leave.set()
    thread.join(timeout=20)
    connection.close()


def test_many_at_once_have_one_effect(own_database: Any) -> None:
    business = make_business()
    answers = at_once(lambda _n: ask(business), 16)
    assert answers.count("first") == 1
    rest = [answer for answer in answers if answer != "first"]
    assert all(answer == {"answer": 1} or isinstance(answer, idempotency.StillRunning) for answer in rest), rest
