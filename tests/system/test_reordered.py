"""B-frames: from the first group of pictures of a session on, all are shown in their order and at their distances."""
import pytest

from harness_mock import H264, H265, MockCamera, clip, decoder_says, packets_of, pictures_of, wait_covered
from harness_site import Site
from harness_time import SECOND

CLIPS = {H264: {"bframes": 2}, H265: {"bframes": 3, "codec": H265}}
US_PER_PICTURE = SECOND // 10


@pytest.mark.parametrize("codec", CLIPS)
def test_the_first_pictures_are_shown_in_order(codec):
    """By the presentation times of the footage, the first file's first picture included."""
    with MockCamera(clip(seconds=6, **CLIPS[codec])) as camera, Site([camera]) as site:
        camera.wait_sent(70)
        begun, end = camera.sent[0][0], camera.sent[60][0]
        wait_covered(site, camera, end)
        answer = site.footage("a", begun - SECOND, end)
        assert answer.status == 200, answer.body
        assert decoder_says(answer.body) == ""
        seen, times = pictures_of(answer.body, camera.clip), [pts for pts, _, _ in packets_of(answer.body)]
        assert seen[:4] == [0, 1, 2, 3] and len(seen) > 50
        number = [k // len(camera.clip) * len(camera.clip) + camera.clip[i][0] for k, i in enumerate(seen)]
        assert min(times) == times[0]
        for k, at in enumerate(times):
            assert abs((at - times[30]) - (number[k] - number[30]) * US_PER_PICTURE) < SECOND // 20, (k, at)
        shown = [n for _, n in sorted(zip(times, number))]
        assert shown == sorted(shown)
