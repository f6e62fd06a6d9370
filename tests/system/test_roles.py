"""Each process is confined by the kernel, and a camera's password is known to the recorder alone."""
import base64
import os

import pytest

from harness_camera import SimCamera
from harness_regulator import Regulator
from harness_site import ROLES, Site
from harness_wait import until

PASSWORD = "Kennwort-4711-geheim"


@pytest.fixture(scope="module")
def regulator():
    with Regulator() as r:
        yield r


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a", user="view", password=PASSWORD) as c:
        yield c


@pytest.fixture(scope="module")
def site(camera, regulator):
    with Site([camera], segment="2s", regulator=regulator.url) as s:
        camera.wait_frames("a", 40)
        s.wait_recorded("a", camera.clocks("a")[-1])
        yield s


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@pytest.mark.parametrize("role", ROLES)
def test_the_kernel_confines_it(site, role):
    """A seccomp filter, and no new privileges, in every thread."""
    pid = site.pid(role)
    for thread in os.listdir(f"/proc/{pid}/task"):
        status = status_of(f"{pid}/task/{thread}")
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1"), thread


@pytest.mark.parametrize("role", ROLES)
def test_it_has_no_capabilities(site, role):
    """Also as root: none in any set, so nobody sets a clock; and no core is written, no other process may look inside."""
    for thread in os.listdir(f"/proc/{site.pid(role)}/task"):
        status = status_of(f"{site.pid(role)}/task/{thread}")
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}, thread
        assert os.geteuid() != 0 or int(status["CapBnd"], 16) == 0
    with open(f"/proc/{site.pid(role)}/limits", encoding="ascii") as f:
        assert [line.split()[4:6] for line in f if line.startswith("Max core")] == [["0", "0"]]


def test_no_socket_has_a_name_but_the_one_for_people(site):
    """A socket with a name lets in whoever runs as the same user."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as f:
        named = [line.split()[7] for line in f if len(line.split()) > 7]
    assert [os.path.basename(path) for path in named if path.startswith(site.folder)] in (["api.sock"], [])
    assert [name for _, _, files in os.walk(site.path("state")) for name in files if name.endswith(".sock")] == ["api.sock"]


def test_what_confines_is_told(site):
    """In the answer of /site and in the log of each role."""
    told = site.get("/site").json()["sandbox"]
    assert told["seccomp"] is True
    assert {role: one["counted"] for role, one in told["roles"].items()} == dict.fromkeys(ROLES, True)
    assert {e["proc"] for e in site.events("sandbox")} == set(ROLES)


@pytest.mark.parametrize("role, listens", [("recorder", False), ("keeper", False), ("api", True)])
def test_only_the_api_listens_on_the_network(site, role, listens):
    """By the sockets that each process holds."""
    pid = site.pid(role)
    held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f.read().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    assert bool(held & listening) == listens


@pytest.mark.parametrize("role, forbidden", [("recorder", ("archive/", "catalog.db", "access.db")),
                                             ("keeper", ("access.db", ".key")), ("api", ("journal/", ".open", "seal.key"))])
def test_nobody_holds_files_of_another(site, role, forbidden):
    """By the files that each process has open."""
    pid = site.pid(role)
    for fd in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        assert not any(word in target for word in forbidden), target


@pytest.mark.parametrize("role, name", [("keeper", "catalog.db"), ("api", "access.db")])
def test_its_database_stays_locked(site, role, name):
    """Who reads it from outside (fsck) must find SQLite's lock on the log's index, or he would empty it."""
    inode = os.stat(site.path("state", name + "-shm")).st_ino
    with open("/proc/locks", encoding="ascii") as f:
        held = {int(line.split()[4]) for line in f if line.split()[5].endswith(f":{inode}")}
    assert site.pid(role) in held


def test_secrets_have_mode_0600(site):
    """Keys, databases and the state folder."""
    for name in ("keys/seal.key", "keys/site.key", "access.db", "catalog.db"):
        assert os.stat(site.path("state", name)).st_mode & 0o077 == 0, name
    assert os.stat(site.path("state")).st_mode & 0o077 == 0


def test_the_password_is_nowhere(site, regulator):
    """Not in the log, the journal, the catalogue, the footage, an answer or a delivery."""
    until("the regulator was told", regulator.acknowledged)
    answers = [site.get(path).body for path in ("/site", "/areas", "/cameras", "/cameras/a", "/gaps", "/ledger",
                                                "/retention", "/tokens")]
    answers.append(site.get("/metrics", base="").body)
    files = [os.path.join(folder, name) for part in ("state", "footage") for folder, _, names in os.walk(site.path(part))
             for name in names if not name.endswith(".sock")]
    for path in files + [site.path("log")]:
        try:
            with open(path, "rb") as f:
                answers.append(f.read())
        except FileNotFoundError:
            continue  # published meanwhile; its bytes are read under the other name or are footage
    answers += [d.body for d in regulator.deliveries]
    for form in (PASSWORD.encode(), base64.b64encode(f"view:{PASSWORD}".encode())):
        assert not [a[:80] for a in answers if form in a]


def test_the_cameras_address_is_not_told(site):
    """What an answer shows has no url and no user name."""
    for path in ("/cameras", "/cameras/a", "/site"):
        assert b"rtsp://" not in site.get(path).body


def test_leaks_nothing(camera):
    """Without the sandbox (the leak checker needs ptrace) every process ends clean, with code 0."""
    site = Site([camera])
    site.sandbox = False
    with site:
        clocks = camera.wait_frames("a", 50)
        site.wait_recorded("a", clocks[-1])
        assert site.footage("a", clocks[-20], clocks[-5]).status == 200
        site.stop()
        assert "LeakSanitizer" not in site.log()
