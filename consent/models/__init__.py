"""People, what they did, what they allowed, what they refused, and how often they were told."""

from consent.models.erasure import ErasureRequest, RetentionRule
from consent.models.evidence import EvidenceCase, ImportBatch, ImportFault, Interaction, RememberedLayout
from consent.models.joining import JoinPage, JoinRequest
from consent.models.people import Address, Contact, Recipient, Refusal, Suppression
from consent.models.policy import BasisRule, CapRule, EvidencePolicy, QuietHours
from consent.models.proof import ConsentEvent, PersonKey, Wording
from consent.models.spending import CapEntry

__all__ = [
    "Address",
    "BasisRule",
    "CapEntry",
    "CapRule",
    "ConsentEvent",
    "Contact",
    "ErasureRequest",
    "EvidenceCase",
    "EvidencePolicy",
    "ImportBatch",
    "ImportFault",
    "Interaction",
    "JoinPage",
    "JoinRequest",
    "PersonKey",
    "QuietHours",
    "Recipient",
    "Refusal",
    "RememberedLayout",
    "RetentionRule",
    "Suppression",
    "Wording",
]
