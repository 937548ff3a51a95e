"""Tests pressed at the same moment, on real connections."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from broadcasts import courier, own_numbers, trial
from broadcasts.models import MOST_TESTS_A_DAY, Notice, PhoneMessage, TestDay
from businesses.models import Member
from tests.at_once import at_once
from tests.make import NOW, make_approved_version, make_business, make_member, make_sandbox_sender


def test_many_at_once_never_exceed_the_day(own_database: Any, settings: Any) -> None:
    settings.FICTION_NUMBERS_ALLOWED = True
    business = make_business()
    sender, version = make_sandbox_sender(business=business), make_approved_version(business=business)
    members = [make_member(business=business, role=Member.Role.MARKETER) for _ in range(4)]
    for i, member in enumerate(members):
        own_numbers.ask(sender=sender, user=member, number=f"+3363998002{i}", language="en", now=NOW)
        courier.carry(now=NOW)
        words = PhoneMessage.objects.get(address=f"+3363998002{i}").content["text"]
        own_numbers.enter(sender=sender, user=member, digits=words[:6], now=NOW)

    def press(i: int) -> Notice:
        return trial.send(version=version, sender=sender, by=members[i % 4], now=NOW + timedelta(seconds=i))

    answers = at_once(press, 16)
    refused = [answer for answer in answers if not isinstance(answer, Notice)]
    assert {getattr(refusal, "code", refusal) for refusal in refused} == {"too_many"}
    assert len(answers) - len(refused) == Notice.objects.tests().count() == MOST_TESTS_A_DAY
    assert TestDay.objects.get().n == MOST_TESTS_A_DAY
