"""What a process or a disk may have no more of: descriptors, inodes. Each is told as what it is."""
import os
import subprocess

import pytest

from harness_camera import SimCamera
from harness_loop import RoomDisk
from harness_site import Site
from harness_truth import state_of
from harness_wait import until

TOO_FEW = 72      # one camera's recorder wants more
ROOM = 64 << 20
WORDS = {"en": "too small for so many cameras", "zh-CN": "对这么多摄像机不够"}


@pytest.fixture(name="camera", scope="module")
def one_camera():
    with SimCamera("a") as c:
        yield c


def limited(camera, soft, hard, language="en"):
    """A site whose processes may not raise what root may: they have no CAP_SYS_RESOURCE."""
    site = Site([camera])
    site.conf["site"]["language"] = language
    site.prefix = ["prlimit", f"--nofile={soft}:{hard}", "setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource"]
    return site


def test_too_few_descriptors_are_raised(camera):
    """Where the hard limit lets them; without a word of trouble."""
    with limited(camera, TOO_FEW, 4096) as site:
        site.wait_recorded("a", camera.wait_frames("a", 10)[-1])
        told = site.events("descriptors")
        assert len(told) == 1 and int(told[0]["raised_to"]) > TOO_FEW and told[0]["level"] == "info"


@pytest.mark.parametrize("language", WORDS)
def test_too_few_descriptors_are_told(camera, language):
    """At the start, in the language of the site; what can be recorded is, and no disk is blamed."""
    with limited(camera, TOO_FEW, TOO_FEW, language) as site:
        site.wait_recorded("a", camera.wait_frames("a", 10)[-1])
        told = site.events("descriptors")
        assert len(told) == 1 and told[0]["level"] == "error" and WORDS[language] in told[0]["text"]
        assert int(told[0]["needed"]) > TOO_FEW
        assert not [e for e in site.events("root") if e.get("state") not in (None, "ok")]


def use_up_inodes(folder):
    """Empty files until there can be no more."""
    os.mkdir(folder)
    made = 0
    try:
        while True:
            os.close(os.open(os.path.join(folder, str(made)), os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError:
        return made


def test_a_disk_without_inodes_is_told_as_that(camera):
    """Its cameras are recorded on the other; when there are inodes again, it is used again."""
    with RoomDisk(ROOM) as one, RoomDisk(ROOM) as two:
        for disk in (one, two):
            disk.limit_files(400)
        with Site([camera], storage=[{"path": d.path, "reserve": "1MiB"} for d in (one, two)]) as site:
            site.wait_recorded("a", camera.wait_frames("a", 20)[-1])
            assert use_up_inodes(os.path.join(one.path, "many")) > 100
            until("it is told", lambda: state_of(site, one) == "full", 60)
            assert any("inode" in e.get("error", "") for e in site.events("root")), site.events("root")
            site.wait_recorded("a", camera.wait_frames("a", 30)[-1])
            assert state_of(site, two) == "ok"
            assert {g["cause"] for g in site.gaps(camera="a")} <= {"storage_full"}
            subprocess.run(["rm", "-r", os.path.join(one.path, "many")], check=True)
            until("it is used again", lambda: state_of(site, one) == "ok", 60)
