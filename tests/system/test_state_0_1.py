"""A site of version 0.1 that was killed is taken over: nothing is lost, everything still proves, and recording goes on."""
import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tarfile

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import now_us
from harness_wait import until

DATA = pathlib.Path(__file__).parent.parent / "data/state-0.1"
TABLES = {"ledger": "seq", "span": "camera, start", "gap": "id", "hold": "id", "segment": "id", "garbage": "id",
          "state": "key", "camera": "id", "root": "id"}


def unpack(folder):
    with tarfile.open(DATA / "site.tar.gz") as tar:
        tar.extractall(folder)


def rows(path, statement, *values):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(r) for r in db.execute(statement, values)]


def dump(path):
    return {t: rows(path, f"SELECT * FROM {t} ORDER BY {order}") for t, order in TABLES.items()}


class OldSite(Site):
    """The state, in a folder of the test's own and with cameras that are there."""

    def __init__(self, camera, old):
        super().__init__()
        unpack(self.folder)
        with open(self.conf_path, encoding="utf-8") as f:
            conf = json.load(f)
        conf["api"] = [{"listen": f"127.0.0.1:{self.port}"}]
        for c in conf["cameras"]:
            c["url"] = camera.url(c["id"])
        self.conf, self.token, self.old = conf, old.tokens["admin"], old

    def db(self, name="catalog.db"):
        return self.path("state", name)


class Old:
    """What the state says, read from a copy that nobody else uses."""

    def __init__(self, folder):
        unpack(folder)
        self.tables = dump(folder / "state/catalog.db")
        self.tokens = json.loads((folder / "tokens.json").read_text())
        self.requests = rows(folder / "state/catalog.db", "SELECT * FROM hold_release")
        self.token_rows = rows(folder / "state/access.db", "SELECT * FROM token ORDER BY id")
        self.cursors = rows(folder / "state/access.db", "SELECT * FROM push")
        self.waiting = sorted(p.name for r in ("footage", "footage2") for p in (folder / r / "incoming").iterdir())


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    return Old(tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def camera():
    with SimCamera("east", "west") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera, old):
    began = now_us()
    with OldSite(camera, old) as s:
        for name in camera.names:
            until(f"footage of {name}", lambda n=name: rows(s.db(), "SELECT 1 FROM segment WHERE camera = ? AND start > ?", n, began), 90)
        yield s


def test_it_was_copied_and_taken_over(site, old):
    """The copies are as 0.1 left them, and the databases say who can use them."""
    for name in ("catalog.db", "access.db"):
        assert rows(site.db(name), "PRAGMA user_version") == [{"user_version": 2}]
        assert rows(site.db(name), "SELECT min_reader, copy FROM format") == [{"min_reader": 2, "copy": f"{name}.before-2"}]
        assert rows(site.db(f"{name}.before-2"), "PRAGMA user_version") == [{"user_version": 0}]
        assert os.stat(site.db(f"{name}.before-2")).st_mode & 0o077 == 0
    assert dump(site.db("catalog.db.before-2")) == old.tables
    assert rows(site.db("access.db.before-2"), "SELECT * FROM token ORDER BY id") == old.token_rows


def test_the_ledger_goes_on_behind_its_entries(site, old):
    """Byte for byte, and the chain holds from the first entry."""
    before = old.tables["ledger"]
    after = rows(site.db(), "SELECT * FROM ledger ORDER BY seq")
    assert after[:len(before)] == before and len(after) > len(before)
    assert "ledger.restored" not in {e["kind"] for e in after}
    verifier = os.path.join(os.path.dirname(__file__), "verify_ledger.py")
    assert subprocess.run([sys.executable, verifier], input=json.dumps(site.ledger()).encode(), check=False).returncode == 0


