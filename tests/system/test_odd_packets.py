"""Cameras whose RTP is odd, though nothing is lost: each picture is recorded, to the byte."""
import pytest

from harness_mock import H264, H265, MockCamera, check_all_recorded, clip, is_key, nal_type
from harness_site import Site

BOTH = (H264, H265)


def all_recorded(kind, codec, **how):
    """Its footage."""
    with kind(clip(codec, size="640x480", **how)) as camera, Site([camera]) as site:
        body = check_all_recorded(site, camera)
        assert len(camera.clients) == 1
        return body


class AnotherSourceEachGop(MockCamera):
    """As Uniview's do; the sequence goes on."""

    def access_unit(self, c, i, ts, nals):
        if any(is_key(n, self.clip.codec) for n in nals):
            c.ssrc += 1
        super().access_unit(c, i, ts, nals)


class RestartsEachGop(MockCamera):
    """Source, sequence and time begin anew."""
    epoch = 0

    def access_unit(self, c, i, ts, nals):
        if any(is_key(n, self.clip.codec) for n in nals):
            c.ssrc, c.seq, self.epoch = c.ssrc + 1, c.seq * 31 + 7 & 0xffff, self.epoch + 1_234_567_890
        super().access_unit(c, i, ts + self.epoch, nals)


class StandsStill(MockCamera):
    """One sequence number for all."""

    def rtp(self, c, payload, ts, marker, payload_type=None, seq=None):  # pylint: disable=too-many-arguments
        return super().rtp(c, payload, ts, marker, payload_type, 7)


class Jumps(MockCamera):
    def access_unit(self, c, i, ts, nals):
        c.seq = c.seq + 100 & 0xffff
        super().access_unit(c, i, ts, nals)


class AnotherSourceOverUdp(AnotherSourceEachGop):
    settings = {"transport": "udp"}


@pytest.mark.parametrize("kind", (AnotherSourceEachGop, RestartsEachGop, StandsStill, Jumps, AnotherSourceOverUdp))
def test_a_source_and_a_sequence_that_change_lose_nothing(kind):
    all_recorded(kind, H264)


class CarriesNothing(MockCamera):
    """Between any two packets come some without media, of the same sequence."""

    def nal(self, c, ts, nal, last):
        header = 1 if self.clip.codec == H264 else 2
        for payload, marker in self.payloads(nal, last):
            for nothing in self.nothings(payload, header):
                c.packet(self.rtp(c, nothing, ts, False))
            c.packet(self.rtp(c, b"\1\2\3", ts, True, payload_type=107))
            padded = bytearray(self.rtp(c, b"\0\0\0\4", ts, False))
            padded[0] |= 0x20
            c.packet(bytes(padded))
            c.packet(self.rtp(c, payload, ts, marker))

    def nothings(self, payload, header):
        yield b""
        yield b"\x18\0\0" if header == 1 else b"\x60\1\0\0"  # an aggregation of an empty unit
        yield b"\x7f\1\2" if header == 1 else b"\x7e\1\2\3"  # reserved
        if nal_type(payload, self.clip.codec) == (28 if header == 1 else 49):
            yield payload[:header] + bytes([payload[header] & 0x3f])
            yield b"\x76\1\2" if header == 1 else b"\x5a\1\2\3"  # a unit that decoders ignore


@pytest.mark.parametrize("codec", BOTH)
def test_a_packet_that_carries_nothing_is_not_a_lost_one(codec):
    all_recorded(CarriesNothing, codec)


class ByteStream(MockCamera):
    """All units of a picture in what the packets call one, and the parameter sets of the SDP in one item."""

    def access_unit(self, c, i, ts, nals):
        self.nal(c, ts, b"\0\0\0\1".join(nals), True)


@pytest.mark.parametrize("codec", BOTH)
def test_start_codes_part_what_is_called_one_unit(codec):
    all_recorded(ByteStream, codec)
