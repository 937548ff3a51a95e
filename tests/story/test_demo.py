"""The demo's whole story with real processes, while a worker is killed in the middle of its second broadcast."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcasts.models import Broadcast, Delivery
from config.demo import story
from launch import ROOT
from tests.conftest import House, _free, wait_for

# A third of the demo's people; all of them with `make promises`.
N_PEOPLE, N_FAULTY = (10_000, 300) if os.environ.get("PROMISES") else (3_500, 105)
pytestmark = [pytest.mark.slow, pytest.mark.promise("P1"), pytest.mark.timeout(900)]


@pytest.fixture
def demo(house: House, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The house with everything running, and the story being told in it."""
    sink = f"127.0.0.1:{_free()}"
    house.environment |= {"DEMO_SINK": sink, "TRUSTED_HOSTS": sink, "DEMO_FOLDER": str(tmp_path)}
    house.start("web", "send", "desk", "beat")
    command = [sys.executable, "manage.py", "demo", "--people", str(N_PEOPLE)]
    with (tmp_path / "demo.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=house.environment, stdout=log, stderr=log, start_new_session=True
        )
        yield process
        # Together with the messaging service that it started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def handed_over(name: str) -> int:
    sent = Delivery.objects.filter(state__gte=Delivery.State.ACCEPTED)
    return sent.filter(broadcast_id__in=list(Broadcast.objects.filter(name=name).values_list("pk", flat=True))).count()


def test_a_worker_killed_in_the_middle_changes_nothing_for_anybody(
    demo: "subprocess.Popen[bytes]", house: House, tmp_path: Path
) -> None:
    wait_for(lambda: handed_over("Black Friday, everybody") > 100, seconds=400, what="the second broadcast")
    _, worker = house.supervisor.running.pop("send")
    os.killpg(os.getpgid(worker.pid), signal.SIGKILL)
    worker.wait()
    assert Broadcast.objects.get(name="Black Friday, everybody").state == Broadcast.State.SENDING, "killed too late"
    house.start("send")

    assert demo.wait(timeout=400) == 0, (tmp_path / "demo.log").read_text()[-3000:]

    arrivals = [json.loads(line) for line in (tmp_path / "sink.jsonl").read_text().splitlines()]
    keys_of: dict[str, set[str]] = {}
    for arrival in arrivals:
        keys_of.setdefault(arrival["to"], set()).add(arrival["key"])
    assert max(len(keys) for keys in keys_of.values()) == 1, "somebody was handed the broadcast under two keys"
    facts = json.loads((tmp_path / "demo.json").read_text())
    assert facts["promises"] == {"P1": True, "P2": True, "P4": True, "P5": True, "P10": True}
    assert all(wallet["adds_up"] for wallet in facts["money"])
    assert [each["audience"] for each in facts["broadcasts"]] == [
        sum(each["states"].values()) for each in facts["broadcasts"]
    ]
    assert facts["imports"][0]["faulty"] == N_FAULTY
    assert (tmp_path / "demo-funnel.svg").read_text().startswith("<svg")


def test_a_database_with_businesses_is_left_alone(own_database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.make import make_business

    make_business()
    with pytest.raises(story.CannotGoOn, match="empty"):
        story.tell()