def test_no_coverage_gap_or_hold_is_lost(site, old):
    """Every span is covered as it was, every gap has its cause and explanation, every hold its persons."""
    now = dump(site.db())
    for was in old.tables["span"]:
        assert [s for s in now["span"] if (s["camera"], s["state"]) == (was["camera"], was["state"]) and s["start"] <= was["start"]
                and s["end"] >= was["end"]], was
    gaps = {g["id"]: g for g in now["gap"]}
    for was in old.tables["gap"]:
        kept = {k: gaps[was["id"]][k] for k in was if was[k] is not None}  # an open one may have ended
        assert kept == {k: v for k, v in was.items() if v is not None}
    assert [{k: r[k] for k in was} for r, was in zip(now["hold"], old.tables["hold"], strict=True)] == old.tables["hold"]
    asked = [(f"hold:{r['hold']}", r["requested_by"], r["reason"]) for r in old.requests]
    assert [tuple(r.values()) for r in rows(site.db(), "SELECT subject, name, reason FROM consent ORDER BY subject")] == sorted(asked)
    files = {(s["camera"], s["start"]): s for s in now["segment"]}
    for was in old.tables["segment"]:
        assert files[was["camera"], was["start"]]["seal_digest"] == was["seal_digest"]


def test_what_was_left_over_is_taken_up(site, old):
    """The sealed file that nobody had published, and the open ones as far as they were whole."""
    assert {n.rpartition(".")[2] for n in old.waiting} == {"mp4", "open"}
    archive = [p.name for r in ("footage", "footage2") for p in pathlib.Path(site.path(r, "archive")).rglob("*.mp4")]
    for name in old.waiting:
        stem, _, end = name.rpartition(".")
        assert not os.path.exists(site.path("footage/incoming", name)) and not os.path.exists(site.path("footage2/incoming", name))
        assert end == "open" or f"{stem.partition('-')[2]}.mp4" in archive


def test_recording_goes_on_in_the_same_chain(site, old):
    """No place in a camera's chain is given twice, and none is left out behind the last of before."""
    for name in ("east", "west"):
        places = [r["sequence"] for r in rows(site.db(), "SELECT sequence FROM segment WHERE camera = ? ORDER BY start", name)]
        last = max(s["sequence"] for s in old.tables["segment"] if s["camera"] == name)
        behind = [p for p in places if p > last]
        assert len(set(places)) == len(places) and behind == list(range(last + 1, last + 1 + len(behind))) and behind


def test_tokens_and_what_the_regulator_knows_are_kept(site, old):
    """Everybody enters as before, also those of one name; who was thrown out stays out; nothing is told twice."""
    for name in ("admin", "renewed"):
        assert site.get("/tokens", token=old.tokens[name]).status == 200
    for name in ("regulator", "investigator"):
        assert site.get("/site", token=old.tokens[name]).status == 200
        assert site.get("/tokens", token=old.tokens[name]).status == 403
    assert site.get("/site", token=old.tokens["revoked"]).status == 401
    kept = {t["id"]: t for t in rows(site.db("access.db"), "SELECT * FROM token")}
    for was in old.token_rows:
        assert (kept[was["id"]]["hash"], kept[was["id"]]["role"]) == (was["hash"], was["role"])
        assert kept[was["id"]]["name"].startswith(was["name"])
    assert old.cursors and [(c["receiver"], c["acked"]) for c in rows(site.db("access.db"), "SELECT * FROM push")] == [
        (c["receiver"], c["acked"]) for c in old.cursors]


def test_every_byte_is_as_it_should_be(site):
    """Each file's seal, by whichever of the two keys, and each row."""
    assert "0 violations" in site.fsck()


def test_an_older_program_refuses_and_names_the_way_back(site, camera):
    """The keeper says what to run; that puts the copies back, and what the ledger lost since is told."""
    site.stop()
    for name in ("catalog.db", "access.db"):
        with contextlib.closing(sqlite3.connect(site.db(name))) as db:
            db.execute("PRAGMA user_version = 9")
            db.execute("UPDATE format SET min_reader = 9")
            db.commit()
    site.wait_ready = lambda: until("refused", lambda: all(
        any(f"{name} has format 9" in line and "holdfast downgrade" in line for line in site.log().splitlines())
        for name in ("catalog.db", "access.db")))
    site.start()
    site.process.terminate()
    site.ended()
    del site.wait_ready
    told = site.cli("downgrade")
    assert "catalog.db: the copy from before is back" in told and "access.db: the copy from before is back" in told
    site.start()
    until("what was lost is told", lambda: [e for e in site.ledger() if e["kind"] == "ledger.restored"])
    camera.wait_frames("east", 20)
    assert "nothing to put back" not in told and rows(site.db(), "SELECT min_reader FROM format") == [{"min_reader": 2}]
