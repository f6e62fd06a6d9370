/* A dump of the ledger: what `holdfast ledger --json` prints (an entry a line, then {"head": …}), or an array
 * of entries as the API gives them. */
#include "verify_inner.h"

#include "base/buf.h"
#include "base/lang.h"
#include "media/ledger.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct dump {
	struct verify *v;
	const char *path;
	int64_t seq;                    /* of the entry before; 0: none */
	uint8_t hash[SHA256_BYTES];
	bool has_head;
	unsigned long line;
};

#define WRONG(d, code, ...) verify_tell((d)->v, VERIFY_WRONG, code, (d)->path, "", __VA_ARGS__)

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

/* --- the head ---------------------------------------------------------------------------------- */

static bool is_signed(struct dump *d, const json_t *head)
{
	uint8_t sig[SIG_BYTES];
	char *what = ledger_head_text(text(head, "site"), json_integer_value(json_object_get(head, "seq")),
				      text(head, "hash"), text(head, "at"));
	bool ok = false;

	if (hex_decode(text(head, "signature"), sig, sizeof sig) == 0)
		for (unsigned i = 0; i < d->v->key_count && !ok; i++)
			ok = key_verify(d->v->keys[i].key, what, strlen(what), sig);
	free(what);
	return ok;
}

static void judge_head(struct dump *d, const json_t *head)
{
	long long seq = json_integer_value(json_object_get(head, "seq"));
	char hex[SHA256_HEX_MAX];

	d->has_head = true;
	hex_encode(d->hash, SHA256_BYTES, hex);
	if (d->v->key_count > 0 && !is_signed(d, head))
		WRONG(d, "ledger_head", "%s", lang("所给公钥均不能验证台账头的签名", "none of the given keys signed the head of the ledger"));
	if (seq != d->seq)
		WRONG(d, "ledger_head", lang("签名的台账头为第 %lld 条，此处最后为第 %lld 条：末尾缺失或被改动",
					     "the signed head is entry %lld, the last one here is %lld: its end is missing or altered"), seq,
		      (long long)d->seq);
	else if (strcmp(hex, text(head, "hash")) != 0)
		WRONG(d, "ledger_head", lang("第 %lld 条与签名的台账头不符", "entry %lld is not the one of the signed head"), seq);
	if (d->v->setup.site && strcmp(text(head, "site"), d->v->setup.site) != 0)
		WRONG(d, "other_site", lang("台账属于另一机构 %s", "the ledger is of another site: %s"), text(head, "site"));
}

/* --- an entry ------------------------------------------------------------------------------------ */

