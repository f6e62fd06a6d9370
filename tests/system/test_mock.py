"""The camera of raw packets that other tests are made from plays nothing odd by itself."""
import pytest

from harness_mock import H264, H265, MockCamera, check_all_recorded, clip
from harness_site import Site


@pytest.mark.parametrize("codec", (H264, H265))
def test_every_picture_is_recorded(codec):
    """Fragments and whole units, over TCP."""
    with MockCamera(clip(codec, size="640x480")) as camera, Site([camera]) as site:
        check_all_recorded(site, camera)


def test_every_picture_is_recorded_over_udp():
    class OverUdp(MockCamera):
        settings = {"transport": "udp"}

    with OverUdp() as camera, Site([camera]) as site:
        check_all_recorded(site, camera)
        assert camera.clients[0].udp


def test_a_picture_that_is_lost_is_noticed():
    class LosesOne(MockCamera):
        def access_unit(self, c, i, ts, nals):
            if i % 40 != 25:
                super().access_unit(c, i, ts, nals)

    with LosesOne() as camera, Site([camera]) as site, pytest.raises(AssertionError):
        check_all_recorded(site, camera)
