#!/usr/bin/python3
"""What it costs to record N cameras: Holdfast beside ffmpeg, GStreamer and a null recorder (README.md).

    tests/bench/record.py build --cameras 16,64,128
    tests/bench/record.py build --cameras 200 --tools holdfast --modes alone --cpu 0
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import FPS, Source, free_port, make_clip, print_table

STOP_S = 60
TICKS = os.sysconf("SC_CLK_TCK")
COUNTS = ("cpu_ms", "switches", "writes", "written_kb", "disk_kb")
HEADS = ("", "CPU ms/s", "ratio", "PSS MiB", "ratio", "switches/s", "ratio", "writes/s", "ratio", "kB/s",
         "to disk kB/s")


# --- measuring -------------------------------------------------------------------------

def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def fields(path):
    return {k: v.split() for k, _, v in (line.partition(":") for line in read(path).splitlines())}


def used_by(pid):
    """What this process has used until now."""
    total = collections.Counter()
    stat = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    total["cpu_ms"] += (int(stat[11]) + int(stat[12])) * 1000 / TICKS
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError, KeyError):  # a thread that has ended meanwhile
            status = fields(f"/proc/{pid}/task/{task}/status")
            total["switches"] += int(status["voluntary_ctxt_switches"][0])
            total["switches"] += int(status["nonvoluntary_ctxt_switches"][0])
    io = fields(f"/proc/{pid}/io")
    total["writes"] += int(io["syscw"][0])
    total["written_kb"] += int(io["wchar"][0]) / 1000
    total["disk_kb"] += int(io["write_bytes"][0]) / 1000
    return total


def sample(pids):
    """{pid: what it has used}, without those that have ended."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError, KeyError, IndexError):
            found[pid] = used_by(pid)
    return found


def spent(before, after):
    """By those that lived all through the window."""
    return {k: sum(after[pid][k] - before[pid][k] for pid in after.keys() & before.keys()) for k in COUNTS}


def children(parent):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1]) == parent:
                yield int(pid)


def pss_mib(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, KeyError):  # it has ended
            total += int(fields(f"/proc/{pid}/smaps_rollup")["Pss"][0])
    return total / 1024


# --- the recorders ------------------------------------------------------------------------

class Tool:
    """Processes that record cameras rtsp://127.0.0.1:PORT/NAME0 … into a folder."""

    def __init__(self, args, port, count, folder):
        self.args, self.port, self.count = args, port, count
        self.folder = folder / self.name
        self.folder.mkdir()
        self.processes = []
        self.gone = 0

    def url(self, number):
        return f"rtsp://127.0.0.1:{self.port}/{self.name}{number}"

    def spawn(self, *command):
        with open(self.folder / "log", "ab") as log:
            self.processes.append(subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, preexec_fn=self.pin))

    def pin(self):
        if self.args.cpu is not None:
            os.sched_setaffinity(0, {self.args.cpu})

    def rows(self):
        """{row of the table: pids}; a process that has ended is told, and costs nothing from then on."""
        gone = sum(p.poll() is not None for p in self.processes)
        if gone > self.gone:
            print(f"  NOT VALID: {gone} of {len(self.processes)} processes of {self.name} have ended; its log ends:\n"
                  + read(self.folder / "log")[-1000:], flush=True)
        self.gone = gone
        return {self.name: [p.pid for p in self.processes if p.poll() is None]}

    def stop(self):
        for p in self.processes:
            p.kill()
        for p in self.processes:
            p.wait()


class Null(Tool):
    name = "null"

    def start(self):
        self.spawn(self.args.build / "tests/bench/bench-null", self.port, self.name, self.count, self.folder)


class Ffmpeg(Tool):
    name = "ffmpeg"

    def start(self):
        for i in range(self.count):
            self.spawn("ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", self.url(i),
                       "-c", "copy", "-f", "segment", "-segment_time", self.args.segment,
                       "-reset_timestamps", "1", f"{i}-%05d.mp4")


