"""A test: one version of a template on the phone of the very member who sends it, marked as a test where it can be.

It goes the way of notices: no slot, no price, in no count of a broadcast. Its words are those of an offer, so it goes
to nobody else, a stop holds for it, and a business has ten of them a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from broadcasts import approvals, notices, own_numbers, wordings
from broadcasts import stops as emergency
from broadcasts.channels import KINDS, why
from broadcasts.models import MOST_TESTS_A_DAY, Broadcast, EmergencyStop, Notice, Sender, TestDay
from broadcasts.statements import statement
from businesses.models import Business, Member, User
from consent import refusals
from consent.models import Refusal
from templates_approval import placeholders, render, review
from templates_approval.models import Version

State = Version.State
# A pretended phone may show a draft. A real one only what is frozen, so that the words are those that are reviewed;
# where the provider has a review of its own, only what it has approved, too.
ALLOWED = {
    Sender.Channel.SANDBOX: (State.DRAFT, State.SUBMITTED, State.APPROVED),
    Sender.Channel.WEBHOOK: (State.SUBMITTED, State.APPROVED),
    Sender.Channel.WHATSAPP: (State.APPROVED,),
}


class CannotTest(ValidationError):
    """No test leaves; the sentence says why, ``code`` is stable."""


def obstacle(*, version: Version, sender: Sender, now: datetime) -> str:
    """Return why ``version`` cannot be tested over ``sender``, in the reader's language, or ''."""
    refusal = _obstacle(version, sender, now)
    return str(refusal.messages[0]) if refusal else ""


def _obstacle(version: Version, sender: Sender, now: datetime) -> CannotTest | None:
    business = sender.business
    is_sandbox = sender.channel == Sender.Channel.SANDBOX
    if business.state in (Business.State.SUSPENDED, Business.State.CLOSED) or not (is_sandbox or business.may_send):
        return CannotTest(_("Your business may not send at the moment."), code="business_may_not_send")
    if not sender.is_active:
        return CannotTest(_("This sender is off."), code="sender_off")
    if version.state not in ALLOWED[Sender.Channel(sender.channel)]:
        return CannotTest(_not_in_this_state(sender), code="version_state")
    if version.state == State.DRAFT and any(finding.is_error for finding in review.findings_of(version)):
        return CannotTest(_("Mend first what the rules say about this draft."), code="version_findings")
    if version.state != State.DRAFT and not review.is_untouched(version):
        return CannotTest(_("These words are not the ones that were submitted."), code="version_changed")
    if stop := held_by(stops=list(EmergencyStop.objects.holding()), sender=sender, version=version):
        return CannotTest(emergency.sentence(stop), code="emergency_stop")
    words = approvals.restriction(sender=sender, now=now)
    words = words or approvals.obstacle(sender=sender, versions=[version], now=now)
    return CannotTest(words, code="provider") if words else None


def held_by(
    *, stops: Sequence[EmergencyStop], sender: Sender, version: Version, country: str = ""
) -> EmergencyStop | None:
    """Return the first of ``stops`` that holds ``version`` over ``sender``: a test is an offer in its words.

    ``country`` is that of the phone; as long as it is '', nobody's phone is meant, and no country's stop holds.
    """
    scopes = EmergencyStop.Scope
    for stop in stops:
        is_held = {
            scopes.PLATFORM: True,
            scopes.COUNTRY: country != "" and stop.country == country,
            scopes.BUSINESS: stop.business_id == sender.business_id,
            scopes.SENDER: stop.sender_id == sender.pk,
            scopes.TEMPLATE: stop.template_id == version.template_id,
        }
        if is_held.get(EmergencyStop.Scope(stop.scope), False):
            return stop
    return None


def _not_in_this_state(sender: Sender) -> str:
    match sender.channel:
        case Sender.Channel.WHATSAPP:
            return _("Over WhatsApp a version can be tested once our reviewers and WhatsApp’s have approved it.")
        case Sender.Channel.WEBHOOK:
            return _("On real phones a version can be tested once it is submitted or approved; a draft in the sandbox.")
        case _:
            return _("Only drafts, submitted and approved versions can be tested.")


