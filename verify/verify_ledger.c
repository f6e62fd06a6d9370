/* A dump of the ledger: what `holdfast ledger --json` prints (an entry a line, then {"head": …}), or an array
 * of entries as the API gives them. */
#include "verify_inner.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/text.h"
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
	unsigned long line;
	struct verify_head *heads;      /* its own */
	unsigned head_count;
	struct verify_dump made;        /* what will be remembered of it */
	/* heads that an entry ledger.restored names as lost, and the numbers that were skipped with them */
	struct ledger_point *lost;
	unsigned lost_count;
	int64_t lost_first, lost_last;
};

#define WRONG(d, code, ...) verify_tell((d)->v, VERIFY_WRONG, code, (d)->path, "", __VA_ARGS__)

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

static bool is_same(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES])
{
	return memcmp(a, b, SHA256_BYTES) == 0;
}

/* --- heads ------------------------------------------------------------------------------------- */

static void meet(struct verify_head *heads, unsigned count, const struct ledger_point *p)
{
	for (unsigned i = 0; i < count; i++)
		if (heads[i].point.seq == p->seq) {
			heads[i].met = true;
			heads[i].differs = !is_same(heads[i].point.hash, p->hash);
		}
}

static void meet_heads(struct dump *d, const struct ledger_point *p)
{
	meet(d->heads, d->head_count, p);
	meet(d->v->heads, d->v->head_count, p);
}

static bool is_lost(const struct dump *d, const struct ledger_point *p)
{
	for (unsigned i = 0; i < d->lost_count; i++)
		if (d->lost[i].seq == p->seq && is_same(d->lost[i].hash, p->hash))
			return true;
	return false;
}

static void lose(struct dump *d, int64_t told_by, int64_t seq, const char *hash)
{
	struct ledger_point p = {.seq = seq};

	if (seq >= told_by || hex_decode(hash, p.hash, sizeof p.hash) < 0)
		return;
	d->lost = xrealloc(d->lost, (d->lost_count + 1) * sizeof *d->lost);
	d->lost[d->lost_count++] = p;
}

/* True: nothing speaks against who signed it. */
static bool is_vouched(struct dump *d, const struct verify_head *h)
{
	if (d->v->setup.site && h->site && strcmp(h->site, d->v->setup.site) != 0) {
		WRONG(d, "other_site", lang("台账属于另一机构 %s", "the ledger is of another site: %s"), h->site);
		return false;
	}
	if (h->given && !h->signature) {
		verify_tell(d->v, VERIFY_FACT, "head_unsigned", h->file, "",
			    lang("所给的第 %lld 条台账头没有签名，以提供者的记录为准",
				 "the head of entry %lld that was given is not signed: it is taken on the word of who kept it"),
			    (long long)h->point.seq);
		return true;
	}
	if (d->v->key_count == 0 || verify_head_is_signed(d->v, h))
		return true;
	verify_tell(d->v, VERIFY_WRONG, "ledger_head", h->given ? h->file : d->path, "", "%s",
		    lang("所给公钥均不能验证台账头的签名", "none of the given keys signed the head of the ledger"));
	return false;
}

static void judge_contradiction(struct dump *d, const struct verify_head *h)
{
	long long seq = (long long)h->point.seq;

	if (is_lost(d, &h->point) || (!h->met && seq >= d->lost_first && seq <= d->lost_last))
		verify_tell(d->v, VERIFY_UNPROVEN, "head_lost", d->path, "",
			    lang("签名过的第 %lld 条在恢复目录时丢失（台账如此载明）：该段无法判断",
				 "entry %lld, which was signed, was lost when the catalogue was put back, says the ledger: that span cannot be judged"),
			    seq);
	else if (!h->met && seq < d->made.first)
		verify_tell(d->v, VERIFY_OPEN, "head_before", d->path, "",
			    lang("签名的台账头为第 %lld 条，在此导出之前", "the signed head is entry %lld, before this dump begins"), seq);
	else if (!h->met)
		WRONG(d, "ledger_head", lang("签名的台账头为第 %lld 条，此处最后为第 %lld 条：末尾缺失或被改动",
					     "the signed head is entry %lld, the last one here is %lld: its end is missing or altered"), seq,
		      (long long)d->seq);
	else if (h->given)
		WRONG(d, "ledger_forked", lang("第 %lld 条与当时签名的台账头不符：台账在其后被改写",
					       "entry %lld is not the one whose head was kept: the ledger was rewritten since"), seq);
	else
		WRONG(d, "ledger_head", lang("第 %lld 条与签名的台账头不符", "entry %lld is not the one of the signed head"), seq);
}

