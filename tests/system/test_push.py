"""The regulator is told everything, in order, whatever fails on the way."""
import threading

import pytest

from harness_camera import SimCamera
from harness_regulator import Regulator
from harness_site import Site, free_port
from harness_wait import until

RECEIVED_S = 60


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


def caught_up(site, regulator):
    """Every entry of the ledger was acknowledged."""
    acknowledged = {e["seq"] for e in regulator.acknowledged()}
    return acknowledged >= {e["seq"] for e in site.ledger()}


def approved(site):
    """The api starts again meanwhile."""
    try:
        return site.request("POST", "/holds/1/release", body={"reason": "so be it"}).status == 200
    except OSError:
        return False


def check_all(site, regulator):
    """Each entry once by id, in order, with the ledger's own bytes; signatures hold."""
    regulator.check_signatures(site.path("state/keys/site.pub"))
    regulator.check_same_bytes()
    events = list({e["id"]: e for e in regulator.acknowledged()}.values())
    entries = site.ledger()[:len(events)]
    assert [e["seq"] for e in events] == [e["seq"] for e in entries]
    for event, entry in zip(events, entries):
        assert event["type"] == f"holdfast.{entry['kind']}"
        assert (event["data"], event["hash"], event["time"]) == (entry["body"], entry["hash"], entry["at"])
        assert event.get("subject") == entry["camera"]
        assert (event["specversion"], event["source"]) == ("1.0", "/sites/cn-test-0001")
        assert event["id"].startswith("cn-test-0001")


def test_a_receiver_that_comes_later_misses_nothing(camera):
    """Down at the start, the api killed meanwhile; then everything, in order."""
    port = free_port()
    with Site([camera], regulator=f"http://127.0.0.1:{port}/events") as site:
        until("a delivery failed", lambda: site.events("push"))
        site.kill("api")
        until("the new api tried, too", lambda: len(site.events("push")) >= 2)
        site.cli("hold", "add", "--camera", "a", "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T01:00:00Z",
                 "--reason", "while nobody listens")
        with Regulator(port=port) as regulator:
            until("all is acknowledged", lambda: caught_up(site, regulator), RECEIVED_S)
            site.kill("api")
            camera.wait_frames("a", 1)
            site.cli("hold", "release", "1", "--reason", "after another start")
            until("the second person is heard", lambda: approved(site))
            until("all is acknowledged again", lambda: caught_up(site, regulator), RECEIVED_S)
            check_all(site, regulator)
            assert "holdfast.hold.released" in [e["type"] for e in regulator.acknowledged()]


@pytest.mark.parametrize("status", [302, 410, 503])
def test_only_2xx_is_an_acknowledgement(camera, status):
    """A redirect or a refusal is tried again, with the same id and bytes, at the same address."""
    refused = []

    def answer(delivery):
        if not refused:
            refused.append(delivery)
            return status
        return 204

    with Regulator(answer=answer) as regulator, Site([camera], regulator=regulator.url) as site:
        until("all is acknowledged", lambda: regulator.deliveries and caught_up(site, regulator), RECEIVED_S)
        first, second = regulator.deliveries[:2]
        assert (first.status, second.status) == (status, 204)
        assert (first.id, first.body) == (second.id, second.body)
        check_all(site, regulator)


def test_a_receiver_that_hangs_is_given_up_and_tried_again(camera):
    """No answer within 20 s is no acknowledgement; the same delivery comes again."""
    over, asked = threading.Event(), []

    def answer(delivery):
        asked.append(delivery)
        if len(asked) == 1:
            over.wait(RECEIVED_S)
        return 204

    with Regulator(answer=answer) as regulator, Site([camera], regulator=regulator.url) as site:
        until("the second attempt", lambda: len(asked) >= 2, RECEIVED_S)
        over.set()
        assert (asked[0].id, asked[0].body) == (asked[1].id, asked[1].body)
        until("all is acknowledged", lambda: caught_up(site, regulator), RECEIVED_S)