def send(
    *,
    version: Version,
    sender: Sender,
    by: User,
    now: datetime,
    broadcast: Broadcast | None = None,
) -> Notice:
    """Have ``version`` sent to the member's own number at ``sender``; it leaves within a second.

    Its variables have the broadcast's values, else those of the examples. Raises ``CannotTest``: not this version over
    this sender, no number of theirs, they have stopped the offers, or the business has had its tests for today.
    """
    if version.template.business_id != sender.business_id:
        raise CannotTest(_("You have nothing with this code here."), code="not_yours")
    if refusal := _obstacle(version, sender, now):
        raise refusal
    if not Member.objects.of(sender.business).filter(user=by).exists():
        raise CannotTest(_("Only members of the business send tests."), code="not_member")
    content = content_of(version=version, sender=sender, broadcast=broadcast)
    with transaction.atomic():
        own = own_numbers.of(user=by, sender=sender)
        if own is None:
            raise CannotTest(_("Show first that a number is yours: tests go to no other."), code="no_own_number")
        person = refusals.locked(own.recipient_id or 0)
        number = own_numbers.value_of(own)
        if person.erased_at is not None or not number:
            raise CannotTest(_("Show first that a number is yours: tests go to no other."), code="no_own_number")
        if _refuses(person.pk, sender.business) or person.paused_all_at is not None:
            raise CannotTest(
                _("With this number you stopped these offers. Write START to %(sender)s to test again.")
                % {"sender": sender.name},
                code="stopped",
            )
        holding = list(EmergencyStop.objects.holding())
        if stop := held_by(stops=holding, sender=sender, version=version, country=person.country):
            raise CannotTest(emergency.sentence(stop), code="emergency_stop")
        _spend(sender.business, now)
        notice = notices.tell(
            sender=sender,
            recipient_id=person.pk,
            kind=Notice.Kind.TEST,
            cause=f"{version.code} {now.isoformat()}",
            language=version.language,
            address=number,
            content=content,
            version=version,
            by=by,
            now=now,
        )
        if notice is None:
            raise CannotTest(_too_many(), code="too_many")
    return notice


def content_of(*, version: Version, sender: Sender, broadcast: Broadcast | None) -> dict[str, Any]:
    """Return what the phone will show, marked. An approved template of WhatsApp cannot be added to."""
    given = values(version=version, broadcast=broadcast)
    missing = render.missing(version.components, given, version.fallbacks)
    if missing:
        raise CannotTest(
            _("Give an example for %(names)s first.") % {"names": ", ".join(missing)}, code="missing_example"
        )
    channel = KINDS[sender.channel]
    content = channel.wording(sender, version).content(given)
    return content if channel.traits.has_own_review else _marked(content, version.language)


def values(*, version: Version, broadcast: Broadcast | None) -> dict[str, str]:
    """Return what the variables are filled with: the broadcast's own values, else the template's examples."""
    return {**placeholders.examples(version.components), **(wordings.given(broadcast) if broadcast else {})}


def _marked(content: Mapping[str, Any], language: str) -> dict[str, Any]:
    with translation.override(notices.supported(language)):
        return {**content, "body": f"[{_('Test')}] {content['body']}"}


def _refuses(recipient_id: int, business: Business) -> bool:
    standing = Refusal.objects.filter(legal_entity=business.legal_entity_id, recipient=recipient_id, lifted_at=None)
    return standing.exists()


def _spend(business: Business, now: datetime) -> None:
    """Two at once count one after the other, whoever presses: the row of the day stays locked until the end."""
    spent: dict[str, Any] = {"business_id": business.pk, "day": _day(business, now), "most": MOST_TESTS_A_DAY}
    with connection.cursor() as cursor:
        cursor.execute(statement("spend_test"), spent)
        if cursor.rowcount == 0:
            raise CannotTest(_too_many(), code="too_many")


def _too_many() -> str:
    return _("You have sent %(n)s tests today. There are more tomorrow.") % {"n": MOST_TESTS_A_DAY}


def _day(business: Business, now: datetime) -> date:
    return now.astimezone(ZoneInfo(business.timezone)).date()


def left_today(*, business: Business, now: datetime) -> int:
    """Return how many tests the business may still send today."""
    spent = TestDay.objects.filter(pk=(business.pk, _day(business, now))).values_list("n", flat=True).first()
    return MOST_TESTS_A_DAY - (spent or 0)


def latest(*, version: Version, most: int = 20) -> Sequence[Notice]:
    """Return the newest tests of a version, whoever sent them."""
    rows = Notice.objects.tests().filter(version=version).select_related("sender", "by")
    return list(rows.order_by("-id")[:most])


def outcome(notice: Notice) -> str:
    """Say in the reader's language what became of a test."""
    match notice.state:
        case Notice.State.WAITING:
            return _("on its way")
        case Notice.State.SENT:
            return _("arrived") if notice.delivered_at else _("sent")
        case Notice.State.FAILED:
            return why(notice.sender.channel, notice.error_code) or _("failed")
        case _:
            return _("not sent: stopped meanwhile, or too late")


def forget_days(*, now: datetime) -> int:
    """Delete the counts of days that are over everywhere on earth; return how many."""
    return TestDay.objects.filter(on__lt=now.date() - timedelta(days=1)).delete()[0]
