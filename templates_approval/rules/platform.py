"""What this installation asks of every offer: a say for the person, an honest link, no bait, no shouting."""

from __future__ import annotations

import re
from collections.abc import Iterator

from babel import Locale, UnknownLocaleError

from templates_approval import components as reading
from templates_approval import offer, placeholders
from templates_approval.rules.book import Finding

LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?\Z")

# Hosts that hide where a link leads. A business's own short domain is not among them.
SHORTENERS = frozenset(
    {
        "adf.ly",
        "api.whatsapp.com",
        "bit.ly",
        "bitly.com",
        "bl.ink",
        "buff.ly",
        "clck.ru",
        "cutt.ly",
        "goo.gl",
        "is.gd",
        "lnkd.in",
        "ow.ly",
        "qr.ae",
        "rb.gy",
        "rebrand.ly",
        "s.id",
        "short.io",
        "shorte.st",
        "shorturl.at",
        "soo.gd",
        "t.co",
        "t.ly",
        "tiny.cc",
        "tinyurl.com",
        "urlz.fr",
        "v.gd",
        "wa.me",
        "x.co",
    }
)
HOST = re.compile(r"(?<![\w@.-])(?:https?://)?(?:www\.)?((?:[a-z0-9-]+\.)+[a-z]{2,24})(?![\w-])", re.IGNORECASE)

SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
SECRETS = re.compile(
    r"\b((?:credit |debit |bank )?card numbers?|account numbers?|IBAN|CV[VC]2?|PIN codes?|passwords?|passcodes?"
    r"|social security numbers?|passport numbers?|national id(?:entity)? numbers?|one[- ]time codes?"
    r"|numéros? de (?:votre |ta )?carte(?: bancaire| de crédit| bleue)?|numéros? de compte|coordonnées bancaires"
    r"|cryptogramme|mots? de passe|codes? (?:secret|confidentiel|PIN)s?|numéros? de sécurité sociale"
    r"|numéros? de passeport)\b",
    re.IGNORECASE,
)
# "the last four digits", "never", "loyalty card": these sentences do not ask for a secret.
HARMLESS = re.compile(
    r"last (?:4|four)|(?:4|quatre) derniers|\bnever\b|\bdon[’']t\b|\bdo not\b|\bwon[’']t\b|\bjamais\b|\bne \w+ pas\b"
    r"|\bn[’']\w+ pas\b|loyalty|member(?:ship)? card|gift card|library card|fidélité|carte cadeau|carte d[’']adhérent",
    re.IGNORECASE,
)
REGULATED = re.compile(
    r"\b(alcohol|wine|whisky|vodka|beer|tobacco|cigarettes?|vap(?:e|es|ing)|e-cigarettes?|casino|betting|gambling|lottery"
    r"|cannabis|CBD|viagra|firearms?|ammunition|alcool|vins?|bières?|tabac|cigares?|vapotage|paris sportifs|loterie"
    r"|jeux d[’']argent|armes? à feu)\b",
    re.IGNORECASE,
)
# Direction overrides and zero-width signs. Joiners inside emojis and the plain marks of right-to-left scripts are fine.
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b\u202a-\u202e\u2060-\u2069\ufeff\ue000-\uf8ff]")

SHOUTING_LETTERS = 20
SHOUTING_SHARE = 0.7


def check(message: reading.Message, *, category: str, language: str) -> Iterator[Finding]:
    """Yield what an offer of this installation lacks or may not say."""
    if category != "marketing":
        yield Finding("category_not_marketing", "category")
    if not is_language(language):
        yield Finding("language_unknown", "language", {"language": language[:20]})
    yield from _reactions(message, language)
    yield from _way_to_stop(message, language)
    for path, text in _wordings(message):
        yield from _words(path, text)
    for _, part in message.texts:
        yield from _loudness(part)


def is_language(code: str) -> bool:
    """Say whether ``code`` is written as WhatsApp writes languages and is a language that exists."""
    if not LANGUAGE.match(code):
        return False
    try:
        Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return False
    return True


def _reactions(message: reading.Message, language: str) -> Iterator[Finding]:
    labels = {button.text.strip() for button in message.buttons if button.kind == reading.QUICK_REPLY}
    wanted = offer.wording(language)
    if wanted.interested not in labels:
        yield Finding("interested_missing", _buttons_path(message), {"label": wanted.interested})
    if wanted.not_interested not in labels:
        yield Finding("not_interested_missing", _buttons_path(message), {"label": wanted.not_interested})


def _buttons_path(message: reading.Message) -> str:
    return message.buttons[0].path.rpartition("[")[0] if message.buttons else "components"


def _way_to_stop(message: reading.Message, language: str) -> Iterator[Finding]:
    if any(offer.says_how_to_stop(part.text) for name, part in message.texts if name != "header"):
        return
    path = f"{message.footer.path}.text" if message.footer else "components"
    yield Finding("stop_missing", path, {"footer": offer.wording(language).footer})


def _wordings(message: reading.Message) -> Iterator[tuple[str, str]]:
    """Yield everything that a person will read or be led to, with its path."""
    for _, part in message.texts:
        yield f"{part.path}.text", part.text
        for value in part.examples.values():
            yield f"{part.path}.example", value
    for button in message.buttons:
        yield f"{button.path}.text", button.text
        if button.url:
            yield f"{button.path}.url", button.url


def _words(path: str, text: str) -> Iterator[Finding]:
    for match in HOST.finditer(text):
        if (host := match[1].lower()) in SHORTENERS:
            yield Finding("link_shortened", path, {"host": host})
    for sentence in SENTENCE.findall(text):
        if (secret := SECRETS.search(sentence)) and not HARMLESS.search(sentence):
            yield Finding("secret_asked", path, {"words": secret[1]})
    if goods := REGULATED.search(text):
        yield Finding("regulated_goods", path, {"words": goods[1]})
    if sign := INVISIBLE.search(text):
        near = INVISIBLE.sub("", text[max(0, sign.start() - 12) : sign.end() + 12])
        yield Finding("sign_invisible", path, {"near": near})


def _loudness(part: reading.Text) -> Iterator[Finding]:
    words = offer.STOP.sub("", placeholders.without(part.text))
    letters = [sign for sign in words if sign.isalpha()]
    capitals = sum(sign.isupper() for sign in letters)
    if len(letters) >= SHOUTING_LETTERS and capitals >= SHOUTING_SHARE * len(letters):
        yield Finding("shouting", f"{part.path}.text")
