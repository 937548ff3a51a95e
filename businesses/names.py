"""How countries and languages are called, for whoever reads."""

from babel.core import Locale, UnknownLocaleError
from django.utils.translation import get_language, to_locale


def reader() -> Locale:
    """Return the locale of whoever reads the page."""
    return Locale.parse(to_locale(get_language() or "en"))


def country(code: str) -> str:
    """Name a country in the reader's language: ``FR`` is France, Frankreich. An unknown code stays as it is."""
    name: str = reader().territories.get(code, code)
    return name


def language(code: str) -> str:
    """Name a language in itself: ``fr`` is français. An unknown code stays as it is."""
    try:
        return Locale.parse(code.replace("-", "_")).get_display_name() or code
    except (UnknownLocaleError, ValueError):
        return code
