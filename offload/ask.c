#include "offload/ask.h"

#include "base/buf.h"
#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

bool ask_job_add(struct ask_job *j, const struct object_kept *k)
{
	if (j->count == ASK_MAX)
		return false;
	j->items[j->count++] = (struct ask_item){.told = object_kept_json(k), .key = xstrdup(k->key), .version = xstrdup(k->version),
						 .bytes = k->bytes, .retain_until = k->retain_until};
	return j->count < ASK_MAX;
}

/* Once the lock's time is over it is nobody's business whether it is still on. */
static void judge(const struct ask_job *j, struct ask_item *i, const struct store_object *o)
{
	bool same = o->bytes == i->bytes && strcmp(o->version, i->version) == 0;
	bool locked = store_object_is_locked(o, i->retain_until) || i->retain_until.us <= j->now.us;

	i->answer = same && locked ? ASK_HOLDS : ASK_LOST;
	i->how = same ? OBJECT_UNLOCKED : OBJECT_ALTERED;
}

static enum store_trouble ask_once(const struct ask_job *j, struct ask_item *i)
{
	struct store_object o;
	enum store_trouble t = store_head_version(j->store, i->key, i->version, &o);

	if (t == STORE_FINE)
		judge(j, i, &o);
	if (t != STORE_ABSENT)
		return t;
	i->answer = ASK_LOST;
	i->how = OBJECT_GONE;
	return STORE_FINE;
}

/* A bad answer is believed only of a bucket that is there, and when it is given again. */
static enum store_trouble ask(struct ask_job *j, struct ask_item *i)
{
	enum store_trouble t = ask_once(j, i);

	if (t != STORE_FINE || i->answer == ASK_HOLDS)
		return t;
	i->answer = ASK_UNKNOWN;
	t = store_check_bucket(j->store);
	return t == STORE_FINE ? ask_once(j, i) : t;
}

void ask_run(struct ask_job *j)
{
	fs_be_idle();
	j->trouble = j->bucket_known ? STORE_FINE : store_check_bucket(j->store);
	j->bucket_known = j->trouble == STORE_FINE;
	for (unsigned i = 0; j->trouble == STORE_FINE && i < j->count; i++)
		j->trouble = ask(j, &j->items[i]);
}

json_t *ask_job_args(const struct ask_job *j)
{
	json_t *objects = json_array(), *lost = json_array();

	for (unsigned i = 0; i < j->count; i++) {
		const struct ask_item *item = &j->items[i];
		if (item->answer == ASK_HOLDS)
			json_array_append(objects, item->told);
		if (item->answer != ASK_LOST)
			continue;
		json_object_set_new(item->told, "how", json_string(object_loss_name(item->how)));
		json_array_append(lost, item->told);
	}
	return json_pack("{so so}", "objects", objects, "lost", lost);
}

void ask_job_finish(struct ask_job *j)
{
	for (unsigned i = 0; i < j->count; i++) {
		json_decref(j->items[i].told);
		free(j->items[i].key);
		free(j->items[i].version);
	}
	j->count = 0;
}
