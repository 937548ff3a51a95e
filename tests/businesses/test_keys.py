"""API keys: shown once, found by hash, ended by a click or a date."""

from datetime import timedelta

import pytest

from businesses import keys
from businesses.models import ApiKey, AuditEvent
from tests.make import NOW, make_business, make_key, make_user


def test_a_key_is_shown_once_and_only_its_hash_is_kept(db: None) -> None:
    business = make_business()
    key, secret = make_key(business=business, scopes=("broadcasts:read",))
    assert keys.SECRET.fullmatch(secret)
    assert secret.startswith("tmb_live_")
    kept = ApiKey.objects.filter(pk=key.pk).values()[0]
    assert secret not in str(kept)
    assert secret[keys.PREFIX_LETTERS :] not in str(kept)
    assert keys.find(secret=secret, now=NOW) == key


def test_a_key_of_the_test_twin_says_so(db: None) -> None:
    _key, secret = make_key(business=make_business().twin)
    assert secret.startswith("tmb_test_")


@pytest.mark.parametrize(
    "secret", ["", "tmb_live_", "tmb_live_" + "a" * 43, "tmb_live_" + "é" * 43, "\0", "tmb_live_" + "a" * 44]
)
def test_what_is_no_key_opens_nothing(db: None, secret: str) -> None:
    assert keys.find(secret=secret, now=NOW) is None


def test_a_key_ends(db: None) -> None:
    business, owner = make_business(), make_user()
    _key, secret = keys.issue(
        business=business, name="a", scopes=["broadcasts:read"], by=owner, now=NOW, expires_at=NOW + timedelta(days=1)
    )
    assert keys.find(secret=secret, now=NOW + timedelta(days=1, seconds=-1))
    assert keys.find(secret=secret, now=NOW + timedelta(days=1)) is None


def test_a_revoked_key_opens_nothing_and_is_revoked_once(db: None) -> None:
    business = make_business()
    key, secret = make_key(business=business)
    assert keys.revoke(key=key, now=NOW)
    assert keys.find(secret=secret, now=NOW) is None
    assert not keys.revoke(key=key, now=NOW)
    assert AuditEvent.objects.filter(action="key.revoked", object_code=key.prefix).count() == 1


@pytest.mark.parametrize(
    ("name", "scopes", "days", "said"),
    [
        (" ", ["broadcasts:read"], None, "Give the key a name"),
        ("a", [], None, "at least one"),
        ("a", ["broadcasts:read", "everything"], None, "everything"),
        ("a", ["broadcasts:read"], 0, "future"),
    ],
)
def test_useless_keys_are_not_made(db: None, name: str, scopes: list[str], days: int | None, said: str) -> None:
    business, owner = make_business(), make_user()
    expires_at = None if days is None else NOW + timedelta(days=days)
    with pytest.raises(keys.CannotIssue, match=said):
        keys.issue(business=business, name=name, scopes=scopes, by=owner, now=NOW, expires_at=expires_at)
    assert not ApiKey.objects.exists()


def test_last_use_is_written_at_most_once_a_minute(db: None) -> None:
    key, secret = make_key(business=make_business())

    def last_used_after(seconds: int) -> object:
        keys.find(secret=secret, now=NOW + timedelta(seconds=seconds))
        key.refresh_from_db()
        return key.last_used_at

    assert last_used_after(0) == NOW
    assert last_used_after(59) == NOW
    assert last_used_after(60) == NOW + timedelta(seconds=60)
