"""What a browser and a monitor get."""
import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import parse_us, text_of


@pytest.fixture(scope="module")
def site():
    with SimCamera("a") as camera, Site([camera]) as s:
        camera.wait_frames("a", 20)
        s.wait_recorded("a", camera.clocks("a")[-1])
        yield s


@pytest.mark.parametrize("path, kind, text", [("/", "text/html", b"/page.js"), ("/page.js", "text/javascript", b"fetch"),
                                              ("/page.css", "text/css", b"{")])
def test_the_page_is_served_to_everyone(site, path, kind, text):
    """Without a token; nothing may be loaded from elsewhere."""
    answer = site.get(path, base="", token=None)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith(kind)
    assert text in answer.body
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_works_under_its_own_policy(site):
    """No script, style or handler stands in the HTML itself."""
    html = site.get("/", base="", token=None).body
    assert b" style=" not in html and b" onclick=" not in html and b"<style" not in html
    assert html.count(b"<script") == html.count(b"<script src=") + html.count(b"<script defer src=") \
        + html.count(b"<script type=\"module\" src=")


def test_liveness(site):
    """/healthz and /readyz need nobody."""
    for path in ("/healthz", "/readyz"):
        assert site.get(path, base="", token=None).status == 200


def test_metrics_need_a_token(site):
    """And tell what a monitor wants to know."""
    assert site.get("/metrics", base="", token=None).status == 401
    answer = site.get("/metrics", base="")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    for line in ('holdfast_camera_recording{camera="a"} 1', "holdfast_keeper_up 1", "holdfast_gaps_open 0"):
        assert line in lines, line


def test_no_token_stands_in_an_address_but_a_code_that_works_once(site):
    """A player is given a code; its cookie lets it seek, and neither is in the log."""
    for path, base in (("/", ""), ("/cameras", "/api/v1"), ("/cameras/a/footage.mp4", "/api/v1")):
        refused = site.get(path, {"access_token": site.token}, base=base, token=None).problem(400)
        assert refused["field"] == "access_token" and "footage-link" in refused["remedy"]
    at_us = parse_us(site.get("/cameras/a").json()["newest"])
    asked = {"start": text_of(at_us - 2_000_000), "end": text_of(at_us - 1_000_000)}
    link = site.request("POST", "/cameras/a/footage-link", body=asked).json()["address"]
    first = site.get(link, base="", token=None, headers={"Range": "bytes=0-"})
    assert first.status == 206 and len(first.body) > 1000
    assert site.get(link, base="", token=None, headers={"Range": "bytes=0-"}).status == 401
    cookie = first.headers["Set-Cookie"].split(";")[0]
    again = site.get(link, base="", token=None, headers={"Range": "bytes=500-999", "Cookie": cookie})
    assert again.status == 206 and again.body == first.body[500:1000]
    secrets = (site.token, link.split("code=")[1], cookie.split("=")[1])
    assert not [s for s in secrets if s in site.log()]


def test_health_of_a_camera(site):
    """Recording, with a rate that is true."""
    camera = site.get("/cameras/a").json()
    assert camera["state"] == "recording"
    assert 8 < camera["fps"] < 12
    assert camera["bitrate_bps"] > 0
    assert site.get_local("/cameras").json()["cameras"][0]["id"] == "a"
