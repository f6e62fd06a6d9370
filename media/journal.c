#include "base/buf.h"
#include "base/log.h"
#include "journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Two locks, so that who adds never waits for a disk that syncs: `slow` is held over every sync and
 * over the change of file, `lock` over everything below it that an addition touches. slow before lock. */
struct journal {
	struct fs *fs;
	struct clock *clock;
	char *dir;
	pthread_mutex_t slow, lock;
	int fd;
	uint32_t number;
	int64_t bytes;
	int broken;    /* the first failure after which nothing written here can be believed */
};

static char *path_of(const char *dir, uint32_t number)
{
	char name[JOURNAL_FILE_MAX];

	journal_file_name(number, name);
	return xasprintf("%s/%s", dir, name);
}

/* --- opening ------------------------------------------------------------------- */

/* What a file says of itself. */
struct survey { bool has_record; char boot[BOOT_ID_MAX]; };

static int survey_record(void *arg, const json_t *record)
{
	struct survey *s = arg;
	const char *boot = json_string_value(json_object_get(record, "boot"));

	s->has_record = true;
	if (boot && strcmp(json_string_value(json_object_get(record, "k")), "start") == 0)
		snprintf(s->boot, sizeof s->boot, "%s", boot);
	return 0;
}

/* Cuts the file behind its last whole record and stands there. */
static int cut_tail(struct journal *j, int fd, int64_t end, int64_t size)
{
	if (end == size)
		return 0;
	log_warn("journal", "file=%010lu.jnl offset=%lld bytes=%lld note=\"torn tail cut\"",
		 (unsigned long)j->number, (long long)end, (long long)(size - end));
	int rc = j->fs->truncate(j->fs, fd, end);
	return rc < 0 ? rc : j->fs->datasync(j->fs, fd);
}

static int survey_file(struct journal *j, int fd, const char *path, struct survey *s)
{
	char name[JOURNAL_FILE_MAX];
	unsigned left = UINT_MAX;
	struct stat st;

	journal_file_name(j->number, name);
	j->bytes = 0;
	int rc = journal_file_walk(j->fs, fd, name, &j->bytes, &left, survey_record, s);
	if (rc == 0)
		rc = j->fs->stat(j->fs, path, &st);
	return rc < 0 ? rc : cut_tail(j, fd, j->bytes, st.st_size);
}

static bool may_go_on(const struct survey *s)
{
	char boot[BOOT_ID_MAX];

	clock_boot_id(boot);
	return s->has_record && (!s->boot[0] || strcmp(s->boot, boot) == 0);
}

/* The newest file; *go_on tells whether it may be continued. Its descriptor, or negative. */
static int open_newest(struct journal *j, bool *go_on)
{
	char *path = path_of(j->dir, j->number);
	struct survey s = {0};
	int fd = j->fs->open(j->fs, path, O_RDWR | O_APPEND, 0), rc = fd;

	if (fd >= 0)
		rc = survey_file(j, fd, path, &s);
	free(path);
	*go_on = rc >= 0 && may_go_on(&s);
	if (rc < 0 && fd >= 0)
		j->fs->close(j->fs, fd);
	return rc < 0 ? rc : fd;
}

static int create(struct journal *j, uint32_t number)
{
	char *path = path_of(j->dir, number);
	int fd = j->fs->open(j->fs, path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0640);

	free(path);
	return fd;
}

static int create_first(struct journal *j, uint32_t number)
{
	if (number == 0)
		return -EOVERFLOW;
	j->fd = create(j, number);
	if (j->fd < 0)
		return j->fd;
	j->number = number;
	j->bytes = 0;
	return j->fs->sync_dir(j->fs, j->dir);
}

static int open_files(struct journal *j)
{
	uint32_t *numbers;
	unsigned count;
	bool go_on;
	int rc = fs_mkdirs(j->fs, j->dir, 0750);

	if (rc == 0)
		rc = journal_file_list(j->dir, &numbers, &count);
	if (rc < 0)
		return rc;
	j->number = count ? numbers[count - 1] : 0;
	free(numbers);
	if (count == 0)
		return create_first(j, 1);
	j->fd = open_newest(j, &go_on);
	if (j->fd < 0 || go_on)
		return j->fd < 0 ? j->fd : 0;
	j->fs->close(j->fs, j->fd);
	return create_first(j, j->number + 1);
}

int journal_open(struct fs *fs, struct clock *clock, const char *dir, struct journal **out, struct err *e)
{
	struct journal *j = xcalloc(1, sizeof *j);

	*j = (struct journal){.fs = fs, .clock = clock, .dir = xstrdup(dir), .fd = -1};
	pthread_mutex_init(&j->slow, NULL);
	pthread_mutex_init(&j->lock, NULL);
	int rc = open_files(j);
	if (rc < 0) {
		journal_close(j);
		*out = NULL;
		return err_set(e, rc, "open journal %s: %s", dir, strerror(-rc));
	}
	*out = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		j->fs->close(j->fs, j->fd);
	pthread_mutex_destroy(&j->slow);
	pthread_mutex_destroy(&j->lock);
	free(j->dir);
	free(j);
}

/* --- adding -------------------------------------------------------------------- */

