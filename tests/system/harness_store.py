"""An object store that others wrote: radosgw over a Ceph of one monitor and one disk in memory."""
import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import typing
import urllib.parse
import xml.etree.ElementTree

from harness_wait import until

START_S = 240  # generous: the machine may be loaded
COMMAND_S = 120
STOP_S = 30
LOG_LINES = 40
FIRST_PORT, PORTS, BLOCKS = 12000, 100, 200
ACCESS_KEY, SECRET_KEY = "HFTESTACCESSKEY00001", "hf-test/secret+key=0001"
REGION = "default"
OSD_UUID = "99999999-2222-4333-8444-555555555555"
FSID = "11111111-2222-4333-8444-555555555555"
running = []  # for the logs in a failed test's report

CONF = """[global]
fsid = {fsid}
mon_host = v1:127.0.0.1:{mon_port}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_bind_msgr2 = false
ms_bind_port_min = {first_port}
ms_bind_port_max = {last_port}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_crush_update_on_start = false
osd_class_update_on_start = false
mon_allow_pool_size_one = true
mon_data_avail_warn = 1
mon_data_avail_crit = 1
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
crash_dir = {folder}/crash
run_dir = {folder}
keyring = {folder}/keyring
admin_socket = {folder}/$name.$pid.asok
log_file = {folder}/$name.log
"""


def free_ports():
    """Gateway, monitor, and the first of the disk's: below those that the kernel gives to anybody, as the gateway comes back
    to its own."""
    for n in range(BLOCKS):
        first = FIRST_PORT + (os.getpid() + n) % BLOCKS * PORTS
        gateway, monitor = first + PORTS - 1, first + PORTS - 2
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", gateway)), \
                socket.create_server(("127.0.0.1", monitor)):
            return gateway, monitor, first
    raise AssertionError("no free ports")


