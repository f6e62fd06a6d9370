/* What the tests of the recorder's disks share: a temporary folder, a clock that several threads may
 * read, segments as bytes, a running storage, and the check that nothing on disk claims what is not
 * there and that the chain is whole. */
#pragma once
#include "base/buf.h"
#include "base/fault.h"
#include "base/require.h"
#include "media/box.h"
#include "media/segment.h"
#include "recorder/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURE_FRAGMENT_US (2 * US_PER_S)
#define FIXTURE_START INT64_C(1764000000000000)

/* --- a folder ----------------------------------------------------------------------- */

static inline int fixture_setup(void **state)
{
	char *dir = xstrdup("/tmp/holdfast-test-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	nftw(*state, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

#define fixture_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

static inline char *fixture_path(const void *state, const char *name)
{
	return xasprintf("%s/%s", (const char *)state, name);
}

static inline int64_t fixture_size(const char *dir, const char *name)
{
	char *path = fixture_path(dir, name);
	struct stat st;
	int rc = stat(path, &st);

	free(path);
	return rc < 0 ? -1 : st.st_size;
}

static inline bool fixture_exists(const char *dir, const char *name)
{
	return fixture_size(dir, name) >= 0;
}

static inline void fixture_write(const char *dir, const char *name, const void *data, size_t len)
{
	char *path = fixture_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	free(path);
	assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

static inline void fixture_damage(const char *dir, const char *name, off_t at)
{
	char *path = fixture_path(dir, name), c = 0;
	int fd = open(path, O_RDWR);

	free(path);
	assert_true(fd >= 0 && pread(fd, &c, 1, at) == 1);
	c = (char)~c;
	assert_true(pwrite(fd, &c, 1, at) == 1);
	close(fd);
}

static inline unsigned fixture_count(const char *dir, const char *suffix)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
		size_t len = strlen(x->d_name), want = strlen(suffix);
		n += x->d_name[0] != '.' && len >= want && strcmp(x->d_name + len - want, suffix) == 0;
	}
	if (d)
		closedir(d);
	return n;
}

/* --- a clock for threads -------------------------------------------------------------- */

struct fixture_clock { struct clock base; _Atomic int64_t us; };

static inline struct wall fixture_wall(struct clock *c)
{
	return (struct wall){FIXTURE_START + atomic_load(&((struct fixture_clock *)c)->us)};
}

static inline struct mono fixture_mono(struct clock *c)
{
	return (struct mono){atomic_load(&((struct fixture_clock *)c)->us)};
}

static inline bool fixture_synced(struct clock *c)
{
	(void)c;
	return true;
}

static inline void fixture_clock_init(struct fixture_clock *c)
{
	c->base = (struct clock){fixture_wall, fixture_mono, fixture_synced};
	atomic_store(&c->us, US_PER_S);
}

/* --- bytes of a segment ------------------------------------------------------------------ */

static inline size_t box_open(struct buf *b, const char *type)
{
	size_t at = b->len;

	buf_add(b, "\0\0\0\0", 4);
	buf_add(b, type, 4);
	return at;
}

static inline void box_close(struct buf *b, size_t at)
{
	put_u32be(b->data + at, (uint32_t)(b->len - at));
}

static inline void add_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	put_u32be(p, v);
	buf_add(b, p, sizeof p);
}

static inline void add_u64(struct buf *b, uint64_t v)
{
	add_u32(b, (uint32_t)(v >> 32));
	add_u32(b, (uint32_t)v);
}

static inline void add_words(struct buf *b, const char *type, unsigned zeros, uint32_t last, unsigned after)
{
	size_t at = box_open(b, type);

	for (unsigned i = 0; i < zeros; i++)
		add_u32(b, 0);
	add_u32(b, last);
	for (unsigned i = 0; i < after; i++)
		add_u32(b, 0);
	box_close(b, at);
}

