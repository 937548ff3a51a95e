"""Public ids: a prefix that says what it is and enough randomness that nobody guesses the next."""

import secrets

# Crockford's alphabet: no i, l, o or u, so that a code can be read aloud on the telephone.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
CODE_LETTERS = 16


def new_code(prefix: str) -> str:
    """Return e.g. ``brd_7k2m…``: ``prefix`` and 80 random bits. The primary key never leaves the house."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))


def business_code() -> str:
    return new_code("biz")


def hold_code() -> str:
    return new_code("hld")


def contact_code() -> str:
    return new_code("ctc")


def recipient_code() -> str:
    return new_code("rcp")


def import_code() -> str:
    return new_code("imp")


def template_code() -> str:
    return new_code("tpl")


def version_code() -> str:
    return new_code("ver")


def sender_code() -> str:
    return new_code("snd")


def broadcast_code() -> str:
    return new_code("brd")


def stop_code() -> str:
    return new_code("stp")


def report_code() -> str:
    return new_code("rpt")


def notice_code() -> str:
    return new_code("ntc")


def passcode_code() -> str:
    return new_code("psc")


def erasure_code() -> str:
    return new_code("era")


def message_code() -> str:
    return new_code("msg")


def segment_code() -> str:
    return new_code("seg")


def join_page_code() -> str:
    return new_code("join")


def join_request_code() -> str:
    return new_code("jrq")
