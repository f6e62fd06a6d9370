"""Nobody is two persons: whatever tokens an administrator makes, a hold stays until another one agrees, and the ledger says who."""
import pytest

from harness_camera import SimCamera
from harness_site import Site
from harness_time import text_of


@pytest.fixture(scope="module")
def site():
    with SimCamera("a") as camera, Site([camera]) as s:
        camera.wait_frames("a", 20)
        s.wait_recorded("a", camera.clocks("a")[-1])
        s.window = [text_of(camera.clocks("a")[n]) for n in (0, 10)]
        yield s


def make(site, name, role, token=""):
    answer = site.request("POST", "/tokens", body={"name": name, "role": role}, token=token)
    assert answer.status == 201, answer.body
    return answer.json()


def hold(site):
    order = {"camera": "a", "start": site.window[0], "end": site.window[1], "reason": "a parent asks"}
    return site.request("POST", "/holds", body=order).json()["id"]


def release(site, number, token=""):
    return site.request("POST", f"/holds/{number}/release", body={"reason": "answered"}, token=token).status


def in_force(site):
    return {h["id"] for h in site.get("/holds").json()["holds"]}


def test_a_token_made_to_approve_does_not(site):
    """The attack as it was found: make a token named like the regulator's, approve with it, remove it."""
    regulator = site.make_token("regulator")
    number = hold(site)
    assert release(site, number) == 202
    for name in ("regulator", "Regulator", " regulator", "regu1ator", "regul\u0430tor"):
        assert site.request("POST", "/tokens", body={"name": name, "role": "regulator"}).status in (400, 409), name
    late = make(site, "regulator of the county", "regulator")
    assert release(site, number, late["token"]) == 409
    assert site.request("DELETE", f"/tokens/{late['id']}").status == 204
    assert number in in_force(site)
    early = make(site, "made before it is asked for", "regulator")  # by the asker: his own hand
    assert release(site, number) == 202
    assert release(site, number, early["token"]) == 409
    assert number in in_force(site)
    assert release(site, number, regulator) == 200
    assert number not in in_force(site)


def test_the_ledger_says_who(site):
    """Tokens made and revoked, with who did it; holds and releases with account and role beside the name."""
    made = make(site, "for a day", "operator")
    assert site.request("DELETE", f"/tokens/{made['id']}").status == 204
    assert site.request("POST", "/tokens", body={"name": "for a day", "role": "admin"}).status == 409
    entries = [e for e in site.ledger() if e["kind"].startswith("token.") and e["body"]["id"] == made["id"]]
    assert [e["kind"] for e in entries] == ["token.made", "token.revoked"]
    for e in entries:
        body = e["body"]
        assert (body["name"], body["role"], body["by"], body["by_role"]) == ("for a day", "operator", "admin", "admin")
        assert isinstance(body["by_id"], int) and body["by_id"] > 0
    for e in site.ledger():
        if e["kind"].startswith("hold."):
            assert {"by", "by_id", "by_role"} <= set(e["body"])


def test_tokens_outlive_their_makers(site):
    """The api and the keeper start again; tokens work, what was revoked does not, and nothing is told twice."""
    kept, ended = make(site, "kept", "operator"), make(site, "ended", "operator")
    assert site.request("DELETE", f"/tokens/{ended['id']}").status == 204
    before = [e for e in site.ledger() if e["kind"].startswith("token.")]
    site.stop()
    site.start()
    assert site.get("/site", token=kept["token"]).status == 200
    assert site.get("/site", token=ended["token"]).status == 401
    after = [e for e in site.ledger() if e["kind"].startswith("token.")]
    assert after[:len(before)] == before
    assert {e["body"]["id"] for e in after[len(before):]}.isdisjoint({e["body"]["id"] for e in before})
