"""Five offers to start from, in French and English, written as the reviewers like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from templates_approval import writing


@dataclass(frozen=True, slots=True)
class Wording:
    """One seed in one language. ``variables`` are ``{name: (example, fallback)}``, in any order."""

    header: str
    body: str
    variables: Mapping[str, tuple[str, str]]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Seed:
    """An offer to start from."""

    slug: str
    title: str | Promise
    url: str
    wordings: Mapping[str, Wording] = field(default_factory=dict)

    def in_language(self, language: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return ``(components, fallbacks)`` in ``language``, in English when the seed has no such wording."""
        language = language.partition("_")[0]
        wording = self.wordings.get(language) or self.wordings["en"]
        return (
            writing.components(
                language=language if language in self.wordings else "en",
                header=wording.header,
                body=wording.body,
                examples={name: example for name, (example, _fallback) in wording.variables.items()},
                link=(wording.link, self.url) if wording.link else None,
            ),
            {name: fallback for name, (_example, fallback) in wording.variables.items() if fallback},
        )


SEEDS = (
    Seed(
        slug="seasonal_sale",
        title=_("Seasonal sale"),
        url="https://www.example.com/sale",
        wordings={
            "en": Wording(
                header="The {{season}} sale starts today",
                body=(
                    "Hello {{first_name}}, thank you for shopping with us. Until {{last_day}} you get *{{discount}} "
                    "off* everything in the shop and online.\n\nShow this message at the till, or order on our site."
                ),
                variables={
                    "season": ("summer", "new"),
                    "first_name": ("Ana", "there"),
                    "last_day": ("Sunday 28 June", ""),
                    "discount": ("20 %", ""),
                },
                link="See the sale",
            ),
            "fr": Wording(
                header="Les soldes {{season}} commencent",
                body=(
                    "Bonjour {{first_name}}, merci pour votre fidélité. Jusqu’au {{last_day}}, profitez de "
                    "*{{discount}} de remise* sur tout le magasin et sur notre site.\n\n"
                    "Montrez ce message en caisse ou commandez en ligne."
                ),
                variables={
                    "season": ("d’été", "de saison"),
                    "first_name": ("Ana", "à vous"),
                    "last_day": ("dimanche 28 juin", ""),
                    "discount": ("20 %", ""),
                },
                link="Voir les soldes",
            ),
        },
    ),
    Seed(
        slug="back_in_stock",
        title=_("Back in stock"),
        url="https://www.example.com/new",
        wordings={
            "en": Wording(
                header="It is back",
                body=(
                    "Hello {{first_name}}, you asked us about {{product}}: it is in stock again, from {{price}}.\n\n"
                    "We can keep one for you until {{last_day}} if you answer this message."
                ),
                variables={
                    "first_name": ("Ana", "there"),
                    "product": ("the blue raincoat", ""),
                    "price": ("49 €", ""),
                    "last_day": ("Saturday evening", ""),
                },
                link="Have a look",
            ),
            "fr": Wording(
                header="De retour en rayon",
                body=(
                    "Bonjour {{first_name}}, vous nous aviez demandé {{product}} : c’est de nouveau disponible, à "
                    "partir de {{price}}.\n\nRépondez à ce message et nous vous le gardons jusqu’à {{last_day}}."
                ),
                variables={
                    "first_name": ("Ana", "à vous"),
                    "product": ("l’imperméable bleu", ""),
                    "price": ("49 €", ""),
                    "last_day": ("samedi soir", ""),
                },
                link="Voir l’article",
            ),
        },
    ),
    Seed(
        slug="new_collection",
        title=_("New collection"),
        url="https://www.example.com/collection",
        wordings={
            "en": Wording(
                header="The {{collection}} collection is here",
                body=(
                    "Hello {{first_name}}, our new pieces have just arrived at {{shop}}. As a customer you can see "
                    "them before everyone else, on {{day}}.\n\nCome by for a coffee and try them on."
                ),
                variables={
                    "collection": ("autumn", "new"),
                    "first_name": ("Ana", "there"),
                    "shop": ("12 Market Street", "our shop"),
                    "day": ("Thursday from 5 pm", ""),
                },
                link="See the collection",
            ),
            "fr": Wording(
                header="La collection {{collection}} est arrivée",
                body=(
                    "Bonjour {{first_name}}, nos nouveautés viennent d’arriver : {{shop}}. Comme vous êtes de la "
                    "maison, vous pouvez les voir avant tout le monde, {{day}}.\n\nVenez les essayer autour d’un café."
                ),
                variables={
                    "collection": ("d’automne", "nouvelle"),
                    "first_name": ("Ana", "à vous"),
                    "shop": ("12 rue du Marché", "à la boutique"),
                    "day": ("jeudi dès 17 h", ""),
                },
                link="Voir la collection",
            ),
        },
    ),
    Seed(
        slug="loyalty_gift",
        title=_("Thank-you gift"),
        url="https://www.example.com/thanks",
        wordings={
            "en": Wording(
                header="A small thank-you",
                body=(
                    "Hello {{first_name}}, it has been a good year with you. To say thank you we have put {{gift}} "
                    "aside in your name.\n\nAsk for it with the word *{{code}}* before {{last_day}}. Nothing to buy."
                ),
                variables={
                    "first_name": ("Ana", "there"),
                    "gift": ("a canvas bag", "a small gift"),
                    "code": ("THANKS26", ""),
                    "last_day": ("31 December", ""),
                },
            ),
            "fr": Wording(
                header="Un petit merci",
                body=(
                    "Bonjour {{first_name}}, merci pour cette année passée ensemble. Nous avons mis de côté {{gift}} à "
                    "votre nom.\n\nDemandez-le avec le mot *{{code}}* avant {{last_day}}. Sans obligation d’achat."
                ),
                variables={
                    "first_name": ("Ana", "à vous"),
                    "gift": ("un sac en toile", "un petit cadeau"),
                    "code": ("MERCI26", ""),
                    "last_day": ("le 31 décembre", ""),
                },
            ),
        },
    ),
    Seed(
        slug="event_invitation",
        title=_("Invitation"),
        url="https://www.example.com/events",
        wordings={
            "en": Wording(
                header="You are invited",
                body=(
                    "Hello {{first_name}}, on {{day}} we open our doors for {{event}}, and we would be glad to see "
                    "you.\n\nThere is room for {{seats}} guests; press the button to book your place."
                ),
                variables={
                    "first_name": ("Ana", "there"),
                    "day": ("Friday 12 June at 6 pm", ""),
                    "event": ("a tasting of new teas", ""),
                    "seats": ("30", ""),
                },
                link="Book a place",
            ),
            "fr": Wording(
                header="Vous êtes notre invité",
                body=(
                    "Bonjour {{first_name}}, le {{day}} nous ouvrons nos portes pour {{event}} et serions heureux de "
                    "vous y voir.\n\nIl y a {{seats}} places : réservez la vôtre avec le bouton."
                ),
                variables={
                    "first_name": ("Ana", "à vous"),
                    "day": ("vendredi 12 juin à 18 h", ""),
                    "event": ("une dégustation de thés", ""),
                    "seats": ("30", ""),
                },
                link="Réserver",
            ),
        },
    ),
)


def seed(slug: str) -> Seed | None:
    """Return the seed of this name, or None."""
    return next((seed for seed in SEEDS if seed.slug == slug), None)
