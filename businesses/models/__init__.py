"""The people and companies who speak, their money, their keys, and what happened to them."""

from businesses.models.account import Business, LegalEntity, Member, User
from businesses.models.keys import ApiKey, IdempotentRequest
from businesses.models.money import Hold, LedgerEntry, Price, Wallet
from businesses.models.record import AuditEvent, Event, EventSequence

__all__ = [
    "ApiKey",
    "AuditEvent",
    "Business",
    "Event",
    "EventSequence",
    "Hold",
    "IdempotentRequest",
    "LedgerEntry",
    "LegalEntity",
    "Member",
    "Price",
    "User",
    "Wallet",
]
