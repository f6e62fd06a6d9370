#include "sdp.h"

#include "sdp_fmtp.h"
#include "span.h"

#include "base/buf.h"
#include "base/lang.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FORMATS_MAX 16
#define MEDIA_MAX 32
#define CODEC_NAME_MAX 24
#define VIDEO_CLOCK_RATE 90000

struct format {
	uint8_t payload_type;
	char codec[CODEC_NAME_MAX];
	uint32_t clock_rate;
	struct span fmtp;
};

/* One m= section as far as it was read. */
struct media {
	bool video, plain_rtp;
	struct format formats[FORMATS_MAX];
	unsigned format_count;
	struct span control;
};

struct reader {
	struct media media;      /* the section being read */
	unsigned media_count;
	bool found;
	unsigned video_count;
	char other[CODEC_NAME_MAX]; /* the first video that we cannot take, for the error */
	struct sdp *out;
};

/* --- small readers ------------------------------------------------------------ */

static bool begins(struct span s, const char *with)
{
	size_t len = strlen(with);

	return s.len >= len && strncasecmp(s.p, with, len) == 0;
}

static struct span next_word(struct span *s)
{
	*s = span_trim(*s);
	struct span word = {s->p, 0};

	while (word.len < s->len && s->p[word.len] != ' ' && s->p[word.len] != '\t')
		word.len++;
	*s = span_after(*s, word.len);
	return word;
}

static bool read_number(struct span *s, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < s->len && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		v = v * 10 + (uint64_t)(s->p[n] - '0');
		if (v > max)
			return false;
	}
	*s = span_after(*s, n);
	*out = (uint32_t)v;
	return n > 0;
}

static char *take_control(struct span s)
{
	s = span_trim(s);
	if (s.len == 0 || s.len > SDP_CONTROL_MAX)
		return NULL;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
			return NULL;
	return xasprintf("%.*s", (int)s.len, s.p);
}

/* --- the codecs ----------------------------------------------------------------- */

static bool codec_of(const struct format *f, enum track_codec *out)
{
	if (strcasecmp(f->codec, "H264") == 0)
		*out = TRACK_H264;
	else if (strcasecmp(f->codec, "H265") == 0 || strcasecmp(f->codec, "HEVC") == 0)
		*out = TRACK_H265;
	else
		return false;
	return true;
}

/* RFC 3551 §6: payload types with a fixed meaning, so without a=rtpmap. */
static const char *static_codec(uint8_t payload_type)
{
	switch (payload_type) {
	case 26: return "JPEG";
	case 31: return "H261";
	case 32: return "MPV";
	case 33: return "MP2T";
	case 34: return "H263";
	default: return "?";
	}
}

/* Text of the camera that goes into an error: printable ASCII only. */
static void copy_name(char out[CODEC_NAME_MAX], struct span s)
{
	size_t n = 0;

	for (; n < s.len && n + 1 < CODEC_NAME_MAX; n++)
		out[n] = isalnum((unsigned char)s.p[n]) || strchr("-._", s.p[n]) ? s.p[n] : '_';
	out[n] = '\0';
}

/* --- m= sections ------------------------------------------------------------------ */

static void take_format(struct reader *r, const struct format *f, enum track_codec codec)
{
	char *fmtp;

	if (f->clock_rate != VIDEO_CLOCK_RATE || sdp_fmtp_check(codec, f->fmtp.p, f->fmtp.len, &fmtp) < 0)
		return;
	r->out->track = (struct track){
		.codec = codec,
		.payload_type = f->payload_type,
		.clock_rate = f->clock_rate,
		.fmtp = fmtp,
		.control = take_control(r->media.control),
	};
	r->found = true;
}

static void end_media(struct reader *r)
{
	struct media *m = &r->media;

	if (m->video)
		r->video_count++;
	for (unsigned i = 0; m->video && !r->found && i < m->format_count; i++) {
		enum track_codec codec;
		if (m->plain_rtp && codec_of(&m->formats[i], &codec))
			take_format(r, &m->formats[i], codec);
		else if (r->other[0] == '\0')
			memcpy(r->other, m->formats[i].codec, sizeof r->other);
	}
}

