"""Cameras that want a password, each in its own way; and nothing of it is found anywhere."""
import base64
import contextlib
import hashlib
import os
import subprocess

import pytest

from harness_camera import SimCamera
from harness_site import PROGRAM, Site, environment, members
from harness_time import SECOND, now_us
from harness_wait import until

FRAMES = 30
# name: (how the camera asks, the password)
WAYS = {"md5": (("--auth", "digest"), "apricot-7191"), "sha": (("--auth", "digest-sha256"), "bramble-2813"),
        "plain": (("--auth", "basic"), "cypress-5520"),
        "stale": (("--nonce-life", "1", "--session-timeout", "2"), "dogwood-9047")}
WRONG = "elderberry-3306"
ROUTES = ("/site", "/areas", "/cameras", "/gaps", "/ledger", "/retention", "/holds", "/tokens")


@pytest.fixture(scope="module")
def cameras():
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(SimCamera(name, user=f"user-{name}", password=password, switches=switches))
               for name, (switches, password) in WAYS.items()}


@pytest.fixture(scope="module")
def site(cameras):
    cameras["plain"].settings = {"plain_password": True}
    s = Site(cameras.values())
    for name in ("md5", "plain"):
        s.add_camera(f"wrong-{name}", cameras[name].url(name), f"user-{name}", WRONG, **getattr(cameras[name], "settings", {}))
    with s:
        for name, camera in cameras.items():
            clocks = camera.wait_frames(name, FRAMES)
            s.wait_recorded(name, clocks[-1])
        until("refusals", lambda: all(s.gaps(camera=f"wrong-{n}") for n in ("md5", "plain")), 30)
        yield s


@pytest.mark.parametrize("name", WAYS)
def test_it_is_recorded_in_one_session(site, cameras, name):
    """Also when a nonce lives for a second, and is asked for anew with each keep-alive."""
    first = cameras[name].truth(name, "play")[0]["at_us"]
    if name == "stale":
        until("three keep-alives", lambda: now_us() - first > 4 * SECOND)
    assert len(cameras[name].truth(name, "play")) == 1
    assert not cameras[name].truth(name, "teardown")
    assert not site.gaps(camera=name)


@pytest.mark.parametrize("name", ["md5", "plain"])
def test_a_wrong_password_is_said_so(site, name):
    """By what it is, with the remedy."""
    gap = site.gaps(camera=f"wrong-{name}")[0]
    assert gap["cause"] == "camera_refused"
    assert "password" in gap["detail"]


def secrets():
    """What nobody may find, in the forms in which it is used."""
    pairs = [(f"user-{name}", password) for name, (_, password) in WAYS.items()]
    pairs += [(f"user-{name}", WRONG) for name in WAYS]
    for user, password in pairs:
        yield password.encode()
        yield base64.b64encode(f"{user}:{password}".encode())
        for digest in (hashlib.md5, hashlib.sha256):
            yield digest(f"{user}:holdfast-camera:{password}".encode()).hexdigest().encode()


def found_in(data):
    return [secret for secret in secrets() if secret in data]


def files_of(site):
    for folder, _, names in os.walk(site.folder):
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith(".pw") and os.path.isfile(path):
                yield path


def test_no_file_holds_it(site):
    """Log, journal, catalogue, access database, footage, statements of state: all that was written."""
    paths = list(files_of(site))
    assert any("journal" in p for p in paths) and any(p.endswith("catalog.db") for p in paths)
    for path in paths:
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as f:
            assert not found_in(f.read()), path


def test_no_process_shows_it(site):
    """Neither in its command line nor in its environment."""
    pids = members(site.folder)
    assert len(pids) >= 4
    for pid in pids:
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as f:
                assert not found_in(f.read()), (pid, name)


@pytest.mark.parametrize("route", ROUTES)
def test_no_answer_holds_it(site, route):
    """Of the api."""
    assert not found_in(site.get(route).body)


@pytest.mark.parametrize("word", ["status", "check", "fsck"])
def test_no_command_prints_it(site, word):
    """Of those that read the configuration or the state."""
    done = subprocess.run([PROGRAM, word, "-c", site.conf_path], cwd=site.folder, env=environment(),
                          capture_output=True, timeout=60, check=False)
    assert done.stdout + done.stderr
    assert not found_in(done.stdout + done.stderr)
