#!/usr/bin/python3
"""Many cameras, many faults, three questions at the end: is every picture that was sent either in the archive or
in a gap? Did each kill of the recorder cost no more than the fragment in flight, and 3 s? Was memory flat?
Prints figures and ends with 0 if all of it holds.

    HOLDFAST_BUILD=build tests/soak/soak.py --cameras 20 --minutes 20 --seed 1            # all kinds of fault
    HOLDFAST_BUILD=build tests/soak/soak.py --cameras 20 --minutes 20 --seed 2 --no-kills # lives long enough for memory

With --once each kind of fault comes once, soon; the suite runs that (tests/system/test_soak.py).
"""
import argparse
import bisect
import collections
import os
import pathlib
import random
import statistics
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
LONG_STALL_S = 60
LOST_US = 2 * SECOND            # design §12: the fragment in flight
UNWELL_US = 20 * SECOND         # so long after a fault a camera may still be on its way back
RESTING_US = 12 * SECOND        # a role that was killed twice within it is started later (daemon/process.c)
JUDGED_S = 300                  # a shorter life says nothing of memory
GROWTH_KIB = 4096               # from the median of a life's first quarter to that of its last
GROWTH_PART = 0.15              # or so much of the first
CAMERA_FAULTS = ("silent", "refuse", "drop", "jump")
DISK_FAULTS = ("stall change", "stall sync", "stall all", "fail sync EIO", "fail write EIO", "fail rename EIO",
               "fail write ENOSPC", "fail change EROFS", "fail all EIO", "slow 2000")


class Faults:
    """What goes wrong, when: one of each kind at a time, drawn from a seed."""

    def __init__(self, args, site, cameras, disks, regulator):
        self.dice, self.site, self.cameras, self.disks, self.regulator = (random.Random(args.seed), site, cameras, disks,
                                                                          regulator)
        self.told, self.kills, self.undo = [], [], []
        self.spells = []  # [whose, since_us, until_us or None]: a camera's name, or "disk"
        self.long_s, self.short_s = ((2, 30), (2, 5, 10, 20, 45)) if not args.once else ((2, 4), (2, 3))
        self.roles = () if args.no_kills else ROLES
        self.deck = [("camera", f) for f in CAMERA_FAULTS] + [("kill", r) for r in self.roles] \
            + [("disk", f) for f in DISK_FAULTS] + [("away", None)] if args.once else [("disk", "long stall")]
        self.dice.shuffle(self.deck)
        self.once = args.once

    def note(self, what):
        self.told.append((now_us(), what))
        print(f"{text_of(now_us())} {what}", flush=True)

    def later(self, seconds, what, action, spell=None):
        self.undo.append((time.monotonic() + seconds, what, action, spell))

    def run_due(self, all_of_them=False):
        for entry in list(self.undo):
            if all_of_them or entry[0] <= time.monotonic():
                self.undo.remove(entry)
                self.note(entry[1])
                entry[2]()
                if entry[3]:
                    entry[3][2] = now_us()

    def busy(self, word):
        return any(word in what for _, what, *_ in self.undo)

    def spell(self, whose, ended=False):
        self.spells.append([whose, now_us(), now_us() if ended else None])
        return self.spells[-1]

    def ails(self, whose, start, end):
        """Whether it was under a fault, or just after one, in that time."""
        return any(w == whose and s < end and (u is None or u + UNWELL_US > start) for w, s, u in self.spells)

    # Each returns whether it was done: not while the same is unwell already.

    def camera(self, kind):
        process = self.dice.choice(self.cameras)
        name = self.dice.choice(process.names)
        if self.busy(f"{name} "):
            return False
        spell = self.spell(name, ended=kind in ("jump", "drop"))
        if kind == "jump":
            order = f"jump {name} {self.dice.choice([-3600, -30, -1.5, 0.7, 20, 86400])}"
        elif kind == "drop":
            order = f"drop {name}"
        else:
            order = f"{kind} {name} on"
            self.later(self.dice.uniform(*self.long_s), f"{kind} {name} off",
                       lambda: process.order(f"{kind} {name} off"), spell)
        self.note(order)
        process.order(order)
        if kind == "refuse":
            process.order(f"drop {name}")
        return True

    def kill(self, role):
        pid = self.site.pid(role)
        if not pid:
            return False
        self.note(f"kill {role}")
        self.kills.append((now_us(), role))
        os.kill(pid, 9)
        return True

    def disk(self, order):
        if self.busy("heal"):
            return False
        n = self.dice.randrange(len(self.disks))
        seconds = LONG_STALL_S if order == "long stall" else self.dice.choice(self.short_s)
        order = "stall all" if order == "long stall" else order
        self.note(f"disk {n} {order}")
        spell = self.spell("disk")
        self.disks[n].order(order)
        self.later(seconds, f"disk {n} heal", lambda: self.disks[n].order("heal"), spell)
        return True

    def away(self, _):
        if self.busy("regulator"):
            return False
        self.note("regulator away")
        self.regulator.away = True
        self.later(self.dice.uniform(*self.long_s), "regulator back", lambda: setattr(self.regulator, "away", False))
        return True

    def draw(self):
        kind = self.dice.choices(["camera", "kill", "disk", "away"], weights=[6, 2 if self.roles else 0, 3, 1])[0]
        which = {"camera": CAMERA_FAULTS, "kill": self.roles, "disk": DISK_FAULTS, "away": (None,)}[kind]
        return kind, self.dice.choice(which)

    def step(self):
        """First what must come at least once; then anything, unless each kind is to come once only."""
        if self.once and not self.deck:
            return
        kind, which = self.deck.pop(0) if self.deck else self.draw()
        must = not {"camera": self.camera, "kill": self.kill, "disk": self.disk, "away": self.away}[kind](which)
        if must and self.once:
            self.deck.append((kind, which))


