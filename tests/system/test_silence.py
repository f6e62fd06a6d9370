"""A camera that falls silent for 20 s: one gap with true edges, and a regulator who hears of it."""
import pytest

from harness_camera import SimCamera
from harness_regulator import Regulator
from harness_site import Site
from harness_time import SECOND, parse_us
from harness_wait import until

EDGE_US = SECOND // 2  # design §12
REFUSALS = 2


class Story:
    """What happened: the truth, and what was claimed of it."""


@pytest.fixture(scope="module")
def story():
    """Ten seconds of pictures, twenty of silence, five of pictures; the regulator refuses `gap.opened` twice."""
    refused = []

    def answer(delivery):
        if b"holdfast.gap.opened" in delivery.body and len(refused) < REFUSALS:
            refused.append(delivery)
            return 500
        return 204

    s = Story()
    with Regulator(answer=answer) as s.regulator, SimCamera("a") as s.camera, \
            Site([s.camera], regulator=s.regulator.url) as s.site:
        s.camera.wait_frames("a", 100)
        s.camera.order("silent a on")
        # 10 s to the first teardown, 1 s and 10 s to the second
        until("two sessions were given up", lambda: len(s.camera.truth("a", "teardown")) >= 2, 60)
        s.camera.order("silent a off")
        s.clocks = s.camera.wait_frames("a", 50)
        s.site.wait_recorded("a", s.clocks[-1])
        s.before, s.after = max(zip(s.clocks, s.clocks[1:]), key=lambda pair: pair[1] - pair[0])
        until("the regulator heard of the end", lambda: [
            e for e in s.regulator.acknowledged() if e["type"] == "holdfast.gap.closed"], 60)
        yield s


def test_exactly_one_gap_with_true_edges(story):
    """Within half a second of the last picture's end and the first picture after."""
    gaps = [g for g in story.site.gaps(camera="a") if parse_us(g["start"]) > story.clocks[0] + SECOND]
    assert [g["cause"] for g in gaps] == ["stream_stalled"]
    assert abs(parse_us(gaps[0]["start"]) - (story.before + story.camera.interval_us)) <= EDGE_US
    assert abs(parse_us(gaps[0]["end"]) - story.after) <= EDGE_US
    assert story.after - story.before >= 20 * SECOND


def test_coverage_tiles_the_window_and_agrees_with_the_pictures(story):
    """recorded, gap, recorded; the seconds recorded are those of the pictures sent."""
    start, end = story.clocks[0] + SECOND, story.clocks[-1] - SECOND
    tiles = story.site.tiles("a", start, end)
    assert [t[2] for t in tiles] == ["recorded", "gap", "recorded"]
    sent = len([c for c in story.clocks if start <= c < end]) * story.camera.interval_us
    assert abs(sum(t[1] - t[0] for t in tiles if t[2] == "recorded") - sent) <= EDGE_US


def test_footage_inside_the_silence_is_refused_with_the_gap_named(story):
    """404 with the gap and the nearest footage on both sides."""
    middle = (story.before + story.after) // 2
    problem = story.site.footage("a", middle, middle + SECOND).problem(404)
    assert [g["cause"] for g in problem["gaps"]] == ["stream_stalled"]
    assert abs(parse_us(problem["nearest"]["before"]) - story.before) <= EDGE_US
    assert abs(parse_us(problem["nearest"]["after"]) - story.after) <= EDGE_US


def test_the_regulator_heard_it_in_order_once_each(story):
    """opened before closed, each id acknowledged once, although the first two deliveries failed."""
    events = story.regulator.acknowledged()
    ids = [e["id"] for e in events]
    assert len(ids) == len(set(ids))
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    told = [e["type"] for e in events if e["type"] in ("holdfast.gap.opened", "holdfast.gap.closed")]
    assert told[-2:] == ["holdfast.gap.opened", "holdfast.gap.closed"]
    assert [d.status for d in story.regulator.deliveries].count(500) == REFUSALS


def test_deliveries_are_signed_and_repeat_the_same_bytes(story):
    """Ed25519 over id.timestamp.body by the site's key."""
    story.regulator.check_signatures(story.site.path("state/keys/site.pub"))
    story.regulator.check_same_bytes()


def test_the_first_attempt_came_within_five_seconds(story):
    """Of the fact as the ledger dates it."""
    for kind in ("gap.opened", "recorder.started"):
        entry = [e for e in story.site.ledger() if e["kind"] == kind][-1]
        first = next(d for d in story.regulator.deliveries
                     if any(e["seq"] == entry["seq"] for e in d.events()))
        assert first.at_us - parse_us(entry["at"]) <= 5 * SECOND, kind
