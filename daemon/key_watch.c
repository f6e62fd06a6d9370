#include "daemon/key_watch.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/key_change.h"
#include "media/key_overlap.h"

#include <stdlib.h>
#include <string.h>

#define EVERY_MS (3600 * 1000)
#define BUSY_MS 100 /* somebody is changing a key: look again when he is done */
#define PEM_MAX_BYTES 4096

static void on_timer(uv_timer_t *t);

/* Another key than before; *pem (malloc'd) is what the file holds. One that was only just made is no change. */
static bool is_changed(const struct key_watch *w, const char *name, char known[SHA256_HEX_MAX], char **pem, size_t *len)
{
	char print[SHA256_HEX_MAX], *path = xasprintf("%s/keys/%s.key", w->state, name);
	int rc = fs_read_all(fs_real(), path, PEM_MAX_BYTES, pem, len);
	struct key *k = rc < 0 ? NULL : key_from_pem(*pem, *len);
	bool changed = false;

	free(path);
	if (k) {
		key_fingerprint(k, print);
		changed = *known && strcmp(known, print) != 0;
		memcpy(known, print, sizeof print);
	}
	key_destroy(k);
	if (rc < 0)
		*pem = NULL;
	return changed;
}

static void forget(char *pem, size_t len)
{
	if (pem)
		explicit_bzero(pem, len);
	free(pem);
}

static void look(struct key_watch *w, bool tell)
{
	char *pem;
	size_t len = 0;

	if (is_changed(w, "seal", w->seal, &pem, &len) && tell)
		w->events->seal(w->owner, pem);
	forget(pem, len);
	bool site = is_changed(w, "site", w->site, &pem, &len);
	forget(pem, len);
	if (site && tell)
		w->events->site(w->owner);
}

static void end_overlaps(struct key_watch *w)
{
	unsigned count = 0;
	int rc = key_overlap_end(fs_real(), w->state, clock_wall(clock_real()), &count);

	if (count == 0)
		return;
	log_info("key", "name=site destroyed=%u rc=%d text=\"the overlap is over: private keys of before are destroyed\"", count, rc);
	w->events->site(w->owner);
}

static void on_timer(uv_timer_t *t)
{
	struct key_watch *w = t->data;

	if (key_change_is_under_way(w->state)) {
		uv_timer_start(t, on_timer, BUSY_MS, EVERY_MS);
		return;
	}
	look(w, true);
	end_overlaps(w);
}

/* Events come in bursts, and our own steps cause some. */
static void on_event(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct key_watch *w = h->data;

	(void)events;
	if (status == 0 && name && text_ends_with(name, ".key"))
		uv_timer_start(&w->timer, on_timer, BUSY_MS, EVERY_MS);
}

void key_watch_start(struct key_watch *w, uv_loop_t *loop, const struct conf *conf, const struct key_watch_events *events,
		     void *owner)
{
	*w = (struct key_watch){.events = events, .owner = owner, .state = xstrdup(conf->state)};
	char *folder = xasprintf("%s/keys", w->state);
	look(w, false);
	uv_timer_init(loop, &w->timer);
	uv_fs_event_init(loop, &w->event);
	w->timer.data = w->event.data = w;
	uv_timer_start(&w->timer, on_timer, EVERY_MS, EVERY_MS);
	int rc = uv_fs_event_start(&w->event, on_event, folder, 0);
	if (rc < 0)
		log_warn("key", "text=\"%s is not watched (%s): a changed key is taken up within the hour\"", folder, uv_strerror(rc));
	free(folder);
}

static void on_closed(uv_handle_t *h)
{
	free(((struct key_watch *)h->data)->state);
}

void key_watch_close(struct key_watch *w)
{
	uv_close((uv_handle_t *)&w->event, NULL);
	uv_close((uv_handle_t *)&w->timer, on_closed);
}
