"""One message as the webhook channel sends it, for the raw ceiling."""

from __future__ import annotations

import orjson

BODY = orjson.dumps(
    {
        "type": "message.send",
        "timestamp": "2026-06-01T10:00:00.000000+00:00",
        "data": {
            "message_code": "dlv_aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "to": "+33600000001",
            "language": "en",
            "content": {
                "header": None,
                "body": "Hello Ana, this week 20 percent off in our shop. Reply STOP to stop.",
                "footer": "",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Interested", "payload": "interested"},
                    {"type": "QUICK_REPLY", "text": "Not interested", "payload": "not_interested"},
                ],
            },
            "preference_url": "http://localhost:8000/p/aaaaaaaaaaaaaaaaaaaaaaaaaa/",
        },
    }
)
HEADERS = {
    "content-type": "application/json",
    "idempotency-key": "dlv_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "webhook-id": "dlv_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "webhook-timestamp": "1780000000",
    "webhook-signature": "v1," + "A" * 43 + "=",
}
