"""Bytes that rot and files that vanish in the archive of a running site become gaps; the rest is served."""
import pathlib
import re

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import SECOND, parse_us
from harness_wait import until

FRAMES = 130  # three segments and some


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera]) as s:
        s.wait_recorded("a", camera.wait_frames("a", FRAMES)[-1])
        until("three files", lambda: len(files(s)) >= 3)
        yield s


def files(site):
    return sorted(pathlib.Path(site.path("footage/archive/a")).glob("*/*.mp4"))


def range_of(path, site):
    """(start_us, end_us) of a file."""
    start = re.fullmatch(r"(....)(..)(..)T(..)(..)(..)\.(\d{6})Z", path.stem).groups()
    start_us = parse_us("{}-{}-{}T{}:{}:{}.{}Z".format(*start))
    listed = site.get("/segments", {"camera": "a", "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}).json()
    return next((start_us, parse_us(s["end"])) for s in listed["segments"] if parse_us(s["start"]) == start_us)


def gaps(site, cause):
    return until(cause, lambda: site.gaps(cause=cause), 30)


def test_who_meets_damage_makes_it_known(site):
    """A damaged moof is not served, costs its fragment only, and from then on footage goes around it."""
    victim = files(site)[1]
    start, end = range_of(victim, site)
    data = bytearray(victim.read_bytes())
    moofs = [m.start() for m in re.finditer(b"moof", bytes(data))]
    data[moofs[1]] ^= 1
    victim.write_bytes(data)
    try:
        site.footage("a", start, end)
    except Exception:  # cut off, or refused: what matters is what comes of it
        pass
    gap, = gaps(site, "footage_damaged")
    assert 0 < parse_us(gap["end"]) - parse_us(gap["start"]) <= 2 * SECOND
    answer = until("the rest", lambda: (a := site.footage("a", start, end)).status == 200 and a)
    assert answer.body.count(b"moof") == len(moofs) - 1
    assert answer.headers["Holdfast-Gaps"].startswith("1, ")
    assert [e["body"]["fragments"] for e in site.ledger() if e["kind"] == "footage.damaged"] == [1]
    assert "0 violations" in site.fsck()


def test_the_archive_is_read_round_after_round(site):
    """With nobody asking: a missing file and a flipped byte are found, told once, counted."""
    gone, flipped = files(site)[0], files(site)[2]
    spoilt = range_of(flipped, site)
    lost = range_of(gone, site)
    gone.unlink()
    data = bytearray(flipped.read_bytes())
    data[-2000] ^= 1
    flipped.write_bytes(data)
    site.conf["retention"] = {"keep_days": 95, "scrub": "10s"}
    site.stop()
    site.start()
    missing, = gaps(site, "footage_missing")
    assert (parse_us(missing["start"]), parse_us(missing["end"])) == lost
    found = until("the flipped byte", lambda: [g for g in site.gaps(cause="footage_damaged")
                                               if parse_us(g["start"]) >= spoilt[0]])
    assert len(found) == 1 and parse_us(found[0]["end"]) <= spoilt[1]
    scrub = until("a round", lambda: (s := site.get("/retention").json()["scrub"])["rounds"] and s)
    assert (scrub["damaged_fragments"], scrub["missing_files"], scrub["period_s"]) == (2, 1, 10)
    metrics = site.get("/metrics", base="").body.decode()
    assert "holdfast_scrub_damaged_fragments_total 2" in metrics and "holdfast_scrub_missing_files_total 1" in metrics
    assert sum(e["kind"] == "footage.missing" for e in site.ledger()) == 1
    assert "0 violations" in site.fsck()
