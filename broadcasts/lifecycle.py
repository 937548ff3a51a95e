"""The life of a broadcast. Every change of state is one conditional UPDATE, so that two doors never both win.

draft → scheduled → preparing → sending ⇄ paused → completed | cancelled | halted, later settled.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Max, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from broadcasts import audience as audiences
from broadcasts import hours, quote, stops
from broadcasts.models import (
    Broadcast,
    BroadcastVersion,
    Budget,
    Chunk,
    Count,
    CountDelta,
    Delivery,
    EmergencyStop,
    PriceLine,
    Sender,
)
from broadcasts.models.guard import LEAST_N
from businesses import audit, events, wallet
from businesses.models import Business, User
from templates_approval.models import Template

State = Broadcast.State
EDITABLE = frozenset(
    {
        "name",
        "template",
        "sender",
        "audience",
        "variables",
        "scheduled_at",
        "is_local_time",
        "life_hours",
        "waits_for_cap",
        "holdout_permille",
        "messages_per_second",
        "budget_micro",
        "pause_at_failed_percent",
        "pause_at_refused_permille",
        "pause_after_n",
    }
)


class CannotCreate(ValidationError):
    """The broadcast cannot be as described; keyed by field where one is to blame."""


class CannotEdit(ValidationError):
    """Only drafts change."""


class CannotLaunch(ValidationError):
    """What is missing before the broadcast may leave."""


class CannotPause(ValidationError):
    """Only what is being sent can be paused."""


class CannotResume(ValidationError):
    """Only what is paused, and still alive, can go on."""


class CannotCancel(ValidationError):
    """What has ended cannot be cancelled."""


def create(
    *,
    business: Business,
    name: str,
    template: Template,
    sender: Sender,
    audience: dict[str, Any],
    variables: dict[str, Any],
    by: User | None,
    now: datetime,
    life_hours: int = 24,
    scheduled_at: datetime | None = None,
    is_local_time: bool = False,
    waits_for_cap: bool = False,
    budget_micro: int | None = None,
    messages_per_second: int | None = None,
    holdout_permille: int = 0,
    pause_at_failed_percent: int | None = None,
    pause_at_refused_permille: int | None = None,
    pause_after_n: int | None = None,
    follows: Broadcast | None = None,
    follows_as: str = "",
) -> Broadcast:
    """Make a draft. Raises ``CannotCreate`` or ``audience.BadDefinition``; nothing is half made."""
    broadcast = Broadcast(
        business=business,
        name=name.strip(),
        template=template,
        sender=sender,
        audience=audiences.check(business=business, definition=audience),
        variables=variables,
        life_hours=life_hours,
        scheduled_at=scheduled_at,
        is_local_time=is_local_time,
        waits_for_cap=waits_for_cap,
        budget_micro=budget_micro,
        messages_per_second=messages_per_second,
        holdout_permille=holdout_permille,
        pause_at_failed_percent=pause_at_failed_percent,
        pause_at_refused_permille=pause_at_refused_permille,
        pause_after_n=pause_after_n,
        follows=follows,
        follows_as=follows_as,
        created_by=by,
        created_at=now,
    )
    _check(broadcast, now)
    with transaction.atomic():
        broadcast.save()
        _tell(broadcast, "broadcast.created", by, now)
    return broadcast


def edit(*, broadcast: Broadcast, by: User | None, now: datetime, **changes: Any) -> Broadcast:
    """Change a draft's fields (see ``EDITABLE``). Raises ``CannotEdit`` or ``CannotCreate``."""
    if unknown := set(changes) - EDITABLE:
        raise CannotEdit(_("These cannot be changed: %(names)s.") % {"names": ", ".join(sorted(unknown))})
    with transaction.atomic():
        draft = Broadcast.objects.select_for_update(of=("self",)).select_related("business").get(pk=broadcast.pk)
        if draft.state != State.DRAFT:
            raise CannotEdit(_("Only a draft can be changed; copy the broadcast instead."))
        for name, value in changes.items():
            setattr(draft, name, value)
        if "audience" in changes:
            audiences.check(business=draft.business, definition=draft.audience)
        _check(draft, now)
        draft.save(update_fields=[*changes])
        _tell(draft, "broadcast.edited", by, now)
    return draft


