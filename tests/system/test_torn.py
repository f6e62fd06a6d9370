"""A camera whose send buffer is full breaks off a packet in the middle and goes on with the next one."""
from harness_mock import MARGIN_US, MockCamera, decoder_says, pictures_of
from harness_site import Site
from harness_time import SECOND

EACH = 40  # pictures: one of them
TORN = 25


class BreaksOff(MockCamera):
    def access_unit(self, c, i, ts, nals):
        if i % EACH != TORN:
            super().access_unit(c, i, ts, nals)
            return True
        whole = c.interleaved(self.rtp(c, nals[-1][:self.mtu], ts, True))
        c.send(whole[:len(whole) // 2])
        return False


def test_half_a_packet_is_told_as_what_it_is_and_counted_as_a_gap():
    """Until the next key frame; and nothing that it swallowed or damaged counts as recorded."""
    with BreaksOff() as camera, Site([camera]) as site:
        sent = camera.wait_sent(2 * EACH)
        end = sent[-1] - MARGIN_US
        site.wait_recorded("a", end)
        start = site.recorded("a", sent[0] - SECOND, end)[0][0]
        tiles = [t for t in site.tiles("a", start, end) if t[2] != "pending"]
        gaps = [(s, e) for s, e, state, _ in tiles if state == "gap"]
        assert gaps and all(e - s < 2 * SECOND for s, e in gaps), tiles
        assert all("half a packet" in g["detail"] for g in site.gaps(camera="a")), site.gaps(camera="a")
        for s, e, state, _ in tiles:
            if state == "recorded":
                body = site.footage("a", s, e).body
                seen = pictures_of(body, camera.clip)
                assert decoder_says(body) == "" and None not in seen and TORN not in seen, seen
        assert len(camera.clients) == 1
        assert "rtsp_torn" in site.log()
