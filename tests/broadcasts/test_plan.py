"""What a lane knows of a broadcast: looked at every second, read anew when anything of it has changed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import plan
from broadcasts.models import Broadcast, ProviderTemplate, Sender, SenderMedia, Standing
from businesses.models import Business
from consent.reasons import Reason
from templates_approval.models import Template, Version
from tests.make import make_business, make_launched, make_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def broadcast() -> Broadcast:
    business = make_business(money=100_000_000)
    make_people(business=business, n=1)
    return make_launched(business=business)


CHANGES: dict[str, Callable[[Broadcast], object]] = {
    "state": lambda b: Broadcast.objects.update(state=Broadcast.State.PAUSED),
    "end": lambda b: Broadcast.objects.update(ends_at=F("ends_at") + timedelta(hours=1)),
    "its rate": lambda b: Broadcast.objects.update(messages_per_second=7),
    "the sender's rate": lambda b: Sender.objects.update(messages_per_second=7),
    "the sender's key": lambda b: Sender.objects.update(secret_encrypted=b"x"),
    "the business": lambda b: Business.objects.update(state=Business.State.SUSPENDED),
    "the category": lambda b: Template.objects.update(category=Template.Category.UTILITY),
    "the version": lambda b: Version.objects.update(state=Version.State.PAUSED),
    "the frozen hash": lambda b: b.versions.update(content_hash="0" * 64),
    "the provider's restriction": lambda b: Standing.objects.create(sender=b.sender, restriction="368"),
    "the provider's review": lambda b: ProviderTemplate.objects.create(
        sender=b.sender, account="1", version=Version.objects.get(), name="x", language="en", content_hash="0",
        due_at=timezone.now(), created_at=timezone.now(),
    ),
    "a file": lambda b: SenderMedia.objects.create(sender=b.sender, source_hash=b"x", due_at=timezone.now()),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_read_anew(broadcast: Broadcast, change: str) -> None:
    known = plan.read_if_changed(broadcast.pk, None)
    assert plan.read_if_changed(broadcast.pk, known) is known
    CHANGES[change](broadcast)
    assert plan.read_if_changed(broadcast.pk, known) is not known


def test_what_lanes_write_changes_nothing(broadcast: Broadcast) -> None:
    known = plan.read_if_changed(broadcast.pk, None)
    Broadcast.objects.update(served_at=timezone.now(), n_done=F("n_done") + 1, n_chunks=F("n_chunks") + 1)
    assert plan.read_if_changed(broadcast.pk, known) is known


def test_what_changes_with_time_alone_is_seen_within_ten_seconds(broadcast: Broadcast) -> None:
    known = plan.read_if_changed(broadcast.pk, None)
    nearly_old = replace(known, read_at=time.monotonic() - 9.0)
    assert plan.read_if_changed(broadcast.pk, nearly_old) is nearly_old
    old = replace(known, read_at=time.monotonic() - 10.0)
    assert plan.read_if_changed(broadcast.pk, old) is not old


def test_an_obstacle_that_ended_by_the_clock_holds_nobody_up(broadcast: Broadcast) -> None:
    """Resumed after a restriction ran out, it would be paused again by a plan that still knows of it."""
    known = plan.read_if_changed(broadcast.pk, None)
    held = replace(known, obstacle=Reason.TEMPLATE_UNAVAILABLE)
    assert plan.read_if_changed(broadcast.pk, held).obstacle is None


def test_asking_is_one_query(broadcast: Broadcast, django_assert_num_queries: Callable[[int], object]) -> None:
    known = plan.read_if_changed(broadcast.pk, None)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        plan.read_if_changed(broadcast.pk, known)


def test_the_mark_asks_every_table_that_a_plan_is_read_from(broadcast: Broadcast) -> None:
    """A table that ``plan.read`` learns to look at must not be forgotten in SQL."""
    with CaptureQueriesContext(connection) as asked:
        plan.read(broadcast.pk)
    tables = {name for query in asked for name in re.findall(r'(?:FROM|JOIN) "(\w+)"', query["sql"])}
    assert {"broadcasts_broadcast", "templates_approval_version"} <= tables
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('plan_mark'::regproc)")
        ((mark,),) = cursor.fetchall()
    assert {table for table in tables if not re.search(rf"\b{table}\b", mark)} == set()
