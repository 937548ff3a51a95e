"""The French is complete, certain, compiled, and set as French is."""

from babel.messages.catalog import Catalog

from config import words


def test_every_word_is_translated_compiled_and_set_with_narrow_spaces() -> None:
    assert words.faults() == []


def test_words_are_collected_from_code_and_from_pages() -> None:
    found = words.collect()
    assert found.get("This person stopped your offers.")  # consent/reasons.py
    assert found.get("Call out to people who know you.")  # config/templates/front.html


def test_a_space_that_breaks_is_seen() -> None:
    seen = words.SPACE_THAT_BREAKS.search
    for text in ("Pourquoi ?", "20 %", "« oui »", "Attention:\u00a0non\u00a0!", "Quoi?"):
        assert seen(text), text
    for text in (
        "Pourquoi\u202f?",
        "20\u202f%",
        "«\u202foui\u202f»",
        "%(name)s",
        "https://example.org/?a=b",
        "{{name}}",
    ):
        assert not seen(text), text


def test_a_translation_that_forgets_a_value_is_seen() -> None:
    assert list(words._misplaced(("Hello %(name)s",), ("Bonjour",))) == ["forgets a value"]
    assert list(words._misplaced(("Hello %(name)s",), ("Bonjour %(nom)s %(name)s",))) == ["names an unknown value"]
    assert list(words._misplaced(("%(n)s person", "%(n)s people"), ("une personne", "%(n)s personnes"))) == []


def test_compiling_twice_gives_the_same_bytes() -> None:
    catalog = Catalog(locale="fr")
    catalog.add("yes", "oui")
    assert words.compiled(catalog) == words.compiled(catalog)
