"""Addresses of broadcasts, senders and segments, below ``/api/v1/``."""

from django.urls import path

from broadcasts.api.broadcasts import Broadcasts
from broadcasts.api.guards import Guards
from broadcasts.api.segments import Segments
from broadcasts.api.senders import Senders
from broadcasts.api.stops import Stops
from broadcasts.api.trials import OwnNumbers, Tests

urlpatterns = [
    path("broadcasts", Broadcasts.as_view({"get": "list", "post": "create"}), name="api-broadcasts"),
    path("broadcasts/<slug:code>", Broadcasts.as_view({"get": "retrieve", "patch": "edit"}), name="api-broadcast"),
    path(
        "broadcasts/<slug:code>/estimate",
        Broadcasts.as_view({"get": "latest_estimate", "post": "estimate"}),
        name="api-broadcast-estimate",
    ),
    path("broadcasts/<slug:code>/launch", Broadcasts.as_view({"post": "launch"}), name="api-broadcast-launch"),
    path("broadcasts/<slug:code>/pause", Broadcasts.as_view({"post": "pause"}), name="api-broadcast-pause"),
    path("broadcasts/<slug:code>/resume", Broadcasts.as_view({"post": "resume"}), name="api-broadcast-resume"),
    path("broadcasts/<slug:code>/cancel", Broadcasts.as_view({"post": "cancel"}), name="api-broadcast-cancel"),
    path("broadcasts/<slug:code>/copy", Broadcasts.as_view({"post": "copy"}), name="api-broadcast-copy"),
    path("broadcasts/<slug:code>/retry", Broadcasts.as_view({"post": "retry"}), name="api-broadcast-retry"),
    path("broadcasts/<slug:code>/correct", Broadcasts.as_view({"post": "correct"}), name="api-broadcast-correct"),
    path(
        "broadcasts/<slug:code>/attention",
        Broadcasts.as_view({"get": "open_outcomes", "post": "decide"}),
        name="api-broadcast-attention",
    ),
    path("senders", Senders.as_view({"get": "list"}), name="api-senders"),
    path("senders/whatsapp", Senders.as_view({"post": "connect"}), name="api-senders-whatsapp"),
    path("senders/<slug:code>", Senders.as_view({"get": "retrieve"}), name="api-sender"),
    path("senders/<slug:code>/reach", Senders.as_view({"put": "reach"}), name="api-sender-reach"),
    path("senders/<slug:code>/check", Senders.as_view({"post": "check"}), name="api-sender-check"),
    path(
        "senders/<slug:code>/code-template",
        Senders.as_view({"put": "code_template"}),
        name="api-sender-code-template",
    ),
    path("senders/<slug:code>/keys", Senders.as_view({"post": "keys"}), name="api-sender-keys"),
    path(
        "senders/<slug:code>/own-number",
        OwnNumbers.as_view({"get": "retrieve", "post": "ask", "delete": "forget"}),
        name="api-own-number",
    ),
    path("senders/<slug:code>/own-number/enter", OwnNumbers.as_view({"post": "enter"}), name="api-own-number-enter"),
    path("tests", Tests.as_view({"get": "list", "post": "create"}), name="api-tests"),
    path("tests/<slug:code>", Tests.as_view({"get": "retrieve"}), name="api-test"),
    path("guard", Guards.as_view({"get": "retrieve", "put": "put"}), name="api-guard"),
    path("stops", Stops.as_view({"get": "list", "post": "create"}), name="api-stops"),
    path("stops/<slug:code>", Stops.as_view({"get": "retrieve"}), name="api-stop"),
    path("stops/<slug:code>/lift", Stops.as_view({"post": "lift"}), name="api-stop-lift"),
    path("segments", Segments.as_view({"get": "list", "post": "create"}), name="api-segments"),
    path("segments/archived", Segments.as_view({"get": "archived"}), name="api-segments-archived"),
    path("segments/count", Segments.as_view({"post": "count"}), name="api-segments-count"),
    path(
        "segments/<slug:code>",
        Segments.as_view({"get": "retrieve", "patch": "edit", "delete": "archive"}),
        name="api-segment",
    ),
    path("segments/<slug:code>/restore", Segments.as_view({"post": "restore"}), name="api-segment-restore"),
]
