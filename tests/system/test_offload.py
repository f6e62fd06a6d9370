"""Copies in an object store with object lock: made in order, read back, under lock, and made again after trouble."""
import contextlib
import hashlib
import os
import socket
import sqlite3

import pytest

from harness_camera import SimCamera
from harness_offload import COPIED_S, OffloadSite, copied
from harness_site import free_port
from harness_store import ACCESS_KEY, SECRET_KEY
from harness_time import SECOND, now_us, parse_us, text_of
from harness_wait import until

KILLS = 5
FLOOR_US = 90 * 86400 * SECOND


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


def test_copies_are_whole_in_order_and_locked(store, camera):
    bucket = store.make_bucket("whole")
    with OffloadSite([camera], store.url, bucket) as site:
        kept = copied(site, 3)
        assert list(kept) == sorted(kept)[:len(kept)]
        segments = site.segments()
        for key, (version, sha, retain_us) in kept.items():
            there = store.request("GET", f"/{bucket}/{key}", f"versionId={version}")
            with open(site.file_of(key), "rb") as f:
                assert f.read() == there.body
            assert hashlib.sha256(there.body).hexdigest() == sha
            assert there.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
            locked_us = parse_us(there.headers["x-amz-object-lock-retain-until-date"].partition(".")[0].rstrip("Z") + "Z")
            assert locked_us >= retain_us >= segments[key][1] + FLOOR_US
            assert store.request("DELETE", f"/{bucket}/{key}", f"versionId={version}").status == 403
        assert site.state()["place"] == f"{store.url}/{bucket}"
        assert "holdfast_offload_up 1" in site.metrics()


def test_a_store_that_is_away_holds_up_nothing(store, camera):
    """Told once, recorded meanwhile, and copied when it is back."""
    bucket = store.make_bucket("away")
    with OffloadSite([camera], store.url, bucket) as site:
        copied(site)
        with store.away():
            until("the trouble is told", lambda: site.state().get("trouble") == "away", COPIED_S)
            until("it was tried again", lambda: site.state()["waiting"] >= 3, COPIED_S)
            site.wait_recorded("a", camera.wait_frames("a", 20)[-1])
            assert "holdfast_offload_up 0" in site.metrics()
            assert len([e for e in site.events("offload") if e.get("trouble") == "away"]) == 1
        missed = set(site.segments())
        until("all was copied", lambda: missed <= set(site.kept()), COPIED_S)
        until("the end of it is told", lambda: "trouble" not in site.state(), COPIED_S)


def test_a_store_that_never_answers_is_given_up(camera):
    """It takes the connection and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with OffloadSite([camera], f"http://127.0.0.1:{silent.getsockname()[1]}", "footage") as site:
            until("it is told", lambda: site.state().get("trouble") == "away", COPIED_S)
            site.wait_recorded("a", camera.wait_frames("a", 20)[-1])


def test_the_kernel_confines_the_offloader(store, camera):
    """No new privileges, system calls filtered; it holds no database to write, no other's files, and does not listen."""
    with OffloadSite([camera], store.url, store.make_bucket("confined")) as site:
        copied(site)
        pid = site.pid("offloader")
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            status = f.read()
        assert "Seccomp:\t2\n" in status and "NoNewPrivs:\t1\n" in status
        held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert not [f for f in held for word in ("access.db", "journal/", "incoming/", ".key") if word in f]
        with open(f"/proc/{pid}/net/tcp", encoding="ascii") as f:
            rows = [line.split() for line in f.read().splitlines()[1:]]
        assert not held & {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}


def test_wrong_keys_are_told_and_no_key_is(store, camera):
    bucket = store.make_bucket("keys")
    with OffloadSite([camera], store.url, bucket, secret="not-the-secret-key") as site:
        until("it is told", lambda: site.state().get("trouble") == "denied", COPIED_S)
        assert "secret_key_file" in site.state()["problem"]
        assert "denied" in [e.get("trouble") for e in site.events("offload")]
        for secret in ("not-the-secret-key", ACCESS_KEY, "Signature="):
            assert secret not in site.log()
            assert secret not in site.get("/site").body.decode()
        site.write_secret("store.secret", SECRET_KEY)
        site.reload()
        copied(site)


def test_a_bucket_without_lock_is_refused(store, camera):
    bucket = store.make_bucket("unlocked", lock=False)
    with OffloadSite([camera], store.url, bucket) as site:
        until("it is told", lambda: site.state().get("trouble") == "no_object_lock", COPIED_S)
        assert "no object lock" in site.state()["problem"]
        assert "no object lock" in site.cli("status")
        assert not site.kept() and not store.keys(bucket)


def test_a_missing_bucket_is_told(store, camera):
    with OffloadSite([camera], store.url, "no-such-bucket") as site:
        until("it is told", lambda: site.state().get("trouble") == "no_bucket", COPIED_S)


