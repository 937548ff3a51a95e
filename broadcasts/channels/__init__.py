"""Three or four channels are a dict. A lane makes its own set, so that connections belong to its event loop."""

from broadcasts.channels.base import Channel
from broadcasts.channels.sandbox import Sandbox
from broadcasts.channels.webhook import Webhook
from broadcasts.models import Sender

KINDS: dict[str, type[Sandbox] | type[Webhook]] = {
    Sender.Channel.SANDBOX: Sandbox,
    Sender.Channel.WEBHOOK: Webhook,
}


def open_channels() -> dict[str, Channel]:
    """Return one channel of each kind, for one event loop; close each when the loop ends."""
    return {kind: channel() for kind, channel in KINDS.items()}


def channel_for(sender: Sender) -> Channel:
    """Return a channel to verify and read callbacks with; nothing is opened for that."""
    return KINDS[sender.channel]()
