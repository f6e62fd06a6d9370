#!/usr/bin/python3
"""A camera made of GStreamer's RTSP server, which shares no code with holdfast-camera.

    gst_camera.py FOLDER NAME [--auth digest|basic --user USER --password PASSWORD] [--codec h264|h265]
                  [--audio none|aac|latm|pcma] [--address ADDRESS] [--tls FILE] [--mtu BYTES]

Shows the clock of tests/camera/clockbits.h at 5 pictures a second at the path /NAME, and prints its port when it
listens. Writes each picture's clock to FOLDER/truth, and to FOLDER/sessions the number of sessions whenever it
changes. FILE holds a certificate and its key: then it speaks nothing but TLS.
"""
import argparse
import binascii
import os
import struct
import time

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

WIDTH, HEIGHT, FPS = 160, 120, 5
CELL, COLUMNS, ROWS = 8, 16, 6
SESSIONS_MS = 20
SOURCE = (f"appsrc name=source is-live=true format=time "
          f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1")
ENCODERS = {
    "h264": f"x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max={FPS}",
    # parameter sets come in-band only: the payloader knows none when it is described
    "h265": f"x265enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max={FPS} "
            "option-string=repeat-headers=1:pools=1:log-level=none",
}
TONE = "audiotestsrc wave=ticks ! audio/x-raw,rate=%d,channels=1 ! audioconvert "
AUDIO = {
    "none": "",
    "aac": TONE % 16000 + "! voaacenc bitrate=32000 ! rtpmp4gpay name=pay1 pt=97",
    "latm": TONE % 16000 + "! voaacenc bitrate=32000 ! rtpmp4apay name=pay1 pt=97",
    "pcma": TONE % 8000 + "! alawenc ! rtppcmapay name=pay1 pt=8",
}


def picture(clock_us):
    """I420 with the clock's bits at the top left, white = 1."""
    packed = struct.pack(">QH", clock_us, 1)
    bits = packed + struct.pack(">H", binascii.crc_hqx(packed, 0xFFFF))
    luma = bytearray(b"\x50" * (WIDTH * HEIGHT))
    for row in range(ROWS):
        value = int.from_bytes(bits[2 * row:2 * row + 2], "big")
        line = b"".join((b"\xeb" if value >> (COLUMNS - 1 - x) & 1 else b"\x10") * CELL for x in range(COLUMNS))
        for y in range(row * CELL, (row + 1) * CELL):
            luma[y * WIDTH:y * WIDTH + len(line)] = line
    return bytes(luma) + b"\x80" * (WIDTH * HEIGHT // 2)


class Source:
    """Feeds an appsrc and writes down what it showed."""

    def __init__(self, truth):
        self.truth = truth

    def show(self, source):
        """Stamped as it is drawn: the encoder may be slow to begin."""
        clock_us, running = time.time_ns() // 1000, source.get_current_running_time()
        if running == Gst.CLOCK_TIME_NONE:
            return True
        buffer = Gst.Buffer.new_wrapped(picture(clock_us))
        buffer.pts = running
        if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
            return False
        print(clock_us, file=self.truth, flush=True)
        return True


class Camera(GstRtspServer.RTSPMediaFactory):
    """One media, shared by all viewers, fed by a timer."""

    def __init__(self, options, truth):
        super().__init__()
        self.source = Source(truth)
        self.set_launch(f"( {SOURCE} ! {ENCODERS[options.codec]} "
                        f"! rtp{options.codec}pay name=pay0 pt=96 mtu={options.mtu} {AUDIO[options.audio]} )")
        self.set_shared(True)
        self.connect("media-configure", self.on_media)

    def on_media(self, _, media):
        source = media.get_element().get_child_by_name("source")
        GLib.timeout_add(1000 // FPS, self.source.show, source)


class SessionLog:
    """Writes the number of sessions whenever it is another."""

    def __init__(self, pool, file):
        self.pool, self.file, self.last = pool, file, None
        GLib.timeout_add(SESSIONS_MS, self.look)

    def look(self):
        count = self.pool.get_n_sessions()
        if count != self.last:
            print(count, file=self.file, flush=True)
            self.last = count
        return True


def make_auth(options):
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if options.auth == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(options.user, options.password, token)
    elif options.auth == "basic":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    else:
        auth.set_default_token(token)
    if options.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.tls))
    return auth


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("name")
    parser.add_argument("--auth", choices=["digest", "basic"])
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--codec", choices=ENCODERS, default="h264")
    parser.add_argument("--audio", choices=AUDIO, default="none")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--tls")
    parser.add_argument("--mtu", type=int, default=1400)
    return parser.parse_args()


def main():
    options = parse()
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service="0", address=options.address)
    server.set_auth(make_auth(options))
    with open(os.path.join(options.folder, "truth"), "w", encoding="ascii") as truth, \
         open(os.path.join(options.folder, "sessions"), "w", encoding="ascii") as sessions:
        factory = Camera(options, truth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
        server.get_mount_points().add_factory("/" + options.name, factory)
        log = SessionLog(server.get_session_pool(), sessions)
        server.attach(None)
        print(server.get_bound_port(), flush=True)
        GLib.MainLoop().run()
        del log


if __name__ == "__main__":
    main()
