"""Starts gst_camera.py: a camera of GStreamer's RTSP server. Looks like a SimCamera to the harness."""
import base64
import datetime
import hashlib
import ipaddress
import os
import pathlib
import shutil
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness_time import SECOND

PROGRAM = pathlib.Path(__file__).with_name("gst_camera.py")
PEM, KEY_FORM = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


class Identity:
    """A key with a certificate of its own making, and its pin."""

    def __init__(self, address):
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        now = datetime.datetime.utcnow()
        san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        self._cert = (x509.CertificateBuilder(name, name, key.public_key(), 1, now - datetime.timedelta(1),
                                              now + datetime.timedelta(1)).add_extension(san, True)
                      .sign(key, hashes.SHA256()))
        self._key = key.private_bytes(PEM, KEY_FORM, serialization.NoEncryption())
        spki = key.public_key().public_bytes(serialization.Encoding.DER,
                                             serialization.PublicFormat.SubjectPublicKeyInfo)
        self.pin = "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()

    def write(self, path, with_key):
        pathlib.Path(path).write_bytes(self._cert.public_bytes(PEM) + (self._key if with_key else b""))
        return path


class GstCamera:
    """One process, one camera. trust: how Holdfast is to know it ("pin" or "ca"); then it speaks TLS."""
    interval_us, gop_us = SECOND // 5, SECOND

    def __init__(self, name, codec="h264", auth=None, transport="tcp", address="127.0.0.1", trust=None, mtu=1400,
                 audio="none"):
        self.names, self.address = (name,), address
        self.user, self.password = ("view", "p w?&") if auth else (None, None)
        self.settings = {"transport": transport}
        self.folder = tempfile.mkdtemp(prefix="hfg-")
        switches = ["--codec", codec, "--audio", audio, "--address", address, "--mtu", str(mtu)]
        if auth == "basic" and not trust:
            self.settings["plain_password"] = True
        if auth:
            switches += ["--auth", auth, "--user", self.user, "--password", self.password]
        self.identity = Identity(address) if trust else None
        if trust:
            switches += ["--tls", self.identity.write(os.path.join(self.folder, "key.pem"), True)]
            ca = self.identity.write(os.path.join(self.folder, "ca.pem"), False)
            self.settings |= {"tls_pin": self.identity.pin} if trust == "pin" else {"tls_ca": ca}
        self.process = subprocess.Popen(["/usr/bin/python3", PROGRAM, self.folder, name, *switches],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder)

    def url(self, name):
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"rtsp{'s' if self.identity else ''}://{host}:{self.port}/{name}"

    def _numbers(self, file):
        with open(os.path.join(self.folder, file), encoding="ascii") as f:
            return [int(line) for line in f.read().split("\n")[:-1]]

    def clocks(self, _=None):
        """The burnt clock of every picture."""
        return self._numbers("truth")

    def sessions(self):
        """How many sessions there were, each time that it changed."""
        return self._numbers("sessions")
