"""Our yes is not the only one: some providers review each version, keep its pictures, and may restrict a sender.

``Version.state`` is our yes, ``ProviderTemplate.state`` theirs. Nothing leaves without both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from broadcasts.channels import KINDS
from broadcasts.channels.whatsapp import account, errors, wording
from broadcasts.models import ProviderTemplate, Sender, SenderMedia, Standing
from templates_approval.models import Template, Version, VersionQuerySet

State = ProviderTemplate.State
VERSIONS_AT_ONCE = 500


# --- What stands against sending ----------------------------------------------------------------


def restriction(*, sender: Sender, now: datetime) -> str:
    """Return why the provider lets this sender say nothing at the moment, in the reader's language, or ''."""
    if not KINDS[sender.channel].traits.has_own_review:
        return ""
    standing = Standing.objects.filter(sender=sender).first()
    return restriction_in_words(standing) if standing and standing.is_restricted(now) else ""


RESTRICTIONS = {
    "RESTRICTED_BIZ_INITIATED_MESSAGING": gettext_lazy(
        "WhatsApp lets this account begin no conversations at the moment."
    ),
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING": gettext_lazy("WhatsApp lets this account answer nobody at the moment."),
    "DISABLED": gettext_lazy("WhatsApp has disabled the account. Appeal at Meta; only then can it send again."),
    "ACCOUNT_VIOLATION": gettext_lazy(
        "WhatsApp says that the account broke its rules. Look at its quality page at Meta."
    ),
    "NUMBER_REMOVED": gettext_lazy("The number does not belong to the account any more. Connect the sender again."),
    "REVIEW_REJECTED": gettext_lazy("Meta rejected the account in its review."),
}


def restriction_in_words(standing: Standing) -> str:
    """Return one sentence that says what happened and how to mend it."""
    words = RESTRICTIONS.get(standing.restriction)
    return str(words) if words else errors.sentence(standing.restriction)


def obstacle(*, sender: Sender, versions: Sequence[Version], now: datetime) -> str:
    """Return why ``sender`` may not send these approved versions yet, in the reader's language, or ''."""
    if not KINDS[sender.channel].traits.has_own_review or not versions:
        return ""
    rows = ProviderTemplate.objects.filter(account=account.account_id(sender), version__in=versions)
    theirs = {row.version_id: row for row in rows}
    for version in versions:
        if words := _against(version, theirs.get(version.pk)):
            return words
    return _media_missing(sender, versions, now)


def _against(version: Version, row: ProviderTemplate | None) -> str:
    named = {"name": version.template.name, "language": version.language, "number": version.number}
    if wording.obstacle(version) == "format":
        return _("“%(name)s” (%(language)s) is a carousel or a limited-time offer: not over WhatsApp yet.") % named
    if wording.obstacle(version) == "location_header":
        return _("“%(name)s” (%(language)s) has a place in its header, which cannot be sent over WhatsApp yet.") % named
    if wording.obstacle(version) == "media_without_address":
        return _(
            "“%(name)s” (%(language)s): give the header's sample as an https:// address, so that it can be sent."
        ) % (named)
    if row is None or row.content_hash != version.content_hash:
        return _(
            "“%(name)s” (%(language)s) was not submitted to WhatsApp yet. It is as soon as the clock comes by."
        ) % (named)
    if row.state == State.APPROVED and row.category not in ("", Template.Category.MARKETING):
        return _("WhatsApp put “%(name)s” (%(language)s) into another category: it is no offer there.") % named
    if row.state == State.APPROVED:
        return ""
    sentence = _("“%(name)s” (%(language)s, version %(number)s) cannot be sent over WhatsApp: %(state)s.")
    told = sentence % {**named, "state": row.get_state_display()}
    return f"{told} {row.words}".strip()


def _media_missing(sender: Sender, versions: Sequence[Version], now: datetime) -> str:
    wanted = {wording.hash_of(address) for version in versions if (address := wording.media_address(version))}
    if not wanted:
        return ""
    kept = SenderMedia.objects.filter(sender=sender, source_hash__in=wanted)
    ready = kept.exclude(media_id="").filter(expires_at__gt=now)
    if ready.count() == len(wanted):
        return ""
    faults = [row.fault for row in kept if row.fault]
    return media_fault(faults[0]) if faults else _("The header's picture, film or document is not uploaded yet.")


