"""Somebody who owns the catalogue and the disks rewrites the ledger, chain and all: what the api had let out of it tells."""
import hashlib
import json
import os
import sqlite3
import struct
import subprocess

from harness_camera import SimCamera
from harness_regulator import Regulator
from harness_site import PROGRAM, Site, environment
from harness_wait import until


def rewrite(site):
    """One entry is another, every hash behind it is made anew, and the mark on the disk agrees."""
    db = sqlite3.connect(site.path("state", "catalog.db"))
    for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    before, last = bytes(32), 0
    for seq, at, kind, camera, body in db.execute("SELECT seq, at, kind, camera, body FROM ledger ORDER BY seq").fetchall():
        if seq == 3:
            kind, body = "gap.closed", "{}"
        text = "\0".join([kind, camera or "", body])
        before, last = hashlib.sha256(before + struct.pack(">qq", seq, at) + text.encode()).digest(), seq
        db.execute("UPDATE ledger SET kind = ?, body = ?, hash = ? WHERE seq = ?", (kind, body, before, seq))
    db.commit()
    db.close()
    with open(site.path("footage", "ledger", "head"), "w", encoding="utf-8") as f:
        f.write(f"{last} {before.hex()} disk\n")


def verify(site, dump, *words):
    done = subprocess.run([PROGRAM, "verify", dump, "--key", site.path("state/keys/site.pub"), "--json", *words], capture_output=True,
                          text=True, env=environment(), check=False)
    told = json.loads(done.stdout)
    return done.returncode, [f["code"] for f in told["wrong"] + told["unproven"]]


def test_a_rewritten_catalogue_is_told_and_alarms(tmp_path):
    """The next entry names every head that is lost, the receiver gets it, and who kept an old head is answered `not proven`."""
    with SimCamera("a") as camera, Regulator() as regulator, Site([camera], regulator=regulator.url) as site:
        site.wait_recorded("a", camera.wait_frames("a", 30)[-1])
        until("all is told", lambda: regulator.acknowledged() and regulator.acknowledged()[-1]["seq"] == site.ledger()[-1]["seq"])
        head = site.get("/ledger/head").json()
        assert head["signature"]
        site.stop()
        rewrite(site)
        site.start()
        site.wait_ready()
        restored = [e for e in until("it is told", lambda: [e for e in site.ledger() if e["kind"] == "ledger.restored"])][-1]
        assert {h["receiver"].split()[0] for h in restored["body"]["heads"]} >= {"signed", "acknowledged"}
        assert head["hash"] in {h["hash"] for h in restored["body"]["heads"]}
        until("the regulator is alarmed", lambda: "holdfast.ledger.restored" in {e["type"] for e in regulator.acknowledged()})
        assert site.get("/ledger/head").json()["signature"]
        dump, kept = tmp_path / "ledger.json", tmp_path / "kept.json"
        dump.write_text(site.cli("ledger", "--json"), encoding="utf-8")
        kept.write_text(json.dumps(head), encoding="utf-8")
        assert verify(site, dump) == (0, [])
        assert verify(site, dump, "--head", kept) == (1, ["head_lost"])
        assert "0 violations" in site.fsck()


def test_a_keeper_that_says_nothing_gets_no_signature():
    """The keeper was taken over and does not tell: the api signs nothing that contradicts what it let out."""
    with SimCamera("a") as camera, Site([camera]) as site:
        site.wait_recorded("a", camera.wait_frames("a", 30)[-1])
        head = site.get("/ledger/head").json()
        assert head["signature"] and "contradicts" not in head
        site.stop()
        heads = site.path("state", "heads")
        with open(os.path.join(heads, "signed"), encoding="utf-8") as f:
            assert f.read().split()[1] == head["hash"]
        site.start()
        site.wait_ready()
        with open(os.path.join(heads, "signed"), "w", encoding="utf-8") as f:  # as if the ledger had been another one since
            f.write(f"{head['seq']} {'7' * 64} signed\n")
        told = site.get("/ledger/head").json()
        assert told["signature"] is None and told["contradicts"]["seq"] == head["seq"]
        assert "is not signed" in site.log()