def _check(broadcast: Broadcast, now: datetime) -> None:
    faults = {**_faults_of_what(broadcast), **_faults_of_numbers(broadcast, now)}
    if faults:
        raise CannotCreate(faults)


def _faults_of_what(broadcast: Broadcast) -> dict[str, str]:
    """What is said, by whom, with which values."""
    faults: dict[str, str] = {}
    if not broadcast.name:
        faults["name"] = _("Give the broadcast a name; only you will see it.")
    if broadcast.template.business_id != broadcast.business_id:
        faults["template"] = _("Choose one of your own templates.")
    elif broadcast.template.category != Template.Category.MARKETING:
        faults["template"] = _("Broadcasts carry marketing templates only.")
    if broadcast.sender.business_id != broadcast.business_id:
        faults["sender"] = _("Choose one of your own senders.")
    elif broadcast.business.is_test and broadcast.sender.channel != Sender.Channel.SANDBOX:
        faults["sender"] = _("In test mode only sandbox phones are reached.")
    values = broadcast.variables.values() if isinstance(broadcast.variables, dict) else [None]
    if not all(isinstance(value, str) for value in values):
        faults["variables"] = _("Variables map names to texts, for example {“discount”: “20”}.")
    return faults


def _faults_of_numbers(broadcast: Broadcast, now: datetime) -> dict[str, str]:
    """When, how long, how fast, for how much."""
    earliest, latest = now - timedelta(minutes=5), now + timedelta(days=365)
    checks = {
        "life_hours": (1 <= broadcast.life_hours <= 720, _("An offer lives between 1 hour and 30 days.")),
        "scheduled_at": (
            broadcast.scheduled_at is None or earliest <= broadcast.scheduled_at <= latest,
            _("Choose a time between now and one year from now."),
        ),
        "is_local_time": (
            not broadcast.is_local_time or broadcast.scheduled_at is not None,
            _("Choose the hour that is meant on each person’s own clock."),
        ),
        "holdout_permille": (
            0 <= broadcast.holdout_permille <= 500,
            _("The control group is between 0 and 500 in 1,000."),
        ),
        "budget_micro": (
            broadcast.budget_micro is None or 0 < broadcast.budget_micro <= 10**15,
            _("The budget must be a positive amount."),
        ),
        "messages_per_second": (
            broadcast.messages_per_second is None or 1 <= broadcast.messages_per_second <= 100_000,
            _("Choose between 1 and 100,000 messages per second."),
        ),
    }
    checks |= {
        name: (own is None or least <= own <= most, sentence)
        for name, own, least, most, sentence in (
            ("pause_at_failed_percent", broadcast.pause_at_failed_percent, 0, 100,
             _("Choose between 0 (never) and 100 percent.")),
            ("pause_at_refused_permille", broadcast.pause_at_refused_permille, 0, 1000,
             _("Choose between 0 (never) and 1,000 per thousand.")),
            ("pause_after_n", broadcast.pause_after_n, LEAST_N, 1_000_000,
             _("Choose between 20 and 1,000,000 people.")),
        )
    }  # fmt: skip
    return {name: sentence for name, (is_right, sentence) in checks.items() if not is_right}


