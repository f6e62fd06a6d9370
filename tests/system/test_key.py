"""Both keys are changed while everything runs: nothing is lost, and everything of before can still be proved."""
import json
import pathlib
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from harness_camera import SimCamera
from harness_regulator import Regulator, holds
from harness_site import PROGRAM, Site, environment
from harness_wait import until

KEYS = ("seal", "site")


def load(path):
    return serialization.load_pem_public_key(pathlib.Path(path).read_bytes())


def sealed_by(path, fingerprint):
    return bytes.fromhex(fingerprint[:16]) in path.read_bytes()[-512:]


def segments(site, fingerprint):
    """Those in the archive whose seal names that key."""
    return sorted(p for p in pathlib.Path(site.path("footage/archive/a")).glob("*/*.mp4") if sealed_by(p, fingerprint))


def keys_of(site):
    return json.loads(site.cli("key", "list", "--json"))


def rotated(site):
    return [e["body"] for e in site.ledger() if e["kind"] == "key.rotated"]


class Story:
    """What there was before the change, and the site after it."""

    def __init__(self, site, camera, regulator, folder):
        self.site, self.regulator, self.folder = site, regulator, folder
        self.recorder = site.pid("recorder")
        camera.wait_frames("a", 30)
        site.wait_recorded("a", camera.clocks("a")[10])
        for name in KEYS:
            shutil.copy(site.path(f"state/keys/{name}.pub"), folder / f"{name}-old.pub")
        self.old = {k["name"]: k["fingerprint"] for k in keys_of(site)}
        until("footage sealed before", lambda: segments(site, self.old["seal"]), 60)
        for name in KEYS:
            assert self.old[name] in site.cli("key", "rotate", name)
        until("both in the ledger", lambda: {b["name"] for b in self.told()} == set(KEYS), 60)
        self.new = {k["name"]: k["fingerprint"] for k in keys_of(site) if k["in_force"]}
        until("footage sealed since", lambda: segments(site, self.new["seal"]), 60)
        self.clocks = camera.clocks("a")
        site.wait_recorded("a", self.clocks[-1])

    def told(self):
        """The api starts again meanwhile."""
        try:
            return rotated(self.site)
        except OSError:
            return []


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    with SimCamera("a") as camera, Regulator() as regulator, Site([camera], regulator=regulator.url) as site:
        yield Story(site, camera, regulator, folder)


def test_no_frame_is_lost(story):
    """The recorder goes on; from the first picture to the last all is recorded."""
    assert story.site.pid("recorder") == story.recorder
    assert not story.site.gaps()
    first = story.site.first_recorded("a", story.clocks)
    assert story.site.recorded("a", first, story.clocks[-1]) == [(first, story.clocks[-1])]


def test_the_ledger_names_both_and_who(story):
    """The old key's word for the new one; no key appears from nowhere."""
    bodies = {b["name"]: b for b in rotated(story.site)}
    for name in KEYS:
        assert (bodies[name]["previous_fingerprint"], bodies[name]["fingerprint"]) == (story.old[name], story.new[name])
        assert bodies[name]["by"].startswith("uid:")
        text = "holdfast key handover\n" + "".join(bodies[name][k] + "\n" for k in ("name", "site", "previous", "public", "at", "by"))
        load(story.folder / f"{name}-old.pub").verify(bytes.fromhex(bodies[name]["signature"]), text.encode())
    assert [e["body"]["name"] for e in story.site.ledger() if e["kind"] == "key.created"].count("seal") == 1


def test_a_regulator_with_the_old_key_still_verifies(story):
    """Two signatures, as Standard Webhooks foresees; the one who has the new key verifies as well."""
    def both():
        return [d for d in story.regulator.deliveries if " " in d.signature]
    until("told with both", both, 60)
    old, new = load(story.folder / "site-old.pub"), load(story.site.path("state/keys/site.pub"))
    for d in both():
        assert [holds(old, s, d) for s in d.signature.split(" ")] == [False, True]
        assert [holds(new, s, d) for s in d.signature.split(" ")] == [True, False]
    story.regulator.check_signatures(story.folder / "site-old.pub")


def test_fingerprints_are_shown(story):
    """Wherever proof is shown."""
    keys = story.site.get("/site").json()["keys"]
    assert {n: keys[f"{n}_fingerprint"] for n in KEYS} == story.new
    assert story.site.get("/ledger/head").json()["key"] == story.new["site"]
    status = story.site.cli("status")
    assert all(f in status for f in story.new.values())
    story.site.cli("backup", story.site.path("backup"))
    with open(story.site.path("backup", "backup.json"), encoding="utf-8") as f:
        backup = json.load(f)
    assert {k["fingerprint"] for k in backup["keys"]} >= set(story.old.values()) | set(story.new.values())
    assert not [f for f in backup["files"] if f["name"].endswith(".key")]
    assert {k["fingerprint"] for k in keys_of(story.site) if not k["in_force"]} == set(story.old.values())


def verify(story, *words, code=0):
    done = subprocess.run([PROGRAM, "verify", *map(str, words), "--json"], env=environment(), cwd=story.folder,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_everything_still_holds(story):
    """Offline, with both keys; with the new one alone the older footage is named; the old ones and the ledger do."""
    dump, footage = story.folder / "ledger.json", story.site.path("footage")
    dump.write_text(story.site.cli("ledger", "--json"), encoding="utf-8")
    story.site.stop()
    assert "0 violations" in story.site.fsck()
    old, new = story.folder / "seal-old.pub", story.site.path("state/keys/seal.pub")
    before, since = segments(story.site, story.old["seal"]), segments(story.site, story.new["seal"])
    told = verify(story, footage, "--key", old, "--key", new)
    assert told["holds"] and {k["fingerprint"]: k["segments"] for k in told["keys"]} == {
        story.old["seal"]: len(before), story.new["seal"]: len(since)}
    told = verify(story, footage, "--key", new, code=1)
    assert {(f["code"], f["file"]) for f in told["wrong"]} == {("unknown_key", str(p)) for p in before}
    told = verify(story, footage, dump, "--key", old, "--key", story.folder / "site-old.pub")
    assert told["holds"] and [f["code"] for f in told["facts"]].count("key_rotated") == 2
    assert verify(story, footage, "--key", story.site.path("state/seal-keys"))["holds"]


def test_it_starts_again_with_the_new_keys(story):
    """What is recorded next follows the chain, and no entry is written twice."""
    count = len(segments(story.site, story.new["seal"]))
    story.site.start()
    until("more footage", lambda: len(segments(story.site, story.new["seal"])) > count, 60)
    assert len(rotated(story.site)) == 2
    assert "0 violations" in story.site.fsck()
