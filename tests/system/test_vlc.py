"""A camera that shares no code with ours nor with GStreamer's: VLC's RTSP server, which knows UDP only."""
import subprocess

import pytest

from harness_footage import check_unbroken, clocks_of
from harness_site import PROGRAM, Site, environment
from harness_vlc import VlcCamera
from harness_time import SECOND
from harness_wait import until

PICTURES = 50
DELAY_US = 5 * SECOND  # from the drawing of a picture until VLC sends it, at most


@pytest.fixture(scope="module")
def camera():
    with VlcCamera("a") as c:
        yield c


def test_footage_shows_what_the_camera_saw(camera):
    """Ten seconds over UDP: decoded in silence, every picture once, in order."""
    with Site([camera], segment="4s") as site:
        start = until("recording", lambda: site.events("camera"))[0]
        assert start["state"] == "recording", start
        shown = len(camera.clocks())
        until("ten seconds of pictures", lambda: camera.clocks()[shown + PICTURES:], 60)
        end = camera.clocks()[-1]
        site.wait_recorded("a", end)
        (begin, _), = site.recorded("a", end - PICTURES * camera.interval_us, end)
        clocks = clocks_of(site.footage("a", begin, end).body)
        check_unbroken(clocks, camera.clocks())
        assert len(clocks) >= PICTURES - 10
        assert begin - DELAY_US < clocks[0] < clocks[-1] < end


def test_probe_says_what_to_do_about_a_camera_without_tcp(camera):
    """It answers 461 to what we ask for by default."""
    done = subprocess.run([PROGRAM, "probe", camera.url("a")], env=environment(), capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and "461" in done.stdout and "transport: udp" in done.stdout, done
