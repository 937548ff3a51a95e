"""Giving a business its voice: a sandbox sender is ready at once, the others need an address, an account, a secret."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from broadcasts import approvals, checkup, secrets
from broadcasts.channels import KINDS, MOBILES_ONLY
from broadcasts.channels.whatsapp import account
from broadcasts.channels.whatsapp.graph import Graph, Refused, Unreachable
from broadcasts.models import Sender, Standing
from businesses import audit
from businesses.models import Business, User


class CannotConnect(ValidationError):
    """The sender cannot be used as it was described; the sentence says what to change."""


def connect_sandbox(
    *, business: Business, name: str, now: datetime, messages_per_second: int | None = None, seed: int | None = None
) -> Sender:
    """Make a sender whose messages arrive on pretended phones inside Tambour.

    With a ``seed`` their owners read and answer by themselves, the same people always alike.
    """
    secret = secrets.encrypt(secrets.new_signing_secret())
    settings = {} if seed is None else {"seed": seed}
    return _connect(business, Sender.Channel.SANDBOX, name, settings, secret, None, now, messages_per_second)


def connect_webhook(
    *,
    business: Business,
    name: str,
    url: str,
    now: datetime,
    by: User | None = None,
    messages_per_second: int | None = None,
    mobiles_only: bool = False,
) -> tuple[Sender, str]:
    """Make a sender that POSTs to the operator's messaging service; return it and its secret, shown this once.

    ``mobiles_only``: what is behind it reaches mobile phones only, as SMS does.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise CannotConnect(_("Give the full address of the service, for example https://messages.example.com/send."))
    secret = secrets.new_signing_secret()
    settings: dict[str, Any] = {"url": url} | ({MOBILES_ONLY: True} if mobiles_only else {})
    sender = _connect(
        business, Sender.Channel.WEBHOOK, name, settings, secrets.encrypt(secret), by, now, messages_per_second
    )
    return sender, secret


@transaction.atomic
def set_reach(*, sender: Sender, mobiles_only: bool, by: User | None, now: datetime) -> Sender:
    """Say whether what is behind a sender reaches mobile phones only; lanes obey within a second.

    Raises ``CannotConnect`` for a channel whose lines are not the business's to say.
    """
    if not KINDS[sender.channel].traits.may_reach_mobiles_only:
        raise CannotConnect(_("Which telephones this channel reaches is known: it cannot be set."))
    found = Sender.objects.select_for_update(no_key=True).get(pk=sender.pk)
    # Not said yet is neither: the join page asks nobody on a landline before it is (``lines_known``).
    before = found.settings.get(MOBILES_ONLY)
    if mobiles_only != before:
        found.settings[MOBILES_ONLY] = mobiles_only
        found.save(update_fields=["settings"])
        audit.note(
            action="sender.reach_set", object_kind="sender", object_code=found.code, actor=by,
            business=found.business, before={MOBILES_ONLY: before}, after={MOBILES_ONLY: mobiles_only}, now=now,
        )  # fmt: skip
    return found


# --- WhatsApp -----------------------------------------------------------------------------------

META_ID = re.compile(r"[0-9]{5,32}")


def connect_whatsapp(
    *,
    business: Business,
    name: str,
    account_id: str,
    number_id: str,
    token: str,
    app_secret: str = "",
    uses_marketing_api: bool = False,
    by: User | None,
    now: datetime,
) -> Sender:
    """Make a sender of a number that ``token`` opens, have its updates sent here, and submit the business's templates.

    Looks at the account first: raises ``CannotConnect``, keyed by field, when it does not open; then nothing is made.
    What Meta says afterwards about telling us is in ``Standing.findings``; the sender stays off until that is mended.
    """
    token, app_secret = token.strip(), app_secret.strip()
    keys = account.new_keys(token=token, app_secret=app_secret)
    _must_be_well_formed(business, account_id, number_id, keys)
    if Sender.objects.filter(channel=Sender.Channel.WHATSAPP, settings__phone_number_id=number_id).exists():
        raise CannotConnect({"number_id": TAKEN})
    result = checkup.look(graph=Graph(token), account_id=account_id, number_id=number_id)
    _must_open(result)
    settings = {"account_id": account_id, "phone_number_id": number_id, "uses_marketing_api": uses_marketing_api}
    sender = _connect_number(business, name, settings, keys, result, by, now)
    # The provider asks our address whether it is ours before this returns: the sender must be there by then.
    return check(sender=sender, by=by, now=now, result=result)


