#include "rtsp_parse.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TORN_MAX_BYTES (256u << 10)
#define FRAME_HEAD_BYTES 4 /* '$', channel, length */

/* One for all, so that it is warm, and a hundred cameras need no more than one. */
static uint8_t room_data[RTSP_BUFFER_BYTES];

void rtsp_parse_init(struct rtsp_parse *p)
{
	*p = (struct rtsp_parse){0};
}

void rtsp_parse_finish(struct rtsp_parse *p)
{
	buf_finish(&p->rest);
	free(p->head);
	*p = (struct rtsp_parse){0};
}

/* --- the buffer ------------------------------------------------------------- */

static void consume(struct rtsp_parse *p)
{
	p->begin += p->consumed;
	p->consumed = 0;
}

uint8_t *rtsp_parse_room(struct rtsp_parse *p, size_t *room)
{
	REQUIRE(p->rest.len < RTSP_BUFFER_BYTES); /* an item is far smaller */
	if (p->rest.len)
		memcpy(room_data, p->rest.data, p->rest.len);
	*room = RTSP_BUFFER_BYTES - p->rest.len;
	return room_data + p->rest.len;
}

void rtsp_parse_filled(struct rtsp_parse *p, size_t len)
{
	REQUIRE(len <= RTSP_BUFFER_BYTES - p->rest.len);
	if (len == 0)
		return; /* the room may have served another since */
	p->begin = 0;
	p->end = p->rest.len + len;
	p->consumed = 0;
	buf_clear(&p->rest);
}

static enum rtsp_parse_result keep_rest(struct rtsp_parse *p)
{
	buf_add(&p->rest, room_data + p->begin, p->end - p->begin);
	p->begin = p->end;
	return RTSP_PARSE_MORE;
}

/* --- the head of a message --------------------------------------------------- */

static enum rtsp_parse_result bad(struct err *e, const char *text)
{
	err_set(e, -EBADMSG, "%s", text);
	return RTSP_PARSE_BAD;
}

static enum rtsp_parse_result not_rtsp(struct err *e)
{
	return bad(e, lang("对方说的不是 RTSP,请检查地址和端口",
			   "what answers there does not speak RTSP: check the host and port"));
}

static bool is_token_char(unsigned char c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* A first line that can still become "RTSP/1.x 200 …" or "METHOD url RTSP/1.x". */
static bool start_line_possible(const uint8_t *line, size_t len, bool whole)
{
	size_t i = 0;

	while (i < len && (is_token_char(line[i]) || line[i] == '/'))
		i++;
	if (i < len && line[i] != ' ')
		return false;
	size_t n = i < 5 ? i : 5;
	if (n == 5 && memcmp(line, "RTSP/", 5) == 0)
		return true;
	if (memchr(line, '/', i) || i > 32)
		return false; /* HTTP/1.1, SSH-2.0-… and the like */
	return !whole || memmem(line, len, " RTSP/", 6) != NULL;
}

/* The length of the head with its empty line, 0 if its end is not there yet. */
static size_t head_len(struct rtsp_parse *p, const uint8_t *d, size_t len)
{
	for (size_t i = p->scanned; i < len; i++) {
		if (d[i] != '\n')
			continue;
		size_t next = i + 1 < len && d[i + 1] == '\r' ? i + 2 : i + 1;
		if (next >= len) {
			p->scanned = i;
			return 0;
		}
		if (d[next] == '\n')
			return next + 1;
	}
	p->scanned = len;
	return 0;
}

static char *trim(char *s)
{
	s += strspn(s, " \t");
	for (size_t len = strlen(s); len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'); len--)
		s[len - 1] = '\0';
	return s;
}

/* Joins folded lines, ends each line with NUL, makes control characters harmless. */
static void cut_lines(char *head, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)head[i];
		bool folded = c == '\n' && i + 1 < len && (head[i + 1] == ' ' || head[i + 1] == '\t');

		if (c == '\n')
			head[i] = folded ? ' ' : '\0';
		else if (c == '\r')
			head[i] = ' ';
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			head[i] = '_';
	}
	head[len] = '\0';
}

static bool parse_status_line(struct rtsp_item *m, char *line)
{
	char *sp = strchr(line, ' ');

	if (!sp || strncmp(line, "RTSP/1.", 7) != 0)
		return false;
	sp += strspn(sp, " ");
	if (strspn(sp, "0123456789") != 3 || (sp[3] != ' ' && sp[3] != '\0') || sp[0] == '0')
		return false;
	m->kind = RTSP_RESPONSE;
	m->status = (sp[0] - '0') * 100 + (sp[1] - '0') * 10 + (sp[2] - '0');
	m->reason = trim(sp + 3);
	return true;
}