class Answer(typing.NamedTuple):
    status: int
    headers: dict
    body: bytes

    def names(self, tag):
        """The texts of all elements of that name."""
        root = xml.etree.ElementTree.fromstring(self.body)
        return [e.text for e in root.iter() if e.tag.rpartition("}")[2] == tag]


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(method, host, path, query, headers, body, keys=(ACCESS_KEY, SECRET_KEY)):
    """The headers of a request, signed (AWS Signature Version 4): not by the code under test."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    payload = hashlib.sha256(body).hexdigest()
    headers = {**{k.lower(): v for k, v in headers.items()}, "host": host, "x-amz-date": stamp,
               "x-amz-content-sha256": payload}
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, path, query, *[f"{n}:{headers[n]}" for n in sorted(headers)], "", names, payload])
    scope = f"{day}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + keys[1]).encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = digest(key, part)
    signature = digest(key, text).hex()
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, SignedHeaders={names}, "
                                        f"Signature={signature}"}


class Store:
    """The daemons of one store, and a client of its own to look into it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hfs-", dir="/tmp")
        self.port, mon_port, first = free_ports()
        self.processes = {}
        with open(self.path("ceph.conf"), "w", encoding="utf-8") as f:
            f.write(CONF.format(folder=self.folder, fsid=FSID, mon_port=mon_port, first_port=first,
                                last_port=first + PORTS - 3))
        for name in ("osd", "rgw", "crash"):
            os.mkdir(self.path(name))
        with open(self.path("keyring"), "w", encoding="utf-8"):
            pass
        self.mon_address = f"v1:127.0.0.1:{mon_port}"

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        running.append(self)
        try:
            self.start()
        except BaseException:
            print(self.log_tail())
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.kill(name)
        running.remove(self)
        shutil.rmtree(self.folder)

    # --- daemons ----------------------------------------------------------------------

    def attempt(self, *words):
        return subprocess.run([*words, "-c", self.path("ceph.conf")], cwd=self.folder, capture_output=True, text=True,
                              timeout=COMMAND_S, check=False)

    def command(self, *words):
        done = self.attempt(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def daemon(self, name, *words):
        with open(self.path(f"{name}.out"), "ab") as out:
            self.processes[name] = subprocess.Popen([*words, "-f", "-c", self.path("ceph.conf")], cwd=self.folder,
                                                    stdout=out, stderr=out, start_new_session=True)

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(STOP_S)

    def ceph(self, *words):
        """Again, if a monitor that has just begun refuses ("problem getting command descriptions")."""
        def ask():
            done = self.attempt("ceph", "--connect-timeout", str(COMMAND_S), *words)
            return done.returncode == 0 and done
        return until(f"an answer to {words}", ask, START_S).stdout

    def disk_is_up(self):
        """A disk that gives up when it meets a monitor that has just begun is started again."""
        if self.processes["osd"].poll() is not None:
            self.daemon("osd", "ceph-osd", "-i", "0")
        return json.loads(self.ceph("osd", "stat", "-f", "json"))["num_up_osds"] == 1

    def answers(self):
        assert self.processes["rgw"].poll() is None, "radosgw ended"
        return self.request("GET", "/").status == 200

    def start(self):
        self.command("monmaptool", "--create", "--fsid", FSID, "--addv", "a", self.mon_address, self.path("monmap"))
        self.command("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.path("monmap"))
        self.daemon("mon", "ceph-mon", "-i", "a")
        # Until it has elected itself it calls everybody a stranger ("wrong fsid").
        until("the monitor answers", lambda: self.attempt("ceph", "--connect-timeout", "10", "osd", "stat").returncode == 0,
              START_S)
        self.command("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", OSD_UUID)
        self.ceph("osd", "new", OSD_UUID)
        self.ceph("osd", "crush", "add", "osd.0", "1", "root=default", "host=box")
        self.daemon("osd", "ceph-osd", "-i", "0")
        until("the disk is up", self.disk_is_up, START_S)
        self.start_gateway()
        self.command("radosgw-admin", "user", "create", "--uid", "site", "--display-name", "site", "--access-key",
                     ACCESS_KEY, "--secret-key", SECRET_KEY)
        until("the store answers", self.answers, START_S)

    def start_gateway(self):
        self.daemon("rgw", "radosgw", "-n", "client.rgw", "--rgw_frontends", f"beast endpoint=127.0.0.1:{self.port}",
                    "--rgw_init_timeout", str(START_S), "--rgw_thread_pool_size", "16")

    @contextlib.contextmanager
    def away(self):
        """Nobody answers meanwhile."""
        self.kill("rgw")
        try:
            yield
        finally:
            self.start_gateway()
            until("the store answers", self.answers, START_S)

    def log_tail(self):
        parts = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith((".log", ".out")):
                with open(self.path(name), encoding="utf-8", errors="replace") as f:
                    parts.append(f"--- {name}\n" + "".join(f.readlines()[-LOG_LINES:]))
        return "\n".join(parts)

    # --- looking into it ----------------------------------------------------------------

    def request(self, method, path, query="", headers=None, body=b""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        path = urllib.parse.quote(path)
        ready = signed(method, f"127.0.0.1:{self.port}", path, query, headers or {}, body)
        connection.request(method, path + ("?" + query if query else ""), body, ready)
        reply = connection.getresponse()
        answer = Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        connection.close()
        return answer

    def make_bucket(self, name, lock=True):
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if lock else {}
        answer = self.request("PUT", f"/{name}", headers=headers)
        assert answer.status == 200, answer
        return name

    def keys(self, bucket):
        """Of the current objects."""
        return self.request("GET", f"/{bucket}").names("Key")

    def versions(self, bucket):
        """[(key, version)] of all that is there, delete markers not."""
        answer = self.request("GET", f"/{bucket}", "versions=")
        return list(zip(answer.names("Key"), answer.names("VersionId")))

    def put(self, bucket, key, body, **headers):
        headers = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode(), **headers}
        return self.request("PUT", f"/{bucket}/{key}", headers=headers, body=body)