/* ftyp + moov of one video track with a timescale of microseconds. */
static inline struct buf fixture_init_bytes(void)
{
	struct buf b = {0};
	size_t ftyp = box_open(&b, "ftyp");
	buf_add(&b, "iso6\0\0\0\0iso6", 12);
	box_close(&b, ftyp);
	size_t moov = box_open(&b, "moov"), trak = box_open(&b, "trak");
	add_words(&b, "tkhd", 3, 1, 4);
	size_t mdia = box_open(&b, "mdia");
	add_words(&b, "mdhd", 3, US_PER_S, 1);
	add_words(&b, "hdlr", 2, FOURCC('v', 'i', 'd', 'e'), 4);
	size_t minf = box_open(&b, "minf"), stbl = box_open(&b, "stbl"), stsd = box_open(&b, "stsd");
	add_u32(&b, 0);
	add_u32(&b, 1);
	add_words(&b, "avc1", 6, 640 << 16 | 480, 12);
	box_close(&b, stsd);
	box_close(&b, stbl);
	box_close(&b, minf);
	box_close(&b, mdia);
	box_close(&b, trak);
	box_close(&b, moov);
	return b;
}

static inline void fixture_add_prft(struct buf *b, struct wall at, uint64_t media_time)
{
	size_t prft = box_open(b, "prft");

	add_u32(b, 1u << 24);
	add_u32(b, 1);
	add_u64(b, prft_ntp_from_wall(at));
	add_u64(b, media_time);
	box_close(b, prft);
}

/* Fragment number n of a segment from start: two seconds, two frames, `payload` bytes. */
static inline struct buf fixture_fragment_bytes(struct wall start, unsigned n, unsigned payload, struct fragment *f)
{
	struct buf b = {0};
	uint64_t time = (uint64_t)n * FIXTURE_FRAGMENT_US;

	*f = (struct fragment){.start = {start.us + (int64_t)time}, .duration_us = FIXTURE_FRAGMENT_US, .frames = 2,
			       .key = true};
	fixture_add_prft(&b, f->start, time);
	size_t moof = box_open(&b, "moof");
	add_words(&b, "mfhd", 1, n + 1, 0);
	size_t traf = box_open(&b, "traf"), tfhd = box_open(&b, "tfhd");
	add_u32(&b, 0x20000);
	add_u32(&b, 1);
	box_close(&b, tfhd);
	size_t tfdt = box_open(&b, "tfdt");
	add_u32(&b, 1u << 24);
	add_u64(&b, time);
	box_close(&b, tfdt);
	size_t trun = box_open(&b, "trun");
	add_u32(&b, 0x305);
	add_u32(&b, 2);
	size_t offset_at = b.len;
	add_u32(&b, 0);
	add_u32(&b, 0);
	for (unsigned i = 0; i < 2; i++) {
		add_u32(&b, FIXTURE_FRAGMENT_US / 2);
		add_u32(&b, i ? payload - payload / 2 : payload / 2);
	}
	box_close(&b, trun);
	box_close(&b, traf);
	box_close(&b, moof);
	put_u32be(b.data + offset_at, (uint32_t)(b.len - moof + 8));
	size_t mdat = box_open(&b, "mdat");
	for (unsigned i = 0; i < payload; i++)
		buf_add(&b, &(uint8_t){(uint8_t)(start.us / 7 + n * 31 + i)}, 1);
	box_close(&b, mdat);
	return b;
}

/* --- a running storage ---------------------------------------------------------------------- */

struct fixture {
	const char *dir;
	char *root_paths[2];
	uv_loop_t loop;
	struct fixture_clock clock;
	struct key *key;              /* the signer of keys */
	struct seal_keys *keys;
	struct conf conf;
	struct conf_root roots[2];
	struct conf_camera cameras[1];
	struct storage *storage;
	unsigned sealed, recovered, fatal, closed, lost, states;
	struct wall good_end;
	enum gap_cause cause;
	char root_state[2][16];
};

static inline unsigned fixture_root_index(struct fixture *x, const char *root)
{
	return strcmp(root, x->root_paths[0]) == 0 ? 0 : 1;
}

