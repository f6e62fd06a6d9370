/* The segments of a camera together: sequence numbers without holes, each seal naming the digest of the one
 * before. */
#include "verify_inner.h"

#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

/* The records [at, end) have one sequence number. */
struct rank { struct record *at, *end; };

struct chain { struct verify *v; const char *camera; struct record *first, *end; };

static void blame(struct chain *c, struct record *r, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void blame(struct chain *c, struct record *r, const char *code, const char *fmt, ...)
{
	char text[700], *path;
	va_list ap;

	if (r->blamed)
		return;
	r->blamed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	path = record_path(c->v, r);
	verify_tell(c->v, VERIFY_WRONG, code, path, c->camera, "%s", text);
	free(path);
}

/* --- ranks ------------------------------------------------------------------------------------- */

static struct rank rank_at(const struct chain *c, struct record *at)
{
	struct rank r = {at, at};

	while (r.end < c->end && r.end->sequence == at->sequence)
		r.end++;
	return r;
}

static bool follows(const struct record *r, const struct record *before)
{
	return memcmp(r->previous, before->digest, SHA256_BYTES) == 0;
}

static struct record *followed_in(const struct record *before, struct rank next)
{
	for (struct record *r = next.at; r < next.end; r++)
		if (follows(r, before))
			return r;
	return NULL;
}

static bool is_zero(const uint8_t digest[SHA256_BYTES])
{
	static const uint8_t zero[SHA256_BYTES];

	return memcmp(digest, zero, SHA256_BYTES) == 0;
}

/* --- several files with one number ---------------------------------------------------------------- */

static void judge_twins(struct chain *c, struct rank a, struct rank next)
{
	bool any_followed = false;

	for (struct record *r = a.at; r < a.end; r++)
		any_followed |= followed_in(r, next) != NULL;
	for (struct record *r = a.at + 1; r < a.end; r++) {
		char *path = record_path(c->v, r), *other = record_path(c->v, a.at);
		bool same = memcmp(r->digest, a.at->digest, SHA256_BYTES) == 0;
		if (same)
			verify_tell(c->v, VERIFY_FACT, "copy", path, c->camera, lang("与 %s 相同", "the same as %s"), other);
		else if (a.at->sequence == 1 && is_zero(r->previous))
			blame(c, r, "begins_again", lang("编号链从此重新开始，与之前的录像无关联：%s",
							 "the chain begins again here, tied to nothing before it: %s"), other);
		else if (!any_followed)
			blame(c, r, "replaced", lang("与 %s 编号相同、内容不同：其一为旧副本",
						     "has the same number as %s and other contents: one is an older copy"), other);
		free(path);
		free(other);
	}
	for (struct record *r = a.at; any_followed && r < a.end; r++)
		if (a.end - a.at > 1 && !followed_in(r, next) && memcmp(r->digest, a.at->digest, SHA256_BYTES) != 0)
			blame(c, r, "replaced", "%s", lang("后一段录像接续的不是它：为旧副本或被替换",
							   "the next segment follows another file with this number: an older copy"));
}

/* --- two numbers next to each other ---------------------------------------------------------------- */

static bool is_tied_back(const struct chain *c, const struct rank *a)
{
	if (a->at == c->first)
		return true;
	for (struct record *r = c->first; r < a->at; r++)
		if (r->sequence + 1 == a->at->sequence && follows(a->at, r))
			return true;
	return false;
}

static void judge_link(struct chain *c, struct rank a, struct rank b)
{
	for (struct record *r = a.at; r < a.end; r++)
		if (followed_in(r, b))
			return;
	struct rank after = b.end < c->end ? rank_at(c, b.end) : (struct rank){b.end, b.end};
	bool b_is_odd = is_tied_back(c, &a) && after.at < after.end && !followed_in(b.at, after) &&
			after.at->sequence == b.at->sequence + 1;
	struct record *odd = b_is_odd ? b.at : a.at, *other = b_is_odd ? a.at : b.at;
	char *path = record_path(c->v, other);
	blame(c, odd, "replaced", lang("与 %s 不相接：为旧副本或被替换", "it and %s are not tied to each other: an older copy, or replaced"),
	      path);
	free(path);
}

static unsigned broken_between(const struct verify *v, const struct record *a, const struct record *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->record_count; i++)
		n += v->records[i].sequence == 0 && v->records[i].named.us >= a->end.us &&
		     v->records[i].named.us < b->start.us;
	return n;
}

static void judge_hole(struct chain *c, const struct record *a, const struct record *b)
{
	unsigned long long missing = b->sequence - a->sequence - 1;
	char from[WALL_TEXT_MAX], to[WALL_TEXT_MAX], *path;

	if (broken_between(c->v, a, b) >= missing)
		return; /* they are here, and were told of */
	path = record_path(c->v, b);
	verify_tell(c->v, VERIFY_WRONG, "dropped", path, c->camera,
		    lang("此前缺少 %llu 段录像（编号 %llu 至 %llu，%s 至 %s）；依法到期删除的见台账 footage.expired",
			 "%llu segments are missing before it (numbers %llu to %llu, between %s and %s); what was lawfully "
			 "deleted stands in the ledger as footage.expired"),
		    missing, (unsigned long long)a->sequence + 1, (unsigned long long)b->sequence - 1,
		    wall_format(a->end, from), wall_format(b->start, to));
	free(path);
}

