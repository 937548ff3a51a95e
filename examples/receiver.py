"""The smallest messaging service: takes messages, hands each to your network once, reports it delivered.

    SECRET=whsec_… CALLBACK=https://tambour.example.com/callbacks/snd_…/ python examples/receiver.py 8080

Needs `pip install standardwebhooks`; everything else is Python's own. See docs/webhook-receiver.md.
"""

import json
import os
import sys
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from standardwebhooks import Webhook

SIGNER = Webhook(os.environ["SECRET"])
CALLBACK = os.environ.get("CALLBACK", "")
SEEN: dict[str, str] = {}  # key → your id. Keep it where a restart does not lose it, for an hour at least.


class Messages(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = SIGNER.verify(body, {k.lower(): v for k, v in self.headers.items()})
        except Exception:
            return self.answer(401, {"error": "signature"})
        key, message = self.headers["Idempotency-Key"], event["data"]
        is_notice = event["type"] == "notice.send"  # A few words of service: no buttons, no receipt.
        if key not in SEEN:  # The same key again is the same message: answer it, never send it twice.
            SEEN[key] = f"msg-{len(SEEN) + 1}"
            words = message["text"] if is_notice else message["content"]["body"]
            print(message["to"], "←", words, flush=True)  # Hand it to your network here. Do not log codes.
            if CALLBACK and not is_notice:
                Thread(target=report, args=(message["message_code"], SEEN[key])).start()
        return self.answer(200, {"id": SEEN[key]})

    def answer(self, status: int, words: dict[str, str]) -> None:
        body = json.dumps(words).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def report(code: str, my_id: str) -> None:
    now = datetime.now(UTC)
    receipt = {"type": "receipt", "message_code": code, "id": my_id, "status": "delivered", "at": now.isoformat()}
    body, key = json.dumps({"updates": [receipt]}), f"{my_id}-delivered"
    headers = {
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": SIGNER.sign(key, now, body),
    }
    urllib.request.urlopen(urllib.request.Request(CALLBACK, body.encode(), headers), timeout=10)


ThreadingHTTPServer(("", int(sys.argv[1])), Messages).serve_forever()
