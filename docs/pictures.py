"""Takes the pictures of README and docs from a running `make demo`: real pages, real people who pressed real buttons.

    make demo        # in one terminal
    make pictures    # in another

A third shop of the demo's bakery, Café Soleil, is opened once, so that there is a draft to estimate, a chat in each
language and a case on the reviewers' desk. Running it again only takes the pictures again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 — models can be imported from here on
from django.core.files import File  # noqa: E402
from django.utils import timezone  # noqa: E402
from playwright.sync_api import Browser, Locator, Page, sync_playwright  # noqa: E402

from broadcasts import estimate, lifecycle, senders  # noqa: E402
from broadcasts.models import Broadcast, PhoneMessage, Sender  # noqa: E402
from businesses import onboarding, wallet  # noqa: E402
from businesses.models import Business, User  # noqa: E402
from config.demo import cast, people, story  # noqa: E402
from consent import imports, suspicion  # noqa: E402
from consent.models import ImportBatch  # noqa: E402
from templates_approval import gallery, review  # noqa: E402
from templates_approval.models import Template, Version  # noqa: E402

FOLDER = Path(__file__).parent / "pictures"
LOCAL = Path(settings.BASE_DIR) / ".local"
SHOP = "Café Soleil"
MAX_BYTES = 300_000
LANGUAGES = {"en": "en-GB", "fr": "fr-FR"}
SHARP = 1.25
TOGETHER = """<!doctype html><style>
  body {{ margin: 0; background: {paper}; }}
  main {{ display: flex; gap: 56px; align-items: center; justify-content: center; padding: 28px; width: max-content; }}
</style><main><img width="{left}" src="{estimate}"><img width="{right}" src="{phone}"></main>"""


@dataclass(frozen=True)
class Scene:
    """What there is to look at, besides what the demo has left."""

    draft: Broadcast
    phones: Sender
    case: Version


# --- The scene -----------------------------------------------------------------------------------


def prepare() -> Scene:
    """Open the shop with people, words and a first broadcast, unless an earlier run has done so."""
    found = Business.objects.filter(name=SHOP, mode=Business.Mode.LIVE).first()
    if found is None:
        found = _open_shop()
    phones = Sender.objects.of(found).get()
    draft = Broadcast.objects.of(found).get(state=Broadcast.State.DRAFT)
    estimate.estimate(broadcast=draft, now=timezone.now())
    return Scene(draft, phones, Version.objects.of(found).waiting()[0])


def _open_shop() -> Business:
    now, owner = timezone.now(), User.objects.get(email=cast.OWNER)
    operator, reviewer = User.objects.get(email=cast.OPERATOR), User.objects.get(email=cast.REVIEWER)
    # The number of the bakery: another account of the same company, for which its stops and blocks hold as well.
    shop = onboarding.open_business(
        name=SHOP,
        legal_name="Boulangerie Soleil",
        country="FR",
        registration_number="DEMO FR",
        owner=owner,
        now=now,
    )
    shop = onboarding.verify(business=shop, by=operator, now=now)
    wallet.top_up(business=shop, amount_micro=cast.MONEY, key=f"demo:{shop.code}", memo="Demo money", now=now)
    phones = senders.connect_sandbox(business=shop, name=SHOP, now=now, messages_per_second=500)
    _bring_people(shop)
    template = _approved(shop, owner, reviewer)
    _send_overseas(shop, template, phones, owner)
    _compose(shop, template, phones, owner, "Black Friday, regulars", {})
    _submit_new_words(shop, template, owner)
    return shop


def _bring_people(shop: Business) -> None:
    path = LOCAL / "contacts-cafe.csv"
    people.overlap(path, seed=story.SEED, n=6_000, of=story.N_PEOPLE)
    with path.open("rb") as file:
        batch = imports.receive(business=shop, file=File(file), filename=path.name, by=None, now=timezone.now())
    _wait(lambda: ImportBatch.objects.filter(pk=batch.pk, state__in=["done", "failed"]).exists(), "the import")
    operator = User.objects.get(email=cast.OPERATOR)
    suspicion.vouch(batch=batch, by=operator, words="Looked at ten of their forms.", now=timezone.now())


def _approved(shop: Business, owner: User, reviewer: User) -> Template:
    for language in LANGUAGES:
        components, fallbacks = gallery.SEEDS[0].in_language(language)
        version = _draft(shop, owner, language, components, fallbacks)
        review.approve(
            version=review.submit(version=version, by=owner, now=timezone.now()), reviewer=reviewer, now=timezone.now()
        )
    return Template.objects.of(shop).get()


def _submit_new_words(shop: Business, template: Template, owner: User) -> None:
    """Put a changed wording on the reviewers' desk, to be compared with the approved one."""
    components, fallbacks = gallery.SEEDS[0].in_language("en")
    for component in components:
        if component["type"] == "BODY":
            component["text"] += " Bring a friend: the second coffee is on us."
    review.submit(version=_draft(shop, owner, "en", components, fallbacks), by=owner, now=timezone.now())


def _draft(shop: Business, owner: User, language: str, components: Any, fallbacks: dict[str, str]) -> Version:
    return review.draft(
        business=shop,
        name="black_friday",
        language=language,
        components=components,
        fallbacks=fallbacks,
        category=Template.Category.MARKETING,
        by=owner,
        now=timezone.now(),
    )


