"""How senders stand with their provider: what it tells changes at once what may leave; slowed senders recover."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import override

from broadcasts import approvals, lifecycle
from broadcasts.channels.base import AccountNews
from broadcasts.channels.whatsapp import account, notes, wording
from broadcasts.models import Broadcast, ProviderTemplate, Sender, Standing

log = logging.getLogger(__name__)
State = ProviderTemplate.State

# Template webhooks name events; those that are no status change none (whatsapp: FLAGGED, REINSTATED, LOCKED …).
STATE_OF_EVENT = {
    "PENDING": State.PENDING,
    "IN_APPEAL": State.PENDING,
    "APPROVED": State.APPROVED,
    "REINSTATED": State.APPROVED,
    "UNARCHIVED": State.APPROVED,
    "REJECTED": State.REJECTED,
    "PAUSED": State.PAUSED,
    "DISABLED": State.DISABLED,
    "LIMIT_EXCEEDED": State.REJECTED,
    "PENDING_DELETION": State.GONE,
    "DELETED": State.GONE,
    "ARCHIVED": State.GONE,
}
# Which restrictions concern offers. Others (utility templates, adding numbers) change nothing here.
RESTRICTING = frozenset({"RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"})
SPEED_UP_EVERY = timedelta(minutes=1)


# --- What the provider tells --------------------------------------------------------------------


def hear(*, sender: Sender, news: Sequence[AccountNews], now: datetime) -> list[str]:
    """Let what a provider says of the account take effect at once; return what could not be read.

    A restriction has stopped the broadcasts of every sender concerned when this returns. What is older than what was
    heard already changes nothing: calls come twice, late, and in any order. Each piece is one transaction; call it
    outside of any other, because stopping takes broadcasts and the business's next event, in this order.
    """
    faults = []
    for one in sorted(news, key=lambda n: n.at):
        try:
            with transaction.atomic():
                _hear_one(sender, one, now)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
            faults.append(f"{one.about}: {type(fault).__name__}")
    return faults


def _hear_one(sender: Sender, news: AccountNews, now: datetime) -> None:
    HEARERS[news.about](sender, news, now)


def _review(sender: Sender, news: AccountNews, now: datetime) -> None:
    decision = news.value.get("decision")
    if decision == "REJECTED":
        _restrict(_of_account(sender), "REVIEW_REJECTED", None, news.at, now)
    elif decision == "APPROVED":
        _lift(_of_account(sender), news.at, only=("REVIEW_REJECTED",))


def _send_error(sender: Sender, news: AccountNews, now: datetime) -> None:
    _restrict([sender], str(news.value["code"]), None, news.at, now)


def _file_lost(sender: Sender, news: AccountNews, now: datetime) -> None:
    """A message was taken and its file could not be used: whatever would leave with that upload stops."""
    concerned = Sender.objects.of(sender.business).get(pk=news.value["sender_id"])
    file = notes.lose_file(sender=concerned, media_id=news.value["media_id"], now=now)
    if file is None:
        return
    with override(concerned.business.locale):
        words = approvals.media_fault(file.fault)
    sending = Broadcast.objects.filter(sender=concerned, state=Broadcast.State.SENDING)
    with_it = [
        broadcast.pk
        for broadcast in sending.prefetch_related("versions__version")
        if any(
            wording.hash_of(wording.media_address(line.version)) == bytes(file.source_hash)
            for line in broadcast.versions.all()
        )
    ]
    _stop(Broadcast.objects.filter(pk__in=with_it), words, now, is_for_good=False)


def _account(sender: Sender, news: AccountNews, now: datetime) -> None:
    event = str(news.value["event"])
    senders = _of_account(sender)
    match event:
        case "ACCOUNT_RESTRICTION":
            for info in news.value.get("restriction_info") or []:
                if info.get("restriction_type") in RESTRICTING:
                    _restrict(senders, info["restriction_type"], _until(info.get("expiration")), news.at, now)
        case "DISABLED_UPDATE":
            ban = news.value.get("ban_info") or {}
            if str(ban.get("waba_ban_state", "")) == "REINSTATE":
                _lift(senders, news.at)
            else:
                _restrict(senders, "DISABLED", None, news.at, now, is_for_good=True)
        case "ACCOUNT_DELETED" | "PARTNER_REMOVED":
            _restrict(senders, "NUMBER_REMOVED", None, news.at, now, is_for_good=event == "ACCOUNT_DELETED")
        case "PHONE_NUMBER_REMOVED":
            _restrict(_of_number(sender, news.value), "NUMBER_REMOVED", None, news.at, now)
        case "ACCOUNT_VIOLATION":
            _restrict(senders, "ACCOUNT_VIOLATION", None, news.at, now)
        case "ACCOUNT_REINSTATED" | "VERIFIED_ACCOUNT":
            _lift(senders, news.at)


def _of_account(sender: Sender) -> list[Sender]:
    """All of this business's senders on the same account: a provider speaks for its own tenant only."""
    mine = Sender.objects.filter(business_id=sender.business_id, channel=sender.channel)
    return list(mine.filter(settings__account_id=account.account_id(sender)).order_by("pk"))


