"""The book of errors: every documented code has a class, an outcome, and a sentence in both languages."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from broadcasts.channels.base import OutcomeKind
from broadcasts.channels.whatsapp import errors
from broadcasts.channels.whatsapp.errors import Class

# reference: Meta's error codes, as of 2026; letters as in ``errors.Class``.
DOCUMENTED = {
    "N": "130472 131026 131021 130497",
    "U": "131050 130403",
    "T": "131049",
    "R": "131056 130429 4 80007 131057 134101",
    "F": "131047 132000 132012 132018 132005 131055 134100 131063 131061 131062 134102",
    "Ft": "132001 132007 132015 132016",
    "Ff": "131053",
    "S": "131048 131064 368 131031 131042 131045 131037 133010 135000 190",
    "?": "131000 131016 133004 1 2",
}
CODES = {code: letter for letter, codes in DOCUMENTED.items() for code in codes.split()}
KIND_OF = {
    "N": OutcomeKind.REJECTED, "U": OutcomeKind.REJECTED, "T": OutcomeKind.REJECTED, "F": OutcomeKind.REJECTED,
    "R": OutcomeKind.NOT_STARTED, "S": OutcomeKind.NOT_STARTED, "Ft": OutcomeKind.NOT_STARTED,
    "Ff": OutcomeKind.NOT_STARTED, "?": OutcomeKind.UNKNOWN,
}  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_a_documented_code_has_its_class_and_outcome(code: str) -> None:
    assert errors.class_of(code) is Class(CODES[code])
    assert errors.outcome(code, attempt=1).kind == KIND_OF[CODES[code]]
    assert errors.outcome(code, attempt=1).error_code == code


@pytest.mark.parametrize("code", [*errors.BOOK, *errors.OURS, "999999", "ReadTimeout"])
def test_each_reason_reads_in_french_and_english(code: str) -> None:
    with override("en"):
        english = errors.sentence(code)
    with override("fr"):
        french = errors.sentence(code)
    assert english.endswith(".")
    assert french != english


def test_who_failed_for_the_file_is_offered_another_try() -> None:
    assert "131053" in errors.MAY_BE_OVER


def test_a_code_that_nobody_documented_proves_nothing() -> None:
    assert errors.outcome("424242", attempt=1).kind == OutcomeKind.UNKNOWN


def test_waits_grow_and_end() -> None:
    pair = [errors.outcome("131056", attempt=n) for n in (1, 2, 3, 9)]
    assert [o.wait_seconds for o in pair] == [4, 16, 64, 600]
    assert all(o.is_for_one for o in pair)
    # Whoever hands over doubles this one with each attempt.
    rate = errors.outcome("130429", attempt=3)
    assert (rate.wait_seconds, rate.is_for_one) == (1, False)
    assert errors.outcome("130429", attempt=1, retry_after=7).wait_seconds == 7
    # A delivery code has room for 255 attempts.
    assert errors.outcome("130429", attempt=200).kind == OutcomeKind.REJECTED
