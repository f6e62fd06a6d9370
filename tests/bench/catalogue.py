#!/usr/bin/python3
"""What a catalogue of a large site costs: questions, bytes, a start, and making it again (README.md).

    tests/bench/catalogue.py build                          64 cameras, 90 days: 1.7 M segments
    tests/bench/catalogue.py build --cameras 8 --days 10    a minute
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from common import Source, free_port, make_clip, print_table

FIRST_FRAME_BYTES = 4096   # more than ftyp and moov: a fragment follows
START_S = 60
STOP_S = 90
POLL_S = 0.002
SMALL = (3000, 1, 1)       # files, fragments of 2 s, frames of 16 kB in each
LARGE = (40, 150, 25)      # 5 minutes of 1.6 Mbit/s


def run_tool(program, *words):
    """Its "name value" lines."""
    out = subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


# --- the questions ----------------------------------------------------------------------

def ask(args, state, facts):
    got = run_tool(args.build / "tests/bench/bench-catalogue-ask", state, args.cameras, int(facts["start_us"]), int(facts["end_us"]))
    size = sum(os.path.getsize(f"{state}/catalog.db{suffix}") for suffix in ("", "-wal"))
    print_table([
        (f"{facts['segments']:.0f} segments, {got['gaps']:.0f} gaps", "median", "p99", "aim"),
        ("coverage and gaps of one camera, all days, ms", f"{got['camera_ms_median']:.3f}", f"{got['camera_ms_p99']:.3f}", "< 5"),
        ("the same of the whole site, ms", f"{got['site_ms']:.1f}", "", ""),
        ("a scan of the segment table for that, ms", f"{got['scan_ms']:.0f}", "", ""),
        ("ratio", f"{got['scan_ms'] / got['site_ms']:.0f}", "", ">= 100"),
        ("the fragment of an instant, ms", f"{got['lookup_ms_median']:.3f}", f"{got['lookup_ms_p99']:.3f}", "< 1"),
        ("database bytes for a camera and day", f"{size / args.cameras / args.days:.0f}", "", "")])


# --- the start --------------------------------------------------------------------------

def write_conf(args, folder, source):
    cameras = [{"id": f"c{i}", "name": f"c{i}", "area": "room", "url": f"rtsp://127.0.0.1:{source.port}/start{i}"}
               for i in range(args.cameras)]
    conf = {"site": {"id": "cn-bench-0001", "name": "Bench", "timezone": "Asia/Shanghai", "language": "en"},
            "rule": "cn-hangjin-2021", "state": "state", "storage": [{"path": "footage", "reserve": "1MiB"}],
            "areas": [{"id": "room", "name": "Room", "kind": "activity"}], "cameras": cameras,
            "api": [{"listen": f"127.0.0.1:{free_port()}"}]}
    (folder / "holdfast.yaml").write_text(json.dumps(conf), encoding="utf-8")


def wait(what, condition):
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > START_S:
            sys.exit(f"not within {START_S} s: {what}")
        time.sleep(POLL_S)


def unix_time(text, form):
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc).timestamp()


def keeper_ready(log):
    """When the supervisor said that it works; None: not yet."""
    for line in log.read_text(errors="replace").splitlines():
        if "name=keeper" in line:
            return unix_time(line.partition("ts=")[2].partition("Z")[0], "%Y-%m-%dT%H:%M:%S.%f")
    return None


def recorded(folder, since):
    """{camera: the time of its first frame} of files that were begun since, and hold a fragment."""
    found = {}
    for entry in os.scandir(folder / "footage/incoming"):
        camera, _, name = entry.name.partition("-")
        with contextlib.suppress(OSError, ValueError):
            begun = unix_time(name.partition("Z")[0], "%Y%m%dT%H%M%S.%f")
            if begun > since and entry.stat().st_size > FIRST_FRAME_BYTES:
                found[camera] = begun
    return found


def start(args, folder, name):
    """Seconds from exec to the first frame that is recorded of any and of every camera, to the first fragment (2 s of
    frames) on disk, and until the keeper works."""
    log = folder / f"log-{name}"
    (folder / "footage/incoming").mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        wall, began = time.time(), time.monotonic()
        server = subprocess.Popen([args.build / "daemon/holdfast", "run", "-c", folder / "holdfast.yaml"], stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out)
    try:
        wait("a first frame", lambda: recorded(folder, wall))
        on_disk = time.monotonic() - began
        wait("every camera's first frame", lambda: len(recorded(folder, wall)) == args.cameras)
        frames = recorded(folder, wall).values()
        wait("the keeper", lambda: keeper_ready(log))
    finally:
        server.terminate()
        server.wait(STOP_S)
    return [f"{seconds:.2f}" for seconds in (min(frames) - wall, max(frames) - wall, on_disk, keeper_ready(log) - wall)]


def starts(args, folder, clip):
    source = Source(args, clip)
    try:
        write_conf(args, folder, source)
        lines = [("start, seconds", "first frame", "every camera", "first on disk", "keeper works", "aim of the first"),
                 ("a catalogue that nobody closed", *start(args, folder, "first"), "< 2"),
                 ("after a clean stop", *start(args, folder, "second"), "< 2")]
    finally:
        source.process.kill()
    print_table(lines)


# --- making it again --------------------------------------------------------------------

def rebuilds(args, folder):
    lines = [("a catalogue from files alone", "files", "MB", "files/s", "MB/s", "plain read MB/s", "ratio", "longest step, ms", "MiB")]
    for name, shape in (("files of one fragment", SMALL), ("files of 5 minutes", LARGE)):
        with tempfile.TemporaryDirectory(prefix="hf-", dir=folder) as archive:
            run_tool(args.build / "tests/bench/bench-archive", "make", archive, *shape)
            got = run_tool(args.build / "tests/bench/bench-archive", "rebuild", archive)
        mb = got["bytes"] / 1e6
        lines.append((name, f"{got['rows']:.0f}", f"{mb:.0f}", f"{got['rows'] / got['rebuild_s']:.0f}", f"{mb / got['rebuild_s']:.0f}",
                      f"{mb / got['read_s']:.0f}", f"{got['read_s'] / got['rebuild_s']:.2f}", f"{got['longest_ms']:.0f}",
                      f"{got['peak_mib']:.0f}"))
    print_table(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a folder built with --buildtype=release")
    parser.add_argument("--cameras", type=int, default=64)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--only", default="ask,start,rebuild")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    parser.add_argument("--folder", help="on the disk to write to; a short path")
    args = parser.parse_args()
    args.build = args.build.resolve()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hf-", dir=args.folder))
        if not args.keep:
            stack.callback(shutil.rmtree, folder)
        if "rebuild" in args.only:
            rebuilds(args, folder)
        if "ask" in args.only or "start" in args.only:
            facts = run_tool(args.build / "tests/bench/bench-catalogue", folder / "state", folder / "footage", args.cameras, args.days)
        if "ask" in args.only:
            ask(args, folder / "state", facts)
        if "start" in args.only:
            make_clip(folder / "clip.h264")
            starts(args, folder, folder / "clip.h264")


sys.exit(main())
