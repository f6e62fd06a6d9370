"""What is told of a camera's health is true; above all of one whose clock is 8 h off."""
import json
import subprocess

import pytest

from harness_camera import SimCamera
from harness_footage import check_range
from harness_site import PROGRAM, Site, environment
from harness_time import SECOND, parse_us
from harness_wait import until

OFF_S = -8 * 3600
BUSY_S = 5            # so late may a report be read on a machine that is busy
EDGE_US = SECOND // 2
METER_US = 10 * SECOND  # about so long is a rate's window (recorder/run.h)
FRAMES = 80


@pytest.fixture(scope="module")
def camera():
    with SimCamera("late", "right", switches=("--command", f"clock late {OFF_S}")) as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera], segment="4s") as s:
        for name in camera.names:
            until(f"the pictures of {name}", lambda n=name: len(camera.clocks(n)) >= FRAMES)
            s.wait_recorded(name, camera.clocks(name)[-1])
        yield s


def health(site, name):
    return site.get(f"/cameras/{name}").json()


def rates(camera, name):
    """Pictures and bits per second that the camera's log tells of the last while."""
    frames = [f for f in camera.truth(name, "frame") if f["clock_us"] >= camera.clocks(name)[-1] - METER_US]
    seconds = (frames[-1]["clock_us"] - frames[0]["clock_us"]) / SECOND
    return (len(frames) - 1) / seconds, sum(f["bytes"] for f in frames[1:]) * 8 / seconds


@pytest.mark.parametrize("name, off_s", [("late", OFF_S), ("right", 0)])
def test_the_error_of_its_clock_is_told(site, name, off_s):
    """By the api, by `status`, and in the log once, if it is worth a word."""
    assert abs(health(site, name)["clock_error_ms"] / 1000 - off_s) < BUSY_S
    line = next(x for x in site.cli("status").splitlines() if x.split()[:1] == [name])
    assert abs(float(line.partition("clock is off by")[2].split()[0]) - off_s) < BUSY_S, line
    told = [e for e in site.events("camera_clock") if e["id"] == name and e["state"] == "off"]
    assert len(told) == (1 if off_s else 0)


def test_probe_tells_it_with_the_remedy(camera):
    done = subprocess.run([PROGRAM, "probe", camera.url("late"), "--seconds", "2", "--json"], env=environment(),
                          capture_output=True, text=True, timeout=60, check=False)
    answer = json.loads(done.stdout)
    clock = next(f for f in answer["findings"] if f["id"] == "clock")
    assert clock["level"] == "warning" and "NTP" in clock["remedy"]
    assert abs(answer["clock_error_s"] - OFF_S) < BUSY_S


@pytest.mark.parametrize("name", ["late", "right"])
def test_its_footage_lies_where_it_was_seen(site, camera, name):
    """By the box's clock, which is burnt into the pictures, whatever the camera says."""
    clocks = camera.clocks(name)
    start, end = clocks[20], clocks[FRAMES - 10]
    answer = site.footage(name, start, end)
    assert answer.status == 200, answer.body
    check_range(answer.body, start, end, clocks, camera)
    assert site.gaps(camera=name) == []


@pytest.mark.parametrize("name", ["late", "right"])
def test_the_rest_of_its_health_is_true(site, camera, name):
    """State, since, frame rate, bitrate, oldest footage: as the camera's own log has it."""
    first = camera.clocks(name)[0]

    def agrees():
        told = health(site, name)
        fps, bits = rates(camera, name)
        return (told["fps"] == pytest.approx(fps, rel=0.2) and told["bitrate_bps"] == pytest.approx(bits, rel=0.3)) and told
    told = until("rates that are true", agrees)
    assert told["state"] == "recording"
    assert abs(parse_us(told["since"]) - first) < EDGE_US
    assert abs(parse_us(told["oldest"]) - first) < EDGE_US
    assert parse_us(told["newest"]) > parse_us(told["oldest"])


def test_a_camera_that_is_gone_is_told_as_down(site, camera):
    """Since its last picture, with the cause; its oldest footage stays."""
    before = health(site, "right")
    camera.order("refuse right on")
    camera.order("drop right")
    told = until("it is down", lambda: (h := health(site, "right"))["state"] == "down" and "detail" in h and h)
    last = camera.clocks("right")[-1]
    assert abs(parse_us(told["since"]) - last) < EDGE_US + camera.interval_us
    assert told["cause"] in ("camera_unreachable", "camera_refused") and told["detail"]
    assert told["oldest"] == before["oldest"]
