"""The service window: whoever wrote to a sender within the last day may be answered in free words, and nobody else.

WhatsApp sets the rule (131047). We keep it on every channel, so that answering is no way around approved templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from broadcasts.channels import KINDS
from broadcasts.models import Sender, Window
from broadcasts.statements import statement
from consent.models import Address

LENGTH = timedelta(hours=24)


def hear(*, sender: Sender, heard: Mapping[str, datetime]) -> int:
    """Note when people last wrote to ``sender``, by the address they wrote from; return how many are known.

    Call it in no transaction that holds a person: it locks windows only, in the order of addresses.
    """
    kinds = list(KINDS[sender.channel].traits.address_kinds)
    known = Address.objects.filter(kind__in=kinds, scope="", value__in=[value.replace("\x00", "") for value in heard])
    moments = sorted((pk, heard[value]) for pk, value in known.values_list("pk", "value"))
    if not moments:
        return 0
    values: dict[str, Any] = {
        "sender_id": sender.pk,
        "address_ids": [pk for pk, _at in moments],
        "heard_ats": [at for _pk, at in moments],
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("open_windows"), values)
    return len(moments)


def closes_at(*, sender: Sender, address_id: int) -> datetime | None:
    """Return until when the person at this address may be answered; None when they never wrote."""
    heard_at = Window.objects.filter(pk=(sender.pk, address_id)).values_list("heard_at", flat=True).first()
    return heard_at + LENGTH if heard_at else None


def is_open(*, sender: Sender, address_id: int, now: datetime) -> bool:
    end = closes_at(sender=sender, address_id=address_id)
    return end is not None and end > now


def open_at(*, address_id: int, now: datetime) -> list[int]:
    """Return the ids of the senders that the person at this address wrote to lately."""
    lately = Window.objects.filter(address_id=address_id, heard_at__gt=now - LENGTH)
    return list(lately.values_list("sender_id", flat=True))


def forget_closed(*, now: datetime) -> int:
    """Delete windows that closed a day ago or longer; return how many."""
    return Window.objects.filter(heard_at__lt=now - 2 * LENGTH).delete()[0]