static bool parse_request_line(struct rtsp_item *m, char *line)
{
	char *sp = strchr(line, ' '), *version = strrchr(line, ' ');

	if (!sp || sp == version || strncmp(version + 1, "RTSP/1.", 7) != 0)
		return false;
	*sp = '\0';
	m->kind = RTSP_REQUEST;
	m->method = line;
	return true;
}

static bool parse_header(struct rtsp_parse *p, char *line)
{
	char *colon = strchr(line, ':');

	if (!colon || colon == line)
		return true; /* cameras send odd lines; they mean nothing to us */
	if (p->message.header_count == RTSP_HEADERS_MAX)
		return false;
	*colon = '\0';
	p->headers[p->message.header_count++] = (struct rtsp_header){trim(line), trim(colon + 1)};
	return true;
}

/* 0 and the length of the body, or -EINVAL: no number, contradictory; -EFBIG: too large. */
static int body_len(const struct rtsp_item *m, size_t *out)
{
	bool seen = false;

	*out = 0;
	for (unsigned i = 0; i < m->header_count; i++) {
		const char *v = m->headers[i].value;
		if (strcasecmp(m->headers[i].name, "Content-Length") != 0)
			continue;
		size_t digits = strspn(v, "0123456789");
		if (digits == 0 || v[digits] != '\0')
			return -EINVAL;
		v += strspn(v, "0");
		if (strlen(v) > 9)
			return -EFBIG;
		size_t n = (size_t)strtoul(v, NULL, 10);
		if (seen && n != *out)
			return -EINVAL;
		seen = true;
		*out = n;
	}
	return *out > RTSP_BODY_MAX_BYTES ? -EFBIG : 0;
}

static bool parse_head(struct rtsp_parse *p, const uint8_t *d, size_t len)
{
	p->head = xrealloc(p->head, len + 1);
	memcpy(p->head, d, len);
	cut_lines(p->head, len);
	p->message = (struct rtsp_item){.headers = p->headers, .reason = "", .method = ""};

	char *line = p->head, *end = p->head + len;
	size_t first = strlen(line);
	trim(line);
	if (!parse_status_line(&p->message, line) && !parse_request_line(&p->message, line))
		return false;
	for (line += first + 1; line < end;) {
		size_t n = strlen(line);
		if (!parse_header(p, line))
			return false;
		line += n + 1;
	}
	p->head_bytes = len;
	return true;
}

/* --- the next item ------------------------------------------------------------ */

static enum rtsp_parse_result next_frame(struct rtsp_parse *p, struct rtsp_item *out)
{
	const uint8_t *d = room_data + p->begin;
	size_t have = p->end - p->begin;

	if (have < FRAME_HEAD_BYTES)
		return RTSP_PARSE_MORE;
	size_t len = get_u16be(d + 2);
	if (have < FRAME_HEAD_BYTES + len)
		return RTSP_PARSE_MORE;
	*out = (struct rtsp_item){.kind = RTSP_FRAME, .channel = d[1], .data = d + FRAME_HEAD_BYTES, .len = len};
	p->consumed = FRAME_HEAD_BYTES + len;
	return RTSP_PARSE_ITEM;
}

static enum rtsp_parse_result find_head(struct rtsp_parse *p, struct err *e)
{
	const uint8_t *d = room_data + p->begin;
	size_t have = p->end - p->begin;
	const uint8_t *eol = memchr(d, '\n', have);

	if (!start_line_possible(d, eol ? (size_t)(eol - d) : have, eol != NULL))
		return not_rtsp(e);
	size_t len = head_len(p, d, have);
	if (len > RTSP_HEAD_MAX_BYTES || (len == 0 && have > RTSP_HEAD_MAX_BYTES))
		return bad(e, lang("摄像机的应答头过长", "the camera's answer has a head of more than 16 KiB"));
	if (len == 0)
		return RTSP_PARSE_MORE;
	p->scanned = 0;
	return parse_head(p, d, len) ? RTSP_PARSE_ITEM : not_rtsp(e);
}

static enum rtsp_parse_result next_message(struct rtsp_parse *p, struct rtsp_item *out, struct err *e)
{
	size_t len;

