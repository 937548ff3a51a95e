"""What a link of proof says, kind by kind: the one place where that is written down.

Every link may also name who did it (``actor``), the words that were shown (``wording``) and their language. Never put
an address into a link: it names people by nothing but their place in the house.
"""

from typing import Any, NotRequired, TypedDict, get_type_hints


class Shown(TypedDict):
    """The archived words that a person saw (see ``wordings``)."""

    code: str
    version: int
    locale: str
    hash: str


class Link(TypedDict):
    """What every link may say. ``actor`` is person, business, operator or platform, with a code after a colon."""

    actor: NotRequired[str]
    wording: NotRequired[Shown]
    locale: NotRequired[str]


class Circumstances(Link, total=False):
    """What a door knows beside the act itself: pass it along, it becomes part of the link."""

    via: str
    evidence: str


class Choice(Link):
    """A word of the person, through a door: keyword, button, page, phone, provider; for them: api, import, operator."""

    via: str
    evidence: NotRequired[str]


class OwnLimit(Choice):
    """How many offers per 7 days the person accepted before, and accepts now; None leaves it to the rules."""

    before: int | None
    after: int | None


class Dealing(TypedDict):
    """One interaction, and what proves it."""

    kind: str
    occurred_at: str
    evidence: str
    opt_out_offered: bool


class Evidence(Link):
    """What a person did with a business: seen by the platform itself (observed), or attested by the business."""

    via: NotRequired[str]
    provenance: str
    interactions: list[Dealing]
    batch: NotRequired[str]


class TakenBack(TypedDict):
    """An interaction that counts no more."""

    kind: str
    occurred_at: str
    evidence: str


class Withdrawn(Link):
    """The business undid the import in which it had attested these."""

    via: str
    batch: str
    interactions: list[TakenBack]


class NumberLost(Choice):
    """The number by which the person was reached has a new owner: so much evidence counts no more."""

    address: str
    n_withdrawn: int


class NumberReceived(Choice):
    """The person has a number that was somebody else's, and has stopped so many companies that dealt with that one."""

    n_stopped: int


class Merged(Link):
    """Two recipients turned out to be one person; ``person`` is the code of the other, who has a chain of their own."""

    person: str


KINDS: dict[str, type] = {
    "interaction": Evidence,
    "withdrawn": Withdrawn,
    "stopped": Choice,
    "resumed": Choice,
    "blocked": Choice,
    "unblocked": Choice,
    "paused_all": Choice,
    "unpaused_all": Choice,
    "not_interested": Choice,
    "own_limit": OwnLimit,
    "links_void": Choice,
    "number_lost": NumberLost,
    "number_received": NumberReceived,
    "merged": Merged,
    "merged_into": Merged,
}
# A link that says nothing but its header: the person was erased, and what the links before it said with them.
ERASED = "erased"

_BEHALF = {"api": "business", "import": "business", "operator": "operator"}


class UnknownLink(ValueError):
    """No link of this kind says this: write it down above first."""


def check(kind: str, payload: dict[str, Any]) -> None:
    """Raise ``UnknownLink`` when a link of this kind has no such facts, or lacks one."""
    shape: Any = KINDS.get(kind)
    if shape is None:
        raise UnknownLink(f"consent/links.py knows no link of the kind {kind!r}: add it to KINDS")
    lacking = shape.__required_keys__ - payload.keys()
    beyond = payload.keys() - get_type_hints(shape).keys()
    if lacking or beyond:
        raise UnknownLink(f"a link {kind!r} lacks {sorted(lacking)}, has {sorted(beyond)} too many: consent/links.py")


def actor_of(payload: dict[str, Any]) -> str:
    """Say who acted, from the door they came through; the person, where the door is theirs."""
    if payload.get("provenance") == "attested":
        return "business"
    return _BEHALF.get(payload.get("via", ""), "person")
