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

from broadcasts import chunks, gate, plan  # noqa: E402 — models can be imported from here on


def pass_all(now: datetime) -> list[tuple[str, int, int]]:
    owner, passed = uuid4(), []
    while claim := chunks.claim(owner=owner, busy=[], now=now):
        told = plan.read(claim.broadcast_id)
        for start in range(0, len(claim.recipient_ids), 20):
            ids = claim.recipient_ids[start : start + 20]
            one = gate.pass_batch(chunk_id=claim.chunk_id, owner=owner, plan=told, recipient_ids=ids, now=now)
            passed += [(message.code, message.recipient_id, message.broadcast_id) for message in one.messages]
        chunks.finish(claim=claim, owner=owner, waiting=[], now=now)
    return passed


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(pass_all(datetime.fromisoformat(line.strip()))), flush=True)