static void judge_heads(struct dump *d, struct verify_head *heads, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct verify_head *h = &heads[i];
		if (!is_vouched(d, h))
			continue;
		if (d->v->key_count == 0 || verify_head_seals(d->v, h))
			verify_tail_learn(d->v, h->sealed);
		if (!h->met || h->differs)
			judge_contradiction(d, h);
		else if (h->point.seq > d->made.proven)
			d->made.proven = h->point.seq;
		h->met = h->differs = false; /* for the next dump */
	}
}

static void note_head(struct dump *d, json_t *o)
{
	struct verify_head h;

	if (!json_is_object(json_object_get(o, "head")))
		return;
	if (!verify_head_read(o, &h)) {
		WRONG(d, "ledger_head", "%s", lang("台账头无法读取", "the head of the ledger cannot be read"));
		return;
	}
	d->heads = xrealloc(d->heads, (d->head_count + 1) * sizeof *d->heads);
	d->heads[d->head_count++] = h;
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

/* What the first entry of a cut dump was chained to: its own `previous` (of which no other can be found that makes the same hash),
 * or what a head that was kept, or another dump, says of the entry before. */
static void tie(struct dump *d, const json_t *o, int64_t seq)
{
	struct ledger_point *before = &d->made.before;

	*before = (struct ledger_point){.seq = seq - 1};
	if (seq == 1 || hex_decode(text(o, "previous"), before->hash, SHA256_BYTES) == 0)
		return;
	for (unsigned i = 0; i < d->v->head_count; i++)
		if (d->v->heads[i].point.seq == seq - 1) {
			*before = d->v->heads[i].point;
			return;
		}
	for (unsigned i = 0; i < d->v->dump_count; i++)
		if (d->v->dumps[i].last.seq == seq - 1) {
			*before = d->v->dumps[i].last;
			return;
		}
	before->seq = -1;
}

/* What is shown where the hash knows of none is not what was hashed. */
static bool camera_is_same(const json_t *o)
{
	const json_t *camera = json_object_get(o, "camera");

	return !camera || json_is_null(camera) || json_string_length(camera) > 0;
}

/* Words beside those that are hashed: people read them, and anybody can write them there. */
static bool says_more(const struct dump *d, json_t *o)
{
	static const char known[] = "seq at kind camera body body_text hash previous";
	uint8_t previous[SHA256_BYTES];
	const char *key;
	json_t *value;

	json_object_foreach(o, key, value)
		if (!text_has_word(known, key))
			return true;
	return d->seq > 0 && json_object_get(o, "previous") &&
	       (hex_decode(text(o, "previous"), previous, sizeof previous) < 0 || !is_same(previous, d->hash));
}

static bool holds(struct dump *d, const json_t *o, struct ledger_entry *e)
{
	uint8_t expected[SHA256_BYTES];
	bool has_hash = hex_decode(text(o, "hash"), expected, sizeof expected) == 0;

	*e = (struct ledger_entry){.seq = json_integer_value(json_object_get(o, "seq")), .kind = text(o, "kind"),
				   .camera = json_string_value(json_object_get(o, "camera")), .body = text(o, "body_text")};
	bool has_time = wall_parse(text(o, "at"), &e->at, NULL) == 0;
	if (d->seq == 0) {
		tie(d, o, e->seq);
		memcpy(d->hash, d->made.before.hash, sizeof d->hash);
	}
	ledger_hash(d->hash, e, e->hash);
	bool same = has_hash && memcmp(expected, e->hash, sizeof expected) == 0;
	if (has_hash) /* what follows is judged by what stands here, so that each change is named by itself */
		memcpy(e->hash, expected, sizeof expected);
	bool one_before_is_known = d->seq > 0 || d->made.before.seq >= 0;
	return has_time && has_hash && camera_is_same(o) && body_is_same(o, e->body) && (same || !one_before_is_known);
}

/* An entry excuses what stood before it, never what was signed behind it. */
static void learn_lost(struct dump *d, int64_t seq, const json_t *body)
{
	int64_t found = json_integer_value(json_object_get(body, "found_seq"));
	int64_t known = json_integer_value(json_object_get(body, "known_seq"));
	const json_t *o;
	size_t i;

	lose(d, seq, known, text(body, "known_hash"));
	json_array_foreach(json_object_get(body, "heads"), i, o)
		lose(d, seq, json_integer_value(json_object_get(o, "seq")), text(o, "hash"));
	if (known > found && known < seq) {
		d->lost_first = d->lost_first ? d->lost_first : found + 1;
		d->lost_last = known;
	}
}

static void learn(struct dump *d, const json_t *o, const struct ledger_entry *e)
{
	const json_t *body = json_object_get(o, "body");

	if (strcmp(e->kind, "ledger.restored") == 0)
		learn_lost(d, e->seq, body);
	else if (strcmp(e->kind, "footage.sealed") == 0)
		verify_tail_learn(d->v, json_object_get(body, "cameras"));
}

static void judge_entry(struct dump *d, json_t *o)
{
	struct ledger_entry e;

	d->v->result.entries++;
	if (json_integer_value(json_object_get(o, "seq")) <= 0) { /* they count from 1: it stands nowhere in the chain */
		WRONG(d, "ledger_altered", "%s", lang("有一条没有编号，不属于台账", "an entry has no number: it is none of the ledger"));
		return;
	}
	bool more = says_more(d, o), good = holds(d, o, &e);
	if (more)
		verify_tell(d->v, VERIFY_UNPROVEN, "not_hashed", d->path, "",
			    lang("第 %lld 条含有不在哈希之内的内容：未获证实", "entry %lld says more than its hash covers: nothing proves that"),
			    (long long)e.seq);
	if (d->seq == 0)
		d->made.first = e.seq;
	learn(d, o, &e);
	if (is_restored(d, o, &e))
		verify_tell(d->v, VERIFY_FACT, "restored", d->path, "", lang("台账自第 %lld 条起续写：第 %lld 至 %lld 条在恢复目录时丢失",
			    "the ledger goes on at entry %lld: %lld to %lld were lost when the catalogue was put back"), (long long)e.seq,
			    (long long)d->seq + 1, (long long)e.seq - 1);
	else if (strcmp(e.kind, "ledger.restored") == 0)
		verify_tell(d->v, VERIFY_FACT, "restored", d->path, "",
			    lang("第 %lld 条载明：此前的台账曾被恢复或改动，先前签名的台账头已丢失",
				 "entry %lld says that the ledger before it was put back or changed: heads that were signed are lost"),
			    (long long)e.seq);
	if (d->seq == 0 && e.seq > 1 && !is_restored(d, o, &e))
		verify_tell(d->v, VERIFY_OPEN, "before", d->path, "", lang("台账从第 %lld 条开始，此前无法判断",
			    "the ledger begins with entry %lld: nothing can be said of what stood before"), (long long)e.seq);
	if (d->seq > 0 && e.seq - 1 != d->seq && !is_restored(d, o, &e))
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
	struct ledger_point p = {.seq = e.seq};
	memcpy(p.hash, e.hash, sizeof p.hash);
	meet_heads(d, &p);
}

/* What is shown beside a head, or calls itself one and is none, must not pass for a part of the ledger. */
static void judge_object(struct dump *d, json_t *o)
{
	if (!json_is_object(json_object_get(o, "head")) || json_object_get(o, "seq") || json_object_get(o, "kind"))
		judge_entry(d, o);
}

/* --- the file ------------------------------------------------------------------------------------- */

typedef void object_fn(struct dump *d, json_t *o);

/* fn of each object; with `only`: of lines in which that word stands. */
static void each_line(struct dump *d, FILE *f, const char *only, object_fn *fn)
{
	char *line = NULL;
	size_t room = 0;

	rewind(f);
	d->line = 0;
	for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
		d->line++;
		if (only && !memmem(line, (size_t)n, only, strlen(only)))
			continue;
		json_t *o = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
		if (json_is_object(o))
			fn(d, o);
		else if (!only && strspn(line, " \t\r\n") < (size_t)n)
			WRONG(d, "ledger_altered", lang("第 %lu 行不是 JSON", "line %lu is no JSON"), d->line);
		json_decref(o);
		d->v->result.bytes += only ? 0 : (uint64_t)n;
		verify_progress(d->v);
	}
	free(line);
}

