"""One running Holdfast: its configuration, its processes, its answers."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile

from harness_camera import BUILD
from harness_http import UnixConnection, call
from harness_time import parse_us, text_of
from harness_wait import until

PROGRAM = BUILD / "daemon/holdfast"
ROLES = ("recorder", "keeper", "api")
STOP_S = 40
LOG_LINES = 150
WINDOW_US = 60_000_000  # around the clocks that a test knows
running = []  # for the log in a failed test's report


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(sandbox=True):
    """A confined child cannot be searched for leaks: the checker needs ptrace."""
    options = os.environ.get("ASAN_OPTIONS", "") + (":detect_leaks=0" if sandbox else ":detect_leaks=1")
    extra = {} if sandbox else {"HOLDFAST_NO_SANDBOX": "1"}
    return {**os.environ, "ASAN_OPTIONS": options.lstrip(":"), "LANG": "C.UTF-8", **extra}


def members(folder):
    """{pid: command line} of the living processes that were started in a folder."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") != folder:
                continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if words != [b""]:  # it is no zombie
            found[int(pid)] = [w.decode(errors="replace") for w in words]
    return found


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


class Site:
    """A nursery: `holdfast run` with a configuration and a state of its own."""

    def __init__(self, cameras=(), segment="4s", regulator=None, **more):
        self.folder = tempfile.mkdtemp(prefix="hf-", dir="/tmp")
        self.conf_path = self.path("holdfast.yaml")
        self.port, self.process, self.token, self.sandbox = free_port(), None, None, True
        self.program = PROGRAM  # that runs
        self.attacked = False  # a test makes its roles do what they may not
        self.env = {}  # of `run`, beside what all processes have
        self.prefix = []  # a command that becomes `run`
        self.conf = {
            "site": {"id": "cn-test-0001", "name": "Test nursery", "timezone": "Asia/Shanghai", "language": "en"},
            "rule": "cn-hangjin-2021", "state": "state",
            "storage": [{"path": "footage", "reserve": "1MiB"}],
            "recording": {"segment": segment, "gap_after": "2s"},
            "areas": [{"id": "room", "name": "Room", "kind": "activity"}],
            "cameras": [], "api": [{"listen": f"127.0.0.1:{self.port}"}], **more}
        if regulator:
            self.conf["regulator"] = {"url": regulator}
        for camera in cameras:
            for name in camera.names:
                self.add_camera(name, camera.url(name), camera.user, camera.password,
                                **getattr(camera, "settings", {}))

    def __enter__(self):
        running.append(self)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            if sys.exc_info()[0]:  # a fixture failed: pytest shows what it printed
                print(self.log_tail())
            running.remove(self)
            if not os.environ.get("HOLDFAST_KEEP"):
                shutil.rmtree(self.folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    # --- configuration ----------------------------------------------------------------

    def add_camera(self, name, url, user=None, password=None, **settings):
        camera = {"id": name, "name": f"Camera {name}", "area": "room", "url": url, **settings}
        if user:
            camera |= {"username": user, "password_file": f"{name}.pw"}
            self.write_secret(f"{name}.pw", password)
        self.conf["cameras"].append(camera)

    def write_secret(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)

    def write_conf(self):
        """YAML has JSON in it."""
        with open(self.conf_path, "w", encoding="utf-8") as f:
            json.dump(self.conf, f, indent=1)

    # --- processes ---------------------------------------------------------------------

    def start(self):
        self.write_conf()
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.program, "run", "-c", self.conf_path], stdout=log, stderr=log,
                                            cwd=self.folder, env={**environment(self.sandbox), **self.env})
        self.wait_ready()
        if not self.token:
            self.token = self.make_token("admin")

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, "holdfast ended:\n" + self.log()
            answer = self.get("/readyz", base="")
            can = answer.status == 200 or b"nothing_recorded" in answer.body  # a test may have no camera that answers
            return can and all(map(self.pid, self.roles()))
        until("ready", ready)

    def stop(self):
        """A clean stop: every exit code 0, nothing left, nothing the sanitizers had to say."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.ended()
        assert self.process.returncode == 0, self.process.returncode
        final = {e["name"]: e for e in self.events("process") if e.get("state") == "exited"}
        assert set(final) >= set(self.roles())
        assert all((e["status"], e["signal"]) == ("0", "0") for e in final.values()), final
        assert not re.search(r"Sanitizer|runtime error:", self.log())
        refused = {(e["role"], e["call"]) for e in self.events("refused")}
        assert self.attacked or not refused, f"not on the list of system calls (base/sandbox_calls.c): {refused}"

    def ended(self):
        """Waits for the end of all processes; what stays is killed, and that is a failure."""
        try:
            self.process.wait(STOP_S)
            until("no process left", lambda: not members(self.folder), 5)
        finally:
            for pid in members(self.folder):
                os.kill(pid, signal.SIGKILL)
            self.process.wait(STOP_S)

    def roles(self):
        """That are to run with this configuration."""
        return (*ROLES, "offloader") if "offload" in self.conf else ROLES

    def pid(self, role):
        """Of that child of the present supervisor, None while it is away."""
        for pid, words in members(self.folder).items():
            if words[0].endswith(f"/holdfast-{role}") and parent_of(pid) == self.process.pid:
                return pid
        return None

    def kill(self, role):
        """SIGKILL; returns when it has another pid. "supervisor": starts it again, too."""
        if role == "supervisor":
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_S)
            self.start()
            return
        before = self.pid(role)
        os.kill(before, signal.SIGKILL)
        until(f"another {role}", lambda: self.pid(role) not in (None, before))

    def log_tail(self):
        return f"--- log of {self.folder}\n" + "\n".join(self.log().splitlines()[-LOG_LINES:])

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def events(self, name):
        """The log's lines of that event as dictionaries (logfmt)."""
        lines = [dict(re.findall(r'(\w+)=("[^"]*"|\S*)', line)) for line in self.log().splitlines()]
        return [line for line in lines if line.get("ev") == name]

    # --- asking ------------------------------------------------------------------------

    def cli(self, *words, code=0):
        done = subprocess.run([PROGRAM, *words, "-c", self.conf_path], cwd=self.folder, env=environment(),
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr if code else done.stdout

    def make_token(self, role):
        return until("a token", lambda: self.cli("token", "add", role, "--role", role)).strip()

    def request(self, method, path, query=None, headers=None, body=None, token="", base="/api/v1"):
        """token None: without; otherwise the administrator's."""
        headers = dict(headers or {})
        token = self.token if token == "" else token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return call(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), method, base + path, query,
                    headers, body)

    def get(self, path, query=None, **more):
        return self.request("GET", path, query, **more)

    def get_local(self, path, query=None):
        """Over the Unix socket, as the service's own user."""
        return call(UnixConnection(self.path("state/api.sock")), "GET", "/api/v1" + path, query)

    def footage(self, camera, start_us, end_us, method="GET", headers=None):
        return self.request(method, f"/cameras/{camera}/footage.mp4",
                            {"start": text_of(start_us), "end": text_of(end_us)}, headers)

    def tiles(self, camera, from_us, to_us):
        """[(start_us, end_us, state, cause)], checked to tile the window to the microsecond."""
        answer = self.get("/coverage", {"from": text_of(from_us), "to": text_of(to_us), "camera": camera}).json()
        tiles = [(parse_us(t["start"]), parse_us(t["end"]), t["state"], t.get("cause"))
                 for t in answer["cameras"][0]["spans"]]
        assert [tiles[0][0]] + [t[1] for t in tiles] == [t[0] for t in tiles] + [to_us]
        assert tiles[0][0] == from_us
        return tiles

    def recorded(self, camera, from_us, to_us):
        return [(s, e) for s, e, state, _ in self.tiles(camera, from_us, to_us) if state == "recorded"]

    def first_recorded(self, camera, clocks):
        """When the coverage of a camera that shows these clocks began; None while there is none."""
        return next((s for s, _ in self.recorded(camera, clocks[0] - WINDOW_US, clocks[-1] + WINDOW_US)), None)

    def wait_recorded(self, camera, at_us, timeout_s=30):
        """Returns when coverage reaches that instant."""
        until(f"{camera} recorded at {text_of(at_us)}",
              lambda: self.recorded(camera, at_us - 1, at_us), timeout_s)

    def gaps(self, **query):
        return self.get("/gaps", {"limit": 100, **query}).json()["gaps"]

    def ledger(self):
        entries, after = [], 0
        while after is not None:
            page = self.get("/ledger", {"after": after, "limit": 1000}).json()
            entries, after = entries + page["entries"], page["next"]
        return entries

    # --- what lies on disk ----------------------------------------------------------------

    def fsck(self):
        return self.cli("fsck", "--full")

    def incoming(self):
        return os.listdir(self.path("footage/incoming"))

    def catalog_copy(self):
        """A copy of the catalogue in memory, free to be mistreated."""
        copy = sqlite3.connect(":memory:")
        with contextlib.closing(sqlite3.connect(f"file:{self.path('state/catalog.db')}?mode=ro", uri=True)) as live:
            live.backup(copy)
        return copy
