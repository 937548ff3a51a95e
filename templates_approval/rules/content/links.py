"""Links lead where they say: no shorteners, no bare numbers, no imitated names, no other site than the words name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from rapidfuzz import process
from rapidfuzz.distance import OSA

from templates_approval import components as reading
from templates_approval import placeholders
from templates_approval.rules.book import Finding
from templates_approval.rules.policy import Brand, Policy, lines
from templates_approval.rules.subject import Subject

HOST = re.compile(
    r"(?<![\w@.-])(?:https?://)?((?:[^\W_](?:[\w-]*[^\W_])?\.)+(?:[^\W\d_]{2,24}|xn--[a-z0-9-]+))(?![\w@-]|\.\w)",
    re.IGNORECASE,
)
# A version has four numbers, too: only a scheme, a port or a path make an address of them.
IP = re.compile(r"(?:https?://((?:\d{1,3}\.){3}\d{1,3})|(?<![\w.])((?:\d{1,3}\.){3}\d{1,3})(?=:\d|/\w))")
SOCIAL, OFFICIAL = frozenset(lines("social.txt")), frozenset(lines("official.txt"))
# As a hasty reader sees them; both the address and the name are read so.
ALIKE = str.maketrans("01345678$iv", "oleasgtbslu")
PAIRS = (("rn", "m"), ("uu", "w"), ("cl", "d"))
# Endings that cost next to nothing: a known name in front of one of them is seldom the real one.
# So many hosts are remembered: a template names the same few again and again.
MEMORY = 4_096
CHEAP = frozenset(
    [
        "biz",
        "cc",
        "club",
        "icu",
        "info",
        "live",
        "net",
        "online",
        "shop",
        "site",
        "store",
        "top",
        "vip",
        "website",
        "xyz",
    ]
)
NEIGHBOURS = ({"m", "n"}, {"a", "e"}, {"s", "z"}, {"c", "k"}, {"o", "p"}, {"t", "r"})
MIN_TYPO, MIN_DOUBLED = 6, 5


def check(subject: Subject, policy: Policy) -> Iterator[Finding]:
    for path, text in subject.wordings:
        # Our own page is where this installation is, whatever its address.
        for host in hosts(text) if not placeholders.is_own_page(text) else ():
            if finding := _fault(host, path, policy):
                yield finding
    yield from _mismatches(subject.message)


def hosts(text: str) -> list[str]:
    """Return the hosts that ``text`` names, in small letters: of its links, of its bare addresses, of its numbers."""
    if text.startswith(("http://", "https://")) and " " not in text:
        try:
            # The site is all that counts of an address of 2,000 characters.
            host = urlsplit("/".join(text.split("/", 3)[:3])).hostname
        except ValueError:
            host = None
        return [host] if host else []
    # A full stop with a letter or digit behind it is what makes an address; most texts have none.
    if not any(rest[:1].isalnum() for rest in text.split(".")[1:]):
        return []
    named = [match[1] for match in HOST.finditer(text) if _is_address(match)]
    return [host.lower() for host in named] + [ip for match in IP.finditer(text) if _is_ip(ip := match[1] or match[2])]


def _is_address(match: re.Match[str]) -> bool:
    """A full stop without a space behind it joins two words, and makes no address: their letters and ends tell."""
    host = match[1]
    last = host.rpartition(".")[2]
    if last[0].isupper() and not host.isupper():
        return False
    return "://" in match[0] or host.lower().startswith("www.") or bool(_domain(host.lower()).suffix)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> Any:
    # With its own list of suffixes: nothing is fetched.
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=MEMORY)
def _domain(host: str) -> Any:
    return _suffixes()(host)


def registered(host: str) -> str:
    """Return the part of ``host`` that somebody registered: ``example.co.uk`` of ``www.example.co.uk``."""
    parts = _domain(host)
    return f"{parts.domain}.{parts.suffix}" if parts.domain and parts.suffix else host


# --- Hidden and imitated -------------------------------------------------------------------------


def _fault(host: str, path: str, policy: Policy) -> Finding | None:
    site = registered(host)
    if _is_ip(host) or host.removeprefix("www.") in policy.shorteners or site in policy.shorteners:
        return Finding("link_shortened", path, {"host": host})
    shown = ".".join(_decoded(label) for label in host.split("."))
    if brand := imitated(shown, site, policy):
        return Finding("link_lookalike", path, {"host": shown[:80], "like": min(brand.sites, key=len)})
    if not shown.isascii() and any(_mixes(label) for label in shown.split(".")):
        return Finding("link_mixed_letters", path, {"host": shown[:80]})
    return None


def _decoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return label


def _mixes(label: str) -> bool:
    from confusable_homoglyphs import confusables

    return bool(not label.isascii() and confusables.is_dangerous(label))


@lru_cache(maxsize=MEMORY)
def imitated(host: str, site: str, policy: Policy) -> Brand | None:
    """Return the brand that ``host`` pretends to be: by letters that look alike, a typing error, or its name beside
    a word that makes it official."""
    names = _names(policy)
    if site in names.sites:
        return None
    own = _domain(host)
    if own.domain in names.brands and own.suffix in CHEAP:
        return names.brands[own.domain]
    labels = host.split(".")
    within = labels[: -len(own.suffix.split("."))] if own.suffix else labels
    for label in within:
        if label != "www" and (brand := _pretends(label, names, is_site=label == within[-1])):
            return brand
    return None


@dataclass(frozen=True, eq=False)
class Names:
    """The brands of a policy, laid out for looking them up."""

    brands: Mapping[str, Brand]
    sites: frozenset[str]
    # By what a hasty reader sees.
    looks: Mapping[str, Brand]
    inside: re.Pattern[str]


@lru_cache(maxsize=8)
def _names(policy: Policy) -> Names:
    long = [re.escape(brand.name) for brand in policy.brands if len(brand.name) >= MIN_DOUBLED]
    return Names(
        brands={brand.name: brand for brand in policy.brands},
        sites=frozenset(site for brand in policy.brands for site in brand.sites),
        looks={straight(brand.name): brand for brand in policy.brands},
        inside=re.compile("|".join(sorted(long, key=len, reverse=True)) or r"(?!)"),
    )


def straight(label: str) -> str:
    """Return ``label`` as a hasty reader sees it: look-alike letters, digits and pairs read as the plain ones."""
    if not label.isascii():
        label = "".join(_latin().get(sign, sign) for sign in label)
    label = label.translate(ALIKE)
    for pair, sign in PAIRS:
        label = label.replace(pair, sign)
    return label


@cache
def _latin() -> dict[str, str]:
    """Return letters of other alphabets by the small Latin letter that they look like."""
    from confusable_homoglyphs.confusables import confusables_data

    found: dict[str, str] = {}
    for sign, alike in confusables_data.items():
        latin = sorted(one["c"] for one in alike if len(one["c"]) == 1 and one["c"].isascii() and one["c"].isalpha())
        if len(sign) == 1 and not sign.isascii() and latin:
            found[sign] = (next((one for one in latin if one.islower()), latin[0])).lower()
    return found


def _pretends(label: str, names: Names, *, is_site: bool) -> Brand | None:
    """Return the brand that one label of a host pretends to be, if any."""
    look = straight(label)
    brand = names.looks.get(look.replace("-", ""))
    if brand and label != brand.name:
        return brand
    if label in names.brands:
        # A name of its own in front of another site; as the site itself it may be somebody's real name.
        return names.brands[label] if not is_site and len(label) >= MIN_DOUBLED else None
    if is_site and (brand := _mistyped(label, names)):
        return brand
    return _beside_official(label, look, names)


def _mistyped(label: str, names: Names) -> Brand | None:
    near = process.extract(label, names.brands.keys(), scorer=OSA.distance, score_cutoff=1, limit=None)
    return next((names.brands[name] for name, _distance, _n in near if _is_typo(label, name)), None)


def _beside_official(label: str, look: str, names: Names) -> Brand | None:
    tokens, looks = label.split("-"), look.split("-")
    for token, seen in zip(tokens, looks, strict=False) if len(tokens) > 1 else ():
        brand = names.looks.get(seen)
        if brand and (token != brand.name or OFFICIAL & set(tokens)):
            return brand
    inside = names.inside.search(label)
    if inside is None:
        return None
    rest = re.split(r"[-\d]+", label.replace(inside[0], "-", 1))
    return names.brands[inside[0]] if all(one in OFFICIAL for one in rest if one) else None


def _is_typo(label: str, name: str) -> bool:
    """A letter doubled, left out, or two of them swapped."""
    if len(name) < (MIN_DOUBLED if len(label) > len(name) else MIN_TYPO):
        return False
    if len(label) == len(name) + 1:
        return any(
            one == other and label[:n] + label[n + 1 :] == name for n, (one, other) in enumerate(pairwise(label))
        )
    if len(label) == len(name) - 1:
        return any(name[:n] + name[n + 1 :] == label for n in range(1, len(name)))
    if len(label) != len(name):
        return False
    # Two neighbours swapped, or one letter taken for its neighbour in shape.
    wrong = [n for n, (one, other) in enumerate(zip(label, name, strict=True)) if one != other]
    if len(wrong) == 1:
        return {label[wrong[0]], name[wrong[0]]} in NEIGHBOURS
    return len(wrong) == 2 and wrong[1] == wrong[0] + 1 and sorted(label) == sorted(name)


# --- Words and links -----------------------------------------------------------------------------


def _mismatches(message: reading.Message) -> Iterator[Finding]:
    """A card's links are judged by its own words and those above the carousel."""
    above = _sites_in(message)
    for part in message.all:
        links = [b for b in part.buttons if b.kind == reading.URL and not placeholders.is_own_page(b.url)]
        led = {button.path: _led(button.url) for button in links}
        named = above if part is message else above + _sites_in(part)
        is_said = any(_same(site, other) for site in named for other in led.values() if other)
        for button in links:
            leads, label = led[button.path], _named(button.text)
            shown = label or ([] if is_said else named)
            if leads and shown and not any(_same(site, leads) for site in shown):
                yield Finding("link_mismatched", f"{button.path}.url", {"shown": shown[0], "leads": leads})


def _sites_in(part: reading.Message) -> list[str]:
    return list(dict.fromkeys(site for _name, text in part.texts for site in _named(text.text)))


def _led(url: str) -> str:
    found = hosts(placeholders.TOKEN.sub("x", "/".join(url.split("/", 3)[:3])))
    return registered(found[0]) if found else ""


def _named(text: str) -> list[str]:
    return [site for host in hosts(text) if (site := registered(host)) not in SOCIAL]


def _same(one: str, other: str) -> bool:
    """The same site, or the same name under another ending: ``example.fr`` and ``example.com``."""
    return one == other or _domain(one).domain == _domain(other).domain
