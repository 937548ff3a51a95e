"""What the Cloud API's error codes mean: what may be done about each, and one sentence for people.

Meta says to build on the code and not on its titles. A code that is not in the book proves nothing: the outcome of a
hand-over that was answered with it is *unknown*.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from broadcasts.channels.base import Outcome, OutcomeKind


class Class(Enum):
    """What to do after an error; the letters are those of the field's notes."""

    NEVER = "N"  # not to this person again, with this broadcast
    ASKED_NOT_TO = "U"  # not before the person does something
    ANOTHER_DAY = "T"  # not before a day or more has passed
    SOON = "R"  # the same again, slower
    MEND = "F"  # the message itself has to change
    TEMPLATE = "Ft"  # the template cannot be used at the moment: nobody gets it
    FILE = "Ff"  # the header's file cannot be used as it was uploaded: nobody gets it
    STOP = "S"  # the account cannot send at the moment: nobody gets anything
    UNCLEAR = "?"  # it may have been sent


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Class
    sentence: str | Promise
    # At least; whoever hands over waits twice as long after each attempt. Of the pair rate: 4^attempt.
    wait_seconds: float = 0.0


_N, _U, _T, _R, _F, _S, _X = (
    Class.NEVER, Class.ASKED_NOT_TO, Class.ANOTHER_DAY, Class.SOON, Class.MEND, Class.STOP, Class.UNCLEAR,
)  # fmt: skip
_TEMPLATE, _FILE = Class.TEMPLATE, Class.FILE

RATE, PAIR_RATE = "130429", "131056"
STOPPED = "131050"
TOKEN = "190"  # noqa: S105 — an error's number

_TOO_FAST = _("WhatsApp takes no more messages at this speed. It is tried again more slowly.")
_SYSTEM = _("WhatsApp had a fault of its own. It is not known whether the message was taken; it is not sent again.")
_VARIABLES = _(
    "The values do not fit the template as WhatsApp has it. Compare the variables with the approved version."
)
_MARKETING_API = _(
    "WhatsApp's Marketing Messages API does not take this message. Look at the sender's settings: the ordinary API may."
)
_PERMISSION = _("The token may not send for this number. Make one with the permission whatsapp_business_messaging.")
_ACCOUNT = _("WhatsApp has restricted or locked the account. Look at its quality page at Meta and appeal there.")
_UNUSABLE = _(
    "WhatsApp could not use the picture, film or document. It is uploaded again once; if it happens again, the file "
    "itself is wrong: give another one in a new version."
)

BOOK: dict[str, Fault] = {
    "131049": Fault(_T, _("WhatsApp kept it back: this person has had enough offers for now. Wait a day or more.")),
    STOPPED: Fault(_U, _("This person stopped your offers in WhatsApp itself.")),
    "130472": Fault(_N, _("This person is in a control group of WhatsApp's own, and gets no offers.")),
    "131026": Fault(_N, _("This number cannot be reached over WhatsApp.")),
    "131047": Fault(_F, _("The person wrote more than a day ago: only a template may be sent.")),
    "130403": Fault(_U, _("Your account blocked this person. Unblock them first.")),
    "131021": Fault(_N, _("This is the sender's own number.")),
    PAIR_RATE: Fault(_R, _("Too many messages to this one person in a short time. It is tried again later.")),
    RATE: Fault(_R, _TOO_FAST, 1.0),
    "4": Fault(_R, _TOO_FAST, 30.0),
    "80007": Fault(_R, _TOO_FAST, 30.0),
    "131057": Fault(_R, _("The number is being upgraded. It is tried again in a minute."), 20.0),
    "131048": Fault(_S, _("WhatsApp has restricted this sender: too many people blocked or reported it.")),
    "131064": Fault(_S, _("WhatsApp has limited the account because its templates were in the wrong category.")),
    "368": Fault(_S, _ACCOUNT),
    "131031": Fault(_S, _ACCOUNT),
    "130497": Fault(_N, _("Your account may not write to people in this country.")),
    "131042": Fault(_S, _("WhatsApp has a problem with your payment method. Settle it in Meta's billing settings.")),
    "131045": Fault(_S, _("The number is not registered. Register it at Meta, then check the sender again.")),
    "131037": Fault(
        _S, _("The sender's display name is not approved. Choose one at Meta, then check the sender again.")
    ),
    "133010": Fault(_S, _("The number is not registered. Register it at Meta, then check the sender again.")),
    TOKEN: Fault(_S, _("The token is not valid any more. Make a new one at Meta and put it in here.")),
    "10": Fault(_S, _PERMISSION),
    "200": Fault(_S, _PERMISSION),
    "131005": Fault(_S, _PERMISSION),
    "132000": Fault(_F, _VARIABLES),
    "132012": Fault(_F, _VARIABLES),
    "132018": Fault(_F, _VARIABLES),
    "132001": Fault(_TEMPLATE, _("WhatsApp has no approved template of this name in this language.")),
    "132005": Fault(_F, _("With this person's values the message is longer than WhatsApp delivers.")),
    "132007": Fault(_TEMPLATE, _("WhatsApp finds that the template's content breaks its rules.")),
    "132015": Fault(_TEMPLATE, _("WhatsApp has paused the template because of its quality.")),
    "132016": Fault(_TEMPLATE, _("WhatsApp has disabled the template for good. Write another one.")),
    "135000": Fault(_S, _("WhatsApp refused without saying why, as it does when it holds a whole account back.")),
    "131053": Fault(_FILE, _UNUSABLE),
    "131008": Fault(_F, _VARIABLES),
    "131009": Fault(_F, _VARIABLES),
    "131051": Fault(_F, _("WhatsApp does not know this kind of message.")),
    "100": Fault(_F, _VARIABLES),
    "131055": Fault(_F, _MARKETING_API),
    "134100": Fault(_F, _MARKETING_API),
    "131063": Fault(_F, _MARKETING_API),
    "131061": Fault(_F, _MARKETING_API),
    "131062": Fault(_F, _MARKETING_API),
    "134102": Fault(_F, _MARKETING_API),
    "134101": Fault(_R, _("WhatsApp is still taking the template in, which lasts ten minutes at most."), 60.0),
    "131000": Fault(_X, _SYSTEM),
    "131016": Fault(_X, _SYSTEM),
    "133004": Fault(_X, _SYSTEM),
    "1": Fault(_X, _SYSTEM),
    "2": Fault(_X, _SYSTEM),
}
# Our own, for what is no error of the API.
OURS: dict[str, str | Promise] = {
    "unreadable_answer": _("WhatsApp's answer could not be read. It is not known whether the message was taken."),
    "not_connected": _("WhatsApp could not be reached. It is tried again."),
    "sender_incomplete": _("The sender has no token any more. Put one in and check it again."),
    "gave_up": _("It was tried very many times and never taken."),
}

