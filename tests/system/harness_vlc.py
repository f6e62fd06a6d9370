"""Starts vlc_camera.py: a camera of VLC's RTSP server. Looks like a SimCamera to the harness."""
import pathlib
import shutil
import socket
import subprocess
import tempfile

from harness_site import free_port
from harness_time import SECOND
from harness_wait import until

PROGRAM = pathlib.Path(__file__).with_name("vlc_camera.py")
STOP_S = 20


class VlcCamera:
    """One process, one camera, over UDP: VLC knows nothing else."""
    interval_us, gop_us = SECOND // 5, SECOND
    user = password = None
    settings = {"transport": "udp"}

    def __init__(self, name):
        self.names, self.port = (name,), free_port()
        self.folder = tempfile.mkdtemp(prefix="hfv-", dir="/tmp")
        self.process = subprocess.Popen(["/usr/bin/python3", PROGRAM, self.folder, name, str(self.port)])
        until("VLC describes its stream", self._describes, 60)

    def _describes(self):
        """It listens before it knows what it streams, and answers 500 until then."""
        assert self.process.poll() is None
        ask = f"DESCRIBE {self.url(self.names[0])} RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                s.sendall(ask.encode("ascii"))
                return s.recv(4096).startswith(b"RTSP/1.0 200")
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(STOP_S)
        shutil.rmtree(self.folder)

    def url(self, name):
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def clocks(self, _=None):
        """The burnt clock of every picture."""
        with open(self.folder + "/truth", encoding="ascii") as f:
            return [int(line) for line in f.read().split("\n")[:-1]]
