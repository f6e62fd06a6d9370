"""What a browser and a monitor get."""
import pytest

from harness_camera import SimCamera
from harness_site import Site


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


def test_the_token_in_the_address_opens_pages_and_footage_only(site):
    """A browser cannot send a header for <video>; nothing else takes it."""
    assert site.get("/", {"access_token": site.token}, base="", token=None).status == 200
    assert site.get("/cameras", {"access_token": site.token}, token=None).status == 401


def test_health_of_a_camera(site):
    """Recording, with a rate that is true."""
    camera = site.get("/cameras/a").json()
    assert camera["state"] == "recording"
    assert 8 < camera["fps"] < 12
    assert camera["bitrate_bps"] > 0
    assert site.get_local("/cameras").json()["cameras"][0]["id"] == "a"
