"""Economy: on a disk that is too small for the floor a camera goes over to its smaller stream, and back when there is room."""
import os

import pytest

from harness_camera import SimCamera
from harness_footage import check_unbroken, clocks_of
from harness_loop import RoomDisk
from harness_site import Site
from harness_time import SECOND, now_us, parse_us
from harness_wait import until

USER, PASSWORD = "view", "geheim-7"
DAY_S, PLENTY = 86400, 1 << 42
JUDGED_S = 70  # the forecast wants a minute of footage
RECONNECT_US = 10 * SECOND  # on a busy machine
SOON_S = 90


@pytest.fixture(scope="module")
def usual():
    with SimCamera("a", user=USER, password=PASSWORD, switches=("--bitrate", "256", "--fill", "on")) as c:
        yield c


@pytest.fixture(scope="module")
def small():
    with SimCamera("a", user=USER, password=PASSWORD, switches=("--bitrate", "32", "--size", "160x112")) as c:
        yield c


@pytest.fixture(scope="module")
def disk():
    with RoomDisk(PLENTY) as d:
        yield d


@pytest.fixture(scope="module")
def site(usual, small, disk):
    s = Site(storage=[{"path": disk.path, "reserve": "1MiB"}])
    s.add_camera("a", usual.url("a"), USER, PASSWORD, sub_url=small.url("a"))
    with s:
        usual.wait_frames("a", JUDGED_S * 10)
        yield s


def told(site, kind):
    return [e["body"] for e in site.ledger() if e["kind"] == kind]


def judge_anew(site, disk, size):
    """The keeper looks soon after its start; that it was killed must not matter."""
    disk.resize(size)
    site.kill("keeper")


def recorded_up_to(site, camera, since):
    """The clocks of some pictures that the camera sent since then, all of them recorded."""
    until("pictures", lambda: len([c for c in camera.clocks("a") if c > since]) >= 30, SOON_S)
    clocks = [c for c in camera.clocks("a") if c > since][:30]
    site.wait_recorded("a", clocks[-1])
    return clocks


def check_footage(site, camera, clocks):
    shown = clocks_of(site.footage("a", clocks[10], clocks[-1]).body)
    check_unbroken(shown, camera.clocks("a"))
    assert len(shown) >= 10


def check_change(site, old, new, stream):
    """It is told, recorded, and cost no more than it takes to connect."""
    until("told", lambda: [b for b in told(site, "camera.stream")][-1:] and told(site, "camera.stream")[-1]["stream"] == stream,
          SOON_S)
    since = parse_us(told(site, "camera.stream")[-1]["since"])
    clocks = recorded_up_to(site, new, since)
    check_footage(site, new, clocks)
    before = [c for c in old.clocks("a") if c < since - RECONNECT_US][-30:]
    check_footage(site, old, before)
    tiles = site.tiles("a", before[0], clocks[-1])
    assert [t[2] for t in tiles] == ["recorded", "gap", "recorded"], tiles
    print(f"the change to {stream} cost {(tiles[1][1] - tiles[1][0]) / SECOND:.2f} s")
    assert tiles[1][3] == "recorder_down" and tiles[1][1] - tiles[1][0] < RECONNECT_US
    until("shown", lambda: site.get("/cameras/a").json()["stream"] == stream)


def test_a_camera_goes_over_when_the_floor_does_not_fit(site, disk, usual, small):
    """Two thirds of the room that 90 days need; the ledger names the forecast that led to it."""
    assert not small.clocks("a") and site.get("/cameras/a").json()["stream"] == "main"
    first = usual.clocks("a")[0]
    per_day = disk.used() / (now_us() - first) * SECOND * DAY_S
    judge_anew(site, disk, int(60 * per_day))
    until("the order", lambda: told(site, "camera.economy"), SOON_S)
    body = told(site, "camera.economy")[-1]
    assert body["economy"] and not body["fits_floor"] and body["missing_bytes"] > 0 and body["full_on"]
    assert 0.5 < body["full_bytes_per_day"] / per_day < 2
    check_change(site, usual, small, "sub")
    forecast = until("the forecast", lambda: site.get("/retention").json()["forecast"])
    assert forecast["economy"] == ["a"] and forecast["fits_floor"] and not forecast["at_risk"]
    assert "smaller stream" in site.cli("status")


def test_restarts_change_nothing(site, usual, small):
    """A recorder that starts, with or without the keeper, goes on with the stream that it was told to record."""
    plays = len(usual.truth("a", "play"))
    for role in ("recorder", "supervisor"):
        began = now_us()
        site.kill(role)
        check_footage(site, small, recorded_up_to(site, small, began + 5 * SECOND))
    assert len(usual.truth("a", "play")) == plays
    assert [b["economy"] for b in told(site, "camera.economy")] == [True]


def test_it_comes_back_when_there_is_room(site, disk, usual, small):
    """With a week to spare; nothing is told twice, no password stands in the log, and the archive is sound."""
    judge_anew(site, disk, PLENTY)
    until("the order", lambda: told(site, "camera.economy")[1:], SOON_S)
    body = told(site, "camera.economy")[-1]
    assert not body["economy"] and body["fits_floor"] and body["missing_bytes"] == 0
    check_change(site, small, usual, "main")
    assert [b["stream"] for b in told(site, "camera.stream")] == ["sub", "main"]
    assert "smaller stream" not in site.cli("status")


def test_a_smaller_stream_that_fails_gives_way(site, disk, usual, small):
    """Ordered again, but it is refused now: after 20 s the usual one is recorded again. No password stands in the log."""
    small.order("refuse a on")
    since = usual.clocks("a")[-1]
    judge_anew(site, disk, disk.used() + (1 << 30))
    until("the order", lambda: told(site, "camera.economy")[2:], SOON_S)
    gap = until("the usual stream again", lambda: [g for g in site.gaps(camera="a") if parse_us(g["start"]) > since and g["end"]],
                SOON_S)[-1]
    assert 18 * SECOND < parse_us(gap["end"]) - parse_us(gap["start"]) < 60 * SECOND
    check_footage(site, usual, recorded_up_to(site, usual, parse_us(gap["end"])))
    assert [b["stream"] for b in told(site, "camera.stream")] == ["sub", "main"]
    assert site.get("/cameras/a").json()["stream"] == "main"
    assert PASSWORD not in site.log()
    assert os.listdir(os.path.join(disk.path, "archive"))
    site.fsck()
