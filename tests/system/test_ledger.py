"""The ledger: a chain that a stranger can check with twenty lines, and that nobody can change."""
import copy
import json
import pathlib
import sqlite3
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

from harness_camera import SimCamera
from harness_site import Site

CHECKER = pathlib.Path(__file__).with_name("verify_ledger.py")


@pytest.fixture(scope="module")
def site():
    with SimCamera("a") as camera, Site([camera]) as s:
        camera.wait_frames("a", 20)
        yield s


@pytest.fixture(scope="module")
def entries(site):
    return site.ledger()


def check(entries):
    return subprocess.run([sys.executable, CHECKER], input=json.dumps(entries), capture_output=True, text=True,
                          check=False)


def test_the_chain_holds(entries):
    """From 32 zero bytes to the last entry."""
    assert len(entries) >= 4
    done = check(entries)
    assert (done.returncode, done.stdout.strip()) == (0, entries[-1]["hash"]), done.stderr


def test_it_begins_with_what_matters(entries):
    """The keys, the camera, the configuration and the recorder's start."""
    kinds = {e["kind"] for e in entries}
    assert {"key.created", "camera.enrolled", "config.changed", "recorder.started"} <= kinds
    assert {e["body"]["name"] for e in entries if e["kind"] == "key.created"} == {"seal", "site"}


@pytest.mark.parametrize("field, value", [("body_text", '{"innocent":true}'), ("camera", "b"), ("kind", "gap.closed"),
                                          ("at", "2026-01-01T00:00:00.000000Z"), ("seq", 7)])
def test_a_change_is_found(entries, field, value):
    """Whatever of an entry is changed."""
    forged = copy.deepcopy(entries)
    forged[1][field] = value
    assert check(forged).stderr == "entry 2 does not hold\n"


def test_a_missing_entry_is_found(entries):
    """Also when the rest is untouched."""
    assert check(entries[:2] + entries[3:]).returncode == 1


def test_the_head_is_signed(site):
    """By the site's key, over site, number, hash and time."""
    head = site.get("/ledger/head").json()
    text = f"holdfast ledger head\n{head['site']}\n{head['seq']}\n{head['hash']}\n{head['at']}\n"
    with open(site.path("state/keys/site.pub"), "rb") as f:
        serialization.load_pem_public_key(f.read()).verify(bytes.fromhex(head["signature"]), text.encode())
    assert site.ledger()[head["seq"] - 1]["hash"] == head["hash"]


def test_the_command_line_shows_the_same(site, entries):
    """holdfast ledger --json prints an entry a line, then the signed head."""
    *shown, last = map(json.loads, site.cli("ledger", "--json").splitlines())
    assert shown[:len(entries)] == entries
    assert check(shown).returncode == 0
    assert (last["head"]["seq"], last["head"]["hash"]) == (shown[-1]["seq"], shown[-1]["hash"])


@pytest.mark.parametrize("statement", ["UPDATE ledger SET body = '{}' WHERE seq = 1", "DELETE FROM ledger"])
def test_the_database_refuses_changes(site, statement):
    """Even to somebody who opens it with sqlite3 (here: a copy of it)."""
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        site.catalog_copy().execute(statement)
