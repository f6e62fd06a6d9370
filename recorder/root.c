#include "recorder/root.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOOK_MAX_BYTES (1u << 20)

/* --- a root ------------------------------------------------------------------------ */

static bool is_empty_dir(const char *path)
{
	DIR *d = opendir(path);
	bool empty = d != NULL;
	int rc = 0;

	for (struct dirent *x; empty && (x = fs_next(d, &rc)) != NULL;)
		empty = strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty && rc == 0;
}

/* What a half-done first start leaves is still new: an empty incoming/, archive/, ledger/ or moving/. */
static bool may_be_in_new_root(const char *path, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0 ||
	    strcmp(name, ".holdfast") == 0)
		return true;
	if (strcmp(name, "incoming") != 0 && strcmp(name, "archive") != 0 && strcmp(name, "ledger") != 0 &&
	    strcmp(name, "moving") != 0)
		return false;
	char *sub = xasprintf("%s/%s", path, name);
	bool empty = is_empty_dir(sub);
	free(sub);
	return empty;
}

static int is_new(const char *path, bool *answer)
{
	DIR *d = opendir(path);

	if (!d)
		return -errno;
	*answer = true;
	int rc = 0;
	for (struct dirent *x; *answer && (x = fs_next(d, &rc)) != NULL;)
		*answer = may_be_in_new_root(path, x->d_name);
	closedir(d);
	return rc;
}

/* It is there, and is the folder itself: a link would lead footage, and what deletes it, to where somebody else says. */
static int make_folder(struct fs *fs, const char *path)
{
	int rc = fs->mkdir(fs, path, 0750);
	int fd = rc < 0 ? rc : fs->open(fs, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	return fd < 0 ? fd : fs->close(fs, fd);
}

static int make_folders(struct fs *fs, const char *path, struct err *e)
{
	static const char *const names[] = {"incoming", "archive", "ledger", "moving"};
	int rc = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names && rc == 0; i++) {
		char *sub = xasprintf("%s/%s", path, names[i]);
		rc = make_folder(fs, sub);
		if (rc == -ELOOP || rc == -ENOTDIR)
			rc = err_set(e, -ENODEV, lang("%s 是符号链接或不是文件夹，不会使用。请删除它；要用另一块硬盘，请把它写入 storage",
						      "%s is a link, or no folder, and is not followed. Remove it; to use another disk, write that under storage"),
				     sub);
		else if (rc < 0)
			err_set(e, rc, "%s: make the folder: %s", sub, strerror(-rc));
		free(sub);
	}
	if (rc == 0 && (rc = fs->sync_dir(fs, path)) < 0)
		err_set(e, rc, "%s: sync the folder: %s", path, strerror(-rc));
	return rc;
}

static int write_identity(struct fs *fs, const char *file, const struct root_identity *id)
{
	uint8_t sector[ROOT_SECTOR_BYTES];
	int fd = fs->open(fs, file, O_WRONLY | O_CREAT | O_EXCL, 0640);

	if (fd < 0)
		return fd;
	root_identity_encode(id, sector);
	int rc = fs->write(fs, fd, sector, sizeof sector);
	if (rc == 0)
		rc = fs->datasync(fs, fd);
	int closed = fs->close(fs, fd);
	return rc < 0 ? rc : closed;
}

static int disk_fails(struct err *e, int rc, const char *path, const char *what)
{
	return err_set(e, rc, "%s: %s: %s", path, what, strerror(-rc));
}

/* torn: an identity without a word in it, as a first start leaves it that lost its power. */
static int adopt_new(struct fs *fs, const struct root_want *w, const char *file, bool torn,
		     struct root_identity *id, struct err *e)
{
	bool new = false;
	int rc = is_new(w->path, &new);

	if (rc == -ENOENT) {
		rc = fs_mkdirs(fs, w->path, 0750);
		new = true;
	}
	if (rc < 0)
		return disk_fails(e, rc, w->path, "look into the folder");
	if (!new)
		return err_set(e, -ENODEV,
			       "%s is not empty and has no .holdfast: not ours. Give an empty folder",
			       w->path);
	if (torn && (rc = fs->unlink(fs, file)) < 0)
		return disk_fails(e, rc, w->path, "remove the unfinished .holdfast");
	uuid_make(id->root);
	memcpy(id->box, w->box, UUID_BYTES);
	snprintf(id->site, sizeof id->site, "%s", w->site);
	rc = write_identity(fs, file, id);
	if (rc < 0) {
		fs->unlink(fs, file);
		return disk_fails(e, rc, w->path, "write .holdfast");
	}
	log_info("root", "path=%s identity=made", w->path);
	return 0;
}

