#include "recorder/depay.h"

#include "base/log.h"
#include "recorder/access_unit.h"
#include "recorder/libav_log.h"
#include "recorder/parameter_sets.h"
#include "recorder/rtp_packet.h"
#include "recorder/sdp_write.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#define AVIO_BUFFER_BYTES 512     /* of receiver reports only: reads pass it by */
#define LATE_MAX 100              /* packets behind: late or double; further: the camera began anew */
#define SSRC_SILENCE_US (200 * US_PER_MS)
#define SSRC_FOREIGN_MAX 8        /* packets of another source in a row: it has taken over */
#define NO_MARKER_US (250 * US_PER_MS)
#define HEAD_WITHOUT_SLICE_MAX_BYTES 65536

struct depay {
	enum track_codec codec;
	uint8_t payload_type;
	depay_frame_fn *fn;
	void *arg;

	AVFormatContext *demuxer;
	AVIOContext *io;
	AVPacket *piece;
	struct buf sdp;
	size_t sdp_at;
	const struct rtp_packet *input; /* the packet that the demuxer may read; NULL: none */
	uint16_t fed;                   /* sequence number for the demuxer */

	bool begun;
	uint32_t ssrc;
	uint16_t expected;              /* sequence number */
	unsigned foreign;
	struct mono last_arrival;
	struct rtp_unwrap unwrap;
	bool marker_used;
	bool key_sets;                  /* key frames bring parameter sets with them */
	bool loss, restart;             /* what the next piece must know */
	uint64_t lost;

	struct access_unit au;
	struct parameter_sets sets;
};

/* --- the demuxer's input --------------------------------------------------------- */

/* Our own header before the camera's payload: the demuxer meets one source, in sequence, of one type. */
static int read_packet(struct depay *d, uint8_t *out, int room)
{
	const struct rtp_packet *p = d->input;

	if (!p)
		return AVERROR(EAGAIN);
	d->input = NULL;
	size_t len = RTP_HEADER_BYTES + p->payload_len;
	if (room < 0 || len > (size_t)room)
		return AVERROR(EAGAIN);
	out[0] = 0x80;
	out[1] = (uint8_t)((p->marker ? 0x80 : 0) | SDP_WRITE_PAYLOAD_TYPE);
	put_u16be(out + 2, ++d->fed);
	put_u32be(out + 4, p->timestamp);
	put_u32be(out + 8, 1);
	memcpy(out + RTP_HEADER_BYTES, p->payload, p->payload_len);
	return (int)len;
}

static int on_read(void *arg, uint8_t *out, int room)
{
	struct depay *d = arg;

	if (d->demuxer && d->demuxer->nb_streams > 0)
		return read_packet(d, out, room);
	size_t left = d->sdp.len - d->sdp_at;
	if (left == 0 || room <= 0)
		return AVERROR_EOF;
	size_t n = left < (size_t)room ? left : (size_t)room;
	memcpy(out, d->sdp.data + d->sdp_at, n);
	d->sdp_at += n;
	return (int)n;
}

/* Receiver reports: the session's business, and not needed over TCP. */
static int on_write(void *arg, uint8_t *data, int len)
{
	(void)arg;
	(void)data;
	return len;
}

/* libavformat looks for an ID3 tag and goes back. */
static int64_t on_seek(void *arg, int64_t to, int whence)
{
	struct depay *d = arg;

	if (whence != SEEK_SET || to < 0 || (uint64_t)to > d->sdp.len)
		return AVERROR(EINVAL);
	d->sdp_at = (size_t)to;
	return to;
}

/* --- opening ----------------------------------------------------------------------- */

static int set_options(AVDictionary **options)
{
	static const struct { const char *key, *value; } wanted[] = {
		{"sdp_flags", "custom_io"},
		{"reorder_queue_size", "0"},
		{"protocol_whitelist", "none"},
		{"format_whitelist", "sdp"},
	};

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (av_dict_set(options, wanted[i].key, wanted[i].value, 0) < 0)
			return -ENOMEM;
	return 0;
}

static int allocate(struct depay *d)
{
	uint8_t *buffer = av_malloc(AVIO_BUFFER_BYTES);

	if (!buffer)
		return -ENOMEM;
	/* Opened for writing too, and direct: reads are never gathered, so each gets one packet, and
	 * AVERROR(EAGAIN) leaves no mark behind. */
	d->io = avio_alloc_context(buffer, AVIO_BUFFER_BYTES, 1, d, on_read, on_write, on_seek);
	if (!d->io) {
		av_free(buffer);
		return -ENOMEM;
	}
	d->io->direct = 1;
	d->piece = av_packet_alloc();
	d->demuxer = avformat_alloc_context();
	if (!d->piece || !d->demuxer)
		return -ENOMEM;
	d->demuxer->pb = d->io;
	d->demuxer->flags |= AVFMT_FLAG_NONBLOCK | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
	d->demuxer->max_delay = 0;
	return 0;
}

