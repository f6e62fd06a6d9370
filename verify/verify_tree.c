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

static const struct level *archive_above(const struct level *l)
{
	while (l && strcmp(l->name, "archive") != 0)
		l = l->up;
	return l;
}

/* CAMERA/DAY/FILE. The name of a folder above or at what was asked for is of the person who made the copy,
 * unless it stands in an `archive`. */
static void read_place(const struct level *l, struct place *p)
{
	const struct level *archive = archive_above(l), *camera = l->up;

	p->in_archive = archive != NULL;
	p->folder_name = l->name;
	p->upper = camera && (camera->told || archive) ? camera->name : NULL;
	if (archive ? !camera || camera->up != archive : !is_day(l->name))
		return;
	p->folder_day = l->name;
	if (archive || camera->told)
		p->folder_camera = camera->name;
}

static void tell_unnamed(struct verify *v, const struct level *l, const char *path, const char *name)
{
	bool open = text_ends_with(name, ".open");

	if (open && strcmp(l->name, "incoming") == 0)
		verify_tell(v, VERIFY_OPEN, "unsealed", path, "", "%s", lang("正在录制，尚未封印", "still being written: not sealed yet"));
	else if (open)
		verify_tell(v, VERIFY_UNPROVEN, "unsealed", path, "", "%s",
			    lang("未封印的文件不在 incoming 中：未证实", "a file without a seal, and not in incoming/: nothing proves it"));
	else if (text_ends_with(name, ".bad"))
		verify_tell(v, VERIFY_UNPROVEN, "put_aside", path, "", "%s",
			    lang("服务已将其作为损坏文件搁置：未证实", "put aside by the server as damaged: nothing proves it"));
	else if (archive_above(l) || strcmp(l->name, "incoming") == 0)
		verify_tell(v, VERIFY_OPEN, "not_footage", path, "", "%s", lang("不是录像文件", "it is no footage"));
}

/* A seal alone, or less, has no footage to hide. */
static bool is_of_the_recorder(const struct level *l, const char *path, const char *name)
{
	struct stat st;

	if (strcmp(l->name, "incoming") != 0 || (strncmp(name, SEGMENT_HEAD_PREFIX, strlen(SEGMENT_HEAD_PREFIX)) != 0 &&
						 strcmp(name, SEGMENT_BOOT_NAME) != 0))
		return false;
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SEAL_MAX_BYTES;
}

/* Footage is judged whatever it is called: a name must not hide it. */
static void look_at(struct verify *v, const struct level *l, uint32_t folder, const char *name)
{
	struct place p = {.folder = folder, .name = name};
	char *path = xasprintf("%s/%s", l->path, name);

	read_place(l, &p);
	if (is_of_the_recorder(l, path, name)) {
		free(path);
		return;
	}
	if (text_ends_with(name, ".mp4") || verify_looks_sealed(v, path))
		verify_segment(v, &p);
	else
		tell_unnamed(v, l, path, name);
	free(path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Hidden files are looked at, too; only a root's identity is none of footage. */
static int is_looked_at(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 && strcmp(d->d_name, ROOT_IDENTITY_FILE) != 0;
}

static int walk(struct verify *v, const struct level *l, unsigned depth);

static int walk_one(struct verify *v, const struct level *l, uint32_t folder, const char *name, unsigned depth)
{
	char *path = xasprintf("%s/%s", l->path, name);
	struct level below = {l, path, name, true};
	struct stat st;
	int rc = 0;

	if (lstat(path, &st) < 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
		verify_tell(v, VERIFY_UNPROVEN, "unreadable", path, "", "%s",
			    lang("是符号链接、不是普通文件或无法查看，未核验",
				 "a symbolic link, no regular file, or it cannot be looked at: not judged"));
	else if (S_ISREG(st.st_mode))
		look_at(v, l, folder, name);
	else if (depth < DEPTH_MAX)
		rc = walk(v, &below, depth + 1);
	else
		verify_tell(v, VERIFY_UNPROVEN, "too_deep", path, "", "%s",
			    lang("文件夹层次过深，未核验", "too many folders below each other: not judged"));
	free(path);
	return rc;
}

static int walk(struct verify *v, const struct level *l, unsigned depth)
{
	struct dirent **entries;
	int n = scandir(l->path, &entries, is_looked_at, by_name), rc = 0;

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

/* Whoever takes footage away takes the root's identity with it. */
static bool holds_archive(const char *path)
{
	char *archive = xasprintf("%s/archive", path);
	struct stat st;
	bool yes = lstat(archive, &st) == 0 && S_ISDIR(st.st_mode);

	free(archive);
	return yes;
}

static void learn_site(struct verify *v, const char *path)
{
	struct root_identity id;
	char *above = xasprintf("%s/..", path);

	bool is_archive = strcmp(last_part(path), "archive") == 0;
	bool has_identity = root_identity_load(v->setup.fs, path, &id) == 0 ||
			    (is_archive && root_identity_load(v->setup.fs, above, &id) == 0);

	v->whole |= has_identity || is_archive || holds_archive(path);
	if (has_identity && v->root_site[0] == '\0')
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
