/* The reading half of presence.h: any thread. */
#include "presence.h"

#include "base/buf.h"
#include "media/root_identity.h"
#include "media/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A day's folder, as it was read. */
struct day { struct presence_job *j; char name[WALL_TEXT_MAX]; unsigned from, to; }; /* its items */

static bool is_well(const struct presence_job *j)
{
	struct root_identity identity;
	char found[UUID_TEXT_MAX];

	if (root_identity_check(j->fs, j->root_path, j->site, &identity) < 0)
		return false;
	uuid_format(identity.root, found);
	return strcmp(found, j->uuid) == 0;
}

/* What a folder that is not there, or is none, means for what was in it. */
static bool is_away(int err) { return err == ENOENT || err == ENOTDIR || err == ELOOP; }

static void all_of(const struct day *d, enum presence_found found)
{
	for (unsigned i = d->from; i < d->to; i++)
		d->j->items[i].found = found;
}

static int by_start(const void *key, const void *item)
{
	const struct wall *start = key;
	const struct presence_item *i = item;

	return (start->us > i->start.us) - (start->us < i->start.us);
}

static void stranger(struct presence_job *j, struct wall start)
{
	if (j->stranger_count == PRESENCE_STRANGERS)
		return;
	if (!j->strangers)
		j->strangers = xcalloc(PRESENCE_STRANGERS, sizeof *j->strangers);
	j->strangers[j->stranger_count++] = start;
}

bool presence_start_of(const char *name, struct wall *start)
{
	char stem[64];
	size_t len = strlen(name);

	if (len <= 4 || len - 4 >= sizeof stem || strcmp(name + len - 4, ".mp4") != 0)
		return false;
	snprintf(stem, sizeof stem, "%.*s", (int)(len - 4), name);
	return wall_parse_name(stem, start) == 0;
}

static void see(struct day *d, const struct dirent *x)
{
	struct wall start;

	if (!presence_start_of(x->d_name, &start))
		return;
	struct presence_item *i = d->to > d->from ? bsearch(&start, d->j->items + d->from, d->to - d->from, sizeof *i, by_start) : NULL;
	if (!i && x->d_type == DT_REG)
		stranger(d->j, start);
	if (!i)
		return;
	i->found = x->d_type == DT_REG || x->d_type == DT_UNKNOWN ? PRESENCE_THERE : PRESENCE_NO_FILE;
	i->open |= x->d_type == DT_UNKNOWN;
}

static int read_day(struct day *d, int camera)
{
	int fd = openat(camera, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	all_of(d, fd < 0 && errno == EACCES ? PRESENCE_UNREADABLE : PRESENCE_GONE);
	if (!dir) {
		rc = is_away(errno) || errno == EACCES ? 0 : -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *x; (x = fs_next(dir, &rc)) != NULL;)
		see(d, x);
	closedir(dir);
	return rc;
}

static void look_into(struct presence_job *j, struct presence_item *i)
{
	char name[256];
	struct stat st;

	segment_archive_name(name, j->camera, i->start);
	char *path = xasprintf("%s/archive/%s", j->root_path, name);
	int fd = fs_open_regular(j->fs, path);
	free(path);
	if (fd >= 0) {
		i->found = fstat(fd, &st) == 0 && st.st_size != i->bytes ? PRESENCE_RESIZED : PRESENCE_THERE;
		j->fs->close(j->fs, fd);
	} else if (fd == -ENOENT || fd == -ENOTDIR) {
		i->found = PRESENCE_GONE;
	} else if (fd == FS_NO_FILE) {
		i->found = PRESENCE_NO_FILE;
	} else if (fd == -EACCES || fd == -EPERM) {
		i->found = PRESENCE_UNREADABLE;
	} else {
		j->rc = j->rc < 0 ? j->rc : fd;
	}
}

static bool has_items(const struct presence_job *j, const char *day)
{
	char name[WALL_TEXT_MAX];

	for (unsigned i = 0; i < j->count; i++) /* a name differs from the one before once a day */
		if ((i == 0 || j->items[i].start.us / US_PER_DAY != j->items[i - 1].start.us / US_PER_DAY) &&
		    strcmp(wall_format_day(j->items[i].start, name), day) == 0)
			return true;
	return false;
}

/* Days of which no row tells any more: what came back. */
static int read_other_days(struct presence_job *j, int camera)
{
	int fd = openat(camera, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *x; dir && rc == 0 && (x = fs_next(dir, &rc)) != NULL;) {
		struct day d = {.j = j};
		if (strlen(x->d_name) != strlen("2026-11-23") || has_items(j, x->d_name))
			continue;
		snprintf(d.name, sizeof d.name, "%.10s", x->d_name);
		rc = read_day(&d, camera);
	}
	if (dir)
		closedir(dir);
	return rc;
}

/* Days in which an item lies. */
static int read_days(struct presence_job *j, int camera)
{
	struct day d = {.j = j};
	int rc = 0;

	for (d.from = 0; rc == 0 && d.from < j->count; d.from = d.to) {
		wall_format_day(j->items[d.from].start, d.name);
		for (d.to = d.from + 1; d.to < j->count; d.to++)
			if (j->items[d.to].start.us / US_PER_DAY != j->items[d.from].start.us / US_PER_DAY)
				break;
		rc = read_day(&d, camera);
	}
	return rc;
}

static int read_names(struct presence_job *j)
{
	char *path = xasprintf("%s/archive/%s", j->root_path, j->camera);
	int camera = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
	struct day all = {.j = j, .to = j->count};

	free(path);
	if (camera < 0) {
		all_of(&all, errno == EACCES ? PRESENCE_UNREADABLE : PRESENCE_GONE);
		return is_away(errno) || errno == EACCES ? 0 : -errno;
	}
	rc = read_days(j, camera);
	if (rc == 0)
		rc = read_other_days(j, camera);
	close(camera);
	return rc;
}

void presence_read(struct presence_job *j)
{
	fs_be_idle();
	j->rc = is_well(j) ? read_names(j) : -ENODEV;
	for (unsigned i = 0; j->rc == 0 && i < j->count; i++)
		if (j->items[i].found == PRESENCE_THERE ? j->items[i].open : true)
			look_into(j, &j->items[i]); /* what seems gone was perhaps renamed while it was listed */
	if (j->rc == 0 && !is_well(j))
		j->rc = -ENODEV;
}
