"""Before sending: who will be reached, who not and why, and what it costs. The gate's rules, read-only.

They are asked as if this business were the only one: what other businesses did, and what a person chose for all of
them, is in no number of an estimate but one, the share of all contacts that can be reached (``reach``).
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Max, Min, Sum
from django.db.models.functions import Mod

from broadcasts import audience, own_caps, plan, quote, reach, wordings
from broadcasts.channels import KINDS
from broadcasts.models import Broadcast, Count, Delivery, Estimate
from businesses.models import Business
from consent import verdicts
from consent.models import Contact
from consent.models.people import ContactQuerySet
from consent.reasons import GO, Reason
from templates_approval.models import Version

# Up to here everybody is asked; above, a sample answers at once and the exact count follows as a job.
EXACT_UP_TO = 50_000
SAMPLE_ROWS = 2_000
# More look-ups than this for a sample take longer than reading everybody.
MOST_DRAWN = 10_000
SLICE_ROWS = 50_000
# Half of a large audience each: PostgreSQL answers every connection with a processor of its own.
CONNECTIONS = 2
# Whoever is ended in the middle leaves it to be counted again, after so long.
CLAIM = timedelta(minutes=2)
# People skipped for these reasons today may be reachable when their turn comes: the maximum must cover them.
PASSING_REASONS = frozenset({Reason.CAP_BUSINESS, Reason.HOLDOUT})
Tally = Counter[tuple[str, int]]
log = logging.getLogger(__name__)


def estimate(*, broadcast: Broadcast, now: datetime, exact: bool | None = None) -> Estimate:
    """Ask about everybody in the audience (or a sample of it) what the gate would say now, and store the answer.

    ``exact``: True counts everybody, False samples, None decides by size. Raises ``quote.CannotQuote`` when there are
    no approved words, ``prices.NoPrice`` when there is no price, ``audience.BadDefinition`` when a segment is gone.
    """
    answer = _ask_about(broadcast, now, exact)
    with transaction.atomic():
        _locked(broadcast.pk)
        answer.save()
    return answer


def _locked(broadcast_id: int) -> Broadcast:
    """Answers are numbered under their draft's lock: what is stored later has the higher number."""
    whose = ("business", "sender", "template__business")
    return Broadcast.objects.select_for_update(of=("self",)).select_related(*whose).get(pk=broadcast_id)


def _ask_about(broadcast: Broadcast, now: datetime, exact: bool | None) -> Estimate:
    agreed = quote.terms(broadcast, now)
    quote.check_may_launch(broadcast, agreed, now)
    # Taken before anybody is asked: what changes meanwhile makes the answer stale, not wrong.
    fingerprint = quote.fingerprint(broadcast, agreed)
    definition = audience.frozen(business=broadcast.business, definition=broadcast.audience)
    everybody = audience.contacts(business=broadcast.business, definition=definition, now=now)
    n_audience = audience.count(business=broadcast.business, definition=definition, now=now)
    is_exact = n_audience <= EXACT_UP_TO if exact is None else exact
    if is_exact:
        tally = _ask_everybody(broadcast, agreed.versions, everybody, n_audience, now)
    else:
        drawn = _ask(broadcast, agreed.versions, _sample(broadcast.business, everybody, n_audience), now)
        tally = _scale(drawn, n_audience)
    return _answer(broadcast, agreed, fingerprint, tally, n_audience, is_exact, now)


def count_due(*, now: datetime) -> int:
    """Count everybody where a sample was the first answer, once; return how often (0 or 1). The next turn goes on.

    Only one in the whole house counts at a time: whoever comes while another does goes away again, so that counting
    never takes more than one worker. The exact answer is an estimate of its own, the newest of its draft. What was
    changed, estimated again, launched or thrown away since, also while it was counted, is left alone.
    """
    while (asked := _claim(now)) is not None:
        if _is_latest(asked):
            return int(_count(asked, now))
        _let_go(asked)
    return 0


@transaction.atomic
def _claim(now: datetime) -> Estimate | None:
    """Take what waits longest for ``CLAIM``: if its count ends this process, all others are counted before it."""
    if not _is_only_counter():
        return None
    due = Estimate.objects.filter(exact_due_at__lte=now).select_for_update(skip_locked=True, of=("self",))
    whose = ("broadcast__business", "broadcast__sender", "broadcast__template__business")
    asked = due.select_related(*whose).order_by("exact_due_at", "pk").first()
    if asked is not None:
        asked.exact_due_at = now + CLAIM
        asked.save(update_fields=["exact_due_at"])
    return asked


