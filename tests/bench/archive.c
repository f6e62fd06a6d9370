/* Real sealed files, and how fast a catalogue is made again from them.
 *
 *	bench-archive make DIR FILES FRAGMENTS FRAMES [CAMERAS [FRAME_BYTES]]
 *	                          DIR/root and DIR/keys; fragments of 2 s, frames of 16 kB; each camera's footage ends now
 *	bench-archive rebuild DIR reads all files, then makes a catalogue of them, each with cold caches
 *
 * DIR is absolute and short. Prints "name value" lines. */
static unsigned frame_bytes = 16000;
#define FIXTURE_FRAME_BYTES frame_bytes
#include "base/require.h"
#include "tests/unit/keeper_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#define FRAGMENT_US (2 * US_PER_S)
#define READ_BYTES (1u << 20)
#define READERS 2 /* as the keeper has */

static struct keeper_box box;

static double now_s(void) { return (double)clock_mono(clock_real()).us / 1e6; }

/* --- making ------------------------------------------------------------------------------- */

/* Nobody pulls the plug: without syncs. */
static void write_file(const char *path, const struct buf *bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	REQUIRE(fd >= 0 && write(fd, bytes->data, bytes->len) == (ssize_t)bytes->len && close(fd) == 0);
}

static void make_file(struct keeper_camera *c, int64_t start, uint32_t fragments, uint32_t frames)
{
	char name[256];
	struct buf bytes = {0};

	fixture_init(&bytes);
	for (uint32_t i = 0; i < fragments; i++)
		fixture_fragment(&bytes, &(struct fixture_fragment){
			.start = {start + i * FRAGMENT_US}, .tfdt = (uint64_t)(i * FRAGMENT_US), .sequence = i + 1, .frames = frames,
			.frame_us = (uint32_t)(FRAGMENT_US / frames), .fill = (uint8_t)i});
	struct seal s = {.site = KEEPER_SITE, .sequence = ++c->sequence, .start = {start}, .end = {start + fragments * FRAGMENT_US},
			 .frames = frames * fragments, .fragments = fragments};
	memcpy(s.camera, c->id, sizeof c->id);
	memcpy(s.previous, c->digest, sizeof s.previous);
	size_t before = bytes.len;
	fixture_seal(&bytes, &s, box.key);
	seal_digest(bytes.data + before, bytes.len - before, c->digest);
	segment_archive_name(name, c->id, s.start);
	char *path = xasprintf("%s/archive/%s", box.root, name), *slash = strrchr(path, '/');
	*slash = '\0';
	REQUIRE(fs_mkdirs(fs_real(), path, 0755) == 0);
	*slash = '/';
	write_file(path, &bytes);
	free(path);
	buf_finish(&bytes);
}

static int make(const char *dir, uint32_t files, uint32_t fragments, uint32_t frames, uint32_t cameras)
{
	int64_t lasts = fragments * FRAGMENT_US, end = clock_wall(clock_real()).us / FRAGMENT_US * FRAGMENT_US;
	int64_t start = end - files / cameras * lasts;

	REQUIRE(cameras > 0 && cameras <= KEEPER_CAMERAS);
	keeper_init_in(&box, dir, cameras);
	for (uint32_t i = 0; i < files / cameras * cameras; i++)
		make_file(&box.cameras[i % cameras], start + i / cameras * lasts, fragments, frames);
	sync();
	printf("start_us %" PRId64 "\nend_us %" PRId64 "\n", start, end);
	journal_close(box.journal);
	key_destroy(box.key);
	keeper_die(&box);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------- */

static bool forget;              /* the visit only drops the caches */
static uint64_t seen_bytes;
static unsigned seen_files;

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	static uint8_t room[READ_BYTES];

	(void)ftw;
	if (flag != FTW_F)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	if (forget)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	while (!forget && read(fd, room, sizeof room) > 0)
		;
	close(fd);
	seen_files++;
	seen_bytes += (uint64_t)st->st_size;
	return 0;
}

static void walk(const char *root, bool only_forget)
{
	char *archive = xasprintf("%s/archive", root);

	forget = only_forget;
	seen_files = 0;
	seen_bytes = 0;
	REQUIRE(nftw(archive, visit, 16, FTW_PHYS) == 0);
	free(archive);
}

/* --- the catalogue ---------------------------------------------------------------------------- */

/* A keeper with a state of its own, before that archive. */
static void take_keeper(const char *dir, char state[64])
{
	char *text;
	size_t len;

	REQUIRE(snprintf(state, 64, "%s/again-XXXXXX", dir) < 64 && mkdtemp(state));
	char *from = xasprintf("%s/keys/seal.key", dir), *keys = xasprintf("%s/keys", state), *to = xasprintf("%s/seal.key", keys);
	REQUIRE(fs_read_all(fs_real(), from, 4096, &text, &len) == 0 && fs_mkdirs(fs_real(), keys, 0700) == 0);
	REQUIRE(fs_replace(fs_real(), to, text, len, 0600) == 0);
	keeper_init_in(&box, state, 1);
	keeper_die(&box);
	char *db = xasprintf("%s/catalog.db", state);
	REQUIRE(unlink(db) == 0);
	snprintf(box.root, sizeof box.root, "%s/root", dir);
	box.clock.base = *clock_real(); /* a step of the walk takes its real time */
	free(text);
	free(from);
	free(keys);
	free(to);
	free(db);
}

/* The longest that the keeper's loop has to wait for a step. */
static double index_all(void)
{
	double longest_s = 0;
	bool more = true;

	while (more) {
		double step_s = -now_s();
		REQUIRE(indexer_step(box.ix, &more) == 0);
		step_s += now_s();
		longest_s = step_s > longest_s ? step_s : longest_s;
	}
	return longest_s;
}

static int rebuild(const char *dir)
{
	char state[64];
	struct rusage use;

	take_keeper(dir, state);
	walk(box.root, true);
	double read_s = -now_s();
	walk(box.root, false);
	read_s += now_s();
	walk(box.root, true);
	double rebuild_s = -now_s();
	REQUIRE(keeper_try(&box) == 0);
	indexer_read_ahead(box.ix, READERS);
	double longest_s = index_all();
	rebuild_s += now_s();
	REQUIRE(getrusage(RUSAGE_SELF, &use) == 0);
	printf("files %u\nbytes %" PRIu64 "\nrows %" PRId64 "\nread_s %.3f\nrebuild_s %.3f\nlongest_ms %.0f\npeak_mib %.0f\n", seen_files,
	       seen_bytes, ask(box.place.catalog, "SELECT count(*) FROM segment"), read_s, rebuild_s, longest_s * 1000,
	       (double)use.ru_maxrss / 1024);
	keeper_finish(&box);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 7)
		frame_bytes = (unsigned)atoi(argv[7]);
	if (argc >= 6 && strcmp(argv[1], "make") == 0)
		return make(argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]),
			    argc > 6 ? (uint32_t)atoi(argv[6]) : 1);
	if (argc == 3 && strcmp(argv[1], "rebuild") == 0)
		return rebuild(argv[2]);
	return 2;
}
