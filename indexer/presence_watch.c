#include "presence_watch.h"

#include "catalog_internal.h"
#include "copy.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define LEFT (IN_DELETE | IN_MOVED_FROM | IN_ATTRIB | IN_MODIFY)
#define CAME (IN_CREATE | IN_MOVED_TO)
#define ITSELF (IN_DELETE_SELF | IN_MOVE_SELF)
#define MASK (LEFT | CAME | ITSELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)

int presence_watch_init(struct presence_watch *w, struct presence *p)
{
	*w = (struct presence_watch){.presence = p, .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
	return w->fd < 0 ? -errno : 0;
}

void presence_watch_finish(struct presence_watch *w)
{
	for (unsigned i = 0; i < w->count; i++)
		free(w->items[i].path);
	free(w->items);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct presence_watch){.fd = -1};
}

/* --- folders --------------------------------------------------------------------------------------- */

/* The kernel numbers upwards, so they stand in order, or nearly. */
static struct watched *find(struct presence_watch *w, int wd)
{
	for (unsigned i = w->count; i > 0; i--)
		if (w->items[i - 1].wd == wd)
			return &w->items[i - 1];
	return NULL;
}

static void tell_full(struct presence_watch *w)
{
	if (!w->full)
		log_warn("presence", "folders=%u text=\"the kernel watches no more folders: raise fs.inotify.max_user_watches; until then "
			 "what is done to files is seen within an hour\"", w->count);
	w->full = true;
}

static bool add(struct presence_watch *w, int64_t root, const char *camera, const char *path)
{
	int wd = inotify_add_watch(w->fd, path, MASK);

	if (wd < 0 && (errno == ENOSPC || errno == ENOMEM))
		tell_full(w);
	if (wd < 0)
		return false;
	if (find(w, wd))
		return true;
	if (w->count == w->room) {
		w->room = w->room ? w->room * 2 : 256;
		w->items = xrealloc(w->items, w->room * sizeof *w->items);
	}
	struct watched *x = &w->items[w->count++];
	*x = (struct watched){.wd = wd, .root = root, .path = xstrdup(path)};
	snprintf(x->camera, sizeof x->camera, "%s", camera);
	return true;
}

/* depth 0: archive, 1: a camera, 2: a day. */
static void add_tree(struct presence_watch *w, int64_t root, const char *camera, const char *path, int depth)
{
	DIR *d = add(w, root, camera, path) && depth < 2 ? opendir(path) : NULL;
	int rc = 0;

	for (struct dirent *x; d && !w->full && (x = fs_next(d, &rc)) != NULL;) {
		if (x->d_name[0] == '.' || (x->d_type != DT_DIR && x->d_type != DT_UNKNOWN) || strlen(x->d_name) >= CATALOG_ID_MAX)
			continue;
		char *sub = xasprintf("%s/%s", path, x->d_name);
		add_tree(w, root, depth == 0 ? x->d_name : camera, sub, depth + 1);
		free(sub);
	}
	if (d)
		closedir(d);
}

static int on_root(void *arg, int64_t id, const char *path)
{
	struct presence_watch *w = arg;
	struct presence *p = w->presence;

	if (id == CATALOG_STORE_ROOT || !copy_root_is_usable(p->fs, p->catalog, p->conf->site.id, id, path))
		return 0;
	char *archive = xasprintf("%s/archive", path);
	add_tree(w, id, "", archive, 0);
	free(archive);
	return 0;
}

void presence_watch_refresh(struct presence_watch *w)
{
	struct mono now = clock_mono(w->presence->clock);

	if (w->fd < 0 || (w->refreshed.us && now.us - w->refreshed.us < PRESENCE_SWEEP_US))
		return;
	w->refreshed = now;
	catalog_roots(w->presence->catalog, on_root, w);
}

/* --- events ------------------------------------------------------------------------------------------ */

static bool has_row(struct presence *p, const struct watched *x, struct wall start, bool any)
{
	int64_t rows = 0;
	int rc = db_int(p->catalog->db, &rows,
			"SELECT (SELECT count(*) FROM segment WHERE camera = ?1 AND start = ?2 AND root = ?3) + (SELECT count(*) FROM copy "
			"WHERE ?4 AND camera = ?1 AND start = ?2 AND root = ?3) + (SELECT count(*) FROM garbage WHERE ?4 AND camera = ?1 "
			"AND start = ?2 AND root = ?3)", "tiii", x->camera, start.us, x->root, (int64_t)any);

	return rc < 0 || rows > 0;
}

static void on_folder(struct presence_watch *w, const struct watched *x, const struct inotify_event *e)
{
	char camera[CATALOG_ID_MAX];
	const int64_t root = x->root;
	bool top = *x->camera == '\0';

	if (e->len == 0 || strlen(e->name) >= sizeof camera)
		return;
	snprintf(camera, sizeof camera, "%s", top ? e->name : x->camera);
	if (e->mask & CAME) {
		char *sub = xasprintf("%s/%s", x->path, e->name);
		add_tree(w, root, camera, sub, top ? 1 : 2); /* x may move */
		free(sub);
	}
	presence_hint(w->presence, root, camera, NULL);
}

static void on_file(struct presence_watch *w, const struct watched *x, const struct inotify_event *e)
{
	struct wall start;

	if (e->len == 0 || *x->camera == '\0' || !presence_start_of(e->name, &start))
		return;
	if ((e->mask & LEFT) && has_row(w->presence, x, start, false))
		presence_hint(w->presence, x->root, x->camera, &start);
	else if ((e->mask & CAME) && !has_row(w->presence, x, start, true))
		presence_hint(w->presence, x->root, x->camera, NULL);
}

static void forget(struct presence_watch *w, struct watched *x)
{
	free(x->path);
	memmove(x, x + 1, (size_t)(w->items + w->count - (x + 1)) * sizeof *x);
	w->count--;
}

static void on_event(struct presence_watch *w, const struct inotify_event *e)
{
	struct watched *x = find(w, e->wd);

	if (e->mask & IN_Q_OVERFLOW)
		presence_sweep_now(w->presence);
	if (!x)
		return;
	if (e->mask & IN_ISDIR)
		on_folder(w, x, e);
	else if (e->mask & ITSELF && *x->camera)
		presence_hint(w->presence, x->root, x->camera, NULL);
	else
		on_file(w, x, e);
	if (e->mask & IN_IGNORED && (x = find(w, e->wd)) != NULL)
		forget(w, x);
}

void presence_watch_read(struct presence_watch *w)
{
	_Alignas(struct inotify_event) char buffer[16 << 10];
	ssize_t n;

	while (w->fd >= 0 && (n = read(w->fd, buffer, sizeof buffer)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buffer + at);
			on_event(w, e);
			at += (ssize_t)(sizeof *e + e->len);
		}
}
