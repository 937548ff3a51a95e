"""The life of a version: draft, submitted (frozen and hashed), then approved or rejected by somebody from outside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext_lazy as _

from businesses import audit, events
from businesses.models import Business, User
from templates_approval import components as reading
from templates_approval import languages, reviewers, rules
from templates_approval.models import Review, Template, Version
from templates_approval.reasons import Reason

NAME = rules.request.NAME
# So many rejected texts are compared with a new one.
REJECTED_LOOKED_AT = 50
SUSPENDED = {Business.State.SUSPENDED, Business.State.CLOSED}


# --- What a version says -----------------------------------------------------------------------


def content_hash(components: Any, fallbacks: Mapping[str, str], category: str, language: str) -> str:
    """Return the SHA-256, in hex, of everything that decides what people will read."""
    content = {"components": components, "fallbacks": fallbacks, "category": category, "language": language}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_untouched(version: Version) -> bool:
    """Say whether ``version`` still says what was submitted. A draft, which promises nothing yet, does not."""
    return version.content_hash != "" and version.content_hash == _hash_of(version)


def _hash_of(version: Version) -> str:
    return content_hash(version.components, version.fallbacks, version.template.category, version.language)


def findings_of(version: Version, rejected: Sequence[rules.Rejected] = ()) -> list[rules.Finding]:
    """Return what the rules of today say about ``version``; ``rejected`` are texts that it should not repeat."""
    return rules.check(
        version.components,
        category=version.template.category,
        language=version.language,
        fallbacks=version.fallbacks,
        rejected=rejected,
        asks=house_lists(),
    )


def house_lists() -> rules.Policy:
    """Return the lists of goods, hosts and names that hold in this installation."""
    return rules.policy.of_operator(settings.TEMPLATE_GOODS_FILE)


def rejected_texts(*, business: Business, language: str, but: int | None = None) -> list[rules.Rejected]:
    """Return the newest texts that were rejected in other templates than ``but``: there they are meant to be mended."""
    turned_down = Version.objects.of(business).filter(state=Version.State.REJECTED, language=language)
    newest = turned_down.exclude(template=but).select_related("template").order_by("-pk")[:REJECTED_LOOKED_AT]
    read = ((version.template.name, reading.read(version.components).body) for version in newest)
    return [rules.Rejected(name, body.text) for name, body in read if body is not None]


# --- Draft -------------------------------------------------------------------------------------


class CannotDraft(ValidationError):
    """The draft cannot be kept as it is."""


@transaction.atomic
def draft(
    *,
    business: Business,
    name: str,
    language: str,
    components: list[dict[str, Any]],
    fallbacks: Mapping[str, str],
    category: str,
    by: User,
    now: datetime,
) -> Version:
    """Keep a wording: in the draft of this name and language if there is one, else in a version with the next number.

    A draft may break every rule but this: it can be stored. Raises ``CannotDraft`` for a wrong name, language or
    category, ``components.BadComponents`` for JSON that the database would not give back unchanged.
    """
    _must_be_storable(name=name, language=language, components=components, fallbacks=fallbacks)
    template = _template(business=business, name=name, category=category, now=now)
    _lock(template.pk)
    chain = Version.objects.filter(template=template, language=language)
    content = {"components": components, "fallbacks": dict(fallbacks)}
    version = chain.filter(state=Version.State.DRAFT).first()
    if version is None:
        number = (chain.aggregate(last=Max("number"))["last"] or 0) + 1
        version = Version.objects.create(template=template, language=language, number=number, created_at=now, **content)
        _note("template.drafted", version, by=by, now=now, before={})
    else:
        Version.objects.filter(pk=version.pk, state=Version.State.DRAFT).update(**content)
    return _fresh(version)


def _must_be_storable(*, name: str, language: str, components: object, fallbacks: Mapping[str, str]) -> None:
    if not NAME.match(name):
        raise CannotDraft(
            _("A name is made of small letters, digits and underscores: summer_sale_2."), code="name_wrong"
        )
    if not languages.is_known(language):
        raise CannotDraft(_("Use a code like en, fr or pt_BR for the language."), code="language_unknown")
    reading.ensure_storable(components)
    reading.ensure_storable(dict(fallbacks))


def _template(*, business: Business, name: str, category: str, now: datetime) -> Template:
    template, is_new = Template.objects.get_or_create(
        business=business, name=name, defaults={"category": category, "created_at": now}
    )
    if is_new or template.category == category:
        return template
    # The category is part of what was submitted: while everything is a draft it may still change.
    submitted = Version.objects.filter(template=OuterRef("pk")).exclude(state=Version.State.DRAFT)
    if not Template.objects.filter(~Exists(submitted), pk=template.pk).update(category=category):
        raise CannotDraft(
            _("The category of “%(name)s” was submitted and cannot change. Make a template with another name."),
            code="category_fixed",
            params={"name": name},
        )
    template.category = category
    return template


# --- Submission --------------------------------------------------------------------------------


class CannotSubmit(ValidationError):
    """The version cannot go to the reviewers; ``findings`` says what the rules found."""

    def __init__(self, message: Any, code: str, findings: Iterable[rules.Finding] = ()) -> None:
        super().__init__(message, code=code)
        self.findings = list(findings)


@transaction.atomic
def submit(*, version: Version, by: User, now: datetime) -> Version:
    """Check a draft, freeze its words under their hash, and queue it for review.

    Raises ``CannotSubmit`` when the rules find an error, when it is not a draft any more, when another version in this
    language still waits, or when the business is suspended.
    """
    _lock(version.template_id)
    version = _fresh(version)
    _must_be_submittable(version)
    alike = rejected_texts(business=version.template.business, language=version.language, but=version.template_id)
    findings = findings_of(version, alike)
    if errors := rules.errors(findings):
        raise CannotSubmit(_("The rules found something to mend first."), code="findings", findings=errors)
    Version.objects.filter(pk=version.pk, state=Version.State.DRAFT).update(
        state=Version.State.SUBMITTED,
        content_hash=_hash_of(version),
        findings=[finding.as_json() for finding in findings],
        submitted_by=by,
        submitted_at=now,
        review_due_at=now + timedelta(hours=settings.TEMPLATE_REVIEW_HOURS),
    )
    submitted = _fresh(version)
    _tell("template.submitted", submitted, by=by, now=now, before={"state": version.state})
    return submitted


def _must_be_submittable(version: Version) -> None:
    if version.state != Version.State.DRAFT:
        raise CannotSubmit(_("This version was submitted already. Edit it to make a new one."), code="not_a_draft")
    if version.template.business.state in SUSPENDED:
        raise CannotSubmit(_("The business is suspended: nothing can be submitted."), code="business_suspended")
    waiting = Version.objects.waiting().filter(template=version.template, language=version.language)
    if (other := waiting.first()) is not None:
        raise CannotSubmit(
            _("Version %(number)s is still in review. Wait for that decision first.") % {"number": other.number},
            code="another_waits",
        )


# --- Decision ----------------------------------------------------------------------------------


class CannotReview(ValidationError):
    """This reviewer cannot take this decision now."""


def approve(*, version: Version, reviewer: User, now: datetime, note: str = "") -> Version:
    """Approve exactly the words that were submitted. Raises ``CannotReview``; see ``_decide``."""
    return _decide(
        version=version,
        decision=Review.Decision.APPROVED,
        reviewer=reviewer,
        reason_codes=[],
        words="",
        note=note,
        now=now,
    )


def reject(
    *, version: Version, reviewer: User, reason_codes: Iterable[str], words: str, now: datetime, note: str = ""
) -> Version:
    """Reject a version for reasons of ``reasons.Reason``, with words that help its author to mend it.

    Raises ``CannotReview`` when a reason or the words are missing; see ``_decide``.
    """
    codes = list(dict.fromkeys(reason_codes))
    if not codes or not set(codes) <= set(Reason.values):
        raise CannotReview(_("Choose at least one reason."), code="reason_missing")
    if not words.strip():
        raise CannotReview(_("Write to the author what to mend."), code="words_missing")
    return _decide(
        version=version,
        decision=Review.Decision.REJECTED,
        reviewer=reviewer,
        reason_codes=codes,
        words=words.strip(),
        note=note,
        now=now,
    )


@transaction.atomic
def _decide(
    *,
    version: Version,
    decision: Review.Decision,
    reviewer: User,
    reason_codes: list[str],
    words: str,
    note: str,
    now: datetime,
) -> Version:
    """Take a decision once: of two reviewers who decide together, one wins and the other is told.

    Raises ``CannotReview`` when ``reviewer`` may not decide (no reviewer, or a member of the company), when the
    version does not wait any more, or when its words are not those that were submitted.
    """
    version = _fresh(version)
    must_be_outsider(reviewer, version)
    if version.state == Version.State.SUBMITTED and not is_untouched(version):
        raise CannotReview(
            _("The stored words are not those that were submitted. Tell the operator."), code="content_changed"
        )
    waiting = Version.objects.filter(pk=version.pk, state=Version.State.SUBMITTED, content_hash=version.content_hash)
    if not waiting.update(state=decision):
        raise CannotReview(_already_decided(version), code="not_waiting")
    Review.objects.create(
        version=version,
        reviewer=reviewer,
        decision=decision,
        reason_codes=reason_codes,
        words=words,
        note=note.strip(),
        content_hash=version.content_hash,
        created_at=now,
    )
    decided = _fresh(version)
    details = {"reasons": reason_codes, "words": words} if reason_codes else {}
    before = {"state": Version.State.SUBMITTED}
    _tell(f"template.{decision}", decided, by=reviewer, now=now, before=before, details=details)
    return decided


def must_be_outsider(reviewer: User, version: Version) -> None:
    """Raise ``CannotReview`` unless ``reviewer`` may decide about ``version``: four eyes, two companies."""
    if not reviewers.may_decide(reviewer):
        raise CannotReview(_("Only reviewers decide about templates."), code="not_a_reviewer")
    if reviewer.pk == version.submitted_by_id or reviewers.belongs_to(reviewer, version.template.business):
        raise CannotReview(
            _("You belong to this business: somebody else must decide about its templates."), code="four_eyes"
        )


def _already_decided(version: Version) -> str:
    last = version.reviews.select_related("reviewer").order_by("-id").first()
    if last is None:
        return str(_("This version is not waiting for a review."))
    sentence = _("Already decided by %(reviewer)s: %(decision)s.")
    return str(sentence) % {"reviewer": last.reviewer, "decision": last.get_decision_display()}


# --- What the others hear ----------------------------------------------------------------------


def _lock(template_id: int) -> None:
    """Let authors of one template take turns: one draft in each language, numbers without gaps, frozen as checked."""
    Template.objects.select_for_update(no_key=True).get(pk=template_id)


def _fresh(version: Version) -> Version:
    return Version.objects.select_related("template__business", "submitted_by").get(pk=version.pk)


def _note(action: str, version: Version, *, by: User, now: datetime, before: dict[str, Any], **after: Any) -> None:
    audit.note(
        action=action,
        object_kind="version",
        object_code=version.code,
        actor=by,
        business=version.template.business,
        before=before,
        after={"state": version.state, "content_hash": version.content_hash, **after},
        now=now,
    )


def _tell(
    kind: str,
    version: Version,
    *,
    by: User,
    now: datetime,
    before: dict[str, Any],
    details: dict[str, Any] | None = None,
) -> None:
    """Write what happened into the audit trail and, last because it holds the business's sequence, the outbox."""
    details = details or {}
    _note(kind, version, by=by, now=now, before=before, **details)
    payload = {
        "template": version.template.code,
        "name": version.template.name,
        "version": version.code,
        "number": version.number,
        "language": version.language,
        "state": version.state,
        **details,
    }
    events.record(business_id=version.template.business_id, kind=kind, payload=payload, now=now)
