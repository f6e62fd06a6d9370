"""Makes site.tar.gz, once: a nursery that version 0.1 (a66cfd0) recorded and that was killed.

Run it in a clone of that commit, with its release build and its tests/system on the path:
	HOLDFAST_BUILD=build PYTHONPATH=tests/system python3 make.py SITE.tar.gz

Its clock is moved into the past, so that no time of it lies ahead of whoever runs the test; its folder is named by
/proc/self/cwd, so that it can be put anywhere.
"""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time

from harness_camera import SimCamera
from harness_regulator import Regulator
from harness_site import Site
from harness_time import SECOND, now_us, text_of
from harness_wait import until

SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
	long rc = syscall(SYS_clock_gettime, id, t);
	if (rc == 0 && id == CLOCK_REALTIME)
		t->tv_sec -= atol(getenv("BEHIND_S"));
	return (int)rc;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*t = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}
time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return out ? *out = now.tv_sec : now.tv_sec;
}
"""
DAYS_AGO, EXPIRED_DAYS = 640, 100
DAY = 86400


class OldSite(Site):
    """By a clock that is `behind_s` late."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.sandbox = False
        self.conf["state"] = "/proc/self/cwd/state"
        self.conf["storage"] = [{"path": f"/proc/self/cwd/{name}", "reserve": "1MiB"} for name in ("footage", "footage2")]
        subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", self.path("shim.so")], input=SHIM, text=True, check=True)

    def set_clock(self, behind_s):
        self.behind_us = behind_s * SECOND
        self.env = {"LD_PRELOAD": self.path("shim.so"), "BEHIND_S": str(behind_s)}

    def then(self):
        return now_us() - self.behind_us

    def published(self, camera, count):
        def there():
            rows = self.get("/segments", {"camera": camera, "from": text_of(self.then() - 600 * SECOND),
                                          "to": text_of(self.then()), "limit": 100}).json()["segments"]
            return len(rows) >= count and rows
        return until(f"{count} published segments of {camera}", there, 90)

    def catalog(self, statement):
        with contextlib.closing(sqlite3.connect(self.path("state/catalog.db"))) as db:
            rows = db.execute(statement).fetchall()
            db.commit()
            return rows

    def sql(self, statement):
        with contextlib.closing(sqlite3.connect(f"file:{self.path('state/catalog.db')}?mode=ro", uri=True)) as db:
            return db.execute(statement).fetchall()


def first_session(site, camera):
    """Footage that will have expired."""
    site.set_clock((DAYS_AGO + EXPIRED_DAYS) * DAY)
    site.start()
    camera.wait_frames("east", 60)
    site.published("east", 1)
    site.stop()
    site.catalog(f"UPDATE state SET value = value + {EXPIRED_DAYS * DAY * SECOND} WHERE key = 'witnessed_us'")


def tokens(site):
    made = {"admin": site.token, "renewed": site.make_token("admin"), "regulator": site.make_token("regulator"),
            "investigator": site.make_token("investigator")}
    gone = site.cli("token", "add", "gone", "--role", "operator").strip()
    number = site.cli("token", "list").split("gone")[0].split()[-1]
    site.cli("token", "remove", number)
    return made | {"revoked": gone}


def people(site):
    rows = site.published("west", 2)
    one = site.cli("hold", "add", "--camera", "west", "--from", rows[0]["start"], "--to", rows[0]["end"], "--reason", "a parent asks",
                   "--reference", "2025-17")
    site.cli("hold", "add", "--camera", "east", "--from", rows[0]["start"], "--to", rows[1]["end"], "--reason", "园方留存")
    numbers = [str(r[0]) for r in site.sql("SELECT id FROM hold ORDER BY id")]
    site.cli("hold", "release", numbers[0], "--reason", "case closed")  # asked for, not yet approved
    third = site.request("POST", "/holds", body={"camera": "west", "start": rows[1]["start"], "end": rows[1]["end"],
                                                 "reason": "for a day"}).json()["id"]
    site.cli("hold", "release", str(third), "--reason", "the day is over")
    assert site.request("POST", f"/holds/{third}/release", body={"reason": "agreed"}).status == 200
    return one


def explain(site):
    gap = until("a closed gap", lambda: [g for g in site.gaps() if g["cause"] != "footage_missing" and g.get("end")])[0]
    answer = site.request("POST", f"/gaps/{gap['id']}/explanation", body={"text": "the switch was replaced"})
    assert answer.status in (200, 201, 204), (answer.status, answer.body)


def lose_a_file(site):
    row = site.published("east", 3)[1]
    (name,) = [os.path.join(d, f) for r in ("footage", "footage2") for d, _, files in os.walk(site.path(r, "archive/east"))
               for f in files if f.startswith(row["start"].replace("-", "").replace(":", ""))]
    os.unlink(name)
    until("it is missed", lambda: [e for e in site.ledger() if e["kind"] == "footage.missing"], 120)


def die(site):
    """All at once, while a sealed file waits for the keeper."""
    os.kill(site.pid("keeper"), signal.SIGSTOP)
    incoming = [site.path(r, "incoming") for r in ("footage", "footage2")]
    names = lambda end: [n for d in incoming for n in os.listdir(d) if n.endswith(end)]
    until("a sealed file nobody took", lambda: names(".mp4") and names(".open"))
    for pid in [site.process.pid, *filter(None, map(site.pid, ("recorder", "keeper", "api")))]:
        os.kill(pid, signal.SIGKILL)
    site.ended_by_kill()
    print("left:", names(""))


def main(out):
    out = os.path.abspath(out)
    with SimCamera("east", "west", fps=5, gop_s=1, switches=("--size", "160x120", "--bitrate", "32")) as camera, Regulator() as regulator:
        site = OldSite([camera], segment="5s", regulator=regulator.url, retention={"keep_days": 95, "scrub": "10s"})
        try:
            first_session(site, camera)
            site.set_clock(DAYS_AGO * DAY)
            site.start()
            until("the old footage has expired", lambda: [e for e in site.ledger() if e["kind"] == "footage.expired"], 120)
            camera.wait_frames("east", 50)
            camera.order("silent east on")
            until("a gap", site.gaps)
            camera.order("silent east off")
            made = tokens(site)
            people(site)
            print(site.cli("key", "rotate", "seal"))
            lose_a_file(site)
            explain(site)
            until("the regulator knows all", lambda: any("missing" in e["type"] for e in regulator.acknowledged()), 60)
            camera.wait_frames("west", 20)
            site.ended_by_kill = lambda: (time.sleep(1), site.process.wait(10))
            die(site)
            with open(site.path("tokens.json"), "w", encoding="ascii") as f:
                json.dump(made, f, indent=1)
            subprocess.run(["rm", "-rf", site.path("state/run"), site.path("state/api.sock"), site.path("log.old")], check=True)
            def plain(info):
                info.uid = info.gid = 0
                info.uname = info.gname = "root"
                return info if info.isreg() or info.isdir() else None
            with tarfile.open(out, "w:gz", compresslevel=9) as tar:
                for name in ("holdfast.yaml", "tokens.json", "state", "footage", "footage2"):
                    tar.add(site.path(name), name, filter=plain)
        except BaseException:
            print(site.log_tail())
            raise
        finally:
            for name in ("log",):
                print(open(site.path(name), encoding="utf-8").read()[-3000:])
            if site.process.poll() is None:
                site.process.kill()


main(sys.argv[1])
