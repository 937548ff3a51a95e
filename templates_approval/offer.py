"""What every offer carries, in its own language: Interested, Not interested, and the words that say how to stop."""

from __future__ import annotations

import re
from dataclasses import dataclass

INTERESTED = "interested"
NOT_INTERESTED = "not_interested"

# The keyword that every channel understands as a refusal, whatever the language around it.
STOP = re.compile(r"\bSTOP\b")


@dataclass(frozen=True, slots=True)
class Wording:
    """The labels of the two quick replies (≤ 25 characters) and the footer (≤ 60 characters) of one language."""

    interested: str
    not_interested: str
    footer: str


WORDINGS = {
    "en": Wording("Interested", "Not interested", "Reply STOP to end these offers"),
    "fr": Wording("Intéressé", "Pas intéressé", "Répondez STOP pour ne plus recevoir d’offres"),
    "de": Wording("Interessiert mich", "Kein Interesse", "Mit STOP antworten, um Angebote abzubestellen"),
    "es": Wording("Me interesa", "No me interesa", "Responde STOP para no recibir más ofertas"),
    "it": Wording("Mi interessa", "Non mi interessa", "Rispondi STOP per non ricevere più offerte"),
    "nl": Wording("Interessant", "Niet interessant", "Antwoord STOP om aanbiedingen te stoppen"),
    "pt": Wording("Tenho interesse", "Não tenho interesse", "Responda STOP para não receber mais ofertas"),
}


def wording(language: str) -> Wording:
    """Return the wording of ``language`` (``fr_CA`` is read as ``fr``), English when it has none of its own."""
    return WORDINGS.get(language.partition("_")[0].lower(), WORDINGS["en"])


REACTIONS = {w.interested: INTERESTED for w in WORDINGS.values()} | {
    w.not_interested: NOT_INTERESTED for w in WORDINGS.values()
}


def reaction(label: str) -> str:
    """Return ``interested``, ``not_interested``, or ``""`` for a quick reply that is neither."""
    return REACTIONS.get(label.strip(), "")


def says_how_to_stop(text: str) -> bool:
    return STOP.search(text) is not None
