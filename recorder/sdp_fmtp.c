#include "sdp_fmtp.h"

#include "sdp.h"
#include "span.h"

#include "base/buf.h"
#include "base/crypto.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* libavformat decodes one parameter set into 1024 bytes. */
#define SET_TEXT_MAX 1000
#define SETS_MAX 16
#define CONFIG_TEXT_MAX 128  /* an AudioSpecificConfig has 2 to 7 bytes, LATM's around it some more */
#define AU_FIELD_BITS_MAX 32

/* --- values ---------------------------------------------------------------------- */

static bool is_profile_level(struct span v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!isxdigit((unsigned char)v.p[i]))
			return false;
	return v.len == 6;
}

static bool is_small_number(struct span v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!isdigit((unsigned char)v.p[i]))
			return false;
	return v.len >= 1 && v.len <= 5;
}

static unsigned number(struct span small)
{
	unsigned n = 0;

	for (size_t i = 0; i < small.len; i++)
		n = n * 10 + (unsigned)(small.p[i] - '0');
	return n;
}

static bool is_config(struct span v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!isxdigit((unsigned char)v.p[i]))
			return false;
	return v.len >= 4 && v.len <= CONFIG_TEXT_MAX && v.len % 2 == 0;
}

static bool equals(struct span v, const char *word)
{
	return v.len == strlen(word) && strncasecmp(v.p, word, v.len) == 0;
}

static bool nal_type_fits(enum track_codec codec, uint8_t first)
{
	unsigned type = codec == TRACK_H264 ? first & 0x1f : first >> 1 & 0x3f;

	if (codec == TRACK_H264)
		return type == 7 || type == 8 || type == 13; /* SPS, PPS, SPS extension */
	return type >= 32 && type <= 34; /* VPS, SPS, PPS */
}

/* Base64, with its padding, with too much, or without. The length, or -1. */
static int decode(struct span v, uint8_t out[SET_TEXT_MAX])
{
	char text[SET_TEXT_MAX + 4];

	while (v.len > 0 && v.p[v.len - 1] == '=')
		v.len--;
	if (v.len < 4 || v.len > SET_TEXT_MAX - 4 || v.len % 4 == 1)
		return -1;
	for (size_t i = 0; i < v.len; i++)
		if (!isalnum((unsigned char)v.p[i]) && v.p[i] != '+' && v.p[i] != '/')
			return -1;
	size_t padding = (4 - v.len % 4) % 4;
	int n = snprintf(text, sizeof text, "%.*s%.*s", (int)v.len, v.p, (int)padding, "==");
	return EVP_DecodeBlock(out, (const unsigned char *)text, n) - (int)padding;
}

/* Adds one NAL unit to the list, in base64. Trailing zeros belong to a byte stream, not to the unit. */
static bool add_unit(struct buf *list, enum track_codec codec, const uint8_t *nal, size_t len)
{
	while (len > 0 && nal[len - 1] == 0)
		len--;
	if (len < 3 || !nal_type_fits(codec, nal[0]))
		return false;
	char *text = base64_encode(nal, len);
	if (list->len)
		buf_add(list, ",", 1);
	buf_add_text(list, text);
	free(text);
	return true;
}

/* One item: a parameter set; or a piece of byte stream with start codes, in which there is at least one beside
 * units of other kinds. How many there were. */
static unsigned add_item(struct buf *list, enum track_codec codec, struct span item)
{
	static const uint8_t code[] = {0, 0, 1};
	uint8_t bytes[SET_TEXT_MAX];
	int n = decode(item, bytes);
	unsigned count = 0;

	for (size_t at = 0, len = n < 0 ? 0 : (size_t)n; at < len;) {
		const uint8_t *next = memmem(bytes + at, len - at, code, sizeof code);
		size_t end = next ? (size_t)(next - bytes) : len;
		count += add_unit(list, codec, bytes + at, end - at);
		at = next ? end + sizeof code : len;
	}
	return count;
}

/* A list of them: adds the good ones to b as "key=a,b". One bad one leaves out the list: half a set
 * of parameters is worse than those that come in-band. */
static void add_parameter_sets(struct buf *b, enum track_codec codec, const char *key, struct span v)
{
	struct buf list = {0};
	unsigned count = 0;
	bool good = true;

	while (v.len > 0 && good) {
		const char *comma = memchr(v.p, ',', v.len);
		struct span item = {v.p, comma ? (size_t)(comma - v.p) : v.len};
		size_t used = item.len + (comma ? 1 : 0);
		v = (struct span){v.p + used, v.len - used};
		if (item.len == 0)
			continue; /* a comma too many is common */
		unsigned units = add_item(&list, codec, item);
		count += units;
		good = units > 0 && count <= SETS_MAX;
	}
	if (good && count > 0 && b->len + list.len + strlen(key) + 2 < SDP_FMTP_MAX)
		buf_printf(b, "%s%s=%.*s", b->len ? ";" : "", key, (int)list.len, (char *)list.data);
	buf_finish(&list);
}

