"""Which column of a contact file holds what: our guess from its title and first rows, and what the business chose.

A column has a role. Each of our own roles is given once (``stopped`` may be given often: any of them stops); the other
columns are kept as attributes or ignored. What a file has no column for may be said once for all of its rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consent import cells

MAX_COLUMNS = 60
MAX_KEY_LETTERS = 60
PHONE, NAME, LANGUAGE, COUNTRY = "phone", "name", "language", "country"
INTERACTION, DATE, EVIDENCE, OPT_OUT_OFFERED = "interaction", "interaction_date", "evidence", "opt_out_offered"
STOPPED, DETAILS, ATTRIBUTE, IGNORE = "stopped", "details", "attribute", "ignore"
ONCE = (PHONE, NAME, LANGUAGE, COUNTRY, INTERACTION, DATE, EVIDENCE, OPT_OUT_OFFERED, DETAILS)
ROLES = (*ONCE[:-1], STOPPED, DETAILS, ATTRIBUTE, IGNORE)
ROLES_OF_STOPS = (PHONE, COUNTRY, STOPPED, DETAILS, IGNORE)
# What may be said for a whole file, where it has no column of its own for it.
FOR_ALL = (INTERACTION, DATE, EVIDENCE, OPT_OUT_OFFERED, COUNTRY, LANGUAGE)
# The report of rejected rows names its own columns so: they are no facts about people when it comes back.
OUR_MARK = "tambour "

# The names that columns have in the wild, best first; compared without case, accents and punctuation.
SYNONYMS = {
    PHONE: (
        "phone|phone number|whatsapp|whatsapp number|mobile|mobile phone|mobile number|portable|gsm|cell"
        "|cell phone|msisdn|wa id|sms|tel mobile|telephone mobile|telephone portable|n de telephone"
        "|numero de telephone|numero de portable|telephone|numero|tel|telephone number|handy|handynummer"
        "|mobilnummer|telefon|telefonnummer|telefono|movil|cellulare|telefone|celular|number"
    ),
    NAME: (
        "name|full name|nom complet|nom et prenom|prenom et nom|nom prenom|nom|contact|client|customer|nombre completo"
    ),
    LANGUAGE: "language|langue|lang|locale|sprache|idioma|lingua",
    COUNTRY: "country|pays|country code|code pays|land|pais|paese",
    INTERACTION: "interaction|interaction type|type d interaction|type interaction|origine|evenement|event|source",
    DATE: "interaction date|date d interaction|date interaction|date de l interaction|date|datum|fecha|data",
    EVIDENCE: "evidence|preuve|proof|justificatif|reference|order|order number|numero de commande|commande|nachweis",
    OPT_OUT_OFFERED: (
        "opt out offered|optout offered|opposition proposee|desinscription proposee|refus propose|opt out propose"
    ),
    "first_name": "first name|firstname|given name|prenom|vorname|nombre|nome",
    "last_name": "last name|lastname|surname|family name|nom de famille|nachname|apellido|apellidos|cognome",
    "city": "city|town|ville|stadt|ort|ciudad|citta|cidade",
    DETAILS: "attributes|attribs",
}
TITLES_OF_STOPS = (
    "unsubscribed|unsubscribed at|unsubscribe|unsubscribe date|opt out|optout|opted out|opted out at|opt out at"
    "|opt out date|optout date|blocklisted|blacklisted|sms blocklisted|sms blacklisted|whatsapp blocklisted"
    "|whatsapp blacklisted|blocked|do not contact|do not call|dnc|stop|stopped|stop sms|stop whatsapp|desinscrit"
    "|desinscription|date de desinscription|desabonne|desabonnement|opposition|ne plus contacter|abgemeldet"
    "|widerruf|baja|disiscritto|descadastrado"
)
TITLES_OF_STATES = "status|statut|state|etat|subscription status|statut d abonnement|abonnement|estado|stato"
_LIKE_A_NUMBER = re.compile(r"(?:tel:|p:)?[+(]?\d[\d .()/-]{6,24}(?:\.0)?", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """The role of every column, and what holds for all rows (see ``FOR_ALL``)."""

    roles: tuple[str, ...]
    for_all: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"roles": list(self.roles), "for_all": dict(self.for_all)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Layout:
        return cls(tuple(stored["roles"]), dict(stored["for_all"]))

    def place_of(self, role: str) -> int | None:
        return self.roles.index(role) if role in self.roles else None


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where each thing stands in a row; ``attributes`` are (position, key) of everything that is not our own."""

    n: int
    own: dict[str, int]
    attributes: tuple[tuple[int, str], ...]
    stops: tuple[int, ...]
    titles: tuple[str, ...]