def media_fault(code: str) -> str:
    """Return one sentence about what stood against an upload."""
    match code:
        case "media_not_allowed":
            return _("The header's file lies at an address that may not be asked. Give a public https:// address.")
        case "media_not_there":
            return _("The header's file could not be fetched. Put it back at its address, or write a new version.")
        case "media_changed":
            return _("The header's file is not the one that was there first. Put that back, or write a new version.")
        case "media_too_large":
            return _("The header's file is larger than WhatsApp takes: 5 MB for a picture, 16 MB for a film.")
        case "media_lost":
            return _("WhatsApp does not find the header’s file any more. It is uploaded again; resume in a minute.")
        case "media_unusable":
            return _(
                "WhatsApp could not use the header’s file, and not when it was uploaded again either: the file itself "
                "is wrong. Give another one, at another address, in a new version."
            )
        case "media_refused":
            return _("WhatsApp refused the header's file: pictures are JPEG or PNG, films MP4, documents PDF.")
        case _:
            return _("WhatsApp could not be reached to upload the header's file. It is tried again.")


# --- What has to be submitted -------------------------------------------------------------------


def owe(*, sender: Sender, now: datetime) -> int:
    """Note every approved offer of the sender's business for submission to its account; return how many were new."""
    return _note([sender], list(_newest(Version.objects.of(sender.business))), now)


def owe_new(*, now: datetime) -> int:
    """Note what was approved since: versions that no provider has been shown, of businesses with such a sender."""
    reviewing = [kind for kind, channel in KINDS.items() if channel.traits.has_own_review]
    senders = list(Sender.objects.filter(channel__in=reviewing, is_active=True))
    if not senders:
        return 0
    shown = ProviderTemplate.objects.values("version")
    mine = Version.objects.filter(template__business__in={sender.business_id for sender in senders})
    return _note(senders, list(_newest(mine).exclude(pk__in=shown)[:VERSIONS_AT_ONCE]), now)


def _newest(versions: VersionQuerySet) -> VersionQuerySet:
    offers = versions.approved().filter(template__category=Template.Category.MARKETING, template__archived_at=None)
    newest = offers.order_by("template", "language", "-number").distinct("template", "language")
    return newest.select_related("template")


def _note(senders: Sequence[Sender], versions: Sequence[Version], now: datetime) -> int:
    pairs = [(s, v) for v in versions for s in senders if s.business_id == v.template.business_id]
    fit = [(sender, version) for sender, version in pairs if not wording.obstacle(version)]
    before = ProviderTemplate.objects.filter(version__in=versions).count()
    ProviderTemplate.objects.bulk_create(
        [
            ProviderTemplate(
                sender=sender,
                account=account.account_id(sender),
                version=version,
                name=wording.name_of(version),
                language=version.language,
                content_hash=version.content_hash,
                due_at=now,
                created_at=now,
            )
            for sender, version in fit
        ],
        ignore_conflicts=True,
    )
    SenderMedia.objects.bulk_create(
        [
            SenderMedia(sender=sender, source_hash=wording.hash_of(address), due_at=now)
            for sender, version in fit
            if (address := wording.media_address(version))
        ],
        ignore_conflicts=True,
    )
    return ProviderTemplate.objects.filter(version__in=versions).count() - before


def look_at_again(*, row: ProviderTemplate, now: datetime) -> datetime:
    """Return when the provider is asked again about ``row``, should it not tell by itself."""
    match row.state:
        case State.SUBMITTING:
            return now + timedelta(minutes=min(60, 2 << min(row.n_attempts, 6)))
        case State.PENDING:
            return now + timedelta(minutes=10)
        case State.PAUSED:
            return now + timedelta(hours=1)
        case State.APPROVED:
            return now + timedelta(hours=6)
        case _:
            return now + timedelta(days=1)
