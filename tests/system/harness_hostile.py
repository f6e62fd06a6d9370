"""Things that answer on a camera's port and are no camera."""
import re
import socket
import socketserver
import threading


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Hostile:
    """talk(connection) speaks to each client; it ends when the client leaves."""

    def __init__(self, talk):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    talk(self.request)
                except OSError:
                    pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self):
        return f"rtsp://127.0.0.1:{self._server.server_address[1]}/a"


def echo(connection):
    while (data := connection.recv(4096)):
        connection.sendall(data)


def web_server(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def mute(connection):
    while connection.recv(4096):
        pass


def byte_a_second(connection):
    """An answer that never ends, never stops, and is no error yet."""
    connection.recv(4096)
    for byte in b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 1000:
        connection.sendall(bytes([byte]))
        connection.settimeout(1)
        try:
            if not connection.recv(4096):
                return
        except TimeoutError:
            pass


def no_delimiter(connection):
    connection.recv(4096)
    for _ in range(10):
        connection.sendall(b"RTSP/1.0" + b"x" * (1 << 20))


def never_content(connection):
    """401 for ever, each time with a fresh nonce."""
    nonce = 0
    while (request := connection.recv(4096)):
        nonce += 1
        connection.sendall(b"RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Digest realm=\"r\", "
                           b"nonce=\"%d\", stale=true\r\n\r\n" % (re.search(rb"CSeq: *(\d+)", request)[1], nonce))


def redirects_to(location):
    def talk(connection):
        while (request := connection.recv(4096)):
            connection.sendall(b"RTSP/1.0 302 Moved\r\nCSeq: %s\r\nLocation: %s\r\n\r\n"
                               % (re.search(rb"CSeq: *(\d+)", request)[1], location))
    return talk


def noise(connection):
    connection.recv(4096)
    connection.sendall(bytes(range(256)) * 400)
    mute(connection)


def describes(sdp, length=None):
    """Answers OPTIONS, and DESCRIBE with that text, announcing it with that length."""
    def talk(connection):
        while (request := connection.recv(4096)):
            head = b"RTSP/1.0 200 OK\r\nCSeq: %s\r\n" % re.search(rb"CSeq: *(\d+)", request)[1]
            if request.startswith(b"DESCRIBE"):
                head += (b"Content-Base: rtsp://127.0.0.1/a/\r\nContent-Type: application/sdp\r\n"
                         b"Content-Length: %d\r\n\r\n" % (length or len(sdp))) + sdp
            else:
                head += b"Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n"
            connection.sendall(head)
    return talk


def redirects(to):
    """Answers OPTIONS, and sends whoever asks on to another address."""
    def talk(connection):
        while (request := connection.recv(4096)):
            cseq = re.search(rb"CSeq: *(\d+)", request)[1]
            status = b"302 Moved Temporarily\r\nLocation: " + to.encode() if request.startswith(b"DESCRIBE") else b"200 OK"
            connection.sendall(b"RTSP/1.0 %s\r\nCSeq: %s\r\nPublic: DESCRIBE\r\n\r\n" % (status, cseq))
    return talk


def refused_port():
    """A port that is taken but that nobody listens on."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s
