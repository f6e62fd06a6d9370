#include "offload/find.h"

#include "base/buf.h"
#include "indexer/object_found.h"
#include "offload/copy.h"
#include "offload/store_file.h"
#include "retention/policy.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (INT64_C(8) << 30)

/* --- listing ---------------------------------------------------------------------------------------- */

void find_list(struct find_job *f)
{
	char *prefix = xasprintf("%s/", f->site);

	fs_be_idle();
	f->trouble = store_list(f->store, prefix, f->after_key, f->after_version, &f->page);
	f->at = 0;
	free(prefix);
	if (f->trouble != STORE_FINE)
		return;
	f->ended = !f->page.more;
	free(f->after_key);
	free(f->after_version);
	f->after_key = f->page.next_key;
	f->after_version = f->page.next_version;
	f->page.next_key = f->page.next_version = NULL;
}

/* SITE/CAMERA/DAY/TIME.mp4, and written exactly as we write it. */
static bool parse_key(struct find_job *f, const char *key)
{
	char again[256], stem[64];
	const char *camera = key + strlen(f->site) + 1, *slash = strchr(camera, '/'), *name = strrchr(key, '/');
	size_t len = slash ? (size_t)(slash - camera) : 0;

	if (len == 0 || len >= sizeof f->camera || !name || !text_ends_with(name, ".mp4") || strlen(name) - 5 >= sizeof stem)
		return false;
	memcpy(f->camera, camera, len);
	f->camera[len] = '\0';
	snprintf(stem, sizeof stem, "%.*s", (int)(strlen(name) - 5), name + 1);
	if (!seal_name_ok(f->camera) || wall_parse_name(stem, &f->start) < 0)
		return false;
	copy_key(again, f->site, f->camera, f->start);
	return strcmp(again, key) == 0;
}

static bool is_below(const struct find_job *f, const char *key)
{
	size_t len = strlen(f->site);

	return strncmp(key, f->site, len) == 0 && key[len] == '/';
}

int find_next(struct find_job *f, struct catalog *c)
{
	json_decref(f->args);
	f->args = NULL;
	while (f->at < f->page.count) {
		f->item = &f->page.items[f->at++];
		if (!is_below(f, f->item->key) || !parse_key(f, f->item->key) || f->item->bytes <= 0 || f->item->bytes > BYTES_MAX)
			continue;
		int known = catalog_object_is_known(c, f->camera, f->start);
		if (known <= 0)
			return known < 0 ? known : 1;
	}
	listing_finish(&f->page);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------------- */

static bool is_locked(const struct find_job *f, const struct segment_scan *s, const struct store_object *o)
{
	const struct retention_item item = {.start = s->seal.start, .end = s->seal.end,
					    .offset_us = clock_zone_offset_us(s->seal.end)};

	return store_object_is_locked(o, retention_floor_end(&item, f->floor_days, clock_zone_offset_us));
}

static const char *what_is_wrong(const struct find_job *f, const struct segment_scan *s, const struct store_object *o)
{
	if (!s->sealed || !s->content_ok)
		return "its bytes are not those that were sealed";
	if (strcmp(s->seal.camera, f->camera) != 0 || s->seal.start.us != f->start.us)
		return "its name and its seal differ";
	return is_locked(f, s, o) ? NULL : "it is not locked until the floor's end";
}

static json_t *describe(struct find_job *f, const struct segment_scan *s, struct store_file *file, const struct store_object *o)
{
	struct object_kept k = {.camera = f->camera, .place = f->place, .key = f->item->key, .version = f->item->version,
				.start = s->seal.start, .end = s->seal.end, .retain_until = o->retain_until, .bytes = file->bytes};
	uint8_t box[SEAL_MAX_BYTES];
	int64_t len = file->bytes - s->whole_bytes;

	f->trouble = store_file_digest(file, k.sha256);
	memcpy(k.seal_digest, s->seal_digest, sizeof k.seal_digest);
	if (f->trouble != STORE_FINE || len <= 0 || len > (int64_t)sizeof box ||
	    file->fs.pread(&file->fs, -1, box, (size_t)len, s->whole_bytes) != len)
		return NULL;
	return object_found_json(&k, s, box, (size_t)len);
}

static void read_whole(struct find_job *f, const struct store_object *o)
{
	struct store_file file;
	struct segment_scan scan;

	store_file_init(&file, f->store, f->item->key, f->item->version, o->bytes);
	segment_scan_init(&scan, true);
	int rc = segment_scan(&scan, &file.fs, -1, o->bytes, NULL);
	f->trouble = file.trouble;
	if (f->trouble == STORE_FINE)
		f->wrong = rc < 0 ? "it does not parse" : what_is_wrong(f, &scan, o);
	if (f->trouble == STORE_FINE && !f->wrong)
		f->args = describe(f, &scan, &file, o);
	segment_scan_finish(&scan);
	store_file_finish(&file);
}

void find_read(struct find_job *f)
{
	struct store_object o;

	fs_be_idle();
	f->wrong = NULL;
	f->trouble = store_head_version(f->store, f->item->key, f->item->version, &o);
	if (f->trouble == STORE_FINE && o.bytes != f->item->bytes)
		f->wrong = "its size is not the one that was listed";
	else if (f->trouble == STORE_FINE)
		read_whole(f, &o);
	if (f->trouble == STORE_ABSENT || f->trouble == STORE_DIFFERS || f->trouble == STORE_REFUSED) {
		f->trouble = STORE_FINE;
		f->wrong = "the store does not give it";
	}
}

void find_finish(struct find_job *f)
{
	json_decref(f->args);
	listing_finish(&f->page);
	free(f->after_key);
	free(f->after_version);
	f->args = NULL;
	f->after_key = f->after_version = NULL;
	f->ended = false;
}
