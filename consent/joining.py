"""Where a business asks people for a yes: the exact words, the keyword, and where its poster leads."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from businesses import audit
from businesses.models import Business, User
from consent import fiction, keywords, phones, wordings
from consent.models import JoinPage, Wording

PLACE = "join_page"
# How the message begins in each language of ours; whichever somebody writes, it means the same.
JOIN = {"en": "JOIN", "fr": "REJOINDRE"}
LOCALE_OF = {"join": "en", "rejoindre": "fr", "rejoins": "fr"}
YES = frozenset(
    {"yes", "y", "ok", "okay", "yes please", "i confirm", "oui", "o", "oui merci", "d accord", "je confirme", "ja"}
    | {"si", "sim"}
)
KEYWORD = re.compile(r"[A-Z0-9]{3,20}")
MIN_PROMISE, MAX_PROMISE = 20, 600


class CannotEdit(ValidationError):
    """The page cannot be changed like that; each field has its sentence."""


class Way(NamedTuple):
    """How people join in one language: what they read, what they write, and where the QR code leads."""

    wording: Wording
    words: str
    link: str


class Asked(NamedTuple):
    """The words of somebody who wants to join; ``version`` when the poster or link had one written."""

    keyword: str
    locale: str
    version: int | None


# --- The page ----------------------------------------------------------------------------------------


def page_of(*, business: Business, now: datetime) -> JoinPage:
    """Return the business's page, made with a keyword from its name when it is asked for first."""
    defaults = {"keyword": _first_keyword(business.name), "created_at": now, "updated_at": now}
    pages = JoinPage.objects.select_related("business__legal_entity")
    return pages.get_or_create(business=business, defaults=defaults)[0]


def public_page(*, code: str) -> JoinPage | None:
    """Return the page that visitors may see, or None when it is closed, or its business may not send."""
    found = JoinPage.objects.select_related("business__legal_entity").filter(code=code, is_open=True).first()
    return found if found is not None and found.business.may_send else None


def _first_keyword(name: str) -> str:
    words = [word.upper() for word in _plain(name).split() if len(word) >= 3 and word.isascii()]
    fitting = [word[:20] for word in words if keywords.classify(word) == "none"]
    return max(fitting, key=len) if fitting else "OFFERS"


def promise(*, page: JoinPage, locale: str, now: datetime) -> Wording:
    """Return the words that the page shows in ``locale``, archived with their version before anybody sees them."""
    # Read anew: whoever holds a page from before an edit must not bring its old words back as new ones.
    promises = JoinPage.objects.values_list("promises", flat=True).get(pk=page.pk)
    text = promises.get(locale) or default_promise(business=page.business, locale=locale)
    return wordings.archived(code=PLACE, locale=locale, text=text, business=page.business, now=now)


def default_promise(*, business: Business, locale: str) -> str:
    """Return the house's words: who writes, what, how, and how it ends."""
    company = business.legal_entity.name
    with translation.override(locale):
        words = _(
            "I would like to get offers and news from %(business)s by message on this number."
            " I can stop them at any time by answering STOP."
        ) % {"business": business.name}
        return words if company == business.name else words + " " + _("Sent by %(company)s.") % {"company": company}


def versions(*, business: Business) -> list[Wording]:
    """Return every wording that was ever shown on the page, the newest first."""
    return list(Wording.objects.of(business).filter(code=PLACE).order_by("-created_at", "-id"))


@transaction.atomic
def edit(*, page: JoinPage, by: User | None, now: datetime, **changes: Any) -> JoinPage:
    """Change ``keyword``, ``display_number``, ``is_open`` or ``promises`` (by language; empty is the house's words).

    Raises ``CannotEdit``; then nothing has changed. New words become the next version; people who joined before keep
    the one they saw.
    """
    locked = JoinPage.objects.select_for_update(of=("self",)).select_related("business__legal_entity").get(pk=page.pk)
    faults: dict[str, Any] = {}
    before = _facts(locked)
    for name, value in changes.items():
        try:
            setattr(locked, name, _CLEAN[name](locked, value))
        except ValidationError as fault:
            faults[name] = fault.messages
    if faults:
        raise CannotEdit(faults)
    locked.updated_at = now
    locked.save()
    for locale in JOIN:
        promise(page=locked, locale=locale, now=now)
    if before != _facts(locked):
        audit.note(
            action="join_page.edited",
            object_kind="join_page",
            object_code=locked.code,
            actor=by,
            business=locked.business,
            before=before,
            after=_facts(locked),
            now=now,
        )
    return locked


