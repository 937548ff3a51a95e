"""Once a night means once, however many ask."""

from datetime import timedelta
from typing import Any

from businesses import nights
from businesses.models import AuditEvent
from tests.at_once import at_once
from tests.make import NOW

THREE = NOW.replace(hour=3, minute=5)


def test_it_is_begun_once_from_its_hour_on(db: None) -> None:
    assert not nights.begin(what="recount", from_hour=4, now=THREE)
    assert nights.begin(what="dangling", from_hour=3, now=THREE)
    assert not nights.begin(what="dangling", from_hour=3, now=THREE + timedelta(hours=1))
    assert nights.begin(what="recount", from_hour=3, now=THREE), "another look is another one"
    assert nights.begin(what="dangling", from_hour=3, now=THREE + timedelta(hours=24))


def test_an_hour_in_which_the_clock_stood_still_is_made_up_for(db: None) -> None:
    assert nights.begin(what="recount", from_hour=3, now=THREE + timedelta(hours=4))


def test_of_two_who_ask_at_once_one_begins(own_database: Any) -> None:
    answers = at_once(lambda _: nights.begin(what="recount", from_hour=3, now=THREE), 8)
    assert sorted(answers) == [False] * 7 + [True]
    assert AuditEvent.objects.filter(action=nights.BEGUN).count() == 1