def launch(*, broadcast: Broadcast, token: str, by: User | None, now: datetime) -> Broadcast:
    """Confirm the estimate that ``token`` stands for: freeze words and prices, hold its maximum cost, begin.

    Raises ``CannotLaunch``, ``quote.CannotQuote``, ``audience.BadDefinition`` or ``wallet.NotEnoughMoney``; then
    nothing has changed. Launching twice launches once.
    """
    with transaction.atomic():
        draft = (
            Broadcast.objects.select_for_update(of=("self",))
            .select_related("business", "template", "sender")
            .get(pk=broadcast.pk)
        )
        if draft.state != State.DRAFT:
            raise CannotLaunch(_("This broadcast has been launched already."))
        agreed = quote.terms(draft, now)
        quote.check_may_launch(draft, agreed, now)
        estimate = quote.confirmed(broadcast=draft, token=token, agreed=agreed, now=now)
        draft.begins_at = hours.first_start(draft, now)
        hold = wallet.hold(
            business=draft.business, amount_micro=estimate.max_micro, purpose=f"{draft.code}:{estimate.pk}", now=now
        )
        _freeze_words_and_prices(draft, agreed)
        audiences.freeze(broadcast=draft, as_of=estimate.created_at)
        Budget.objects.update_or_create(
            broadcast=draft,
            defaults={
                "ceiling_micro": estimate.max_micro,
                "reserved_micro": 0,
                "captured_micro": 0,
                "written_off_micro": 0,
            },
        )
        draft.state = State.SCHEDULED if draft.begins_at > now else State.PREPARING
        draft.state_reason = ""
        draft.hold = hold
        draft.n_confirmed = estimate.n_audience
        draft.waits_for_cap = quote.waits_for_cap(draft, estimate)
        draft.launched_at = now
        draft.ends_at = hours.last_start(draft, now) + timedelta(hours=draft.life_hours)
        draft.save()
        _tell(
            draft, "broadcast.launched", by, now, {"n_confirmed": estimate.n_audience, "max_micro": estimate.max_micro}
        )
    return draft


def _freeze_words_and_prices(broadcast: Broadcast, agreed: quote.Terms) -> None:
    broadcast.versions.all().delete()
    broadcast.price_lines.all().delete()
    BroadcastVersion.objects.bulk_create(
        BroadcastVersion(
            broadcast=broadcast,
            language=version.language,
            version=version,
            content_hash=version.content_hash,
            is_default=position == 0,
        )
        for position, version in enumerate(agreed.versions)
    )
    PriceLine.objects.bulk_create(
        PriceLine(broadcast=broadcast, country=country, price_micro=price) for country, price in agreed.prices.items()
    )


def begin_scheduled(*, now: datetime) -> int:
    """Start what was scheduled for now or earlier and no emergency stop holds; return how many broadcasts began."""
    due = Broadcast.objects.filter(state=State.SCHEDULED, begins_at__lte=now).alias(held_by=stops.over_all())
    return due.filter(held_by__isnull=True).update(state=State.PREPARING)


def begin_sending(*, broadcast: Broadcast, now: datetime) -> None:
    """The audience is frozen: the planner is told, and lanes may take its chunks. An empty one is complete at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT analyze_delivery_partition(%s)", [broadcast.pk])
    changes: dict[str, Any] = {"state": State.SENDING}
    if broadcast.is_local_time and (last := broadcast.chunks.aggregate(last=Max("due_at"))["last"]):
        # Nobody of the westernmost zone may be in it: the life counts from the last hour that somebody waits for.
        changes["ends_at"] = last + timedelta(hours=broadcast.life_hours)
    Broadcast.objects.filter(pk=broadcast.pk, state=State.PREPARING).update(**changes)
    complete(broadcast_id=broadcast.pk, now=now)


def take_back(*, broadcast: Broadcast, reason: str, now: datetime) -> None:
    """Undo a launch whose freezing found another audience than was confirmed; call under the broadcast's row lock."""
    Delivery.objects.filter(broadcast_id=broadcast.pk).delete()
    Chunk.objects.filter(broadcast=broadcast).delete()
    CountDelta.objects.filter(broadcast_id=broadcast.pk).delete()
    Count.objects.filter(broadcast=broadcast).delete()
    hold = broadcast.hold
    if hold is not None:
        wallet.release(hold=hold, amount_micro=hold.remaining_micro, key=f"take back:{hold.code}", now=now)
    Broadcast.objects.filter(pk=broadcast.pk).update(
        state=State.DRAFT,
        state_reason=reason,
        hold=None,
        begins_at=None,
        ends_at=None,
        launched_at=None,
        frozen_audience=None,
        freeze_cursor=0,
        n_audience=0,
        n_chunks=0,
        n_done=0,
    )
    _tell(broadcast, "broadcast.taken_back", None, now, {"reason": reason})


