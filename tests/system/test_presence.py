"""What people and programs do to the archive of a running site: seen at once, told once, and nobody waits for it."""
import os
import pathlib
import shutil

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import parse_us
from harness_wait import until

FRAMES = 180  # four segments and some


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera]) as s:
        s.wait_recorded("a", camera.wait_frames("a", FRAMES)[-1])
        until("four files", lambda: len(rows(s)) >= 4)
        yield s


def rows(site):
    asked = {"camera": "a", "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
    return [(parse_us(s["start"]), parse_us(s["end"])) for s in site.get("/segments", asked).json()["segments"]]


def file_of(site, start):
    names = {p.stem.replace(".", "").rstrip("Z"): p for p in pathlib.Path(site.path("footage/archive/a")).glob("*/*.mp4")}
    return next(p for stem, p in names.items() if parse_us("{}-{}-{}T{}:{}:{}.{}Z".format(
        stem[:4], stem[4:6], stem[6:8], stem[9:11], stem[11:13], stem[13:15], stem[15:])) == start)


def is_sound(site):
    try:
        return "0 violations" in site.fsck()
    except AssertionError:  # what is being taken up
        return False


def missing(site):
    return [e for e in site.ledger() if e["kind"] == "footage.missing"]


def test_a_fifo_hangs_nobody_and_is_a_gap_at_once(site):
    """In the place of a file: the request is answered, fsck ends, the gap is exactly the file's time, told once."""
    start, end = rows(site)[0]
    victim = file_of(site, start)
    victim.unlink()
    os.mkfifo(victim)
    site.request("GET", "/site")
    gap, = until("the gap", lambda: site.gaps(cause="footage_missing"), 20)
    assert (parse_us(gap["start"]), parse_us(gap["end"])) == (start, end)
    assert site.footage("a", start, end).status == 404
    assert "is in no catalogue" in site.cli("fsck", code=1)
    victim.unlink()
    assert [e["body"]["files"] for e in missing(site)] == [1]
    assert "0 violations" in site.fsck()


def test_what_comes_back_plays_again_and_its_gap_stays(site):
    """A day's folder is moved away and put back: gaps at once, then footage again; the ledger has both."""
    before, known = rows(site), len(missing(site))
    day = pathlib.Path(site.path("footage/archive/a"))
    away = site.path("elsewhere")
    shutil.move(day, away)
    until("gaps", lambda: len(site.gaps(cause="footage_missing")) > 1, 20)
    until("the files' absence is told", lambda: len(missing(site)) > known)
    for folder in pathlib.Path(away).iterdir():  # the keeper may have made the camera's folder anew meanwhile
        target = day / folder.name
        target.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            file.rename(target / file.name)
    start, end = before[1]
    until("it plays again", lambda: site.footage("a", start, end).status == 200, 20)
    assert any(parse_us(g["start"]) <= start and g["end"] and end <= parse_us(g["end"]) for g in site.gaps(cause="footage_missing"))
    returned = until("it is told", lambda: [e for e in site.ledger() if e["kind"] == "footage.returned"])
    assert all(e["camera"] == "a" for e in returned)
    until("sound", lambda: is_sound(site), 30)
