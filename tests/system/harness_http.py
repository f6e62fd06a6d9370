"""A small HTTP client over TCP and over the Unix socket."""
import http.client
import json
import socket
import urllib.parse

from harness_wait import NotYet

TIMEOUT_S = 60


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


class Answer:
    def __init__(self, reply):
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()

    def json(self):
        """The body of a good answer; 503 is NotYet."""
        if self.status == 503:
            raise NotYet(self.body)
        assert self.status in (200, 201), (self.status, self.body)
        return json.loads(self.body)

    def problem(self, status):
        """The body of a refusal of that status (RFC 9457)."""
        assert self.status == status, (self.status, self.body[:500])
        assert self.headers["Content-Type"].startswith("application/problem+json")
        return json.loads(self.body)


def call(connection, method, path, query=None, headers=None, body=None):
    if query:
        path += "?" + urllib.parse.urlencode(query)
    headers = dict(headers or {})
    if isinstance(body, dict):
        body, headers["Content-Type"] = json.dumps(body), "application/json"
    try:
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()