static const char *place_in_book(const json_t *book, const char *uuid)
{
	const char *path;
	json_t *known;

	json_object_foreach((json_t *)(uintptr_t)book, path, known)
		if (strcmp(json_string_value(known) ? json_string_value(known) : "", uuid) == 0)
			return path;
	return NULL;
}

static bool stands_at(struct fs *fs, const char *path, const char *uuid)
{
	struct root_identity id;
	char there[UUID_TEXT_MAX];

	if (root_identity_load(fs, path, &id) < 0)
		return false;
	uuid_format(id.root, there);
	return strcmp(there, uuid) == 0;
}

/* It is one of those that this box has recorded to, and not where it was then. */
static bool has_moved(struct fs *fs, const struct root_want *w, const struct root_identity *id, const char *uuid)
{
	const char *before = place_in_book(w->book, uuid);

	return before && memcmp(id->box, w->box, UUID_BYTES) == 0 && !stands_at(fs, before, uuid);
}

static int compare(struct fs *fs, const struct root_want *w, const struct root_identity *id, struct err *e)
{
	char uuid[UUID_TEXT_MAX];

	uuid_format(id->root, uuid);
	if (strcmp(id->site, w->site) != 0)
		return err_set(e, -ENODEV, "%s belongs to site %s", w->path, id->site);
	bool moved = w->known && strcmp(w->known, uuid) != 0 && has_moved(fs, w, id, uuid);
	if (moved)
		log_warn("root", "path=%s root=%s note=\"this disk was mounted elsewhere before\"", w->path, uuid);
	else if (w->known && strcmp(w->known, uuid) != 0)
		return err_set(e, -ENODEV, "%s is another disk (root %s, not %s). Mount the right one",
			       w->path, uuid, w->known);
	if (!w->known && memcmp(id->box, w->box, UUID_BYTES) != 0)
		log_warn("root",
			 "path=%s root=%s note=\"of this site, from an earlier state folder: taken over\"",
			 w->path, uuid);
	return 0;
}

