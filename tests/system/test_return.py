"""A camera that was away is recorded again soon after it can be reached, however it was away."""
import contextlib
import os
import random
import socket
import threading
import time

from harness_mock import MockCamera
from harness_site import Site
from harness_wait import until

AWAY_S = 21     # longer than the waits need to become their longest
BACK_S = 5
BUSY_S = 3      # a machine that runs other tests at the same time


class Away(MockCamera):
    """Away until come_back()."""

    def __init__(self, name):
        self.name = name
        super().__init__()
        self.back_at = self.playing_at = None

    def __enter__(self):
        self._start(self.stay_away)
        return self

    def stay_away(self):
        pass

    def come_back(self):
        self.back_at = time.monotonic()
        self._start(self._accept)

    def play(self, c):
        self.playing_at = self.playing_at or time.monotonic()
        super().play(c)


class Refused(Away):
    """Nobody listens on its port."""

    def __init__(self, name):
        super().__init__(name)
        self._server.close()
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind(("127.0.0.1", self.port))

    def come_back(self):
        self._server.listen(8)
        super().come_back()


class Swallowed(Away):
    """Who connects hears nothing: what a cut cable looks like from here."""

    def stay_away(self):
        self._server.listen(0)
        self.fill = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.fill.append(s)

    def come_back(self):
        for s in self.fill:
            s.close()
        self._server.listen(8)
        super().come_back()


class Mute(Away):
    """Accepts and never answers; who was connected then stays so, for nothing."""

    def stay_away(self):
        self.dead, self.here = [], threading.Event()
        self._server.settimeout(0.1)
        while not self.here.is_set():
            with contextlib.suppress(TimeoutError):
                self.dead.append(self._server.accept()[0])
        self._server.settimeout(None)
        super().come_back()

    def come_back(self):
        self.here.set()


def returns(cameras, away_s):
    """Seconds from when each could be reached until its pictures were asked for."""
    with contextlib.ExitStack() as stack:
        for c in cameras:
            stack.enter_context(c)
        with Site(cameras):
            start = time.monotonic()
            for c, s in sorted(zip(cameras, away_s), key=lambda pair: pair[1]):
                time.sleep(max(0, start + s - time.monotonic()))
                c.come_back()
            until("all play", lambda: all(c.playing_at for c in cameras), 60)
            return [c.playing_at - c.back_at for c in cameras]


def test_it_is_back_within_seconds():
    took = returns([Refused("refused"), Swallowed("swallowed"), Mute("mute")], [AWAY_S] * 3)
    assert max(took) < BACK_S + BUSY_S, took


if __name__ == "__main__":  # the distribution over many
    KINDS = (Refused, Swallowed, Mute)
    EACH = int(os.environ.get("EACH", "12"))
    MANY = [kind(f"{kind.__name__.lower()}-{i}") for i in range(EACH) for kind in KINDS]
    TOOK = returns(MANY, [random.uniform(10, 60) for _ in MANY])
    for kind in KINDS:
        one = sorted(t for c, t in zip(MANY, TOOK) if isinstance(c, kind))
        print(f"{kind.__name__:10} median {one[len(one) // 2]:.2f} s, most {one[-1]:.2f} s:", *(f"{t:.1f}" for t in one))
