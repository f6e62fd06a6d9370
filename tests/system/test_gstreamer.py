"""A camera that shares no code with ours: GStreamer's RTSP server, with Digest and with Basic login."""
import os
import pathlib
import subprocess
import tempfile

import pytest

from harness_footage import check_range
from harness_site import Site
from harness_time import SECOND
from harness_wait import until

PROGRAM = pathlib.Path(__file__).with_name("gst_camera.py")
PICTURES = 50


class GstCamera:
    """Looks like a SimCamera to the harness."""
    names, user, password = ("a",), "view", "p w?&"
    interval_us, gop_us = SECOND // 5, SECOND

    def __init__(self, kind):
        self._folder = tempfile.TemporaryDirectory(prefix="hfg-")
        self._truth = os.path.join(self._folder.name, "truth")
        self.process = subprocess.Popen(["/usr/bin/python3", PROGRAM, self._truth, kind, self.user, self.password],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._folder.cleanup()

    def url(self, name):
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def clocks(self, _="a"):
        with open(self._truth, encoding="ascii") as f:
            return [int(line) for line in f.read().split("\n")[:-1]]


@pytest.mark.parametrize("kind", ["digest", "basic"])
def test_footage_shows_what_the_camera_saw(kind):
    """Ten seconds: decoded in silence, every picture once, in order."""
    with GstCamera(kind) as camera, Site([camera], segment="4s") as site:
        clocks = until("ten seconds of pictures", lambda: camera.clocks()[PICTURES:] and camera.clocks(), 60)
        site.wait_recorded("a", clocks[-1])
        start, end = clocks[5], clocks[-1]
        answer = site.footage("a", start, end)
        assert answer.status == 200, answer.body
        check_range(answer.body, start, end, camera.clocks(), camera)
        assert [t[2] for t in site.tiles("a", start, end)] == ["recorded"]