static int open_demuxer(struct depay *d, struct err *e)
{
	const AVInputFormat *format = av_find_input_format("sdp");
	AVDictionary *options = NULL;
	int rc = allocate(d);

	if (!format)
		return err_set(e, -ENOSYS, "this libavformat has no sdp demuxer");
	if (rc == 0)
		rc = set_options(&options);
	if (rc == 0)
		rc = avformat_open_input(&d->demuxer, "", format, &options);
	int left = av_dict_count(options);
	av_dict_free(&options);
	if (rc < 0)
		return err_set(e, rc, "libavformat does not take the stream's description (%d)", rc);
	if (left > 0)
		return err_set(e, -ENOSYS, "this libavformat does not know an option that we need");
	if (d->demuxer->nb_streams != 1)
		return err_set(e, -EINVAL, "libavformat finds %u streams in place of one",
			       d->demuxer->nb_streams);
	return 0;
}

/* What the SDP says of parameter sets, as the demuxer decoded it. */
static void take_sdp_sets(struct depay *d)
{
	const AVCodecParameters *par = d->demuxer->streams[0]->codecpar;
	size_t len = par->extradata_size > 0 ? (size_t)par->extradata_size : 0;
	size_t at = nal_find_start(par->extradata, len, 0);

	while (at < len) {
		size_t nal = at + NAL_START_CODE_BYTES;
		at = nal_find_start(par->extradata, len, nal);
		parameter_sets_offer(&d->sets, par->extradata + nal, at - nal);
	}
	parameter_sets_accept(&d->sets);
}

int depay_create(const struct track *t, depay_frame_fn *fn, void *arg, struct depay **out, struct err *e)
{
	struct depay *d = xcalloc(1, sizeof *d);

	*out = NULL;
	libav_log_init();
	d->codec = t->codec;
	d->payload_type = t->payload_type;
	d->fn = fn;
	d->arg = arg;
	parameter_sets_init(&d->sets, t->codec);
	int rc = sdp_write(t, &d->sdp);
	if (rc < 0)
		err_set(e, rc, "the stream's format parameters cannot be used");
	else
		rc = open_demuxer(d, e);
	if (rc < 0) {
		depay_destroy(d);
		return rc;
	}
	take_sdp_sets(d);
	buf_finish(&d->sdp);
	*out = d;
	return 0;
}

void depay_destroy(struct depay *d)
{
	if (!d)
		return;
	avformat_close_input(&d->demuxer);
	av_packet_free(&d->piece);
	if (d->io)
		av_freep(&d->io->buffer);
	avio_context_free(&d->io);
	buf_finish(&d->sdp);
	access_unit_finish(&d->au);
	parameter_sets_finish(&d->sets);
	free(d);
}

/* --- frames ------------------------------------------------------------------------- */

static void take_sets(struct depay *d)
{
	const struct access_unit *au = &d->au;

	for (unsigned i = 0; i < au->nals; i++) {
		size_t len;
		const uint8_t *nal = access_unit_nal(au, i, &len);
		parameter_sets_offer(&d->sets, nal, len);
	}
	d->key_sets |= au->key;
	if (au->damaged)
		parameter_sets_forget(&d->sets);
	else
		parameter_sets_accept(&d->sets);
}

/* A key frame needs nothing from before it: what was lost there does not hurt it, if it begins as the
 * key frames of this camera do. */
static bool is_damaged(const struct depay *d, const struct access_unit *au)
{
	bool whole_key = au->key && au->whole_head && (au->sets || !d->key_sets);

	return au->damaged || (au->after_loss && !whole_key);
}

static void emit(struct depay *d)
{
	struct access_unit *au = &d->au;

	if (au->slice) {
		struct frame f = {
			.data = au->data.data,
			.len = au->data.len,
			.rtp_ticks = au->ticks,
			.arrival = au->arrival,
			.key = au->key,
			.damaged = is_damaged(d, au),
			.restarted = au->restarted,
		};
		if (au->sets)
			take_sets(d);
		d->fn(d->arg, &f);
	}
	access_unit_clear(au);
}

/* Whether what comes with p is of another frame than what is gathered. The timestamp tells, unless the
 * camera's stands still: then its marker and the picture's first slice do. */
