"""Starts holdfast-camera and reads its truth log."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from harness_wait import until

BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", "build"))
STOP_S = 20


class SimCamera:
    """One holdfast-camera process; names are the cameras that it plays."""

    def __init__(self, *names, fps=10, gop_s=1, user=None, password=None, switches=()):
        self.names = names or ("a",)
        self.interval_us, self.gop_us = 1_000_000 // fps, int(gop_s * 1_000_000)
        self.user, self.password = user, password
        self.folder = tempfile.mkdtemp(prefix="hfc-", dir="/tmp")
        self._log = os.path.join(self.folder, "truth")
        self._control = os.path.join(self.folder, "control")
        self._lines, self._offset = [], 0
        secret = ["--user", user, "--password", password] if user else []
        self.process = subprocess.Popen(
            [BUILD / "tests/camera/holdfast-camera", "--listen", "127.0.0.1:0", "--log", self._log,
             "--control", self._control, "--cameras", ",".join(self.names), "--fps", str(fps),
             "--gop", str(gop_s), *secret, *switches], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.fullmatch(r"listening rtsp://127\.0\.0\.1:(\d+)/\n", line)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        code = self.process.wait(STOP_S)
        shutil.rmtree(self.folder)
        assert code == 0, f"holdfast-camera ended with {code}"

    def url(self, name):
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def order(self, line):
        """Misbehave (tests/camera/control.h)."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(STOP_S)
            s.connect(self._control)
            s.sendall(line.encode() + b"\n")
            answer = s.makefile().readline().rstrip("\n")
        assert answer.startswith("ok"), answer
        return answer

    def truth(self, name, event):
        """The lines of that event so far, oldest first."""
        with open(self._log, "rb") as f:
            f.seek(self._offset)
            fresh = f.read()
        whole = fresh[:fresh.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._lines += [json.loads(line) for line in whole.splitlines()]
        return [line for line in self._lines if line["t"] == event and line["camera"] == name]

    def clocks(self, name):
        """The burnt clock of every picture that was sent."""
        return [line["clock_us"] for line in self.truth(name, "frame")]

    def wait_frames(self, name, more):
        """Returns when the camera has sent so many more pictures."""
        want = len(self.clocks(name)) + more
        until(f"{more} more pictures of {name}", lambda: len(self.clocks(name)) >= want,
              20 + 2 * more * self.interval_us / 1e6)
        return self.clocks(name)
