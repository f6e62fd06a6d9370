"""Footage that lies in the object store only, or not whole here: found and played by the same API, or refused clearly."""
import concurrent.futures
import contextlib
import http.client
import os
import time

import pytest

import harness_store_proxy
from harness_camera import SimCamera
from harness_footage import check_range
from harness_offload import COPIED_S, OffloadSite, copied
from harness_store_proxy import StoreProxy
from harness_time import SECOND, text_of
from harness_wait import until

SEGMENTS = 6
CLIENTS = 8
REMOTE_LIMIT_S = 20
READ_LIMIT_S = 15
SLACK_S = 2  # the machine may be loaded
FLIP_AT = 100  # from a file's end, before its seal


@pytest.fixture(scope="module")
def camera():
    with SimCamera("a") as c:
        yield c


@pytest.fixture(scope="module")
def proxy(store):
    with StoreProxy(store.port) as p:
        yield p


@pytest.fixture(scope="module")
def site(store, camera, proxy):
    """With some footage that is in the store, too."""
    with OffloadSite([camera], proxy.url, store.make_bucket("remote")) as s:
        copied(s, SEGMENTS)
        yield s


def kept_rows(site):
    """[(key, start, end)] of the oldest that are kept."""
    segments, kept = site.segments(), site.kept()
    rows = sorted((start, end, key) for key, (start, end) in segments.items() if key in kept)
    return [(key, start, end) for start, end, key in rows][:SEGMENTS]


@contextlib.contextmanager
def away(site, rows):
    """Their files are not here meanwhile."""
    paths = [site.file_of(key) for key, _, _ in rows]
    for path in paths:
        os.rename(path, path + ".away")
    try:
        yield
    finally:
        for path in paths:
            os.rename(path + ".away", path)


@contextlib.contextmanager
def harmed(proxy, harm):
    proxy.server.harm = harm
    try:
        yield
    finally:
        proxy.server.harm = None


@contextlib.contextmanager
def spoilt(path, offset):
    """One byte of that file is another one meanwhile; offset from its end if negative."""
    with open(path, "r+b") as f:
        at = offset if offset >= 0 else os.path.getsize(path) + offset
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0x10]))
        f.flush()
        try:
            yield
        finally:
            f.seek(at)
            f.write(byte)


def try_footage(site, start, end):
    """The answer; None where it was cut."""
    try:
        return site.footage("a", start, end)
    except http.client.IncompleteRead:
        return None


def check_refusal(answer, site, *troubles):
    problem = answer.problem(503)
    assert problem["store"]["trouble"] in troubles, problem
    place = f"{site.conf['offload']['url']}/{site.conf['offload']['bucket']}"
    assert problem["store"]["place"] == place and place in problem["detail"]
    assert int(answer.headers["retry-after"]) > 0
    return problem


