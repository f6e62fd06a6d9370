#!/usr/bin/python3
"""A camera made of GStreamer's RTSP server, which shares no code with holdfast-camera.

    gst_camera.py TRUTH digest|basic USER PASSWORD

Shows the clock of tests/camera/clockbits.h at 5 pictures a second, writes each picture's clock to the file
TRUTH, and prints its port when it listens. The path is /a.
"""
import binascii
import struct
import sys
import time

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

WIDTH, HEIGHT, FPS = 160, 120, 5
CELL, COLUMNS, ROWS = 8, 16, 6
PIPELINE = (f"( appsrc name=source is-live=true format=time do-timestamp=true "
            f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1 "
            f"! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max={FPS} "
            f"! rtph264pay name=pay0 pt=96 )")


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


class Camera(GstRtspServer.RTSPMediaFactory):
    """One media, shared by all viewers, fed by a timer."""

    def __init__(self, truth):
        super().__init__()
        self.truth = truth
        self.set_launch(PIPELINE)
        self.set_shared(True)
        self.connect("media-configure", self.on_media)

    def on_media(self, _, media):
        source = media.get_element().get_child_by_name("source")
        GLib.timeout_add(1000 // FPS, self.show, source)

    def show(self, source):
        clock_us = time.time_ns() // 1000
        if source.emit("push-buffer", Gst.Buffer.new_wrapped(picture(clock_us))) != Gst.FlowReturn.OK:
            return False
        print(clock_us, file=self.truth, flush=True)
        return True


def make_auth(kind, user, password):
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if kind == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


def main():
    truth, kind, user, password = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service="0", address="127.0.0.1")
    server.set_auth(make_auth(kind, user, password))
    with open(truth, "w", encoding="ascii") as f:
        factory = Camera(f)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
        server.get_mount_points().add_factory("/a", factory)
        server.attach(None)
        print(server.get_bound_port(), flush=True)
        GLib.MainLoop().run()


main()
