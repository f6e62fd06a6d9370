"""One disk that is mounted at two places of the configuration is one disk."""
import os

from harness_camera import SimCamera
from harness_loop import LoopDisk, root
from harness_site import Site
from harness_wait import until

FRAMES = 100


def test_a_disk_that_is_mounted_twice_is_used_once():
    """At the second place it is refused by name; nothing that is being written is taken for left over, and nothing is a gap."""
    with LoopDisk(48) as disk, SimCamera("a", "b") as camera:
        again = os.path.join(disk.folder, "again")
        os.mkdir(again)
        root("mount", "--bind", disk.path, again)
        try:
            with Site([camera], segment="2s", storage=[{"path": p, "reserve": "1MiB"} for p in (disk.path, again)]) as site:
                until("one is refused", lambda: sorted(r["state"] for r in site.get("/site").json()["roots"]) == ["absent", "ok"])
                for name in camera.names:
                    site.wait_recorded(name, camera.wait_frames(name, FRAMES)[-1])
                assert "is the same disk as" in site.log()
                assert not site.gaps()
                assert not [e["kind"] for e in site.ledger() if e["kind"].startswith(("footage.missing", "catalog."))]
        finally:
            root("umount", again)
