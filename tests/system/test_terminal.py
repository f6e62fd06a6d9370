"""What others named commands no terminal: what people read of it is escaped, what machines read is what it is."""
import glob
import json
import os
import re
import subprocess

import pytest

from harness_camera import SimCamera
from harness_site import PROGRAM, Site, environment
from harness_time import SECOND, text_of

EVIL = "police\033[2J\nHTTP 200 \u202eX\u2028\u009b2J"
SHOWN = r"police\u001b[2J\nHTTP 200 \u202eX\u2028\u009b2J"


def is_harmless(text):
    return not [c for c in text if c != "\n" and (ord(c) < 32 or 0x7f <= ord(c) <= 0x9f or c in "\u2028\u2029\u202e")]


@pytest.fixture(scope="module")
def site():
    with SimCamera("a") as camera, Site([camera]) as s:
        s.at_us = camera.wait_frames("a", 20)[-1]
        s.wait_recorded("a", s.at_us)
        yield s


def test_answers_of_the_api(site):
    """A reason that a person gave, in the list and in the ledger."""
    site.request("POST", "/holds", body={"camera": "a", "start": text_of(site.at_us - SECOND), "end": text_of(site.at_us), "reason": EVIL}).json()
    listed = site.cli("hold", "list")
    assert SHOWN in listed and is_harmless(listed)
    assert json.loads(site.cli("hold", "list", "--json"))[0]["reason"] == EVIL
    told = site.cli("ledger")
    assert "hold.placed" in told and is_harmless(told)


def test_names_of_files(site, tmp_path):
    """Of a folder that somebody hands over, and of an argument that is not there."""
    (tmp_path / EVIL).mkdir()
    (tmp_path / EVIL / (EVIL + ".mp4")).write_bytes(b"no footage")
    for path in (tmp_path, tmp_path / EVIL / "none"):
        done = subprocess.run([PROGRAM, "verify", path, "--key", site.path("state/keys/seal.pub")], capture_output=True, env=environment(),
                              check=False)
        told = (done.stdout + done.stderr).decode()
        assert SHOWN in told and is_harmless(told), told


def test_commands_print_by_show_only():
    """So that the next command cannot forget it."""
    here = os.path.dirname(__file__)
    files = [*glob.glob(f"{here}/../../cli/*.c"), f"{here}/../../recorder/probe_print.c", f"{here}/../../conf/report.c",
             f"{here}/../regulator/main.c"]
    assert len(files) > 20
    for path in files:
        with open(path, encoding="utf-8") as f:
            assert not re.findall(r"(?<![a-z_])f?printf\(", f.read()), path
