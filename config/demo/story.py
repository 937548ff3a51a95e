"""The whole story on real services: two businesses, 10,000 people, three broadcasts, what comes back, and the proof."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.utils import timezone, translation

from broadcasts import counts, disclosure, estimate, lifecycle
from broadcasts.models import Broadcast, Estimate, PhoneMessage, Sender
from businesses.models import Business, Hold, User, Wallet
from businesses.prices import format_micro
from config.demo import cast, crowd, people, picture, proof
from config.demo.cast import Cast
from consent import imports
from consent.models import ImportBatch
from feedback import reactions
from feedback.models import Callback, Report
from templates_approval import gallery, review
from templates_approval.models import Template, Version
from templates_approval.rules import Finding

SEED = 2026
N_PEOPLE = 10_000
N_SECOND = 4_000
PATIENCE_SECONDS = 120
FOLDER = Path(settings.BASE_DIR) / ".local"


class CannotGoOn(Exception):
    """Something that the story waits for did not come; the sentence says what, and where to look."""


@dataclass
class Told:
    """The facts of the story, printed as it goes and as one JSON object at its end."""

    began: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)

    def chapter(self, title: str) -> None:
        print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}", flush=True)

    def line(self, text: str) -> None:
        print(f"  {text}", flush=True)


def tell() -> list[str]:
    """Play it from the first page to the last; return the promises that were broken, in words."""
    if Business.objects.exists():
        raise CannotGoOn(
            "This database holds businesses already: give the demo an empty one (it never deletes anything)."
        )
    told = Told()
    FOLDER.mkdir(exist_ok=True)
    with translation.override("en"), _messaging_service() as sink_url:
        players = _assemble(told, sink_url)
        _bring_people(told, players.bakery, N_PEOPLE, is_second=False)
        template = _say_it(told, players)
        first = _send(told, players.bakery, template, players.phones, "Spring, French speakers", {"languages": ["fr"]})
        second = _send(told, players.bakery, template, players.service, "Spring, everybody", {})
        _react(told, players.phones, first, SEED)
        third = _second_business(told, players)
        _try_again(told, players, template)
        _wait(lambda: not _unsettled(), "the money of all broadcasts to be settled")
        return _account_for(told, players, [first, second, third], sink_url)


# --- The chapters --------------------------------------------------------------------------------


def _assemble(told: Told, sink_url: str) -> Cast:
    told.chapter("1 · Who plays")
    players = cast.assemble(sink_url=sink_url, now=timezone.now())
    for business in (players.bakery, players.workshop):
        money = format_micro(cast.MONEY, business.currency, "en")
        told.line(f"{business.name} ({business.country}): verified by the operator, {money} in the wallet")
    told.line("Two channels: sandbox phones, and a messaging service over HTTP that answers like a provider")
    return players


def _bring_people(told: Told, business: Business, n: int, *, is_second: bool) -> ImportBatch:
    told.chapter(f"{'6' if is_second else '2'} · {business.name} brings its contacts")
    path = FOLDER / f"contacts-{business.country}.csv"
    summary = (
        people.overlap(path, seed=SEED, n=n, of=N_PEOPLE) if is_second else people.write_contacts(path, seed=SEED, n=n)
    )
    with path.open("rb") as file:
        batch = imports.receive(business=business, file=File(file), filename=path.name, by=None, now=timezone.now())
    _wait(lambda: _is_read(batch), f"the import of {path.name}")
    batch.refresh_from_db()
    if batch.state != ImportBatch.State.DONE:
        raise CannotGoOn(f"The import failed: {batch.failure}")
    told.line(
        f"{batch.n_rows:,} rows of {len(summary.by_country)} countries: {batch.n_new:,} people new, {batch.n_faulty} rows refused:"
    )
    reasons = Counter(batch.faults.values_list("reason", flat=True))
    for reason, count in reasons.most_common():
        example = batch.faults.filter(reason=reason).order_by("line")[0]
        shown = example.value if example.column != "phone" else example.value[:4] + "…"
        told.line(f"  {count:>4} × {reason:<22} e.g. line {example.line}, {example.column or 'the row'}: {shown!r:.40}")
    told.facts.setdefault("imports", []).append(
        {
            "business": business.name,
            "rows": batch.n_rows,
            "new": batch.n_new,
            "faulty": batch.n_faulty,
            "faults": dict(reasons),
        }
    )
    return batch


def _is_read(batch: ImportBatch) -> bool:
    return ImportBatch.objects.filter(pk=batch.pk, state__in=["done", "failed"]).exists()


def _say_it(told: Told, players: Cast) -> Template:
    told.chapter("3 · What may be said")
    owner = _owner(players.bakery)
    bad = [{"type": "BODY", "text": "{{1}}{{3}} WIN NOW!!! Send your card number to https://bit.ly/x"}]
    draft = _draft(players.bakery, "big_win", "fr", bad, {}, owner)
    findings = _refused(draft, owner)
    told.line(f"A first draft is refused by {len(findings)} rules before anybody has to read it:")
    for finding in findings[:4]:
        told.line(f"  {finding.code}: {finding.message}")
    template = _approved_template(players.bakery, "spring_sale", ("fr", "en"), owner, players.reviewer)
    told.line("The good one, in French and English, is submitted and approved by the reviewer, word for word (SHA-256)")
    told.facts["refused_draft"] = [finding.code for finding in findings]
    return template


def _refused(draft: Version, owner: User) -> list[Finding]:
    try:
        review.submit(version=draft, by=owner, now=timezone.now())
    except review.CannotSubmit as refusal:
        return refusal.findings
    raise CannotGoOn("The rules let a bad draft through.")


def _approved_template(
    business: Business, name: str, languages: tuple[str, ...], owner: User, reviewer: User
) -> Template:
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
    told: Told, business: Business, template: Template, sender: Sender, name: str, audience: dict[str, Any]
) -> Broadcast:
    told.chapter(f"4 · {business.name} sends “{name}” over {sender.get_channel_display()}")
    broadcast = _compose(business, template, sender, name, audience)
    found = estimate.estimate(broadcast=broadcast, now=timezone.now())
    _print_estimate(told, business, found)
    began = time.monotonic()
    lifecycle.launch(broadcast=broadcast, token=found.token, by=_owner(business), now=timezone.now())
    _wait(
        lambda: Broadcast.objects.filter(pk=broadcast.pk, state=Broadcast.State.COMPLETED).exists(),
        f"“{name}” to be sent",
    )
    seconds = time.monotonic() - began
    broadcast.refresh_from_db()
    n_sent = counts.funnel(broadcast).sent + counts.funnel(broadcast).failed
    told.line(
        f"Sent: {n_sent:,} messages in {seconds:.1f} s, freezing and waking up included ({n_sent / seconds:,.0f} a second)"
    )
    told.facts.setdefault("sending", []).append(
        {"broadcast": name, "messages": n_sent, "seconds": round(seconds, 2), "per_second": round(n_sent / seconds)}
    )
    return broadcast


def _compose(business: Business, template: Template, sender: Sender, name: str, audience: dict[str, Any]) -> Broadcast:
    return lifecycle.create(
        business=business,
        name=name,
        template=template,
        sender=sender,
        audience=audience,
        variables={"season": "Spring", "discount": "20 %", "last_day": "Sunday"},
        by=_owner(business),
        now=timezone.now(),
    )


def _print_estimate(told: Told, business: Business, found: Estimate) -> None:
    least, most = (format_micro(amount, business.currency, "en") for amount in (found.min_micro, found.max_micro))
    told.line(
        f"Estimate: {found.n_eligible:,} of {found.n_audience:,} people can be reached, for {least} to {most}; not reached:"
    )
    for line in disclosure.public_reasons(found.reasons, found.n_audience):
        told.line(
            f"  {'about ' if line.code == 'not_reachable_now' else ''}{line.n if line.n is not None else '?':>6} {line.sentence}"
        )


def _react(told: Told, sender: Sender, broadcast: Broadcast, seed: int) -> None:
    told.chapter(f"5 · People answer {sender.business.name}")
    _wait(
        lambda: not PhoneMessage.objects.filter(is_delivery_reported=False).exists(),
        "the phones to report what arrived",
    )
    done = crowd.react(sender=sender, seed=seed)
    _wait(lambda: not Callback.objects.filter(folded_at__isnull=True).exists(), "all callbacks to be folded")
    told.line(", ".join(f"{n:,} {deed}" for deed, n in done.most_common()))
    told.facts.setdefault("reactions", []).append({"broadcast": broadcast.name, **done})


def _second_business(told: Told, players: Cast) -> Broadcast:
    _bring_people(told, players.workshop, N_SECOND, is_second=True)
    owner = _owner(players.workshop)
    template = _approved_template(players.workshop, "bike_week", ("en", "fr"), owner, players.reviewer)
    broadcast = _send(told, players.workshop, template, players.workshop_phones, "Bike week", {})
    _react(told, players.workshop_phones, broadcast, SEED + 1)
    return broadcast


def _try_again(told: Told, players: Cast, template: Template) -> None:
    told.chapter(f"7 · {players.bakery.name} would like to write to everybody once more, the same day")
    again = _compose(players.bakery, template, players.phones, "Again, too soon", {})
    found = estimate.estimate(broadcast=again, now=timezone.now())
    _print_estimate(told, players.bakery, found)
    told.facts["too_soon"] = {"eligible": found.n_eligible, "reasons": found.reasons}


# --- The end -------------------------------------------------------------------------------------


def _account_for(told: Told, players: Cast, broadcasts: list[Broadcast], sink_url: str) -> list[str]:
    told.chapter("8 · What came of it")
    told.facts["broadcasts"] = [_print_broadcast(told, broadcast) for broadcast in broadcasts]
    told.facts["money"] = [_print_money(told, business) for business in (players.bakery, players.workshop)]
    told.facts["reports"] = Report.objects.count()
    told.line(f"Reports on the operator's desk: {told.facts['reports']}")
    _draw(broadcasts)
    faults = proof.broken(sink_url=sink_url)
    told.chapter("9 · The promises, checked in SQL")
    for promise, broken in faults.items():
        told.line(f"{promise:<4} {'BROKEN: ' + '; '.join(broken) if broken else 'kept'}")
    told.facts["promises"] = {promise: not broken for promise, broken in faults.items()}
    told.facts["seconds"] = round(time.monotonic() - told.began, 1)
    _print_addresses(told, players, broadcasts)
    print(json.dumps(told.facts, ensure_ascii=False), flush=True)
    (FOLDER / "demo.json").write_text(json.dumps(told.facts, ensure_ascii=False, indent=1))
    return [f"{promise}: {fault}" for promise, broken in faults.items() for fault in broken]


def _print_broadcast(told: Told, broadcast: Broadcast) -> dict[str, Any]:
    funnel = counts.funnel(broadcast)
    said = reactions.tally(broadcast=broadcast)
    told.line(
        f"“{broadcast.name}”: {funnel.audience:,} people = {funnel.sent:,} sent + {funnel.failed:,} failed"
        f" + {funnel.skipped:,} skipped + {funnel.unknown:,} unknown + {funnel.queued:,} waiting"
    )
    told.line(
        f"  {funnel.delivered:,} delivered, {funnel.read:,} read, {said.interested or 0:,} interested, {said.not_interested or 0:,} not interested"
    )
    for line in disclosure.public_reasons(funnel.reasons, funnel.audience):
        told.line(f"  {line.n if line.n is not None else '?':>6} {line.code}")
    return {"name": broadcast.name, "audience": funnel.audience, "states": funnel.states, "reasons": funnel.reasons}


def _print_money(told: Told, business: Business) -> dict[str, Any]:
    wallet = Wallet.objects.get(business=business)
    holds = list(Hold.objects.filter(wallet=wallet))
    held = sum(hold.amount_micro for hold in holds)
    captured, released = (sum(getattr(hold, name) for hold in holds) for name in ("captured_micro", "released_micro"))
    show = {
        name: format_micro(n, business.currency, "en")
        for name, n in (("held", held), ("captured", captured), ("released", released))
    }
    is_right = held == captured + released + wallet.held_micro and wallet.balance_micro == cast.MONEY - captured
    told.line(
        f"{business.name}: {show['held']} held = {show['captured']} captured + {show['released']} released"
        f"; the books {'add up' if is_right else 'DO NOT ADD UP'}"
    )
    return {
        "business": business.name,
        "held_micro": held,
        "captured_micro": captured,
        "released_micro": released,
        "adds_up": is_right,
    }


def _draw(broadcasts: list[Broadcast]) -> None:
    funnels = [counts.funnel(broadcast) for broadcast in broadcasts]
    bars = [
        (name.capitalize(), sum(getattr(funnel, name) for funnel in funnels))
        for name in ("audience", "sent", "delivered", "read")
    ]
    bars.append(("Interested", sum(reactions.tally(broadcast=broadcast).interested or 0 for broadcast in broadcasts)))
    picture.draw(FOLDER / "demo-funnel.svg", title="Three broadcasts: from audience to interest", bars=bars)


def _print_addresses(told: Told, players: Cast, broadcasts: list[Broadcast]) -> None:
    told.chapter("10 · Look for yourself")
    phone = PhoneMessage.objects.filter(sender=players.phones).exclude(delivery_code="").order_by("id")[0]
    addresses = {
        "business": f"{settings.PUBLIC_URL}/b/{players.bakery.code}/",
        "broadcast": f"{settings.PUBLIC_URL}/b/{players.bakery.code}/broadcasts/{broadcasts[0].code}/",
        "phones": f"{settings.PUBLIC_URL}/phone/{players.phones.code}/",
        "recipient": phone.content["preference_url"],
        "admin": f"{settings.PUBLIC_URL}/admin/",
        "funnel": str((FOLDER / "demo-funnel.svg").relative_to(settings.BASE_DIR)),
    }
    for name, address in addresses.items():
        told.line(f"{name:<10} {address}")
    told.line(f"Log-ins, password “{cast.PASSWORD}”: {cast.OWNER} (business), {cast.REVIEWER}, {cast.OPERATOR}")
    told.facts["addresses"] = addresses


# --- Waiting, and the service at the other end ---------------------------------------------------


def _owner(business: Business) -> User:
    return business.members.select_related("user").order_by("pk")[0].user


def _unsettled() -> bool:
    return Broadcast.objects.filter(completed_at__isnull=False, settled_at__isnull=True).exists()


def _wait(is_done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > until:
            raise CannotGoOn(f"Waited {PATIENCE_SECONDS} s for {what}; .local/logs says what the workers were doing.")
        time.sleep(0.1)


@contextmanager
def _messaging_service() -> Iterator[str]:
    """Start the service at the other end of the webhook channel, as a process of its own."""
    host, port = cast.sink_address()
    if not port:
        raise CannotGoOn("DEMO_SINK is not set: start the demo with `make demo`.")
    command = [sys.executable, "-m", "config.demo.sink", "--host", host, "--port", str(port), "--seed", str(SEED)]
    with subprocess.Popen(
        [*command, "--log", str(FOLDER / "sink.jsonl")], stdout=subprocess.PIPE, text=True
    ) as service:
        try:
            assert service.stdout is not None  # noqa: S101 — it was asked for
            url = service.stdout.readline().strip()
            if not url:
                raise CannotGoOn(f"The messaging service could not listen on {host}:{port}.")
            yield url
        finally:
            service.terminate()
