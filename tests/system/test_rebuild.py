"""A catalogue that is damaged or gone under a stopped server: the next start records, and makes it again."""
import contextlib
import os
import pathlib
import sqlite3

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_wait import until

FRAMES = 100


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera]) as s:
        s.wait_recorded("a", camera.wait_frames("a", FRAMES)[-1])
        yield s


def whole_file(site):
    """The stopped catalogue with everything in one file: a log beside it would heal what is overwritten."""
    path = pathlib.Path(site.path("state/catalog.db"))
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def damaged(site):
    """Every second page in the middle, as a bad disk would."""
    site.stop()
    path = whole_file(site)
    with open(path, "r+b") as f:
        for at in range(4096 * 4, path.stat().st_size - 4096, 8192):
            f.seek(at)
            f.write(os.urandom(4096))


def no_database(site):
    site.stop()
    whole_file(site).write_bytes(b"this is no database" * 1000)


def asked_for(site):
    site.cli("rebuild", code=3)  # while it runs
    site.stop()
    assert "lies in" in site.cli("rebuild")


@pytest.mark.parametrize("lose", [damaged, no_database, asked_for])
def test_what_is_on_the_disk_is_covered_as_before(site, camera, lose):
    """Coverage of before the loss, to the microsecond; the ledger says what was lost; fsck finds nothing."""
    first, last = camera.clocks("a")[0], camera.clocks("a")[-1]
    site.wait_recorded("a", last)
    before = site.recorded("a", first, last)
    lose(site)
    site.start()
    until("rebuilt", lambda: any(e["kind"] == "catalog.rebuilt" for e in site.ledger()))
    until("as before", lambda: site.recorded("a", first, last) == before)
    assert {"ledger.restored", "catalog.lost"} <= {e["kind"] for e in site.ledger()[:6]}
    site.wait_recorded("a", camera.wait_frames("a", 20)[-1])
    assert "0 violations" in site.fsck()
