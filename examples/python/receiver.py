"""Receives webhooks and believes only those that Kado signed, lately, with this webhook's secret.

KADO_WEBHOOK_SECRET=whsec_… PORT=8080 receiver.py
"""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from kado_client import NotGenuine, verify_webhook

SECRET = os.environ["KADO_WEBHOOK_SECRET"]
BODY_MAX = 256 * 1024
# Kado delivers at least once. Keep the ids in your database, next to what the event changed; here they are in memory.
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Answers 2xx to what it has taken on; anything else is sent again, for a day."""

    timeout = 10

    def do_POST(self) -> None:
        """One delivery."""
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_MAX:
            return self.answer(413)
        body = self.rfile.read(size)  # the bytes as they came: that is what was signed
        try:
            event = verify_webhook(SECRET, dict(self.headers), body)
        except NotGenuine as error:
            print(f"not believed: {error}", flush=True)
            return self.answer(401)
        if event.type == "webhook.verify":
            # Sent once, when the webhook is enabled: send the token back to show that this address is yours.
            print("proved that this address is ours", flush=True)
            return self.answer(200, json.dumps({"token": event.data["token"]}).encode())
        if event.id in seen:
            print(f"{event.type} {event.id}: had it already", flush=True)
        else:
            seen.add(event.id)
            print(f"{event.type} {event.id}: card {event.data.get('cardId')}", flush=True)
        return self.answer(204)

    def answer(self, status: int, body: bytes = b"") -> None:
        """The whole answer."""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Says nothing: addresses and headers do not belong in this program's output."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()
