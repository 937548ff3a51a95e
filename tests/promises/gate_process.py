"""Gates whatever is due, in a process of its own, at the moments that stand on its standard input, one a line.

Answers each with one line: what passed, as JSON ``[[code, recipient, broadcast], …]``. Nothing is handed over.
"""

import json
import os
import sys
from datetime import datetime
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db.models import F  # noqa: E402

from broadcasts import chunks, gate, lifecycle, plan  # noqa: E402 — models can be imported from here on
from broadcasts.models import Broadcast, Chunk  # noqa: E402


def pass_all(now: datetime) -> list[tuple[str, int, int]]:
    owner, passed = uuid4(), []
    while claim := chunks.claim(owner=owner, busy=[], now=now):
        told = plan.read(claim.broadcast_id)
        for start in range(0, len(claim.recipient_ids), 20):
            ids = claim.recipient_ids[start : start + 20]
            one = gate.pass_batch(chunk_id=claim.chunk_id, owner=owner, plan=told, recipient_ids=ids, now=now)
            passed += [(message.code, message.recipient_id, message.broadcast_id) for message in one.messages]
        _close(claim, now)
    return passed


def _close(claim: chunks.Claim, now: datetime) -> None:
    """``chunks.finish`` does not close what is still in the air; here whoever asked writes the outcomes down later."""
    Chunk.objects.filter(pk=claim.chunk_id).update(done_at=now, owner=None)
    Broadcast.objects.filter(pk=claim.broadcast_id).update(n_done=F("n_done") + 1)
    lifecycle.complete(broadcast_id=claim.broadcast_id, now=now)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(pass_all(datetime.fromisoformat(line.strip()))), flush=True)
