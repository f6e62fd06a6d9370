#!/usr/bin/python3
"""A camera made of VLC's RTSP server, which takes viewers over UDP only and shares no code with the others.

    vlc_camera.py FOLDER NAME PORT

Shows the clock of tests/camera/clockbits.h at 5 pictures a second at rtsp://127.0.0.1:PORT/NAME, some time after
it was drawn, and writes each picture's clock to FOLDER/truth. Ends, and VLC with it, by SIGTERM.
"""
import os
import signal
import subprocess
import sys

import gst_camera
from gi.repository import GLib, Gst

NOBODY = 65534
CACHE_MS = 300


def start_vlc(folder, name, port):
    """It refuses to be root, and wants a home."""
    os.chmod(folder, 0o777)
    become = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.Popen(
        ["vlc", "--intf=dummy", "--quiet", "--demux=ts", f"--file-caching={CACHE_MS}", "-", "--sout-keep",
         f"--sout=#rtp{{sdp=rtsp://127.0.0.1:{port}/{name}}}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd=folder, env={**os.environ, "HOME": folder}, **become)


def main():
    folder, name, port = sys.argv[1:]
    Gst.init(None)
    vlc, loop = start_vlc(folder, name, port), GLib.MainLoop()
    pipeline = Gst.parse_launch(f"{gst_camera.SOURCE} ! {gst_camera.ENCODERS['h264']} ! mpegtsmux "
                                f"! fdsink fd={vlc.stdin.fileno()} sync=false")
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    with open(os.path.join(folder, "truth"), "w", encoding="ascii") as truth:
        source = gst_camera.Source(truth)
        pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add(1000 // gst_camera.FPS, source.show, pipeline.get_by_name("source"))
        loop.run()
    vlc.kill()
    vlc.wait()


main()