TAKEN = gettext_lazy("This number is connected already. Use that sender, or another number.")
FIELD_OF_FAULT = {
    "token_refused": "token",
    "permission_missing": "token",
    "number_unknown": "number_id",
    "number_elsewhere": "account_id",
    "account_unknown": "account_id",
}


def _must_be_well_formed(business: Business, account_id: str, number_id: str, keys: account.Keys) -> None:
    faults: dict[str, Any] = {}
    if business.is_test:
        faults["number_id"] = _("In test mode only sandbox phones are reached.")
    for field, value in (("account_id", account_id), ("number_id", number_id)):
        if not META_ID.fullmatch(value):
            faults[field] = _("This is a number of 5 to 32 digits that Meta shows, not a telephone number.")
    if not keys.token or not keys.token.isascii() or not keys.token.isprintable() or " " in keys.token:
        faults["token"] = _("Paste the whole token: letters and digits without spaces.")
    if not keys.signing_secret or not keys.signing_secret.isascii():
        faults["app_secret"] = _("Paste the app secret of your Meta app: it proves what WhatsApp tells.")
    if faults:
        raise CannotConnect(faults)


def _must_open(result: checkup.Result) -> None:
    """Without an open account there is no sender; an unapproved name or a number to register can be mended later."""
    closed = [finding for finding in result.faults if finding.code in {*FIELD_OF_FAULT, *CLOSED}]
    if closed:
        raise CannotConnect({FIELD_OF_FAULT.get(finding.code, "number_id"): finding.sentence for finding in closed})


CLOSED = ("unreachable", "asked_too_often", "refused")


@transaction.atomic
def _connect_number(
    business: Business,
    name: str,
    settings: dict[str, Any],
    keys: account.Keys,
    result: checkup.Result,
    by: User | None,
    now: datetime,
) -> Sender:
    allowed = result.facts.get("allowed_per_second")
    try:
        with transaction.atomic():
            sender = _connect(business, Sender.Channel.WHATSAPP, name, settings, account.sealed(keys), by, now, allowed)
    except IntegrityError:
        raise CannotConnect({"number_id": TAKEN}) from None
    Sender.objects.filter(pk=sender.pk).update(is_active=False)
    checkup.note(sender=sender, result=result, now=now)
    return sender


def check(*, sender: Sender, by: User | None, now: datetime, result: checkup.Result | None = None) -> Sender:
    """Look at a WhatsApp sender's account again and have its updates sent here; it is on when nothing is wrong.

    Call it outside of any transaction: the provider calls our door meanwhile.
    """
    api = Graph(account.keys_of(sender).token)
    found = result or checkup.look(
        graph=api, account_id=account.account_id(sender), number_id=account.number_id(sender)
    )
    if found.facts:
        found = checkup.Result([*found.findings, checkup.subscribe(graph=api, sender=sender)], found.facts)
    was_active = sender.is_active
    standing = checkup.note(sender=sender, result=found, now=now)
    is_active = not found.faults
    # Not reached is no fault of the account: what sends goes on.
    if was_active and {finding.code for finding in found.faults} <= {"unreachable", "asked_too_often"}:
        is_active = True
    with transaction.atomic():
        Sender.objects.filter(pk=sender.pk).update(is_active=is_active)
        _follow_allowance(sender, standing)
        sender.refresh_from_db()
        if is_active:
            approvals.owe(sender=sender, now=now)
        audit.note(
            action="sender.checked",
            object_kind="sender",
            object_code=sender.code,
            actor=by,
            business=sender.business,
            after={"is_active": is_active, "findings": [finding.code for finding in found.faults]},
            now=now,
        )
    return sender


def _follow_allowance(sender: Sender, standing: Standing) -> None:
    """A number that may be faster is, unless it was slowed lately; one that may not be is slower at once."""
    rates = Sender.objects.filter(pk=sender.pk)
    rates.filter(messages_per_second__gt=standing.allowed_per_second).update(
        messages_per_second=standing.allowed_per_second
    )
    if standing.slowed_at is None:
        rates.update(messages_per_second=standing.allowed_per_second)


