"""Checks the seals and the chain of one camera's segments, from the layout in media/seal.h and a public key:
python3 verify_segment.py KEY.pub FILE... (in the order of their names). Prints the digest of the last seal."""
import hashlib
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

UUID = b"Holdfast\x90\x5e\xa1\x00SEAL"


def seal_of(data):
    """(sequence, camera, previous, digest) of the seal that ends the file, after all that it says was checked."""
    at = data.rindex(b"uuid" + UUID) - 4
    box, p = data[at:], 26
    names = []
    for _ in "sc":  # site, camera
        names.append(box[p + 1:p + 1 + box[p]].decode())
        p += 1 + box[p]
    sequence, _start, _end, _frames, _fragments = struct.unpack(">QqqII", box[p + 16:p + 48])
    previous, content = box[p + 48:p + 80], box[p + 80:p + 112]
    assert struct.unpack(">I", box[:4])[0] == len(box) == p + 112 + 8 + 64 and box[24] == 1, "its layout"
    assert content == hashlib.sha256(data[:at]).digest(), "its bytes"
    key.verify(box[-64:], box[:-64])
    return sequence, names[1], previous, hashlib.sha256(box).digest()


with open(sys.argv[1], "rb") as f:
    key = load_pem_public_key(f.read())
before = None
for path in sys.argv[2:]:
    with open(path, "rb") as f:
        try:
            seal = seal_of(f.read())
        except (AssertionError, ValueError, InvalidSignature) as e:
            sys.exit(f"{path}: {e or 'its signature'}")
    if before and (seal[0], seal[1], seal[2]) != (before[0] + 1, before[1], before[3]):
        sys.exit(f"{path}: does not follow")
    before = seal
print(before[3].hex())
