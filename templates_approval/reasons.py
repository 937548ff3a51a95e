"""Why a reviewer refuses a template: WhatsApp's own reason codes, and the sentence that an author reads for each."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """The codes of WhatsApp's template status events, without the deprecated ones."""

    ABUSIVE_CONTENT = "ABUSIVE_CONTENT", _("abusive or threatening words")
    INCORRECT_CATEGORY = "INCORRECT_CATEGORY", _("wrong category")
    INVALID_FORMAT = "INVALID_FORMAT", _("form, variables or examples")
    PROMOTIONAL = "PROMOTIONAL", _("an offer that is not allowed")
    SCAM = "SCAM", _("looks like fraud")
    TAG_CONTENT_MISMATCH = "TAG_CONTENT_MISMATCH", _("words do not fit language, name or category")


SENTENCES = {
    Reason.ABUSIVE_CONTENT: _("The words threaten, insult or discriminate. Write to people as you would in your shop."),
    Reason.INCORRECT_CATEGORY: _("The message does not belong to the category you chose. Choose the one that fits it."),
    Reason.INVALID_FORMAT: _(
        "The form does not hold. Look at variables, examples and links: each filled-in message must read well."
    ),
    Reason.PROMOTIONAL: _("What is offered may not be advertised here. Remove it from the message."),
    Reason.SCAM: _("People could take this for a fraud. Say who you are, what you offer and where the link leads."),
    Reason.TAG_CONTENT_MISMATCH: _("The words do not fit the language or category. Submit each language as its own."),
}


def standard_words(codes: Iterable[str], *, language: str) -> str:
    """Return the standard sentences of ``codes`` in the author's language, one paragraph each."""
    with override(language):
        return "\n".join(gettext(str(SENTENCES[Reason(code)])) for code in codes)
