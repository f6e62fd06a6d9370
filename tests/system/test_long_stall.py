"""A disk that stops for a minute: beside another disk, and alone. Memory stays bounded, what is lost is one gap with
its cause, and recording goes on by itself. (A file of its own: it waits for the minute, beside others.)"""
import contextlib
import os
import time

import pytest

from harness_camera import SimCamera
from harness_disk import SickDisk
from harness_site import Site
from harness_time import SECOND, now_us
from harness_truth import EDGE_US, being_written, busiest, check_truth, state_of, wait_moved
from harness_wait import until

STALL_S = 60
GIVEN_UP_S = 30              # recorder/storage.h
BUFFER_MIB = 16
MEMORY_KIB = (BUFFER_MIB + 16) * 1024  # what may be added meanwhile: what is queued, and the sanitizer's share
FLOOD = ("--fill", "on", "--bitrate", "16000")  # in 30 s more than may be queued, by far
SYNC_US = 5 * SECOND
NAMES = ("a", "b", "c")


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


class Story:
    """Two sites, one with two disks and one with one; a disk of each stalls for the same minute."""


def start(stack, camera, disks, **recording):
    site = Site([camera], recording={"segment": "5min", "gap_after": "2s", **recording},
                storage=[{"path": d.path, "reserve": "1MiB"} for d in disks])
    site.env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0:quarantine_size_mb=1"
    return stack.enter_context(site)


@pytest.fixture(scope="module")
def story():
    s = Story()
    with contextlib.ExitStack() as stack:
        s.disks = [stack.enter_context(SickDisk()) for _ in range(3)]
        s.many, s.one = (stack.enter_context(SimCamera(*NAMES)), stack.enter_context(SimCamera("d", fps=5, switches=FLOOD)))
        s.pair = start(stack, s.many, s.disks[:2])
        s.single = start(stack, s.one, s.disks[2:], buffer=f"{BUFFER_MIB}MiB")
        for site, camera in ((s.pair, s.many), (s.single, s.one)):
            for name in camera.names:
                until(f"pictures of {name}", lambda c=camera, n=name: len(c.clocks(n)) >= 30)
                site.wait_recorded(name, camera.clocks(name)[-1])
        s.sick, s.other = busiest(s.disks[:2])
        s.names = sorted(being_written(s.sick))
        stall(s)
        yield s


def stall(s):
    """The minute itself: it is what is tested, not how long anything else takes."""
    recorder = s.single.pid("recorder")
    s.memory = [rss_kib(recorder)]
    s.since = now_us()
    s.sick.order("stall all")
    s.disks[2].order("stall all")
    s.moved = wait_moved(s.other, s.names)
    s.states = set()
    while now_us() < s.since + STALL_S * SECOND:
        s.states.add((state_of(s.pair, s.sick), state_of(s.single, s.disks[2])))
        s.memory.append(rss_kib(recorder))
        time.sleep(0.5)
    s.same_recorder = s.single.pid("recorder") == recorder
    s.healed = now_us()
    for disk in (s.sick, s.disks[2]):
        disk.order("heal")
    for site, disk in ((s.pair, s.sick), (s.single, s.disks[2])):
        until("it is well again", lambda x=site, d=disk: state_of(x, d) == "ok", 60)
    s.well = now_us()


def test_the_cameras_of_other_disks_lose_nothing(story):
    end = story.healed
    for name in set(NAMES) - set(story.names):
        story.pair.wait_recorded(name, end)
        assert check_truth(story.pair, story.many, name, story.since - 10 * SECOND, end) == []


def test_its_own_lose_what_was_not_durable(story):
    """One short gap: from what the disk had at most to the next key frame elsewhere; nothing else in that minute."""
    for name in story.names:
        story.pair.wait_recorded(name, story.well)
        gaps = check_truth(story.pair, story.many, name, story.since - 10 * SECOND, story.well, "storage_failed")
        assert len(gaps) <= 1
        for start_us, end_us, *_ in gaps:
            assert story.since - SYNC_US - 2 * SECOND <= start_us and end_us <= story.moved[name] + EDGE_US


def test_a_disk_alone_costs_one_gap(story):
    """With its cause, from what was durable until the disk is back; it is recorded again by itself."""
    end = until("it is recorded again", lambda: [t for t in story.single.recorded("d", story.well, now_us() - SECOND)], 60)
    gaps = check_truth(story.single, story.one, "d", story.since - 10 * SECOND, end[-1][1], "storage_failed")
    assert len(gaps) == 1
    start_us, end_us, *_ = gaps[0]
    assert story.since - SYNC_US - 2 * SECOND <= start_us <= story.since + GIVEN_UP_S * SECOND
    assert story.healed - EDGE_US <= end_us <= story.well + 15 * SECOND


def test_memory_is_bounded(story):
    """By what is configured, though far more came in before the queue was given up."""
    came = sum(f["bytes"] for f in story.one.truth("d", "frame")
               if story.since <= f["clock_us"] < story.since + GIVEN_UP_S * SECOND)
    assert came > 1.3 * MEMORY_KIB * 1024, "the camera was too slow to tell"
    assert story.same_recorder
    assert max(story.memory) - story.memory[0] <= MEMORY_KIB, story.memory


def test_it_is_told(story):
    """Stalled at first, failed when it was given up, and in the ledger with its recovery. (`/site` says what the keeper has taken up:
    one that was reading there when the disk stopped learns it when the disk goes on.)"""
    assert {s for pair in story.states for s in pair} <= {"ok", "stalled", "failed"}
    for site, disk in ((story.pair, story.sick), (story.single, story.disks[2])):
        told = [e["state"] for e in site.events("root") if e["proc"] == "recorder" and e["path"] == disk.path]
        assert told == ["ok", "stalled", "failed", "ok"]
        kinds = [e["kind"] for e in site.ledger() if e["kind"].startswith("storage.")]
        assert kinds == ["storage.failed", "storage.recovered"]
        assert "0 violations" in site.fsck()
