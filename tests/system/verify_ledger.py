"""Checks the chain of a ledger (the entries of GET /api/v1/ledger as a JSON array on standard input)."""
import calendar
import hashlib
import json
import re
import sys
import time

digest, seq = bytes(32), 0
for e in json.load(sys.stdin):
    seq = max(e["body"]["known_seq"], seq) + 1 if e["kind"] == "ledger.restored" else seq + 1
    whole, micros = re.fullmatch(r"(.{19})\.(\d{6})Z", e["at"]).groups()
    at_us = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1000000 + int(micros)
    text = "\0".join([e["kind"], e["camera"] or "", e["body_text"]])
    digest = hashlib.sha256(digest + e["seq"].to_bytes(8, "big") + at_us.to_bytes(8, "big") + text.encode()).digest()
    if e["seq"] != seq or e["hash"] != digest.hex() or json.loads(e["body_text"]) != e["body"]:
        sys.exit(f"entry {seq} does not hold")
print(digest.hex())
