#include "clip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_MAX_BYTES 1400
#define FRAME_HEAD_BYTES 4
#define RTP_HEAD_BYTES 12
#define PAYLOAD_TYPE 96
#define FU_A 28

static void add_packet(struct clip *c, const uint8_t *head, size_t head_len, const uint8_t *data, size_t len,
		       bool marker)
{
	size_t rtp_len = RTP_HEAD_BYTES + head_len + len;
	uint8_t fixed[FRAME_HEAD_BYTES + RTP_HEAD_BYTES] = {'$', 0, 0, 0, 0x80};

	if (c->packet_count == c->packet_room) {
		c->packet_room = c->packet_room ? 2 * c->packet_room : 1024;
		c->packets = xrealloc(c->packets, c->packet_room * sizeof *c->packets);
	}
	put_u16be(fixed + 2, (uint16_t)rtp_len);
	fixed[5] = (uint8_t)(PAYLOAD_TYPE | (marker ? 0x80 : 0));
	c->packets[c->packet_count++] =
	    (struct clip_packet){.at = c->bytes.len, .len = FRAME_HEAD_BYTES + rtp_len, .frame = c->frames};
	buf_add(&c->bytes, fixed, sizeof fixed);
	buf_add(&c->bytes, head, head_len);
	buf_add(&c->bytes, data, len);
}

static void add_nal(struct clip *c, const uint8_t *nal, size_t len, bool last)
{
	if (len <= PAYLOAD_MAX_BYTES) {
		add_packet(c, NULL, 0, nal, len, last);
		return;
	}
	for (size_t at = 1; at < len; at += PAYLOAD_MAX_BYTES - 2) {
		size_t left = len - at, n = left < PAYLOAD_MAX_BYTES - 2 ? left : PAYLOAD_MAX_BYTES - 2;
		uint8_t start = at == 1 ? 0x80 : 0, end = n == left ? 0x40 : 0;
		uint8_t head[2] = {(uint8_t)((nal[0] & 0xe0) | FU_A), (uint8_t)(start | end | (nal[0] & 0x1f))};
		add_packet(c, head, sizeof head, nal + at, n, last && end);
	}
}

static void take_nal(struct clip *c, const uint8_t *nal, size_t len)
{
	unsigned type = nal[0] & 0x1f;
	bool slice = type == 1 || type == 5;

	if (type == 7) {
		c->sps = nal;
		c->sps_len = len;
	} else if (type == 8) {
		c->pps = nal;
		c->pps_len = len;
	}
	add_nal(c, nal, len, slice);
	c->frames += slice;
}

static void read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t n = 1;

	while (f && n > 0) {
		buf_reserve(out, 1 << 16);
		n = fread(out->data + out->len, 1, 1 << 16, f);
		out->len += n;
	}
	if (!f || ferror(f)) {
		perror(path);
		exit(1);
	}
	fclose(f);
}

/* Where the next NAL unit begins, behind its start code; `end` if there is none. */
static const uint8_t *next_nal(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *found = memmem(p, (size_t)(end - p), "\0\0\1", 3);

	return found ? found + 3 : end;
}

void clip_load(struct clip *c, const char *path)
{
	struct buf file = {0};

	read_file(path, &file);
	const uint8_t *end = file.data + file.len, *nal = next_nal(file.data, end);
	while (nal < end) {
		const uint8_t *next = next_nal(nal, end), *stop = next == end ? end : next - 3;
		while (stop > nal && stop[-1] == 0)
			stop--; /* of a start code of four bytes */
		if (stop > nal)
			take_nal(c, nal, (size_t)(stop - nal));
		nal = next;
	}
	if (c->frames == 0 || !c->sps || !c->pps) {
		fprintf(stderr, "%s: no H.264 with parameter sets\n", path);
		exit(1);
	}
}

void clip_stamp(struct clip *c, unsigned packet, uint16_t sequence, uint32_t timestamp, uint32_t ssrc)
{
	uint8_t *rtp = c->bytes.data + c->packets[packet].at + FRAME_HEAD_BYTES;

	put_u16be(rtp + 2, sequence);
	put_u32be(rtp + 4, timestamp);
	put_u32be(rtp + 8, ssrc);
}
