"""Cameras that send at a pace of their own: faster than time goes by, slower than a gap."""
import socket
import time

from harness_mock import MockCamera, clip, decoder_says, wait_covered
from harness_site import Site
from harness_time import SECOND, now_us
from harness_wait import until

TINY = b"\x41\x9a\x01\x02\x03"
FLOOD_S = 6
SLOW_S = 3


class Flood(MockCamera):
    """Some 8,000 tiny pictures a second, each later than the one before; then it is dead."""
    died = None

    def media(self, c):
        end, n = time.monotonic() + FLOOD_S, 0
        while c.playing and time.monotonic() < end:
            nals = self.clip[0][1] if n % 4000 == 0 else [TINY]
            self.access_unit(c, n, self.first_timestamp + 9 * n, nals)
            n += 1
            if n % 100 == 0:
                time.sleep(0.008)
        self.died = self.died or now_us()
        self._server.shutdown(socket.SHUT_RDWR)
        c.close()


def test_a_flood_of_pictures_covers_no_time_that_was_not(tmp_path):
    """Nothing after its death is recorded, and no footage lies in the future."""
    del tmp_path
    with Flood() as camera, Site([camera]) as site:
        until("its death", lambda: camera.died, 60)
        wait_covered(site, camera, camera.died + 3 * SECOND)
        tiles = site.tiles(camera.name, camera.died + SECOND // 2, camera.died + 3 * SECOND)
        assert [t[2] for t in tiles] == ["gap"], tiles
        assert not site.recorded(camera.name, camera.died + SECOND // 2, camera.died + 600 * SECOND)


class Slow(MockCamera):
    """One picture every three seconds, each whole in itself."""

    def media(self, c):
        start, i = time.monotonic(), 0
        while c.playing:
            time.sleep(max(0, start + i * SLOW_S - time.monotonic()))
            self.sent.append((now_us(), i % len(self.clip)))
            self.access_unit(c, i, self.first_timestamp + 90000 * SLOW_S * i, self.clip[i % len(self.clip)][1])
            i += 1


def recorded_share(camera, site):
    until("pictures", lambda: len(camera.sent) >= 7, 60)
    start, end = camera.sent[1][0], camera.sent[6][0]
    wait_covered(site, camera, end)
    return sum(b - a for a, b in site.recorded(camera.name, start, end)) / (end - start)


def test_a_camera_slower_than_gap_after_is_not_excused():
    """What it leaves out are gaps, of its own making, that begin at its pictures."""
    with Slow(clip(gop=1, seconds=1)) as camera, Site([camera]) as site:
        assert recorded_share(camera, site) < 0.25
        sent = [at for at, _ in camera.sent]
        gaps = [t for t in site.tiles(camera.name, sent[1], sent[5]) if t[2] == "gap"]
        assert {t[3] for t in gaps} == {"stream_stalled"}
        assert "note: a sent no picture" in site.cli("check")
        for start, _, *_ in gaps[1:]:
            assert min(abs(start - at) for at in sent) < SECOND // 2, (start, sent)


def test_a_slow_camera_with_a_longer_gap_after_is_recorded():
    """The same camera without a gap."""
    with Slow(clip(gop=1, seconds=1)) as camera, Site([camera], recording={"segment": "10s", "gap_after": "5s"}) as site:
        assert recorded_share(camera, site) == 1
        assert "note:" not in site.cli("check")
        answer = site.footage(camera.name, camera.sent[1][0], camera.sent[5][0])
        assert answer.status == 200 and decoder_says(answer.body) == ""
