"""A slow, obvious reader of definitions, which shares nothing with ours but the JSON: who fits, going through people.

People are dicts: ``country``, ``language``, ``attributes``, ``code``, ``created_at``, ``last_reaction``,
``interactions`` (kind, provenance, occurred_at, is_withdrawn) and ``deliveries`` (broadcast → state,
is_hidden, reaction, delivered_at).
"""

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SENT = {"accepted", "held", "sent", "no_receipt", "delivered", "read"}
ARRIVED = {"delivered", "read"}


def fits(person: dict[str, Any], definition: dict[str, Any], *, now: datetime, zone: str) -> bool:
    return all(_one(person, name, value, now, zone) for name, value in definition.items())


def _one(person: dict[str, Any], name: str, value: Any, now: datetime, zone: str) -> bool:
    inner = [fits(person, part, now=now, zone=zone) for part in value] if name in ("all", "any", "none") else []
    answers = {
        "all": lambda: all(inner),
        "any": lambda: any(inner) or not inner,
        "none": lambda: not any(inner),
        "countries": lambda: not value or person["country"] in value,
        "languages": lambda: not value or person["language"] in value,
        "contacts": lambda: person["code"] in value,
        "except_contacts": lambda: person["code"] not in value,
        "attributes": lambda: all(_attribute(person["attributes"], key, test) for key, test in value.items()),
        "added": lambda: _during(person["created_at"], value, now, zone),
        "last_reaction": lambda: person["last_reaction"] == value,
        "interaction": lambda: _dealt(person, value, now, zone),
        "broadcast": lambda: _told(person, value),
        "offers": lambda: _offers(person, value, now),
    }
    return answers[name]()


def _during(at: datetime, when: dict[str, Any], now: datetime, zone: str) -> bool:
    day = at.astimezone(ZoneInfo(zone)).date()
    return (
        ("within_days" not in when or at >= now - timedelta(days=when["within_days"]))
        and ("more_than_days_ago" not in when or at < now - timedelta(days=when["more_than_days_ago"]))
        and ("since" not in when or day >= date.fromisoformat(when["since"]))
        and ("before" not in when or day < date.fromisoformat(when["before"]))
    )


def _dealt(person: dict[str, Any], wanted: dict[str, Any], now: datetime, zone: str) -> bool:
    n = 0
    for each in person["interactions"]:
        if each["is_withdrawn"]:
            continue
        if wanted.get("kinds") and each["kind"] not in wanted["kinds"]:
            continue
        if "provenance" in wanted and each["provenance"] != wanted["provenance"]:
            continue
        n += _during(each["occurred_at"], wanted, now, zone)
    return n >= wanted.get("at_least", 1)


def _told(person: dict[str, Any], wanted: dict[str, Any]) -> bool:
    row = person["deliveries"].get(wanted["code"], {"state": "queued", "reaction": None})
    # Left out for a platform's reason: as if the phone were off.
    state = "no_receipt" if row["state"] == "skipped" and row["is_hidden"] else row["state"]
    became = {
        "sent": state in SENT,
        "delivered": state in ("delivered", "read"),
        "read": state == "read",
        "failed": state == "failed",
        "failed_for_now": state == "failed" and row["error_code"] in ("131049", "gave_up"),
        "skipped": state == "skipped",
        "absent": state == "queued",
    }
    reacted = {
        "interested": row["reaction"] == "interested",
        "not_interested": row["reaction"] == "not_interested",
        "none": state in SENT and row["reaction"] is None,
    }
    return became.get(wanted.get("was", ""), True) and reacted.get(wanted.get("reaction", ""), True)


def _offers(person: dict[str, Any], wanted: dict[str, Any], now: datetime) -> bool:
    since = now - timedelta(days=wanted["within_days"])
    got = [row for row in person["deliveries"].values() if row["state"] in ARRIVED and row["delivered_at"] > since]
    return len(got) >= wanted.get("at_least", 1)


def _attribute(attributes: dict[str, str], name: str, test: Any) -> bool:
    if isinstance(test, str):
        test = {"is": test}
    return all(_test(attributes.get(name), word, value) for word, value in test.items())


def _test(have: str | None, word: str, value: Any) -> bool:
    if word == "is":
        return have == value
    if word == "is_not":
        return have != value
    if word == "is_set":
        return bool(have) == value
    if have is None:
        return False
    if word == "one_of":
        return have in value
    if word == "contains":
        return value.lower() in have.lower()
    if word == "starts_with":
        return have.lower().startswith(value.lower())
    if word in ("since", "before") or (word == "between" and isinstance(value[0], str)):
        return _compare(have[:10], word, value) if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", have) else False
    if re.fullmatch(r"-?[0-9]+([.,][0-9]+)?", have) and len(have) <= 16:
        return _compare(float(have.replace(",", ".")), word, value)
    return False


def _compare(have: Any, word: str, value: Any) -> bool:
    if word == "between":
        return bool(value[0] <= have <= value[1])
    return bool(
        {"more_than": have.__gt__, "less_than": have.__lt__, "since": have.__ge__, "before": have.__lt__}[word](value)
    )
