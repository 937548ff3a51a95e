"""How the demo tells what it sees: lines for the reader, and the same facts for `.local/demo.json`."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from broadcasts import counts, disclosure
from broadcasts.models import Broadcast, Estimate, PhoneMessage
from businesses.models import Business, Hold, Wallet
from businesses.prices import format_micro
from config.demo import cast, picture
from config.demo.cast import Cast
from consent.models import ImportBatch
from feedback import reactions

FUNNEL = ("audience", "sent", "delivered", "read")


@dataclass
class Told:
    """The facts of the story so far."""

    began: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)

    def chapter(self, title: str) -> None:
        print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}", flush=True)

    def line(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def add(self, name: str, fact: dict[str, Any]) -> None:
        self.facts.setdefault(name, []).append(fact)


def file_read(told: Told, batch: ImportBatch, *, n_countries: int) -> None:
    """What was in a contact file, and what was refused of it, by line and reason."""
    told.line(
        f"{batch.n_rows:,} rows of {n_countries} countries: {batch.n_new:,} people new,"
        f" {batch.n_faulty} rows refused, the others are in:"
    )
    reasons = Counter(batch.faults.values_list("reason", flat=True))
    for reason, n in reasons.most_common():
        fault = batch.faults.filter(reason=reason).order_by("line")[0]
        # Even an invented number is not printed whole: this output ends in logs.
        shown = fault.value if fault.column != "phone" else fault.value[:4] + "…"
        told.line(f"  {n:>4} × {reason:<22} e.g. line {fault.line}, {fault.column or 'the row'}: {shown[:36]!r}")
    numbers = {"rows": batch.n_rows, "new": batch.n_new, "faulty": batch.n_faulty, "faults": dict(reasons)}
    told.add("imports", {"business": batch.business.name, **numbers})


def forecast(told: Told, business: Business, found: Estimate) -> None:
    """What a member reads before sending: who will be reached, who not and why, and what it costs."""
    least, most = (format_micro(amount, business.currency, "en") for amount in (found.min_micro, found.max_micro))
    public = disclosure.forecast(found)
    told.line(f"Estimate: {public.n_reached:,} of {found.n_audience:,} people can be reached, for {least} to {most};")
    told.line("not reached:")
    for line in public.lines:
        told.line(f"  {_count(line):>6} {line.sentence}")


def _count(line: disclosure.Line) -> str:
    return "some" if line.n is None else f"{line.n:,}"


def sent(told: Told, broadcast: Broadcast, seconds: float) -> None:
    """How fast a broadcast went, from the press of the button to the last message."""
    funnel = counts.funnel(broadcast)
    n = funnel.sent + funnel.failed
    rate = n / seconds
    told.line(f"Sent: {n:,} messages in {seconds:.1f} s, waking up and freezing included ({rate:,.0f} a second)")
    numbers = {"messages": n, "seconds": round(seconds, 2), "per_second": round(rate)}
    told.add("sending", {"broadcast": broadcast.name, **numbers})


def stopped(told: Told, batch: ImportBatch, broadcast: Broadcast, *, n_denied: int) -> None:
    """How a bought list came to its end: who was told, who said what, and who never heard of it."""
    batch.refresh_from_db()
    funnel, case = counts.funnel(broadcast), batch.latest_case
    told.line(f"{funnel.sent:,} people are told; {n_denied} of them open their page: “I didn't sign up”, and block")
    if case:
        told.line(
            f"At the {_nth(case.n_reporters)} of {case.n_told} the list is {batch.get_trust_display()},"
            " in the middle of the broadcast; the operator's desk has a case"
        )
    n_waiting, n_quarantined = (funnel.reasons.get(name, 0) for name in ("awaiting_probe", "quarantined"))
    told.line(
        f"Never told: {n_waiting + n_quarantined:,} of {funnel.audience:,}; {n_waiting:,} waited for the probe when"
        f" their turn came, {n_quarantined:,} had it after the quarantine"
    )
    told.facts["bought_list"] = {
        "business": batch.business.name,
        "rows": batch.n_rows,
        "probe": batch.n_probe,
        "trust": batch.trust,
        "told": funnel.sent,
        "denied": n_denied,
        "denied_when_stopped": case.n_reporters if case else 0,
        "awaiting_probe": n_waiting,
        "quarantined": n_quarantined,
    }


def _nth(n: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(n, f"{n}th")


def result(told: Told, broadcast: Broadcast) -> None:
    """What came of a broadcast: the funnel, and one reason for everybody who was not reached."""
    funnel, said = counts.funnel(broadcast), reactions.tally(broadcast=broadcast)
    told.line(
        f"“{broadcast.name}”: {funnel.audience:,} people = {funnel.sent:,} sent + {funnel.failed:,} failed"
        f" + {funnel.skipped:,} skipped + {funnel.unknown:,} unknown + {funnel.queued:,} waiting"
    )
    told.line(
        f"  {funnel.delivered:,} delivered, {funnel.read:,} read,"
        f" {said.interested or 0:,} interested, {said.not_interested or 0:,} not interested"
    )
    for line in disclosure.result(broadcast=broadcast, funnel=funnel).lines:
        told.line(f"  {_count(line):>6} {line.code}")
    facts = {"name": broadcast.name, "audience": funnel.audience, "states": funnel.states, "reasons": funnel.reasons}
    told.add("broadcasts", facts)


def money(told: Told, business: Business) -> None:
    """What was held, what was paid, what came back, and whether it adds up."""
    wallet = Wallet.objects.get(business=business)
    holds = list(Hold.objects.filter(wallet=wallet))
    held, captured, released = (
        sum(getattr(hold, name) for hold in holds) for name in ("amount_micro", "captured_micro", "released_micro")
    )
    adds_up = held == captured + released + wallet.held_micro and wallet.balance_micro == cast.MONEY - captured
    shown = [format_micro(amount, business.currency, "en") for amount in (held, captured, released)]
    told.line(
        f"{business.name}: {shown[0]} held = {shown[1]} captured + {shown[2]} released;"
        f" the books {'add up' if adds_up else 'DO NOT ADD UP'}"
    )
    amounts = {"held_micro": held, "captured_micro": captured, "released_micro": released, "adds_up": adds_up}
    told.add("money", {"business": business.name, **amounts})


def draw(path: Path, broadcasts: list[Broadcast]) -> None:
    """The three funnels in one picture."""
    funnels = [counts.funnel(broadcast) for broadcast in broadcasts]
    bars = [(name.capitalize(), sum(getattr(funnel, name) for funnel in funnels)) for name in FUNNEL]
    tallies = [reactions.tally(broadcast=broadcast) for broadcast in broadcasts]
    bars.append(("Interested", sum(tally.interested or 0 for tally in tallies)))
    picture.draw(path, title="Three broadcasts: from audience to interest", bars=bars)


def addresses(told: Told, players: Cast, broadcasts: list[Broadcast], funnel_path: Path) -> None:
    """Where to look, and as whom."""
    phone = PhoneMessage.objects.filter(sender=players.phones).exclude(delivery_code="").order_by("id")[0]
    bakery = f"{settings.PUBLIC_URL}/b/{players.bakery.code}"
    told.facts["addresses"] = {
        "business": f"{bakery}/",
        "broadcast": f"{bakery}/broadcasts/{broadcasts[0].code}/",
        "phones": f"{settings.PUBLIC_URL}/phone/{players.phones.code}/",
        "recipient": phone.content["preference_url"],
        "admin": f"{settings.PUBLIC_URL}/admin/",
        "funnel": os.path.relpath(funnel_path, settings.BASE_DIR),
    }
    for name, address in told.facts["addresses"].items():
        told.line(f"{name:<10} {address}")
    told.line("")
    for role, email in {"business": cast.OWNER, "reviewer": cast.REVIEWER, "operator": cast.OPERATOR}.items():
        told.line(f"{role:<10} {email}   password: {cast.PASSWORD}")
