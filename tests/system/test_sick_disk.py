"""Disks that stall, slow down, fill and fail under a real recorder: nobody else loses a picture, what is
lost is a gap with its cause and true edges, and recording goes on by itself."""
import os
import signal

import pytest

from harness_camera import SimCamera
from harness_disk import SickDisk
from harness_footage import LATENESS_US
from harness_site import Site
from harness_time import SECOND, now_us
from harness_truth import being_written, busiest, check_truth, state_of, wait_moved
from harness_wait import until

MOVED_US = 2 * SECOND   # a camera is on another disk so long after its own failed, and then comes a key frame
SYNC_US = 5 * SECOND    # at most so much was not durable yet
NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def camera():
    with SimCamera(*NAMES) as c:
        yield c


@pytest.fixture(scope="module")
def disks():
    with SickDisk() as one, SickDisk() as two:
        yield one, two


@pytest.fixture(scope="module")
def site(camera, disks):
    with Site([camera], segment="5min", storage=[{"path": d.path, "reserve": "1MiB"} for d in disks]) as s:
        for name in NAMES:
            camera.wait_frames(name, 30)
            s.wait_recorded(name, camera.clocks(name)[-1])
        yield s


def gaps_within(site, last_us):
    now = now_us()
    return [t for name in NAMES for t in site.tiles(name, now - last_us, now) if t[2] == "gap"]


@pytest.mark.parametrize("order", ["stall change", "slow 3000"], ids=["stalled", "a-tenth-of-the-speed"])
def test_a_late_disk_is_left_and_nothing_is_lost(site, camera, disks, order):
    """The cameras go on elsewhere in time; what was queued is written when the disk goes on."""
    sick, other = busiest(disks)
    names, since = sorted(being_written(sick)), now_us()
    before = len(site.ledger())
    sick.order(order)
    moved = wait_moved(other, names)
    late = [n for n in names if moved[n] > since + MOVED_US + camera.gop_us + LATENESS_US]
    assert order != "stall change" or not late, (since, moved)
    until("it is told", lambda: state_of(site, sick) == "stalled")
    camera.wait_frames("a", 30)
    sick.order("heal")
    until("it is well again", lambda: state_of(site, sick) == "ok")
    end = now_us()
    for name in NAMES:
        site.wait_recorded(name, end)
        assert not check_truth(site, camera, name, since - 3 * SECOND, end)
    assert not [e for e in site.ledger()[before:] if e["kind"].startswith(("storage.", "gap."))]


FAULTS = [("fail sync EIO", "storage_failed", "storage.failed"), ("fail write ENOSPC", "storage_full", "storage.full"),
          ("fail change EROFS", "storage_failed", "storage.failed"), ("fail all EIO", "storage_failed", "storage.failed")]


@pytest.mark.parametrize("order, cause, kind", FAULTS, ids=[f[0].replace(" ", "-") for f in FAULTS])
def test_a_failing_disk_costs_what_was_not_durable(site, camera, disks, order, cause, kind):
    """Its cameras move; the others lose nothing; the disk is used again when it works again."""
    sick, other = busiest(disks)
    until("no gap of the test before is in sight", lambda: not gaps_within(site, SYNC_US + 3 * SECOND))
    names, since = sorted(being_written(sick)), now_us()
    before = len(site.ledger())
    sick.order(order)
    until("it is told", lambda: state_of(site, sick) in ("failed", "full"))
    told = now_us()
    moved = wait_moved(other, names)
    assert max(moved[n] for n in names) <= told + MOVED_US + camera.gop_us
    camera.wait_frames("a", 10)
    sick.order("heal")
    until("it is well again", lambda: state_of(site, sick) == "ok")
    end = now_us()
    for name in NAMES:
        site.wait_recorded(name, end)
        gaps = check_truth(site, camera, name, since - SYNC_US - 3 * SECOND, end, cause)
        assert not gaps or name in names
        for g in gaps:
            assert since - SYNC_US - 2 * SECOND <= g[0] and g[1] <= told + MOVED_US + camera.gop_us
    told = [e["kind"] for e in site.ledger()[before:] if e["kind"].startswith("storage.")]
    assert told[0] == kind and told[-1] == "storage.recovered"


def test_what_a_stalled_disk_lost_with_the_recorder_is_the_disks(site, camera, disks):
    """Killed while a disk stalls, it can no longer say so: the keeper knows. All that was not queued is there."""
    sick, other = busiest(disks)
    until("no gap of the test before is in sight", lambda: not gaps_within(site, SYNC_US + 3 * SECOND))
    names, since = sorted(being_written(sick)), now_us()
    sick.order("stall change")
    moved = wait_moved(other, names)
    until("it is told", lambda: state_of(site, sick) == "stalled")
    until("what followed is durable", lambda: camera.clocks("a")[-1] > max(moved.values()) + SYNC_US + 3 * SECOND)
    killed, pid = now_us(), site.pid("recorder")
    os.kill(pid, signal.SIGKILL)  # the kernel ends it when the call on the disk returns
    sick.order("heal")
    until("it is started again", lambda: site.pid("recorder") not in (None, pid))
    until("it is well again", lambda: state_of(site, sick) == "ok", 60)
    end = camera.wait_frames("a", 10)[-1]
    for name in NAMES:
        site.wait_recorded(name, end)
        gaps = check_truth(site, camera, name, since - SYNC_US - 3 * SECOND, end, "storage_failed", "recorder_down")
        lost = [g for g in gaps if g[3] == "storage_failed"]
        assert bool(lost) == (name in names), (name, gaps)
        assert all(since - SYNC_US - 2 * SECOND <= g[0] < g[1] <= moved[name] for g in lost), (gaps, moved)
        assert all(killed - SYNC_US - 2 * SECOND <= g[0] for g in gaps if g[3] == "recorder_down"), (killed, gaps)


def test_files_and_catalogue_agree_after_all_that(site):
    """fsck --full finds nothing, running and after a clean stop."""
    assert "0 violations" in site.fsck()
    site.stop()
    assert "0 violations" in site.fsck()


def test_a_disk_that_was_away_is_used_again():
    """Unmounted and mounted again: nothing is written in its place, and recording comes back by itself."""
    with SickDisk() as disk, SimCamera("a") as camera, \
            Site([camera], segment="2s", storage=[{"path": disk.path, "reserve": "1MiB"}]) as site:
        start = camera.wait_frames("a", 30)[0]
        site.wait_recorded("a", start + SECOND)
        disk.vanish()
        until("it is told", lambda: state_of(site, disk) in ("failed", "absent"))
        until("a gap", lambda: [g for g in site.gaps(camera="a") if g["cause"] == "storage_failed"])
        assert not os.listdir(disk.path)
        disk.come_back()
        end = now_us()
        until("it is recorded again", lambda: site.recorded("a", end, now_us()), 60)
        assert state_of(site, disk) == "ok"
        assert "0 violations" in site.fsck()