static void each_item(struct dump *d, const json_t *list, object_fn *fn)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		fn(d, o);
}

/* Heads first, wherever they stand: entries are compared with them as they go by. */
static void read_all(struct dump *d, FILE *f)
{
	int first = fgetc(f);

	if (first != '[') {
		each_line(d, f, "\"head\"", note_head);
		each_line(d, f, NULL, judge_object);
		return;
	}
	rewind(f);
	json_t *list = json_loadf(f, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(list))
		WRONG(d, "ledger_altered", "%s", lang("不是 JSON 数组", "it is no JSON array"));
	each_item(d, list, note_head);
	each_item(d, list, judge_object);
	json_decref(list);
}

static void remember(struct dump *d)
{
	struct verify *v = d->v;

	d->made.file = xstrdup(d->path);
	d->made.last.seq = d->seq;
	memcpy(d->made.last.hash, d->hash, sizeof d->hash);
	v->dumps = xrealloc(v->dumps, (v->dump_count + 1) * sizeof *v->dumps);
	v->dumps[v->dump_count++] = d->made;
}

int verify_ledger(struct verify *v, const char *path, struct err *e)
{
	struct dump d = {.v = v, .path = path};
	FILE *f = fopen(path, "re");

	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	read_all(&d, f);
	int rc = ferror(f) ? err_set(e, -EIO, "%s: %s", path, strerror(EIO)) : 0;
	fclose(f);
	unsigned long wrong = v->result.wrong;
	judge_heads(&d, d.heads, d.head_count);
	judge_heads(&d, v->heads, v->head_count);
	d.made.blamed = v->result.wrong > wrong;
	if (d.seq > 0)
		remember(&d);
	for (unsigned i = 0; i < d.head_count; i++)
		verify_head_finish(&d.heads[i]);
	free(d.heads);
	free(d.lost);
	return rc;
}