class Gstreamer(Tool):
    name = "gstreamer"

    def start(self):
        chains = []
        for i in range(self.count):
            chains += ["rtspsrc", f"location={self.url(i)}", "protocols=tcp", "latency=0", "!", "rtph264depay",
                       "!", "h264parse", "!", "splitmuxsink", f"location={i}-%05d.mp4",
                       f"max-size-time={self.args.segment * 10**9}"]
        self.spawn("gst-launch-1.0", "-q", *chains)


class Holdfast(Tool):
    name = "holdfast"

    def build(self):
        return self.args.build

    def start(self):
        cameras = [{"id": f"c{i}", "name": f"Camera {i}", "area": "room", "url": self.url(i)}
                   for i in range(self.count)]
        conf = {"site": {"id": "cn-bench-0001", "name": "Bench", "timezone": "Asia/Shanghai", "language": "en"},
                "rule": "cn-hangjin-2021", "state": "state", "storage": [{"path": "footage", "reserve": "1MiB"}],
                "recording": {"segment": f"{self.args.segment}s",
                              **({"buffer": f"{self.args.buffer}MiB"} if self.args.buffer else {})},
                "areas": [{"id": "room", "name": "Room", "kind": "activity"}], "cameras": cameras,
                "api": [{"listen": f"127.0.0.1:{free_port()}"}]}
        (self.folder / "holdfast.yaml").write_text(json.dumps(conf), encoding="utf-8")
        self.spawn(self.build() / "daemon/holdfast", "run", "-c", self.folder / "holdfast.yaml")

    def rows(self):
        (supervisor,) = super().rows().values()
        roles = {}
        for pid in (pid for parent in supervisor for pid in children(parent)):
            with contextlib.suppress(OSError):
                roles[read(f"/proc/{pid}/cmdline").split("\0")[0].rpartition("holdfast-")[2]] = pid
        rows = {f"{self.name}: recorder": [pid for role, pid in roles.items() if role == "recorder"],
                f"{self.name}: whole": supervisor + list(roles.values())}
        if self.args.roles:
            rows |= {f"{self.name}: {role}": [roles[role]] if role in roles else [] for role in ("keeper", "api")}
        return rows

    def stop(self):
        self.processes[0].terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.processes[0].wait(STOP_S)
        super().stop()

    def frames(self):
        """{camera: frames in its files}"""
        found = collections.Counter()
        for path in (self.folder / "footage").rglob("*.mp4"):
            found[path.parts[-3] if "archive" in path.parts else path.name.rpartition("-")[0]] += frames_of(path)
        return found


class Before(Holdfast):
    name = "before"

    def build(self):
        return self.args.before


TOOLS = {t.name: t for t in (Null, Holdfast, Before, Ffmpeg, Gstreamer)}


def boxes(f, end):
    while f.tell() + 8 <= end:
        at = f.tell()
        head = f.read(8)
        yield head[4:8], at + int.from_bytes(head[:4], "big")
        f.seek(at + int.from_bytes(head[:4], "big"))


def frames_of(path):
    """Of a fragmented MP4: the samples of all `trun` boxes."""
    total = 0
    with open(path, "rb") as f:
        for kind, end in boxes(f, os.path.getsize(path)):
            for inner, inner_end in boxes(f, end) if kind == b"moof" else ():
                for last, _ in boxes(f, inner_end) if inner == b"traf" else ():
                    if last == b"trun":
                        total += int.from_bytes(f.read(8)[4:], "big")
    return total


# --- one run ---------------------------------------------------------------------------------

def measure(args, tools):
    """[{row: figures per camera and second}], one for each window."""
    windows = []
    for _ in range(args.windows):
        rows = {row: pids for t in tools for row, pids in t.rows().items()}
        began, before = time.monotonic(), {row: sample(pids) for row, pids in rows.items()}
        time.sleep(args.seconds)
        after = {row: sample(pids) for row, pids in rows.items()}
        each = (time.monotonic() - began) * tools[0].count
        windows.append({row: {k: v / each for k, v in spent(before[row], after[row]).items()} |
                        {"pss_mib": pss_mib(pids) / tools[0].count} for row, pids in rows.items()})
    return windows


