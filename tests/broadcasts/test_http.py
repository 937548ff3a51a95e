"""Whether a request left decides whether its message may be sent again: what a server saw never counts as unsent."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from broadcasts.channels import http


@contextmanager
def server(*, reads: bool, hangs: bool) -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes a request, or not even that, and never answers it."""
    seen: list[bytes] = []
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            try:
                while True:
                    connection, _ = door.accept()
                    seen.append(connection.recv(65536) if reads else b"")
                    kept.append(connection) if hangs else connection.close()
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{door.getsockname()[1]}", seen
        door.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


def post(host: str) -> BaseException:
    async def once() -> None:
        clients = http.Clients()
        try:
            await clients.post(f"http://{host}/x", {}, b"{}")
        finally:
            await clients.close()

    with pytest.raises(Exception) as caught:  # noqa: PT011 — which one is what is asked
        asyncio.run(once())
    return caught.value


@pytest.mark.promise("P1")
@pytest.mark.parametrize("hangs", [True, False], ids=["it never answers", "it hangs up"])
def test_a_server_that_read_the_request_may_have_taken_the_message(
    hangs: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", timedelta(seconds=0.5))
    with server(reads=True, hangs=hangs) as (host, seen):
        settings.TRUSTED_HOSTS = [host]
        fault = post(host)
    assert seen[0].endswith(b"{}")
    assert not isinstance(fault, http.NotSent)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no.such.host.invalid"])
def test_nobody_there_is_not_sent(host: str, settings: Any) -> None:
    settings.TRUSTED_HOSTS = [host]
    assert isinstance(post(host), http.NotSent)


def test_a_full_queue_at_the_door_is_not_sent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_TIMEOUT", timedelta(seconds=0.5))
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(door.getsockname())
        settings.TRUSTED_HOSTS = [f"127.0.0.1:{door.getsockname()[1]}"]
        assert isinstance(post(settings.TRUSTED_HOSTS[0]), http.NotSent)
        for one in waiting:
            one.close()
