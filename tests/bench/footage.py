#!/usr/bin/python3
"""What it costs to fetch footage by time: Holdfast beside the file itself and beside nginx (README.md).

    tests/bench/footage.py build
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from common import free_port, print_table

FILES, FRAGMENTS, FRAMES = 24, 150, 25   # two hours in files of 5 minutes, 1.6 Mbit/s
ASKED_S = 60
BUFFER = bytearray(1 << 20)
START_S = 120
POLL_S = 0.05
NGINX = """daemon off; worker_processes 1; pid {0}/nginx.pid; error_log {0}/nginx.log;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; tcp_nopush on; default_type video/mp4; client_body_temp_path {0}/t; proxy_temp_path {0}/t;
  fastcgi_temp_path {0}/t; uwsgi_temp_path {0}/t; scgi_temp_path {0}/t;
  server {{ listen 127.0.0.1:{1}; root {0}/www; }} }}
"""


# --- asking -----------------------------------------------------------------------------

def ask(port, path, token="", keep=None):
    """(seconds to the first byte of the body, seconds in all, bytes of the body) of one GET on a connection of its own."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as s:
        lines = [f"GET {path} HTTP/1.1", "Host: bench", "Connection: close", *([f"Authorization: Bearer {token}"] if token else [])]
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head or head.endswith(b"\r\n\r\n"):
            more = s.recv(65536)
            if not more:
                break
            head += more
        first = time.perf_counter() - began
        head, _, body = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"{path}: {head.decode(errors='replace')} {body[:500].decode(errors='replace')}")
        total = len(body)
        if keep:
            keep.write(body)
        while n := s.recv_into(BUFFER):
            total += n
            if keep:
                keep.write(BUFFER[:n])
    return first, time.perf_counter() - began, total


def text_of(us):
    return datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def footage_path(start_us, end_us):
    return f"/api/v1/cameras/cam-00/footage.mp4?start={text_of(start_us)}&end={text_of(end_us)}"


def read_file(path):
    began = time.perf_counter()
    with open(path, "rb", buffering=0) as f:
        while f.readinto(BUFFER):
            pass
    return time.perf_counter() - began


# --- the servers ------------------------------------------------------------------------

def until(what, condition):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            if got := condition():
                return got
        time.sleep(POLL_S)
    return sys.exit(f"not within {START_S} s: {what}")


def start_holdfast(args, folder, stack):
    """(port, token), once it has made its catalogue from the files."""
    port = free_port()
    conf = {"site": {"id": "cn-150625-0007", "name": "Bench", "timezone": "Asia/Shanghai", "language": "en"},
            "rule": "cn-hangjin-2021", "state": "state", "storage": [{"path": "a/root", "reserve": "1MiB"}],
            "areas": [{"id": "room", "name": "Room", "kind": "activity"}],
            "cameras": [{"id": "cam-00", "name": "Camera", "area": "room", "url": f"rtsp://127.0.0.1:{free_port()}/none"}],
            "api": [{"listen": f"127.0.0.1:{port}"}]}
    (folder / "holdfast.yaml").write_text(json.dumps(conf), encoding="utf-8")
    (folder / "state").mkdir(mode=0o700)
    shutil.copytree(folder / "a/keys", folder / "state/keys")
    words = [args.build / "daemon/holdfast"]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([*words, "run", "-c", folder / "holdfast.yaml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    stack.callback(server.wait)
    stack.callback(server.terminate)
    until("the catalogue", lambda: b"ev=rebuild files=" in (folder / "log").read_bytes())
    token = until("a token", lambda: subprocess.run(
        [*words, "token", "add", "bench", "--role", "admin", "-c", folder / "holdfast.yaml"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout.strip())
    return port, token


def start_nginx(folder, stack):
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder, port), encoding="utf-8")
    server = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
    stack.callback(server.wait)
    stack.callback(server.terminate)
    until("nginx", lambda: socket.create_connection(("127.0.0.1", port)).close() or True)
    return port


# --- the figures ------------------------------------------------------------------------

def first_bytes(args, files, facts, holdfast, nginx):
    port, token = holdfast
    file, ours, theirs = [], [], []
    for _ in range(args.samples):
        at = random.uniform(facts["start_us"], facts["end_us"] - ASKED_S * 1e6)
        file.append(read_file(random.choice(files)) * 1e3)
        ours.append(ask(port, footage_path(at, at + ASKED_S * 1e6), token)[0] * 1e3)
        theirs.append(ask(nginx, "/range.mp4")[0] * 1e3)
    middle = statistics.median(file)
    print_table([(f"first byte, {args.samples} random times", "median ms", "p99 ms", "ratio", "aim")] +
                [(name, f"{statistics.median(v):.3f}", f"{sorted(v)[len(v) * 99 // 100]:.3f}", f"{statistics.median(v) / middle:.2f}", aim)
                 for name, v, aim in (("open and read one file", file, ""), ("holdfast, footage.mp4", ours, "<= 3"),
                                      ("nginx, a file", theirs, ""))])


def listener(port):
    """The process that answers there: of nginx the worker, of Holdfast the api."""
    out = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return max(int(word.split(",")[0]) for word in out.split("pid=")[1:])


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def throughput(args, facts, holdfast, nginx):
    port, token = holdfast
    path, rounds = footage_path(facts["start_us"], facts["end_us"]), []
    pids = listener(port), listener(nginx)
    before = [cpu_s(p) for p in pids]
    for _ in range(args.rounds):
        rounds.append([total / seconds / 1e6 for _, seconds, total in (ask(port, path, token), ask(nginx, "/range.mp4"))])
    cpu = [cpu_s(p) - b for p, b in zip(pids, before)]
    ours, theirs = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    ratios = [a / b for a, b in rounds]
    print_table([("the same bytes, over loopback", "MB/s", "ratio", "of", "CPU s", "aim"),
                 ("holdfast, footage.mp4", f"{ours:.0f}", f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} … {max(ratios):.2f}",
                  f"{cpu[0]:.2f}", ">= 0.8"),
                 ("nginx, a file", f"{theirs:.0f}", "1", "", f"{cpu[1]:.2f}", "")])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a folder built with --buildtype=release")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="on the disk to write to; a short path")
    args = parser.parse_args()
    args.build = args.build.resolve()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hf-", dir=args.folder))
        stack.callback(shutil.rmtree, folder)
        for name in ("a", "www"):
            (folder / name).mkdir()
        folder.chmod(0o755)
        out = subprocess.run([args.build / "tests/bench/bench-archive", "make", folder / "a", *map(str, (FILES, FRAGMENTS, FRAMES))],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        facts = {name: int(value) for name, value in (line.split() for line in out.splitlines())}
        holdfast = start_holdfast(args, folder, stack)
        with open(folder / "www/range.mp4", "wb") as f:
            ask(holdfast[0], footage_path(facts["start_us"], facts["end_us"]), holdfast[1], f)
        nginx = start_nginx(folder, stack)
        files = sorted((folder / "a/root/archive").rglob("*.mp4"))
        first_bytes(args, files, facts, holdfast, nginx)
        throughput(args, facts, holdfast, nginx)


sys.exit(main())