@transaction.atomic
def pause(
    *, broadcast: Broadcast, reason: str, by: User | None, now: datetime, facts: dict[str, Any] | None = None
) -> None:
    """Stop handing over; what passed the gate in the last second may still leave. Raises ``CannotPause``."""
    changed = Broadcast.objects.filter(pk=broadcast.pk, state=State.SENDING).update(
        state=State.PAUSED, state_reason=reason[:300]
    )
    if not changed:
        raise CannotPause(_("Only a broadcast that is being sent can be paused."))
    _tell(broadcast, "broadcast.paused", by, now, {"reason": reason, **(facts or {})})


@transaction.atomic
def resume(*, broadcast: Broadcast, by: User | None, now: datetime) -> None:
    """Go on where it stopped. Raises ``CannotResume``, also while an emergency stop holds."""
    if stop := stops.holding(broadcast):
        raise CannotResume(stops.sentence(stop))
    changed = Broadcast.objects.filter(pk=broadcast.pk, state=State.PAUSED, ends_at__gt=now).update(
        state=State.SENDING, state_reason="", stop=None
    )
    if not changed:
        raise CannotResume(_("Only a paused broadcast whose offer is still alive can go on."))
    _tell(broadcast, "broadcast.resumed", by, now)


@transaction.atomic
def pause_stopped(*, now: datetime) -> int:
    """Let what an emergency stop holds say so; return how many broadcasts were paused.

    Nothing depends on it but words: lanes and gate obey the stop itself. Whatever begins to be sent in spite of one is
    found at the next tick.
    """
    held = Broadcast.objects.filter(state=State.SENDING).alias(held_by=stops.over_all()).filter(held_by__isnull=False)
    return len(_hold(_locked(held), State.SENDING, now))


@transaction.atomic
def let_go_on(*, stop: EmergencyStop, now: datetime) -> int:
    """Let what a stop that was lifted had paused go on, unless another stop holds it; return how many do."""
    paused = _locked(Broadcast.objects.filter(state=State.PAUSED, stop=stop))
    still_held = {broadcast.pk for broadcast in _hold(paused, State.PAUSED, now)}
    free = [broadcast for broadcast in paused if broadcast.pk not in still_held and _is_alive(broadcast, now)]
    Broadcast.objects.filter(pk__in=[broadcast.pk for broadcast in free]).update(
        state=State.SENDING, state_reason="", stop=None
    )
    events.record_all(
        [(each.business_id, "broadcast.resumed", {"code": each.code, "stop": stop.code}) for each in free], now=now
    )
    return len(free)


def _is_alive(broadcast: Broadcast, now: datetime) -> bool:
    return broadcast.ends_at is not None and broadcast.ends_at > now


def _locked(broadcasts: QuerySet[Broadcast]) -> list[Broadcast]:
    """Lock them in the order in which their businesses' events are numbered afterwards."""
    rows = broadcasts.select_related("business").order_by("business_id", "pk")
    return list(rows.select_for_update(of=("self",), no_key=True))