/* A line of which only a part was written is taken back, so that the next one begins a line. */
static int append(struct journal *j, const char *line, size_t len)
{
	int rc = j->fs->write(j->fs, j->fd, line, len);

	if (rc == 0) {
		j->bytes += (int64_t)len;
		return 0;
	}
	if (j->fs->truncate(j->fs, j->fd, j->bytes) < 0)
		j->broken = rc;
	return rc;
}

/* What is told late was stamped when it was so. */
static int stamp(json_t *body, const char *key, int64_t us)
{
	return json_object_get(body, key) ? 0 : json_object_set_new(body, key, json_integer(us));
}

/* Under the lock, so that times ascend with the lines. */
static int stamp_and_append(struct journal *j, const char *kind, json_t *body)
{
	size_t len = 0;
	bool failed = json_object_set_new(body, "k", json_string(kind)) < 0 ||
		      stamp(body, "at", clock_wall(j->clock).us) < 0 || stamp(body, "up", clock_mono(j->clock).us) < 0;
	char *line = failed ? NULL : journal_line_make(body, &len);

	if (!line)
		return -EINVAL;
	int rc = len > JOURNAL_LINE_MAX ? -EMSGSIZE : append(j, line, len);
	free(line);
	return rc;
}

int journal_add(struct journal *j, const char *kind, json_t *body)
{
	if (!json_is_object(body)) {
		json_decref(body);
		return -EINVAL;
	}
	pthread_mutex_lock(&j->lock);
	int rc = j->broken ? j->broken : stamp_and_append(j, kind, body);
	pthread_mutex_unlock(&j->lock);
	json_decref(body);
	return rc;
}

static int broken(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	int rc = j->broken;
	pthread_mutex_unlock(&j->lock);
	return rc;
}

static int break_if(struct journal *j, int rc)
{
	if (rc == 0)
		return 0;
	pthread_mutex_lock(&j->lock);
	if (!j->broken)
		j->broken = rc;
	pthread_mutex_unlock(&j->lock);
	return rc;
}

int journal_sync(struct journal *j)
{
	pthread_mutex_lock(&j->slow);
	int rc = broken(j);
	if (rc == 0)
		rc = break_if(j, j->fs->datasync(j->fs, j->fd)); /* fd changes only under slow */
	pthread_mutex_unlock(&j->slow);
	return rc;
}

/* --- changing files -------------------------------------------------------------- */

bool journal_is_long(const struct journal *j)
{
	struct journal *self = (struct journal *)(uintptr_t)j; /* the lock is no part of its value */

	pthread_mutex_lock(&self->lock);
	bool is_long = j->bytes >= JOURNAL_ROTATE_BYTES;
	pthread_mutex_unlock(&self->lock);
	return is_long;
}

/* The name appears under the lock: a reader that sees a later file takes this one to be finished. */
static int swap_file(struct journal *j, int *old)
{
	pthread_mutex_lock(&j->lock);
	int rc = j->broken ? j->broken : j->number == JOURNAL_NUMBER_MAX ? -EOVERFLOW : 0;
	int fd = rc < 0 ? rc : create(j, j->number + 1);
	if (fd >= 0) {
		*old = j->fd;
		j->fd = fd;
		j->number++;
		j->bytes = 0;
	}
	pthread_mutex_unlock(&j->lock);
	return fd < 0 ? fd : 0;
}

int journal_rotate(struct journal *j)
{
	int old;

	pthread_mutex_lock(&j->slow);
	int rc = swap_file(j, &old);
	if (rc == 0) {
		rc = j->fs->datasync(j->fs, old);
		j->fs->close(j->fs, old);
		if (rc == 0)
			rc = j->fs->sync_dir(j->fs, j->dir);
		rc = break_if(j, rc);
	}
	pthread_mutex_unlock(&j->slow);
	return rc;
}

/* An empty file is as good as a new one: a disk that stays full would collect them. */
static int next_file(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	bool fresh = j->bytes == 0 && j->broken == 0;
	int old = -1;
	j->broken = 0;
	pthread_mutex_unlock(&j->lock);
	int rc = fresh ? 0 : swap_file(j, &old);
	if (old >= 0)
		j->fs->close(j->fs, old);
	if (rc == 0)
		rc = j->fs->sync_dir(j->fs, j->dir);
	return break_if(j, rc);
}

int journal_renew(struct journal *j)
{
	pthread_mutex_lock(&j->slow);
	int rc = next_file(j);
	pthread_mutex_unlock(&j->slow);
	return rc;
}

void journal_prune(struct journal *j, const char *file)
{
	uint32_t *numbers, keep_from;
	unsigned count;

	if (journal_file_number(file, &keep_from) < 0 || journal_file_list(j->dir, &numbers, &count) < 0)
		return;
	for (unsigned i = 0; i + 2 < count && numbers[i] < keep_from; i++) {
		char *path = path_of(j->dir, numbers[i]);
		int rc = j->fs->unlink(j->fs, path);
		if (rc < 0 && rc != -ENOENT)
			log_warn("journal", "file=%010lu.jnl error=\"%s\"", (unsigned long)numbers[i],
				 strerror(-rc));
		free(path);
	}
	free(numbers);
}
