#include "recorder/chain_state.h"

#include "base/buf.h"
#include "media/segment.h"
#include "recorder/root.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- lifetime ---------------------------------------------------------------------- */

void chain_state_init(struct chain_state *s)
{
	*s = (struct chain_state){
		.heads = json_object(), .open = json_object(), .durable = json_object(), .doubted = json_object()};
}

void chain_state_finish(struct chain_state *s)
{
	json_decref(s->heads);
	json_decref(s->open);
	json_decref(s->durable);
	json_decref(s->doubted);
}

void chain_state_clear(struct chain_state *s)
{
	chain_state_finish(s);
	chain_state_init(s);
}

/* --- asking -------------------------------------------------------------------------- */

static bool is_below(const char *name, const char *root)
{
	size_t len = strlen(root);

	return strncmp(name, root, len) == 0 && name[len] == '/' && !strchr(name + len + 1, '/');
}

int chain_head_unpack(const json_t *pair, struct chain_head *out)
{
	const json_t *seq = json_array_get(pair, 0);
	const char *digest = json_string_value(json_array_get(pair, 1));

	*out = (struct chain_head){0};
	if (!json_is_integer(seq) || json_integer_value(seq) < 1 || !digest)
		return -EINVAL;
	out->sequence = (uint64_t)json_integer_value(seq);
	return hex_decode(digest, out->digest, SHA256_BYTES);
}

void chain_state_head(const struct chain_state *s, const char *camera, struct chain_head *out)
{
	const json_t *pair = json_object_get(s->heads, camera);

	if (!pair || chain_head_unpack(pair, out) < 0)
		*out = (struct chain_head){0};
}

/* The key in `in` of that file: by its root, else of a record that names the root by a path. NULL: none. */
static const char *key_of(json_t *in, const char *root, const char *file)
{
	char *name = xasprintf("%s/%s", root, file);
	const char *key = json_object_iter_key(json_object_iter_at(in, name));
	void *at = key || root[0] == '/' ? NULL : json_object_iter(in);

	for (; at && !key; at = json_object_iter_next(in, at)) {
		const char *other = json_object_iter_key(at), *slash = strrchr(other, '/');
		if (other[0] == '/' && strcmp(slash + 1, file) == 0)
			key = other;
	}
	free(name);
	return key;
}

static json_t *find(json_t *in, const char *root, const char *file)
{
	const char *key = key_of(in, root, file);

	return key ? json_object_get(in, key) : NULL;
}

void chain_state_learn(struct chain_state *s, const char *camera, const struct chain_head *head)
{
	char digest[SHA256_HEX_MAX];
	struct chain_head known;

	chain_state_head(s, camera, &known);
	if (head->sequence <= known.sequence)
		return;
	hex_encode(head->digest, SHA256_BYTES, digest);
	json_object_set_new(s->heads, camera, json_pack("[I,s]", (json_int_t)head->sequence, digest));
}

bool chain_state_run(const struct chain_state *s, const char *root, const char *file, uint8_t run[UUID_BYTES],
		     uint8_t *flags)
{
	const json_t *opened = find(s->open, root, file);
	const char *text = json_string_value(json_array_get(opened, 0));

	*flags = (uint8_t)json_integer_value(json_array_get(opened, 1));
	return text && root_uuid_parse(text, run) == 0;
}

int64_t chain_state_limit(const struct chain_state *s, const char *root, const char *file)
{
	bool known = find(s->open, root, file) != NULL, doubted = find(s->doubted, root, file) != NULL;
	const json_t *durable = find(s->durable, root, file);

	if (!known && !durable)
		return -ENOENT;
	return known && !doubted ? INT64_MAX : json_integer_value(durable);
}

json_t *chain_state_unsure(const struct chain_state *s, const char *root)
{
	json_t *list = json_array(), *x;
	const char *name;

	json_object_foreach(s->open, name, x)
		if (is_below(name, root) && json_integer_value(json_object_get(s->durable, name)) == 0)
			json_array_append_new(list, json_string(strrchr(name, '/') + 1));
	return list;
}

json_t *chain_state_reopen(const struct chain_state *s)
{
	json_t *list = json_array(), *x;
	char camera[SEAL_NAME_MAX];
	const char *name;
	struct wall start;

	json_object_foreach(s->open, name, x)
	{
		const char *slash = strrchr(name, '/');
		if (!slash || segment_parse_incoming(slash + 1, ".open", camera, &start) < 0)
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s%,s:s,s:I,s:O?,s:O?}", "camera", camera, "root", name,
						      (size_t)(slash - name), "file", slash + 1, "start",
						      (json_int_t)start.us, "run", json_array_get(x, 0), "flags",
						      json_array_get(x, 1)));
	}
	return list;
}

