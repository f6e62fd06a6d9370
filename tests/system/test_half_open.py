"""A camera that is gone without a word: no FIN, no reset, no answer."""
import time

import pytest

from harness_camera import SimCamera
from harness_proxy import Proxy
from harness_site import Site
from harness_time import SECOND, now_us, parse_us
from harness_wait import until

FRAMES = 30
GIVEN_UP_S = 16  # 10 s of silence, TEARDOWN that nobody answers, the back-off
EDGE_US = SECOND


class Story:
    """When it was gone, and what was made of it."""


@pytest.fixture(scope="module")
def story():
    s = Story()
    with SimCamera("a") as camera, Proxy(camera.port) as proxy:
        s.site = Site()
        s.site.add_camera("a", f"rtsp://127.0.0.1:{proxy.port}/a")
        with s.site:
            s.site.wait_recorded("a", camera.wait_frames("a", FRAMES)[-1])
            proxy.freeze()
            s.gone_us, gone = now_us(), time.monotonic()
            s.open = until("a gap", lambda: s.site.gaps(camera="a", open="true"))[0]
            until("another connection", lambda: len(proxy.opened_at) > 1)
            s.given_up_s = proxy.opened_at[1] - gone
            proxy.thaw()
            s.back_us = now_us()
            clocks = until("pictures again", lambda: [c for c in camera.clocks("a") if c > s.back_us + 3 * SECOND])
            s.site.wait_recorded("a", clocks[0])
            yield s


def test_the_session_is_given_up(story):
    """Though the connection still stands."""
    assert story.given_up_s <= GIVEN_UP_S


def test_it_is_one_gap_with_its_cause_and_edges(story):
    """stream_stalled: it began with silence; and it began when the camera was gone."""
    gaps = story.site.gaps(camera="a")
    assert [g["cause"] for g in gaps] == ["stream_stalled"]
    assert story.open["id"] == gaps[0]["id"]
    assert abs(parse_us(gaps[0]["start"]) - story.gone_us) <= EDGE_US
    assert story.back_us - EDGE_US <= parse_us(gaps[0]["end"]) <= story.back_us + 16 * SECOND
