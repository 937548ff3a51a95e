"""A broadcast, the messages it is made of, the chunks they travel in, who sends them, and what is counted."""

from broadcasts.models.broadcast import (
    Broadcast,
    BroadcastVersion,
    Budget,
    Estimate,
    PriceLine,
    Reach,
)
from broadcasts.models.chunk import Chunk, Lane
from broadcasts.models.counts import Count, CountDelta, TierUse
from broadcasts.models.delivery import Delivery, ProviderMessage
from broadcasts.models.guard import Guard
from broadcasts.models.notice import Notice
from broadcasts.models.own_number import MOST_TESTS_A_DAY, OwnNumber, TestDay, Window
from broadcasts.models.phone import PhoneMessage
from broadcasts.models.provider import ProviderTemplate, SenderMedia, Standing
from broadcasts.models.segment import Segment
from broadcasts.models.sender import Sender
from broadcasts.models.stop import EmergencyStop

__all__ = [
    "MOST_TESTS_A_DAY",
    "Broadcast",
    "BroadcastVersion",
    "Budget",
    "Chunk",
    "Count",
    "CountDelta",
    "Delivery",
    "EmergencyStop",
    "Estimate",
    "Guard",
    "Lane",
    "Notice",
    "OwnNumber",
    "PhoneMessage",
    "PriceLine",
    "ProviderMessage",
    "ProviderTemplate",
    "Reach",
    "Segment",
    "Sender",
    "SenderMedia",
    "Standing",
    "TestDay",
    "TierUse",
    "Window",
]
