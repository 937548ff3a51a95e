"""WhatsApp's Cloud API, as far as its documents tell: accounts, numbers, templates, media, messages, and calls back.

It runs in a thread of its own and speaks HTTP in both directions, signed as Meta signs. What a message meets is decided
by the number it goes to (``meets``); whatever is not said otherwise is taken, sent, delivered and read.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

T = TypeVar("T")
TOKEN, APP_SECRET, APP_ID = "EAAG-good-token", "an app's secret", "556600"
ACCOUNT, NUMBER = "102290129340398", "106540352242922"
UPLOAD = "upload:abc"
MEDIA = {"IMAGE": "image", "VIDEO": "video", "GIF": "video", "DOCUMENT": "document"}
BATCH = 1000


@dataclass
class Fate:
    """What becomes of one message. ``refused``: an error in the answer; ``fails``: taken, then *failed* by a call."""

    refused: int = 0
    status: int = 400
    retry_after: str = ""
    # Only the first so many times; then it is taken like any other.
    times: int = 1_000_000
    fails: int = 0
    message_status: str = "accepted"
    statuses: tuple[str, ...] = ("sent", "delivered", "read")
    # Each status so many times.
    copies: int = 1
    # Instead of an answer: hang · close · half · html · garbage · server_error
    instead: str = ""
    # Whether a message with such an answer was taken all the same.
    is_taken: bool = True
    # Under which number WhatsApp knows them, if not this one.
    wa_id: str = ""
    n_met: int = 0


@dataclass
class Emulator:
    url: str = ""
    meets: dict[str, Fate] = field(default_factory=dict)
    everybody: Fate = field(default_factory=Fate)
    # What was really taken, and every request as it came: (path, JSON).
    taken: list[dict[str, Any]] = field(default_factory=list)
    # Who wrote, as numbers: free words reach nobody else.
    wrote: set[str] = field(default_factory=set)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    media: list[dict[str, Any]] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)
    n_forgotten: int = 0
    announced: dict[str, Any] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    callback: str = ""
    verify_token: str = ""
    number: dict[str, Any] = field(default_factory=dict)
    account_numbers: list[str] = field(default_factory=lambda: [NUMBER])
    # path → what is answered instead: an error's code, or "hang", "html".
    broken: dict[str, Any] = field(default_factory=dict)
    # What lies about on the web, for whoever fetches it: name → content.
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    is_silent: bool = False
    _calls: list[dict[str, Any]] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # --- What Meta tells ------------------------------------------------------------------------

    def tell(self, field_: str, value: Any, *, at: float | None = None) -> int:
        """Call back about ``field_`` and return what was answered."""
        return self.tell_all([{"field": field_, "value": value}], at=at)

    def tell_all(self, changes: list[dict[str, Any]], *, at: float | None = None) -> int:
        return self._wait(self._call_back(changes, at or time.time()))

    def tell_statuses(self) -> None:
        """Send whatever statuses wait, in bodies of up to a thousand."""
        statuses, self._calls = self._calls, []
        for first in range(0, len(statuses), BATCH):
            value = self._about_messages() | {"statuses": statuses[first : first + BATCH]}
            self.answers.append(self.tell("messages", value))

    def waiting_statuses(self) -> list[dict[str, Any]]:
        return self._calls

    def says(self, address: str, words: str, *, quotes: str = "", key: str = "") -> int:
        message: dict[str, Any] = {"type": "text", "text": {"body": words}}
        return self._inbound(address, message, quotes, key)

    def presses(self, address: str, payload: str, *, quotes: str = "", key: str = "") -> int:
        return self._inbound(address, {"type": "button", "button": {"payload": payload, "text": "x"}}, quotes, key)

    def _inbound(self, address: str, message: dict[str, Any], quotes: str, key: str) -> int:
        self.wrote.add(address)
        message |= {"from": address.lstrip("+"), "id": key or f"wamid.in{next(self._ids)}", "timestamp": _now()}
        if quotes:
            message["context"] = {"from": "1", "id": quotes}
        return self.tell("messages", self._about_messages() | {"messages": [message]})

    def prefers(self, address: str, value: str) -> int:
        said = {"wa_id": address.lstrip("+"), "category": "marketing_messages", "value": value, "timestamp": _now()}
        return self.tell("user_preferences", self._about_messages() | {"user_preferences": [said | {"detail": "…"}]})

    def decides(self, name: str, event: str, **more: Any) -> int:
        """Tell the review of a template, and remember it."""
        template = next(t for t in self.templates.values() if t["name"] == name)
        template["status"] = event
        value = {
            "event": event,
            "message_template_id": template["id"],
            "message_template_name": name,
            # Calls write en-US where requests write en_US.
            "message_template_language": template["language"].replace("_", "-"),
            "reason": more.pop("reason", "NONE"),
        }
        return self.tell("message_template_status_update", value | more)

    @staticmethod
    def _about_messages() -> dict[str, Any]:
        metadata = {"display_phone_number": "33 6 39 98 00 00", "phone_number_id": NUMBER}
        return {"messaging_product": "whatsapp", "metadata": metadata}

    async def _call_back(self, changes: list[dict[str, Any]], at: float) -> int:
        entry = {"id": ACCOUNT, "time": int(at), "changes": changes}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.callback, data=body, headers=headers) as answer,
        ):
            return answer.status

    def _wait(self, task: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(timeout=60)

    # --- What Meta answers ----------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lstrip("/")
        if (trouble := self.broken.get(path.rpartition("/")[2] or path)) is not None:
            return await _trouble(trouble)
        if path in self.files:
            return web.Response(body=self.files[path], content_type="image/png")
        # The one call of another scheme: https://developers.facebook.com/docs/graph-api/guides/upload
        scheme = "OAuth" if path == UPLOAD else "Bearer"
        if request.headers.get("Authorization") != f"{scheme} {TOKEN}":
            return error(401, 190, "Invalid OAuth access token.")
        is_json = request.content_type == "application/json"
        told = await request.json() if request.method == "POST" and is_json else dict(request.query)
        self.asked.append((f"{request.method} {path}", told))
        handler = self._handlers().get(path)
        if handler is None:
            return self._object(path)
        found = handler(request, told)
        return await found if asyncio.iscoroutine(found) else found

    def _handlers(self) -> dict[str, Callable[[web.Request, Any], Any]]:
        return {
            NUMBER: lambda request, told: web.json_response(DEFAULT_NUMBER | self.number),
            f"{NUMBER}/messages": self._message,
            f"{NUMBER}/marketing_messages": self._message,
            f"{NUMBER}/media": self._media,
            f"{ACCOUNT}/phone_numbers": lambda request, told: web.json_response(
                {"data": [{"id": number} for number in self.account_numbers]}
            ),
            f"{ACCOUNT}/subscribed_apps": self._subscribed_apps,
            f"{ACCOUNT}/message_templates": self._message_templates,
            "app": lambda request, told: web.json_response({"id": APP_ID}),
            f"{APP_ID}/uploads": self._begin_upload,
            UPLOAD: self._upload_sample,
        }

    def _object(self, path: str) -> web.Response:
        if path in self.templates:
            return web.json_response(self.templates[path])
        return error(400, 100, "Unsupported get request. Object does not exist.", 33)

    def _misfit(self, told: dict[str, Any]) -> int:
        """Return the error that a template's parameters meet when they are not those that it has places for, or 0."""
        asked = told.get("template") or {}
        known = [t for t in self.templates.values() if t["name"] == asked.get("name")]
        if not known or "components" not in known[0]:
            return 0
        given = {
            (part["type"], part.get("sub_type", ""), part.get("index", "")): part["parameters"]
            for part in asked.get("components", [])
        }
        for part in known[0]["components"]:
            kind = MEDIA.get(part.get("format", ""))
            if kind and not self._has_file(kind, given.get(("header", "", ""), [])):
                return 131053
            for index, button in enumerate(part.get("buttons", [])):
                values = given.get(("button", "url", str(index)), [])
                if "{{" in button.get("url", "") and not any(value.get("text") for value in values):
                    return 131008
        return 0

    def _has_file(self, kind: str, parameters: list[dict[str, Any]]) -> bool:
        kept = {f"media{n}" for n in range(self.n_forgotten + 1, len(self.media) + 1)}
        return [(one["type"], one.get(kind, {}).get("id") in kept) for one in parameters] == [(kind, True)]

    def forget_media(self) -> None:
        """As after 30 days: what was uploaded so far is gone."""
        self.n_forgotten = len(self.media)

    async def _message(self, request: web.Request, told: dict[str, Any]) -> web.StreamResponse:
        fate = self.meets.get(told["to"], self.everybody)
        if code := self._misfit(told):
            return error(400, code, "(#…) the parameters do not fit")
        if told["type"] == "text" and told["to"] not in self.wrote:
            return error(400, 131047, "Re-engagement message")
        fate.n_met += 1
        has_met_enough = fate.n_met > fate.times
        if fate.refused and not has_met_enough:
            headers = {"Retry-After": fate.retry_after} if fate.retry_after else {}
            return error(fate.status, fate.refused, "(#…) refused", headers=headers)
        instead = "" if has_met_enough else fate.instead
        sent = self._take(told, fate) if fate.is_taken or not instead else {}
        if instead:
            return await _instead(request, instead)
        return web.json_response(sent)

    def _take(self, told: dict[str, Any], fate: Fate) -> dict[str, Any]:
        wamid, wa_id = f"wamid.{next(self._ids)}", fate.wa_id or told["to"].lstrip("+")
        self.taken.append(told | {"id": wamid})
        words = ("failed",) if fate.fails else fate.statuses
        for word in words if told["type"] == "template" else ():
            status: dict[str, Any] = {"id": wamid, "status": word, "timestamp": _now(), "recipient_id": wa_id}
            if "biz_opaque_callback_data" in told:
                status["biz_opaque_callback_data"] = told["biz_opaque_callback_data"]
            if word == "failed":
                status["errors"] = [{"code": fate.fails, "title": "…", "error_data": {"details": "…"}}]
            self._calls += [status] * fate.copies
        message = {"id": wamid, "message_status": fate.message_status}
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": told["to"], "wa_id": wa_id}],
            "messages": [message],
        }

    def _begin_upload(self, request: web.Request, told: dict[str, Any]) -> web.Response:
        """Samples of headers go up in two steps; the second has to bring what the first announced."""
        if not {"file_name", "file_length", "file_type"} <= told.keys():
            return error(400, 100, "Invalid parameter")
        self.announced = told
        return web.json_response({"id": UPLOAD})

    async def _upload_sample(self, request: web.Request, told: Any) -> web.Response:
        content = await request.read()
        if request.headers.get("file_offset") != "0" or len(content) != self.announced.get("file_length"):
            return error(400, 100, "Invalid parameter")
        self.samples.append(content)
        return web.json_response({"h": f"4::sample{len(self.samples)}"})

    async def _media(self, request: web.Request, told: Any) -> web.Response:
        form = await request.post()
        file = form["file"]
        content = file.file.read() if isinstance(file, web.FileField) else b""
        self.media.append({"type": form["type"], "content": content, "product": form["messaging_product"]})
        return web.json_response({"id": f"media{len(self.media)}"})

    async def _subscribed_apps(self, request: web.Request, told: Any) -> web.Response:
        if request.method == "POST":
            uri, word = told["override_callback_uri"], told["verify_token"]
            query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": word}
            async with aiohttp.ClientSession() as session, session.get(uri, params=query) as answer:
                if answer.status != 200 or await answer.text() != "1158201444":
                    return error(400, 2200, "Callback verification failed.")
            self.callback, self.verify_token = uri, word
            return web.json_response({"success": True})
        app: dict[str, Any] = {"whatsapp_business_api_data": {"id": APP_ID, "name": "Tambour"}}
        if self.callback:
            app["override_callback_uri"] = self.callback
        return web.json_response({"data": [app] if self.callback else []})

    def _message_templates(self, request: web.Request, told: dict[str, Any]) -> web.Response:
        mine = [t for t in self.templates.values() if t["name"] == told.get("name")]
        if request.method == "GET":
            return web.json_response({"data": mine})
        if words := self._without_sample(told["components"]):
            return error(400, 100, words, 2388047)
        if any(t["language"] == told["language"] for t in mine):
            return error(400, 100, "Content in this language already exists.", 2388024)
        template = {"id": str(900_000 + next(self._ids)), "status": "PENDING", **told}
        self.templates[template["id"]] = template
        return web.json_response({name: template[name] for name in ("id", "status", "category")})

    def _without_sample(self, components: list[dict[str, Any]]) -> str:
        """Every variable and every file needs its example, of files a handle of this very app."""
        handles = [f"4::sample{n}" for n in range(1, len(self.samples) + 1)]
        for part in components:
            example = part.get("example", {})
            if part.get("format") in MEDIA and example.get("header_handle", [""])[0] not in handles:
                return "The header has no sample."
            if any("{{" in button.get("url", "") and not button.get("example") for button in part.get("buttons", [])):
                return "A button has no sample."
        return ""


