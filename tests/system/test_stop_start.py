"""SIGTERM ends everything in order and leaves a tidy house; the absence is written down at the next start."""
import os

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import SECOND, now_us, parse_us
from harness_wait import until

EDGE_US = SECOND // 2
QUICK_US = 10 * SECOND


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera], segment="4s") as s:
        camera.wait_frames("a", 100)
        yield s


def test_stop_is_quick_and_tidy(site):
    """Within seconds: incoming/ empty, no garbage, every published file has a row, fsck clean."""
    asked = now_us()
    site.stop()
    assert now_us() - asked <= QUICK_US
    assert site.incoming() == []
    assert "0 violations" in site.fsck()
    db = site.catalog_copy()
    files = [f for _, _, names in os.walk(site.path("footage/archive")) for f in names]
    assert db.execute("SELECT count(*) FROM garbage").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM open_segment").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM segment").fetchone() == (len(files),)


def test_what_was_recorded_reaches_to_the_last_picture(site, camera):
    """Nothing of the last fragment is lost in a clean stop."""
    last = camera.clocks("a")[-1]
    (end,) = site.catalog_copy().execute("SELECT max(end) FROM segment").fetchone()
    assert abs(end - (last + camera.interval_us)) <= EDGE_US


def test_the_absence_is_one_gap_with_true_edges(site, camera):
    """recorder_down from the last picture before to the first picture after."""
    before = camera.clocks("a")[-1]
    site.start()
    after = next(c for c in camera.wait_frames("a", 30) if c > before)
    site.wait_recorded("a", after + SECOND)
    window = (before - SECOND, after + SECOND)
    until("the gap is settled", lambda: all(t[2] != "pending" for t in site.tiles("a", *window)))
    tiles = site.tiles("a", *window)
    assert [t[2:] for t in tiles] == [("recorded", None), ("gap", "recorder_down"), ("recorded", None)]
    assert abs(tiles[1][0] - (before + camera.interval_us)) <= EDGE_US
    assert abs(tiles[1][1] - after) <= EDGE_US
    assert len(site.gaps(camera="a", cause="recorder_down")) == 1


def test_both_starts_stand_in_the_ledger(site):
    """One entry for each."""
    started = [e for e in site.ledger() if e["kind"] == "recorder.started"]
    assert len(started) == 2
    assert parse_us(started[0]["at"]) < parse_us(started[1]["at"])


def closed_cleanly(site):
    """What each life of the keeper found, in order."""
    return [e["closed_cleanly"] for e in site.events("catalog") if "closed_cleanly" in e]


def test_the_catalogue_is_read_whole_only_after_a_disorderly_end(site):
    """Not after a stop; after a kill it is."""
    until("the second keeper has begun", lambda: len(closed_cleanly(site)) == 2)
    site.kill("keeper")
    until("the third keeper has begun", lambda: len(closed_cleanly(site)) == 3)
    assert closed_cleanly(site) == ["0", "1", "0"]
