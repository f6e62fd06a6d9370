"""A site whose footage is copied to an object store."""
import os
import signal
import time

from harness_site import Site
from harness_store import ACCESS_KEY, REGION, SECRET_KEY
from harness_time import SECOND, text_of
from harness_wait import until

COPIED_S = 120


def key_of(camera, start_us):
    day = text_of(start_us)[:10]
    seconds, rest = divmod(start_us, SECOND)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
    return f"cn-test-0001/{camera}/{day}/{stamp}.{rest:06}Z.mp4"


class OffloadSite(Site):
    """A site with a bucket."""

    def __init__(self, cameras, url, bucket, secret=SECRET_KEY):
        super().__init__(cameras, segment="2s")
        self.conf["offload"] = {"url": url, "bucket": bucket, "region": REGION, "access_key_file": "store.access",
                                "secret_key_file": "store.secret"}
        self.write_secret("store.access", ACCESS_KEY)
        self.write_secret("store.secret", secret)

    def state(self):
        return self.get("/site").json()["offload"]

    def segments(self):
        """{key: (start, end)} of all that is published."""
        rows = self.catalog_copy().execute("SELECT camera, start, end FROM segment")
        return {key_of(camera, start_us): (start_us, end_us) for camera, start_us, end_us in rows}

    def file_of(self, key):
        return self.path("footage/archive", key.partition("/")[2])

    def reload(self):
        self.write_conf()
        before = len(self.events("reload"))
        os.kill(self.process.pid, signal.SIGHUP)
        until("the reload was judged", lambda: len(self.events("reload")) > before)

    def metrics(self):
        return self.get("/metrics", base="").body.decode()

    def kept(self):
        rows = self.catalog_copy().execute("SELECT key, version, hex(sha256), retain_until FROM object WHERE state = 'kept'")
        return {key: (version, sha.lower(), until_us) for key, version, sha, until_us in rows}


def copied(site, more=1):
    """Returns when so many more copies than now are known to be whole."""
    want = len(site.kept()) + more
    until(f"{more} more copies", lambda: len(site.kept()) >= want, COPIED_S)
    return site.kept()
