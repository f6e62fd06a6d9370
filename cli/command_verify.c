/* holdfast verify: for whoever holds a copy of footage or ledger, and a public key. Needs nothing of this box. */
#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "verify/verify.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KINDS (VERIFY_UNPROVEN + 1)

struct report {
	bool json;
	json_t *lists[KINDS];               /* by enum verify_kind */
};

static const char *const list_names[] = {[VERIFY_WRONG] = "wrong", [VERIFY_FACT] = "facts", [VERIFY_OPEN] = "not_judged",
					 [VERIFY_UNPROVEN] = "unproven"};

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO))
		show(stderr, "\r\033[K");
}

static void on_progress(void *arg, const struct verify_result *r)
{
	(void)arg;
	if (isatty(STDERR_FILENO))
		show(stderr, lang("\r%lu 段录像，%.1f GiB", "\r%lu segments, %.1f GiB"), r->segments, (double)r->bytes / (1 << 30));
}

static void on_finding(void *arg, const struct verify_finding *f)
{
	struct report *r = arg;
	const char *const words[] = {[VERIFY_WRONG] = lang("不符", "WRONG"), [VERIFY_FACT] = lang("说明", "fact"),
				     [VERIFY_OPEN] = lang("未判断", "not judged"),
				     [VERIFY_UNPROVEN] = lang("未证实", "not proven")};

	if (r->json) {
		json_array_append_new(r->lists[f->kind], json_pack("{s:s, s:s, s:s, s:s}", "code", f->code, "file", f->file,
								   "camera", f->camera, "text", f->text));
		return;
	}
	clear_progress();
	show(stdout, "%s: %s%s%s [%s]\n", words[f->kind], f->file, *f->file ? ": " : "", f->text, f->code);
}

static json_t *keys_json(const struct verify *v)
{
	unsigned count;
	const struct verify_key *keys = verify_keys(v, &count);
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:I}", "fingerprint", keys[i].fingerprint, "segments",
						      (json_int_t)keys[i].segments));
	return list;
}

static void print_json(struct report *r, const struct verify *v, bool holds)
{
	const struct verify_result *x = verify_result(v);
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:o}", "holds", (int)holds, "segments", (json_int_t)x->segments, "cameras",
			      (json_int_t)x->cameras, "entries", (json_int_t)x->entries, "bytes", (json_int_t)x->bytes, "keys",
			      keys_json(v));

	for (int kind = 0; kind < KINDS; kind++)
		json_object_set(o, list_names[kind], r->lists[kind]);
	text_json(o);
	json_decref(o);
}

static void print_text(const struct verify *v, bool holds)
{
	const struct verify_result *x = verify_result(v);
	unsigned count;
	const struct verify_key *keys = verify_keys(v, &count);

	clear_progress();
	for (unsigned i = 0; i < count; i++)
		show(stdout, lang("公钥 %s：签名 %lu 段录像\n", "key %s: signed %lu segments\n"), keys[i].fingerprint, keys[i].segments);
	show(stdout, lang("%lu 段录像（%lu 台摄像机，%.2f GiB），台账 %lu 条：%s，%lu 处不符，%lu 处未证实，%lu 处未判断\n",
			  "%lu segments (%lu cameras, %.2f GiB), %lu ledger entries: %s, %lu wrong, %lu not proven, %lu not judged\n"),
	     x->segments, x->cameras, (double)x->bytes / (1 << 30), x->entries,
	     holds ? lang("全部相符", "all of it holds") : lang("不能确认", "it does not all hold"), x->wrong, x->unproven, x->open);
}

static int cannot(const char *text)
{
	show(stderr, "holdfast: %s\n", text);
	return CLI_CANNOT;
}

/* Whatever is neither a folder nor a segment may be a dump of the ledger, which shows what keys followed. */
static bool may_be_ledger(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && !text_ends_with(path, ".mp4");
}

static int read_paths(const struct options *o, struct verify *v, bool ledgers, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < o->word_count && rc == 0; i++)
		if (may_be_ledger(o->words[i]) == ledgers)
			rc = verify_path(v, o->words[i], e);
	return rc;
}

static int judge(const struct options *o, struct verify *v, struct report *r)
{
	struct err e = {0};

	for (unsigned i = 0; i < o->key_count; i++)
		if (verify_add_key(v, o->keys[i], &e) < 0)
			return cannot(e.text);
	for (unsigned i = 0; i < o->head_count; i++)
		if (verify_add_head(v, o->heads[i], &e) < 0)
			return cannot(e.text);
	if (read_paths(o, v, true, &e) < 0 || read_paths(o, v, false, &e) < 0)
		return cannot(e.text);
	verify_end(v);
	const struct verify_result *x = verify_result(v);
	bool any = x->segments + x->entries > 0, holds = any && x->wrong + x->unproven == 0 && o->key_count > 0;
	if (o->json)
		print_json(r, v, holds);
	else
		print_text(v, holds);
	if (!any && x->wrong + x->unproven == 0)
		return cannot(lang("这里没有录像，也没有台账", "there is neither footage nor a ledger here"));
	if (x->wrong + x->unproven)
		return CLI_NO;
	return holds ? CLI_YES : CLI_CANNOT;
}

int command_verify(const struct options *o)
{
	struct report r = {.json = o->json};
	const struct verify_setup setup = {.fs = fs_real(), .site = o->site, .finding = on_finding, .progress = on_progress, .arg = &r};

	if (o->word_count == 0) {
		show(stderr, "holdfast verify PATH … --key FILE … [--head FILE …]: %s\n",
		     lang("请给出录像文件、文件夹或台账，以及公钥", "name footage, a folder or a ledger, and a public key"));
		return CLI_USAGE;
	}
	struct verify *v = verify_create(&setup);
	for (int kind = 0; kind < KINDS; kind++)
		r.lists[kind] = json_array();
	int rc = judge(o, v, &r);
	for (int kind = 0; kind < KINDS; kind++)
		json_decref(r.lists[kind]);
	verify_destroy(v);
	return rc;
}