def _is_only_counter() -> bool:
    """Take the house's one place for counting until the transaction ends, without waiting for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('broadcasts.estimate', 0))")
        return bool(cursor.fetchone()[0])


def _is_latest(asked: Estimate) -> bool:
    is_draft = asked.broadcast.state == Broadcast.State.DRAFT
    return is_draft and not asked.broadcast.estimates.filter(pk__gt=asked.pk).exists()


def _let_go(asked: Estimate, due_at: datetime | None = None) -> bool:
    """End a claim, if it is still this one; return whether it was."""
    mine = Estimate.objects.filter(pk=asked.pk, exact_due_at=asked.exact_due_at)
    return mine.update(exact_due_at=due_at) == 1


@transaction.atomic
def _count(asked: Estimate, now: datetime) -> bool:
    if not _is_only_counter():
        # Somebody looked into it since the claim.
        _let_go(asked, due_at=now)
        return False
    try:
        return _store_exact(asked, _ask_about(asked.broadcast, now, exact=True), now)
    except ValidationError as refusal:
        log.info("estimate: %s is not counted (%s)", asked.broadcast.code, refusal.messages[0])
        _let_go(asked)
        return False


def _store_exact(asked: Estimate, answer: Estimate, now: datetime) -> bool:
    """Counting takes seconds: nothing may be stored over what was changed, estimated or launched meanwhile."""
    draft = asked.broadcast = _locked(asked.broadcast_id)
    if not _let_go(asked) or not _is_latest(asked):
        return False
    if quote.fingerprint(draft, quote.terms(draft, now)) != answer.fingerprint:
        return False
    answer.save()
    return True


def _sample(business: Business, everybody: ContactQuerySet, n_audience: int) -> ContactQuerySet:
    """Draw some of ``everybody``: numbers between the first contact's and the last's, as far as somebody has them.

    Where too few of these numbers are theirs, all are gone through instead, one in so many of them.
    """
    if n_audience <= SAMPLE_ROWS:
        return everybody
    ends = Contact.objects.of(business).aggregate(first=Min("pk"), last=Max("pk"))
    n_numbers = ends["last"] - ends["first"] + 1
    n_drawn = SAMPLE_ROWS * n_numbers // n_audience
    if n_drawn > MOST_DRAWN:
        step = n_audience // SAMPLE_ROWS
        return everybody.alias(part=Mod(F("pk"), step)).filter(part=secrets.randbelow(step))
    drawn = secrets.SystemRandom().sample(range(ends["first"], ends["last"] + 1), n_drawn)
    return everybody.filter(pk__in=drawn)


def _scale(tally: Tally, n_audience: int) -> Tally:
    """Blow a sample up to the whole; rounding goes to the largest group, so that the sum is the audience."""
    n_asked = tally.total()
    if not n_asked:
        return tally
    scaled = Counter({key: n * n_audience // n_asked for key, n in tally.items()})
    scaled[tally.most_common(1)[0][0]] += n_audience - scaled.total()
    return scaled


class Part(NamedTuple):
    """Contacts of one audience whose people's ids lie between two bounds, both of them excluded."""

    after: int
    before: int | None


ALL = Part(0, None)


def _ask_everybody(
    broadcast: Broadcast, versions: list[Version], everybody: ContactQuerySet, n_audience: int, now: datetime
) -> Tally:
    if n_audience <= SLICE_ROWS:
        return _ask(broadcast, versions, everybody, now)
    ask = partial(_ask_in_a_thread, broadcast, versions, everybody, now)
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="estimate") as threads:
        return sum(threads.map(ask, _parts(everybody, n_audience)), Counter())