/* The body as people read it must be the one whose bytes were hashed. */
static bool body_is_same(const json_t *o, const char *body_text)
{
	json_t *parsed = json_loads(body_text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	const json_t *shown = json_object_get(o, "body");
	bool same = parsed && (!shown || json_equal(parsed, shown));

	json_decref(parsed);
	return same;
}

/* After a catalogue was put back or made anew, the numbers go on behind those that are lost; the entry says so. */
static bool is_restored(const struct dump *d, const json_t *o, const struct ledger_entry *e)
{
	const json_t *body = json_object_get(o, "body");

	return strcmp(e->kind, "ledger.restored") == 0 && json_integer_value(json_object_get(body, "found_seq")) == d->seq &&
	       json_integer_value(json_object_get(body, "known_seq")) == e->seq - 1;
}

static bool holds(const struct dump *d, const json_t *o, struct ledger_entry *e)
{
	uint8_t expected[SHA256_BYTES];
	bool has_hash = hex_decode(text(o, "hash"), expected, sizeof expected) == 0;

	*e = (struct ledger_entry){.seq = json_integer_value(json_object_get(o, "seq")), .kind = text(o, "kind"),
				   .camera = json_string_value(json_object_get(o, "camera")), .body = text(o, "body_text")};
	bool has_time = wall_parse(text(o, "at"), &e->at, NULL) == 0;
	ledger_hash(d->hash, e, e->hash);
	bool same = has_hash && memcmp(expected, e->hash, sizeof expected) == 0;
	if (has_hash) /* what follows is judged by what stands here, so that each change is named by itself */
		memcpy(e->hash, expected, sizeof expected);
	bool one_before_is_here = d->seq > 0 || e->seq == 1 || is_restored(d, o, e);
	return has_time && has_hash && body_is_same(o, e->body) && (same || !one_before_is_here);
}

static void judge_entry(struct dump *d, const json_t *o)
{
	struct ledger_entry e;
	bool good = holds(d, o, &e);

	d->v->result.entries++;
	if (is_restored(d, o, &e))
		verify_tell(d->v, VERIFY_FACT, "restored", d->path, "", lang("台账自第 %lld 条起续写：第 %lld 至 %lld 条在恢复目录时丢失",
			    "the ledger goes on at entry %lld: %lld to %lld were lost when the catalogue was put back"), (long long)e.seq,
			    (long long)d->seq + 1, (long long)e.seq - 1);
	else if (d->seq == 0 && e.seq > 1)
		verify_tell(d->v, VERIFY_OPEN, "before", d->path, "", lang("台账从第 %lld 条开始，此前无法判断",
			    "the ledger begins with entry %lld: nothing can be said of what stood before"), (long long)e.seq);
	if (d->seq > 0 && e.seq != d->seq + 1 && !is_restored(d, o, &e))
		WRONG(d, "ledger_hole", lang("第 %lld 条缺失（其后为第 %lld 条）", "entry %lld is missing (%lld follows)"),
		      (long long)d->seq + 1, (long long)e.seq);
	else if (!good)
		WRONG(d, "ledger_altered", lang("第 %lld 条被改动", "entry %lld was altered"), (long long)e.seq);
	else if (strcmp(e.kind, "key.rotated") == 0 && verify_follow(d->v, json_object_get(o, "body")))
		verify_tell(d->v, VERIFY_FACT, "key_rotated", d->path, "", lang("第 %lld 条：密钥 %s 由其前一密钥签名移交，予以采信",
			    "entry %lld: the key %s was handed over to by a known one, and is believed"), (long long)e.seq,
			    text(json_object_get(o, "body"), "fingerprint"));
	d->seq = e.seq;
	memcpy(d->hash, e.hash, sizeof d->hash);
}

static void judge_object(struct dump *d, const json_t *o)
{
	const json_t *head = json_object_get(o, "head");

	if (head)
		judge_head(d, head);
	else
		judge_entry(d, o);
}

/* --- the file ------------------------------------------------------------------------------------- */

static void read_lines(struct dump *d, FILE *f)
{
	char *line = NULL;
	size_t room = 0;

	for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
		d->line++;
		d->v->result.bytes += (uint64_t)n;
		json_t *o = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
		if (json_is_object(o))
			judge_object(d, o);
		else if (line[strspn(line, " \t\r\n")] != '\0')
			WRONG(d, "ledger_altered", lang("第 %lu 行不是 JSON", "line %lu is no JSON"), d->line);
		json_decref(o);
		verify_progress(d->v);
	}
	free(line);
}

static void read_array(struct dump *d, FILE *f)
{
	json_t *list = json_loadf(f, JSON_REJECT_DUPLICATES, NULL), *o;
	size_t i;

	if (!json_is_array(list))
		WRONG(d, "ledger_altered", "%s", lang("不是 JSON 数组", "it is no JSON array"));
	json_array_foreach(list, i, o)
		judge_object(d, o);
	json_decref(list);
}

int verify_ledger(struct verify *v, const char *path, struct err *e)
{
	struct dump d = {.v = v, .path = path};
	FILE *f = fopen(path, "re");

	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	int first = fgetc(f);
	rewind(f);
	if (first == '[')
		read_array(&d, f);
	else
		read_lines(&d, f);
	int rc = ferror(f) ? err_set(e, -EIO, "%s: %s", path, strerror(EIO)) : 0;
	fclose(f);
	if (!d.has_head)
		verify_tell(v, VERIFY_OPEN, "no_head", path, "",
			    "%s", lang("没有签名的台账头：末尾是否缺失无法判断", "without a signed head: whether its end is missing cannot be told"));
	return rc;
}
