"""Footage is found by time, soon, whole, and byte for byte the same however it is fetched."""
import pytest

from harness_camera import SimCamera
from harness_footage import LATENESS_US, check_range, clocks_of
from harness_site import Site
from harness_time import SECOND, now_us, parse_us, text_of
from harness_wait import until

RECORDED_FRAMES = 200  # 20 s
SOON_US = 10 * SECOND  # design §5: footage can be found at most so long after it happened


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera], segment="4s") as s:
        yield s


@pytest.fixture(scope="module")
def truth(site, camera):
    """The clocks of 20 s that are recorded and can be found."""
    clocks = camera.wait_frames("a", RECORDED_FRAMES)
    site.wait_recorded("a", clocks[-1])
    return clocks


@pytest.mark.parametrize("first, seconds", [(2.0, 1.5), (3.3, 0.4), (2.05, 9.9), (0.5, 18.0), (7.0, 7.0)],
                         ids=["inside", "less-than-a-gop", "crossing", "nearly-all", "to-a-segment-edge"])
def test_a_range_shows_exactly_what_the_camera_saw(site, camera, truth, first, seconds):
    """Every picture of the range, once, in order."""
    start = truth[0] + int(first * SECOND)
    end = start + int(seconds * SECOND)
    answer = site.footage("a", start, end)
    assert answer.status == 200, answer.body
    check_range(answer.body, start, end, camera.clocks("a"), camera)


def test_the_live_edge_is_found_within_ten_seconds(site, camera, truth):
    """What happens now can be played at most 10 s later, by the burnt clock."""
    moment = camera.wait_frames("a", 1)[-1]

    def visible():
        answer = site.footage("a", moment - SECOND, moment + SECOND)
        if answer.status != 200:
            return False
        return any(c >= moment for c in clocks_of(answer.body))
    until("the moment can be played", visible)
    assert now_us() - moment <= SOON_US


def test_head_says_what_get_gives(site, truth):
    """The same headers; no body."""
    start = truth[0] + SECOND
    get, head = (site.footage("a", start, start + 5 * SECOND, method) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert int(get.headers["Content-Length"]) == len(get.body)
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head.headers[name] == get.headers[name], name
    assert get.headers["Content-Type"] == "video/mp4"


def test_pieces_make_the_whole(site, truth):
    """Single ranges of odd lengths, put together, are the whole answer."""
    start = truth[0] + SECOND
    whole = site.footage("a", start, start + 9 * SECOND)
    pieces, at, length = b"", 0, 12345
    while at < len(whole.body):
        piece = site.footage("a", start, start + 9 * SECOND, headers={"Range": f"bytes={at}-{at + length - 1}",
                                                                      "If-Range": whole.headers["ETag"]})
        assert piece.status == 206
        assert piece.headers["Content-Range"] == f"bytes {at}-{at + len(piece.body) - 1}/{len(whole.body)}"
        pieces, at = pieces + piece.body, at + len(piece.body)
    assert pieces == whole.body
    tail = site.footage("a", start, start + 9 * SECOND, headers={"Range": "bytes=-1000"})
    assert tail.body == whole.body[-1000:]
    beyond = site.footage("a", start, start + 9 * SECOND, headers={"Range": f"bytes={len(whole.body)}-"})
    assert beyond.status == 416


def test_the_same_question_has_the_same_tag(site, truth):
    """ETag and If-None-Match."""
    start = truth[0] + SECOND
    first, again = (site.footage("a", start, start + 3 * SECOND) for _ in range(2))
    assert first.headers["ETag"] == again.headers["ETag"]
    assert first.body == again.body
    same = site.footage("a", start, start + 3 * SECOND, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    other = site.footage("a", start, start + 4 * SECOND)
    assert other.headers["ETag"] != first.headers["ETag"]


def test_before_the_first_picture_there_is_none(site, truth):
    """404, and where the nearest footage is."""
    problem = site.footage("a", truth[0] - 3600 * SECOND, truth[0] - 3000 * SECOND).problem(404)
    assert abs(parse_us(problem["nearest"]["after"]) - truth[0]) < LATENESS_US


def test_segments_are_named_with_their_seals(site, truth):
    """The published files of the range: continuous, each with a digest."""
    def published():
        rows = site.get("/segments", {"camera": "a", "from": text_of(truth[0] + SECOND),
                                      "to": text_of(truth[100])}).json()["segments"]
        return rows if rows and parse_us(rows[-1]["end"]) >= truth[100] else None
    rows = until("ten seconds of published segments", published)
    assert [r["end"] for r in rows[:-1]] == [r["start"] for r in rows[1:]]
    assert all(len(r["seal"]) == 64 for r in rows)
    assert [r["sequence"] for r in rows] == list(range(rows[0]["sequence"], rows[0]["sequence"] + len(rows)))
