"""Real processes whose wall clock is set: forward, back, and over time that they have recorded already.

libfaketime moves CLOCK_REALTIME alone; CLOCK_BOOTTIME goes on. (Confinement is off: it would hide the file that
says by how much. The tests of roles are run with it.)
"""
import os

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import SECOND, now_us, parse_us, text_of
from harness_wait import until

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
FORWARD_S, BACK_S = 3600, 60
EDGE_US = SECOND // 2


class SteppedSite(Site):
    """A site whose wall clock is the true one and `ahead_s` seconds."""

    def __init__(self, cameras):
        super().__init__(cameras)
        self.sandbox = False
        self.env = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": self.path("ahead"), "FAKETIME_NO_CACHE": "1",
                    "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"}
        self.set_clock(0)

    def set_clock(self, ahead_s):
        """At once: the file is replaced as a whole."""
        with open(self.path("ahead.new"), "w", encoding="ascii") as f:
            f.write(f"{ahead_s:+d}")
        os.rename(self.path("ahead.new"), self.path("ahead"))


class Story:
    """What was recorded by which clock."""


@pytest.fixture(scope="module")
def story():
    """Four seconds and more by each clock: right; an hour ahead; a minute less. Then the clock is set back to a second
    after the beginning, and the camera is away until all that it recorded then was lived through again."""
    s = Story()
    s.lives, s.ahead_s = [], [0]
    with SimCamera("a") as camera, SteppedSite([camera]) as s.site:
        def live(ahead_s):
            begin = now_us() + ahead_s * SECOND
            if ahead_s:
                s.ahead_s.append(ahead_s)
                s.site.set_clock(ahead_s)
            told = until("recording", lambda: [e for e in s.site.events("camera") if e["state"] == "recording"]
                         [len(s.lives):])
            start = parse_us(told[0]["start"])
            camera.wait_frames("a", 40)
            s.site.wait_recorded("a", start + 4 * SECOND)
            s.lives.append((begin, start, start + 4 * SECOND))

        def be_away(ahead_s):
            first_life_end = s.lives[1][0] - FORWARD_S * SECOND
            camera.order("refuse a on")
            s.ahead_s.append(ahead_s)
            s.site.set_clock(ahead_s)
            s.away = now_us() + ahead_s * SECOND
            camera.order("drop a")
            until("it is later than what was recorded first", lambda: now_us() + ahead_s * SECOND > first_life_end + SECOND)
            camera.order("refuse a off")
            told = until("recording", lambda: [e for e in s.site.events("camera") if e["state"] == "recording"]
                         [len(s.lives):])
            s.back = parse_us(told[0]["start"])
            s.site.wait_recorded("a", s.back + SECOND)
            assert s.lives[0][1] < s.away < first_life_end < s.back

        live(0)
        live(FORWARD_S)
        s.skipped = s.site.tiles("a", s.lives[0][1], s.lives[1][2])
        live(FORWARD_S - BACK_S)
        be_away((s.lives[0][1] - now_us()) // SECOND + 1)
        until("the ledger has it", lambda: len(steps(s.site)) >= 3)
        yield s


def steps(site):
    return [e["body"]["step_us"] for e in site.ledger() if e["kind"] == "clock.stepped"]


def test_each_step_is_in_the_ledger_once(story):
    """With its size, signed."""
    wanted = [after - before for before, after in zip(story.ahead_s, story.ahead_s[1:])]
    for want_s, told_us in zip(wanted, steps(story.site), strict=True):
        assert abs(told_us - want_s * SECOND) < SECOND // 10


def test_time_that_was_skipped_is_a_gap_by_the_clock(story):
    """From the last picture by the old clock to the first by the new; one, of that cause."""
    assert [t[2:] for t in story.skipped] == [("recorded", None), ("gap", "clock_stepped"), ("recorded", None)]
    _, (start, end, _, _), _ = story.skipped
    assert abs(start - (story.lives[1][0] - FORWARD_S * SECOND)) <= EDGE_US
    assert end == story.lives[1][1]


def test_recording_goes_on_within_seconds(story):
    """Of each step."""
    for begin, start, _ in story.lives[1:]:
        assert start - begin <= 5 * SECOND


def test_no_phantom(story):
    """Nothing is missing or damaged, and but for the time when the camera was away all gaps are steps."""
    assert not [e for e in story.site.ledger() if e["kind"].startswith("footage.")]
    for gap in story.site.gaps(camera="a"):
        if not story.away <= parse_us(gap["end"]) <= story.back:
            assert gap["cause"] == "clock_stepped" or gap["duration_s"] < 1, gap  # the camera went as the clock was set
            assert gap["duration_s"] <= 5, gap


def test_what_was_recorded_by_a_clock_that_was_ahead_hides_no_outage(story):
    """The camera was away when true time came to it: that is a gap, to the picture."""
    tiles = story.site.tiles("a", story.lives[0][1], story.back + SECOND)
    assert {t[2] for t in tiles[1:-1]} == {"gap"}
    assert (tiles[0][2], tiles[-1][2]) == ("recorded", "recorded")
    assert abs(tiles[0][1] - story.away) <= EDGE_US
    assert tiles[-1][0] == story.back


def test_footage_of_the_first_life_is_kept_and_plays_as_such(story):
    """It is not what happened when the clock had been put right, and says so."""
    asked = {"camera": "a", "from": text_of(story.away + SECOND), "to": text_of(story.away + SECOND + 1)}
    segment = next(s for s in story.site.get("/segments", asked).json()["segments"] if s["superseded"])
    start, end = story.away + SECOND, story.away + 2 * SECOND
    assert story.site.footage("a", start, end).status == 404
    answer = story.site.get("/cameras/a/footage.mp4", {"start": text_of(start), "end": text_of(end),
                                                       "segment": segment["id"]})
    assert (answer.status, answer.headers["Holdfast-Superseded"]) == (200, "true")
    assert b"mdat" in answer.body


def test_the_archive_is_sound(story):
    """fsck --full: seals, chain, tiling, ledger."""
    story.site.fsck()