def _of_number(sender: Sender, value: Any) -> list[Sender]:
    number = "".join(letter for letter in str(value.get("phone_number", "")) if letter.isdigit())
    shown = {s.pk: "".join(c for c in s.display_number if c.isdigit()) for s in Standing.objects.filter(
        sender__in=_of_account(sender))}  # fmt: skip
    return [one for one in _of_account(sender) if shown.get(one.pk) == number] or [sender]


def _until(expiration: Any) -> datetime | None:
    return datetime.fromtimestamp(int(expiration), UTC) if expiration else None


def _restrict(
    senders: Sequence[Sender],
    code: str,
    until: datetime | None,
    at: datetime,
    now: datetime,
    *,
    is_for_good: bool = False,
) -> None:
    if until is not None and until <= now:
        return
    concerned = [sender for sender in senders if _is_new(sender, at)]
    for sender in concerned:
        notes.restrict(sender=sender, code=code, now=now, until=until)
    if concerned:
        broadcasts = Broadcast.objects.filter(sender__in=concerned)
        _stop(broadcasts, _words_against(concerned[0]), now, is_for_good=is_for_good)


def _words_against(sender: Sender) -> str:
    """Return, in the business's language, what stands against the sender."""
    standing = Standing.objects.get(sender=sender)
    with override(sender.business.locale):
        return approvals.restriction_in_words(standing)


def _lift(senders: Sequence[Sender], at: datetime, only: Sequence[str] = ()) -> None:
    for sender in senders:
        restricted = Standing.objects.filter(sender=sender).exclude(restriction="")
        if only:
            restricted = restricted.filter(restriction__in=only)
        if restricted.exists() and _is_new(sender, at):
            restricted.update(restriction="", restricted_until=None)


def _is_new(sender: Sender, at: datetime) -> bool:
    """Say whether this is the newest news of the sender, and remember that it was heard."""
    Standing.objects.get_or_create(sender=sender)
    unheard = Standing.objects.filter(Q(heard_at=None) | Q(heard_at__lte=at), sender=sender)
    return bool(unheard.update(heard_at=at))


def _stop(broadcasts: Any, words: str, now: datetime, *, is_for_good: bool) -> None:
    """Pause what is being sent, so that it can go on within its life; an account that is gone ends it."""
    alive = [Broadcast.State.SENDING, *([Broadcast.State.SCHEDULED, Broadcast.State.PREPARING] if is_for_good else [])]
    # All of them are locked before the first one's event: whoever pauses one by hand takes both in the same order.
    found = Broadcast.objects.filter(pk__in=broadcasts.filter(state__in=alive).values("pk")).select_related("business")
    for broadcast in list(found.select_for_update(of=("self",), no_key=True).order_by("pk")):
        if is_for_good:
            lifecycle.halt(broadcast=broadcast, reason=words, now=now)
            continue
        try:
            lifecycle.pause(broadcast=broadcast, reason=words, by=None, now=now)
        except lifecycle.CannotPause:
            log.info("standing: broadcast %s had stopped already", broadcast.code)


def _limit(sender: Sender, news: AccountNews, now: datetime) -> None:
    """Only noted: how many people may be written to is Meta's to enforce, and the pages say it."""
    tier = str(news.value.get("current_limit") or news.value.get("max_daily_conversations_per_business") or "")
    concerned = _of_account(sender)
    if number := news.value.get("display_phone_number"):
        concerned = _of_number(sender, {"phone_number": number})
    for one in concerned:
        Standing.objects.get_or_create(sender=one)
        changes: dict[str, Any] = {"tier": tier[:32]} if tier else {}
        if news.value.get("event") == "FLAGGED":
            changes["quality"] = Standing.Quality.RED
        if changes:
            Standing.objects.filter(sender=one).update(**changes)


# --- Templates ----------------------------------------------------------------------------------


def _templates_named(sender: Sender, value: Any) -> Any:
    """The rows that a call is about, of this business's own versions: by the provider's id, or by name and language."""
    named = Q(provider_id=str(value["message_template_id"])) | Q(
        name=str(value.get("message_template_name", "")),
        # Webhooks write en-US where the API writes en_US.
        language=str(value.get("message_template_language", "")).replace("-", "_"),
    )
    rows = ProviderTemplate.objects.of(sender.business).filter(account=account.account_id(sender))
    return rows.filter(named)


