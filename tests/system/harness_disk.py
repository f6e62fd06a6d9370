"""Storage roots that fail when they are told to: holdfast-sickdisk (FUSE)."""
import os
import shutil
import socket
import subprocess
import tempfile

from harness_camera import BUILD

STOP_S = 20
PROGRAM = BUILD / "tests/sickdisk/holdfast-sickdisk"
SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]


class SickDisk:
    """A mounted folder, well until it is told otherwise. What was written lies in `backing`."""

    def __init__(self):
        assert PROGRAM.exists(), "holdfast-sickdisk was not built: install libfuse3-dev and fuse3 (tests/packages.sh)"
        assert os.path.exists("/dev/fuse"), "no /dev/fuse here: these tests need FUSE (modprobe fuse)"
        self.folder = tempfile.mkdtemp(prefix="hfd-", dir="/tmp")
        self.backing, self.path = (os.path.join(self.folder, name) for name in ("backing", "disk"))
        self._control = os.path.join(self.folder, "control")
        self._lingering = []
        os.mkdir(self.backing)
        os.mkdir(self.path)
        self._start()

    def _start(self):
        self.process = subprocess.Popen([PROGRAM, self.backing, self.path, self._control],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "mounted\n", f"FUSE cannot mount here: {self.process.stderr.read()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()
        shutil.rmtree(self.folder)

    def vanish(self):
        """As if it was pulled out: what is open lingers, the folder below is empty."""
        self._lingering.append(self.process)
        subprocess.run(["fusermount3", "-u", "-z", self.path], check=True)

    def come_back(self):
        os.unlink(self._control)
        self._start()

    def _end(self):
        self.order("heal")
        subprocess.run(["fusermount3", "-u", self.path], check=True)  # fails if anybody still uses it
        for process in [*self._lingering, self.process]:
            code = process.wait(STOP_S)
            process.stdout.close()
            process.stderr.close()
            assert code == 0, f"holdfast-sickdisk ended with {code}"

    def order(self, line):
        """tests/sickdisk/sickness.h"""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(STOP_S)
            s.connect(self._control)
            s.sendall(line.encode() + b"\n")
            answer = s.makefile().readline()
        assert answer == "ok\n", answer