json_t *chain_state_carry(const struct chain_state *s)
{
	json_t *all = json_object(), *x;
	const char *name;

	json_object_foreach(s->open, name, x)
		json_object_set_new(all, name,
				    json_pack("[O?,O?,I,b]", json_array_get(x, 0), json_array_get(x, 1),
					      json_integer_value(json_object_get(s->durable, name)),
					      json_is_true(json_object_get(s->doubted, name))));
	return all;
}

/* --- noting --------------------------------------------------------------------------- */

const char *chain_record_text(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : "";
}

static void take_over(struct chain_state *s, const json_t *record)
{
	const char *name;
	json_t *x;

	json_object_foreach(json_object_get(record, "open"), name, x)
	{
		if (json_object_get(s->open, name))
			continue;
		json_object_set_new(s->open, name, json_pack("[O?,O?]", json_array_get(x, 0), json_array_get(x, 1)));
		json_object_set(s->durable, name, json_array_get(x, 2));
		if (json_is_true(json_array_get(x, 3)))
			json_object_set_new(s->doubted, name, json_true());
	}
}

/* What is open on that root; NULL: on all. */
static void doubt(struct chain_state *s, const char *root)
{
	const char *name;
	json_t *x;

	json_object_foreach(s->open, name, x)
		if (!root || is_below(name, root))
			json_object_set_new(s->doubted, name, json_true());
}

/* Another boot: what was not synced may be there in length only, as zeros. */
static void note_start(struct chain_state *s, const json_t *record)
{
	const char *camera, *boot = chain_record_text(record, "boot");
	json_t *pair;
	struct chain_head head;

	json_object_foreach(json_object_get(record, "chain"), camera,
			    pair) if (chain_head_unpack(pair, &head) == 0)
	    json_object_set(s->heads, camera, pair);
	take_over(s, record);
	s->by_0_1 = !json_is_integer(json_object_get(record, "format"));
	if (s->boot[0] && strcmp(s->boot, boot) != 0)
		doubt(s, NULL);
	snprintf(s->boot, sizeof s->boot, "%s", boot);
}

static void note_sealed(struct chain_state *s, const json_t *record)
{
	struct chain_head now;
	json_t *pair =
	    json_pack("[O?,O?]", json_object_get(record, "sequence"), json_object_get(record, "digest"));

	if (*chain_record_text(record, "camera") && chain_head_unpack(pair, &now) == 0)
		json_object_set(s->heads, chain_record_text(record, "camera"), pair);
	json_decref(pair);
}

static void note_open(struct chain_state *s, const json_t *record)
{
	char *name = xasprintf("%s/%s", chain_record_text(record, "root"), chain_record_text(record, "file"));

	json_object_set_new(s->open, name, json_pack("[O?,O?]", json_object_get(record, "run"),
						     json_object_get(record, "flags")));
	free(name);
}

static void note_beat(struct chain_state *s, const json_t *record)
{
	const char *root, *file;
	json_t *files, *bytes;

	json_object_foreach(json_object_get(record, "durable"), root, files)
	{
		json_object_foreach(files, file, bytes)
		{
			char *name = xasprintf("%s/%s", root, file);
			json_object_set(s->durable, name, bytes); /* a power cut may have taken the `open` alone */
			free(name);
		}
	}
}

static void note_gone(struct chain_state *s, const json_t *record)
{
	const char *file = chain_record_text(record, "file"), *dot = strrchr(file, '.');
	char *name = xasprintf("%.*s.open", dot ? (int)(dot - file) : 0, file);
	json_t *const all[] = {s->open, s->doubted, s->durable};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const char *key = key_of(all[i], chain_record_text(record, "root"), name);
		if (key)
			json_object_del(all[i], key);
	}
	free(name);
}

/* Written without an error, or lost by the disk since: the page cache does not tell. */
static void note_storage(struct chain_state *s, const json_t *record)
{
	const char *state = chain_record_text(record, "state");

	if (strcmp(state, "failed") != 0 && strcmp(state, "full") != 0)
		return;
	doubt(s, chain_record_text(record, "root"));
	if (*chain_record_text(record, "path"))
		doubt(s, chain_record_text(record, "path"));
}

void chain_state_note(struct chain_state *s, const char *kind, const json_t *record)
{
	if (strcmp(kind, "start") == 0)
		note_start(s, record);
	else if (strcmp(kind, "open") == 0)
		note_open(s, record);
	else if (strcmp(kind, "beat") == 0)
		note_beat(s, record);
	else if (strcmp(kind, "sealed") == 0)
		note_sealed(s, record);
	else if (strcmp(kind, "storage") == 0)
		note_storage(s, record);
	if (strcmp(kind, "sealed") == 0 || strcmp(kind, "dropped") == 0)
		note_gone(s, record);
}
