"""What a network does to UDP: packets that overtake each other or come twice change nothing; lost ones are a gap."""
import contextlib

import pytest

from harness_footage import check_range, check_unbroken, clocks_of
from harness_gst import GstCamera
from harness_network import Mischief, Network
from harness_site import Site
from harness_time import SECOND
from harness_wait import until

PICTURES = 85
SETTLED_US = 10 * SECOND  # until then a camera's first pictures, which waited for a viewer, may be moved (timeline.h)
MTU = 200  # many packets for each picture


@pytest.fixture(scope="module")
def networks():
    with contextlib.ExitStack() as stack:
        def through(name, **mischief):
            camera = stack.enter_context(GstCamera(name, mtu=MTU))
            return stack.enter_context(Network(camera, Mischief(**mischief)))
        yield {"disorder": through("disorder", swap_every=5, double_every=7), "loss": through("loss", lose_every=61)}


@pytest.fixture(scope="module")
def site(networks):
    with Site(networks.values(), segment="4s") as s:
        for network in networks.values():
            until(f"the pictures of {network.names[0]}", lambda n=network: n.clocks()[PICTURES:], 60)
        yield s


def test_disorder_and_doubles_leave_no_trace(site, networks):
    network = networks["disorder"]
    clocks = network.clocks()
    site.wait_recorded("disorder", clocks[-1])
    start, end = site.first_recorded("disorder", clocks) + SETTLED_US, clocks[-1]
    check_range(site.footage("disorder", start, end).body, start, end, network.clocks(), network)
    assert [t[2] for t in site.tiles("disorder", start, end)] == ["recorded"]
    assert network.mischief.swapped > 10 and network.mischief.doubled > 10


def test_what_is_lost_is_a_gap_and_the_rest_is_whole(site, networks):
    """Each picture is either in footage that decodes in silence, or in a gap that says why."""
    network = networks["loss"]
    until("three losses", lambda: network.mischief.lost >= 3)
    start = until("footage", lambda: site.first_recorded("loss", network.clocks())) + SETTLED_US
    until("footage after three losses", lambda: len(site.recorded("loss", start, network.clocks()[-1])) >= 3)
    end = site.recorded("loss", start, network.clocks()[-1])[-1][1]
    shown = []
    for state, cause in {t[2:] for t in site.tiles("loss", start, end)}:
        assert state == "recorded" or cause == "stream_stalled"
    for begin, stop in site.recorded("loss", start, end):
        stretch = clocks_of(site.footage("loss", begin, stop).body)
        check_unbroken(stretch, network.clocks())
        shown += stretch
    missing = [c for c in network.clocks() if shown[0] <= c <= shown[-1] and c not in shown]
    assert 1 <= len(missing) <= (network.mischief.lost + 1) * network.gop_us // network.interval_us
    until("a report of the losses", lambda: network.lost_by_reports())
    assert network.lost_by_reports() <= network.mischief.lost