def _compose(
    shop: Business, template: Template, phones: Sender, owner: User, name: str, audience: dict[str, Any]
) -> Broadcast:
    return lifecycle.create(
        business=shop,
        name=name,
        template=template,
        sender=phones,
        audience=audience,
        # Words that read well in both languages.
        variables={"season": "Black Friday", "discount": "20\N{NO-BREAK SPACE}%", "last_day": "30/11"},
        by=owner,
        now=timezone.now(),
    )


def _send_overseas(shop: Business, template: Template, phones: Sender, owner: User) -> None:
    """A first, small broadcast: somebody needs a phone with a message on it."""
    sent = _compose(shop, template, phones, owner, "Black Friday, first overseas", {"countries": ["IE", "CA"]})
    token = estimate.estimate(broadcast=sent, now=timezone.now()).token
    lifecycle.launch(broadcast=sent, token=token, by=owner, now=timezone.now())
    _wait(lambda: PhoneMessage.objects.filter(sender=phones, delivered_at__isnull=False).count() > 20, "the messages")


def _wait(is_done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + story.PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > until:
            sys.exit(f"Waited {story.PATIENCE_SECONDS} s for {what}: is `make demo` still running?")
        time.sleep(0.2)


# --- The pictures --------------------------------------------------------------------------------


@contextmanager
def visitor(
    browser: Browser, language: str, email: str = "", *, width: int = 1200, height: int = 900, scale: float = 1
) -> Iterator[Page]:
    """Open a browser of somebody's own, in light colours; logged in when an e-mail address is given."""
    context = browser.new_context(
        base_url=settings.PUBLIC_URL,
        locale=LANGUAGES[language],
        color_scheme="light",
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        reduced_motion="reduce",
    )
    page = context.new_page()
    if email:
        page.goto("/accounts/login/")
        page.fill("[name=login]", email)
        page.fill("[name=password]", cast.PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/login/" not in url)
    yield page
    context.close()


def take_all(browser: Browser, scene: Scene) -> None:
    """Take every picture: the README's, in both languages, then those of the tour."""
    for language in LANGUAGES:
        _lay_together(browser, scene, language)
    addresses = json.loads((LOCAL / "demo.json").read_text())["addresses"]
    with visitor(browser, "en", cast.OWNER) as page:
        _keep(_at(page, addresses["business"]), "home")
        _keep(_at(page, addresses["broadcast"]), "broadcast")
    with visitor(browser, "en", cast.OWNER, height=1000) as page:
        _keep(_at(page, _review_page(scene)), "estimate")
    with visitor(browser, "en", cast.OWNER, width=460, height=900) as page:
        _keep(_at(page, _chat(scene, "en")), "phone")
    with visitor(browser, "fr", width=560, height=1180) as page:
        _keep(_at(page, addresses["recipient"]), "recipient")
    with visitor(browser, "en", cast.REVIEWER, height=1000) as page:
        _keep(_at(page, f"/admin/templates_approval/version/{scene.case.pk}/change/"), "reviewer")


def _lay_together(browser: Browser, scene: Scene, language: str) -> None:
    """Lay the estimate and the phone side by side."""
    with visitor(browser, language, cast.OWNER, height=1400, scale=SHARP) as page:
        estimated = _cut(_at(page, _review_page(scene)).locator("#estimate"))
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        shown = _cut(_at(page, _chat(scene, language)).locator("section.phone"))
    with visitor(browser, language, scale=SHARP) as page:
        left, right = estimated.width, shown.width
        page.set_content(
            TOGETHER.format(paper=paper, left=left, right=right, estimate=estimated.data, phone=shown.data)
        )
        _save(page.locator("main").screenshot(), f"readme.{language}")


def _review_page(scene: Scene) -> str:
    return f"/b/{scene.draft.business.code}/broadcasts/{scene.draft.code}/review/"


def _chat(scene: Scene, language: str) -> str:
    return f"/phone/{scene.phones.code}/{_somebody(scene, language)}/"


def _somebody(scene: Scene, language: str) -> str:
    """The number of somebody who got the offer in this language."""
    arrived = PhoneMessage.objects.filter(sender=scene.phones).exclude(delivery_code="").order_by("address")
    label = {"en": "Interested", "fr": "Intéressé"}[language]
    return arrived.filter(content__buttons__contains=[{"text": label}])[0].address


def _at(page: Page, address: str) -> Page:
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        sys.exit(f"{address} answered {answer and answer.status}")
    page.wait_for_load_state("networkidle")
    return page


def _keep(page: Page, name: str) -> None:
    _save(page.screenshot(full_page=False), name)


@dataclass(frozen=True)
class Cut:
    """A part of a page, as an image for another one; ``width`` in the page's own pixels."""

    data: str
    width: float


def _cut(what: Locator) -> Cut:
    width = what.evaluate("element => element.getBoundingClientRect().width")
    return Cut("data:image/png;base64," + b64encode(what.screenshot()).decode(), width)


def _save(picture: bytes, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.png"
    path.write_bytes(picture)
    print(f"· {path.relative_to(settings.BASE_DIR)}  {len(picture) / 1024:.0f} KB", flush=True)
    if len(picture) > MAX_BYTES:
        sys.exit(f"{path.name} is larger than {MAX_BYTES // 1000} KB: choose a smaller window.")


def main() -> None:
    scene = prepare()
    # Playwright keeps an event loop in this thread, beside which the database is spoken to.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        take_all(browser, scene)
        browser.close()


if __name__ == "__main__":
    main()
