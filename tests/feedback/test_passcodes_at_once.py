"""Guesses and presses at the same moment, on real connections."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from feedback import passcodes
from tests.at_once import at_once
from tests.feedback.visitor import carry, read_code
from tests.make import make_business, make_people, make_sandbox_sender

ADDRESS = "+33639980000001"


def test_guesses_at_once_are_counted_like_one_after_the_other(own_database: Any) -> None:
    business = make_business()
    make_people(business=business, n=1)
    make_sandbox_sender(business=business)
    request = passcodes.ask(number=ADDRESS, visitor="", language="en", now=datetime.now(UTC))
    carry()
    digits = read_code(ADDRESS)
    wrong = f"{(int(digits) + 1) % 10**6:06}"

    def guess(_: int) -> str:
        try:
            passcodes.enter(code=request.code, digits=wrong, now=datetime.now(UTC))
        except passcodes.WrongCode:
            return "wrong"
        return "right"

    assert at_once(guess, 12) == ["wrong"] * 12
    request.refresh_from_db()
    assert request.n_attempts == passcodes.MOST_ATTEMPTS
