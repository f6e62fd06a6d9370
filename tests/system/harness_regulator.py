"""A regulator's end: takes what a site tells, answers as the test wants, and checks signatures."""
import base64
import http.server
import json
import threading
import typing

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from harness_time import now_us


class Delivery(typing.NamedTuple):
    at_us: int
    id: str
    timestamp: str
    signature: str
    type: str
    body: bytes
    status: int

    def events(self):
        return json.loads(self.body)


def holds(key, signature, delivery):
    """Whether one of the signatures in a webhook-signature is by this key."""
    version, _, text = signature.partition(",")
    assert version == "v1a"
    try:
        key.verify(base64.b64decode(text), f"{delivery.id}.{delivery.timestamp}.".encode() + delivery.body)
    except InvalidSignature:
        return False
    return True


class Regulator:
    """answer(delivery) gives the status of each reply; without it 204."""

    def __init__(self, port=0, answer=lambda delivery: 204):
        self.deliveries = []
        regulator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got = Delivery(now_us(), self.headers["webhook-id"], self.headers["webhook-timestamp"],
                               self.headers["webhook-signature"], self.headers["Content-Type"], body, 0)
                status = answer(got)
                regulator.deliveries.append(got._replace(status=status))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{regulator.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/events"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def acknowledged(self):
        """The events that were answered with 2xx, in order of arrival."""
        return [event for d in self.deliveries if 200 <= d.status < 300 for event in d.events()]

    def check_signatures(self, public_key_path):
        with open(public_key_path, "rb") as f:
            key = serialization.load_pem_public_key(f.read())
        for d in self.deliveries:
            assert d.type == "application/cloudevents-batch+json"
            assert any(holds(key, signature, d) for signature in d.signature.split(" ")), d.signature

    def check_same_bytes(self):
        """The same webhook-id never names different bytes."""
        bodies = {}
        for d in self.deliveries:
            assert bodies.setdefault(d.id, d.body) == d.body, d.id
