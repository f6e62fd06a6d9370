"""No token stands in an address: neither in the page's own, nor in what its player and its link to save are given."""
import json
import os
import subprocess

HERE = os.path.dirname(__file__)


def run(*words):
    told = subprocess.run(["node", os.path.join(HERE, "page_secrets.js"), os.path.join(HERE, "../../web/page.js"), *words],
                          capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


def test_the_page_trades_its_code_and_gives_codes_to_its_player():
    """The code is out of the address before anything is asked; the player and the saved file get one each."""
    told = run()
    assert told["asked"][0]["path"] == "/session" and told["asked"][0]["bearer"] is None
    assert all(a["search"] == "" for a in told["asked"])
    assert all(a["bearer"] == "Bearer hf_secret" for a in told["asked"][1:])
    assert told["kept"] == {"token": "hf_secret"}
    assert told["src"] == "/footage?code=1" and told["shown"] == ["/", "/footage?code=2"]
    assert not [a["url"] for a in told["asked"] if "hf_" in a["url"]]


def test_a_code_that_was_used_leads_to_the_login():
    """And says why."""
    told = run("used")
    assert [a["path"] for a in told["asked"]] == ["/session"] and told["kept"] == {}
    assert "works once" in told["error"]
