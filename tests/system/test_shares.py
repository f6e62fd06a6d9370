"""Shares: a camera that would fill the disk of all is moved to its smaller stream, or refused; the others go on."""
from harness_camera import SimCamera
from harness_footage import check_unbroken, clocks_of
from harness_loop import RoomDisk
from harness_site import Site
from harness_time import parse_us
from harness_wait import until

KBIT = 24_000  # just more than everybody may
SMALL = 40 << 30  # less than a day of two such cameras
JUDGED_S = 240  # a minute of each on a busy machine


def flood(name):
    return SimCamera(name, switches=("--bitrate", str(KBIT), "--fill", "on"))


def told(site, camera):
    return [e["body"]["verdict"] for e in site.ledger() if e["kind"] == "camera.share" and e["camera"] == camera]


def test_a_camera_that_floods_the_disk_is_refused_and_the_others_go_on():
    """One has a smaller stream and goes over to it, the other is refused; the third loses not a picture."""
    with RoomDisk(SMALL) as disk, SimCamera("good", "small") as calm, flood("one") as one, flood("two") as two:
        site = Site(storage=[{"path": disk.path, "reserve": "1MiB"}])
        site.add_camera("good", calm.url("good"))
        site.add_camera("one", one.url("one"))
        site.add_camera("two", two.url("two"), sub_url=calm.url("small"))
        with site:
            until("the smaller stream", lambda: told(site, "two") == ["sub"], JUDGED_S)
            gap = until("refused", lambda: site.gaps(camera="one"), JUDGED_S)[-1]
            assert gap["cause"] == "over_bitrate" and gap["end"] is None
            assert told(site, "one")[-1] == "refused" and told(site, "good") == []
            shares = {s["id"]: s["verdict"] for s in site.get("/retention").json()["shares"]}
            assert shares == {"one": "refused", "two": "sub"} and "sends far too much" in site.cli("status")
            until("recorded", lambda: site.get("/cameras/two").json()["stream"] == "sub", JUDGED_S)
            since = parse_us(gap["start"])
            sent = until("pictures", lambda: [c for c in calm.clocks("good") if c > since][50:], JUDGED_S)
            site.wait_recorded("good", sent[-1])
            clocks = calm.clocks("good")
            clocks = clocks[20:clocks.index(sent[-1])]
            check_unbroken(clocks_of(site.footage("good", clocks[0], clocks[-1]).body), calm.clocks("good"))
            assert not site.gaps(camera="good")
            assert not [c for c in one.clocks("one") if c > since + 5_000_000], "it is not connected"
            site.fsck()