/* --- the allow-list ----------------------------------------------------------------- */

enum kind { KIND_MODE, KIND_LEVEL, KIND_SETS, KIND_DON, KIND_NALUS, KIND_TX, KIND_AAC_MODE, KIND_CONFIG, KIND_BITS, KIND_CPRESENT };

static const struct known {
	const char *key;
	enum kind kind;
	enum track_codec codec;
} known[] = {
	{"packetization-mode", KIND_MODE, TRACK_H264},
	{"profile-level-id", KIND_LEVEL, TRACK_H264},
	{"sprop-parameter-sets", KIND_SETS, TRACK_H264},
	{"sprop-vps", KIND_SETS, TRACK_H265},
	{"sprop-sps", KIND_SETS, TRACK_H265},
	{"sprop-pps", KIND_SETS, TRACK_H265},
	{"sprop-max-don-diff", KIND_DON, TRACK_H265},
	{"sprop-depack-buf-nalus", KIND_NALUS, TRACK_H265},
	{"tx-mode", KIND_TX, TRACK_H265},
	{"mode", KIND_AAC_MODE, TRACK_AAC},
	{"config", KIND_CONFIG, TRACK_AAC},
	{"sizelength", KIND_BITS, TRACK_AAC},
	{"indexlength", KIND_BITS, TRACK_AAC},
	{"indexdeltalength", KIND_BITS, TRACK_AAC},
	{"config", KIND_CONFIG, TRACK_AAC_LATM},
	{"cpresent", KIND_CPRESENT, TRACK_AAC_LATM},
};
#define KNOWN (sizeof known / sizeof known[0])

static void add_text(struct buf *b, const struct known *k, struct span v)
{
	buf_printf(b, "%s%s=%.*s", b->len ? ";" : "", k->key, (int)v.len, v.p);
}

/* RFC 7798 §7.1: 0 to 32767. */
static uint16_t order_number(struct span v)
{
	return !is_small_number(v) ? 0 : number(v) > INT16_MAX ? INT16_MAX : (uint16_t)number(v);
}

static int add_known(struct buf *b, struct track *t, const struct known *k, struct span v)
{
	switch (k->kind) {
	case KIND_MODE:
		if (v.len != 1 || *v.p < '0' || *v.p > '2')
			return 0;
		if (*v.p == '2')
			return -ENOTSUP; /* interleaved NAL units */
		buf_printf(b, "%s%s=%c", b->len ? ";" : "", k->key, *v.p);
		return 0;
	case KIND_LEVEL:
		if (is_profile_level(v))
			buf_printf(b, "%s%s=%.6s", b->len ? ";" : "", k->key, v.p);
		return 0;
	case KIND_SETS:
		add_parameter_sets(b, k->codec, k->key, v);
		return 0;
	case KIND_DON:
		t->max_don_diff = order_number(v);
		return 0;
	case KIND_NALUS:
		t->depack_nalus = order_number(v);
		return 0;
	case KIND_TX:
		return equals(v, "SRST") ? 0 : -ENOTSUP; /* the others need more than one RTP stream */
	case KIND_AAC_MODE:
		if (!equals(v, "AAC-hbr") && !equals(v, "AAC-lbr"))
			return -ENOTSUP;
		add_text(b, k, v);
		return 0;
	case KIND_CONFIG:
		if (is_config(v))
			add_text(b, k, v);
		return 0;
	case KIND_BITS:
		if (is_small_number(v) && number(v) <= AU_FIELD_BITS_MAX)
			add_text(b, k, v);
		return 0;
	case KIND_CPRESENT:
		if (!equals(v, "0"))
			return -ENOTSUP;
		add_text(b, k, v);
		return 0;
	}
	return 0;
}

static const struct known *find_known(enum track_codec codec, struct span key)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].codec == codec && strlen(known[i].key) == key.len &&
		    strncasecmp(known[i].key, key.p, key.len) == 0)
			return &known[i];
	return NULL;
}

int sdp_fmtp_check(struct track *t, const char *text, size_t len)
{
	struct buf b = {0};
	bool seen[KNOWN] = {false};
	int rc = 0;

	t->fmtp = NULL;
	while (len > 0 && rc == 0) {
		const char *semi = memchr(text, ';', len);
		size_t part = semi ? (size_t)(semi - text) : len;
		const char *eq = memchr(text, '=', part);
		const struct known *k = NULL;
		if (eq)
			k = find_known(t->codec, span_trim((struct span){text, (size_t)(eq - text)}));
		if (k && !seen[k - known]) { /* a second one of a kind is no camera's doing */
			seen[k - known] = true;
			rc = add_known(&b, t, k, span_trim((struct span){eq + 1, part - (size_t)(eq - text) - 1}));
		}
		size_t used = part + (semi ? 1 : 0);
		text += used;
		len -= used;
	}
	if (rc == 0 && b.len > 0)
		t->fmtp = xasprintf("%.*s", (int)b.len, (char *)b.data);
	buf_finish(&b);
	return rc;
}