	if (p->head_bytes == 0) {
		enum rtsp_parse_result r = find_head(p, e);
		if (r != RTSP_PARSE_ITEM)
			return r;
	}
	int rc = body_len(&p->message, &len);
	if (rc < 0)
		return bad(e, rc == -EFBIG
			? lang("摄像机的应答过大(超过 64 KiB)", "the camera's answer is larger than 64 KiB")
			: lang("摄像机的应答长度写错了", "the camera's answer has a wrong Content-Length"));
	if (p->end - p->begin < p->head_bytes + len)
		return RTSP_PARSE_MORE;
	*out = p->message;
	out->data = room_data + p->begin + p->head_bytes;
	out->len = len;
	p->consumed = p->head_bytes + len;
	p->head_bytes = 0;
	return RTSP_PARSE_ITEM;
}

/* --- behind a frame that was broken off ------------------------------------------------ */

enum place { NOTHING, PERHAPS, SOMETHING };

static bool knows_channel(const struct rtsp_parse *p, uint8_t channel)
{
	return p->channels[channel / 32] >> channel % 32 & 1;
}

static bool has_frames(const struct rtsp_parse *p)
{
	for (unsigned i = 0; i < sizeof p->channels / sizeof p->channels[0]; i++)
		if (p->channels[i])
			return true;
	return false;
}

static enum place is_message(const uint8_t *d, size_t have)
{
	static const char start[] = "RTSP/1.";
	size_t n = have < sizeof start - 1 ? have : sizeof start - 1;

	return memcmp(d, start, n) != 0 ? NOTHING : n == sizeof start - 1 ? SOMETHING : PERHAPS;
}

/* A frame on a known channel, of RTP's version, behind which something begins. */
static enum place is_frame(const struct rtsp_parse *p, const uint8_t *d, size_t have)
{
	if (d[0] != '$' || (have > 1 && !knows_channel(p, d[1])) || (have > FRAME_HEAD_BYTES && d[FRAME_HEAD_BYTES] >> 6 != 2))
		return NOTHING;
	size_t whole = FRAME_HEAD_BYTES + (have < FRAME_HEAD_BYTES ? 0 : (size_t)get_u16be(d + 2));
	if (have <= whole || have <= FRAME_HEAD_BYTES)
		return PERHAPS;
	if (d[whole] != '$')
		return is_message(d + whole, have - whole);
	return have == whole + 1 ? PERHAPS : knows_channel(p, d[whole + 1]) ? SOMETHING : NOTHING;
}

static enum rtsp_parse_result find_place(struct rtsp_parse *p, struct rtsp_item *out, struct err *e)
{
	enum place found = NOTHING;

	while (p->begin < p->end && p->left_out < TORN_MAX_BYTES) {
		const uint8_t *d = room_data + p->begin;
		found = d[0] == '$' ? is_frame(p, d, p->end - p->begin) : is_message(d, p->end - p->begin);
		if (found != NOTHING)
			break;
		p->begin++;
		p->left_out++;
	}
	if (p->left_out == TORN_MAX_BYTES)
		return bad(e, lang("摄像机送来的数据已无法辨认", "what the camera sends cannot be made out any more"));
	if (found != SOMETHING)
		return RTSP_PARSE_MORE;
	*out = (struct rtsp_item){.kind = RTSP_TORN};
	p->torn = false;
	return RTSP_PARSE_ITEM;
}

static enum rtsp_parse_result next_item(struct rtsp_parse *p, struct rtsp_item *out, struct err *e)
{
	enum rtsp_parse_result got;

	if (p->torn)
		return find_place(p, out, e);
	if (room_data[p->begin] == '$') {
		got = next_frame(p, out);
		if (got == RTSP_PARSE_ITEM)
			p->channels[out->channel / 32] |= 1u << out->channel % 32;
		return got;
	}
	got = next_message(p, out, e);
	if (got != RTSP_PARSE_BAD || !has_frames(p))
		return got;
	p->torn = true;
	p->head_bytes = p->scanned = 0;
	p->left_out = 1;
	p->begin++; /* what looked like the beginning of something is none */
	return find_place(p, out, e);
}

enum rtsp_parse_result rtsp_parse_next(struct rtsp_parse *p, struct rtsp_item *out, struct err *e)
{
	consume(p);
	if (p->head_bytes == 0 && p->scanned == 0 && !p->torn)
		while (p->begin < p->end && (room_data[p->begin] == '\r' || room_data[p->begin] == '\n'))
			p->begin++;
	if (p->begin == p->end)
		return RTSP_PARSE_MORE;
	enum rtsp_parse_result got = next_item(p, out, e);
	return got == RTSP_PARSE_MORE ? keep_rest(p) : got;
}

const char *rtsp_item_header(const struct rtsp_item *it, const char *name)
{
	for (unsigned i = 0; i < it->header_count; i++)
		if (strcasecmp(it->headers[i].name, name) == 0)
			return it->headers[i].value;
	return NULL;
}