def check(args, tools, sent):
    """What would make the figures worthless, or a loss."""
    least = FPS * args.seconds * args.windows
    for t in tools:
        streams = [sent[f"{t.name}{i}"] for i in range(t.count)]
        if min(s[0] for s in streams) < least or any(s[1] for s in streams):
            print(f"  NOT VALID: {t.name} took {min(s[0] for s in streams)} frames of a camera at least, "
                  f"and was too slow for {sum(s[1] for s in streams)}; see its log")
        if isinstance(t, Holdfast):
            kept = t.frames()
            total, lost = sum(s[0] for s in streams), [s[0] - kept[f"c{i}"] for i, s in enumerate(streams)]
            print(f"  {t.name}: {total} frames sent, {sum(kept.values())} recorded"
                  + (f"; DIFFERENT for {sum(map(bool, lost))} cameras: {lost}" if any(lost) else ""))


def run(args, names, count, clip):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=args.folder))
    with contextlib.ExitStack() as stack:
        if not args.keep:
            stack.callback(shutil.rmtree, folder)
        source = Source(args, clip)
        stack.callback(source.process.kill)
        tools = [TOOLS[name](args, source.port, count, folder) for name in names]
        for t in tools:
            stack.callback(t.stop)
            t.start()
        time.sleep(args.warm_up + count * 0.06)
        windows = measure(args, tools)
        source.silence()
        for t in tools:
            t.stop()
        check(args, tools, source.stop())
    return windows


# --- the table -----------------------------------------------------------------------------------

def table(windows, nulls):
    """Medians over the windows; a ratio is the median of the windows' ratios."""
    lines = [HEADS]
    for row in windows[0]:
        def middle(key):
            return statistics.median(w[row][key] for w in windows)

        def ratio(key):
            pairs = [(w[row][key], n["null"][key]) for w, n in zip(windows, nulls)]
            return f"{statistics.median(a / b for a, b in pairs):.2f}" if all(b for _, b in pairs) else "-"
        lines.append((row, f"{middle('cpu_ms'):.3f}", ratio("cpu_ms"), f"{middle('pss_mib'):.2f}", ratio("pss_mib"),
                      f"{middle('switches'):.1f}", ratio("switches"), f"{middle('writes'):.1f}", ratio("writes"),
                      f"{middle('written_kb'):.0f}", f"{middle('disk_kb'):.0f}"))
    print_table(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a folder built with --buildtype=release")
    parser.add_argument("--cameras", default="16,64,128")
    parser.add_argument("--before", type=lambda p: pathlib.Path(p).resolve(), help="another build to compare with")
    parser.add_argument("--tools")
    parser.add_argument("--modes", default="together,alone")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="of a window")
    parser.add_argument("--warm-up", type=int, default=10)
    parser.add_argument("--segment", type=int, default=60, help="seconds")
    parser.add_argument("--buffer", type=int, help="MiB; otherwise Holdfast's default")
    parser.add_argument("--cpu", type=int, help="the only core that the recorders get")
    parser.add_argument("--roles", action="store_true", help="rows for Holdfast's other processes")
    parser.add_argument("--folder", help="on the disk to write to")
    parser.add_argument("--keep", action="store_true", help="leave files and logs")
    args = parser.parse_args()
    args.build = args.build.resolve()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # GStreamer holds a dozen files for a camera
    tools = args.tools.split(",") if args.tools else [t for t in TOOLS if t != "before" or args.before]
    with tempfile.TemporaryDirectory(prefix="holdfast-clip-", dir=args.folder) as folder:
        clip = pathlib.Path(folder) / "clip.h264"
        make_clip(clip)
        for count in map(int, args.cameras.split(",")):
            if "together" in args.modes:
                print(f"{count} cameras, all recorders in the same window; per camera:", flush=True)
                windows = run(args, tools, count, clip)
                table(windows, windows if "null" in tools else [{"null": collections.Counter()}] * args.windows)
            if "alone" in args.modes:
                print(f"{count} cameras, one recorder after another; per camera:", flush=True)
                apart = [run(args, [name], count, clip) for name in tools]
                joined = [dict(pair for w in windows for pair in w.items()) for windows in zip(*apart)]
                table(joined, joined if "null" in tools else [{"null": collections.Counter()}] * args.windows)


sys.exit(main())
