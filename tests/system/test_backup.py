"""A backup is taken while everything runs; a catalogue that is put back, or lost, cannot pass for the whole story."""
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from harness_camera import SimCamera
from harness_regulator import Regulator
from harness_site import Site
from harness_time import SECOND
from harness_wait import until


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def regulator():
    with Regulator() as r:
        yield r


@pytest.fixture(scope="module")
def site(camera, regulator):
    with Site([camera], regulator=regulator.url) as s:
        camera.wait_frames("a", 60)
        s.wait_recorded("a", camera.clocks("a")[30])
        yield s


@pytest.fixture(scope="module")
def backup(site):
    site.cli("backup", site.path("backup"))
    with open(site.path("backup", "backup.json"), encoding="utf-8") as f:
        return json.load(f)


def replace_catalogue(site, copy):
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(site.path("state", "catalog.db" + suffix)):
            os.unlink(site.path("state", "catalog.db" + suffix))
    if copy:
        shutil.copy(copy, site.path("state", "catalog.db"))


def check_goes_on(site, regulator, head):
    """What is lost is named, no number is used twice, the chain holds, and the files are all found again."""
    entries = site.ledger()
    restored = [e for e in entries if e["kind"] == "ledger.restored"][-1]
    assert restored["body"]["known_seq"] >= head["seq"] and restored["seq"] == restored["body"]["known_seq"] + 1
    assert restored["body"]["found_seq"] < restored["body"]["known_seq"]
    verifier = os.path.join(os.path.dirname(__file__), "verify_ledger.py")
    assert subprocess.run([sys.executable, verifier], input=json.dumps(entries).encode(), check=False).returncode == 0
    until("the regulator was told", lambda: "holdfast.ledger.restored" in {e["type"] for e in regulator.acknowledged()[-40:]})
    by_id = {}
    for event in regulator.acknowledged():
        assert by_id.setdefault(event["id"], event) == event
    assert "0 violations" in site.fsck()


def test_it_is_whole_and_holds_no_secret(site, backup):
    """Every file as its digest says; no private key; both databases are sound."""
    names = [f["name"] for f in backup["files"]]
    assert {"catalog.db", "access.db", "holdfast.yaml", "keys/seal.pub", "keys/site.pub"} <= set(names)
    assert not [n for n in names if n.endswith(".key")]
    for f in backup["files"]:
        with open(site.path("backup", f["name"]), "rb") as opened:
            assert hashlib.sha256(opened.read()).hexdigest() == f["sha256"]
    assert [e for e in site.ledger() if e["seq"] == backup["ledger"]["seq"]][0]["hash"] == backup["ledger"]["hash"]
    assert os.stat(site.path("backup")).st_mode & 0o077 == 0


def test_a_folder_in_use_is_refused(site, backup):
    """Nothing of an earlier backup is written over."""
    assert "backup" in site.cli("backup", site.path("backup"), code=3)


def test_private_keys_only_when_asked(site, backup):
    """And only for their owner."""
    site.cli("backup", site.path("with-keys"), "--with-keys")
    assert os.stat(site.path("with-keys", "keys", "seal.key")).st_mode & 0o777 == 0o600


def test_a_catalogue_that_was_put_back(site, backup, camera, regulator):
    """Footage since the backup is found again; the ledger says what it lost and goes on behind it."""
    hold = {"camera": "a", "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z", "reason": "lost with it"}
    assert site.request("POST", "/holds", body=hold).status == 201
    until("the head is beside the footage", lambda: marked(site) >= site.ledger()[-1]["seq"])
    head, last = site.ledger()[-1], camera.clocks("a")[-1]
    site.wait_recorded("a", last)
    site.stop()
    replace_catalogue(site, site.path("backup", "catalog.db"))
    site.start()
    site.wait_recorded("a", last)
    assert site.footage("a", last - SECOND, last).status == 200
    check_goes_on(site, regulator, head)
    assert not [h for h in site.get("/holds").json()["holds"] if h["reason"] == "lost with it"]


def marked(site):
    with open(site.path("footage", "ledger", "head"), encoding="ascii") as f:
        return int(f.read().split()[0])
