"""Two ways to POST: a fast one to hosts that the operator named, a guarded one to whatever a tenant typed in.

The guard looks at the address that is really being connected to (a resolver is bypassed by literal addresses), refuses
everything inside, and never follows redirects. See docs/decisions for the measurements behind the two clients.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from django.conf import settings
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, ConnectTimeoutError, PoolTimeoutError

TIMEOUT = timedelta(seconds=15)
CONNECT_TIMEOUT = timedelta(seconds=5)
MAX_ANSWER_BYTES = 65_536
# What hyper says of name look-up, TCP and TLS; of all that comes later it says "client error (SendRequest)".
NOT_CONNECTED = "client error (Connect)"


class NotSent(Exception):
    """Not a byte of the request left: it may be tried again."""


class NotAllowed(Exception):
    """The address leads inside: nothing is sent there."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    retry_after: float = 0.0


class Clients:
    """Both clients of one event loop, opened when first needed; connections are kept across batches."""

    def __init__(self) -> None:
        self._fast: Client | None = None
        self._guarded: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises ``NotSent``, ``NotAllowed``, or whatever went wrong after the first byte."""
        if _host_of(url) in settings.TRUSTED_HOSTS:
            return await self.post_trusted(url, headers, body)
        return await self._post_guarded(url, headers, body)

    async def post_trusted(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As ``post``, to an address that the operator wrote into the settings."""
        if self._fast is None:
            self._fast = (
                ClientBuilder()
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .follow_redirects(False)
                .no_proxy()
                .build()
            )
        try:
            response = await self._fast.post(url).headers(dict(headers)).body_bytes(body).build().send()
        except PoolTimeoutError as fault:
            raise NotSent(type(fault).__name__) from fault
        except (ConnectError, ConnectTimeoutError) as fault:
            if not _never_connected(fault):
                raise
            raise NotSent(type(fault).__name__) from fault
        content = bytes(await response.bytes())
        wait = _seconds(response.headers.get("retry-after")) if response.status >= 300 else 0.0
        return Answer(response.status, content[:MAX_ANSWER_BYTES], wait)

    async def _post_guarded(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._guarded is None:
            self._guarded = guarded_session(
                aiohttp.ClientTimeout(total=TIMEOUT.total_seconds(), sock_connect=CONNECT_TIMEOUT.total_seconds())
            )
        try:
            async with self._guarded.post(url, headers=dict(headers), data=body, allow_redirects=False) as response:
                content = await response.content.read(MAX_ANSWER_BYTES)
                return Answer(response.status, content, _seconds(response.headers.get("retry-after")))
        except aiohttp.ClientConnectorError as fault:
            raise NotSent(type(fault).__name__) from fault

    async def close(self) -> None:
        if self._fast is not None:
            await self._fast.close()
        if self._guarded is not None:
            await self._guarded.close()


@lru_cache(maxsize=1024)
def _host_of(url: str) -> str:
    return urlsplit(url).netloc


def guarded_session(timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    """Return a session that reaches the outside world only."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=guarded_socket, limit=64), timeout=timeout
    )


def session_for(url: str, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    """Return a session for one address: plain for the operator's own hosts, guarded for all others."""
    if _host_of(url) in settings.TRUSTED_HOSTS:
        return aiohttp.ClientSession(timeout=timeout)
    return guarded_session(timeout)


def guarded_socket(info: Any) -> socket.socket:
    """Open a socket for ``info`` (family, type, protocol, name, address) unless the address is not public."""
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise NotAllowed(address[0])
    return socket.socket(family, kind, protocol)


def is_public(host: str) -> bool:
    """Say whether ``host``, a literal address, belongs to the outside world."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


def _never_connected(fault: ConnectError | ConnectTimeoutError) -> bool:
    """Say whether the connection itself failed.

    The client calls it a connect error, too, when a server reads the request and hangs up, and a connect time-out when
    it never answers: then the message may have been taken. Only its list of causes tells them apart.
    """
    causes = fault.details.get("causes") or []
    return any(cause.get("message") == NOT_CONNECTED for cause in causes)


def _seconds(text: str | None) -> float:
    """Read Retry-After in its common form; a date or rubbish counts as not said."""
    try:
        return min(float(text or 0), 3600.0)
    except ValueError:
        return 0.0