MAY_BE_OVER = frozenset(
    code
    for code, fault in BOOK.items()
    if fault.kind in (Class.SOON, Class.ANOTHER_DAY, Class.STOP, Class.TEMPLATE, Class.FILE) and code != "132016"
) | {"gave_up", "sender_incomplete"}

# Not the fault of the person whom the message was for: it goes back, and what is at fault is written down.
NOBODYS = (Class.STOP, Class.TEMPLATE, Class.FILE)
LONGEST_WAIT_SECONDS = 600.0
# Only 255 attempts have a delivery code.
MOST_ATTEMPTS = 200
# How long the rows of a sender or template that cannot send wait, until the next gate has seen that and pauses.
PAUSE_SECONDS = 2.0


def class_of(code: str) -> Class | None:
    """Return the class of an error, or None for one that nobody told us about."""
    fault = BOOK.get(code)
    return fault.kind if fault else None


def sentence(code: str) -> str:
    """Return in the reader's language what ``code`` (as kept with a delivery) means; '' for none."""
    if not code:
        return ""
    if code in BOOK:
        return str(BOOK[code].sentence)
    if code in OURS:
        return str(OURS[code])
    if code.isascii() and code.isdecimal():
        return str(_("WhatsApp refused it with the code %(code)s, which nobody has explained yet.")) % {"code": code}
    return str(_("The answer never came (%(code)s). It is not known whether the message was taken.")) % {"code": code}


def outcome(code: str, *, attempt: int, retry_after: float = 0.0) -> Outcome:
    """Return what an error in the answer to a hand-over proves: refused, to be tried again, or unknown."""
    fault = BOOK.get(code)
    if fault is None or fault.kind is Class.UNCLEAR:
        return Outcome(OutcomeKind.UNKNOWN, error_code=code)
    if fault.kind in (Class.SOON, *NOBODYS) and attempt >= MOST_ATTEMPTS:
        return Outcome(OutcomeKind.REJECTED, error_code="gave_up")
    if code == PAIR_RATE:
        wait = min(4.0 ** min(attempt, 8), LONGEST_WAIT_SECONDS)
        return Outcome(OutcomeKind.NOT_STARTED, error_code=code, wait_seconds=wait, is_for_one=True)
    if fault.kind is Class.SOON:
        wait = min(max(retry_after, fault.wait_seconds), LONGEST_WAIT_SECONDS)
        return Outcome(OutcomeKind.NOT_STARTED, error_code=code, wait_seconds=wait)
    if fault.kind in NOBODYS:
        return Outcome(OutcomeKind.NOT_STARTED, error_code=code, wait_seconds=PAUSE_SECONDS)
    return Outcome(OutcomeKind.REJECTED, error_code=code)
