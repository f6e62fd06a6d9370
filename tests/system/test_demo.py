"""`holdfast run --demo`: a newcomer sees the whole in a minute, and it leaves nothing behind."""
import http.client
import os
import re
import signal
import subprocess
import tempfile

import pytest

from harness_http import call
from harness_site import PROGRAM, environment, members
from harness_wait import until

CAMERAS = {"playroom-east", "nap-room-1", "entrance-1"}


class Demo:
    """The running demo: its output, and the address that it prints."""

    def __init__(self, folder):
        self.folder, self._log = folder, f"{folder}/log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen([PROGRAM, "run", "--demo"], cwd=folder, stdout=log, stderr=log,
                                            env=environment())
        found = until("the address is printed", lambda: re.search(
            r"http://127\.0\.0\.1:(\d+)/\?code=(\S+)", self.output()))
        self.port, self.code = int(found[1]), found[2]
        self.token = self.enter(self.code).json()["token"]

    def output(self):
        with open(self._log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def enter(self, code):
        return call(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), "POST", "/api/v1/session", body={"code": code})

    def get(self, path):
        return call(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30), "GET", path,
                    headers={"Authorization": f"Bearer {self.token}"})


@pytest.fixture(scope="module")
def demo():
    with tempfile.TemporaryDirectory(prefix="hfd-", dir="/tmp") as folder:
        d = Demo(folder)
        yield d
        if d.process.poll() is None:
            d.process.send_signal(signal.SIGTERM)
            d.process.wait(40)


def test_the_printed_address_opens_the_page_once(demo):
    """Without a login; then the next address is printed. No token is."""
    answer = call(http.client.HTTPConnection("127.0.0.1", demo.port, timeout=30), "GET", f"/?code={demo.code}")
    assert answer.status == 200 and b"<html" in answer.body
    assert demo.enter(demo.code).status == 401
    until("the next address is printed", lambda: demo.output().count("/?code=") == 2)
    codes = re.findall(r"/\?code=(\S+)", demo.output())
    assert codes[0] != codes[1] and demo.enter(codes[1]).json()["token"] == demo.token
    assert demo.token not in demo.output()


def test_three_cameras_record(demo):
    """Soon after the start."""
    def recording():
        cameras = demo.get("/api/v1/cameras").json()["cameras"]
        return {c["id"] for c in cameras if c["state"] == "recording" and c["newest"]} == CAMERAS
    until("three cameras record", recording, 30)


def test_the_regulator_prints_what_it_hears(demo):
    """Events with a signature that holds."""
    until("the regulator printed an enrolment", lambda: "camera.enrolled" in demo.output())


def test_its_password_is_in_no_list_of_processes(demo):
    """Every user of the box sees the words that a process was started with."""
    with open(f"{demo.folder}/demo/camera.pw", encoding="ascii") as f:
        password = f.read().strip()
    assert not [words for words in members(demo.folder).values() if any(password in word for word in words)]


def test_what_it_invites_with_ends_with_it(demo):
    """A killed demo's token is revoked by the next, one that ends in order takes it along; none is for ever."""
    tokens = {t["name"]: t for t in demo.get("/api/v1/tokens").json()["tokens"]}
    assert [t["expires_at"] is not None for name, t in tokens.items() if name.startswith("demo ")] == [True]
    for pid in members(demo.folder):
        os.kill(pid, signal.SIGKILL)
    demo.process.wait(40)
    until("no process left", lambda: not members(demo.folder))
    old, again = demo.token, Demo(demo.folder)
    demo.process, demo.port, demo.token = again.process, again.port, again.token
    assert old != demo.token and demo.get("/api/v1/site").status == 200
    demo.token, new = old, demo.token
    until("the old one is refused", lambda: demo.get("/api/v1/tokens").status == 401)
    demo.token = new


def test_it_ends_with_everything_it_started(demo):
    """SIGTERM: exit code 0, no process left."""
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(40) == 0
    until("no process left", lambda: not members(demo.folder))
    assert not re.search(r"Sanitizer|runtime error:", demo.output())
