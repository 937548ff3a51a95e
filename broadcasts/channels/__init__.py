"""Three or four channels are a dict. A lane makes its own set, so that connections belong to its event loop."""

from broadcasts.channels.base import Channel
from broadcasts.channels.sandbox import Sandbox
from broadcasts.channels.webhook import Webhook
from broadcasts.channels.whatsapp import WhatsApp, errors
from broadcasts.models import Sender
from consent.lines import MOBILES, LineType

KINDS: dict[str, type[Sandbox] | type[Webhook] | type[WhatsApp]] = {
    Sender.Channel.SANDBOX: Sandbox,
    Sender.Channel.WEBHOOK: Webhook,
    Sender.Channel.WHATSAPP: WhatsApp,
}

# The key in a sender's settings by which its business says that what is behind it, an SMS gateway perhaps, reaches
# mobile phones only.
MOBILES_ONLY = "mobiles_only"

# Why a message was refused, where the same message to the same person may go through another time: too fast, too soon,
# the account or the template was locked, the service was not set up. A code that nobody told us about is none of them.
MAY_BE_OVER = errors.MAY_BE_OVER | Webhook.MAY_BE_OVER


def open_channels() -> dict[str, Channel]:
    """Return one channel of each kind, for one event loop; close each when the loop ends."""
    return {kind: channel() for kind, channel in KINDS.items()}


def line_types_of(sender: Sender) -> frozenset[LineType] | None:
    """Return which telephone lines ``sender`` reaches; None: whatever line has a number."""
    traits = KINDS[sender.channel].traits
    is_narrowed = traits.may_reach_mobiles_only and bool(sender.settings.get(MOBILES_ONLY))
    return MOBILES if is_narrowed else traits.line_types


def lines_known(sender: Sender) -> frozenset[LineType] | None:
    """Return which lines ``sender`` is known to reach: only mobile phones, as long as its business has not said more.

    Its own lists are a business's to answer for (``line_types_of``); to a number that anybody may have entered, nothing
    is sent on a guess.
    """
    is_left_open = KINDS[sender.channel].traits.may_reach_mobiles_only and MOBILES_ONLY not in sender.settings
    return MOBILES if is_left_open else line_types_of(sender)


def why(kind: str, code: str) -> str:
    """Return what an error code kept with a delivery means, in the reader's language; a service's own code as it is."""
    return errors.sentence(code) if kind == Sender.Channel.WHATSAPP else code


def channel_for(sender: Sender) -> Channel:
    """Return a channel to verify and read callbacks with; nothing is opened for that."""
    return KINDS[sender.channel]()