static inline void fixture_on_sealed(void *o, const char *camera) { (void)camera; ((struct fixture *)o)->sealed++; }
static inline void fixture_on_journaled(void *o) { (void)o; }
static inline void fixture_on_recovered(void *o) { ((struct fixture *)o)->recovered++; }
static inline void fixture_on_fatal(void *o, const char *text) { (void)text; ((struct fixture *)o)->fatal++; }
static inline void fixture_on_closed(void *o) { ((struct fixture *)o)->closed++; }
static inline void fixture_on_state(void *o, const char *root, const char *state, const char *error)
{
	struct fixture *x = o;

	(void)error;
	snprintf(x->root_state[fixture_root_index(x, root)], sizeof x->root_state[0], "%s", state);
	x->states++;
}

static inline void fixture_on_lost(void *owner, struct outlet_segment *s, struct wall good_end, enum gap_cause cause,
				   const char *detail)
{
	struct fixture *x = owner;

	(void)s, (void)detail;
	x->lost++;
	x->good_end = good_end;
	x->cause = cause;
}

static const struct storage_events fixture_events = {
	.sealed = fixture_on_sealed, .journaled = fixture_on_journaled, .root_state = fixture_on_state,
	.recovered = fixture_on_recovered, .fatal = fixture_on_fatal, .closed = fixture_on_closed,
};

/* State, key and the paths of `roots` roots below dir; a second call finds what the first left. */
static inline void fixture_init(struct fixture *x, const char *dir, unsigned roots)
{
	struct err e;
	bool made;

	*x = (struct fixture){.dir = dir};
	x->conf.state = fixture_path(dir, "state");
	x->conf.site.id = xstrdup("site-1");
	x->conf.roots = x->roots;
	x->conf.root_count = roots;
	x->conf.buffer_bytes = (uint64_t)roots << 26;
	x->cameras[0].id = (char *)(uintptr_t)"cam";
	x->conf.cameras = x->cameras;
	x->conf.camera_count = 1;
	for (unsigned i = 0; i < 2; i++) {
		x->root_paths[i] = fixture_path(dir, i ? "root1" : "root0");
		x->roots[i] = (struct conf_root){.path = x->root_paths[i]};
	}
	fs_mkdirs(fs_real(), x->conf.state, 0755);
	char *key = fixture_path(x->conf.state, "seal.key");
	assert_int_equal(key_load_or_make(fs_real(), key, &x->key, &made, &e), 0);
	free(key);
	x->keys = seal_keys_create();
	seal_keys_sign_with(x->keys, x->key);
	fixture_clock_init(&x->clock);
	uv_loop_init(&x->loop);
}

static inline void fixture_finish(struct fixture *x)
{
	assert_int_equal(uv_loop_close(&x->loop), 0);
	seal_keys_destroy(x->keys);
	free(x->conf.state);
	free(x->conf.site.id);
	free(x->root_paths[0]);
	free(x->root_paths[1]);
}

static inline int fixture_start(struct fixture *x, struct fs *fs)
{
	struct err e = {0};

	return storage_create(&x->loop, fs, &x->clock.base, &x->conf, x->keys, &fixture_events, x, &x->storage, &e);
}

#define fixture_run_until(x, cond)                                                                  \
	do                                                                                          \
		uv_run(&(x)->loop, UV_RUN_ONCE);                                                    \
	while (!(cond))

/* A tick that is under way may see the clock before or after a step: so it goes on until it is seen. */
#define fixture_advance_until(x, cond)                                                              \
	do {                                                                                        \
		atomic_fetch_add(&(x)->clock.us, US_PER_S);                                         \
		uv_run(&(x)->loop, UV_RUN_ONCE);                                                    \
	} while (!(cond))

static inline void fixture_stop(struct fixture *x)
{
	storage_close(x->storage);
	fixture_run_until(x, x->closed);
	uv_run(&x->loop, UV_RUN_DEFAULT);
	storage_destroy(x->storage);
	x->storage = NULL;
	x->closed = 0;
}

static inline struct outlet *fixture_outlet(struct fixture *x, const char *camera)
{
	struct outlet *o = storage_outlet_create(x->storage, camera);

	o->lost = fixture_on_lost;
	o->owner = x;
	return o;
}

static inline struct outlet_segment *fixture_begin(struct outlet *o, struct wall start, enum gap_cause *cause)
{
	struct outlet_begin b = {.start = start, .run = {7, 7, 7}, .init = fixture_init_bytes()};

	return o->ops->begin(o, &b, cause);
}

