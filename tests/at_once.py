"""Many threads, each with a database connection of its own, doing the same thing at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def at_once(act: Callable[[int], Any], n: int) -> list[Any]:
    """Let ``n`` threads, each with a connection of its own, do the same thing at the same moment."""
    start, answers = threading.Barrier(n), [None] * n

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            answers[number] = act(number)
        except Exception as error:
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers
