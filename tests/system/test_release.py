"""Local files that go because the object store has them: never before it said so, found there ever after, and told if it lied."""
import contextlib
import os
import random
import sqlite3
import time

import pytest

from harness_camera import SimCamera
from harness_footage import check_range
from harness_offload import COPIED_S, OffloadSite, copied, key_of
from harness_time import SECOND, parse_us
from harness_wait import until

KILLS = 6
KILL_WITHIN_S = 3


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


class ReleaseSite(OffloadSite):
    """Its local files go as soon as they may."""

    def __init__(self, cameras, url, bucket, local_days="0"):
        super().__init__(cameras, url, bucket)
        if local_days is not None:
            self.conf["offload"]["local_days"] = local_days

    def stored(self):
        """{key: (start, end)} of what is in the store only."""
        rows = self.catalog_copy().execute("SELECT camera, start, end FROM segment WHERE root = 0")
        return {key_of(camera, start_us): (start_us, end_us) for camera, start_us, end_us in rows}

    def kinds(self):
        return [e["kind"] for e in self.ledger()]

    def entries(self, kind):
        return [e for e in self.ledger() if e["kind"] == kind]

    def change_catalog(self, sql, *args):
        """Of a site that is stopped."""
        with contextlib.closing(sqlite3.connect(self.path("state/catalog.db"))) as catalog, catalog:
            return catalog.execute(sql, args).fetchall()


def released(site, more=1):
    want = len(site.stored()) + more
    until(f"{more} more are in the store only", lambda: len(site.stored()) >= want, COPIED_S)
    return site.stored()


def lose_version(store, bucket, key, version):
    """As the store's own administrator can, past every lock."""
    store.command("radosgw-admin", "object", "rm", "--bucket", bucket, "--object", key, "--object-version", version)
    until("it is gone there", lambda: store.request("HEAD", f"/{bucket}/{key}", f"versionId={version}").status == 404)


def test_local_files_go_and_their_footage_stays(store, camera):
    bucket = store.make_bucket("released")
    with ReleaseSite([camera], store.url, bucket) as site:
        stored = released(site, 3)
        until("the files are gone", lambda: not any(os.path.exists(site.file_of(key)) for key in stored))
        start, end = min(stored.values())[0], sorted(stored.values())[2][1]
        assert site.recorded("a", start, end) == [(start, end)]
        answer = site.footage("a", start, end)
        assert answer.status == 200
        check_range(answer.body, start, end, camera.clocks("a"), camera)
        seals = {s["seal"] for s in site.get("/segments", {"camera": "a", "from": site_time(start), "to": site_time(end)})
                 .json()["segments"] if s["lies"] == "store"}
        told = site.entries("footage.released")
        assert seals <= {seal for e in told for seal in e["body"]["seals"]}
        assert sum(e["body"]["files"] for e in told) == len({seal for e in told for seal in e["body"]["seals"]})
        assert not site.entries("footage.expired") and not site.entries("footage.missing")
        assert site.state()["stored"] >= 3 and site.state()["stored_bytes"] > 0
        assert "only there" in site.cli("status")
        for key, (version, _, _) in site.kept().items():
            assert store.request("DELETE", f"/{bucket}/{key}", f"versionId={version}").status == 403
        assert "in the object store only" in site.fsck()


def site_time(us):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // SECOND)) + f".{us % SECOND:06}Z"


def test_nothing_goes_without_the_setting(store, camera):
    with ReleaseSite([camera], store.url, store.make_bucket("stays"), local_days=None) as site:
        keys = copied(site, 3)
        assert not site.stored() and all(os.path.exists(site.file_of(key)) for key in keys)


def test_what_is_held_stays_here(store, camera):
    """Held before its copy was kept: its file stays, others go; released from the hold it goes, too."""
    bucket = store.make_bucket("held")
    with ReleaseSite([camera], store.url, bucket, local_days=None) as site:
        key = min(copied(site, 2))
        start, end = site.segments()[key]
        hold = site.request("POST", "/holds", body={"camera": "a", "start": site_time(start), "end": site_time(end),
                                                    "reason": "an accident"})
        assert hold.status == 201, hold
        site.conf["offload"]["local_days"] = "0"
        site.reload()
        assert key not in released(site, 3) and os.path.exists(site.file_of(key))
        site.fsck()


def test_a_crash_at_any_moment_loses_nothing(store, camera):
    """Keeper and offloader die while files are released: after each, fsck finds nothing, and nothing is missing."""
    bucket = store.make_bucket("crashed")
    dice = random.Random(7)
    with ReleaseSite([camera], store.url, bucket) as site:
        released(site)
        for n in range(KILLS):
            time.sleep(dice.uniform(0, KILL_WITHIN_S))
            site.kill("keeper" if n % 2 else "offloader")
            site.fsck()
        released(site, 3)
        site.stop()
        assert " 0 violations" in site.fsck()
        assert not site.change_catalog("SELECT 1 FROM gap WHERE cause LIKE 'footage%'")
        on_disk = {name for _, _, names in os.walk(site.path("footage/archive")) for name in names}
        rows = site.change_catalog("SELECT camera, start, root FROM segment")
        for camera_id, start, root in rows:
            key = key_of(camera_id, start)
            assert key.rpartition("/")[2] in on_disk or root == 0
            assert root != 0 or store.request("HEAD", f"/{bucket}/{key}").status == 200


def test_a_copy_that_went_before_its_file_is_made_again(store, camera):
    """The store says that it has it no more: the file stays, another copy is made, and the ledger says so once."""
    bucket = store.make_bucket("tampered")
    with ReleaseSite([camera], store.url, bucket, local_days=None) as site:
        key = min(copied(site, 2))
        version = site.kept()[key][0]
        lose_version(store, bucket, key, version)
        site.conf["offload"]["local_days"] = "0"
        site.reload()
        until("it is told", lambda: site.entries("offload.copy_lost"), COPIED_S)
        until("another copy is kept", lambda: site.kept().get(key, (version,))[0] != version, COPIED_S)
        until("then it goes", lambda: key in site.stored(), COPIED_S)
        assert len(site.entries("offload.copy_lost")) == 1 and not site.entries("footage.missing")
        assert store.request("HEAD", f"/{bucket}/{key}", f"versionId={site.kept()[key][0]}").status == 200
        site.fsck()


def test_footage_that_the_store_lost_is_a_gap_once(store, camera):
    """The store is asked for each, and its word that one is gone is a gap; a store that is away has said nothing."""
    bucket = store.make_bucket("lost")
    with ReleaseSite([camera], store.url, bucket) as site:
        stored = released(site, 3)
        key, (start, end) = min(stored.items())
        until("its file is gone", lambda: not os.path.exists(site.file_of(key)))
        assert store.put(bucket, max(stored), b"another version on top of ours").status == 200
        version = site.kept()[key][0]
        lose_version(store, bucket, key, version)
        site.stop()
        site.change_catalog("UPDATE stored SET asked_at = 1")
        with store.away():
            site.start()
            until("the trouble is told", lambda: site.state().get("trouble") == "away", COPIED_S)
            assert not site.entries("footage.missing") and key in site.stored()
        until("it is told", lambda: site.entries("footage.missing"), COPIED_S)
        until("its time is a gap", lambda: [g for g in site.gaps(cause="footage_missing")
                                            if parse_us(g["start"]) == start and parse_us(g["end"]) == end], COPIED_S)
        until("all were asked for", lambda: not site.catalog_copy().execute("SELECT 1 FROM stored WHERE asked_at = 1").fetchall(),
              COPIED_S)
        assert len(site.entries("footage.missing")) == 1
        site.fsck()


def test_a_damaged_file_gives_its_time_to_the_store(store, camera):
    """No gap where a copy is kept there."""
    bucket = store.make_bucket("rotten")
    with ReleaseSite([camera], store.url, bucket, local_days=None) as site:
        key = min(copied(site, 2))
        start, end = site.segments()[key]
        os.unlink(site.file_of(key))
        site.conf["retention"] = {"scrub": "10s"}
        site.reload()
        until("the copy serves", lambda: site.entries("storage.copy_used"), COPIED_S)
        assert key in site.stored() and site.recorded("a", start, end) == [(start, end)]
        assert not site.entries("footage.missing")
        site.fsck()


def test_a_lost_catalogue_comes_back_from_the_store(store, camera):
    """Time whose files are in the store only is recorded again, to the microsecond, and no gap."""
    bucket = store.make_bucket("rebuilt")
    with ReleaseSite([camera], store.url, bucket) as site:
        stored = released(site, 4)
        until("the files are gone", lambda: not any(os.path.exists(site.file_of(key)) for key in stored))
        start, end = min(stored.values())[0], max(stored.values())[1]
        before = site.recorded("a", start, end)
        site.stop()
        for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db-closed"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(site.path("state", name))
        site.start()
        until("they are back", lambda: set(stored) <= set(site.stored()), COPIED_S)
        until("that is told", lambda: "offload.recovered" in site.kinds(), COPIED_S)
        assert site.recorded("a", start, end) == before
        answer = site.footage("a", start, end)
        assert answer.status == 200
        check_range(answer.body, start, end, camera.clocks("a"), camera)
        assert not site.entries("footage.missing")
        assert not [g for g in site.gaps(cause="footage_missing") if parse_us(g["start"]) < end]
        site.fsck()
