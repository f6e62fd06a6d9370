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
#define CODEC_NAME_MAX SDP_CODEC_NAME_MAX
#define VIDEO_CLOCK_RATE 90000
#define AUDIO_RATE_MIN 8000
#define AUDIO_RATE_MAX 48000

struct format {
	uint8_t payload_type;
	char codec[CODEC_NAME_MAX];
	uint32_t clock_rate, channels;
	struct span fmtp;
};

/* One m= section as far as it was read. */
struct media {
	enum { MEDIA_OTHER, MEDIA_VIDEO, MEDIA_AUDIO } kind;
	bool plain_rtp;
	struct format formats[FORMATS_MAX];
	unsigned format_count;
	struct span control;
};

/* Why no format of the sections so far was taken. */
struct obstacle {
	char codec[CODEC_NAME_MAX]; /* the first that we cannot take; "" if none */
	bool mode;                  /* one of ours, in packets of a mode that we cannot read */
};

struct reader {
	struct media media;      /* the section being read */
	unsigned media_count;
	bool found;
	unsigned video_count;
	struct obstacle video;      /* for the error */
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

static const struct { const char *name; enum track_codec codec; } codecs[] = {
	{"H264", TRACK_H264}, {"H265", TRACK_H265}, {"HEVC", TRACK_H265}, {"mpeg4-generic", TRACK_AAC},
	{"MP4A-LATM", TRACK_AAC_LATM}, {"PCMA", TRACK_PCMA}, {"PCMU", TRACK_PCMU},
};

/* Whether it is one that we take, in a section of that kind. */
static bool codec_of(const struct media *m, const struct format *f, enum track_codec *out)
{
	for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
		if (strcasecmp(f->codec, codecs[i].name) == 0) {
			*out = codecs[i].codec;
			return m->plain_rtp && (*out >= TRACK_AAC) == (m->kind == MEDIA_AUDIO);
		}
	return false;
}

/* RFC 3551 §6: payload types with a fixed meaning, so without a=rtpmap. */
static const char *static_codec(uint8_t payload_type)
{
	switch (payload_type) {
	case 0:  return "PCMU";
	case 8:  return "PCMA";
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

static bool rate_fits(const struct media *m, const struct format *f)
{
	if (m->kind == MEDIA_VIDEO)
		return f->clock_rate == VIDEO_CLOCK_RATE;
	return f->clock_rate >= AUDIO_RATE_MIN && f->clock_rate <= AUDIO_RATE_MAX && f->channels <= 2;
}

/* 0; -ENOTSUP: its packets come in a mode that is not supported; -EINVAL: it is none of ours. */
static int take_format(const struct media *m, const struct format *f, struct track *out)
{
	struct track t = {.payload_type = f->payload_type, .clock_rate = f->clock_rate, .channels = (uint8_t)f->channels};

	if (!codec_of(m, f, &t.codec) || !rate_fits(m, f))
		return -EINVAL;
	int rc = sdp_fmtp_check(&t, f->fmtp.p, f->fmtp.len);
	if (rc < 0)
		return rc;
	t.control = take_control(m->control);
	*out = t;
	return 0;
}

/* The first of the section that can be taken; what stands in the way is remembered for a person. */
static bool take_media(const struct media *m, struct track *out, struct obstacle *o)
{
	for (unsigned i = 0; i < m->format_count; i++) {
		enum track_codec codec;
		int rc = take_format(m, &m->formats[i], out);
		if (rc == 0)
			return true;
		o->mode |= rc == -ENOTSUP;
		if (o->codec[0] == '\0' && !codec_of(m, &m->formats[i], &codec))
			memcpy(o->codec, m->formats[i].codec, sizeof o->codec);
	}
	return false;
}

static void end_media(struct reader *r)
{
	struct sdp *out = r->out;
	struct obstacle o = {0};

	r->video_count += r->media.kind == MEDIA_VIDEO;
	if (r->media.kind == MEDIA_VIDEO && !r->found)
		r->found = take_media(&r->media, &out->track, &r->video);
	else if (r->media.kind == MEDIA_AUDIO && !out->has_audio)
		out->has_audio = take_media(&r->media, &out->audio, &o);
	if (o.codec[0] && !out->other_audio[0])
		memcpy(out->other_audio, o.codec, sizeof o.codec);
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
	m->kind = kind.len != 5 ? MEDIA_OTHER : begins(kind, "video") ? MEDIA_VIDEO
		: begins(kind, "audio") ? MEDIA_AUDIO : MEDIA_OTHER;
	m->plain_rtp = begins(proto, "RTP/AVP"); /* also /TCP and AVPF; not SAVP, which is encrypted */
	while (m->format_count < FORMATS_MAX) {
		struct span word = next_word(&line);
		uint32_t pt;
		if (!read_number(&word, 127, &pt) || word.len > 0)
			break;
		struct format *f = &m->formats[m->format_count++];
		*f = (struct format){.payload_type = (uint8_t)pt, .clock_rate = VIDEO_CLOCK_RATE};
		if (m->kind == MEDIA_AUDIO)
			f->clock_rate = AUDIO_RATE_MIN;
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

/* a=rtpmap:96 H264/90000; a=rtpmap:97 mpeg4-generic/16000/1 */
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
	if (s.len > 1 && *s.p == '/') {
		s = span_after(s, 1);
		if (!read_number(&s, UINT8_MAX, &f->channels))
			f->channels = UINT8_MAX;
	}
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
	if (r->video.mode)
		return err_set(e, -ENOTSUP, "%s", lang("摄像机把视频数据打乱顺序发送,无法录制,请在摄像机中改为 H.264",
			"the camera sends its video in interleaved order, which is not recorded: set H.264 in the camera"));
	if (r->video.codec[0] && strcmp(r->video.codec, "?") != 0)
		return err_set(e, -ENOTSUP, "%s: %s", lang("该视频编码无法录制,请在摄像机中改为 H.264",
			"this video codec is not recorded, set H.264 in the camera"), r->video.codec);
	return err_set(e, -ENOTSUP, "%s", lang("视频流的格式无法录制,请在摄像机中改为 H.264、RTP 不加密",
		"the video stream cannot be used: set H.264 without stream encryption in the camera"));
}

int sdp_parse(const char *text, size_t len, struct sdp *out, struct err *e)
{
	struct reader r = {.out = out};
	const char *end = text + len;

	*out = (struct sdp){0};
	while (text < end && r.media_count <= MEDIA_MAX) {
		size_t n = 0;
		while (text + n < end && text[n] != '\n' && text[n] != '\r' && text[n] != '\0')
			n++;
		read_line(&r, (struct span){text, n});
		text += n + 1;
	}
	end_media(&r);
	if (r.found)
		return 0;
	sdp_finish(out);
	return no_track(&r, e);
}

void sdp_finish(struct sdp *s)
{
	track_finish(&s->track);
	track_finish(&s->audio);
	free(s->control);
	*s = (struct sdp){0};
}
