"""Holds, and the floor that no configuration goes under."""
import json
import os
import re

import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import SECOND, parse_us, text_of
from harness_wait import until


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    with Site([camera]) as s:
        camera.wait_frames("a", 30)
        yield s


@pytest.fixture(scope="module")
def window(camera):
    """The start and end of some footage, as texts."""
    first = camera.clocks("a")[0]
    return text_of(first), text_of(first + 2 * SECOND)


def release(site, number, token):
    return site.request("POST", f"/holds/{number}/release", body={"reason": "answered"}, token=token)


def asked(site):
    told = site.get("/retention").json()
    return told if told["keep_days_asked"] else None


def in_force(site):
    return {h["id"]: h for h in site.get("/holds").json()["holds"]}


def test_hold_by_command_line(site, window):
    """Placed, listed with its reason; root asks for the release, another one approves; all of it stands in the ledger."""
    told = site.cli("hold", "add", "--camera", "a", "--from", window[0], "--to", window[1], "--reason",
                    "request of the police", "--reference", "2026-17")
    number = int(re.search(r"\d+", told)[0])
    assert in_force(site)[number]["reason"] == "request of the police"
    assert "request of the police" in site.cli("hold", "list")
    assert "asked" in told and "kept" in told
    assert "another person" in site.cli("hold", "release", str(number), "--reason", "case closed")
    assert "another person" in site.cli("hold", "release", str(number), "--reason", "case is closed")  # asked again
    assert in_force(site)[number]["release_request_reason"] == "case is closed"
    assert "has to approve" in site.cli("hold", "list")
    assert release(site, number, site.token).json() == {"state": "released"}
    assert number not in in_force(site)
    entries = [e for e in site.ledger() if e["kind"].startswith("hold.")]
    assert [e["kind"] for e in entries] == ["hold.placed", *["hold.release_requested"] * 2, "hold.released"]
    assert (entries[3]["body"]["requested_by"], entries[3]["body"]["by"]) == (f"uid:{os.getuid()}", "admin")


def test_hold_by_api(site, window):
    """201 with a number; who placed it is the token's name; released with a reason only, and by the regulator."""
    order = {"camera": "a", "start": window[0], "end": window[1], "reason": "a parent asks"}
    placed = site.request("POST", "/holds", body=order)
    assert placed.status == 201
    number = placed.json()["id"]
    hold = in_force(site)[number]
    assert (hold["start"], hold["end"], hold["placed_by"], hold["released"]) == (*window, "admin", False)
    assert site.request("POST", f"/holds/{number}/release", body={}).problem(400)["field"] == "reason"
    told, keeps = placed.json(), [hold[f"protected_{e}"] for e in ("start", "end")]
    assert [told[f"protected_{e}"] for e in ("start", "end")] == keeps
    assert parse_us(keeps[0]) <= parse_us(window[0]) and parse_us(keeps[1]) >= parse_us(window[1])
    regulator = site.make_token("regulator")
    assert release(site, number, regulator).status == 409  # the site has to ask
    assert release(site, number, site.token).status == 202
    assert release(site, number, site.token).status == 202
    assert number in in_force(site)
    assert release(site, number, regulator).status == 200
    assert number not in in_force(site)
    assert release(site, number, site.token).status == 409


@pytest.mark.parametrize("change, field", [({"camera": "nobody"}, "camera"), ({"start": "2026-11-23T03:15:00"}, "start"),
                                           ({"end": "2000-01-01T00:00:00Z"}, "end"), ({"reason": ""}, "reason")])
def test_a_hold_that_makes_no_sense_is_refused(site, window, change, field):
    """Naming the field."""
    order = {"camera": "a", "start": window[0], "end": window[1], "reason": "r"} | change
    answer = site.request("POST", "/holds", body=order)
    assert answer.problem(answer.status)["field"] == field
    assert 400 <= answer.status < 500


def test_retention_is_told(site):
    """Floor, keep and the forecast per root."""
    told = site.get("/retention").json()
    assert (told["floor_days"], told["keep_days"]) == (90, 95)
    assert [c["id"] for c in told["cameras"]] == ["a"]
    assert told["roots"][0]["free_bytes"] > 0
    forecast = until("the keeper has looked", lambda: site.get("/retention").json()["forecast"])
    assert forecast["missing_bytes"] == 0 or not forecast["fits_floor"]


def test_how_much_disk_to_buy(site):
    """Arithmetic that a buyer can check: cameras, rate and days make bytes; too small a disk is a no."""
    plan = ["plan", "--cameras", "4", "--mbit", "2", "--json"]
    told = json.loads(site.cli(*plan))
    assert 0.95 < 4 * 2e6 / 8 * 86400 * 91 / told["floor_bytes"] < 1
    assert told["floor_bytes"] < told["keep_bytes"]
    assert not json.loads(site.cli(*plan, "--disk", "8TB", code=1))["fits_floor"]
    assert json.loads(site.cli(*plan, "--disk", "9TB"))["fits_keep"]
    assert "91" in site.cli("plan", "--cameras", "4", "--mbit", "2", "--days", "90", code=2)


def test_a_lower_keep_is_told_at_once_and_waits(camera):
    """A restart with fewer days: in the ledger, not in force; the next restart changes nothing."""
    with Site([camera], retention={"keep_days": 100}) as site:
        for _ in range(2):
            site.stop()
            site.conf["retention"] = {"keep_days": 92}
            site.start()
            told = until("the lower keep is told", lambda: asked(site))
            assert (told["keep_days"], told["keep_days_asked"]) == (100, 92)
            changes = [e["body"] for e in site.ledger() if e["kind"] == "config.changed" and "key" in e["body"]]
            assert [(b["key"], b["old"], b["new"]) for b in changes] == [("retention.keep_days", 100, 92)]
            assert changes[0]["effective_at"] == told["keep_days_effective_at"]


@pytest.mark.parametrize("days", [1, 89, 90])
def test_a_configuration_under_the_floor_does_not_start(days):
    """The message names the key, the floor and the remedy."""
    site = Site(retention={"keep_days": days})
    site.write_conf()
    for word, code in (("check", 1), ("run", 3)):
        told = site.cli(word, code=code)
        assert "retention.keep_days" in told and "90" in told and "91" in told, told