# --- memory --------------------------------------------------------------------------------------


def memory_kib(pid):
    """(PSS, RSS)"""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        sizes = {line.split()[0]: int(line.split()[1]) for line in f if line.startswith(("Pss:", "Rss:"))}
    return sizes["Pss:"], sizes["Rss:"]


def sample(site, series):
    for pid, words in members(site.folder).items():
        try:
            role = "supervisor" if words[1:2] == ["run"] else words[0].partition("/holdfast-")[2]
            if role:
                series[role, pid].append((time.monotonic(), *memory_kib(pid)))
        except (OSError, KeyError):
            pass  # it ended meanwhile


def quarters(life, which):
    """The medians of its first quarter and of its last."""
    n = max(len(life) // 4, 1)
    return tuple(statistics.median(point[which] for point in part) for part in (life[:n], life[-n:]))


def judge_memory(series):
    """Of each life that was long enough; in order of its beginning."""
    good = True
    for (role, pid), life in sorted(series.items(), key=lambda entry: entry[1][0][0]):
        lived_s = life[-1][0] - life[0][0]
        (first, last), (rss_first, rss_last) = quarters(life, 1), quarters(life, 2)
        judged, bound = lived_s >= JUDGED_S, max(GROWTH_KIB, GROWTH_PART * first)
        flat = last - first <= bound
        word = "too short to judge" if not judged else "flat" if flat else f"GROWS by more than {bound / 1024:.1f} MiB"
        print(f"memory {role} {pid}: {lived_s / 60:.1f} min, PSS {first / 1024:.1f} → {last / 1024:.1f} MiB (at most "
              f"{max(p[1] for p in life) / 1024:.1f}), RSS {rss_first / 1024:.1f} → {rss_last / 1024:.1f} MiB: {word}")
        good &= flat or not judged
    return good


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


def judge_kills(args, faults, name, sent, seen, tally):
    """What each kill of the recorder cost a camera that was well, as were the disks."""
    kills, good = [at for at, role in faults.kills if role == "recorder"], True
    shown = sorted(seen)
    for at in kills:
        around = (at - 6 * SECOND, at + args.back * SECOND)
        before = [c for c in sent if around[0] <= c < at - 4 * SECOND]
        if (faults.ails(name, *around) or faults.ails("disk", *around) or not before or not seen.issuperset(before)
                or any(0 < abs(at - other) < RESTING_US for other in kills)):
            continue
        lost = [c for c in sent if at - 4 * SECOND <= c < at - LOST_US - SLACK_US and c not in seen]
        back = bisect.bisect_right(shown, at)
        back_us = shown[back] - at if back < len(shown) else None
        tally["kills judged"] += 1
        tally["ms from a kill to the next picture, at most"] = max(tally["ms from a kill to the next picture, at most"],
                                                                   (back_us or 0) // 1000)
        if lost or back_us is None or back_us > args.back * SECOND + SLACK_US:
            print(f"KILL {name}: at {text_of(at)}, lost before it {len(lost)}, recorded again after {back_us} µs")
            good = False
    return good


def judge(args, faults, site, camera, name, start, end, tally):
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
    kills = judge_kills(args, faults, name, sent, seen, tally)
    return not bad and not phantom and kills


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
    calm_s = min(CALM_S, 6 * args.minutes)
    end = time.monotonic() + args.minutes * 60 - calm_s
    next_fault, next_sample = time.monotonic() + calm_s, 0
    while time.monotonic() < end or (args.once and faults.deck):
        if time.monotonic() >= next_sample:
            sample(site, series)
            next_sample = time.monotonic() + SAMPLE_S
        faults.run_due()
        if time.monotonic() >= next_fault:
            faults.step()
            next_fault = time.monotonic() + faults.dice.uniform(args.every / 2, args.every * 3 / 2)
        time.sleep(0.2)  # the pace of the torment; nothing is waited for
    faults.run_due(all_of_them=True)


def opened(disks):
    return sum(name.endswith(".open") for d in disks for name in os.listdir(os.path.join(d.backing, "incoming")))


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
            good &= judge(args, faults, site, camera, name, camera.clocks(name)[0] + SECOND, end, tally)
    print(f"faults: {len(faults.told)}, kills: {dict(collections.Counter(r for _, r in faults.kills))}")
    for key in sorted(tally):
        print(f"{key}: {tally[key]:.0f}")
    print(f"ledger: {check_regulator(site, regulator)} entries, all of them at the regulator")
    names = sum(len(camera.names) for camera in cameras)
    until("recovery has dealt with all that sick disks left", lambda: opened(faults.disks) <= names, 120)
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
    parser.add_argument("--no-kills", action="store_true", help="let the processes live, to see their memory")
    parser.add_argument("--once", action="store_true", help="each kind of fault once; longer if that takes longer")
    parser.add_argument("--back", type=float, default=3, help="seconds after a kill of the recorder (design §12: 3)")
    args = parser.parse_args()
    series = collections.defaultdict(list)
    away = type("Away", (), {"away": False})()
    cameras = start_cameras(args.cameras)
    with SickDisk() as one, SickDisk() as two, Regulator(answer=lambda d: 503 if away.away else 204) as regulator:
        site = Site(cameras, segment="20s", regulator=regulator.url,
                    storage=[{"path": d.path, "reserve": "1MiB"} for d in (one, two)])
        with site:
            faults = Faults(args, site, cameras, (one, two), away)
            try:
                torment(args, faults, site, series)
                good = finish(args, faults, site, cameras, regulator)
            finally:
                faults.run_due(all_of_them=True)
            good &= judge_memory(series)
    for camera in cameras:
        camera.__exit__()
    print("holds" if good else "DOES NOT HOLD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
