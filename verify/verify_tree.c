#include "verify_inner.h"

#include "base/buf.h"
#include "base/lang.h"
#include "media/root_identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define DAY_CHARACTERS 10

/* A folder on the way down: what its name may say of the files below. */
struct level { const struct level *up; const char *path, *name; bool told; /* below what was asked for */ };

static bool is_day(const char *name)
{
	char text[WALL_TEXT_MAX];
	struct wall w;

	if (strlen(name) != DAY_CHARACTERS)
		return false;
	snprintf(text, sizeof text, "%sT00:00:00Z", name);
	return wall_parse(text, &w, NULL) == 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* CAMERA/DAY/FILE. The name of a folder above or at what was asked for is of the person who made the copy,
 * unless it stands in an `archive`. */
static void read_place(const struct level *l, struct place *p)
{
	if (!is_day(l->name))
		return;
	p->folder_day = l->name;
	const struct level *camera = l->up;
	if (camera && (camera->told || (camera->up && strcmp(camera->up->name, "archive") == 0)))
		p->folder_camera = camera->name;
}

static void look_at(struct verify *v, const struct level *l, uint32_t folder, const char *name)
{
	struct place p = {.folder = folder, .name = name};
	bool open = text_ends_with(name, ".open"), aside = text_ends_with(name, ".bad");

	if (open || aside) {
		char *path = xasprintf("%s/%s", l->path, name);
		verify_tell(v, VERIFY_OPEN, open ? "unsealed" : "put_aside", path, "", "%s",
			    open ? lang("正在录制，尚未封印", "still being written: not sealed yet")
				 : lang("服务已将其作为损坏文件搁置", "put aside by the server as damaged"));
		free(path);
	}
	if (!text_ends_with(name, ".mp4"))
		return;
	read_place(l, &p);
	verify_segment(v, &p);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int walk(struct verify *v, const struct level *l, unsigned depth);

static int walk_one(struct verify *v, const struct level *l, uint32_t folder, const char *name, unsigned depth)
{
	char *path = xasprintf("%s/%s", l->path, name);
	struct level below = {l, path, name, true};
	struct stat st;
	int rc = 0;

	if (lstat(path, &st) < 0 || S_ISLNK(st.st_mode))
		verify_tell(v, VERIFY_OPEN, "unreadable", path, "", "%s",
			    lang("是符号链接或无法查看，未核验", "a symbolic link, or it cannot be looked at: not judged"));
	else if (S_ISDIR(st.st_mode))
		rc = depth < DEPTH_MAX ? walk(v, &below, depth + 1) : 0;
	else if (S_ISREG(st.st_mode))
		look_at(v, l, folder, name);
	free(path);
	return rc;
}

static int walk(struct verify *v, const struct level *l, unsigned depth)
{
	struct dirent **entries;
	int n = scandir(l->path, &entries, not_hidden, by_name), rc = 0;

	if (n < 0) {
		verify_tell(v, VERIFY_WRONG, "unreadable", l->path, "", lang("文件夹无法读取：%s", "the folder cannot be read: %s"),
			    strerror(errno));
		return -errno;
	}
	uint32_t folder = names_add(&v->folders, l->path);
	for (int i = 0; i < n; i++) {
		int failed = walk_one(v, l, folder, entries[i]->d_name, depth);
		rc = rc < 0 ? rc : failed;
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static void learn_site(struct verify *v, const char *path)
{
	struct root_identity id;
	char *above = xasprintf("%s/..", path);

	if (v->root_site[0] == '\0' &&
	    (root_identity_load(v->setup.fs, path, &id) == 0 ||
	     (strcmp(last_part(path), "archive") == 0 && root_identity_load(v->setup.fs, above, &id) == 0)))
		snprintf(v->root_site, sizeof v->root_site, "%s", id.site);
	free(above);
}

static char *parent_of(const char *path)
{
	return xasprintf("%.*s", (int)(last_part(path) - path - (last_part(path) > path)), path);
}

/* Looks at a folder, or at a file in it, with the two folders above it in mind. */
static void with_levels(struct verify *v, const char *path, const char *file)
{
	char *up = parent_of(path), *upper = parent_of(up);
	struct level top = {NULL, upper, last_part(upper), false};
	struct level middle = {&top, up, last_part(up), false};
	struct level here = {&middle, path, last_part(path), false};

	if (file)
		look_at(v, &here, names_add(&v->folders, path), file);
	else
		walk(v, &here, 0);
	free(upper);
	free(up);
}

static bool is_ledger(struct verify *v, const char *path)
{
	struct fs *fs = v->setup.fs;
	int fd = fs->open(fs, path, O_RDONLY, 0);
	uint8_t first = 0;

	if (fd < 0)
		return false;
	ssize_t n = fs->pread(fs, fd, &first, sizeof first, 0);
	fs->close(fs, fd);
	return n > 0 && (first == '{' || first == '[');
}

static void one_file(struct verify *v, char *path)
{
	char *slash = strrchr(path, '/'), *name = xstrdup(slash + 1);

	*slash = '\0';
	if (text_ends_with(name, ".mp4") || text_ends_with(name, ".open") || text_ends_with(name, ".bad"))
		with_levels(v, path, name);
	else
		verify_segment(v, &(struct place){.folder = names_add(&v->folders, path), .name = name});
	free(name);
}

int verify_path(struct verify *v, const char *path, struct err *e)
{
	char *real = realpath(path, NULL);
	struct stat st;
	int rc = 0;

	if (!real || stat(real, &st) < 0)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		learn_site(v, real);
		with_levels(v, real, NULL);
	} else if (is_ledger(v, real)) {
		rc = verify_ledger(v, real, e);
	} else {
		one_file(v, real);
	}
	free(real);
	return rc;
}
