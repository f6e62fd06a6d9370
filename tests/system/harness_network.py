"""A network that reorders, doubles or loses UDP packets, between a camera and its viewer.

It stands in the RTSP connection, names its own ports in SETUP, and passes the packets on. One viewer at a time.
"""
import re
import socket
import struct
import threading

HOLD_S = 0.02  # a packet kept back to be overtaken


class Mischief:
    """Decides about each RTP packet: the list of packets to send now."""

    def __init__(self, lose_every=0, swap_every=0, double_every=0):
        self.lose_every, self.swap_every, self.double_every = lose_every, swap_every, double_every
        self.seen = self.lost = self.swapped = self.doubled = 0
        self.kept = None

    def take(self, packet):
        self.seen += 1
        if self.lose_every and self.seen % self.lose_every == 0:
            self.lost += 1
            return []
        if self.kept is not None:
            out, self.kept = [packet, self.kept], None
            return out
        if self.swap_every and self.seen % self.swap_every == 0:
            self.swapped += 1
            self.kept = packet
            return []
        if self.double_every and self.seen % self.double_every == 0:
            self.doubled += 1
            return [packet, packet]
        return [packet]

    def give_up(self):
        """Nothing has overtaken it."""
        out, self.kept = [self.kept] if self.kept is not None else [], None
        return out


def udp_socket():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(HOLD_S)
    return s


class Network:
    """Looks like the camera behind it to the harness."""

    def __init__(self, camera, mischief):
        self.camera, self.mischief, self.reports = camera, mischief, []
        self.names, self.user, self.password = camera.names, camera.user, camera.password
        self.interval_us, self.gop_us, self.clocks = camera.interval_us, camera.gop_us, camera.clocks
        self.settings = {"transport": "udp"}
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(HOLD_S)
        self.port = self._listener.getsockname()[1]
        self._sockets = [udp_socket(), udp_socket()]  # RTP and RTCP
        self._viewer, self._server = [None, None], [None, None]  # their ports
        self._threads = [threading.Thread(target=self._accept),
                         *(threading.Thread(target=self._carry, args=(i,)) for i in (0, 1))]

    def __enter__(self):
        for t in self._threads:
            t.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for t in self._threads:
            t.join()
        for s in (self._listener, *self._sockets):
            s.close()

    def url(self, name):
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    # --- RTSP -----------------------------------------------------------------------------

    def _accept(self):
        while not self._over.is_set():
            try:
                viewer, _ = self._listener.accept()
            except TimeoutError:
                continue
            with viewer, socket.create_connection(("127.0.0.1", self.camera.port)) as server:
                back = threading.Thread(target=self._pump, args=(server, viewer, self._rewrite_answer))
                back.start()
                self._pump(viewer, server, self._rewrite_request)
                back.join()

    def _pump(self, from_socket, to_socket, rewrite):
        """Messages are small: one arrives with one read."""
        from_socket.settimeout(HOLD_S)
        while not self._over.is_set():
            try:
                data = from_socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not data:
                break
            to_socket.sendall(rewrite(data))
        try:
            to_socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _ports(self):
        return "%d-%d" % tuple(s.getsockname()[1] for s in self._sockets)

    def _rewrite_request(self, data):
        def mine(match):
            self._viewer = [int(match[1]), int(match[2])]
            return b"client_port=" + self._ports().encode()
        return re.sub(rb"client_port=(\d+)-(\d+)", mine, data)

    def _rewrite_answer(self, data):
        def mine(match):
            self._server = [int(match[1]), int(match[2])]
            return b"server_port=" + self._ports().encode()
        return re.sub(rb"server_port=(\d+)-(\d+)", mine, data)

    # --- packets --------------------------------------------------------------------------

    def _carry(self, which):
        s = self._sockets[which]
        while not self._over.is_set():
            try:
                data, (_, port) = s.recvfrom(65536)
            except TimeoutError:
                self._send(which, self._viewer, self.mischief.give_up() if which == 0 else [])
                continue
            if port == self._viewer[which]:
                if which == 1:
                    self.reports.append(data)
                self._send(which, self._server, [data])
            else:
                self._send(which, self._viewer, self.mischief.take(data) if which == 0 else [data])

    def _send(self, which, ports, packets):
        for packet in packets:
            if ports[which]:
                self._sockets[which].sendto(packet, ("127.0.0.1", ports[which]))

    def lost_by_reports(self):
        """What the viewer's last report with a block says: packets lost since the beginning (RFC 3550 §6.4.2)."""
        blocks = [r for r in self.reports if r[1] == 201 and r[0] & 0x1F]
        return struct.unpack(">I", blocks[-1][12:16])[0] & 0xFFFFFF if blocks else None
