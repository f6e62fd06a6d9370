"""A real ext4 under everything, state and footage: power cuts at random moments, a disk that fills up, turns read-only,
goes away and comes back. HOLDFAST_CUTS=50 cuts as often; after each fifth (HOLDFAST_MOVED_EACH) the disk is mounted elsewhere.
HOLDFAST_SEED=n: other moments."""
import errno
import os
import random
import uuid

import pytest

from harness_camera import SimCamera
from harness_disk import SUDO
from harness_footage import LATENESS_US, check_unbroken, clocks_of
from harness_loop import LoopDisk, PowerDisk
from harness_site import Site
from harness_time import SECOND, now_us
from harness_truth import being_written, busiest, check_truth, settled, state_of, wait_moved
from harness_wait import until

SEED = int(os.environ.get("HOLDFAST_SEED", "20261125"))
SYNC_US = 5 * SECOND   # at most so much was not durable yet
CUTS = int(os.environ.get("HOLDFAST_CUTS", "4"))
MOVED_EACH = int(os.environ.get("HOLDFAST_MOVED_EACH", "5"))
BUSY_US = SECOND       # a round of syncs may take so long here
FRAMES_BETWEEN = 15    # pictures between two cuts, at most


def reboot(site, disk):
    """What runs from now on sees another boot: after a power cut there is one."""
    boot = os.path.join(disk.folder, "boot_id")
    with open(boot, "w", encoding="ascii") as f:
        f.write(f"{uuid.uuid4()}\n")
    site.prefix = [*SUDO, "unshare", "-m", "sh", "-c",
                   f'mount --bind {boot} /proc/sys/kernel/random/boot_id && exec "$@"', "sh"]


def take_cuts(disk, camera, site, dice):
    """[(image, instant)], under load."""
    cuts = []
    for n in range(CUTS):
        camera.wait_frames("a", dice.randint(1, FRAMES_BETWEEN))
        at = now_us()
        image, writes = disk.cut(dice.getrandbits(32), f"cut-{n}")
        cuts.append((image, at))
        assert writes > 0, "the cut did not fall between a write and its flush"
    site.stop()
    return cuts


def check_after_cut(camera, site, began, cut_us):
    """All that was to be durable is there, in one piece, and plays; what follows is a gap until the restart."""
    owed = cut_us - SYNC_US - camera.gop_us - BUSY_US
    for name in camera.names:
        tiles = settled(site, name, began[name], cut_us)
        end = tiles[0][1]
        assert tiles[0][2] == "recorded" and end >= owed, (name, tiles, owed)
        assert [t[3] for t in tiles[1:]] in ([], ["recorder_down"]), tiles
        shown = clocks_of(site.footage(name, began[name], end).body)
        check_unbroken(shown, camera.clocks(name))
        assert shown[-1] >= end - camera.interval_us - LATENESS_US


def live_on(disk):
    """The parts of the configuration that name the disk."""
    return {"state": os.path.join(disk.path, "state"),
            "storage": [{"path": os.path.join(disk.path, "footage"), "reserve": "1MiB"}]}


def test_power_fails_at_any_moment():
    """Each time ext4 replays its journal, the server starts, fsck --full finds nothing; also where the disk is another path."""
    dice = random.Random(SEED)
    with PowerDisk(64) as disk, SimCamera("a", "b") as camera, Site([camera], **live_on(disk)) as site:
        began = {}
        for name in camera.names:
            clocks = camera.wait_frames(name, 10)
            site.wait_recorded(name, clocks[-1])
            began[name] = site.first_recorded(name, clocks)
        cuts = take_cuts(disk, camera, site, dice)
        for n, (image, cut_us) in enumerate(cuts):
            disk.unmount()
            if n % MOVED_EACH == 0:
                disk.move(f"place-{n}")
                site.conf.update(live_on(disk))
            disk.mount(image)
            reboot(site, disk)
            site.start()
            check_after_cut(camera, site, began, cut_us)
            site.stop()
            assert "0 violations" in site.fsck()
        print(f"{len(cuts)} power cuts, {len(cuts[::MOVED_EACH])} of them with the disk mounted elsewhere")


@pytest.fixture(name="pair")
def two_disks():
    with LoopDisk(48) as one, LoopDisk(48) as two:
        yield one, two


def test_a_disk_turns_read_only_and_goes_away(pair):
    """The other loses nothing; nothing is written in its place; mounted again, it is used again."""
    with SimCamera("a", "b") as camera, \
            Site([camera], storage=[{"path": d.path, "reserve": "1MiB"} for d in pair]) as site:
        for name in camera.names:
            site.wait_recorded(name, camera.wait_frames(name, 20)[-1])
        sick, other = busiest(pair)
        names, since = sorted(being_written(sick)), now_us()
        begin = since - SYNC_US
        sick.turn_read_only()
        until("it is told", lambda: state_of(site, sick) == "failed")
        wait_moved(other, names)
        sick.unmount(lazily=True)
        until("it is told", lambda: state_of(site, sick) == "absent")
        camera.wait_frames("a", 20)
        assert not os.listdir(sick.path)
        sick.repair()
        sick.mount()
        until("it is well again", lambda: state_of(site, sick) == "ok", 60)
        end = camera.wait_frames("a", 20)[-1]
        for name in camera.names:
            site.wait_recorded(name, end)
            gaps = [t for t in settled(site, name, begin, end) if t[2] == "gap"]
            assert {g[3] for g in gaps} <= {"storage_failed", "recorder_down"}, gaps
            assert name in names or not [g for g in gaps if g[3] == "storage_failed"], gaps
        assert "0 violations" in site.fsck()
        site.stop()
        assert "0 violations" in site.fsck()


def fill_up(path):
    """Takes every free block, down to the last; the recorder writes meanwhile, so none can be asked for by number."""
    chunk = bytes(1 << 20)
    with open(path, "wb", buffering=0) as f:
        while len(chunk) >= 512:
            try:
                f.write(chunk)
            except OSError as error:
                assert error.errno == errno.ENOSPC
                chunk = chunk[:len(chunk) // 2]


def test_a_full_disk_is_a_gap_until_there_is_room():
    """The kernel's own ENOSPC; nothing is deleted for it; recording resumes by itself."""
    with LoopDisk(24) as disk, SimCamera("a") as camera, \
            Site([camera], storage=[{"path": disk.path, "reserve": "1MiB"}]) as site:
        start = camera.wait_frames("a", 30)[0]
        site.wait_recorded("a", start + SECOND)
        ballast = os.path.join(disk.path, "ballast")
        fill_up(ballast)
        gap = until("a gap", lambda: site.gaps(camera="a"))[0]
        assert gap["cause"] == "storage_full"
        camera.wait_frames("a", 20)
        os.unlink(ballast)
        end = now_us()
        until("it is recorded again", lambda: site.recorded("a", end, now_us()))
        end = now_us() - SECOND
        assert check_truth(site, camera, "a", start + SECOND, end, "storage_full")
        kinds = [e["kind"] for e in site.ledger() if e["kind"].startswith("storage.")]
        assert kinds == ["storage.full", "storage.recovered"]
