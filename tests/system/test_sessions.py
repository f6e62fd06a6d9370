"""A camera has few sessions to give: Holdfast holds one of them, never two, and gives it back."""
import os
import signal

from harness_camera import SimCamera
from harness_site import Site
from harness_wait import until


def sessions(camera):
    """The number of sessions after each change."""
    changes = sorted([(line["at_us"], -1) for line in camera.truth("a", "teardown")] +
                     [(line["at_us"], 1) for line in camera.truth("a", "session")])
    return [sum(step for _, step in changes[:i + 1]) for i in range(len(changes))]


def wait_plays(camera, count):
    until(f"{count} sessions played", lambda: len(camera.truth("a", "play")) >= count)


def test_one_session_at_a_time_and_none_after_a_stop():
    """Through a lost connection, a changed configuration and a refusal of UDP."""
    with SimCamera("a") as camera:
        with Site([camera], segment="4s") as site:
            wait_plays(camera, 1)
            camera.order("drop a")
            wait_plays(camera, 2)
            site.conf["cameras"][0]["transport"] = "udp"
            site.write_conf()
            os.kill(site.process.pid, signal.SIGHUP)
            wait_plays(camera, 3)
            clocks = camera.wait_frames("a", 10)
            site.wait_recorded("a", clocks[-1])
            (said,) = site.events("rtsp_transport")
            assert (said["asked"], said["used"]) == ("udp", "tcp")
        assert max(sessions(camera)) == 1 and sessions(camera)[-1] == 0
        assert [t["cause"] for t in camera.truth("a", "teardown")[1:]] == ["request", "request"]