static bool is_blank(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

static int check_identity(struct fs *fs, const struct root_want *w, const char *file,
			  struct root_identity *id, struct err *e)
{
	char *data = NULL;
	size_t len = 0;
	int rc = fs_read_all(fs, file, ROOT_SECTOR_BYTES, &data, &len);
	bool torn = rc == 0 && is_blank(data, len), none = rc == -ENOENT;

	if (rc == 0 && !torn)
		rc = root_identity_decode((const uint8_t *)data, len, id);
	free(data);
	if ((none || torn) && w->known)
		return err_set(e, -ENODEV,
			       "%s has no .holdfast: the disk is not mounted, or it is another one", w->path);
	if (none || torn)
		return adopt_new(fs, w, file, torn, id, e);
	if (rc == -EBADMSG || rc == -EFBIG)
		return err_set(e, -ENODEV, "%s/.holdfast is damaged or of a newer version", w->path);
	if (rc < 0)
		return disk_fails(e, rc, w->path, "read .holdfast");
	return compare(fs, w, id, e);
}

int root_check(struct fs *fs, const struct root_want *w, struct root_identity *id, struct err *e)
{
	char *file = xasprintf("%s/.holdfast", w->path);

	*id = (struct root_identity){0};
	int rc = check_identity(fs, w, file, id, e);
	free(file);
	if (rc < 0)
		return rc;
	return make_folders(fs, w->path, e);
}

int root_probe(struct fs *fs, const char *path)
{
	uint8_t sector[ROOT_SECTOR_BYTES];
	char *file = xasprintf("%s/incoming/.probe", path);
	int fd = fs->open(fs, file, O_WRONLY | O_CREAT | O_TRUNC, 0640), rc = fd;

	random_bytes(sector, sizeof sector);
	if (fd >= 0) {
		rc = fs->write(fs, fd, sector, sizeof sector);
		if (rc == 0)
			rc = fs->datasync(fs, fd);
		int closed = fs->close(fs, fd), gone = fs->unlink(fs, file);
		gone = gone == -ENOENT ? 0 : gone; /* the same disk is tried at a second place, too */
		rc = rc < 0 ? rc : closed < 0 ? closed : gone;
	}
	free(file);
	return rc;
}

/* --- what the state folder remembers ------------------------------------------------- */

int root_uuid_parse(const char *text, uint8_t out[UUID_BYTES])
{
	char hex[2 * UUID_BYTES + 1];
	size_t n = 0;

	for (; *text && *text != '\n' && n < sizeof hex - 1; text++)
		if (*text != '-')
			hex[n++] = *text;
	hex[n] = '\0';
	return n == sizeof hex - 1 ? hex_decode(hex, out, UUID_BYTES) : -EINVAL;
}

int root_box_uuid(struct fs *fs, const char *state, uint8_t out[UUID_BYTES], struct err *e)
{
	char *file = xasprintf("%s/box.uuid", state), *data = NULL, line[UUID_TEXT_MAX + 1];
	size_t len = 0;
	int rc = fs_read_all(fs, file, 64, &data, &len);

	if (rc == 0) {
		rc = root_uuid_parse(data, out);
	} else if (rc == -ENOENT) {
		uuid_make(out);
		uuid_format(out, line);
		strcat(line, "\n");
		rc = fs_replace(fs, file, line, strlen(line), 0640);
	}
	if (rc < 0)
		err_set(e, rc, "%s: %s", file, rc == -EINVAL ? "no uuid in it" : strerror(-rc));
	free(data);
	free(file);
	return rc;
}

json_t *root_book_load(struct fs *fs, const char *state, struct err *e)
{
	char *file = xasprintf("%s/roots.json", state), *data = NULL;
	size_t len = 0;
	int rc = fs_read_all(fs, file, BOOK_MAX_BYTES, &data, &len);
	json_t *book = rc == -ENOENT ? json_object() : NULL;

	if (rc == 0 && !(book = json_loadb(data, len, JSON_REJECT_DUPLICATES, NULL)))
		rc = -EINVAL;
	if (book && !json_is_object(book)) {
		json_decref(book);
		book = NULL;
		rc = -EINVAL;
	}
	if (!book)
		err_set(e, rc, "%s: %s", file, rc == -EINVAL ? "not a JSON object" : strerror(-rc));
	free(data);
	free(file);
	return book;
}

int root_book_save(struct fs *fs, const char *state, const json_t *book)
{
	char *file = xasprintf("%s/roots.json", state);
	char *data = json_dumps(book, JSON_SORT_KEYS | JSON_INDENT(1));
	int rc = data ? fs_replace(fs, file, data, strlen(data), 0640) : -ENOMEM;

	free(data);
	free(file);
	return rc;
}

/* The disk that stands at path is one that was declared lost. */
static bool is_lost_one(struct fs *fs, const struct conf *conf, const char *path)
{
	struct root_identity id;
	char uuid[UUID_TEXT_MAX];

	if (root_identity_load(fs, path, &id) < 0)
		return false;
	uuid_format(id.root, uuid);
	if (!root_identity_is_replaced(fs, conf->state, uuid))
		return false;
	log_error("root", "path=%s root=%s error=\"this disk was declared lost (holdfast disk replace): put an empty one there\"",
		  path, uuid);
	return true;
}

/* was: the book as it was read, while `book` changes. */
static bool prepare(struct fs *fs, const struct conf *conf, const char *path, const uint8_t box[UUID_BYTES],
		    const json_t *was, json_t *book)
{
	const char *known = json_string_value(json_object_get(book, path));
	struct root_identity id;
	char uuid[UUID_TEXT_MAX];
	struct err e;

	if (is_lost_one(fs, conf, path))
		return false;
	bool replaced = known && root_identity_is_replaced(fs, conf->state, known);
	struct root_want want = {.path = path, .site = conf->site.id, .known = replaced ? NULL : known, .book = was};
	memcpy(want.box, box, UUID_BYTES);
	if (root_check(fs, &want, &id, &e) < 0) {
		log_error("root", "path=%s error=\"%s\"", path, e.text);
		return false;
	}
	uuid_format(id.root, uuid);
	if (known && strcmp(known, uuid) == 0)
		return false;
	const char *before = place_in_book(book, uuid);
	if (known && !replaced && before) /* two changed places: that one is looked for where this one was */
		json_object_set_new(book, before, json_string(known));
	json_object_set_new(book, path, json_string(uuid));
	return true;
}

bool root_prepare_all(struct fs *fs, const struct conf *conf)
{
	char *state = xasprintf("%s/recorder", conf->state);
	uint8_t box[UUID_BYTES];
	struct err e;
	json_t *book = root_box_uuid(fs, state, box, &e) < 0 ? NULL : root_book_load(fs, state, &e);
	json_t *was = book ? json_deep_copy(book) : NULL;
	bool changed = false;

	for (unsigned i = 0; book && i < conf->root_count; i++)
		changed |= prepare(fs, conf, conf->roots[i].path, box, was, book);
	if (!book || (changed && root_book_save(fs, state, book) < 0))
		log_error("root", "text=\"cannot keep %s\"", state);
	json_decref(was);
	json_decref(book);
	free(state);
	return changed;
}