static inline int fixture_add(struct outlet *o, struct outlet_segment *s, struct wall start, unsigned n)
{
	struct fragment f;
	struct buf b = fixture_fragment_bytes(start, n, 3000, &f);
	int rc = o->ops->add(s, &b, &f);

	assert_null(b.data);
	return rc;
}

static inline struct wall fixture_end(struct wall start, unsigned fragments)
{
	return (struct wall){start.us + (int64_t)fragments * FIXTURE_FRAGMENT_US};
}

/* One whole segment of so many fragments, closed. */
static inline void fixture_record(struct outlet *o, struct wall start, unsigned fragments)
{
	enum gap_cause cause;
	struct outlet_segment *s = fixture_begin(o, start, &cause);

	assert_non_null(s);
	for (unsigned i = 0; i < fragments; i++)
		assert_int_equal(fixture_add(o, s, start, i), 0);
	o->ops->close(s, fixture_end(start, fragments));
}

/* --- what is on disk --------------------------------------------------------------------------- */

struct fixture_found { struct seal seal; uint8_t digest[SHA256_BYTES]; };
struct fixture_footage { struct fixture_found items[4096]; unsigned count, fragments; };

static inline void fixture_scan_file(struct fixture *x, const char *path, struct fixture_footage *out)
{
	struct segment_scan scan;
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	segment_scan_init(&scan, true);
	assert_int_equal(segment_scan(&scan, fs_real(), fd, st.st_size, x->keys), 0);
	assert_true(scan.sealed && scan.content_ok && scan.signature_ok);
	assert_true(scan.index.count > 0 && out->count < 4096);
	out->fragments += scan.index.count;
	out->items[out->count].seal = scan.seal;
	memcpy(out->items[out->count++].digest, scan.seal_digest, SHA256_BYTES);
	segment_scan_finish(&scan);
	close(fd);
}

static inline int fixture_compare(const void *a, const void *b)
{
	const struct fixture_found *x = a, *y = b;

	return x->seal.sequence < y->seal.sequence ? -1 : x->seal.sequence > y->seal.sequence;
}

/* Reads every .mp4 of this camera in every incoming/: each must be what its seal says. By sequence. */
static inline void fixture_collect(struct fixture *x, const char *camera, struct fixture_footage *out)
{
	*out = (struct fixture_footage){0};
	for (unsigned r = 0; r < x->conf.root_count; r++) {
		char *dir = fixture_path(x->root_paths[r], "incoming");
		DIR *d = opendir(dir);
		for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
			char *path = fixture_path(dir, e->d_name), found[SEAL_NAME_MAX];
			struct wall start;
			if (segment_parse_incoming(e->d_name, ".mp4", found, &start) == 0 &&
			    strcmp(found, camera) == 0)
				fixture_scan_file(x, path, out);
			free(path);
		}
		if (d)
			closedir(d);
		free(dir);
	}
	qsort(out->items, out->count, sizeof *out->items, fixture_compare);
}

/* And together they are a whole chain that goes on from there. */
static inline void fixture_check_from(struct fixture *x, const char *camera, uint64_t first, const uint8_t *previous,
				      struct fixture_footage *out)
{
	fixture_collect(x, camera, out);
	for (unsigned i = 0; i < out->count; i++) {
		assert_int_equal(out->items[i].seal.sequence, first + i);
		assert_memory_equal(out->items[i].seal.previous, i ? out->items[i - 1].digest : previous, SHA256_BYTES);
	}
}

static inline void fixture_check(struct fixture *x, const char *camera, struct fixture_footage *out)
{
	static const uint8_t none[SHA256_BYTES];

	fixture_check_from(x, camera, 1, none, out);
}

static inline unsigned fixture_left_open(struct fixture *x)
{
	unsigned n = 0;

	for (unsigned r = 0; r < x->conf.root_count; r++) {
		char *dir = fixture_path(x->root_paths[r], "incoming");
		n += fixture_count(dir, ".open");
		free(dir);
	}
	return n;
}
