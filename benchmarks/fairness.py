"""F1: two hundred small broadcasts beside a very large one: how long each waits for its first message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Min

from benchmarks import children, freezing, sending, world
from benchmarks.children import Child
from benchmarks.figures import Figure
from broadcasts.models import Broadcast, Delivery

TARGET_SECONDS = 5
N_BROADCASTS, N_RECIPIENTS = 200, 1_000


def measure(*, n: int) -> list[Figure]:
    """Two lanes are busy with ``n`` recipients of one business when two hundred others launch, one after the other."""
    now, each = datetime.now(UTC), min(N_RECIPIENTS, n // N_BROADCASTS)
    with children.sink() as provider:
        url = f"http://{children.address(provider)}/messages"
        everybodys = world.know_everybody(n=n, now=now)
        sender, _secret = world.connect(business=everybodys, url=url, now=now)
        small = [world.open_business(name=f"Small {i}", url=url, now=now) for i in range(N_BROADCASTS)]
        for i, (business, _sender) in enumerate(small):
            world.make_contacts(business=business, first=i * each + 1, last=(i + 1) * each)
        world.forget_offers()
        world.tidy_up()
        large = world.launch(business=everybodys, sender=sender, now=now)
        freezing.freeze_all(large)
        drafts = [world.draft(business=business, sender=its_own, now=now) for business, its_own in small]
        clock = Child("clockwork")
        with sending.lanes(2, children.address(provider)):
            clock.go()
            launched = [world.confirm(draft, now=datetime.now(UTC)) for draft in drafts]
            sending.wait_until_completed(launched)
            was_busy = Broadcast.objects.filter(pk=large.pk, completed_at=None).exists()
            Broadcast.objects.filter(pk=large.pk).update(state=Broadcast.State.PAUSED)
            clock.end()
    waits = _waits(launched)
    what = f"first message of {N_BROADCASTS} broadcasts beside one of {n:,}, p99"
    note = (
        f"from launch, {each:,} recipients each; median {waits[len(waits) // 2]:.1f} s, slowest {waits[-1]:.1f} s; "
        f"the large one was {'' if was_busy else 'not '}still under way at the end"
    )
    return [Figure("F1", what, waits[int(len(waits) * 0.99) - 1], "s", TARGET_SECONDS, note, True)]


def _waits(broadcasts: Sequence[Broadcast]) -> list[float]:
    rows = Delivery.objects.filter(broadcast_id__in=[b.pk for b in broadcasts]).values_list("broadcast_id")
    first = dict(rows.annotate(Min("gated_at")))
    return sorted((first[b.pk] - b.launched_at).total_seconds() for b in broadcasts if b.launched_at)
