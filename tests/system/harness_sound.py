"""What is heard in footage, and when: the beeps of holdfast-camera and of GStreamer's `ticks`."""
import array
import os
import subprocess
import tempfile

RATE = 8000
LOUD = 3000      # of 32767; quantisation and coding stay far below
PASS_TIMES = ["-fps_mode", "passthrough", "-enc_time_base", "-1"]  # pictures are not made to fit a rate
QUIET_S = 0.5    # a beep is one after so long without


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def streams(mp4):
    """[(codec, tag)] of a body."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as f:
        f.write(mp4)
        f.flush()
        done = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,codec_tag_string", "-of", "csv=p=0", f.name)
    assert done.stderr == "", done.stderr
    return [tuple(line.split(",")[:2]) for line in done.stdout.split()]


def beeps(mp4):
    """The seconds of the file's timeline at which a beep begins; all of the file decodes without a word."""
    with tempfile.TemporaryDirectory() as folder:
        path, pcm = os.path.join(folder, "a.mp4"), os.path.join(folder, "pcm")
        with open(path, "wb") as f:
            f.write(mp4)
        done = run("ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", path, *PASS_TIMES, "-f", "null", "-")
        assert done.stderr == "", done.stderr
        run("ffmpeg", "-v", "error", "-nostdin", "-copyts", "-i", path, "-map", "0:a", "-ac", "1",
            "-af", f"aresample={RATE}:async=1:min_hard_comp=0.005:first_pts=0", "-f", "s16le", pcm)
        samples = array.array("h")
        with open(pcm, "rb") as f:
            samples.frombytes(f.read())
    found, quiet_from = [], 0
    for i, v in enumerate(samples):
        if abs(v) < LOUD:
            continue
        if i - quiet_from >= QUIET_S * RATE:
            found.append(i / RATE)
        quiet_from = i
    return found
