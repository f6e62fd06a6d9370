"""Reads back the clock that holdfast-camera burns into its pictures (clockbits.h).

    frames = read_frames("footage.mp4")          # or the bytes of a file
    for pts_seconds, clock_us, camera_number in frames: ...
    assert frames.stderr == ""                   # the decoder had nothing to say

Needs ffmpeg on PATH and the standard library only.
"""
import binascii
import os
import struct
import subprocess
import sys
import tempfile
import typing
from fractions import Fraction

CELL_PX = 8
COLUMNS = 16
ROWS = 6
CELLS = COLUMNS * ROWS


class ClockError(Exception):
    """A picture without a readable clock, or a file that cannot be decoded."""


class Frame(typing.NamedTuple):
    pts_seconds: float
    clock_us: int
    camera_number: int


class Frames(list):
    """A list of Frame, with what ffmpeg wrote on stderr."""
    stderr = ""


def decode_cells(cells):
    """96 mean luma values, row by row -> (clock_us, camera_number)."""
    bits = 0
    for value in cells:
        bits = bits << 1 | (value >= 128)
    packed = bits.to_bytes(CELLS // 8, "big")
    clock_us, camera_number, crc = struct.unpack(">QHH", packed)
    if binascii.crc_hqx(packed[:10], 0xFFFF) != crc:
        raise ClockError(f"bad CRC: {packed.hex()}")
    return clock_us, camera_number


def _read_pts(framecrc):
    """framecrc's text -> the pts of each picture in seconds."""
    base, pts = None, []
    for line in framecrc.splitlines():
        if line.startswith("#tb 0:"):
            base = Fraction(line.split(":", 1)[1].strip())
        elif line and not line.startswith("#"):
            pts.append(float(int(line.split(",")[2]) * base))
    return pts


def _decode(path, scratch):
    """Runs ffmpeg once with two outputs: the cells' mean luma, and the timestamps."""
    cells, times = os.path.join(scratch, "cells"), os.path.join(scratch, "times")
    shrink = (f"crop={COLUMNS * CELL_PX}:{ROWS * CELL_PX}:0:0,"
              f"scale={COLUMNS}:{ROWS}:flags=area,format=gray,split[cells][times]")
    passthrough = ["-fps_mode", "passthrough", "-enc_time_base", "-1"]
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-copyts", "-i", path,
         "-filter_complex", "[0:v:0]" + shrink,
         "-map", "[cells]", *passthrough, "-f", "rawvideo", cells,
         "-map", "[times]", *passthrough, "-f", "framecrc", times],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise ClockError(f"ffmpeg failed on {path}: {done.stderr.strip()}")
    with open(cells, "rb") as f, open(times, encoding="ascii") as g:
        return f.read(), _read_pts(g.read()), done.stderr


def read_frames(path_or_bytes):
    """Decodes every picture. Raises ClockError when a clock is unreadable."""
    with tempfile.TemporaryDirectory() as scratch:
        path = path_or_bytes
        if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
            path = os.path.join(scratch, "input")
            with open(path, "wb") as f:
                f.write(path_or_bytes)
        luma, pts, stderr = _decode(os.fspath(path), scratch)
    if len(luma) != CELLS * len(pts):
        raise ClockError(f"{len(luma)} bytes of luma for {len(pts)} pictures")
    frames = Frames()
    frames.stderr = stderr
    for i, seconds in enumerate(pts):
        try:
            clock_us, number = decode_cells(luma[i * CELLS:(i + 1) * CELLS])
        except ClockError as e:
            raise ClockError(f"picture {i} at {seconds:.3f} s: {e}; ffmpeg: {stderr!r}") from None
        frames.append(Frame(seconds, clock_us, number))
    return frames


if __name__ == "__main__":
    for frame in read_frames(sys.argv[1]):
        print(f"{frame.pts_seconds:.6f} {frame.clock_us} {frame.camera_number}")
