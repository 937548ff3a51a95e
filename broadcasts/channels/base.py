"""The seam between the engine and the world outside: what goes out, what became of it, what comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Protocol

from broadcasts.models import Sender
from consent.lines import LineType
from templates_approval import render
from templates_approval.models import Version

# A message whose hand-over has not begun within this time after its gate goes back to the queue with its slot.
HAND_OVER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way out. ``code`` (delivery code with attempt) is the idempotency key."""

    broadcast_id: int
    recipient_id: int
    attempt: int
    code: str
    address: str
    language: str
    content: Mapping[str, Any]
    preference_url: str
    price_micro: int
    # time.monotonic() of the gate's commit.
    gated_at: float

    @property
    def is_stale(self) -> bool:
        """Too late to begin: a stop may have been answered in the meantime."""
        return time.monotonic() - self.gated_at > HAND_OVER_SECONDS


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """A service message on its way out: words, or ``content`` as of a ``Message``. ``code`` is the idempotency key."""

    code: str
    kind: str
    address: str
    language: str
    text: str
    content: Mapping[str, Any] | None = None


class OutcomeKind(IntEnum):
    ACCEPTED = 1  # the provider has it
    REJECTED = 2  # the provider certainly refused it: final for this attempt
    NOT_STARTED = 3  # certainly not taken, not a byte left or "later": back to the queue, with its slot and money
    UNKNOWN = 4  # it may have arrived; never sent again on our own
    HELD = 5  # the provider has it, and waits itself


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: OutcomeKind
    provider_id: str = ""
    error_code: str = ""
    # The provider asked for silence until then (Retry-After).
    wait_seconds: float = 0.0
    # It is this one person who has to wait, not the sender.
    is_for_one: bool = False
    # The address by which the provider knows them, if it is another than ours.
    known_as: str = ""


class ReceiptStatus(IntEnum):
    """As ``Delivery.State`` orders them."""

    HELD = 40
    SENT = 50
    FAILED = 60
    DELIVERED = 70
    READ = 80


@dataclass(frozen=True, slots=True)
class ReceiptUpdate:
    """The provider says what became of a message, by our code, by its own id, or both."""

    status: ReceiptStatus
    at: datetime
    sender_id: int
    message_code: str = ""
    provider_id: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class InboundText:
    """A person wrote. ``message_code`` when it answers one of our messages."""

    address: str
    text: str
    provider_id: str
    at: datetime
    message_code: str = ""


@dataclass(frozen=True, slots=True)
class InboundButton:
    """A person pressed a button of one of our messages; ``button`` is its payload, else its label."""

    address: str
    button: str
    provider_id: str
    at: datetime
    message_code: str = ""


@dataclass(frozen=True, slots=True)
class InboundPreference:
    """The person stopped or resumed this business's offers in the provider's own settings."""

    address: str
    is_stop: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class AccountNews:
    """The provider says something of the account itself: a restriction, a limit, a template's review."""

    about: str
    value: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Unheeded:
    """Understood, and nothing to do about it."""

    what: str


@dataclass(frozen=True, slots=True)
class Poison:
    """An element of a callback that could not be read; kept for a person to look at."""

    why: str
    element: Any


Update = ReceiptUpdate | InboundText | InboundButton | InboundPreference | AccountNews | Unheeded | Poison


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a channel promises, and what it cannot see."""

    kind: str
    # Repeating the same key within this time is one message to the person; None: the channel knows no keys.
    idempotency_window: timedelta | None
    # After an offer's life plus this, no receipt will come any more.
    receipt_horizon: timedelta
    # Which of a person's addresses it can reach, best first.
    address_kinds: Sequence[str]
    # Which telephone lines it can reach; None: it can reach whatever line has a number.
    line_types: frozenset[LineType] | None = None
    # What is behind it may reach mobile phones only: that is said of each sender (``Sender.settings``).
    may_reach_mobiles_only: bool = False
    # How fast a new sender may be; a provider that allows another rate says so.
    messages_per_second: int = 80
    cannot_see: Sequence[str] = field(default_factory=tuple)
    # Our yes to a version is not enough: the provider has a review of its own.
    has_own_review: bool = False
    # Free words reach only somebody who wrote within the last day.
    only_answers: bool = False


class Wording(Protocol):
    """An approved version, read once and filled for very many people."""

    def content(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Return ``Message.content`` for one person."""
        ...


def plain_wording(sender: Sender, version: Version) -> Wording:
    """Fill ``version`` with the one renderer: words as a phone shows them."""
    return render.prepare(version.components, fallbacks=version.fallbacks)


Report = Callable[[Message, Outcome], None]
NoticeReport = Callable[[NoticeMessage, Outcome], None]


class Channel(Protocol):
    """One way out. ``send`` hands every message over, reports each outcome exactly once, and never raises."""

    traits: Traits

    async def send(self, sender: Sender, messages: Sequence[Message], report: Report) -> None: ...

    async def tell(self, sender: Sender, notices: Sequence[NoticeMessage], report: NoticeReport) -> None:
        """Hand notices over, each under its own key, and report each outcome; few at a time."""
        ...

    async def close(self) -> None: ...

    @staticmethod
    def wording(sender: Sender, version: Version) -> Wording:
        """Return ``version`` as this sender's provider takes it."""
        ...

    @staticmethod
    def code_content(sender: Sender, *, code: str, language: str) -> dict[str, Any] | None:
        """Return what carries a code to somebody who did not write lately, or None where nothing can."""
        ...

    def verify(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether ``body`` really comes from the sender's provider, and recently."""
        ...

    def parse(self, sender: Sender, body: bytes) -> list[Update]:
        """Read an accepted callback; what cannot be read becomes ``Poison``, one element at a time."""
        ...

    def shake_hands(self, sender: Sender, query: Mapping[str, str]) -> str | None:
        """Answer a provider that asks whether the callback address is ours, or None when this is no such question."""
        ...