def _facts(page: JoinPage) -> dict[str, Any]:
    return {
        "keyword": page.keyword,
        "display_number": page.display_number,
        "is_open": page.is_open,
        "promises": dict(page.promises),
    }


def _clean_keyword(page: JoinPage, value: str) -> str:
    keyword = "".join(_plain(value).split()).upper()
    if not KEYWORD.fullmatch(keyword):
        raise ValidationError(_("A keyword has 3 to 20 letters or digits and no spaces, for example SOLEIL."))
    if any(keywords.classify(words) != "none" for words in (keyword, *(f"{join} {keyword}" for join in JOIN.values()))):
        raise ValidationError(_("This word already means stop, start or help. Choose another one."))
    return keyword


def _clean_number(page: JoinPage, value: str) -> str:
    if not value.strip():
        return ""
    allowed = fiction.is_allowed(page.business)
    return phones.parse(value, default_country=page.business.country, allow_fiction=allowed).e164


def _clean_promises(page: JoinPage, value: dict[str, str]) -> dict[str, str]:
    if unknown := sorted(set(value) - JOIN.keys()):
        raise ValidationError(_("There is no page in the language “%(language)s”.") % {"language": unknown[0]})
    kept = {locale: " ".join(text.split()) for locale, text in value.items() if text.strip()}
    for text in kept.values():
        if not MIN_PROMISE <= len(text) <= MAX_PROMISE:
            raise ValidationError(_("The promise has between 20 and 600 letters."))
        if "STOP" not in text:
            raise ValidationError(_("Say how it ends: the promise must name the word STOP, in capitals."))
    return {locale: text for locale, text in page.promises.items() if locale not in value} | kept


_CLEAN: dict[str, Any] = {
    "keyword": _clean_keyword,
    "display_number": _clean_number,
    "promises": _clean_promises,
    "is_open": lambda page, value: bool(value),
}


# --- The words ---------------------------------------------------------------------------------------


def way(*, page: JoinPage, locale: str, now: datetime) -> Way:
    """Return how people join in ``locale`` today."""
    wording = promise(page=page, locale=locale, now=now)
    return Way(wording, words_to_write(page=page, wording=wording), link(page=page, wording=wording))


def words_to_write(*, page: JoinPage, wording: Wording) -> str:
    """Return what somebody who has read ``wording`` writes to join: JOIN SOLEIL 3. The number names what they read."""
    return f"{JOIN.get(wording.locale, JOIN['en'])} {page.keyword} {wording.version}"


def link(*, page: JoinPage, wording: Wording) -> str:
    """Return where the QR code leads: a chat with the words written already, or the public page."""
    if page.display_number:
        words = quote(words_to_write(page=page, wording=wording))
        return f"https://wa.me/{page.display_number.removeprefix('+')}?text={words}"
    return f"{settings.PUBLIC_URL.rstrip('/')}/join/{page.code}/?lang={wording.locale}"


def read(text: str) -> Asked | None:
    """Return what ``text`` asks to join, if that is what it is and nothing else."""
    first, *others = _plain(text[:100]).split() or [""]
    locale = LOCALE_OF.get(first)
    if locale is None or not 1 <= len(others) <= 2:
        return None
    version = int(others[1]) if len(others) == 2 and others[1].isascii() and others[1].isdigit() else None
    if len(others) == 2 and version is None:
        return None
    return Asked(others[0].upper(), locale, version)


def is_yes(text: str) -> bool:
    """Say whether ``text`` is a plain yes; it means something only to somebody who was asked."""
    return _plain(text[:100]) in YES


def wording_of(*, page: JoinPage, asked: Asked, now: datetime) -> Wording:
    """Return the words that the person read: those their message names, else those of today."""
    shown = Wording.objects.of(page.business).filter(code=PLACE, locale=asked.locale)
    return shown.filter(version=min(asked.version or 0, 10**6)).first() or promise(
        page=page, locale=asked.locale, now=now
    )


def _plain(text: str) -> str:
    """Return lower-case words without accents, punctuation or emoji, one space apart."""
    flat = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.sub(r"[^\w]|_", " ", "".join(c for c in flat if not unicodedata.combining(c))).split())
