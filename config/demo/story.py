"""The whole story on real services: three businesses, 14,000 people, four broadcasts, the answers, and the proof."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.utils import timezone, translation

from broadcasts import estimate, lifecycle
from broadcasts.models import Broadcast, PhoneMessage, Sender
from businesses.models import Business, User
from businesses.prices import format_micro
from config.demo import cast, crowd, people, proof, telling
from config.demo.cast import Cast
from config.demo.stage import CannotGoOn, messaging_service, wait
from config.demo.telling import Told
from consent import imports, suspicion
from consent.models import ImportBatch
from feedback.models import Callback, Report
from templates_approval import gallery, review
from templates_approval.models import Template, Version
from templates_approval.rules import Finding

SEED = 2026
# How many people the first business brings. The second brings 0.4 times as many, of whom it shares 0.4 with the first;
# the third buys a list of 0.15 times as many.
N_PEOPLE = 10_000
SECOND, SHARED, BOUGHT = 0.4, 0.4, 0.15
# Complaints take a while: so many have been told when the first people say that they never signed up.
N_BEFORE_DENIAL = 60
N_DENIERS = 5
FOLDER = Path(os.environ.get("DEMO_FOLDER") or settings.BASE_DIR / ".local")
FUNNEL = FOLDER / "demo-funnel.svg"


def tell(*, n_people: int = N_PEOPLE) -> list[str]:
    """Play it from the first page to the last; return the promises that were broken, in words."""
    if Business.objects.exists():
        raise CannotGoOn("This database holds businesses already: give the demo an empty one, it deletes nothing.")
    told = Told()
    FOLDER.mkdir(exist_ok=True)
    with translation.override("en"), messaging_service(seed=SEED, log=FOLDER / "sink.jsonl") as sink_url:
        players = _assemble(told, sink_url)
        path = FOLDER / "contacts-bakery.csv"
        summary = people.write_contacts(path, seed=SEED, n=n_people)
        _bring_people(told, players, "2", players.bakery, path, n_countries=len(summary.by_country))
        template = _say_it(told, players)
        first = _send(told, "4a", template, players.phones, "Black Friday, French speakers", {"languages": ["fr"]})
        second = _send(told, "4b", template, players.service, "Black Friday, everybody", {})
        _react(told, "5", players.phones, SEED)
        third = _second_business(told, players, n_people)
        _too_soon(told, players, template)
        bought = _bought_list(told, players, n_people)
        wait(lambda: not _is_money_open(), "the money of all broadcasts to be settled")
        broadcasts = [first, second, third]
        telling.draw(FUNNEL, broadcasts)
        _account_for(told, players, [*broadcasts, bought])
        faults = _check(told, sink_url)
        told.chapter("11 · Look for yourself")
        telling.addresses(told, players, broadcasts, FUNNEL)
    _write_down(told)
    return [f"{promise}: {fault}" for promise, broken in faults.items() for fault in broken]


# --- The chapters --------------------------------------------------------------------------------


def _assemble(told: Told, sink_url: str) -> Cast:
    told.chapter("1 · Who plays")
    players = cast.assemble(sink_url=sink_url, now=timezone.now())
    for business in (players.bakery, players.workshop, players.discounter):
        money = format_micro(cast.MONEY, business.currency, "en")
        told.line(f"{business.name} ({business.country}): verified by the operator, {money} in the wallet")
    told.line("Two channels: sandbox phones, and a messaging service over HTTP that answers like a provider")
    return players


def _bring_people(told: Told, players: Cast, number: str, business: Business, path: Path, *, n_countries: int) -> None:
    told.chapter(f"{number} · {business.name} brings its contacts")
    batch = _import(business, path)
    telling.file_read(told, batch, n_countries=n_countries)
    words = "Asked them for ten of the forms: all there."
    suspicion.vouch(batch=batch, by=players.operator, words=words, now=timezone.now())
    told.line(f"On probation: {batch.n_probe} people may be told first. The operator looks at ten forms, and vouches")


def _import(business: Business, path: Path) -> ImportBatch:
    with path.open("rb") as file:
        batch = imports.receive(
            business=business, file=File(file), filename=path.name, by=_owner(business), now=timezone.now()
        )
    wait(lambda: ImportBatch.objects.filter(pk=batch.pk, state__in=["done", "failed"]).exists(), "the import")
    batch.refresh_from_db()
    if batch.state != ImportBatch.State.DONE:
        raise CannotGoOn(f"The import failed: {batch.failure}")
    return batch


def _say_it(told: Told, players: Cast) -> Template:
    told.chapter("3 · What may be said")
    owner = _owner(players.bakery)
    bad = [{"type": "BODY", "text": "{{1}}{{3}} WIN NOW!!! Send your card number to https://bit.ly/x"}]
    findings = _refused(_draft(players.bakery, "big_win", "fr", bad, {}, owner), owner)
    told.line(f"A first draft is refused by {len(findings)} findings before anybody has to read it:")
    for finding in findings[:4]:
        told.line(f"  {finding.code}: {finding.message}")
    told.facts["refused_draft"] = [finding.code for finding in findings]
    template = _approved(players.bakery, "black_friday", ("fr", "en"), players.reviewer)
    told.line("The good one, in French and English, is submitted and approved by the reviewer, word for word")
    return template


def _refused(draft: Version, owner: User) -> list[Finding]:
    try:
        review.submit(version=draft, by=owner, now=timezone.now())
    except review.CannotSubmit as refusal:
        return refusal.findings
    raise CannotGoOn("The rules let a bad draft through.")


def _approved(business: Business, name: str, languages: tuple[str, ...], reviewer: User) -> Template:
    owner = _owner(business)
    for language in languages:
        components, fallbacks = gallery.SEEDS[0].in_language(language)
        version = _draft(business, name, language, components, fallbacks, owner)
        version = review.submit(version=version, by=owner, now=timezone.now())
        review.approve(version=version, reviewer=reviewer, now=timezone.now())
    return Template.objects.of(business).get(name=name)


def _draft(
    business: Business, name: str, language: str, components: Any, fallbacks: dict[str, str], owner: User
) -> Version:
    return review.draft(
        business=business,
        name=name,
        language=language,
        components=components,
        fallbacks=fallbacks,
        category=Template.Category.MARKETING,
        by=owner,
        now=timezone.now(),
    )


def _send(
    told: Told, number: str, template: Template, sender: Sender, name: str, audience: dict[str, Any]
) -> Broadcast:
    business = sender.business
    told.chapter(f"{number} · {business.name} sends “{name}” over {sender.get_channel_display()}")
    broadcast = _compose(template, sender, name, audience)
    found = estimate.estimate(broadcast=broadcast, now=timezone.now())
    telling.forecast(told, business, found)
    began = time.monotonic()
    lifecycle.launch(broadcast=broadcast, token=found.token, by=_owner(business), now=timezone.now())
    completed = Broadcast.objects.filter(pk=broadcast.pk, state=Broadcast.State.COMPLETED)
    wait(completed.exists, f"“{name}” to be sent")
    broadcast.refresh_from_db()
    telling.sent(told, broadcast, time.monotonic() - began)
    return broadcast


def _compose(template: Template, sender: Sender, name: str, audience: dict[str, Any]) -> Broadcast:
    return lifecycle.create(
        business=sender.business,
        name=name,
        template=template,
        sender=sender,
        audience=audience,
        # Values that read well in both languages.
        variables={"season": "Black Friday", "discount": "20 %", "last_day": "30/11"},
        by=_owner(sender.business),
        now=timezone.now(),
    )


def _react(told: Told, number: str, sender: Sender, seed: int) -> None:
    told.chapter(f"{number} · People answer {sender.business.name}")
    on_phones = PhoneMessage.objects.filter(sender=sender, is_delivery_reported=False)
    wait(lambda: not on_phones.exists(), "the phones to report what arrived")
    done = crowd.react(sender=sender, seed=seed)
    wait(lambda: not Callback.objects.filter(folded_at__isnull=True).exists(), "all callbacks to be folded")
    told.line(", ".join(f"{n:,} {deed}" for deed, n in done.most_common()))
    told.add("reactions", {"business": sender.business.name, **done})


def _second_business(told: Told, players: Cast, n_people: int) -> Broadcast:
    workshop, phones = players.workshop, players.workshop_phones
    path = FOLDER / "contacts-workshop.csv"
    summary = people.overlap(path, seed=SEED, n=round(n_people * SECOND), of=n_people, share=SHARED)
    _bring_people(told, players, "6", workshop, path, n_countries=len(summary.by_country))
    template = _approved(workshop, "bike_week", ("en", "fr"), players.reviewer)
    broadcast = _send(told, "6a", template, phones, "Bike week", {})
    _react(told, "6b", phones, SEED + 1)
    return broadcast


def _too_soon(told: Told, players: Cast, template: Template) -> None:
    told.chapter(f"7 · {players.bakery.name} would like to write to everybody once more, the same day")
    again = _compose(template, players.phones, "Again, too soon", {})
    found = estimate.estimate(broadcast=again, now=timezone.now())
    telling.forecast(told, players.bakery, found)
    told.facts["too_soon"] = {"eligible": found.n_eligible, "reasons": found.reasons}


def _bought_list(told: Told, players: Cast, n_people: int) -> Broadcast:
    """Nobody on the list has ever heard of this business; its broadcast is stopped by the first who say so."""
    business, phones = players.discounter, players.discounter_phones
    told.chapter(f"8 · {business.name} brings a list of people whom it never met, with “opt-ins”")
    path = FOLDER / "contacts-bought.csv"
    n_before = n_people + round(n_people * SECOND * (1 - SHARED))
    people.bought(path, seed=SEED, n=round(n_people * BOUGHT), after=n_before)
    batch = _import(business, path)
    told.line(f"{batch.n_rows:,} rows, {batch.n_new:,} people new, {batch.n_faulty} refused: a tidy list, all attested")
    told.line(f"The operator has seen no proof: {batch.n_probe} people, drawn by lot, may be told; the others wait")
    template = _approved(business, "clearance", ("en", "fr"), players.reviewer)
    broadcast = _compose(template, phones, "Everything must go", {})
    found = estimate.estimate(broadcast=broadcast, now=timezone.now())
    telling.forecast(told, business, found)
    lifecycle.launch(broadcast=broadcast, token=found.token, by=_owner(business), now=timezone.now())
    arrived = PhoneMessage.objects.filter(sender=phones)
    wait(lambda: arrived.count() >= N_BEFORE_DENIAL, "the first of them to be told")
    n_denied = crowd.deny(sender=phones, n=N_DENIERS)
    completed = Broadcast.objects.filter(pk=broadcast.pk, state=Broadcast.State.COMPLETED)
    wait(completed.exists, "the broadcast to end")
    broadcast.refresh_from_db()
    telling.stopped(told, batch, broadcast, n_denied=n_denied)
    return broadcast


def _account_for(told: Told, players: Cast, broadcasts: list[Broadcast]) -> None:
    told.chapter("9 · What came of it")
    for broadcast in broadcasts:
        telling.result(told, broadcast)
    for business in (players.bakery, players.workshop, players.discounter):
        telling.money(told, business)
    told.facts["reports"] = Report.objects.count()
    told.line(f"Reports on the operator's desk: {told.facts['reports']}")


def _check(told: Told, sink_url: str) -> dict[str, list[str]]:
    told.chapter("10 · The promises, checked over all its rows")
    faults = proof.broken(sink_url=sink_url)
    for promise, broken in faults.items():
        told.line(f"{promise:<4} {'BROKEN: ' + '; '.join(broken) if broken else 'kept'}   {proof.WORDS[promise]}")
    told.facts["promises"] = {promise: not broken for promise, broken in faults.items()}
    return faults


def _write_down(told: Told) -> None:
    """The same facts for programs: the last line, and a file."""
    told.facts["seconds"] = round(time.monotonic() - told.began, 1)
    (FOLDER / "demo.json").write_text(json.dumps(told.facts, ensure_ascii=False, indent=1))
    print("\n" + json.dumps(told.facts, ensure_ascii=False), flush=True)


# --- What every chapter needs --------------------------------------------------------------------


def _owner(business: Business) -> User:
    return business.members.select_related("user").order_by("pk")[0].user


def _is_money_open() -> bool:
    return Broadcast.objects.filter(completed_at__isnull=False, settled_at__isnull=True).exists()
