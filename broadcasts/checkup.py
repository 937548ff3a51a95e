"""A look at a sender's account: does its token open it, is it the right number, does it tell us, may it send?

Each finding has a code and one sentence that says how to mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from broadcasts.channels.whatsapp import account, errors
from broadcasts.channels.whatsapp.graph import Graph, Refused, Unreachable
from broadcasts.models import Sender, Standing

NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,name_status,new_name_status,quality_rating,messaging_limit_tier,"
    "whatsapp_business_manager_messaging_limit,throughput,status"
)
# What a number may send in a second, by the level that the API names.
THROUGHPUT = {"STANDARD": 80, "HIGH": 1000, "NOT_APPLICABLE": 20}
NAMES_THAT_SEND = frozenset({"APPROVED", "AVAILABLE_WITHOUT_REVIEW", "NONE", "EXPIRED", ""})
SUBCODE_NO_SUCH_OBJECT = 33
MAX_NUMBERS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """``is_good`` is None for what does not stand in the way and should be looked at all the same."""

    code: str
    is_good: bool | None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return sentence(self.code, self.params)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Result:
    """What was found, and the facts for ``Standing`` as far as they were told."""

    findings: Sequence[Finding]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_good is False]


def read(findings: Sequence[dict[str, Any]]) -> list[Finding]:
    """Return findings as they were stored."""
    return [Finding(str(f.get("code")), f.get("is_good"), dict(f.get("params") or {})) for f in findings]


def look(*, graph: Graph, account_id: str, number_id: str) -> Result:
    """Ask the API about an account and a number; nothing is changed there. Never raises."""
    try:
        number = graph.get(number_id, fields=NUMBER_FIELDS)
    except Refused as no:
        return Result([_refusal(no, "number_unknown")])
    except Unreachable:
        return Result([Finding("unreachable", False)])
    findings = [Finding("token_works", True), *_of_account(graph, account_id, number_id), *_of_number(number)]
    return Result(findings, _facts(number))


def _of_account(graph: Graph, account_id: str, number_id: str) -> list[Finding]:
    try:
        numbers = graph.get(f"{account_id}/phone_numbers", fields="id", limit=str(MAX_NUMBERS)).get("data")
    except Refused as no:
        return [_refusal(no, "account_unknown")]
    except Unreachable:
        return [Finding("unreachable", False)]
    known = {str(one.get("id")) for one in numbers if isinstance(one, dict)} if isinstance(numbers, list) else set()
    return [Finding("number_of_account", True) if number_id in known else Finding("number_elsewhere", False)]


def _refusal(no: Refused, not_found: str) -> Finding:
    if no.code == int(errors.TOKEN) or no.status == 401:
        return Finding("token_refused", False)
    if no.code == 100:
        return Finding(not_found, False)
    if no.code in (3, 10) or 200 <= no.code < 300:
        return Finding("permission_missing", False)
    if no.code in (4, 80007, 130429):
        return Finding("asked_too_often", False)
    return Finding("refused", False, {"words": no.words, "code": str(no.code)})


def _of_number(number: dict[str, Any]) -> list[Finding]:
    name, status = str(number.get("name_status") or ""), str(number.get("status") or "")
    quality, tier = str(number.get("quality_rating") or "").lower(), _tier(number)
    found = [
        Finding("number_ready", True)
        if status in ("", "CONNECTED")
        else Finding("number_not_ready", False, {"status": status}),
        Finding("name_approved", True, {"name": str(number.get("verified_name") or "")})
        if name in NAMES_THAT_SEND
        else Finding("name_not_approved", False, {"status": name}),
    ]
    if quality in ("red", "yellow"):
        found.append(Finding(f"quality_{quality}", None))
    if tier in ("TIER_50", "TIER_250"):
        found.append(Finding("small_limit", None, {"n": tier.removeprefix("TIER_")}))
    return found


def _tier(number: dict[str, Any]) -> str:
    return str(number.get("whatsapp_business_manager_messaging_limit") or number.get("messaging_limit_tier") or "")[:32]


def _facts(number: dict[str, Any]) -> dict[str, Any]:
    quality, level = str(number.get("quality_rating") or "").lower(), number.get("throughput")
    named = str(level.get("level", "")) if isinstance(level, dict) else ""
    return {
        "display_number": str(number.get("display_phone_number") or "")[:32],
        "verified_name": str(number.get("verified_name") or "")[:120],
        "quality": quality if quality in Standing.Quality.values else Standing.Quality.UNKNOWN,
        "tier": _tier(number),
        "allowed_per_second": THROUGHPUT.get(named, THROUGHPUT["STANDARD"]),
    }


def subscribe(*, graph: Graph, sender: Sender) -> Finding:
    """Have the account's updates sent to this sender's address, and look whether they are. Never raises."""
    path = f"{account.account_id(sender)}/subscribed_apps"
    keys = account.keys_of(sender)
    if not keys.signing_secret:
        return Finding("no_app_secret", False)
    try:
        graph.post(
            path,
            {"override_callback_uri": account.callback_address(sender), "verify_token": keys.verify_token},
        )
        apps = graph.get(path).get("data")
    except Refused as no:
        return Finding("not_subscribed", False, {"words": no.words})
    except Unreachable:
        return Finding("unreachable", False)
    ours = account.callback_address(sender)
    told = [app.get("override_callback_uri", ours) for app in apps or [] if isinstance(app, dict)]
    return Finding("subscribed", True) if ours in told else Finding("not_subscribed", False, {"words": ""})


def note(*, sender: Sender, result: Result, now: datetime) -> Standing:
    """Keep what was found. A restriction that only a refused message told of ends when nothing is wrong any more."""
    standing, _is_new = Standing.objects.get_or_create(sender=sender)
    Standing.objects.filter(pk=standing.pk).update(
        findings=[finding.as_json() for finding in result.findings], checked_at=now, **result.facts
    )
    if not result.faults and standing.restriction.isdecimal():
        Standing.objects.filter(pk=standing.pk, restriction=standing.restriction).update(
            restriction="", restricted_until=None
        )
    standing.refresh_from_db()
    return standing


SENTENCES = {
    "token_works": _("The token opens the number."),
    "number_of_account": _("The number belongs to the account."),
    "number_ready": _("The number is connected."),
    "name_approved": _("The display name is approved: %(name)s."),
    "subscribed": _("WhatsApp tells this address what becomes of messages."),
    "token_refused": _(
        "Meta does not accept the token. Make a new one for a system user, without an end, and paste it whole."
    ),
    "number_unknown": _(
        "The token finds no number with this id. Copy the “phone number ID” from Meta's API setup page (it is not the"
        " telephone number), and give the system user this account."
    ),
    "account_unknown": _(
        "The token finds no account with this id. Copy the “WhatsApp Business Account ID”, and give the system user"
        " this account."
    ),
    "number_elsewhere": _(
        "This number belongs to another account. Look which account lists it, and give that account's id."
    ),
    "permission_missing": _(
        "The token lacks a permission: make one with whatsapp_business_messaging and whatsapp_business_management."
    ),
    "asked_too_often": _("Meta was asked too often. Wait an hour and check again."),
    "refused": _("Meta refused (code %(code)s): %(words)s"),
    "unreachable": _("Meta could not be reached, or its answer could not be read. Check again in a minute."),
    "number_not_ready": _("The number is not connected (%(status)s). Register it at Meta, then check again."),
    "name_not_approved": _("The display name is not approved (%(status)s). Choose one at Meta, then check again."),
    "no_app_secret": _("The app secret is missing: without it nothing that WhatsApp tells can be believed. Put it in."),
    "not_subscribed": _("WhatsApp does not tell us anything yet: it must reach this address over https://. %(words)s"),
    "quality_red": _("The quality is low: people block or report this number. Write less, to those who want it."),
    "quality_yellow": _("The quality is medium: some people block or report this number."),
    "small_limit": _("The account may write to %(n)s people in 24 hours. Verify the business at Meta for more."),
}


def sentence(code: str, params: dict[str, str]) -> str:
    """Return a finding in the reader's language."""
    words = str(SENTENCES.get(code, code))
    return (words % params).strip() if "%(" in words else words
