"""A TCP proxy that can fall silent without a FIN, like a cut cable or a lost power supply."""
import socket
import threading
import time


class Proxy:
    """Forwards to a port of this machine. freeze(): nothing passes any more, and nobody is told."""

    def __init__(self, port):
        self._target, self._sockets, self._threads, self._thaws = port, [], [], 0
        self._moving = threading.Event()
        self._moving.set()
        self.opened_at = []  # monotonic time of each connection
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self.thaw()
        for s in (self._server, *self._sockets):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for t in self._threads:
            t.join()

    def _start(self, work, *args):
        self._threads.append(threading.Thread(target=work, args=args))
        self._threads[-1].start()

    def _accept(self):
        while True:
            try:
                near = self._server.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self.opened_at.append(time.monotonic())
            self._sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                self._start(self._pump, a, b, self._thaws + (not self._moving.is_set()))

    def _pump(self, a, b, age):
        try:
            while (data := a.recv(65536)):
                self._moving.wait()
                if age != self._thaws:
                    return  # of before: dead for good, and nobody is told
                b.sendall(data)
            self._moving.wait()
            if age == self._thaws:
                b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def freeze(self):
        self._moving.clear()

    def thaw(self):
        """New connections work; those of before stay as they are."""
        self._thaws += 1
        self._moving.set()
