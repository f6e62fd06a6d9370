"""Parameter sets that differ from key frame to key frame, in one format: one file, one answer, every picture decoded."""
import glob

import pytest

from harness_mock import H264, H265, Clip, MockCamera, check_all_recorded, clip
from harness_site import Site
from harness_sound import streams

PARAMS = {H264: "ref=2:level=40:colorprim=bt709:transfer=bt709:colormatrix=bt709", H265: "ref=2:colorprim=bt709"}
ENTRY = {H264: ("h264", "avc3"), H265: ("hevc", "hev1")}
GOP = 10


def in_turns(codec):
    """The groups of pictures of two encoders, one after the other; no picture of one is like one of the other."""
    a, b = clip(codec=codec), clip(codec=codec, params=PARAMS[codec], source="testsrc")
    mixed = Clip((shown, (b if k // GOP % 2 else a)[k][1]) for k, (shown, _) in enumerate(a))
    mixed.codec, mixed.fps = codec, a.fps
    return mixed


@pytest.mark.parametrize("codec", PARAMS)
def test_it_is_one_answer_and_few_files(codec):
    """From the first group of pictures on, which did not know that others would differ."""
    with MockCamera(in_turns(codec)) as camera, Site([camera], recording={"segment": "60s", "gap_after": "2s"}) as site:
        body = check_all_recorded(site, camera, 100)
        assert streams(body)[0] == ENTRY[codec]
        assert len(glob.glob(site.path("footage/**/*.open"), recursive=True) + glob.glob(site.path("footage/**/*.mp4"), recursive=True)) <= 4
        site.fsck()


def test_sets_that_stay_are_named_as_players_want_it():
    """Nothing changes for cameras whose parameter sets do not."""
    with MockCamera() as camera, Site([camera], segment="4s") as site:
        assert streams(check_all_recorded(site, camera, 80))[0] == ("h264", "avc1")
