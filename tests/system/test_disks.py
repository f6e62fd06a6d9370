"""Several disks: one is added, drained and retired; one dies and is replaced. Held footage lies on two."""
import contextlib
import os
import signal

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import SECOND, text_of
from harness_wait import until

RESERVE = "1MiB"


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a", "b") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera]) as s:
        camera.wait_frames("a", 30)
        yield s


def disks(site):
    """{folder's name: what is told of it}, {} while the api starts again."""
    with contextlib.suppress(OSError):
        answer = site.get("/disks")
        if answer.status == 200:
            return {os.path.basename(d["path"]): d for d in answer.json()["disks"]}
    return {}


def reconfigure(site, *storage):
    """A reload; returns when the api knows these disks."""
    site.conf["storage"] = [{"reserve": RESERVE, **s} for s in storage]
    site.write_conf()
    site.process.send_signal(signal.SIGHUP)
    drained = {s["path"] for s in storage if "state" in s}
    until("the disks are configured", lambda: {n: d["drain"] for n, d in disks(site).items() if d["configured"]}
          == {s["path"]: s["path"] in drained for s in storage})


def files(site, name, key="files"):
    return disks(site).get(name, {}).get(key)


def kinds(site):
    with contextlib.suppress(OSError):
        return [e["kind"] for e in site.ledger()]
    return []


def segments_of(site, camera, start, end):
    return site.get("/segments", {"camera": camera, "from": text_of(start), "to": text_of(end), "limit": 10}).json()["segments"]


@pytest.fixture(scope="module")
def window(camera, site):
    """Two seconds of footage that are held."""
    start = camera.clocks("a")[0] + SECOND
    until("it is published", lambda: segments_of(site, "a", start, start + 2 * SECOND))
    site.cli("hold", "add", "--camera", "a", "--from", text_of(start), "--to", text_of(start + 2 * SECOND), "--reason", "police")
    return start, start + 2 * SECOND


def test_a_disk_is_added_by_a_reload(site, window):
    """Both are written to, and what is held gets its second file."""
    assert files(site, "footage", "copies") == 0
    reconfigure(site, {"path": "footage"}, {"path": "two"})
    until("footage on the new disk", lambda: files(site, "two"))
    until("a copy of what is held", lambda: files(site, "two", "copies"))


def test_a_drained_disk_is_emptied_and_retired(site, window):
    """While footage plays and recording goes on; it is refused as long as it is configured."""
    before = site.footage("a", *window).body
    reconfigure(site, {"path": "footage", "state": "drain"}, {"path": "two"})
    while files(site, "footage") != 0:
        with contextlib.suppress(OSError):
            assert site.footage("a", *window).body == before
    until("nothing is left on it", lambda: not [f for _, _, names in os.walk(site.path("footage/archive")) for f in names])
    assert "drain" in site.cli("disk", "retire", site.path("footage"), "--reason", "old", code=1)
    reconfigure(site, {"path": "two"})
    site.cli("disk", "retire", site.path("footage"), "--reason", "old")
    assert set(disks(site)) == {"two"}
    assert site.footage("a", *window).body == before
    assert [k for k in kinds(site) if k.startswith("storage.")].count("storage.retired") == 1
    assert not {"footage.missing", "footage.damaged", "footage.expired"} & set(kinds(site))
    assert {g["cause"] for g in site.gaps()} <= {"recorder_down"}


def test_a_dead_disk_is_replaced_and_held_footage_survives(site, window):
    """It is served from its copy at once; the rest becomes gaps when a person says that the disk is lost."""
    before = site.footage("a", *window).body
    reconfigure(site, {"path": "two"}, {"path": "three"})
    until("a copy on the third disk", lambda: files(site, "three", "copies"))
    assert "drain" in site.cli("disk", "replace", site.path("two"), "--reason", "it is well", code=1)
    os.rename(site.path("two"), site.path("gone"))
    assert site.footage("a", *window).body == before
    old = disks(site)["two"]["uuid"]
    os.mkdir(site.path("two"))
    site.cli("disk", "replace", site.path("two"), "--reason", "dead")
    site.process.send_signal(signal.SIGHUP)
    until("a new disk is in use", lambda: files(site, "two", "uuid") not in (None, old))
    until("the copy serves", lambda: "storage.copy_used" in kinds(site))
    until("what it had is missing", lambda: site.gaps(cause="footage_missing"))
    until("footage on the new disk", lambda: files(site, "two"))
    assert site.footage("a", *window).body == before
    assert "storage.replaced" in kinds(site)
    site.fsck()