DEFAULT_NUMBER = {
    "id": NUMBER,
    "display_phone_number": "+33 6 39 98 00 00",
    "verified_name": "Boulangerie Martin",
    "name_status": "APPROVED",
    "quality_rating": "GREEN",
    "messaging_limit_tier": "TIER_2K",
    "throughput": {"level": "HIGH"},
    "status": "CONNECTED",
}


def error(status: int, code: int, words: str, subcode: int = 0, headers: dict[str, str] | None = None) -> web.Response:
    fault = {"message": words, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "Az"}
    return web.json_response({"error": fault}, status=status, headers=headers)


async def _trouble(trouble: Any) -> web.StreamResponse:
    if trouble == "html":
        return web.Response(text="<html>Sorry, something went wrong.</html>", content_type="text/html")
    return error(400, int(trouble), "refused")


async def _instead(request: web.Request, what: str) -> web.StreamResponse:
    """Answer in a way that proves nothing."""
    match what:
        case "hang":
            await asyncio.sleep(4)
        case "html":
            return web.Response(text="<html>502</html>", content_type="text/html")
        case "garbage":
            return web.Response(body=b"\x00\xff{", content_type="application/json")
        case "server_error":
            return error(500, 131000, "Something went wrong.")
        case "half":
            response = web.StreamResponse(headers={"Content-Length": "500"})
            await response.prepare(request)
            await response.write(b'{"messages": [{"id": "wam')
        case _:
            pass
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def _now() -> str:
    return str(int(time.time()))


@contextmanager
def running() -> Iterator[Emulator]:
    """The API on a port of its own, until the end of the block."""
    emulator = Emulator()
    is_up = threading.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=50_000_000)
        app.router.add_route("*", "/{path:.*}", emulator.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        emulator.url = f"http://127.0.0.1:{port}"
        is_up.set()
        try:
            while not emulator.is_silent:
                await asyncio.sleep(0.02)
        finally:
            await runner.cleanup()

    thread = threading.Thread(target=lambda: emulator._loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert is_up.wait(10)
    try:
        yield emulator
    finally:
        emulator.is_silent = True
        thread.join(10)
        emulator._loop.close()
