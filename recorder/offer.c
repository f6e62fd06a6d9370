#include "recorder/offer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 256 /* what we look for stands at a line's beginning */
#define FPS_MAX 1000.0

struct reading { struct offer *out; struct offer_track *track; unsigned format; bool named; };

static void clean(char out[OFFER_WORD_MAX], const char *text)
{
	size_t n = 0;

	for (; text[n] && n + 1 < OFFER_WORD_MAX; n++)
		out[n] = isalnum((unsigned char)text[n]) || strchr("-._", text[n]) ? text[n] : '_';
	out[n] = '\0';
}

/* RFC 3551 §6: formats that need no a=rtpmap. */
static const char *static_codec(unsigned format)
{
	switch (format) {
	case 0: return "PCMU";
	case 8: return "PCMA";
	case 14: return "MPA";
	case 26: return "JPEG";
	case 32: return "MPV";
	case 33: return "MP2T";
	default: return "?";
	}
}

/* m=video 0 RTP/AVP 96 97 */
static void read_media(struct reading *r, const char *line)
{
	char kind[OFFER_WORD_MAX], protocol[OFFER_WORD_MAX];
	unsigned format;

	r->track = NULL;
	if (r->out->count == OFFER_TRACKS_MAX || sscanf(line, "m=%23s %*s %23s %3u", kind, protocol, &format) != 3)
		return;
	r->track = &r->out->tracks[r->out->count++];
	r->format = format;
	r->named = false;
	clean(r->track->kind, kind);
	clean(r->track->codec, static_codec(format));
	r->track->encrypted = strncasecmp(protocol, "RTP/SAVP", 8) == 0;
}

static void read_attribute(struct reading *r, const char *line)
{
	char codec[OFFER_WORD_MAX], *end;
	unsigned format;

	if (!r->track)
		return;
	if (!r->named && sscanf(line, "a=rtpmap:%3u %23[^/ ]", &format, codec) == 2 && format == r->format) {
		clean(r->track->codec, codec);
		r->named = true;
	}
	if (strncmp(line, "a=framerate:", 12) != 0)
		return;
	double fps = strtod(line + 12, &end);
	if (end != line + 12 && fps > 0 && fps <= FPS_MAX)
		r->track->fps = fps;
}

void offer_read(const char *sdp, size_t len, struct offer *out)
{
	struct reading r = {.out = out};
	char line[LINE_MAX_BYTES];

	*out = (struct offer){0};
	for (size_t at = 0; at < len;) {
		size_t n = 0;
		while (at + n < len && !strchr("\r\n", sdp[at + n])) /* NUL ends a line as well */
			n++;
		snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line), sdp + at);
		if (line[0] == 'm')
			read_media(&r, line);
		else if (line[0] == 'a')
			read_attribute(&r, line);
		at += n + 1;
	}
}

const struct offer_track *offer_find(const struct offer *o, const char *kind)
{
	for (unsigned i = 0; i < o->count; i++)
		if (strcasecmp(o->tracks[i].kind, kind) == 0)
			return &o->tracks[i];
	return NULL;
}
