#include "recorder/audio_depay.h"

#include "base/lang.h"
#include "recorder/demuxer.h"
#include "recorder/rtp_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 64 /* of one packet: AAC-hbr at 8 kHz could hold 40 of silence */

struct audio_depay {
	struct audio_format format;
	uint8_t payload_type;
	uint32_t frame_ticks;          /* of one AAC access unit; 0: G.711 */
	audio_frame_fn *fn;
	void *arg;
	struct demuxer demuxer;
	struct rtp_source source;
	struct rtp_unwrap unwrap;
	bool restarted;
	struct buf packet;             /* the frames of one packet, one after the other */
	size_t lens[FRAMES_MAX];
	unsigned frames;
};

/* --- opening ------------------------------------------------------------------------- */

static int take_aac_config(struct audio_depay *d)
{
	struct audio_format *f = &d->format;
	struct aac_config c;
	const uint8_t *config = demuxer_config(&d->demuxer, &f->config_len);

	if (f->config_len > sizeof f->config || aac_config_parse(config, f->config_len, &c) < 0)
		return -ENOTSUP;
	memcpy(f->config, config, f->config_len);
	f->codec = TRACK_AAC;
	f->channels = c.channels;
	d->frame_ticks = (uint32_t)((uint64_t)c.frame_samples * f->rate / c.core_rate);
	return d->frame_ticks ? 0 : -ENOTSUP;
}

static int open_depay(struct audio_depay *d, const struct track *t, struct err *e)
{
	int rc = demuxer_open(&d->demuxer, t, e);

	if (rc < 0)
		return rc;
	bool aac = t->codec == TRACK_AAC || t->codec == TRACK_AAC_LATM;
	if (aac && take_aac_config(d) < 0)
		return err_set(e, -ENOTSUP, "%s", lang("摄像机的 AAC 参数无法识别,请改为 AAC-LC 或 G.711",
			"the camera's AAC parameters are not understood: set AAC-LC or G.711"));
	return 0;
}

int audio_depay_create(const struct track *t, audio_frame_fn *fn, void *arg, struct audio_depay **out,
		       struct err *e)
{
	struct audio_depay *d = xcalloc(1, sizeof *d);

	*out = NULL;
	d->format = (struct audio_format){.codec = t->codec, .rate = t->clock_rate,
					  .channels = t->channels ? t->channels : 1};
	d->payload_type = t->payload_type;
	d->source.reliable = t->reliable;
	d->source.clock_rate = t->clock_rate;
	d->fn = fn;
	d->arg = arg;
	int rc = open_depay(d, t, e);
	if (rc < 0)
		audio_depay_destroy(d);
	else
		*out = d;
	return rc;
}

void audio_depay_destroy(struct audio_depay *d)
{
	if (!d)
		return;
	demuxer_close(&d->demuxer);
	buf_finish(&d->packet);
	free(d);
}

/* --- packets --------------------------------------------------------------------------- */

static uint32_t ticks_of(const struct audio_depay *d, size_t len)
{
	return d->frame_ticks ? d->frame_ticks : (uint32_t)(len / d->format.channels);
}

static int gather(struct audio_depay *d, const struct rtp_packet *p)
{
	int rc;

	buf_clear(&d->packet);
	d->frames = 0;
	demuxer_give(&d->demuxer, p);
	while ((rc = demuxer_take(&d->demuxer)) > 0) {
		size_t len = (size_t)d->demuxer.piece->size;
		if (len > AUDIO_FRAME_MAX_BYTES || d->frames == FRAMES_MAX)
			continue;
		d->lens[d->frames++] = len;
		buf_add(&d->packet, d->demuxer.piece->data, len);
	}
	return rc;
}

static void hand_out(struct audio_depay *d, const struct rtp_packet *p, struct mono arrival)
{
	struct audio_frame f = {.data = d->packet.data, .arrival = arrival, .restarted = d->restarted,
				.rtp_ticks = rtp_unwrap(&d->unwrap, p->timestamp), .ticks_after = d->frame_ticks};

	for (unsigned i = 0; i < d->frames; i++)
		f.ticks_after += ticks_of(d, d->lens[i]);
	for (unsigned i = 0; i < d->frames; i++) {
		f.len = d->lens[i];
		f.ticks = ticks_of(d, f.len);
		if (f.ticks > 0)
			d->fn(d->arg, &f);
		f.data += f.len;
		f.rtp_ticks += f.ticks;
		f.ticks_after -= f.ticks;
		f.restarted = d->restarted = false;
	}
}

int audio_depay_feed(struct audio_depay *d, const uint8_t *packet, size_t len, struct mono arrival)
{
	struct rtp_packet p;

	if (rtp_packet_parse(packet, len, &p) < 0)
		return 0;
	if (p.payload_type != d->payload_type) {
		rtp_source_pass(&d->source, &p);
		return 0;
	}
	enum rtp_verdict verdict = rtp_source_judge(&d->source, &p, arrival);
	if (verdict == RTP_AFTER_JUMP)
		rtp_source_believe(&d->source);
	if (verdict == RTP_SKIP || p.payload_len == 0)
		return 0;
	if (verdict == RTP_TAKE_OVER || verdict == RTP_RESTART) {
		d->restarted = true;
		d->unwrap = (struct rtp_unwrap){0};
	}
	int rc = gather(d, &p);
	if (rc == 0)
		hand_out(d, &p, arrival);
	return rc;
}

const struct audio_format *audio_depay_format(const struct audio_depay *d)
{
	return &d->format;
}

uint64_t audio_depay_lost_packets(const struct audio_depay *d)
{
	return d->source.lost;
}