def replace_keys(*, sender: Sender, token: str, app_secret: str, by: User | None, now: datetime) -> Sender:
    """Give a WhatsApp sender another token, another app secret, or both (an empty one stays), and check it.

    Raises ``CannotConnect``, keyed by field, when the new token does not open the account; then the old one stays.
    """
    old = account.keys_of(sender)
    keys = account.Keys(token.strip() or old.token, app_secret.strip() or old.app_secret, old.verify_token)
    _must_be_well_formed(sender.business, account.account_id(sender), account.number_id(sender), keys)
    result = checkup.look(
        graph=Graph(keys.token), account_id=account.account_id(sender), number_id=account.number_id(sender)
    )
    _must_open(result)
    with transaction.atomic():
        Sender.objects.filter(pk=sender.pk).update(secret_encrypted=account.sealed(keys))
        audit.note(
            action="sender.keys_replaced",
            object_kind="sender",
            object_code=sender.code,
            actor=by,
            business=sender.business,
            after={"token": bool(token.strip()), "app_secret": bool(app_secret.strip())},
            now=now,
        )
    sender.refresh_from_db()
    return check(sender=sender, by=by, now=now, result=result)


def set_code_template(*, sender: Sender, name: str, by: User | None, now: datetime) -> Sender:
    """Let codes to people who did not write lately travel in an authentication template of the account; '' for none.

    Meta is asked in which languages it is approved. Raises ``CannotConnect``, keyed by field; then nothing changes.
    """
    name = name.strip()
    kept = {"name": name, "languages": _approved_languages(sender, name)} if name else None
    with transaction.atomic():
        fresh = Sender.objects.select_for_update(no_key=True).get(pk=sender.pk)
        fresh.settings = {key: value for key, value in fresh.settings.items() if key != "code_template"}
        if kept:
            fresh.settings["code_template"] = kept
        fresh.save(update_fields=["settings"])
        audit.note(
            action="sender.code_template_set",
            object_kind="sender",
            object_code=sender.code,
            actor=by,
            business=sender.business,
            after={"code_template": kept},
            now=now,
        )
    sender.refresh_from_db()
    return sender


def _approved_languages(sender: Sender, name: str) -> list[str]:
    api = Graph(account.keys_of(sender).token)
    try:
        found = api.get(
            f"{account.account_id(sender)}/message_templates", name=name, fields="name,language,status,category"
        )
    except (Refused, Unreachable):
        raise CannotConnect({"name": _("WhatsApp could not be asked about this template. Try again.")}) from None
    same = [one for one in found.get("data") or [] if isinstance(one, dict) and one.get("name") == name]
    codes = [one for one in same if one.get("category") == "AUTHENTICATION"]
    approved = sorted(str(one.get("language")) for one in codes if one.get("status") == "APPROVED")
    if not same:
        raise CannotConnect({"name": _("The account has no template of this name.")})
    if not codes:
        raise CannotConnect({"name": _("This template is not in the category Authentication.")})
    if not approved:
        raise CannotConnect({"name": _("WhatsApp has not approved this template yet.")})
    return approved


# --- Any ----------------------------------------------------------------------------------------


@transaction.atomic
def _connect(
    business: Business,
    channel: str,
    name: str,
    settings: dict[str, Any],
    sealed: bytes,
    by: User | None,
    now: datetime,
    messages_per_second: int | None = None,
) -> Sender:
    if not name.strip():
        raise CannotConnect({"name": _("Give the sender the name that people will see.")})
    sender = Sender.objects.create(
        business=business,
        channel=channel,
        name=name.strip(),
        settings=settings,
        secret_encrypted=sealed,
        messages_per_second=messages_per_second or KINDS[channel].traits.messages_per_second,
        created_at=now,
    )
    audit.note(
        action="sender.connected",
        object_kind="sender",
        object_code=sender.code,
        actor=by,
        business=business,
        after={"channel": channel, "name": sender.name},
        now=now,
    )
    return sender
