"""Streams without IDR pictures: whatever a decoder can begin at is begun at."""
import subprocess
import tempfile
import time

import pytest

from harness_mock import H264, H265, MockCamera, clip, pictures_of, wait_covered
from harness_site import Site
from harness_time import SECOND, now_us

LOOP_S = 60
JOINED_AT = 25   # the middle of a group of pictures
CLIPS = {"open": {"params": "open-gop=1", "bframes": 2},
         "cra": {"codec": H265, "params": "open-gop=1", "bframes": 3},
         "refresh": {"params": "intra-refresh=1"}}
NOT_SHOWN = {"open": 2, "cra": 3, "refresh": 12}  # what leads the first key frame; what the first refresh takes
WHOLE_AFTER_S = {"open": 1.2, "cra": 1.2, "refresh": 3.2}  # a group of pictures; two, for a refresh


class Joined(MockCamera):
    """A client joins long after the only IDR picture."""

    def media(self, c):
        start, i = time.monotonic(), JOINED_AT
        while c.playing and i < len(self.clip):
            time.sleep(max(0, start + (i - JOINED_AT) / self.clip.fps - time.monotonic()))
            shown, nals = self.clip[i]
            self.sent.append((now_us(), i))
            self.access_unit(c, i, self.first_timestamp + shown * 90000 // self.clip.fps, nals)
            i += 1


def decoded(mp4):
    """How many pictures a decoder makes of a file."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as f:
        f.write(mp4)
        f.flush()
        return int(subprocess.run(["ffprobe", "-v", "quiet", "-select_streams", "v", "-count_frames", "-show_entries",
                                   "stream=nb_read_frames", "-of", "csv=p=0", f.name], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("kind", CLIPS)
def test_it_is_recorded_from_the_first_place_where_a_decoder_can_begin(kind):
    """Without waiting for an IDR; and what is given begins at such a place, too."""
    with Joined(clip(seconds=LOOP_S, **CLIPS[kind])) as camera, Site([camera], segment="4s") as site:
        camera.wait_sent(110)
        end = camera.sent[95][0]
        wait_covered(site, camera, end)
        recorded = site.recorded("a", camera.sent[0][0], end)
        assert len(recorded) == 1 and recorded[0][1] == end
        assert recorded[0][0] - camera.sent[0][0] < WHOLE_AFTER_S[kind] * SECOND
        for start in (recorded[0][0], recorded[0][0] + 1500000):
            answer = site.footage("a", start, end)
            assert answer.status == 200, answer.body
            seen = pictures_of(answer.body, camera.clip)
            assert None not in seen and sorted(set(seen)) == sorted(seen)
            missing = set(range(seen[0], seen[-1] + 1)) - set(seen)
            assert len(missing) <= CLIPS[kind].get("bframes", 0)
            assert decoded(answer.body) >= len(seen) - NOT_SHOWN[kind]
        site.fsck()
