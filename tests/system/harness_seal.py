"""Seals a segment anew, as only who holds the seal key can: for files that are wrong and say that they are right."""
import contextlib
import hashlib
import sqlite3
import struct

from cryptography.hazmat.primitives.serialization import load_pem_private_key

UUID = b"uuidHoldfast\x90\x5e\xa1\x00SEAL"
AFTER_CONTENT = 32 + 8 + 64  # content, key id, signature end the box


def split(data):
    """(the bytes that are sealed, the seal)."""
    at = data.rindex(UUID) - 4
    return data[:at], data[at:]


def reseal(site, path, change):
    """The file after change(bytes), under a seal that holds, with the row that goes with it. The site is stopped."""
    with open(site.path("state/keys/seal.key"), "rb") as f:
        key = load_pem_private_key(f.read(), None)
    body, box = split(path.read_bytes())
    body = change(bytearray(body))
    old = hashlib.sha256(box).digest()
    box = box[:-AFTER_CONTENT] + hashlib.sha256(body).digest() + box[-72:-64]
    box += key.sign(box)
    path.write_bytes(bytes(body) + box)
    with contextlib.closing(sqlite3.connect(site.path("state/catalog.db"))) as db, db:
        done = db.execute("UPDATE segment SET seal_digest = ? WHERE seal_digest = ?", (hashlib.sha256(box).digest(), old))
        assert done.rowcount == 1


def damage_a_picture(body):
    """The largest NAL unit of the last fragment becomes nonsense behind its type; every length stays as it is."""
    at = body.rindex(b"mdat") + 4
    largest = (0, 0)
    while at < len(body):
        size, = struct.unpack(">I", body[at:at + 4])
        largest = max(largest, (size, at + 4))
        at += 4 + size
    assert at == len(body)
    size, at = largest
    body[at + 2:at + size] = b"\x55" * (size - 2)
    return body
