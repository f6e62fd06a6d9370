/* holdfast-powerdisk SIZE MOUNTPOINT CONTROL: a disk with a volatile cache, as the one file MOUNTPOINT/disk (FUSE),
 * for a loop device. What was written since the last flush (fsync of that file) may be lost when power goes. Prints
 * "mounted" when it can be used.
 *
 * Orders, one line each over the Unix socket CONTROL, answered by "ok …" or "error …":
 *	cut SEED FILE    writes to FILE what a power cut behind one of the next writes leaves: all that was flushed,
 *	                 and of each write since, by the seed, nothing, all, or its first sectors of 512 bytes. The disk
 *	                 goes on.
 *	                 Answers "ok FLUSHES UNFLUSHED-WRITES LOST-OR-TORN".
 *	flushes          how often it was flushed: "ok FLUSHES"
 *	delay MS         each flush takes so long from now on
 *	sick flush|write|both|none   flushes, writes answer EIO from now on, and do nothing */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECTOR 512u
#define BLOCK 4096u
#define CUT_WITHIN 16u /* writes */
#define NAME "/disk"

struct pending { off_t at; size_t len; char *data; struct pending *next; };

static struct {
	pthread_mutex_t lock;
	off_t size;
	char *now, *durable;              /* what reads show; what a flush made sure of */
	struct pending *first, **last;    /* written since, in order */
	unsigned long flushes;
	unsigned delay_ms;
	bool sick_flush, sick_write;
	struct cut *cut;                  /* asked for */
	pthread_cond_t done;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &disk.first, .done = PTHREAD_COND_INITIALIZER};

struct cut { uint64_t seed; unsigned writes_left; char *image; unsigned long writes, hurt; };

/* --- the disk ------------------------------------------------------------------------- */

static uint64_t dice(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

/* The first bytes of a write that the platter got. */
static size_t survives(const struct pending *p, uint64_t *seed)
{
	uint64_t face = dice(seed) % 4;

	if (face == 0)
		return 0;
	return face == 1 ? dice(seed) % (p->len / SECTOR + 1) * SECTOR : p->len;
}

/* Under the lock. */
static void take_cut(struct cut *c)
{
	memcpy(c->image, disk.durable, (size_t)disk.size);
	for (const struct pending *p = disk.first; p; p = p->next) {
		size_t len = survives(p, &c->seed);
		memcpy(c->image + p->at, p->data, len);
		c->writes++;
		c->hurt += len < p->len;
	}
	disk.cut = NULL;
	pthread_cond_signal(&disk.done);
}

static int disk_write(const char *data, size_t len, off_t at)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p || !(p->data = malloc(len ? len : 1))) {
		free(p);
		return -ENOMEM;
	}
	memcpy(p->data, data, len);
	p->at = at;
	p->len = len;
	pthread_mutex_lock(&disk.lock);
	if (disk.sick_write) {
		pthread_mutex_unlock(&disk.lock);
		free(p->data);
		free(p);
		return -EIO;
	}
	memcpy(disk.now + at, data, len);
	*disk.last = p;
	disk.last = &p->next;
	if (disk.cut && --disk.cut->writes_left == 0)
		take_cut(disk.cut);
	pthread_mutex_unlock(&disk.lock);
	return (int)len;
}

static int disk_flush(void)
{
	pthread_mutex_lock(&disk.lock);
	unsigned delay_ms = disk.delay_ms;
	bool sick = disk.sick_flush;
	disk.flushes++;
	pthread_mutex_unlock(&disk.lock);
	usleep(delay_ms * 1000);
	if (sick)
		return -EIO;
	pthread_mutex_lock(&disk.lock);
	for (struct pending *p = disk.first, *next; p; p = next) {
		next = p->next;
		memcpy(disk.durable + p->at, p->data, p->len);
		free(p->data);
		free(p);
	}
	disk.first = NULL;
	disk.last = &disk.first;
	pthread_mutex_unlock(&disk.lock);
	return 0;
}