def _template_quality(sender: Sender, news: AccountNews, now: datetime) -> None:
    quality = str(news.value.get("new_quality_score") or "").lower()
    _templates_named(sender, news.value).update(quality=quality[:8])


def _template(sender: Sender, news: AccountNews, now: datetime) -> None:
    state = STATE_OF_EVENT.get(str(news.value["event"]))
    for row in _templates_named(sender, news.value).select_related("sender"):
        if state is not None:
            change(row=row, state=state, words=_words_of(news.value), at=news.at, now=now)


def _words_of(value: Any) -> str:
    """A rejection or pause in the provider's own words, as far as there are any."""
    rejection, other = value.get("rejection_info") or {}, value.get("other_info") or {}
    parts = [rejection.get("reason"), rejection.get("recommendation"), other.get("title"), other.get("description")]
    if not any(parts) and value.get("reason") not in (None, "NONE"):
        parts = [value.get("reason")]
    return " ".join(" ".join(str(part).split()) for part in parts if part)[:500]


def _category(sender: Sender, news: AccountNews, now: datetime) -> None:
    """``new_category`` is the present one; with ``correct_category`` beside it, only an announcement."""
    category = str(news.value["new_category"]).lower()[:16]
    rows = _templates_named(sender, news.value)
    rows.update(category=category)
    if category != "marketing":
        for row in rows.select_related("sender", "version__template"):
            _stop_version(row, now)


@transaction.atomic
def change(
    *,
    row: ProviderTemplate,
    state: str,
    words: str,
    at: datetime | None,
    now: datetime,
    provider_id: str = "",
    category: str = "",
) -> bool:
    """Keep what the provider says of one template, unless something newer was heard; stop broadcasts that need it.

    ``at`` is the moment by the provider's own clock, which tells whole seconds; None for what we asked: then it counts
    unless the provider told something since ``row`` was read. Returns whether it was news.
    """
    unheard = ProviderTemplate.objects.filter(pk=row.pk)
    if at is None:
        unheard = unheard.filter(heard_at=row.heard_at)
    else:
        unheard = unheard.filter(Q(heard_at=None) | Q(heard_at__lte=at))
    row.state, row.heard_at = State(state), at or row.heard_at
    changes: dict[str, Any] = {"state": state, "words": words, "heard_at": row.heard_at, "n_attempts": 0}
    changes |= {name: given for name, given in (("provider_id", provider_id), ("category", category)) if given}
    changes["due_at"] = approvals.look_at_again(row=row, now=now)
    if not unheard.update(**changes):
        return False
    if state not in (State.APPROVED, *ProviderTemplate.OPEN):
        _stop_version(row, now)
    return True


def _stop_version(row: ProviderTemplate, now: datetime) -> None:
    fresh = ProviderTemplate.objects.select_related("version__template__business", "sender").get(pk=row.pk)
    business = fresh.version.template.business
    with override(business.locale):
        words = approvals.obstacle(sender=fresh.sender, versions=[fresh.version], now=now)
    sending = Broadcast.objects.of(business).filter(
        sender__channel=fresh.sender.channel,
        sender__settings__account_id=fresh.account,
        versions__version=fresh.version_id,
    )
    _stop(sending.distinct(), words, now, is_for_good=False)


def _nothing(sender: Sender, news: AccountNews, now: datetime) -> None:
    """Alerts and names: the next look at the account shows what came of them."""


HEARERS = {
    "account_update": _account,
    "account_review_update": _review,
    "account_alerts": _nothing,
    "phone_number_name_update": _nothing,
    "phone_number_quality_update": _limit,
    "business_capability_update": _limit,
    "message_template_status_update": _template,
    "message_template_quality_update": _template_quality,
    "template_category_update": _category,
    "send_error": _send_error,
    "file_lost": _file_lost,
}


# --- Time ---------------------------------------------------------------------------------------


def speed_up(*, now: datetime) -> int:
    """Give back, a quarter a minute, what "too fast" took from senders' rates; return how many became faster."""
    slowed = Standing.objects.filter(slowed_at__lt=now - SPEED_UP_EVERY, sender__is_active=True)
    slower = slowed.filter(sender__messages_per_second__lt=F("allowed_per_second"))
    n = 0
    for standing in slower.select_related("sender")[:1000]:
        rate = standing.sender.messages_per_second
        n += Sender.objects.filter(pk=standing.pk, messages_per_second=rate).update(
            messages_per_second=min(standing.allowed_per_second, max(rate + 1, rate * 5 // 4))
        )
        Standing.objects.filter(pk=standing.pk).update(slowed_at=now)
    return n
