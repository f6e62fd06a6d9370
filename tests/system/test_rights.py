"""What a role could do that was taken over: from inside each, confined as it is, all that it may not is tried, and refused."""
import os
import re
import signal
import subprocess

import pytest

from harness_camera import BUILD, SimCamera
from harness_site import Site
from harness_wait import until

NOBODY = 65534
VICTIM = b"footage of ninety days"


class ProbedSite(Site):
    """Its roles do on SIGUSR1 what they may not (tests/rights/probe.c)."""

    def __init__(self, cameras, user, abi):
        super().__init__(cameras, segment="2s", offload={
            "url": "http://127.0.0.1:9", "bucket": "footage", "region": "r", "access_key_file": "store.access",
            "secret_key_file": "store.secret"})
        self.attacked, self.program, self.user = True, BUILD / "tests/rights/holdfast-supervisor", user
        for name in ("store.access", "store.secret"):
            self.write_secret(name, "x")
        if abi:
            self.env["HOLDFAST_LANDLOCK_ABI"] = str(abi)
        if user:
            self.prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]

    def start(self):
        self.write_conf()
        for folder, _, names in os.walk(self.folder):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(path, self.user, self.user)
        super().start()

    def put_victims(self):
        for name in ("archive/victim", "incoming/victim"):
            with open(self.path("footage", name), "wb") as f:
                f.write(VICTIM)
            os.chown(f.name, self.user, self.user)
            os.chmod(f.name, 0o600)

    def of(self, role, name):
        return [e for e in self.events(name) if e["proc"] == role]


@pytest.fixture(scope="module", params=[(0, None), (0, 2), (NOBODY, None), (NOBODY, 2)],
                ids=["root", "root-abi2", "nobody", "nobody-abi2"])
def site(request):
    user, abi = request.param
    with SimCamera("a", user="view", password="geheim") as camera, ProbedSite([camera], user, abi) as s:
        camera.wait_frames("a", 30)
        s.put_victims()
        for role in s.roles():
            os.kill(s.pid(role), signal.SIGUSR1)
            until(f"{role} tried everything", lambda role=role: s.of(role, "probed"))
        s.abi = abi
        yield s


@pytest.mark.parametrize("role", ["recorder", "keeper", "api", "offloader"])
def test_everything_is_refused(site, role):
    """Files, other processes, sockets, the clock, the kernel; as root and not, by Landlock of Debian 12's kernel and by this one's."""
    tried = site.of(role, "probe")
    assert len(tried) == int(site.of(role, "probed")[0]["tried"]) > 80
    assert [(e["call"], e["why"]) for e in tried if e["result"] != "refused"] == []
    if role != "keeper":  # it unlinks, which is its work
        with open(site.path("footage/archive/victim"), "rb") as f:
            assert f.read() == VICTIM
    told = site.get("/site").json()["sandbox"]["roles"][role]
    assert told["landlock_abi"] == site.abi or (site.abi is None and told["landlock_abi"] > 0)
    assert (told["signals"], told["ports"]) == (told["landlock_abi"] >= 6, told["landlock_abi"] >= 4)
    until("the calls are counted", lambda: site.get("/site").json()["sandbox"]["roles"][role]["refused"] > 40)


@pytest.mark.parametrize("role", ["recorder", "api", "offloader"])
def test_it_says_nothing_that_is_not_its_own(site, role):
    """The keeper was told to release a hold, or that there is a segment: it did not listen, and says so."""
    until("the keeper refused it", lambda: [e for e in site.of("keeper", "channel") if e["from"] == role])
    assert not re.search("hold", " ".join(e["kind"] for e in site.ledger()))


def test_it_goes_on(site):
    """Nothing was killed for trying, and recording was never disturbed."""
    assert not [e for e in site.events("process") if e.get("state") == "exited"]
    assert site.get("/readyz", base="").status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="it is root who takes over")
def test_root_goes_on_with_what_another_user_recorded():
    """No role keeps root's privileges: what is of another user is given to root when root starts."""
    with SimCamera("a") as camera, Site([camera], segment="2s") as s:
        s.wait_recorded("a", camera.wait_frames("a", 20)[-1])
        s.stop()
        for part in ("state", "footage"):
            for folder, _, names in os.walk(s.path(part)):
                for path in (folder, *(os.path.join(folder, name) for name in names)):
                    os.chown(path, NOBODY, NOBODY)
        os.chown(s.folder, NOBODY, NOBODY)
        refused = subprocess.run([*s.prefix, s.program, "run", "-c", s.conf_path], capture_output=True, text=True, timeout=30, check=False)
        assert refused.returncode == 3 and "chmod o+x" in refused.stderr
        os.chmod(s.folder, 0o711)
        s.start()
        s.wait_recorded("a", camera.wait_frames("a", 20)[-1])
        assert os.stat(s.path("state/catalog.db")).st_uid == 0
