"""What every offer carries, in its own language: Interested, Not interested, and a way to stop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from templates_approval import components as reading
from templates_approval import placeholders

INTERESTED = "interested"
NOT_INTERESTED = "not_interested"

# The keyword that every channel understands as a refusal, whatever the language around it.
STOP = re.compile(r"\bSTOP\b")
# What the fallback for the variable of a link is called: no template has a hundred buttons.
BUTTON_KEY = re.compile(r"button\.([0-9]{1,2})(\..+)\Z", re.DOTALL)
# The person's own page, where all three choices are: the address ends with what makes it theirs.
CHOICES_PAGE = re.compile(r"https://[^/\s]+/p/\{\{[^{}]+\}\}\Z")


@dataclass(frozen=True, slots=True)
class Wording:
    """What one language says: two labels (≤ 25 characters), the footer (≤ 60), and all of it in one sentence.

    The sentence stands in the body where a format has neither quick replies nor a footer. It holds both labels and
    STOP: whoever writes one of them is understood.
    """

    interested: str
    not_interested: str
    footer: str
    sentence: str


WORDINGS = {
    "en": Wording(
        "Interested",
        "Not interested",
        "Reply STOP to end these offers",
        "Reply “Interested”, “Not interested”, or STOP to end these offers.",
    ),
    "fr": Wording(
        "Intéressé",
        "Pas intéressé",
        "Répondez STOP pour ne plus recevoir d’offres",
        "Répondez «\u202fIntéressé\u202f», «\u202fPas intéressé\u202f», ou STOP pour ne plus recevoir d’offres.",
    ),
    "de": Wording(
        "Interessiert mich",
        "Kein Interesse",
        "Mit STOP antworten, um Angebote abzubestellen",
        "Antworten Sie „Interessiert mich“, „Kein Interesse“, oder STOP, um Angebote abzubestellen.",
    ),
    "es": Wording(
        "Me interesa",
        "No me interesa",
        "Responde STOP para no recibir más ofertas",
        "Responde «Me interesa», «No me interesa», o STOP para no recibir más ofertas.",
    ),
    "it": Wording(
        "Mi interessa",
        "Non mi interessa",
        "Rispondi STOP per non ricevere più offerte",
        "Rispondi «Mi interessa», «Non mi interessa», o STOP per non ricevere più offerte.",
    ),
    "nl": Wording(
        "Interessant",
        "Niet interessant",
        "Antwoord STOP om aanbiedingen te stoppen",
        "Antwoord ‘Interessant’, ‘Niet interessant’, of STOP om aanbiedingen te stoppen.",
    ),
    "pt": Wording(
        "Tenho interesse",
        "Não tenho interesse",
        "Responda STOP para não receber mais ofertas",
        "Responda “Tenho interesse”, “Não tenho interesse”, ou STOP para não receber mais ofertas.",
    ),
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


# --- What a template says already ----------------------------------------------------------------


def says_how_to_stop(text: str) -> bool:
    return STOP.search(text) is not None


def says_how_to_stop_anywhere(message: reading.Message) -> bool:
    """Say whether body or footer names the keyword; people do not look for it in a header."""
    return any(says_how_to_stop(part.text) for name, part in message.texts if name != "header")


def says_all(text: str, language: str) -> bool:
    """Say whether ``text`` names both reactions and STOP: the negative label may not stand for the positive one."""
    words = wording(language)
    rest = text.replace(words.not_interested, " ")
    return words.not_interested in text and words.interested.lower() in rest.lower() and says_how_to_stop(rest)


def has_room_for_buttons(message: reading.Message) -> bool:
    """A limited-time offer and a carousel have neither quick replies under the body nor a footer."""
    return message.deadline is None and not message.carousel_path


def leads_to_choices(message: reading.Message) -> bool:
    """Say whether a link leads each person to the page where all three choices are.

    While the installation has no public address, whoever checks a file for another one may name any.
    """
    return any(
        placeholders.is_own_page(button.url) or (_has_no_address() and CHOICES_PAGE.match(button.url))
        for button in message.buttons
        if button.kind == reading.URL
    )


def _has_no_address() -> bool:
    return str(settings.PUBLIC_URL).startswith("http://localhost")


# --- What is put in ------------------------------------------------------------------------------


def completed(
    components: Sequence[Any], *, language: str, fallbacks: Mapping[str, str]
) -> tuple[list[Any], dict[str, str]]:
    """Return ``(components, fallbacks)`` with what an offer lacks put in, in ``language``; the same when nothing lacks.

    Two quick replies, beside those that are there, else first; the words of how to stop in a footer, or at the end of
    the body when the footer says something else. Formats with no room for either get one sentence at the end of the
    body. Links behind new buttons move on, and so do the names of their fallbacks. What cannot be read is left as it
    is: the rules speak about it.
    """
    done, kept = deepcopy(list(components)), dict(fallbacks)
    message = reading.read(done)
    if message.body is None or leads_to_choices(message):
        return done, kept
    words = wording(language)
    if not has_room_for_buttons(message):
        if not says_all(message.body.text, language):
            _add_to_body(done, words.sentence)
        return done, kept
    kept = _add_replies(done, message, words, kept)
    if not says_how_to_stop_anywhere(message):
        _say_how_to_stop(done, message, words)
    return done, kept


def _part(components: list[Any], kind: str) -> dict[str, Any]:
    return next(part for part in components if _is(part, kind))


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, dict) and reading.word(part.get("type")) == kind


def _add_to_body(components: list[Any], sentence: str) -> None:
    body = _part(components, reading.BODY)
    if isinstance(said := body.get("text"), str) and said.strip():
        body["text"] = f"{said.rstrip()}\n\n{sentence}"


def _add_replies(
    components: list[Any], message: reading.Message, words: Wording, fallbacks: dict[str, str]
) -> dict[str, str]:
    labels = {button.text.strip() for button in message.buttons if button.kind == reading.QUICK_REPLY}
    missing = [label for label in (words.interested, words.not_interested) if label not in labels]
    replies = [{"type": reading.QUICK_REPLY, "text": label} for label in missing]
    if not replies:
        return fallbacks
    if not message.buttons_path:
        components.append({"type": reading.BUTTONS, "buttons": replies})
        return fallbacks
    buttons = _part(components, reading.BUTTONS)
    given = buttons.get("buttons")
    if not isinstance(given, list) or len(given) != len(message.buttons):
        return fallbacks
    kinds = [button.kind for button in message.buttons]
    place = kinds.index(reading.QUICK_REPLY) if reading.QUICK_REPLY in kinds else 0
    buttons["buttons"] = [*given[:place], *replies, *given[place:]]
    return {_moved(name, place, len(replies)): value for name, value in fallbacks.items()}


def _moved(name: str, place: int, by: int) -> str:
    match = BUTTON_KEY.match(name)
    if match is None or int(match[1]) < place:
        return name
    return f"button.{int(match[1]) + by}{match[2]}"


def _say_how_to_stop(components: list[Any], message: reading.Message, words: Wording) -> None:
    if message.footer is None:
        before = next((n for n, part in enumerate(components) if _is(part, reading.BUTTONS)), len(components))
        components.insert(before, {"type": reading.FOOTER, "text": words.footer})
    elif not message.footer.text.strip():
        _part(components, reading.FOOTER)["text"] = words.footer
    else:
        _add_to_body(components, f"{words.footer}.")