def test_a_killed_offloader_leaves_neither_hole_nor_double(store, camera):
    bucket = store.make_bucket("killed")
    with OffloadSite([camera], store.url, bucket) as site:
        for _ in range(KILLS):
            before = len(site.kept())
            until("it is at work", lambda: len(store.keys(bucket)) > before, COPIED_S)  # pylint: disable=cell-var-from-loop
            site.kill("offloader")
        missed = set(site.segments())
        until("all was copied", lambda: missed <= set(site.kept()), COPIED_S)
        versions = store.versions(bucket)
        assert missed <= {key for key, _ in versions}
        # What had arrived when it was killed is found. Only what the store finishes later than that is there twice.
        assert len(versions) - len({key for key, _ in versions}) <= KILLS
        for key, (version, _, _) in site.kept().items():
            assert (key, version) in versions


def test_what_stands_under_our_name_is_not_believed(store, camera):
    """With the right size and lock, and other bytes: it is left alone, and the copy is made beside it."""
    bucket = store.make_bucket("liar")
    with OffloadSite([camera], f"http://127.0.0.1:{free_port()}", bucket) as site:
        until("a segment", site.segments, COPIED_S)
        key = min(site.segments())
        liar = b"x" * os.path.getsize(site.file_of(key))
        lock = {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z"}
        assert store.put(bucket, key, liar, **lock).status == 200
        site.conf["offload"]["url"] = store.url
        site.reload()
        until("it was copied", lambda: key in site.kept(), COPIED_S)
        version, sha, _ = site.kept()[key]
        there = store.request("GET", f"/{bucket}/{key}", f"versionId={version}").body
        assert there != liar and hashlib.sha256(there).hexdigest() == sha
        assert len([k for k, _ in store.versions(bucket) if k == key]) == 2


def lock_until(us):
    return {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": text_of(us)[:19] + "Z"}


def doom(site, bucket, key, version):
    """As if retention had said so long ago, of a segment long gone."""
    row = ("gone", parse_us("2026-01-01T00:00:00Z") + len(key), parse_us("2026-01-01T00:01:00Z"), "doomed",
           f"{site.conf['offload']['url']}/{bucket}", key, version, 1, bytes(32), bytes(32), parse_us("2026-04-02T00:00:00Z"))
    with contextlib.closing(sqlite3.connect(site.path("state/catalog.db"))) as catalog, catalog:
        catalog.execute("INSERT INTO object (camera, start, end, state, place, key, version, bytes, sha256, seal_digest, "
                        "retain_until, witnessed_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)", row)


def doomed(site):
    return {key for key, in site.catalog_copy().execute("SELECT key FROM object WHERE state = 'doomed'")}


def test_what_is_doomed_goes_when_its_lock_is_over(store, camera):
    """What the store still locks stays, is asked for again, and holds up no copy."""
    bucket = store.make_bucket("doomed")
    lock_us = now_us() + 3 * SECOND
    versions = {}
    for key, until_us in (("past", lock_us), ("locked", now_us() + 3600 * SECOND)):
        answer = store.put(bucket, key, key.encode(), **lock_until(until_us))
        assert answer.status == 200
        versions[key] = answer.headers["x-amz-version-id"]
    assert store.put(bucket, "past", b"past", **lock_until(lock_us)).status == 200  # a double that a crash left
    with OffloadSite([camera], store.url, bucket) as site:
        copied(site)
        site.stop()
        for key, version in versions.items():
            doom(site, bucket, key, version)
        until("the lock is over", lambda: now_us() > lock_us + SECOND)
        site.start()
        until("one is gone", lambda: doomed(site) == {"locked"}, COPIED_S)
        copied(site)
        assert doomed(site) == {"locked"}
        assert [key for key, _ in store.versions(bucket) if key in versions] == ["locked"]
        assert [e for e in site.events("offload") if e.get("key") == "locked" and "does not delete" in e["text"]]


def test_it_can_be_switched_on_and_off(store, camera):
    """By a reload: what was published before is copied, too; without it there is no offloader."""
    bucket = store.make_bucket("switched")
    with OffloadSite([camera], store.url, bucket) as site:
        offload, earlier = site.conf["offload"], copied(site)
        del site.conf["offload"]
        site.reload()
        until("no offloader", lambda: site.pid("offloader") is None, COPIED_S)
        assert until("an answer", lambda: site.get("/site").status == 200) and site.state() is None
        before = len(site.segments())
        until("two more segments", lambda: len(site.segments()) >= before + 2, COPIED_S)
        missed = set(site.segments())
        site.conf["offload"] = offload
        site.reload()
        until("all was copied", lambda: missed <= set(site.kept()), COPIED_S)
        assert set(earlier) <= set(site.kept())
        assert len(store.versions(bucket)) == len(store.keys(bucket))
        site.fsck()
