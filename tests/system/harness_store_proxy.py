"""Stands before an object store and passes everything on, but for reads of a range, which it harms as told."""
import http.client
import http.server
import threading

HOP = ("connection", "keep-alive", "transfer-encoding")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def upstream(self):
        length = int(self.headers.get("content-length") or 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(self.rfile.read(length) if length else None)
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, [(k, v) for k, v in reply.getheaders() if k.lower() not in HOP], body

    def give(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def pass_on(self):
        harm = self.server.harm if "range" in self.headers else None
        if "range" in self.headers:
            self.server.ranges += 1
        try:
            if harm:
                harm(self, *self.upstream())
            else:
                self.give(*self.upstream())
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = pass_on

    def has_left(self):
        """Waits for the other end to close. It sends nothing meanwhile."""
        self.connection.recv(1)
        self.server.left += 1
        self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    harm, ranges, left, target = None, 0, 0, 0


class StoreProxy:
    """harm: None, or a function of (handler, status, headers, body), called in place of answering a read of a range."""

    def __init__(self, port):
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.target = port
        self._thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def put(headers, name, value):
    return [(k, v) for k, v in headers if k.lower() != name] + [(name, value)]


def first_byte(handler, status, headers, body):
    handler.give(status, headers, bytes([body[0] ^ 1]) + body[1:])


def last_byte(handler, status, headers, body):
    handler.give(status, headers, body[:-1] + bytes([body[-1] ^ 1]))


def whole(handler, _status, headers, body):
    """As if it knew no ranges."""
    handler.give(200, [(k, v) for k, v in headers if k.lower() != "content-range"], body)


def shorter(handler, status, headers, body):
    handler.give(status, put(headers, "content-length", str(len(body) - 1)), body[:-1])


def cut(handler, status, headers, body):
    handler.give(status, headers, body[:-1])
    handler.close_connection = True


def longer(handler, status, headers, body):
    handler.give(status, put(headers, "content-length", str(len(body) + 1)), body + b"x")


def elsewhere(handler, status, headers, body):
    """It tells another place than was asked for."""
    value = dict((k.lower(), v) for k, v in headers)["content-range"]
    first, rest = value.removeprefix("bytes ").split("-", 1)
    handler.give(status, put(headers, "content-range", f"bytes {int(first) + 1}-{rest}"), body)


def unsaid(handler, status, headers, body):
    handler.give(status, [(k, v) for k, v in headers if k.lower() != "content-range"], body)


def absent(handler, *_):
    body = b"<Error><Code>NoSuchVersion</Code></Error>"
    handler.give(404, [("content-length", str(len(body)))], body)


def denied(handler, *_):
    body = b"<Error><Code>AccessDenied</Code></Error>"
    handler.give(403, [("content-length", str(len(body)))], body)


def later(handler, *_):
    handler.give(503, [("content-length", "0")], b"")


def moved(handler, *_):
    """To itself: whoever follows goes round."""
    handler.give(302, [("location", f"http://127.0.0.1:{handler.server.server_address[1]}{handler.path}"), ("content-length", "0")], b"")


def endless(handler, status, headers, body):
    handler.give(status, [(k, v) for k, v in headers if k.lower() != "content-length"], body)
    while True:
        handler.wfile.write(bytes(65536))


def gone(handler, *_):
    handler.close_connection = True


def silent(handler, *_):
    handler.has_left()


HARMS = {"differs": (first_byte, last_byte, whole, shorter, longer, elsewhere, unsaid, endless), "away": (cut, later, gone),
         "absent": (absent,), "denied": (denied,), "refused": (moved,)}
