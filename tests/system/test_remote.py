"""Footage that lies in the object store only, or not whole here: found and played by the same API, or refused clearly."""
import os
import threading
import time

import pytest

from harness_camera import SimCamera
from harness_footage import check_range
from harness_offload import OffloadSite, copied
from harness_store import Store
from harness_time import SECOND
from harness_wait import until

SEGMENTS = 6


@pytest.fixture(scope="module")
def store():
    with Store() as s:
        yield s


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def site(store, camera):
    """With some footage that is in the store, too."""
    with OffloadSite([camera], store.url, store.make_bucket("remote")) as s:
        copied(s, SEGMENTS)
        yield s


def kept_range(site):
    """[(key, start, end)] of what is kept, in order, without holes."""
    segments, kept = site.segments(), site.kept()
    rows = sorted((start, end, key) for key, (start, end) in segments.items() if key in kept)
    return [(key, start, end) for start, end, key in rows]


class Away:
    """Files that are not here meanwhile."""

    def __init__(self, site, keys):
        self.paths = [site.file_of(key) for key in keys]

    def __enter__(self):
        for path in self.paths:
            os.rename(path, path + ".away")

    def __exit__(self, *_):
        for path in self.paths:
            os.rename(path + ".away", path)


def test_what_is_in_the_store_only_is_the_same_footage(site, camera):
    rows = kept_range(site)[:SEGMENTS]
    start, end = rows[0][1] + SECOND // 2, rows[-1][2] - SECOND // 2
    before = site.footage("a", start, end)
    assert before.status == 200
    for gone in (range(3, 6), range(0, 3), (0, 2, 4), range(0, 6)):
        with Away(site, [rows[i][0] for i in gone]):
            answer = site.footage("a", start, end)
            assert (answer.status, answer.headers["etag"]) == (200, before.headers["etag"])
            assert answer.body == before.body
            for first, last in ((0, 0), (len(before.body) // 2, len(before.body) // 2 + 70_000), (len(before.body) - 9, len(before.body) - 1)):
                part = site.footage("a", start, end, headers={"Range": f"bytes={first}-{last}"})
                assert (part.status, part.body) == (206, before.body[first:last + 1])
            head = site.footage("a", start, end, method="HEAD")
            assert (head.status, head.headers["content-length"]) == (200, str(len(before.body)))
    check_range(before.body, start, end, camera.clocks("a"), camera)