/* m=video 0 RTP/AVP 96 97 */
static void begin_media(struct reader *r, struct span line)
{
	struct media *m = &r->media;

	end_media(r);
	*m = (struct media){0};
	r->media_count++;
	struct span kind = next_word(&line), port = next_word(&line), proto = next_word(&line);
	(void)port; /* 0, or the port of a multicast that we do not join */
	m->video = kind.len == 5 && begins(kind, "video");
	m->plain_rtp = begins(proto, "RTP/AVP"); /* also /TCP and AVPF; not SAVP, which is encrypted */
	while (m->format_count < FORMATS_MAX) {
		struct span word = next_word(&line);
		uint32_t pt;
		if (!read_number(&word, 127, &pt) || word.len > 0)
			break;
		struct format *f = &m->formats[m->format_count++];
		*f = (struct format){.payload_type = (uint8_t)pt, .clock_rate = VIDEO_CLOCK_RATE};
		snprintf(f->codec, sizeof f->codec, "%s", static_codec(f->payload_type));
	}
}

/* "96 rest": the format that it is about, NULL if there is none. */
static struct format *format_of(struct media *m, struct span *s)
{
	uint32_t pt;

	*s = span_trim(*s);
	if (!read_number(s, 127, &pt))
		return NULL;
	*s = span_trim(*s);
	for (unsigned i = 0; i < m->format_count; i++)
		if (m->formats[i].payload_type == pt)
			return &m->formats[i];
	return NULL;
}

/* a=rtpmap:96 H264/90000 */
static void read_rtpmap(struct media *m, struct span s)
{
	struct format *f = format_of(m, &s);

	if (!f)
		return;
	size_t name = 0;
	while (name < s.len && s.p[name] != '/')
		name++;
	copy_name(f->codec, (struct span){s.p, name});
	if (name == s.len)
		return;
	s = span_after(s, name + 1);
	if (!read_number(&s, UINT32_MAX, &f->clock_rate))
		f->clock_rate = 0;
}

static void read_attribute(struct reader *r, struct span s)
{
	struct media *m = &r->media;

	if (begins(s, "control:") && r->media_count == 0 && !r->out->control) {
		r->out->control = take_control(span_after(s, 8));
	} else if (begins(s, "control:") && m->control.len == 0) {
		m->control = span_after(s, 8);
	} else if (begins(s, "rtpmap:")) {
		read_rtpmap(m, span_after(s, 7));
	} else if (begins(s, "fmtp:")) {
		s = span_after(s, 5);
		struct format *f = format_of(m, &s);
		if (f && f->fmtp.len == 0)
			f->fmtp = s;
	}
}

static void read_line(struct reader *r, struct span line)
{
	line = span_trim(line);
	if (begins(line, "m="))
		begin_media(r, span_after(line, 2));
	else if (begins(line, "a="))
		read_attribute(r, span_after(line, 2));
}

/* --- the whole ---------------------------------------------------------------------- */

static int no_track(const struct reader *r, struct err *e)
{
	if (r->media_count == 0)
		return err_set(e, -EINVAL, "%s", lang("摄像机没有给出视频流的描述,请检查地址中的路径",
			"the camera describes no stream: check the path in its address"));
	if (r->video_count == 0)
		return err_set(e, -ENOTSUP, "%s", lang("该地址没有视频,请检查地址中的路径",
			"there is no video at this address: check the path"));
	if (r->other[0] && strcmp(r->other, "?") != 0)
		return err_set(e, -ENOTSUP, "%s: %s", lang("该视频编码无法录制,请在摄像机中改为 H.264",
			"this video codec is not recorded, set H.264 in the camera"), r->other);
	return err_set(e, -ENOTSUP, "%s", lang("视频流的格式无法录制,请在摄像机中改为 H.264、RTP 不加密",
		"the video stream cannot be used: set H.264 without stream encryption in the camera"));
}

int sdp_parse(const char *text, size_t len, struct sdp *out, struct err *e)
{
	struct reader r = {.out = out};
	const char *end = text + len;

	*out = (struct sdp){0};
	while (text < end && r.media_count <= MEDIA_MAX && !r.found) {
		size_t n = 0;
		while (text + n < end && text[n] != '\n' && text[n] != '\r' && text[n] != '\0')
			n++;
		read_line(&r, (struct span){text, n});
		text += n + 1;
	}
	if (!r.found)
		end_media(&r);
	if (r.found)
		return 0;
	sdp_finish(out);
	return no_track(&r, e);
}

void sdp_finish(struct sdp *s)
{
	track_finish(&s->track);
	free(s->control);
	*s = (struct sdp){0};
}
