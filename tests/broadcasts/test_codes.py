"""The public codes of deliveries say nothing, and nobody can make one."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from broadcasts import codes

KEYS = st.tuples(st.integers(0, codes.MAX_BROADCAST_ID), st.integers(0, codes.MAX_RECIPIENT_ID), st.integers(0, 255))


@given(st.lists(KEYS, max_size=200))
def test_many_at_once_are_the_same_as_one_by_one(keys: list[tuple[int, int, int]]) -> None:
    many = codes.delivery_codes(keys)

    assert many == [codes.delivery_code(*key) for key in keys]
    assert [codes.read_delivery_code(code) for code in many] == keys


@given(st.lists(st.binary(min_size=codes.BLOCK_BYTES, max_size=codes.BLOCK_BYTES), max_size=200))
def test_they_are_spelt_in_plain_base32(blocks: list[bytes]) -> None:
    plain = [base64.b32encode(block).decode().rstrip("=").lower() for block in blocks]

    assert codes._spell_all(b"".join(blocks)) == plain


def test_what_we_never_wrote_is_read_by_nobody() -> None:
    code = codes.delivery_code(7, 11, 1)
    letters = code.removeprefix("dlv_")
    # The last letter holds two bits that are no part of the code: 'e' spells the same block as 'f' would.
    spare = [letters[:-1] + other for other in "abcdefghijklmnopqrstuvwxyz234567" if other != letters[-1]]
    wrong = ["", letters, "dlv_", code.upper(), code + "a", code[:-1], "dlv_" + "_" * 26, "dlv_ " + letters[1:]]

    read = codes.read_delivery_codes([*wrong, *["dlv_" + each for each in spare], code])

    assert read == [None] * (len(wrong) + len(spare)) + [(7, 11, 1)]


def test_a_preference_token_is_no_delivery_code() -> None:
    token = codes.preference_token(7, 11)

    assert codes.read_preference_token(token) == (7, 11)
    assert codes.read_delivery_code("dlv_" + token) is None
    assert codes.read_preference_token(token[:-1] + ("a" if token[-1] != "a" else "b")) is None
