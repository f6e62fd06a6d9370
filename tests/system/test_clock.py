"""Real processes whose wall clock is set: forward, back, and over time that they have recorded already.

libfaketime moves CLOCK_REALTIME alone; CLOCK_BOOTTIME goes on. (Confinement is off: it would hide the file that
says by how much. The tests of roles are run with it.)
"""
import os

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import SECOND, now_us, parse_us
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
    """Four seconds and more by each clock: right; an hour ahead; a minute less; amid the first four seconds."""
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

        live(0)
        live(FORWARD_S)
        s.skipped = s.site.tiles("a", s.lives[0][1], s.lives[1][2])
        live(FORWARD_S - BACK_S)
        live((s.lives[0][1] - now_us()) // SECOND + 1)
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
    """Nothing is missing or damaged, no gap has another cause, and none lies in the future."""
    assert not [e for e in story.site.ledger() if e["kind"].startswith("footage.")]
    for gap in story.site.gaps(camera="a"):
        assert gap["cause"] == "clock_stepped"
        assert gap["duration_s"] <= 5, gap


def test_what_was_lived_twice_is_recorded_once(story):
    """It stays recorded, and both files stand."""
    _, start, end = story.lives[3]
    assert story.lives[0][1] < start < story.lives[0][2]
    assert [t[2] for t in story.site.tiles("a", start, end)] == ["recorded"]


def test_the_archive_is_sound(story):
    """fsck --full: seals, chain, tiling, ledger."""
    story.site.fsck()
