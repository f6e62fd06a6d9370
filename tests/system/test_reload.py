"""SIGHUP: a valid file is applied without touching who did not change; an invalid one changes nothing."""
import http.client
import os
import signal
import socket
import urllib.parse

import pytest

from harness_camera import SimCamera
from harness_footage import check_unbroken, clocks_of
from harness_site import ROLES, Site, free_port
from harness_time import text_of
from harness_wait import until


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a", "b") as c:
        yield c


@pytest.fixture(scope="module")
def site(camera):
    s = Site(segment="4s")
    s.add_camera("a", camera.url("a"))
    with s:
        camera.wait_frames("a", 30)
        yield s


def try_port(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def judgements(site):
    return [e for e in site.events("reload") if e["proc"] == "supervisor" and "role" not in e]


def reload(site):
    before = len(judgements(site))
    os.kill(site.process.pid, signal.SIGHUP)
    until("the reload was judged", lambda: len(judgements(site)) > before)
    return judgements(site)[-1]


def check_untouched(site, camera, since):
    """Camera a: one session, every picture recorded."""
    clocks = camera.wait_frames("a", 20)
    site.wait_recorded("a", clocks[-1])
    assert len(camera.truth("a", "play")) == 1
    shown = clocks_of(site.footage("a", since, clocks[-1]).body)
    check_unbroken(shown, camera.clocks("a"))
    assert [t[2] for t in site.tiles("a", since, clocks[-1])] == ["recorded"]


def test_an_invalid_file_is_refused(site, camera):
    """The old configuration goes on; the log says what is wrong and where."""
    since = camera.clocks("a")[-1]
    good = open(site.conf_path, encoding="utf-8").read()
    with open(site.conf_path, "w", encoding="utf-8") as f:
        f.write(good.replace('"segment"', '"segmnet"'))
    assert "refused" in reload(site)["text"]
    assert "segmnet" in site.log()
    with open(site.conf_path, "w", encoding="utf-8") as f:
        f.write(good)
    check_untouched(site, camera, since)


def test_a_reload_cuts_nobody(site, camera):
    """Names, days and holds change in place: no process starts again, a slow viewer and an idle connection go on."""
    clocks = camera.wait_frames("a", 40)
    site.wait_recorded("a", clocks[-1])
    pids = {role: site.pid(role) for role in ROLES}
    idle, viewer = (http.client.HTTPConnection("127.0.0.1", site.port, timeout=60) for _ in range(2))
    bearer = {"Authorization": f"Bearer {site.token}"}
    idle.request("GET", "/api/v1/site", headers=bearer)
    idle.getresponse().read()
    held = idle.sock
    query = urllib.parse.urlencode({"start": text_of(clocks[0]), "end": text_of(clocks[-1])})
    viewer.request("GET", f"/api/v1/cameras/a/footage.mp4?{query}", headers=bearer)
    answer = viewer.getresponse()
    first = answer.read(1000)
    site.conf["cameras"][0]["name"], site.conf["site"]["name"] = "Another name", "Another nursery"
    site.conf["retention"] = {"keep_days": 120}
    site.write_conf()
    assert "digest" in reload(site)
    until("the camera's new name is shown", lambda: site.get("/cameras/a").json()["name"] == "Another name")
    assert site.get("/site").json()["name"] == "Another nursery"
    until("more days are kept", lambda: site.get("/retention").json()["keep_days"] == 120)
    assert len(first + answer.read()) == int(answer.headers["Content-Length"])
    idle.request("GET", "/api/v1/site", headers=bearer)
    assert idle.getresponse().status == 200 and idle.sock is held
    assert {role: site.pid(role) for role in ROLES} == pids
    check_untouched(site, camera, clocks[-1])


def test_a_new_port_starts_the_api_again_and_nobody_else(site, camera):
    """A port cannot be opened by who may bind none."""
    since = camera.clocks("a")[-1]
    pids, port = {role: site.pid(role) for role in ROLES}, free_port()
    site.conf["api"].append({"listen": f"127.0.0.1:{port}"})
    site.write_conf()
    reload(site)
    until("it listens there", lambda: try_port(port))
    now = {role: site.pid(role) for role in ROLES}
    assert [role for role in ROLES if now[role] != pids[role]] == ["api"]
    site.wait_ready()
    check_untouched(site, camera, since)


def test_an_added_camera_records_and_the_other_is_untouched(site, camera):
    """b appears; a loses no picture; the change stands in the ledger."""
    since = camera.clocks("a")[-1]
    changes = [e for e in site.ledger() if e["kind"] == "config.changed"]
    site.add_camera("b", camera.url("b"))
    site.write_conf()
    assert "digest" in reload(site)
    clocks = until("b is recorded", lambda: camera.clocks("b")[10:] and camera.clocks("b"))
    site.wait_recorded("b", clocks[-1])
    check_untouched(site, camera, since)
    assert len([e for e in site.ledger() if e["kind"] == "config.changed"]) == len(changes) + 1


def test_a_removed_camera_is_retired(site, camera):
    """Its session ends, its footage stays, its obligation ends; a is untouched."""
    since = camera.clocks("a")[-1]
    last = camera.clocks("b")[-1]
    site.conf["cameras"] = [c for c in site.conf["cameras"] if c["id"] != "b"]
    site.write_conf()
    reload(site)
    until("the session ended", lambda: camera.truth("b", "teardown"))
    until("retired", lambda: site.get("/cameras/b").json()["retired_at"])
    assert [e["camera"] for e in site.ledger() if e["kind"] == "camera.retired"] == ["b"]
    until("its footage stays", lambda: site.footage("b", last - 2_000_000, last).status == 200)
    check_untouched(site, camera, since)
    assert not site.gaps(camera="b")