/* --- all dumps together ----------------------------------------------------------------------------- */

static bool follows(const struct verify_dump *next, const struct verify_dump *d)
{
	return next->before.seq == d->last.seq && is_same(next->before.hash, d->last.hash);
}

/* A dump that is proven proves the one that it is chained to. */
static void pass_on_proof(struct verify *v)
{
	for (unsigned round = 0; round < v->dump_count; round++)
		for (unsigned i = 0; i < v->dump_count; i++)
			for (unsigned k = 0; k < v->dump_count; k++)
				if (v->dumps[k].proven > 0 && follows(&v->dumps[k], &v->dumps[i]))
					v->dumps[i].proven = v->dumps[i].last.seq;
}

static void tell_unproven(struct verify *v, const struct verify_dump *d)
{
	if (d->before.seq < 0)
		verify_tell(v, VERIFY_UNPROVEN, "before", d->file, "",
			    lang("第 %lld 条的内容未获证实：请从第 1 条起导出，或以 --head 给出第 %lld 条的台账头",
				 "nothing proves the contents of entry %lld: dump from the first entry on, or give the head of entry %lld with --head"),
			    (long long)d->first, (long long)d->first - 1);
	if (d->proven == 0 && !d->blamed)
		verify_tell(v, VERIFY_UNPROVEN, "no_head", d->file, "", "%s",
			    lang("没有签名的台账头：台账未获证实，末尾是否缺失无法判断",
				 "without a signed head nothing proves the ledger, and whether its end is missing cannot be told"));
	else if (d->proven > 0 && d->proven < d->last.seq)
		verify_tell(v, VERIFY_UNPROVEN, "behind_head", d->file, "",
			    lang("第 %lld 至 %lld 条在签名的台账头之后，未获证实",
				 "entries %lld to %lld stand behind the last signed head: nothing proves them"), (long long)d->proven + 1,
			    (long long)d->last.seq);
}

/* No dump was given: what the heads say of segments is known all the same. */
static void learn_from_heads(struct verify *v)
{
	for (unsigned i = 0; i < v->head_count; i++)
		if (v->key_count == 0 || verify_head_seals(v, &v->heads[i]))
			verify_tail_learn(v, v->heads[i].sealed);
}

void verify_ledgers_end(struct verify *v)
{
	pass_on_proof(v);
	if (v->dump_count == 0)
		learn_from_heads(v);
	for (unsigned i = 0; i < v->dump_count; i++)
		tell_unproven(v, &v->dumps[i]);
}
