"""Several disks and what became of the pictures: where cameras are written, and what was lost and why."""
import os

from harness_footage import LATENESS_US, clocks_of
from harness_time import SECOND, parse_us
from harness_wait import until

EDGE_US = SECOND // 2   # design §12


def being_written(disk):
    """{camera: start of the newest segment that is open on it}"""
    found = {}
    for name in os.listdir(os.path.join(disk.backing, "incoming")):
        camera, _, rest = name.partition("-")
        if rest.endswith(".open"):
            start = f"{rest[:4]}-{rest[4:6]}-{rest[6:11]}:{rest[11:13]}:{rest[13:-5]}"
            found[camera] = max(found.get(camera, 0), parse_us(start))
    return found


def busiest(disks):
    """The disk that writes most cameras, and the other."""
    return sorted(disks, key=lambda d: -len(being_written(d)))


def state_of(site, disk):
    return next(r["state"] for r in site.get("/site").json()["roots"] if r["path"] == disk.path)


def settled(site, name, start, end):
    until(f"{name} is settled", lambda: all(t[2] != "pending" for t in site.tiles(name, start, end)))
    return site.tiles(name, start, end)


def check_truth(site, camera, name, start, end, *causes):
    """Each picture that was sent is shown once, or lies in a gap of these causes. Returns the gaps."""
    gaps = [t for t in settled(site, name, start, end) if t[2] == "gap"]
    assert {g[3] for g in gaps} <= set(causes), gaps
    shown = clocks_of(site.footage(name, start, end).body)
    assert shown == sorted(set(shown))
    sent = [c for c in camera.clocks(name) if start + EDGE_US <= c < end - EDGE_US]
    lost = [c for c in sent if c not in shown]
    assert all(any(g[0] - EDGE_US <= c <= g[1] + EDGE_US for g in gaps) for c in lost), (gaps, lost)
    assert not [c for c in shown for g in gaps if g[0] + LATENESS_US < c < g[1] - LATENESS_US], gaps
    return gaps


def wait_moved(other, names):
    """When the cameras began to be written there: their segments' starts."""
    return until("the cameras moved", lambda: set(names) <= set(being_written(other)) and being_written(other))
