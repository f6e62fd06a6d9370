"""What a stranger can check with a copy and a public key: by holdfast verify, and by thirty lines of Python."""
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import pytest

from harness_camera import SimCamera
from harness_site import PROGRAM, Site, environment

CHECKER = pathlib.Path(__file__).with_name("verify_segment.py")
FRAMES = 170  # four segments and some
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A copy of a stopped site's footage, keys and ledger; the site is gone."""
    folder = tmp_path_factory.mktemp("copy")
    with SimCamera("a", "b") as camera, Site([camera]) as site:
        site.wait_recorded("a", camera.wait_frames("a", FRAMES)[-1])
        (folder / "ledger.json").write_text(site.cli("ledger", "--json"), encoding="utf-8")
        site.stop()
        shutil.copytree(site.path("footage"), folder / "footage")
        for key in ("seal", "site"):
            shutil.copy(site.path(f"state/keys/{key}.pub"), folder)
    return folder


@pytest.fixture
def copy(taken, tmp_path):
    """One to tamper with."""
    shutil.copytree(taken, tmp_path / "c")
    return tmp_path / "c"


def verify(*words, code=0):
    done = subprocess.run([PROGRAM, "verify", *map(str, words)], env={**environment(), "LANG": "C.UTF-8"}, cwd="/",
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def segments(copy, camera="a"):
    return sorted((copy / "footage/archive" / camera).glob("*/*.mp4"))


def codes(copy, code=1):
    told = json.loads(verify(copy / "footage", "--key", copy / "seal.pub", "--json", code=code))
    return [(f["code"], pathlib.Path(f["file"]).name) for f in told["wrong"]]


def independent(copy, camera="a"):
    return subprocess.run([sys.executable, CHECKER, copy / "seal.pub", *segments(copy, camera)], capture_output=True,
                          text=True, check=False)


def test_all_of_it_holds(copy):
    """Footage of two cameras and the ledger, with the fingerprints of the keys."""
    told = json.loads(verify(copy / "footage", copy / "ledger.json", "--key", copy / "seal.pub", "--key", copy / "site.pub",
                             "--json"))
    assert told["holds"] and told["cameras"] == 2 and told["entries"] > 5 and told["segments"] >= 8
    assert sum(k["segments"] for k in told["keys"]) == told["segments"]
    assert {f["code"] for f in told["not_judged"]} == {"after"}
    assert "all of it holds" in verify(copy / "footage/archive/a", "--key", copy)


def test_thirty_lines_of_python_say_the_same(copy):
    """From the documented layout alone."""
    done = independent(copy)
    assert (done.returncode, len(done.stdout.strip())) == (0, 64), done.stderr
    victim = segments(copy)[1]
    victim.unlink()
    assert independent(copy).stderr.strip().endswith("does not follow")


def test_an_altered_byte(copy):
    """Both name the file."""
    victim = segments(copy)[1]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    assert codes(copy) == [("altered", victim.name)]
    assert victim.name in independent(copy).stderr


@pytest.mark.parametrize("tamper, code", [
    (lambda s: s[1].unlink(), ["dropped"]),
    (lambda s: os.truncate(s[1], s[1].stat().st_size - 100), ["cut"]),
    (lambda s: (s[1].rename(s[1].parent / "x"), s[2].rename(s[1]), (s[1].parent / "x").rename(s[2])),
     ["swapped", "swapped"]),
    (lambda s: s[1].rename(s[1].parent / "b-20261123T031500.120000Z.mp4"), ["renamed", "wrong_time"]),
    (lambda s: s[-1].rename(s[-1].parent / ".x"), ["renamed"]),
    (lambda s: s[-1].rename(s[-1].with_suffix(".bad")), ["renamed"]),
    (lambda s: s[-1].parent.rename(s[-1].parent.parent / "old"), ["wrong_time"]),
], ids=["dropped", "cut", "swapped", "renamed", "hidden", "bad", "folder"])
def test_tampering_is_named(copy, tamper, code):
    """And exit 1."""
    assert not codes(copy, 0)
    tamper(segments(copy))
    assert sorted({c for c, _ in codes(copy)} if code == ["wrong_time"] else [c for c, _ in codes(copy)]) == code


def digest_of(before, entry):
    """As the ledger hashes it."""
    at_us = (datetime.datetime.fromisoformat(entry["at"].replace("Z", "+00:00")) - EPOCH) // datetime.timedelta(microseconds=1)
    text = "\0".join([entry["kind"], entry["camera"] or "", entry["body_text"]])
    return hashlib.sha256(before + struct.pack(">qq", entry["seq"], at_us) + text.encode()).hexdigest()


def ledger_codes(copy, lines, *words, code=1):
    dump = copy / "forged.json"
    dump.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    told = json.loads(verify(dump, "--key", copy / "site.pub", *words, "--json", code=code))
    return [f["code"] for f in told["wrong"] + told["unproven"]]


def test_a_forged_ledger(copy):
    """Nothing is signed anew: lines behind the head, a rewritten first entry of a cut, and a head of then."""
    lines = [json.loads(line) for line in (copy / "ledger.json").read_text(encoding="utf-8").splitlines()]
    entries, head = [x for x in lines if "seq" in x], [x for x in lines if "head" in x]
    assert not ledger_codes(copy, entries + head, code=0)
    body = '{"by":"regulator"}'
    behind = dict(seq=entries[-1]["seq"] + 1, at=entries[-1]["at"], kind="hold.released", camera="a", body=json.loads(body), body_text=body)
    behind["hash"] = digest_of(bytes.fromhex(entries[-1]["hash"]), behind)
    assert ledger_codes(copy, [*entries, *head, behind]) == ["behind_head"]
    assert ledger_codes(copy, [*entries, behind, *head]) == ["behind_head"]
    first = dict(entries[2], kind="hold.released", body=json.loads(body), body_text=body)
    assert ledger_codes(copy, [first, *entries[3:], *head]) == ["before"]
    assert ledger_codes(copy, [dict(entries[2], previous=entries[1]["hash"]), *entries[3:], *head], code=0) == []
    (copy / "kept.json").write_text(json.dumps(head[0]), encoding="utf-8")
    assert ledger_codes(copy, entries[:-1], "--head", copy / "kept.json") == ["ledger_head"]


def test_a_tail_and_a_camera_that_are_gone(copy):
    """What the head knows to be sealed, and is not here: the files that are left hold."""
    keys = ("--key", copy / "seal.pub", "--key", copy / "site.pub")
    head = json.loads((copy / "ledger.json").read_text(encoding="utf-8").splitlines()[-1])["head"]
    known = {s["camera"]: s for s in head["sealed"]}
    assert set(known) == {"a", "b"}
    shutil.rmtree(copy / "footage/archive/b")
    for path in segments(copy)[-(len(segments(copy)) - known["a"]["sequence"] + 1):]:
        path.unlink()
    assert not codes(copy, 0)
    (copy / "kept.json").write_text(json.dumps(head), encoding="utf-8")
    for words in [(copy / "ledger.json",), ("--head", copy / "kept.json")]:
        told = json.loads(verify(copy / "footage", *words, *keys, "--json", code=1))
        assert not told["wrong"] and {(f["code"], f["camera"]) for f in told["unproven"]} == {("tail_missing", "a"), ("camera_missing", "b")}


def test_the_wrong_key(copy):
    """The site's key sealed nothing; without any key nothing is said to hold."""
    told = verify(segments(copy)[0], "--key", copy / "site.pub", code=1)
    assert "unknown_key" in told
    assert "no_key" in verify(segments(copy)[0], code=3)


def test_questions_that_make_no_sense(copy):
    """Exit codes 2 and 3."""
    verify(code=2)
    verify("/nonexistent", "--key", copy / "seal.pub", code=3)
    verify(copy / "footage", "--key", "/nonexistent", code=3)
    (copy / "empty").mkdir()
    verify(copy / "empty", "--key", copy / "seal.pub", code=3)


def test_in_chinese(copy):
    """The same in the other language."""
    done = subprocess.run([PROGRAM, "verify", copy / "footage", "--key", copy / "seal.pub"], capture_output=True, text=True,
                          env={**environment(), "LANG": "zh_CN.UTF-8"}, check=False)
    assert "全部相符" in done.stdout
