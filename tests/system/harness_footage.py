"""Does footage show what the camera saw? Judged by the clock burnt into its pictures."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "camera"))
import clockbits  # noqa: E402

LATENESS_US = 200_000  # of the way from the camera's clock to ours


def clocks_of(mp4):
    """The burnt clocks in order; the decoder must have nothing to say."""
    frames = clockbits.read_frames(mp4)
    assert frames.stderr == "", frames.stderr
    assert frames, "no picture"
    first = frames[0]
    for f in frames:  # the file's own timeline agrees with the clocks
        error_us = (f.pts_seconds - first.pts_seconds) * 1e6 - (f.clock_us - first.clock_us)
        assert abs(error_us) < LATENESS_US, (f, first)
    return [f.clock_us for f in frames]


def check_unbroken(clocks, truth):
    """Every picture that the camera sent between the first and the last is there, once, in order."""
    assert clocks == [c for c in truth if clocks[0] <= c <= clocks[-1]]


def check_range(mp4, start_us, end_us, truth, camera):
    """Unbroken, begins at the key frame at or before start, and ends with the last frame before end."""
    clocks = clocks_of(mp4)
    check_unbroken(clocks, truth)
    assert start_us - camera.gop_us - LATENESS_US <= clocks[0] <= start_us + LATENESS_US
    assert end_us - camera.interval_us - LATENESS_US <= clocks[-1] <= end_us + LATENESS_US
    return clocks
