"""Bad configurations, cameras and requests: each gets a clear error, and a healthy camera notices nothing."""
import contextlib
import http.client
import socket

import pytest

import harness_hostile as hostile
from harness_camera import SimCamera
from harness_footage import LATENESS_US
from harness_site import Site
from harness_time import SECOND, parse_us, text_of
from harness_wait import until

GIGABYTE = 1 << 30
ROUTES = ("/site", "/areas", "/cameras", "/coverage", "/gaps", "/ledger", "/holds", "/retention", "/tokens",
          "/cameras/good/footage.mp4")
TALKS = {
    "echo": hostile.echo, "web": hostile.web_server, "noise": hostile.noise,
    "no-sdp": hostile.describes(b"\x00\xff\x80 no sdp at all"),
    "no-video": hostile.describes(b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\na=control:a\r\n"),
    "odd-codec": hostile.describes(b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\n"
                                   b"a=rtpmap:96 X-EVIL/90000\r\na=control:a\r\n"),
    "gigabyte": hostile.describes(b"v=0\r\n", GIGABYTE),
    "mute": hostile.mute, "byte-a-second": hostile.byte_a_second, "ten-megabytes": hostile.no_delimiter,
    "redirect-to-web": hostile.redirects_to(b"http://127.0.0.1/"),
    "redirect-to-file": hostile.redirects_to(b"file:///etc/passwd"),
}
CAUSES = {"unreachable": {"camera_unreachable"}, "wrong-password": {"camera_refused"},
          "no-password": {"camera_refused"}, "no-sdp": {"stream_unusable"}, "no-video": {"stream_unusable"},
          "odd-codec": {"stream_unusable"}, "mute": {"camera_unreachable"}, "byte-a-second": {"camera_unreachable"},
          "ten-megabytes": {"camera_refused"}, "redirect-to-web": {"camera_refused"},
          "redirect-to-file": {"camera_refused"}, "401-loop": {"camera_refused"}}
ANY_CAUSE = {"camera_unreachable", "camera_refused", "stream_unusable"}


@pytest.fixture(scope="module")
def good():
    with SimCamera("good") as c:
        yield c


@pytest.fixture(scope="module")
def site(good):
    with contextlib.ExitStack() as stack:
        locked = stack.enter_context(SimCamera("locked", user="view", password="right"))
        nobody = stack.enter_context(hostile.refused_port())
        s = Site([good])
        s.add_camera("unreachable", f"rtsp://127.0.0.1:{nobody.getsockname()[1]}/a")
        s.add_camera("wrong-password", locked.url("locked"), "view", "wrong")
        s.add_camera("no-password", locked.url("locked") + "?x")
        loop = stack.enter_context(hostile.Hostile(hostile.never_content))
        s.add_camera("401-loop", loop.url(), "view", "right")
        for name, talk in TALKS.items():
            s.add_camera(name, stack.enter_context(hostile.Hostile(talk)).url())
        stack.enter_context(s)
        good.wait_frames("good", 20)
        yield s


@pytest.fixture(scope="module", autouse=True)
def good_camera_notices_nothing(site, good):
    """After all the tests of this file: one session, no gap."""
    yield
    clocks = good.wait_frames("good", 5)
    site.wait_recorded("good", clocks[-1])
    assert [t[2] for t in site.tiles("good", clocks[0] + LATENESS_US, clocks[-1])] == ["recorded"]
    assert len(good.truth("good", "play")) == 1


# --- cameras --------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["unreachable", "wrong-password", "no-password", "401-loop", *TALKS])
def test_a_camera_that_is_none_has_a_gap_from_the_start(site, name):
    """From the instant of its configuration, open, with a cause and a sentence."""
    gap = until("a gap", lambda: site.gaps(camera=name, open="true"), 60)[0]
    assert gap["cause"] in CAUSES.get(name, ANY_CAUSE), gap
    assert len(gap["detail"]) > 10, gap
    configured = parse_us(site.get(f"/cameras/{name}").json()["configured_at"])
    assert abs(parse_us(gap["start"]) - configured) <= SECOND
    assert len(site.gaps(camera=name)) == 1


# --- requests -------------------------------------------------------------------------------

@pytest.mark.parametrize("route", ROUTES)
def test_without_a_token(site, route):
    """401, and how to get one."""
    for token in (None, "hf_" + "0" * 40, "x"):
        answer = site.get(route, token=token)
        assert "holdfast token add" in answer.problem(401)["remedy"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_with_the_wrong_role(site):
    """403: a regulator sees no pictures, an investigator places no hold, an operator makes no token."""
    now = parse_us(site.get("/site").json()["now"])
    window = {"start": text_of(now - 2 * SECOND), "end": text_of(now)}
    tokens = {role: site.make_token(role) for role in ("regulator", "investigator", "operator")}
    site.get("/cameras/good/footage.mp4", window, token=tokens["regulator"]).problem(403)
    hold = {"camera": "good", "reason": "r", **window}
    site.request("POST", "/holds", body=hold, token=tokens["investigator"]).problem(403)
    site.request("POST", "/tokens", body={"name": "n", "role": "admin"}, token=tokens["operator"]).problem(403)
    assert site.get("/cameras", token=tokens["regulator"]).status == 200


def test_a_revoked_token_opens_nothing(site):
    """From that moment on."""
    made = site.request("POST", "/tokens", body={"name": "short", "role": "admin"}).json()
    assert site.get("/site", token=made["token"]).status == 200
    site.cli("token", "remove", str(made["id"]))
    site.get("/site", token=made["token"]).problem(401)


@pytest.mark.parametrize("query, field, remedy", [
    ({"from": "2026-11-23T03:15:00", "to": "2026-11-23T04:15:00Z"}, "from", "offset"),
    ({"from": "2026-11-23T03:15:00Z", "to": "yesterday"}, "to", "offset"),
    ({"from": "2026-11-23T03:15:00Z", "to": "2026-11-23T03:15:00Z"}, "to", None),
    ({"from": "2026-11-23T03:15:00Z", "to": "2026-11-22T03:15:00Z"}, "to", None),
    ({"from": "2026-11-23T03:15:00Z"}, "to", None),
    ({"from": "2020-11-23T03:15:00Z", "to": "2026-11-23T03:15:00Z"}, "to", None),
    ({"from": "2026-11-23T03:15:00Z", "to": "2026-11-23T04:15:00Z", "camra": "good"}, "camra", "spelling")])
def test_a_question_that_makes_no_sense(site, query, field, remedy):
    """400, naming the field and, where there is one, the remedy."""
    problem = site.get("/coverage", query).problem(400)
    assert problem["field"] == field
    assert problem["detail"] and problem["detail_zh"]
    assert remedy is None or remedy in problem["remedy"]


def test_a_plus_that_became_a_space(site):
    """The most common mistake in a URL is named; a plain plus sign in a query is a plus sign."""
    answer = site.get("/coverage?from=2026-11-23T11:15:00%2008:00&to=2026-11-23T12:15:00%2B08:00")
    assert "%2B" in answer.problem(400)["remedy"]
    answer = site.get("/coverage?from=2026-11-23T11:15:00+08:00&to=2026-11-23T12:15:00%2B08:00")
    assert answer.json()["from"].startswith("2026-11-23T03:15:00")


def test_an_offset_is_understood(site):
    """11:15+08:00 is 03:15Z, not 11:15Z."""
    told = site.get("/coverage", {"from": "2026-11-23T11:15:00+08:00", "to": "2026-11-23T12:15:00+08:00"}).json()
    assert (parse_us(told["from"]), parse_us(told["to"])) == tuple(
        map(parse_us, ("2026-11-23T03:15:00Z", "2026-11-23T04:15:00Z")))


def test_an_unknown_camera(site):
    """404 wherever one can be named."""
    window = {"from": "2026-11-23T03:15:00Z", "to": "2026-11-23T04:15:00Z"}
    assert "nobody" in site.get("/cameras/nobody").problem(404)["detail"]
    assert "nobody" in site.get("/coverage", {**window, "camera": "nobody"}).problem(404)["detail"]
    site.get("/cameras/nobody/footage.mp4", {"start": window["from"], "end": window["to"]}).problem(404)
    site.get("/gaps/999999").problem(404)
    site.get("/nothing").problem(404)
    site.request("PUT", "/cameras").problem(405)


def test_a_body_of_a_gigabyte(site):
    """Refused when it is announced, before it is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.putrequest("POST", "/api/v1/holds")
    connection.putheader("Authorization", f"Bearer {site.token}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(GIGABYTE))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"camera": 1}', b'"x"', b"{" * 5000, b"\xff\xfe",
                                  b'{"camera":"good","unknown":1}'])
def test_a_body_that_is_no_order(site, body):
    """400, and the server lives."""
    answer = site.request("POST", "/holds", body=body, headers={"Content-Type": "application/json"})
    assert answer.problem(answer.status)["detail"]
    assert answer.status in (400, 422)


@pytest.mark.parametrize("text", [b"\0" * 64, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"x" * 100000, b"\r\n" * 50,
                                  b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                                  b"POST /api/v1/holds HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                  b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n"],
                         ids=["zeros", "version", "long", "empty", "lengths", "negative", "headers"])
def test_what_is_not_http(site, text):
    """An error or the end of the connection; the server lives."""
    with socket.create_connection(("127.0.0.1", site.port), 20) as s:
        answer = b""
        with contextlib.suppress(ConnectionError):
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            while (more := s.recv(4096)):
                answer += more
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert site.get("/healthz", base="").status == 200


# --- configurations ---------------------------------------------------------------------------

def broken(change):
    site = Site()
    site.add_camera("a", "rtsp://192.0.2.1/a")
    change(site.conf)
    site.write_conf()
    return site


@pytest.mark.parametrize("change, words", [
    (lambda c: c.update(colour="red"), ("colour", "unknown")),
    (lambda c: c["recording"].update(segmnet="5min"), ("segmnet", "segment")),
    (lambda c: c["areas"].append({"id": "toilet", "name": "Toilet", "kind": "private"}) or
     c["cameras"].append({"id": "t", "name": "T", "area": "toilet", "url": "rtsp://192.0.2.1/t"}),
     ("cameras[1].area", "forbids")),
    (lambda c: c["cameras"][0].update(area="rom"), ("cameras[0].area", "room")),
    (lambda c: c["cameras"][0].update(url="http://192.0.2.1/"), ("cameras[0].url", "rtsp://")),
    (lambda c: c["areas"].append({"id": "nap", "name": "Nap", "kind": "living"}), ("nap", "no camera")),
    (lambda c: c["recording"].update(segment=5), ("recording.segment", "5min")),
    (lambda c: c.update(regulator={"url": "http://regulator.example/"}), ("regulator.url", "https")),
    (lambda c: c.update(api=[{"listen": "0.0.0.0:8080"}]), ("api[0]", "loopback"))],
    ids=["unknown", "misspelt", "private", "no-area", "no-rtsp", "uncovered", "no-unit", "plain-http", "open"])
def test_a_bad_configuration(change, words):
    """Names the file, the line, the key and the remedy; `run` does not start."""
    site = broken(change)
    for command, code in (("check", 1), ("run", 3)):
        told = site.cli(command, code=code)
        assert site.conf_path + ":" in told
        for word in words:
            assert word in told, told


def test_all_faults_are_reported_at_once():
    """Not only the first."""
    site = broken(lambda c: (c.update(colour="red"), c.update(retention={"keep_days": 3}),
                             c["cameras"][0].update(area="rom")))
    told = site.cli("check", code=1)
    assert all(word in told for word in ("colour", "retention.keep_days", "cameras[0].area")), told
