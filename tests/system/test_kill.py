"""kill -9 of each process at random moments: little is lost, and never more than is admitted."""
import os
import random
import signal

import pytest

from harness_camera import SimCamera
from harness_footage import LATENESS_US, check_unbroken, clocks_of
from harness_site import Site
from harness_time import SECOND, now_us
from harness_wait import until

SEED = 20261124
BACK_US = 3 * SECOND   # design §2: recording again within
LOST_US = 2 * SECOND   # at most the fragment in flight
ROUNDS = 3
HANG_S = 20            # of silence


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera], segment="5s") as s:
        camera.wait_frames("a", 30)
        yield s


@pytest.fixture(scope="module")
def dice():
    return random.Random(SEED)


def kill_and_record(site, camera, role, moment):
    """Kills after so many more pictures; (instant of the kill, clocks until 2 s after recording is back)."""
    camera.wait_frames("a", moment)
    killed_us = now_us()
    site.kill(role)
    until("pictures again", lambda: camera.clocks("a")[-1] > killed_us + SECOND)
    clocks = camera.wait_frames("a", 20)
    site.wait_recorded("a", clocks[-1])
    return killed_us, clocks


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("role", ["keeper", "api"])
def test_keeper_and_api_cost_no_picture(site, camera, dice, role, round_):
    """Every picture sent meanwhile is covered and in the footage."""
    before = camera.clocks("a")[-1]
    site.wait_recorded("a", before)
    _, clocks = kill_and_record(site, camera, role, dice.randint(5, 30))
    end = clocks[-1]
    assert site.recorded("a", before, end) == [(before, end)]
    shown = clocks_of(site.footage("a", before, end).body)
    check_unbroken(shown, camera.clocks("a"))
    assert shown[0] <= before and shown[-1] >= clocks[-2]


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("role", ["recorder", "supervisor"])
def test_recording_is_back_soon(site, camera, dice, role, round_):
    """At most the fragment in flight is lost, and 3 s later the camera is recorded again."""
    killed_us, clocks = kill_and_record(site, camera, role, dice.randint(5, 30))
    window = (killed_us - 4 * SECOND, clocks[-1])
    until("the gap is settled", lambda: all(t[2] != "pending" for t in site.tiles("a", *window)))
    tiles = site.tiles("a", *window)
    assert [t[2] for t in tiles] == ["recorded", "gap", "recorded"], tiles
    _, gap, back = tiles
    assert gap[3] == "recorder_down"
    assert gap[0] >= killed_us - LOST_US
    assert back[0] <= killed_us + BACK_US
    shown = clocks_of(site.footage("a", *window).body)
    lost = [c for c in clocks if shown[0] <= c <= shown[-1] and c not in shown]
    check_unbroken(sorted(shown + lost), clocks)
    assert all(gap[0] - LATENESS_US <= c <= gap[1] + LATENESS_US for c in lost), (gap, lost)
    assert not [c for c in shown if gap[0] + LATENESS_US < c < gap[1] - LATENESS_US], (gap, shown)


def test_a_recorder_that_hangs_is_ended_and_started_again(site, camera):
    """It says nothing for 20 s; what was lost is a gap of its own cause."""
    site.wait_recorded("a", camera.wait_frames("a", 10)[-1])
    pid, hung_us = site.pid("recorder"), now_us()
    os.kill(pid, signal.SIGSTOP)
    until("another recorder", lambda: site.pid("recorder") not in (None, pid), HANG_S + 20)
    back = now_us()
    assert back - hung_us >= HANG_S * SECOND // 2
    clocks = camera.wait_frames("a", 20)
    site.wait_recorded("a", clocks[-1])
    until("the gap is settled", lambda: all(t[2] != "pending" for t in site.tiles("a", hung_us, clocks[-1])))
    tiles = site.tiles("a", hung_us - LOST_US, clocks[-1])
    assert [t[2:] for t in tiles] == [("recorded", None), ("gap", "recorder_down"), ("recorded", None)], tiles
    assert tiles[2][0] <= back + BACK_US


def test_files_and_catalogue_agree_after_all_that(site, camera):
    """fsck --full finds nothing, while running and after a clean stop and start."""
    assert "0 violations" in site.fsck()
    site.stop()
    assert "0 violations" in site.fsck()
    assert site.incoming() == []
    site.start()
    camera.wait_frames("a", 5)