static bool begins_frame(const struct depay *d, const struct rtp_packet *p, const uint8_t *piece,
			 size_t len, struct mono arrival)
{
	const struct access_unit *au = &d->au;

	if (!au->slice)
		return false;
	if (p->timestamp != au->timestamp)
		return true;
	return (au->marker || arrival.us - au->arrival.us >= NO_MARKER_US) &&
	       access_unit_ends_before(au, d->codec, piece, len);
}

static void begin_unit(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	struct access_unit *au = &d->au;

	if (au->data.len > HEAD_WITHOUT_SLICE_MAX_BYTES)
		access_unit_clear(au);
	au->timestamp = p->timestamp;
	au->ticks = rtp_unwrap(&d->unwrap, p->timestamp);
	au->arrival = arrival;
	au->after_loss |= d->loss;
	au->restarted |= d->restart;
	d->restart = false;
}

static void take_piece(struct depay *d, const struct rtp_packet *p, const uint8_t *piece, size_t len,
		       struct mono arrival)
{
	struct access_unit *au = &d->au;
	unsigned type = d->codec == TRACK_H264 ? p->payload[0] & 0x1f : p->payload[0] >> 1 & 0x3f;
	bool next = begins_frame(d, p, piece, len, arrival);

	if (d->loss && au->data.len && !(next && au->marker))
		au->damaged = true;
	if (next)
		emit(d);
	if (next || !au->slice)
		begin_unit(d, p, arrival);
	d->loss = false;
	access_unit_add(au, d->codec, piece, len, type == (d->codec == TRACK_H264 ? 24 : 48));
	au->marker = p->marker;
}

static int demux(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	unsigned pieces = 0;
	int rc;

	d->input = p;
	while ((rc = av_read_frame(d->demuxer, d->piece)) == 0) {
		if (d->piece->size > 0)
			take_piece(d, p, d->piece->data, (size_t)d->piece->size, arrival);
		av_packet_unref(d->piece);
		pieces++;
	}
	d->input = NULL;
	if (pieces == 0)
		d->loss = true; /* a packet that could not be read is as good as lost */
	return rc == AVERROR(EAGAIN) ? 0 : rc;
}

/* --- packets ------------------------------------------------------------------------- */

static void take_over(struct depay *d, const struct rtp_packet *p)
{
	if (d->begun) {
		d->au.damaged |= !d->au.marker;
		emit(d);
		d->restart = true;
		d->loss = true;
		log_info("rtp_source", "old=%08x new=%08x", d->ssrc, p->ssrc);
	}
	d->begun = true;
	d->ssrc = p->ssrc;
	d->expected = p->sequence;
	d->unwrap = (struct rtp_unwrap){0};
}

/* Two sources on one channel happen when a camera begins anew, or when one is not meant for us. */
static bool is_our_source(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	if (d->begun && p->ssrc == d->ssrc) {
		d->foreign = 0;
		return true;
	}
	d->foreign++;
	if (d->begun && d->foreign < SSRC_FOREIGN_MAX &&
	    arrival.us - d->last_arrival.us < SSRC_SILENCE_US)
		return false;
	d->foreign = 0;
	take_over(d, p);
	return true;
}

static bool is_in_sequence(struct depay *d, const struct rtp_packet *p)
{
	int ahead = (int16_t)(p->sequence - d->expected);

	if (ahead < 0 && ahead >= -LATE_MAX)
		return false;
	if (ahead != 0) {
		d->loss = true;
		d->lost += ahead > 0 ? (uint64_t)ahead : 1;
	}
	d->expected = (uint16_t)(p->sequence + 1);
	return true;
}

int depay_feed(struct depay *d, const uint8_t *packet, size_t len, bool rtcp, struct mono arrival)
{
	struct rtp_packet p;

	/* Sender reports would move the demuxer's timestamps, BYE would end it: neither gets there. */
	if (rtcp || rtp_packet_parse(packet, len, &p) < 0 || p.payload_type != d->payload_type)
		return 0;
	if (!is_our_source(d, &p, arrival))
		return 0;
	d->last_arrival = arrival;
	if (!is_in_sequence(d, &p))
		return 0;
	d->marker_used |= p.marker;
	return demux(d, &p, arrival);
}

void depay_flush(struct depay *d)
{
	if (d->marker_used && !d->au.marker) {
		access_unit_clear(&d->au); /* cut off: its packets ceased in the middle */
		d->loss = true;
	} else {
		emit(d);
	}
}

uint64_t depay_lost_packets(const struct depay *d)
{
	return d->lost;
}

size_t depay_parameter_sets(const struct depay *d, const uint8_t **data, unsigned *epoch)
{
	*data = d->sets.joined.data;
	*epoch = d->sets.epoch;
	return parameter_sets_complete(&d->sets) ? d->sets.joined.len : 0;
}
