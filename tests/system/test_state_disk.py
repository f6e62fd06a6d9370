"""The state's disk is full: recording goes on, also over restarts of the recorder, and all is told afterwards."""
import errno
import os

from harness_camera import SimCamera
from harness_loop import RoomDisk
from harness_site import Site
from harness_time import SECOND, now_us
from harness_wait import until

SIZE = 12 << 20


def fill(path):
    """Takes the last byte."""
    chunk = bytes(4096)
    with open(path, "wb", buffering=0) as f:
        while chunk:
            try:
                f.write(chunk)
            except OSError as error:
                assert error.errno == errno.ENOSPC
                chunk = chunk[:len(chunk) // 2]


def restart_recorder(site, camera):
    """SIGKILL; how long it was away by the camera's pictures."""
    site.kill("recorder")
    until("the recorder is back", lambda: site.pid("recorder"))
    camera.wait_frames("a", 40)


def test_a_full_state_disk_stops_no_recording():
    """Two restarts meanwhile: no gap but theirs, the chain whole, fsck clean; /readyz says what it knows."""
    with RoomDisk(SIZE) as disk, SimCamera("a") as camera, \
            Site([camera], segment="2s", state=os.path.join(disk.path, "state")) as site:
        start = camera.wait_frames("a", 20)[-1]
        site.wait_recorded("a", start)
        assert site.get("/readyz", base="").status == 200
        ballast = os.path.join(disk.path, "ballast")
        fill(ballast)
        began = now_us()
        camera.wait_frames("a", 60)
        for _ in range(2):
            restart_recorder(site, camera)
        fill(ballast + "2")  # what was freed meanwhile
        os.unlink(ballast)
        os.unlink(ballast + "2")
        end = camera.wait_frames("a", 40)[-1]
        site.wait_recorded("a", end, 60)
        until("all is judged", lambda: all(t[2] != "pending" for t in site.tiles("a", start, end)), 60)
        gaps = [t for t in site.tiles("a", start, end) if t[2] == "gap"]
        assert len(gaps) <= 2 and {g[3] for g in gaps} <= {"recorder_down"}, (gaps, began)
        assert sum(g[1] - g[0] for g in gaps) < 12 * SECOND, gaps
        site.stop()
        assert "0 violations" in site.fsck()
        site.cli("verify", site.path("footage"), "--key", os.path.join(disk.path, "state", "keys", "seal.pub"))
