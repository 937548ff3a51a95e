"""A sandbox channel that writes down when each hand-over begins: what a stop or a pause is judged by."""

import asyncio
import time

from broadcasts.channels.base import Message, Outcome, OutcomeKind, Report
from broadcasts.channels.sandbox import Sandbox
from broadcasts.models import Sender


class Stamped(Sandbox):
    """Notes when each hand-over begins."""

    began: list[float]

    async def send(self, sender: Sender, messages: list[Message], report: Report) -> None:  # type: ignore[override]
        for message in messages:
            if message.is_stale:
                report(message, Outcome(OutcomeKind.NOT_STARTED))
                continue
            self.began.append(time.time())
            report(message, Outcome(OutcomeKind.ACCEPTED, provider_id=f"x{message.recipient_id}"))
            await asyncio.sleep(0.002)
