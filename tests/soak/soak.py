#!/usr/bin/python3
"""Many cameras, many faults, one question at the end: is every picture that was sent either in the archive
or in a gap? By hand only; prints figures and ends with 0 if all of it holds.

    HOLDFAST_BUILD=build tests/soak/soak.py --cameras 20 --minutes 20 --seed 1
"""
import argparse
import bisect
import collections
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "camera"))
import clockbits  # noqa: E402
from harness_camera import SimCamera  # noqa: E402
from harness_disk import SickDisk  # noqa: E402
from harness_regulator import Regulator  # noqa: E402
from harness_site import ROLES, Site, members  # noqa: E402
from harness_time import SECOND, now_us, text_of  # noqa: E402
from harness_wait import until  # noqa: E402

EDGE_US = SECOND // 2           # design §12: gap edges
SLACK_US = 300_000              # of the way from the camera's clock to ours, on a machine that is busy
PICTURE = ("--size", "160x112", "--bitrate", "32")
FPS, GOP_S = 5, 1
CAMERAS_A_PROCESS = 5
SAMPLE_S = 10
CALM_S = 20                     # without faults at both ends


class Faults:
    """What goes wrong, when: one of each kind at a time, drawn from a seed."""

    def __init__(self, dice, site, cameras, disks, regulator):
        self.dice, self.site, self.cameras, self.disks, self.regulator = dice, site, cameras, disks, regulator
        self.told, self.kills, self.undo = [], [], []

    def note(self, what):
        self.told.append((now_us(), what))
        print(f"{text_of(now_us())} {what}", flush=True)

    def later(self, seconds, what, action):
        self.undo.append((time.monotonic() + seconds, what, action))

    def run_due(self, all_of_them=False):
        for entry in list(self.undo):
            if all_of_them or entry[0] <= time.monotonic():
                self.undo.remove(entry)
                self.note(entry[1])
                entry[2]()

    def busy(self, word):
        return any(word in what for _, what, _ in self.undo)

    def camera(self):
        process = self.dice.choice(self.cameras)
        name = self.dice.choice(process.names)
        kind = self.dice.choice(["silent", "refuse", "drop", "jump"])
        if self.busy(f"{name} "):
            return
        if kind == "jump":
            order = f"jump {name} {self.dice.choice([-3600, -30, -1.5, 0.7, 20, 86400])}"
        elif kind == "drop":
            order = f"drop {name}"
        else:
            order = f"{kind} {name} on"
            self.later(self.dice.uniform(2, 30), f"{kind} {name} off", lambda: process.order(f"{kind} {name} off"))
        self.note(order)
        process.order(order)
        if kind == "refuse":
            process.order(f"drop {name}")

    def process(self):
        role = self.dice.choice(ROLES)
        pid = self.site.pid(role)
        if pid:
            self.note(f"kill {role}")
            self.kills.append((now_us(), role))
            os.kill(pid, 9)

    def disk(self):
        if self.busy("heal"):
            return
        n = self.dice.randrange(len(self.disks))
        order = self.dice.choice(["stall change", "stall sync", "stall all", "fail sync EIO", "fail write EIO",
                                  "fail rename EIO", "fail write ENOSPC", "fail change EROFS", "fail all EIO",
                                  "slow 2000"])
        self.note(f"disk {n} {order}")
        self.disks[n].order(order)
        self.later(self.dice.choice([2, 5, 10, 20, 45]), f"disk {n} heal", lambda: self.disks[n].order("heal"))

    def away(self):
        if self.busy("regulator"):
            return
        self.note("regulator away")
        self.regulator.away = True
        self.later(self.dice.uniform(5, 60), "regulator back", lambda: setattr(self.regulator, "away", False))

    def step(self):
        self.dice.choices([self.camera, self.process, self.disk, self.away], weights=[6, 2, 3, 1])[0]()


# --- memory --------------------------------------------------------------------------------------


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def sample(site, series):
    for pid, words in members(site.folder).items():
        try:
            role = words[2] if words[1:2] == ["role"] else "supervisor" if words[1:2] == ["run"] else None
            if role:
                series[role, pid].append((time.monotonic(), pss_kib(pid)))
        except (OSError, StopIteration):
            pass  # it ended meanwhile