def arranged(titles: Sequence[str], layout: Layout) -> Columns:
    """Return where things stand in the rows of a file with these titles."""
    keys = [key_of(title) for title in titles]
    if "first_name" in keys and "last_name" not in keys:
        # Beside a column "prénom", a column "nom" is the family's.
        keys = ["last_name" if key == "nom" else key for key in keys]
    return Columns(
        n=len(titles),
        own={role: i for i, role in enumerate(layout.roles) if role in ONCE},
        attributes=tuple((i, keys[i]) for i, role in enumerate(layout.roles) if role == ATTRIBUTE and keys[i]),
        stops=tuple(i for i, role in enumerate(layout.roles) if role == STOPPED),
        titles=tuple(titles),
    )


def key_of(title: str) -> str:
    """Return the name of the attribute that a column of this title becomes."""
    words = cells.plain(title)
    known = next((key for key in ("first_name", "last_name", "city") if words in SYNONYMS[key].split("|")), "")
    return (known or words.replace(" ", "_"))[:MAX_KEY_LETTERS]


def n_recognised(header: Sequence[str]) -> int:
    """Return how many of our own columns ``header`` has, the number counting most."""
    found = _found([cells.plain(title) for title in header[:MAX_COLUMNS]])
    return len(found) + 10 * (PHONE in found)


def looks_like_people(row: Sequence[str]) -> bool:
    """Say whether a first line is no header but a row already: a telephone number stands in it."""
    return any(_LIKE_A_NUMBER.fullmatch(cell.strip().strip("'")) for cell in row)


def guess(titles: Sequence[str], sample: Sequence[Sequence[str]], *, of_stops: bool = False) -> Layout:
    """Say what each column seems to be, by its title in French, English or a neighbour's words, and its first cells.

    In a list of stops every number is one: a column about states is only used when the business says so.
    """
    words = [cells.plain(title) for title in titles]
    role_at = {position: role for role, position in _found(words).items() if role in ONCE}
    if PHONE not in role_at.values() and DETAILS not in role_at.values():
        role_at |= _numbers_among(sample, role_at)
    roles = [role_at.get(i) or _other_role(word, _column(sample, i)) for i, word in enumerate(words)]
    if of_stops:
        roles = [role if role in (PHONE, COUNTRY, DETAILS) else IGNORE for role in roles]
    return Layout(tuple(roles))


def fingerprint(titles: Sequence[str]) -> str:
    """Return what is the same for two files with the same header."""
    return hashlib.sha256("\n".join(cells.plain(title) for title in titles).encode()).hexdigest()


def _found(words: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for role, names in SYNONYMS.items():
        position = next((words.index(name) for name in names.split("|") if name in words), None)
        if position is not None and position not in found.values():
            found[role] = position
    if "first_name" in found and "last_name" not in found and words[found.get(NAME, 0)] == "nom":
        # Beside a column "prénom", a column "nom" is the family's.
        found["last_name"] = found.pop(NAME)
    if PHONE in found:
        # Beside a column of numbers, one of "attributes" is an attribute like any other.
        found.pop(DETAILS, None)
    return found


def _other_role(word: str, column: list[str]) -> str:
    if not word or word.startswith(OUR_MARK):
        return IGNORE
    if word in TITLES_OF_STOPS.split("|"):
        return STOPPED
    told = [cell for cell in column if cell]
    if word in TITLES_OF_STATES.split("|") and told and all(cells.stopped_or_not(cell) is not None for cell in told):
        return STOPPED
    # A title of digits stands for a column without one.
    return IGNORE if word.isdigit() else ATTRIBUTE


def _numbers_among(sample: Sequence[Sequence[str]], taken: Mapping[int, str]) -> dict[int, str]:
    """Find the column in which telephone numbers stand, though its title does not say so."""
    for i in range(max((len(row) for row in sample), default=0)):
        told = [cell for cell in _column(sample, i) if cell]
        if i not in taken and told and 2 * sum(looks_like_people([cell]) for cell in told) >= len(told):
            return {i: PHONE}
    return {}


def _column(sample: Sequence[Sequence[str]], position: int) -> list[str]:
    return [row[position].strip() for row in sample if position < len(row)]