static void tell_clock(struct chain *c, const struct record *a, const struct record *b)
{
	char from[WALL_TEXT_MAX], to[WALL_TEXT_MAX], *path;

	if (b->start.us >= a->end.us)
		return;
	path = record_path(c->v, b);
	verify_tell(c->v, VERIFY_FACT, "clock_back", path, c->camera,
		    lang("开始于 %s，早于前一段的结束 %s：时钟被调回，或恢复较晚", "begins at %s, before the one before it ended (%s): the "
			 "clock was set back, or it was recovered later"), wall_format(b->start, from), wall_format(a->end, to));
	free(path);
}

/* --- one camera --------------------------------------------------------------------------------------- */

static void tell_edges(struct chain *c)
{
	const struct record *first = c->first, *last = c->end - 1;
	char *path = record_path(c->v, first), at[WALL_TEXT_MAX];

	if (first->sequence > 1)
		verify_tell(c->v, VERIFY_OPEN, "before", path, c->camera,
			    lang("此前 %llu 段录像不在这里，无法判断", "the %llu segments before it are not here: nothing can be said of them"),
			    (unsigned long long)first->sequence - 1);
	else if (!is_zero(first->previous))
		blame(c, c->first, "replaced", "%s", lang("编号为 1 却指向更早的录像", "it has number 1 and names one before it"));
	free(path);
	path = record_path(c->v, last);
	verify_tell(c->v, VERIFY_OPEN, "after", path, c->camera,
		    lang("此后（%s）是否还有录像，仅凭文件无法判断", "whether anything followed it (%s), the files cannot tell"),
		    wall_format(last->end, at));
	free(path);
}

static void judge_camera(struct chain *c)
{
	for (struct rank a = rank_at(c, c->first), b; a.at < c->end; a = b) {
		b = a.end < c->end ? rank_at(c, a.end) : (struct rank){c->end, c->end};
		bool next_is_here = b.at < b.end && b.at->sequence == a.at->sequence + 1;
		judge_twins(c, a, next_is_here ? b : (struct rank){c->end, c->end});
		if (b.at == c->end)
			break;
		if (next_is_here)
			judge_link(c, a, b);
		else
			judge_hole(c, a.at, b.at);
		tell_clock(c, a.at, b.at);
	}
	tell_edges(c);
	c->v->result.cameras++;
}

/* --- names and sites ------------------------------------------------------------------------------------ */

static void judge_name(struct verify *v, const struct record *r)
{
	const char *camera = v->cameras.items[r->camera];
	char seal[WALL_TEXT_MAX], *path = record_path(v, r), *other = NULL;

	for (size_t i = 0; i < v->record_count && !other; i++)
		if (v->records[i].misnamed && v->records[i].camera == r->camera && v->records[i].named.us == r->start.us)
			other = record_path(v, &v->records[i]);
	if (other)
		verify_tell(v, VERIFY_WRONG, "swapped", path, camera, lang("顺序被调换：按封印，它是 %s", "the order was swapped: by its seal it is %s"),
			    other);
	else
		verify_tell(v, VERIFY_WRONG, "wrong_time", path, camera, lang("文件名与封印的时间（%s）不同", "its name says another time than its seal (%s)"),
			    wall_format(r->start, seal));
	free(other);
	free(path);
}

static const char *expected_site(const struct verify *v)
{
	size_t best = 0;
	const char *site = "";

	if (v->setup.site || v->root_site[0])
		return v->setup.site ? v->setup.site : v->root_site;
	for (uint32_t s = 0; s < v->sites.count; s++) {
		size_t n = 0;
		for (size_t i = 0; i < v->record_count; i++)
			n += v->records[i].site == s;
		site = n > best ? v->sites.items[s] : site;
		best = n > best ? n : best;
	}
	return site;
}

static void judge_site(struct verify *v, const struct record *r, const char *expected)
{
	char *path = record_path(v, r);

	verify_tell(v, VERIFY_WRONG, "other_site", path, v->cameras.items[r->camera],
		    lang("属于另一机构 %s，而非 %s", "it is of another site: %s, not %s"), v->sites.items[r->site], expected);
	free(path);
}

/* --- all --------------------------------------------------------------------------------------------------- */

static int by_chain(const void *x, const void *y)
{
	const struct record *a = x, *b = y;

	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	if (a->camera != b->camera)
		return a->camera < b->camera ? -1 : 1;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return (a->start.us > b->start.us) - (a->start.us < b->start.us);
}

void verify_end(struct verify *v)
{
	const char *site = expected_site(v);

	if (v->key_count == 0)
		verify_tell(v, VERIFY_OPEN, "no_key", "", "", "%s",
			    lang("没有给出公钥 (--key)：签名未核验，内容可能整体伪造",
				 "no public key was given (--key): signatures were not checked, so all of it could be forged"));
	verify_ledgers_end(v);
	verify_tails_end(v);
	if (v->record_count)
		qsort(v->records, v->record_count, sizeof *v->records, by_chain);
	for (struct record *r = v->records, *all = r + v->record_count, *end; r < all; r = end) {
		for (end = r + 1; end < all && end->camera == r->camera && end->site == r->site;)
			end++;
		if (r->camera == NO_NAME)
			continue;
		for (struct record *x = r; x < end; x++)
			if (x->misnamed)
				judge_name(v, x);
		if (strcmp(v->sites.items[r->site], site) == 0)
			judge_camera(&(struct chain){v, v->cameras.items[r->camera], r, end});
		else
			for (struct record *x = r; x < end; x++)
				judge_site(v, x, site);
	}
}
