"""What the clock carries to providers and asks of them: our approved versions, their answers, and header files."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from broadcasts import approvals, standing
from broadcasts.channels.whatsapp import account, graph, notes, wording
from broadcasts.channels.whatsapp.graph import File, Graph, Refused, Unreachable
from broadcasts.models import ProviderTemplate, Sender, SenderMedia
from templates_approval import components as reading
from templates_approval.models import Version

log = logging.getLogger(__name__)
State = ProviderTemplate.State

# Meta takes 100 new templates an hour and answers 200 calls an hour for a quiet account.
ROWS_AT_ONCE = 20
CLAIM = timedelta(minutes=5)
TEMPLATE_FIELDS = "id,name,language,status,category,quality_score,rejected_reason"
NAME_TAKEN = 2388024
ASKED_TOO_OFTEN = frozenset({4, 80007, 80008, 130429})
# WhatsApp keeps what was uploaded for 30 days.
MEDIA_LIFE = timedelta(days=29)
RENEW_BEFORE = timedelta(days=2)
MAX_MEDIA_BYTES = {"IMAGE": 5_000_000, "VIDEO": 16_000_000, "GIF": 3_500_000, "DOCUMENT": 16_000_000}


def carry(*, now: datetime) -> int:
    """Note what is new, upload files, submit what waits, and ask about the rest that is due; return how many calls of
    rows were made. One that fails is tried again later and stops no other."""
    approvals.owe_new(now=now)
    n = 0
    for media in _claim_media(now):
        n += 1
        _carefully(_upload, media)
    for row in _claim_templates(now):
        n += 1
        _carefully(_submit if row.state == State.SUBMITTING else _ask, row)
    return n


def _carefully(act: object, row: ProviderTemplate | SenderMedia) -> None:
    try:
        act(row, timezone.now())  # type: ignore[operator]
    except Unreachable as fault:
        log.info("submissions: %s %s waits (%s)", type(row).__name__, row.pk, fault)
    except Exception:
        log.exception("submissions: %s %s failed", type(row).__name__, row.pk)


@transaction.atomic
def _claim_templates(now: datetime) -> list[ProviderTemplate]:
    """Take what is due; whoever is ended in the middle leaves it to be taken again after the claim."""
    due = ProviderTemplate.objects.filter(due_at__lte=now, sender__is_active=True)
    rows = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")[:ROWS_AT_ONCE])
    for row in rows:
        row.n_attempts = min(row.n_attempts + 1, 1000)
        row.due_at = max(now + CLAIM, approvals.look_at_again(row=row, now=now))
    ProviderTemplate.objects.bulk_update(rows, ["n_attempts", "due_at"])
    fresh = ProviderTemplate.objects.select_related("sender__business", "version__template__business")
    return list(fresh.filter(pk__in=[row.pk for row in rows]).order_by("pk"))


def _graph(sender: Sender) -> Graph:
    return Graph(account.keys_of(sender).token)


# --- Templates ----------------------------------------------------------------------------------


def _submit(row: ProviderTemplate, now: datetime) -> None:
    """Submit exactly the words that we approved. After a crash in between they are found there by their own name."""
    version, api = row.version, _graph(row.sender)
    if version.state != Version.State.APPROVED or version.content_hash != row.content_hash:
        standing.change(row=row, state=State.GONE, words="", at=None, now=now)
        return
    try:
        handle = _sample(row.sender, version) if wording.media_address(version) else ""
        told = api.post(f"{row.account}/message_templates", wording.for_review(version, header_handle=handle))
    except Refused as no:
        _refused(row, no, now)
        return
    _keep(row, told, now)


def _refused(row: ProviderTemplate, no: Refused, now: datetime) -> None:
    if no.subcode == NAME_TAKEN:
        _ask(row, now)
    elif no.code in ASKED_TOO_OFTEN:
        ProviderTemplate.objects.filter(pk=row.pk).update(due_at=now + timedelta(hours=1))
    elif no.code == 100 or 2388000 <= no.subcode < 2389000:
        standing.change(row=row, state=State.REJECTED, words=no.words, at=None, now=now)
    else:
        ProviderTemplate.objects.filter(pk=row.pk).update(words=no.words[:500])


def _ask(row: ProviderTemplate, now: datetime) -> None:
    """Ask the provider how a template stands there. Raises ``Unreachable``."""
    api = _graph(row.sender)
    try:
        if row.provider_id:
            _keep(row, api.get(row.provider_id, fields=TEMPLATE_FIELDS), now)
            return
        found = api.get(f"{row.account}/message_templates", name=row.name, fields=TEMPLATE_FIELDS).get("data")
    except Refused as no:
        if no.code == 100 and row.provider_id:
            standing.change(row=row, state=State.GONE, words=no.words, at=None, now=now)
        return
    same = [one for one in found or [] if isinstance(one, dict) and one.get("name") == row.name]
    for one in same:
        if str(one.get("language", "")) == row.language:
            _keep(row, one, now)


def _keep(row: ProviderTemplate, told: dict[str, object], now: datetime) -> None:
    status = str(told.get("status") or "PENDING").upper()
    reason = str(told.get("rejected_reason") or "")
    standing.change(
        row=row,
        state=standing.STATE_OF_EVENT.get(status, State.PENDING),
        words="" if reason in ("", "NONE") else reason[:500],
        at=None,
        now=now,
        provider_id=str(told.get("id") or "")[:64],
        category=str(told.get("category") or "").lower()[:16],
    )


# --- Files of headers ---------------------------------------------------------------------------


@transaction.atomic
def _claim_media(now: datetime) -> list[SenderMedia]:
    due = SenderMedia.objects.filter(due_at__lte=now, sender__is_active=True).exclude(fault=notes.UNUSABLE)
    rows = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")[:ROWS_AT_ONCE])
    SenderMedia.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=now + CLAIM)
    return list(SenderMedia.objects.select_related("sender__business").filter(pk__in=[row.pk for row in rows]))


def _upload(media: SenderMedia, now: datetime) -> None:
    """Upload once for each sender; remember the provider's id of it, and renew it before it expires there."""
    header = _header(media)
    if header is None:
        media.delete()
        return
    content_hash = media.content_hash
    try:
        file = _fetch(header.sample, header.format)
        content_hash = hashlib.sha256(file.content).digest()
        if media.content_hash is not None and bytes(media.content_hash) != content_hash:
            raise Unreachable("media_changed")
        told = _graph(media.sender).upload(f"{account.number_id(media.sender)}/media", file)
        media_id, fault = str(told.get("id") or "")[:64], ""
    except Refused:
        media_id, fault = "", "media_refused"
    except Unreachable as trouble:
        media_id, fault = "", str(trouble) if str(trouble).startswith("media_") else "media_unreachable"
    mine = SenderMedia.objects.filter(pk=media.pk)
    if media_id:
        expires_at = now + MEDIA_LIFE
        mine.update(
            media_id=media_id,
            content_hash=content_hash,
            expires_at=expires_at,
            fault="",
            due_at=expires_at - RENEW_BEFORE,
        )
    else:
        # What was uploaded before stays in use until it expires.
        mine.update(fault=fault, due_at=now + timedelta(minutes=10))


def _header(media: SenderMedia) -> reading.Text | None:
    """Find the header whose file this is: the address itself is kept with the version only."""
    shown = ProviderTemplate.objects.filter(account=account.account_id(media.sender)).values("version")
    versions = Version.objects.of(media.sender.business).approved().filter(pk__in=shown)
    for version in versions.select_related("template").iterator(chunk_size=100):
        address = wording.media_address(version)
        if address and wording.hash_of(address) == bytes(media.source_hash):
            return reading.read(version.components).header
    return None


def _fetch(address: str, kind: str) -> File:
    return graph.fetch_file(address, max_bytes=MAX_MEDIA_BYTES.get(kind, 5_000_000))


def _sample(sender: Sender, version: Version) -> str:
    """Hand the header's file over as the sample that Meta's reviewers look at; return its handle."""
    header = reading.read(version.components).header
    if header is None:
        return ""
    api = _graph(sender)
    app_id = str(api.get("app", fields="id").get("id") or "")
    return api.upload_sample(app_id, _fetch(header.sample, header.format))
