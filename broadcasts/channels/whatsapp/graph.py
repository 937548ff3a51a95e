"""Everything of the Cloud API besides messages: a few calls, made by people's pages and the clock, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from django.conf import settings

from broadcasts.channels import http

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
MAX_ANSWER_BYTES = 1_000_000


class Refused(Exception):
    """The API said no, with its code and words; ``status`` is that of HTTP."""

    def __init__(self, status: int, code: int, subcode: int, words: str) -> None:
        super().__init__(f"{status} {code}/{subcode}")
        self.status, self.code, self.subcode, self.words = status, code, subcode, words


class Unreachable(Exception):
    """No answer, or none that can be read; whatever was asked for may have been done."""


@dataclass(frozen=True, slots=True)
class File:
    """A picture, film or document, whole in memory: WhatsApp takes 16 MB of most kinds."""

    content: bytes
    kind: str


@dataclass(frozen=True, slots=True, repr=False)
class Graph:
    """The API, with one sender's token."""

    token: str

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return the JSON object at ``path``. Raises ``Refused`` or ``Unreachable``."""
        return asyncio.run(self._call("GET", path, params=query))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """As ``get``."""
        headers = {"Content-Type": "application/json"}
        return asyncio.run(self._call("POST", path, data=orjson.dumps(dict(body)), headers=headers))

    def upload(self, path: str, file: File) -> dict[str, Any]:
        """POST a file as WhatsApp's ``/media`` takes it. As ``get``."""
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", file.kind)
        form.add_field("file", file.content, filename="header", content_type=file.kind)
        return asyncio.run(self._call("POST", path, data=form))

    def upload_sample(self, app_id: str, file: File) -> str:
        """Hand over the sample of a template's header; return its handle. As ``get``."""
        announced = {"file_name": "header", "file_length": len(file.content), "file_type": file.kind}
        begun = self.post(f"{app_id}/uploads", announced)
        # This one call wants another scheme: https://developers.facebook.com/docs/graph-api/guides/upload
        headers = {
            "Authorization": f"OAuth {self.token}",
            "file_offset": "0",
            "Content-Type": "application/octet-stream",
        }
        done = asyncio.run(self._call("POST", str(begun.get("id", "")), data=file.content, headers=headers))
        return str(done.get("h", ""))

    async def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", **request.pop("headers", {})}
        url = f"{settings.WHATSAPP_API_URL}/{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.request(method, url, headers=headers, allow_redirects=False, **request) as response,
            ):
                content = await response.content.read(MAX_ANSWER_BYTES)
                return _understood(response.status, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise Unreachable(type(fault).__name__) from fault


def _understood(status: int, content: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(content)
        error = told.get("error")
        if error:
            words = error.get("error_user_msg") or error.get("message") or ""
            code, subcode = int(error.get("code") or 0), int(error.get("error_subcode") or 0)
            raise Refused(status, code, subcode, " ".join(str(words).split())[:300])
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError) as fault:
        raise Unreachable(f"http_{status}") from fault
    if not 200 <= status < 300:
        raise Unreachable(f"http_{status}")
    return dict(told)


def fetch_file(address: str, *, max_bytes: int) -> File:
    """Get what lies at an address that a tenant typed in: through the guard, without redirects.

    Raises ``Unreachable`` with one of ``media_not_allowed``, ``media_not_there``, ``media_too_large``.
    """
    return asyncio.run(_fetch_file(address, max_bytes))


async def _fetch_file(address: str, max_bytes: int) -> File:
    try:
        async with http.session_for(address, TIMEOUT) as session, session.get(address, allow_redirects=False) as answer:
            if answer.status != 200:
                raise Unreachable("media_not_there")
            content = await _at_most(answer, max_bytes)
            return File(content, answer.content_type)
    except http.NotAllowed as fault:
        raise Unreachable("media_not_allowed") from fault
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as fault:
        if isinstance(fault.__cause__, http.NotAllowed):
            raise Unreachable("media_not_allowed") from fault
        raise Unreachable("media_not_there") from fault


async def _at_most(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    parts, n = [], 0
    async for part in answer.content.iter_chunked(65_536):
        n += len(part)
        if n > max_bytes:
            raise Unreachable("media_too_large")
        parts.append(part)
    return b"".join(parts)
