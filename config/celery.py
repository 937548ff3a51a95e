"""The clock: wakes workers up, and carries no work of its own.

Every task here is acknowledged early, expires, and only looks into PostgreSQL for what is due: a lost
message costs one turn of the clock, never a broadcast.
"""

import os
from typing import Any

from celery import Celery
from celery.beat import Scheduler
from celery.exceptions import WorkerLostError
from celery.signals import heartbeat_sent, task_failure, worker_shutting_down

from config import heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# task · every so many seconds · queue. A turn that nobody took before the next one is worth nothing.
CLOCK_TABLE = (
    ("broadcasts.tasks.tick", 1.0, "tick"),
    ("feedback.tasks.fold", 1.0, "receipts"),
    ("broadcasts.tasks.carry_notices", 1.0, "receipts"),
    ("feedback.tasks.send_codes", 1.0, "receipts"),
    ("consent.tasks.run_imports", 1.0, "imports"),
    ("consent.tasks.carry_on_undoing", 5.0, "imports"),
    ("consent.tasks.fill_probes", 600.0, "imports"),
    ("feedback.tasks.judge_evidence", 600.0, "imports"),
    ("broadcasts.tasks.count_exactly", 1.0, "imports"),
    ("broadcasts.tasks.follow_providers", 30.0, "imports"),
    ("broadcasts.tasks.prune", 3600.0, "imports"),
    # Asked every hour, done once a night.
    ("consent.tasks.sign_root", 3600.0, "imports"),
    ("broadcasts.tasks.recount_told", 3600.0, "imports"),
    ("broadcasts.tasks.look_what_dangles", 3600.0, "imports"),
    ("consent.tasks.sweep_uploads", 3600.0, "imports"),
    ("feedback.tasks.prune", 3600.0, "imports"),
    ("feedback.tasks.follow_up_erasures", 5.0, "imports"),
    ("feedback.tasks.keep_no_longer", 3600.0, "imports"),
    ("feedback.tasks.forget_unconfirmed", 3600.0, "imports"),
)

app = Celery("tambour")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = "tick"
app.conf.task_routes = {
    "broadcasts.tasks.lane": {"queue": "send"},
    "broadcasts.tasks.prepare": {"queue": "imports"},
    "broadcasts.tasks.sandbox_network": {"queue": "receipts"},
    **{task: {"queue": queue} for task, _, queue in CLOCK_TABLE},
}
app.conf.beat_schedule = {
    task: {"task": task, "schedule": seconds, "options": {"queue": queue, "expires": 2 * seconds}}
    for task, seconds, queue in CLOCK_TABLE
}
app.conf.beat_scheduler = "config.celery:Clock"
app.autodiscover_tasks()


class Clock(Scheduler):  # type: ignore[misc]  # celery is not typed
    """A beat without a file: nothing is remembered between runs, because nothing has to be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_pid = os.getppid()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if os.getppid() != self.worker_pid:
            raise SystemExit("the worker that carried this clock is gone")
        heartbeats.record("beat")
        seconds: float = super().tick(*args, **kwargs)
        return min(seconds, 1.0)


@heartbeat_sent.connect  # type: ignore[untyped-decorator]
def worker_is_alive(sender: Any, **_: Any) -> None:
    """Celery calls this every two seconds from a worker's own loop."""
    heartbeats.record(sender.eventer.hostname.partition("@")[0])


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def lanes_wind_down(**_: Any) -> None:
    """A warm shutdown waits for running tasks: lanes are told, so that they end soon, with nothing in the air."""
    from broadcasts import lanes

    lanes.wind_down()


@task_failure.connect  # type: ignore[untyped-decorator]
def lane_was_lost(sender: Any, exception: BaseException, **_: Any) -> None:
    """A child was killed with its lane: wake another at once. The tick counts the dead one as alive for seconds."""
    if isinstance(exception, WorkerLostError) and sender.name == "broadcasts.tasks.lane":
        sender.apply_async(expires=5)
