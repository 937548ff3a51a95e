"""A business with a WhatsApp sender that was connected, submitted its template and got it approved, all over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections

from broadcasts import senders, submissions
from broadcasts.models import ProviderTemplate, Sender
from businesses.models import Business
from templates_approval.models import Version
from tests.broadcasts.whatsapp.emulator import ACCOUNT, APP_SECRET, NUMBER, TOKEN, Emulator
from tests.make import EURO, TEMPLATE_COMPONENTS, make_approved_version, make_business, open_policy

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return None


@contextmanager
def open_door() -> Iterator[str]:
    """Our own web server, in threads of this process, at the returned address: what the provider calls back."""
    application = get_wsgi_application()

    def and_then_hang_up(environ: Any, start: Any) -> Any:
        try:
            return application(environ, start)
        finally:
            connections.close_all()

    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(and_then_hang_up)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Shop:
    business: Business
    sender: Sender
    version: Version


def open_shop(meta: Emulator, components: list[dict[str, Any]] | None = None) -> Shop:
    open_policy()
    business = make_business(money=1000 * EURO)
    version = make_approved_version(business=business, components=components)
    sender = connect(business)
    submissions.carry(now=datetime.now(UTC))
    meta.decides(ProviderTemplate.objects.get().name, "APPROVED")
    return Shop(business, sender, version)


def connect(business: Business, **changes: Any) -> Sender:
    facts = {"account_id": ACCOUNT, "number_id": NUMBER, "token": TOKEN, "app_secret": APP_SECRET, **changes}
    return senders.connect_whatsapp(business=business, name="Martin", by=None, now=datetime.now(UTC), **facts)


def with_own_page(url: str) -> list[dict[str, Any]]:
    """The usual words, and a button to the page that the reader has at ``url``."""
    *others, buttons = TEMPLATE_COMPONENTS
    own_page = {"type": "URL", "text": "Your choices", "url": f"{url}/p/{{{{1}}}}"}
    return [*others, {**buttons, "buttons": [*buttons["buttons"], own_page]}]  # type: ignore[list-item]


def with_picture(business: Business, address: str, kind: str = "IMAGE") -> Version:
    """An approved version whose header is the file that lies at ``address``."""
    header = {"type": "HEADER", "format": kind, "example": {"header_handle": [address]}}
    return make_approved_version(business=business, name="picture", components=[header, *TEMPLATE_COMPONENTS])


def open_shop_with_picture(meta: Emulator, kind: str = "IMAGE", name: str = "picture.png") -> Shop:
    """A shop whose only template has a picture, film or document above it."""
    meta.files = {name: PNG}
    open_policy()
    business = make_business(money=1000 * EURO)
    version = with_picture(business, f"{meta.url}/{quote(name)}", kind)
    sender = connect(business)
    submissions.carry(now=datetime.now(UTC))
    meta.decides(ProviderTemplate.objects.get().name, "APPROVED")
    return Shop(business, sender, version)
