"""A smart codec: a key frame every 25 s, and none on connecting."""
import time

import pytest

from harness_mock import MockCamera, check_recorded_since, clip, decoder_says, pictures_of
from harness_site import Site
from harness_time import SECOND, now_us
from harness_wait import until

GOP_S = 25
JOINED_AT_S = 10


class Joined(MockCamera):
    """Every client joins one endless stream where it is."""

    def __init__(self):
        super().__init__(clip(seconds=GOP_S, gop=GOP_S * 10))
        self.epoch = time.monotonic() - JOINED_AT_S

    def media(self, c):
        i = int((time.monotonic() - self.epoch) * self.clip.fps)
        while c.playing:
            time.sleep(max(0, self.epoch + i / self.clip.fps - time.monotonic()))
            at, k = now_us(), i % len(self.clip)
            self.access_unit(c, i, self.first_timestamp + i * 90000 // self.clip.fps, self.clip[k][1])
            self.sent.append((at, k))
            i += 1

    def key_at(self, after=0):
        """When the first key frame after so many pictures was sent; None: not yet."""
        return next((at for at, k in list(self.sent)[after:] if k == 0), None)


@pytest.fixture(scope="module", name="seen")
def fixture_seen():
    with Joined() as camera, Site([camera]) as site:
        until("a word about the wait", lambda: "no key frame yet" in str(site.get("/cameras/a").json()), 30)
        waited = site.get("/cameras/a").json()
        until("a key frame", camera.key_at, 60)
        camera.wait_sent(200)
        yield camera, site, waited


def test_it_is_recorded_from_the_first_key_frame_on(seen):
    """In its first session, without a gap, and what is missing is told by its true reason."""
    camera, site, waited = seen
    check_recorded_since(site, camera, camera.key_at())
    assert len(camera.asked("PLAY")) == 1
    tiles = site.tiles("a", camera.sent[0][0], camera.key_at() + 2 * SECOND)
    assert [t[2] for t in tiles] == ["gap", "recorded"]
    assert tiles[0][3] == "stream_unusable"
    assert abs(tiles[0][1] - camera.key_at()) < SECOND // 2
    assert "smart coding" in str(waited)


def test_a_range_from_the_middle_of_a_gop_begins_at_its_key_frame(seen):
    """Whatever is asked for, a decoder can begin with what is given."""
    camera, site, _ = seen
    key = camera.key_at()
    for ahead_s in (1, 5, 11):
        answer = site.footage("a", key + ahead_s * SECOND, key + (ahead_s + 2) * SECOND)
        assert answer.status == 200, answer.body
        assert decoder_says(answer.body) == ""
        shown = pictures_of(answer.body, camera.clip)
        assert shown[0] == 0 and shown == list(range(len(shown))) and len(shown) >= (ahead_s + 1) * 10