def _hold(locked: list[Broadcast], was: State, now: datetime) -> list[Broadcast]:
    """Pause those of the locked broadcasts that a stop holds, each with its reason in its business's language."""
    held_by = dict(
        Broadcast.objects.filter(pk__in=[broadcast.pk for broadcast in locked])
        .annotate(held_by=stops.over_all())
        .filter(held_by__isnull=False)
        .values_list("pk", "held_by")
    )
    stop_of = EmergencyStop.objects.in_bulk(set(held_by.values()))
    held = [broadcast for broadcast in locked if broadcast.pk in held_by]
    for broadcast in held:
        broadcast.state, broadcast.stop = State.PAUSED, stop_of[held_by[broadcast.pk]]
        with override(broadcast.business.locale):
            broadcast.state_reason = stops.sentence(broadcast.stop)[:300]
    Broadcast.objects.bulk_update(held, ["state", "stop", "state_reason"])
    if was == State.SENDING:
        events.record_all([(each.business_id, "broadcast.paused", _why_held(each)) for each in held], now=now)
    return held


def _why_held(broadcast: Broadcast) -> dict[str, Any]:
    stop = broadcast.stop
    return {"code": broadcast.code, "reason": broadcast.state_reason, "stop": stop.code if stop else None}


@transaction.atomic
def cancel(*, broadcast: Broadcast, by: User | None, now: datetime) -> None:
    """End it: nobody who has not been sent to yet will be. Raises ``CannotCancel``."""
    before_sending = Broadcast.objects.filter(pk=broadcast.pk, state__in=[State.DRAFT, State.SCHEDULED])
    if before_sending.update(state=State.CANCELLED, completed_at=now):
        _tell(broadcast, "broadcast.cancelled", by, now)
        return
    changed = Broadcast.objects.filter(
        pk=broadcast.pk, state__in=[State.PREPARING, State.SENDING, State.PAUSED]
    ).update(state=State.CANCELLED)
    if not changed:
        raise CannotCancel(_("This broadcast has ended already."))
    complete(broadcast_id=broadcast.pk, now=now)
    _tell(broadcast, "broadcast.cancelled", by, now)


@transaction.atomic
def halt(*, broadcast: Broadcast, reason: str, now: datetime) -> bool:
    """The system or the operator ends it, with a reason; return whether there was anything to halt."""
    alive = [State.SCHEDULED, State.PREPARING, State.SENDING, State.PAUSED]
    changed = Broadcast.objects.filter(pk=broadcast.pk, state__in=alive).update(
        state=State.HALTED, state_reason=reason[:300]
    )
    if changed:
        complete(broadcast_id=broadcast.pk, now=now)
        _tell(broadcast, "broadcast.halted", None, now, {"reason": reason})
    return bool(changed)


def complete(*, broadcast_id: int, now: datetime) -> bool:
    """When the last chunk is done, nothing is left to send; return whether this call was the one that saw it."""
    done = Broadcast.objects.filter(pk=broadcast_id, completed_at__isnull=True, n_done=F("n_chunks"))
    if done.filter(state__in=[State.SENDING, State.PAUSED]).update(state=State.COMPLETED, completed_at=now):
        broadcast = Broadcast.objects.get(pk=broadcast_id)
        events.record(
            business_id=broadcast.business_id, kind="broadcast.completed", payload={"code": broadcast.code}, now=now
        )
        return True
    return bool(done.filter(state__in=[State.CANCELLED, State.HALTED]).update(completed_at=now))


def go_on(*, broadcast_id: int) -> None:
    """What was complete has work again: its lanes may come back to it."""
    Broadcast.objects.filter(pk=broadcast_id, state=State.COMPLETED, settled_at__isnull=True).update(
        state=State.SENDING, completed_at=None
    )


def _tell(broadcast: Broadcast, kind: str, by: User | None, now: datetime, facts: dict[str, Any] | None = None) -> None:
    events.record(
        business_id=broadcast.business_id, kind=kind, payload={"code": broadcast.code, **(facts or {})}, now=now
    )
    audit.note(
        action=kind,
        object_kind="broadcast",
        object_code=broadcast.code,
        actor=by,
        business=broadcast.business,
        after=facts or {},
        now=now,
    )
