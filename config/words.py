"""The words of Tambour in French: collected from code and pages, translated, compiled. Babel is all it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

LANGUAGE = "fr"
FOLDER = Path(settings.BASE_DIR) / "config" / "locale" / LANGUAGE / "LC_MESSAGES"
SOURCE, COMPILED = FOLDER / "django.po", FOLDER / "django.mo"
FLOORS = ("config", "feedback", "broadcasts", "templates_approval", "consent", "businesses")
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
HEADER = """# The words of Tambour in French. `make manage CMD=words` brings new ones in, and compiles this file.
# A narrow no-break space (U+202F) stands before : ; ! ? % » and after «."""
SPACE_THAT_BREAKS = re.compile(r"[ \u00a0](?=[:;!?»]|%(?![(\w]))|«(?!\u202f)|(?<=\w)[;!?»](?!\w)")


def collect() -> Catalog:
    """Return every sentence that code and pages give to gettext, untranslated."""
    found = _empty()
    for path in _files():
        place = path.relative_to(settings.BASE_DIR).as_posix()
        for _line, words, comments, context in _words_of(path):
            found.add(words, locations=[(place, 0)], auto_comments=comments, context=context)
    return found


def _empty() -> Catalog:
    return Catalog(
        locale=LANGUAGE,
        domain="django",
        header_comment=HEADER,
        project="Tambour",
        version="1",
        last_translator="Tambour",
        language_team="Tambour",
        msgid_bugs_address="",
        fuzzy=False,
    )


def _files() -> Iterator[Path]:
    for floor in FLOORS:
        folder = Path(settings.BASE_DIR) / floor
        yield from sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)
        yield from sorted(folder.glob("templates/**/*.html"))
        yield from sorted(folder.glob("templates/**/*.txt"))


def _words_of(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    text = path.read_text()
    if path.suffix != ".py":
        # Django turns a page into something like Python; what is left of its indentation is of no use.
        text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
    options = {"encoding": "utf-8"}
    yield from extract(
        "python", BytesIO(text.encode()), keywords=KEYWORDS, comment_tags=("Translators:",), options=options
    )


def read() -> Catalog:
    """Return the catalogue as it lies in the tree; an empty one when there is none."""
    if not SOURCE.exists():
        return _empty()
    with SOURCE.open("rb") as file:
        return read_po(file, locale=LANGUAGE, domain="django")


def renew() -> Catalog:
    """Bring the catalogue up to the collected words: new ones empty, forgotten ones gone; compile it."""
    catalog, found = read(), collect()
    catalog.header_comment = HEADER
    catalog.update(found, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalog.obsolete.clear()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with SOURCE.open("wb") as file:
        write_po(
            file, catalog, width=0, sort_by_file=False, ignore_obsolete=True, include_lineno=False, omit_header=False
        )
    COMPILED.write_bytes(compiled(catalog))
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """Return what gettext reads at run time."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def faults() -> list[str]:
    """Say what is wrong with the French, one sentence each: missing, uncertain, stale, or set with the wrong spaces."""
    catalog = read()
    have = {(message.id, message.context) for message in catalog if message.id}
    wrong = [
        f"not collected: {message.id!r}"
        for message in collect()
        if message.id and (message.id, message.context) not in have
    ]
    for message in catalog:
        if not message.id:
            continue
        said = _all(message.string)
        if not all(said):
            wrong.append(f"not translated: {message.id!r}")
        if message.fuzzy:
            wrong.append(f"uncertain: {message.id!r}")
        wrong += [f"spaces: {text!r}" for text in said if text and SPACE_THAT_BREAKS.search(text)]
        wrong += [f"{error}: {message.id!r}" for error in _misplaced(_all(message.id), said)]
    if not COMPILED.exists() or COMPILED.read_bytes() != compiled(catalog):
        wrong.append("django.mo is not what django.po says: run the command `words`")
    return wrong


PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\{?[^{}]*\}?\}")


def _all(text: Any) -> tuple[str, ...]:
    """Return the forms of a sentence: one, or singular and plural."""
    return tuple(text) if isinstance(text, tuple | list) else (text or "",)


def _misplaced(original: tuple[str, ...], said: tuple[str, ...]) -> Iterator[str]:
    """Every value that the original names must be named by each translation, except a singular that needs no number."""
    expected = set(PLACE.findall(original[-1]))
    for text in said:
        if text and set(PLACE.findall(text)) - expected - set(PLACE.findall(original[0])):
            yield "names an unknown value"
    if said[-1] and expected - set(PLACE.findall(said[-1])):
        yield "forgets a value"