def _parts(everybody: ContactQuerySet, n_audience: int) -> list[Part]:
    """Cut an audience into parts of one size, one for each connection."""
    people = everybody.order_by("recipient_id").values_list("recipient_id", flat=True)
    cuts = [people[n_audience * n // CONNECTIONS] for n in range(1, CONNECTIONS)]
    return [Part(after, before) for after, before in zip([0, *(cut - 1 for cut in cuts)], [*cuts, None], strict=True)]


def _ask_in_a_thread(*facts: Any) -> Tally:
    try:
        return _ask(*facts)
    finally:
        connection.close()


def _ask(
    broadcast: Broadcast, versions: list[Version], asked: ContactQuerySet, now: datetime, part: Part = ALL
) -> Tally:
    question = plan.question_about(broadcast)
    mine = own_caps.recent(business=broadcast.business, now=now)
    total: Tally = Counter()
    with connection.cursor() as cursor:
        for ids, lacks in _slices(asked, wordings.Values(broadcast, versions), part):
            total += verdicts.tally_alone(
                cursor,
                question=question,
                recipient_ids=ids,
                lacks_variable=lacks,
                held_back=own_caps.held_back(recent=mine, recipient_ids=ids, now=now),
                now=now,
            )
    return total


def _slices(asked: ContactQuerySet, values: wordings.Values, part: Part) -> Iterator[tuple[list[int], list[bool]]]:
    """Yield (recipients, lacks a variable), a bounded number at a time, in the order of people: so their rows lie."""
    last = part.after
    columns = ("recipient_id", "language", "name", "attributes") if values.come_from_contacts else ("recipient_id",)
    inside = asked.filter(recipient_id__lt=part.before) if part.before else asked
    in_order = inside.order_by("recipient_id").values_list(*columns)
    while rows := list(in_order.filter(recipient_id__gt=last)[:SLICE_ROWS]):
        last = rows[-1][0]
        yield [row[0] for row in rows], _lacks(rows, values)


def _lacks(rows: Sequence[tuple[Any, ...]], values: wordings.Values) -> list[bool]:
    if not values.come_from_contacts:
        return [False] * len(rows)
    return [values.lack(language, name, attributes) for _, language, name, attributes in rows]


def _answer(
    broadcast: Broadcast,
    agreed: quote.Terms,
    fingerprint: str,
    tally: Tally,
    n_audience: int,
    is_exact: bool,
    now: datetime,
) -> Estimate:
    elsewhere = agreed.prices.get("", 0)
    price_of = {country: agreed.prices.get(country, elsewhere) for country, _ in tally}
    go = Counter({country: n for (country, reason), n in tally.items() if reason == GO})
    likely = sum(n * price_of[country] for country, n in go.items())
    most = sum(
        n * price_of[country] for (country, reason), n in tally.items() if reason == GO or reason in PASSING_REASONS
    )
    if broadcast.budget_micro is not None:
        likely, most = min(likely, broadcast.budget_micro), min(most, broadcast.budget_micro)
    worst, usual = _delivery_rates(broadcast)
    traits = KINDS[broadcast.sender.channel].traits
    reach_permille = reach.share(business=broadcast.business, address_kinds=traits.address_kinds, now=now)
    reached = (1000 if reach_permille is None or go.total() < reach.MIN_AUDIENCE else reach_permille) / 1000
    reasons: Counter[str] = Counter()
    for (_country, reason), n in tally.items():
        if reason != GO:
            reasons[Reason(reason).name.lower()] += n
    return Estimate(
        broadcast=broadcast,
        token=secrets.token_urlsafe(24),
        fingerprint=fingerprint,
        is_exact=is_exact,
        n_audience=n_audience,
        n_eligible=go.total(),
        reasons=dict(reasons),
        reach_permille=reach_permille,
        price_lines=[{"country": country, "n": n, "price_micro": price_of[country]} for country, n in go.most_common()],
        min_micro=int(likely * worst * reached),
        likely_micro=int(likely * usual * reached),
        max_micro=most,
        seconds=ceil(go.total() / _rate(broadcast)),
        created_at=now,
        exact_due_at=None if is_exact else now,
    )


def _rate(broadcast: Broadcast) -> int:
    return min(
        broadcast.sender.messages_per_second, broadcast.messages_per_second or broadcast.sender.messages_per_second
    )


def _delivery_rates(broadcast: Broadcast) -> tuple[float, float]:
    """Return the worst and the mean share delivered in this sender's last five broadcasts; 1 and 1 without any."""
    recent = Broadcast.objects.of(broadcast.business).filter(sender=broadcast.sender, state=Broadcast.State.COMPLETED)
    counts = Count.objects.filter(broadcast__in=list(recent.order_by("-created_at")[:5]))
    sent: Counter[int] = Counter()
    arrived: Counter[int] = Counter()
    rows = (
        counts.filter(state__gte=Delivery.State.SENDING).values_list("broadcast_id", "state").annotate(total=Sum("n"))
    )
    for broadcast_id, state, n in rows:
        sent[broadcast_id] += n
        arrived[broadcast_id] += n if state >= Delivery.State.DELIVERED else 0
    shares = [arrived[key] / n for key, n in sent.items() if n > 0]
    return (min(shares), sum(arrived.values()) / sum(sent.values())) if shares else (1.0, 1.0)
