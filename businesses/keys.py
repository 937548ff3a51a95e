"""API keys: how a client program proves which business it works for. A key is shown once; its SHA-256 is kept."""

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from businesses import audit
from businesses.models import ApiKey, Business, User

SCOPES = {
    "broadcasts:read": gettext_lazy("Read broadcasts and their results"),
    "broadcasts:write": gettext_lazy("Create, launch, pause and cancel broadcasts"),
    "senders:write": gettext_lazy("Connect senders and check them"),
    "contacts:write": gettext_lazy("Read and add contacts"),
    "templates:write": gettext_lazy("Read templates and submit versions"),
}
SECRET_BYTES = 32
# Enough to recognise a key in a list, too little to guess it: 11 of 43 letters.
PREFIX_LETTERS = 20
SECRET = re.compile(r"tmb_(live|test)_[A-Za-z0-9_-]{43}")
LAST_USED_EVERY = timedelta(minutes=1)


class CannotIssue(ValidationError):
    """The key would be of no use: no name, no scope, an unknown scope, or an end in the past."""


@transaction.atomic
def issue(
    *,
    business: Business,
    name: str,
    scopes: Collection[str],
    by: User,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which can never be read again."""
    _must_be_useful(name=name, scopes=scopes, expires_at=expires_at, now=now)
    secret = f"tmb_{business.mode}_{secrets.token_urlsafe(SECRET_BYTES)}"
    key = ApiKey.objects.create(
        business=business,
        name=name.strip(),
        prefix=secret[:PREFIX_LETTERS],
        secret_hash=_hash(secret),
        scopes=sorted(set(scopes)),
        created_by=by,
        created_at=now,
        expires_at=expires_at,
    )
    _note("key.issued", key, actor=by, now=now)
    return key, secret


def _must_be_useful(*, name: str, scopes: Collection[str], expires_at: datetime | None, now: datetime) -> None:
    if not name.strip():
        raise CannotIssue(_("Give the key a name, so that you know later which program uses it."), code="name_missing")
    if not scopes:
        raise CannotIssue(_("Choose at least one thing that the key may do."), code="scope_missing")
    if unknown := sorted(set(scopes) - SCOPES.keys()):
        raise CannotIssue(_("There is no scope “%(scope)s”.") % {"scope": unknown[0]}, code="scope_unknown")
    if expires_at is not None and expires_at <= now:
        raise CannotIssue(_("The key's end must be in the future."), code="already_expired")


def find(*, secret: str, now: datetime) -> ApiKey | None:
    """Return the key that ``secret`` opens, or None when it is unknown, revoked or past its end.

    The look-up is by hash, so that its duration says nothing about how much of a guess was right.
    """
    if not SECRET.fullmatch(secret):
        return None
    key = (
        ApiKey.objects.filter(secret_hash=_hash(secret)).select_related("business__legal_entity", "created_by").first()
    )
    if key is None or not is_valid(key, now):
        return None
    _seen(key, now)
    return key


def is_valid(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


def _seen(key: ApiKey, now: datetime) -> None:
    """Remember when the key was last used, at most once a minute: a busy key must not become a busy row."""
    if key.last_used_at is None or key.last_used_at <= now - LAST_USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


@transaction.atomic
def revoke(*, key: ApiKey, now: datetime, by: User | None = None) -> bool:
    """End a key at once and for good; False when it had been revoked before."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        return False
    _note("key.revoked", key, actor=by, now=now)
    return True


def _note(action: str, key: ApiKey, *, actor: User | None, now: datetime) -> None:
    audit.note(
        action=action,
        object_kind="api_key",
        object_code=key.prefix,
        actor=actor,
        business=key.business,
        after={"name": key.name, "scopes": key.scopes},
        now=now,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
