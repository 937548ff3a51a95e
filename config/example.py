"""The message on the front page: made by the renderer that makes the real ones."""

from templates_approval import render
from templates_approval.render import Rendered

SHOP = {"name": "Maison Lumen"}

COMPONENTS = {
    "fr": [
        {"type": "HEADER", "format": "TEXT", "text": "Les lampes d’hiver sont là"},
        {
            "type": "BODY",
            "text": "Bonjour {{first_name}}, vous nous aviez pris une *lampe Oslo* en mars. "
            "Jusqu’à samedi, {{discount}} de remise sur les abat-jour assortis.",
        },
        {"type": "FOOTER", "text": "Répondez STOP pour ne plus recevoir d’offres"},
        {
            "type": "BUTTONS",
            "buttons": [{"type": "QUICK_REPLY", "text": "Intéressé"}, {"type": "QUICK_REPLY", "text": "Pas intéressé"}],
        },
    ],
    "en": [
        {"type": "HEADER", "format": "TEXT", "text": "The winter lamps are here"},
        {
            "type": "BODY",
            "text": "Hello {{first_name}}, in March you took an *Oslo lamp* home. "
            "Until Saturday the matching shades are {{discount}} off.",
        },
        {"type": "FOOTER", "text": "Reply STOP to get no more offers"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Interested"},
                {"type": "QUICK_REPLY", "text": "Not interested"},
            ],
        },
    ],
}
VALUES = {"fr": {"first_name": "Camille", "discount": "20\u202f%"}, "en": {"first_name": "Camille", "discount": "20%"}}


def message(language: str) -> Rendered:
    """Return the example in ``language``, else in English."""
    spoken = language if language in COMPONENTS else "en"
    return render.render(COMPONENTS[spoken], VALUES[spoken], fallbacks={})