def test_what_is_in_the_store_only_is_the_same_footage(site, camera):
    rows = kept_rows(site)
    start, end = rows[0][1] + SECOND // 2, rows[-1][2] - SECOND // 2
    before = site.footage("a", start, end)
    assert before.status == 200
    for gone in (range(3, 6), range(0, 3), (0, 2, 4), range(0, 6)):
        with away(site, [rows[i] for i in gone]):
            answer = site.footage("a", start, end)
            assert (answer.status, answer.headers["etag"], answer.body) == (200, before.headers["etag"], before.body)
            size = len(before.body)
            for first, last in ((0, 0), (size // 2, size // 2 + 70_000), (size - 9, size - 1)):
                part = site.footage("a", start, end, headers={"Range": f"bytes={first}-{last}"})
                assert (part.status, part.body) == (206, before.body[first:last + 1])
            head = site.footage("a", start, end, method="HEAD")
            assert (head.status, head.headers["content-length"]) == (200, str(size))
    check_range(before.body, start, end, camera.clocks("a"), camera)
    assert "holdfast_footage_store_bytes_total 0\n" not in site.metrics()


def test_one_file_by_its_id_comes_from_the_store(site):
    key, start, end = kept_rows(site)[0]
    segment = site.get("/segments", {"camera": "a", "from": text_of(start), "to": text_of(end)}).json()["segments"][0]
    query = {"start": text_of(start), "end": text_of(end), "segment": segment["id"]}
    before = site.get("/cameras/a/footage.mp4", query)
    with away(site, [(key, start, end)]):
        answer = site.get("/cameras/a/footage.mp4", query)
    assert (answer.status, answer.body) == (200, before.body)


@pytest.mark.parametrize("offset", [40, 1000, -FLIP_AT - 400])
def test_what_is_damaged_here_comes_from_the_store(site, offset):
    """The file's head, its first fragment's, and a picture; and a file that was cut short."""
    rows = kept_rows(site)
    start, end = rows[0][1], rows[2][2]
    before = site.footage("a", start, end)
    path = site.file_of(rows[1][0])
    with spoilt(path, offset):
        assert site.footage("a", start, end).body == before.body
    os.rename(path, path + ".whole")
    try:
        with open(path + ".whole", "rb") as whole, open(path, "wb") as f:
            f.write(whole.read(offset if offset > 0 else 20))
        assert site.footage("a", start, end).body == before.body
    finally:
        os.rename(path + ".whole", path)


@pytest.mark.parametrize("trouble, harm", [(t, h) for t, harms in harness_store_proxy.HARMS.items() for h in harms],
                         ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_what_a_store_answers_wrongly_is_never_given(site, proxy, trouble, harm):
    rows = kept_rows(site)
    start, end = rows[0][1], rows[0][2]
    before = site.footage("a", start, end)
    with away(site, rows[:1]):
        with harmed(proxy, harm):
            answer = try_footage(site, start, end)
            if harm is harness_store_proxy.last_byte:  # behind the beginning, which is fine
                assert answer is None
                answer = try_footage(site, start, end - SECOND // 2)
            check_refusal(answer, site, trouble)
        assert until("it is given again", lambda: site.footage("a", start, end).status == 200)
        assert site.footage("a", start, end).body == before.body


def test_a_silent_store_holds_up_nothing_else(site, proxy):
    rows = kept_rows(site)
    start, end = rows[0][1], rows[0][2]
    here = until("footage that was never away", lambda: sorted(site.segments().values())[SEGMENTS:SEGMENTS + 3][2:])
    local = sorted(site.segments().values())[SEGMENTS][0], here[0][1]

    def local_s():
        began = time.monotonic()
        assert site.footage("a", *local).status == 200
        return time.monotonic() - began

    usual_s = max(local_s() for _ in range(5))
    with away(site, rows[:1]), concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        with harmed(proxy, harness_store_proxy.silent):
            before, left = proxy.server.ranges, proxy.server.left
            answers = [pool.submit(site.footage, "a", start, end) for _ in range(CLIENTS)]
            until("two are asking the store", lambda: proxy.server.ranges >= before + 2)
            for _ in range(5):
                assert local_s() < usual_s + SLACK_S
                assert site.get("/site").status == 200
            assert proxy.server.left == left, "the store was not silent"
            for a in concurrent.futures.as_completed(answers, REMOTE_LIMIT_S + 5 + SLACK_S):
                check_refusal(a.result(), site, "away", "busy")
            assert proxy.server.ranges <= before + 4, "more were asking than may"
        assert site.footage("a", start, end).status == 200
    assert [e for e in site.events("offload_read") if e.get("trouble") == "away"]


def test_a_stop_does_not_wait_for_a_silent_store(site, proxy):
    """Clean within the patience that the supervisor has with its children."""
    rows = kept_rows(site)
    start, end = rows[0][1], rows[0][2]
    with away(site, rows[:1]):
        with harmed(proxy, harness_store_proxy.silent), concurrent.futures.ThreadPoolExecutor(3) as pool:
            before, left = proxy.server.ranges, proxy.server.left
            answers = [pool.submit(try_footage, site, start, end) for _ in range(3)]  # two inside, one waits
            until("two ask the store", lambda: proxy.server.ranges >= before + 2)
            began = time.monotonic()
            site.stop()
            assert time.monotonic() < began + READ_LIMIT_S / 2
            assert not concurrent.futures.wait(answers, SLACK_S).not_done
            until("the reads have ended", lambda: proxy.server.left >= left + 2)
        site.start()
        until("it is given again", lambda: site.footage("a", start, end).status == 200)


def test_a_killed_offloader_is_told_and_the_next_one_answers(site, proxy):
    rows = kept_rows(site)
    start, end = rows[0][1], rows[0][2]
    whole = site.footage("a", start, end).body
    with away(site, rows[:1]):
        with harmed(proxy, harness_store_proxy.silent), concurrent.futures.ThreadPoolExecutor(1) as pool:
            before = proxy.server.ranges
            answer = pool.submit(site.footage, "a", start, end)
            until("it asks the store", lambda: proxy.server.ranges > before)
            site.kill("offloader")
            check_refusal(answer.result(5), site, "offloader_away")
        until("it is given again", lambda: site.footage("a", start, end).body == whole)


def test_what_is_in_no_store_is_told_as_ever(site):
    """Its copy is not known to be whole."""
    site.stop()
    site.conf["offload"]["url"] = "http://127.0.0.1:1"
    site.start()
    key = until("one that waits", lambda: set(site.segments()) - set(site.kept()), COPIED_S).pop()
    start, end = site.segments()[key]
    with away(site, [(key, start, end)]):
        assert "store" not in site.footage("a", start, end).problem(503)
