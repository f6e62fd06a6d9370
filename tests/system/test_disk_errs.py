"""A block device that answers EIO, below a real ext4, while it is recorded to: its flushes fail, or its writes. What was not
confirmed is a gap, what is claimed is on the disk, and who mounts the disk again has recording again."""
import pytest

from harness_camera import SimCamera
from harness_loop import LoopDisk, PowerDisk
from harness_site import Site
from harness_time import SECOND
from harness_truth import being_written, check_truth, state_of, wait_moved
from harness_wait import until

CAUSES = ("storage_failed", "recorder_down")


def told(site, disk):
    """The root is not used: it erred, and then cannot be written to."""
    return until("it is told", lambda: state_of(site, disk) in ("failed", "absent"))


def heal(disk):
    """As a person would: an ext4 that has aborted its journal stays read-only until it is mounted again."""
    disk.sick("none")
    disk.unmount_idle()
    disk.repair()
    disk.mount()


def recorded_until(site, camera):
    at = camera.wait_frames("a", 10)[-1]
    for name in camera.names:
        site.wait_recorded(name, at)


def check_all(site, camera, start):
    end = min(camera.clocks(name)[-1] for name in camera.names) - SECOND
    return {name: check_truth(site, camera, name, start[name], end, *CAUSES) for name in camera.names}


@pytest.mark.parametrize("what", ["flush", "write"])
def test_a_disk_that_errs_claims_nothing_that_is_not_on_it(what):
    """The only disk: from the fault on there is a gap, until it is mounted again."""
    with PowerDisk(64) as disk, SimCamera("a", "b") as camera, \
            Site([camera], storage=[{"path": disk.path, "reserve": "1MiB"}]) as site:
        recorded_until(site, camera)
        start = {name: site.first_recorded(name, camera.clocks(name)) for name in camera.names}
        disk.sick(what)
        told(site, disk)
        heal(disk)
        until("it is well again", lambda: state_of(site, disk) == "ok", 60)
        recorded_until(site, camera)
        gaps = check_all(site, camera, start)
        assert all("storage_failed" in [g[3] for g in of] for of in gaps.values()), gaps
        assert "0 violations" in site.fsck()


def test_the_other_disk_takes_what_a_disk_that_errs_cannot():
    """Whoever was written on the healthy one loses nothing; the others go on there."""
    with PowerDisk(64) as sick, LoopDisk(64) as well, SimCamera("a", "b") as camera, \
            Site([camera], storage=[{"path": d.path, "reserve": "1MiB"} for d in (sick, well)]) as site:
        recorded_until(site, camera)
        start = {name: site.first_recorded(name, camera.clocks(name)) for name in camera.names}
        names = until("it is written to", lambda: sorted(being_written(sick)))
        sick.sick("both")
        told(site, sick)
        wait_moved(well, names)
        recorded_until(site, camera)
        heal(sick)
        until("it is well again", lambda: state_of(site, sick) == "ok", 60)
        recorded_until(site, camera)
        for name, gaps in check_all(site, camera, start).items():  # all roles start again for a disk that is back
            assert name in names or "storage_failed" not in [g[3] for g in gaps], (names, gaps)
        assert "0 violations" in site.fsck()