static bool is_zero(const char *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Only the blocks that have something in them take room. */
static int save(const char *data, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc = fd < 0 ? -errno : 0;

	if (rc == 0 && ftruncate(fd, disk.size) < 0)
		rc = -errno;
	for (off_t at = 0; rc == 0 && at < disk.size; at += BLOCK)
		if (!is_zero(data + at, BLOCK) && pwrite(fd, data + at, BLOCK, at) != (ssize_t)BLOCK)
			rc = -EIO;
	if (fd >= 0)
		close(fd);
	return rc;
}

static char *make_room(void)
{
	char *p = mmap(NULL, (size_t)disk.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int disk_cut(uint64_t seed, const char *path, char *answer, size_t room)
{
	struct cut c = {.seed = seed, .writes_left = 1 + (unsigned)(seed % CUT_WITHIN), .image = make_room()};

	if (!c.image)
		return -ENOMEM;
	pthread_mutex_lock(&disk.lock);
	disk.cut = &c;
	while (disk.cut)
		pthread_cond_wait(&disk.done, &disk.lock);
	snprintf(answer, room, "ok %lu %lu %lu", disk.flushes, c.writes, c.hurt);
	pthread_mutex_unlock(&disk.lock);
	int rc = save(c.image, path);
	munmap(c.image, (size_t)disk.size);
	return rc;
}

/* --- orders ----------------------------------------------------------------------------- */

static bool set_sick(const char *what)
{
	bool flush = strcmp(what, "flush") == 0, write = strcmp(what, "write") == 0, both = strcmp(what, "both") == 0;

	disk.sick_flush = flush || both;
	disk.sick_write = write || both;
	return flush || write || both || strcmp(what, "none") == 0;
}

/* Orders that are answered at once. */
static bool obey_now(const char *line, char *answer, size_t room)
{
	unsigned delay_ms;
	bool known = true;

	pthread_mutex_lock(&disk.lock);
	if (sscanf(line, "delay %u", &delay_ms) == 1)
		disk.delay_ms = delay_ms;
	else if (strncmp(line, "sick ", 5) == 0)
		known = set_sick(line + 5);
	else
		known = strcmp(line, "flushes") == 0;
	snprintf(answer, room, "ok %lu", disk.flushes);
	pthread_mutex_unlock(&disk.lock);
	return known;
}

static void obey(char *line, char *answer, size_t room)
{
	unsigned long long seed;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (obey_now(line, answer, room))
		return;
	if (sscanf(line, "cut %llu %n", &seed, &at) != 1 || !line[at]) {
		snprintf(answer, room, "error no such order");
		return;
	}
	int rc = disk_cut(seed, line + at, answer, room);
	if (rc < 0)
		snprintf(answer, room, "error %s", strerror(-rc));
}

static void *listen_for_ever(void *arg)
{
	int fd = *(int *)arg;

	for (;;) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		FILE *f = peer < 0 ? NULL : fdopen(peer, "r+");
		char line[4096], answer[200];
		if (f && fgets(line, sizeof line, f)) {
			obey(line, answer, sizeof answer);
			fprintf(f, "%s\n", answer);
		}
		if (f)
			fclose(f);
	}
	return NULL;
}

static int listen_on(const char *path)
{
	static int fd;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	pthread_t thread;

	if (strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4) < 0)
		return -errno;
	return -pthread_create(&thread, NULL, listen_for_ever, &fd);
}

/* --- the file system --------------------------------------------------------------------- */

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	*st = (struct stat){.st_mode = S_IFDIR | 0755, .st_nlink = 2};
	if (strcmp(path, NAME) == 0)
		*st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = disk.size,
				    .st_blocks = disk.size / 512};
	else if (strcmp(path, "/") != 0)
		return -ENOENT;
	return 0;
}

static int on_open(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	return strcmp(path, NAME) == 0 ? 0 : -ENOENT;
}

static int on_truncate(const char *path, off_t len, struct fuse_file_info *fi)
{
	(void)path, (void)fi;
	return len == disk.size ? 0 : -EINVAL;
}

static int on_read(const char *path, char *out, size_t len, off_t at, struct fuse_file_info *fi)
{
	(void)path, (void)fi;
	if (at >= disk.size)
		return 0;
	if ((off_t)len > disk.size - at)
		len = (size_t)(disk.size - at);
	pthread_mutex_lock(&disk.lock);
	memcpy(out, disk.now + at, len);
	pthread_mutex_unlock(&disk.lock);
	return (int)len;
}

static int on_write(const char *path, const char *data, size_t len, off_t at, struct fuse_file_info *fi)
{
	(void)path, (void)fi;
	return at + (off_t)len > disk.size ? -ENOSPC : disk_write(data, len, at);
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
	(void)path, (void)data_only, (void)fi;
	return disk_flush();
}

static void *on_init(struct fuse_conn_info *conn, struct fuse_config *conf)
{
	(void)conf;
	conn->want &= ~(unsigned)FUSE_CAP_WRITEBACK_CACHE; /* each write is seen when it is made */
	printf("mounted\n");
	fflush(stdout);
	return NULL;
}

static const struct fuse_operations operations = {
	.getattr = on_getattr, .open = on_open, .truncate = on_truncate, .read = on_read, .write = on_write,
	.fsync = on_fsync, .init = on_init};

int main(int argc, char **argv)
{
	static char foreground[] = "-f", option[] = "-o", values[] = "fsname=powerdisk";

	disk.size = argc == 4 ? (off_t)strtoll(argv[1], NULL, 10) : 0;
	if (disk.size <= 0 || disk.size % BLOCK) {
		fprintf(stderr, "usage: holdfast-powerdisk SIZE MOUNTPOINT CONTROL (SIZE: a multiple of %u)\n", BLOCK);
		return 2;
	}
	disk.now = make_room();
	disk.durable = make_room();
	int rc = disk.now && disk.durable ? listen_on(argv[3]) : -ENOMEM;
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", argv[3], strerror(-rc));
		return 3;
	}
	char *words[] = {argv[0], foreground, option, values, argv[2], NULL};
	return fuse_main(5, words, &operations, NULL);
}
