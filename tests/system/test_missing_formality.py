"""Cameras that leave out a formality of RTSP, or do it their own way, are recorded all the same."""
import hashlib
import re
import time

import pytest

from harness_mock import SESSION, MockCamera, check_all_recorded
from harness_site import Site
from harness_wait import until

USER, PASSWORD = "view", "geheim"


class NamesNoSession(MockCamera):
    def on_setup(self, c, r):
        self.reply(c, r, headers=self.transport_line(c, r))


class EchoesNoCseq(MockCamera):
    def cseq(self, _c, _r):
        return ""


class SaysOneCseq(MockCamera):
    def cseq(self, _c, _r):
        return "CSeq: 1\r\n"


class ForgetsTheScheme(MockCamera):
    """And has its own idea of a status for an address that it does not know."""
    base = "/live/"

    def on_describe(self, c, r):
        self.reply(c, r, headers=f"Content-Type: application/sdp\r\nContent-Base: {self.base}\r\n", body=self.sdp())

    def on_setup(self, c, r):
        if not r["url"].endswith(f":{self.port}/live/track1"):
            self.reply(c, r, "500 Internal Server Error")
        else:
            super().on_setup(c, r)


class ForgetsTheSchemeBeforeTheHost(ForgetsTheScheme):
    base = "127.0.0.1:554/live/"


class NamesAnotherHostWithoutScheme(ForgetsTheScheme):
    base = "camera.example/live/"


class ClosesBehindTheChallenge(MockCamera):
    """Who has not shown who he is must dial again."""
    user, password = USER, PASSWORD
    algorithm, function = "MD5", "md5"

    def handle(self, c, r):
        shown = r["headers"].get("authorization")
        if shown:
            assert self.is_right(shown, r["method"])
            super().handle(c, r)
            return
        self.reply(c, r, "401 Unauthorized", f'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", '
                                             f'algorithm={self.algorithm}\r\n')
        self.behind_the_challenge(c)

    def behind_the_challenge(self, c):
        c.close()

    def digest(self, *parts):
        return hashlib.new(self.function, ":".join(parts).encode()).hexdigest()

    def is_right(self, shown, method):
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', shown))
        ha1 = self.digest(USER, "r", PASSWORD)
        if self.algorithm.endswith("-sess"):
            ha1 = self.digest(ha1, said["nonce"], said["cnonce"])
        want = self.digest(ha1, said["nonce"], said["nc"], said["cnonce"], "auth", self.digest(method, said["uri"]))
        return said["algorithm"] == self.algorithm and said["response"] == want


class DigestOf(ClosesBehindTheChallenge):
    def behind_the_challenge(self, c):
        pass


class OneChannelForBoth(MockCamera):
    def transport_line(self, c, r):
        super().transport_line(c, r)
        return "Transport: RTP/AVP/TCP;unicast;interleaved=0-0\r\n"


class DoesNotSayTcp(MockCamera):
    def transport_line(self, c, r):
        super().transport_line(c, r)
        return "Transport: RTP/AVP;unicast\r\n"


KINDS = (NamesNoSession, EchoesNoCseq, SaysOneCseq, ForgetsTheScheme, ForgetsTheSchemeBeforeTheHost,
         NamesAnotherHostWithoutScheme, ClosesBehindTheChallenge, OneChannelForBoth, DoesNotSayTcp)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_recorded(kind):
    with kind() as camera, Site([camera]) as site:
        check_all_recorded(site, camera, 50)


@pytest.mark.parametrize("algorithm, function", (("MD5-sess", "md5"), ("SHA-256-sess", "sha256"),
                                                 ("SHA-512-256", "sha512_256"), ("SHA-512-256-sess", "sha512_256")))
def test_its_digest_is_understood(algorithm, function):
    with DigestOf() as camera:
        camera.algorithm, camera.function = algorithm, function
        with Site([camera]) as site:
            check_all_recorded(site, camera, 50)


class OtherSessionForItsSound(MockCamera):
    """The video plays in the session that was named first."""
    settings = {}

    def sdp(self):
        return super().sdp() + "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:track2\r\n"

    def on_setup(self, c, r):
        which = SESSION if r["url"].endswith("track1") else "87654321"
        channel = c.channel
        line = self.transport_line(c, r)
        c.channel = channel if which != SESSION else c.channel
        self.reply(c, r, headers=f"Session: {which};timeout=60\r\n{line}")

    def on_play(self, c, r):
        if r["headers"].get("session") == SESSION:
            super().on_play(c, r)
        else:
            self.reply(c, r, "454 Session Not Found")


def test_another_session_for_its_sound_costs_no_picture():
    recording = {"segment": "4s", "gap_after": "2s", "audio": True}
    with OtherSessionForItsSound() as camera, Site([camera], recording=recording) as site:
        check_all_recorded(site, camera, 50)


class RefusesKeepAlive(MockCamera):
    """One method after the other, while its pictures flow."""
    status = "454 Session Not Found"

    def on_setup(self, c, r):
        self.reply(c, r, headers=f"Session: {SESSION};timeout=2\r\n{self.transport_line(c, r)}")

    def on_get_parameter(self, c, r):
        self.reply(c, r, self.status)

    def on_options(self, c, r):
        if c.playing and self.sent:
            self.reply(c, r, self.status)
        else:
            super().on_options(c, r)


@pytest.mark.parametrize("status", ("454 Session Not Found", "501 Not Implemented", "401 Unauthorized"))
def test_pictures_that_flow_are_not_left_for_a_keep_alive(status):
    with RefusesKeepAlive() as camera:
        camera.status = status
        with Site([camera]) as site:
            until("three keep-alives", lambda: len(camera.asked("GET_PARAMETER")) + len(camera.asked("OPTIONS")) > 3)
            time.sleep(0.5)
            check_all_recorded(site, camera, 50)
            assert len(camera.clients) == 1