def slope(points):
    """KiB a minute, by least squares."""
    n, mean_t, mean_v = len(points), sum(t for t, _ in points) / len(points), sum(v for _, v in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return 60 * sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if n > 2 and spread else 0.0


def report_memory(series):
    for role in ("supervisor", *ROLES):
        runs = [p for (r, _), p in series.items() if r == role and len(p) > 2]
        if not runs:
            continue
        longest = max(runs, key=len)
        settled = longest[len(longest) // 4:]
        print(f"memory {role}: {len(runs)} lives, PSS at most {max(v for p in runs for _, v in p) / 1024:.1f} MiB; longest "
              f"life {(longest[-1][0] - longest[0][0]) / 60:.1f} min, {longest[0][1] / 1024:.1f} → {longest[-1][1] / 1024:.1f} MiB, "
              f"slope of its last three quarters {slope(settled):+.1f} KiB/min")


# --- judgement --------------------------------------------------------------------------------------


def shown_clocks(site, name, start, end):
    """The burnt clocks of that footage; a range that cannot be one file is asked for in the parts that it names."""
    answer = site.footage(name, start, end)
    if answer.status == 200:
        frames = clockbits.read_frames(answer.body)
        assert frames.stderr == "", (name, text_of(start), frames.stderr)
        return [f.clock_us for f in frames]
    if end - start < SECOND // 10:
        return []
    middle = (start + end) // 2
    assert end - start > SECOND, (name, text_of(start), text_of(end), answer.status, answer.body)
    return shown_clocks(site, name, start, middle) + shown_clocks(site, name, middle, end)


def judge(site, camera, name, start, end, tally):
    until(f"{name} is settled", lambda: all(t[2] != "pending" for t in site.tiles(name, start, end)), 120)
    tiles = site.tiles(name, start, end)
    gaps = [t for t in tiles if t[2] == "gap"]
    shown = []
    for t in tiles:
        if t[2] == "recorded":
            shown += shown_clocks(site, name, t[0], t[1])
    seen = set(shown)
    sent = [c for c in camera.clocks(name) if start + EDGE_US <= c < end - EDGE_US]
    starts = [g[0] for g in gaps]
    bad = []
    for c in sent:
        if c in seen:
            continue
        at = bisect.bisect_right(starts, c + EDGE_US + SLACK_US) - 1
        if at < 0 or c > gaps[at][1] + EDGE_US + SLACK_US:
            bad.append(c)
    phantom = [c for c in seen for g in gaps if g[0] + EDGE_US < c < g[1] - EDGE_US]
    times = sorted(sent)
    for g in gaps:  # a gap while pictures came, with none of them lost
        inside = times[bisect.bisect(times, g[0]):bisect.bisect(times, g[1])]
        tally["seconds " + g[3]] += (g[1] - g[0]) / SECOND
        tally["gaps " + g[3]] += 1
        tally["pictures lost to " + g[3]] += len([c for c in inside if c not in seen])
    tally["pictures sent"] += len(sent)
    tally["pictures shown"] += len([c for c in sent if c in seen])
    tally["pictures lost without a gap"] += len(bad)
    tally["pictures shown inside a gap"] += len(phantom)
    if bad:
        print(f"UNEXPLAINED {name}: {len(bad)}, first {text_of(bad[0])}, last {text_of(bad[-1])}")
        print("  ", [(text_of(t[0]), text_of(t[1]), t[2], t[3]) for t in tiles
                     if t[0] - 5 * SECOND < bad[0] < t[1] + 5 * SECOND])
    if phantom:
        print(f"PHANTOM {name}: {len(phantom)}, first {text_of(min(phantom))}",
              [(text_of(g[0]), text_of(g[1]), g[3]) for g in gaps if g[0] - SECOND < min(phantom) < g[1] + SECOND])
    return not bad and not phantom


def check_regulator(site, regulator):
    head = site.ledger()[-1]["seq"]
    until("the regulator knows all", lambda: len(regulator.acknowledged()) >= head, 120)
    seqs = [e["seq"] for e in regulator.acknowledged()]
    assert sorted(set(seqs)) == list(range(1, max(seqs) + 1))
    return head


# --- the run -------------------------------------------------------------------------------------------


def start_cameras(count):
    names = [f"c{n:02d}" for n in range(count)]
    return [SimCamera(*names[i:i + CAMERAS_A_PROCESS], fps=FPS, gop_s=GOP_S, switches=PICTURE)
            for i in range(0, count, CAMERAS_A_PROCESS)]


def torment(args, faults, site, series):
    end = time.monotonic() + args.minutes * 60 - CALM_S
    next_fault, next_sample = time.monotonic() + CALM_S, 0
    while time.monotonic() < end:
        if time.monotonic() >= next_sample:
            sample(site, series)
            next_sample = time.monotonic() + SAMPLE_S
        faults.run_due()
        if time.monotonic() >= next_fault:
            faults.step()
            next_fault = time.monotonic() + faults.dice.uniform(args.every / 2, args.every * 3 / 2)
        time.sleep(0.2)  # the pace of the torment; nothing is waited for
    faults.run_due(all_of_them=True)


def finish(args, faults, site, cameras, regulator):
    """All is well again: judge."""
    for camera in cameras:
        for name in camera.names:
            clocks = camera.clocks(name)
            until(f"{name} is back", lambda: len(camera.clocks(name)) > len(clocks) + 2 * FPS, 60)
    end = now_us()
    tally, good = collections.Counter(), True
    for camera in cameras:
        for name in camera.names:
            site.wait_recorded(name, end, 90)
            good &= judge(site, camera, name, camera.clocks(name)[0] + SECOND, end, tally)
    print(f"faults: {len(faults.told)}, kills: {dict(collections.Counter(r for _, r in faults.kills))}")
    for key in sorted(tally):
        print(f"{key}: {tally[key]:.0f}")
    print(f"ledger: {check_regulator(site, regulator)} entries, all of them at the regulator")
    print("fsck running:", site.fsck().strip().splitlines()[-1])
    site.stop()
    print("fsck stopped:", site.fsck().strip().splitlines()[-1])
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=6, help="seconds between faults, about")
    args = parser.parse_args()
    series = collections.defaultdict(list)
    away = type("Away", (), {"away": False})()
    cameras = start_cameras(args.cameras)
    with SickDisk() as one, SickDisk() as two, Regulator(answer=lambda d: 503 if away.away else 204) as regulator:
        site = Site(cameras, segment="20s", regulator=regulator.url,
                    storage=[{"path": d.path, "reserve": "1MiB"} for d in (one, two)])
        with site:
            faults = Faults(random.Random(args.seed), site, cameras, (one, two), away)
            try:
                torment(args, faults, site, series)
                good = finish(args, faults, site, cameras, regulator)
            finally:
                faults.run_due(all_of_them=True)
            report_memory(series)
    for camera in cameras:
        camera.__exit__()
    print("holds" if good else "DOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
