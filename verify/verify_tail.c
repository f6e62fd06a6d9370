/* What the ledger tells of sealed footage must be here: a tail that was cut off, or a whole camera that is gone, leaves files
 * that hold. */
#include "verify_inner.h"

#include "base/buf.h"
#include "base/lang.h"

#include <string.h>

static struct verify_tail *tail_of(struct verify *v, const char *camera)
{
	uint32_t name = names_intern(&v->cameras, camera);

	for (unsigned i = 0; i < v->tail_count; i++)
		if (v->tails[i].camera == name)
			return &v->tails[i];
	v->tails = xrealloc(v->tails, (v->tail_count + 1) * sizeof *v->tails);
	v->tails[v->tail_count] = (struct verify_tail){.camera = name};
	return &v->tails[v->tail_count++];
}

static void learn_one(struct verify *v, const json_t *o)
{
	const char *camera = json_string_value(json_object_get(o, "camera"));
	const char *digest = json_string_value(json_object_get(o, "digest"));
	const char *end = json_string_value(json_object_get(o, "end"));
	struct verify_tail t = {.sequence = (uint64_t)json_integer_value(json_object_get(o, "sequence"))};

	if (!camera || !digest || !end || hex_decode(digest, t.digest, sizeof t.digest) < 0 || wall_parse(end, &t.end, NULL) < 0)
		return;
	struct verify_tail *known = tail_of(v, camera);
	t.camera = known->camera;
	if (t.sequence > known->sequence)
		*known = t;
}

void verify_tail_learn(struct verify *v, const json_t *cameras)
{
	const json_t *o;
	size_t i;

	json_array_foreach(cameras, i, o)
		learn_one(v, o);
}

static void judge(struct verify *v, const struct verify_tail *t)
{
	const struct record *last = NULL, *same = NULL;
	const char *camera = v->cameras.items[t->camera];
	char end[WALL_TEXT_MAX];

	for (const struct record *r = v->records; r < v->records + v->record_count; r++) {
		if (r->camera != t->camera)
			continue;
		last = !last || r->sequence > last->sequence ? r : last;
		same = r->sequence == t->sequence && (!same || memcmp(r->digest, t->digest, SHA256_BYTES) == 0) ? r : same;
	}
	wall_format(t->end, end);
	if (!last)
		verify_tell(v, v->whole ? VERIFY_UNPROVEN : VERIFY_OPEN, "camera_missing", "", camera,
			    lang("台账载明摄像机 %s 有录像（编号至 %llu，止于 %s），此处一段也没有：请给出该机的全部硬盘，否则为被取走",
				 "the ledger knows footage of camera %s (until number %llu, %s), and none is here: give all disks of the box, "
				 "or it was taken away"), camera, (unsigned long long)t->sequence, end);
	else if (last->sequence < t->sequence)
		verify_tell(v, v->whole ? VERIFY_UNPROVEN : VERIFY_OPEN, "tail_missing", "", camera,
			    lang("台账载明摄像机 %s 的录像至编号 %llu（止于 %s），此处止于编号 %llu：请给出该机的全部硬盘，否则为被取走",
				 "the ledger knows footage of camera %s until number %llu (%s), the last one here is number %llu: give all "
				 "disks of the box, or it was taken away"), camera, (unsigned long long)t->sequence, end,
			    (unsigned long long)last->sequence);
	else if (same && memcmp(same->digest, t->digest, SHA256_BYTES) != 0)
		verify_tell(v, VERIFY_WRONG, "replaced", "", camera,
			    lang("摄像机 %s 编号 %llu 的录像不是台账所载的那一段", "the footage of camera %s with number %llu is not what the ledger knows"),
			    camera, (unsigned long long)t->sequence);
}

void verify_tails_end(struct verify *v)
{
	if (v->record_count == 0 && !v->whole)
		return; /* only a ledger was asked about */
	for (unsigned i = 0; i < v->tail_count; i++)
		judge(v, &v->tails[i]);
}
