#include "daemon/root_watch.h"

#include "base/buf.h"
#include "base/fs.h"
#include "media/root_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY_MS 5000

struct root_look {
	uv_work_t work;
	struct root_watch *watch; /* NULL: nobody asks any more */
	char *site, **paths;
	int *answers;
	unsigned count;
};

/* --- one look ------------------------------------------------------------------------ */

static struct root_look *make_look(struct root_watch *w)
{
	struct root_look *k = xcalloc(1, sizeof *k);

	*k = (struct root_look){.watch = w, .site = xstrdup(w->conf->site.id), .count = w->count};
	k->paths = xcalloc(k->count, sizeof *k->paths);
	k->answers = xcalloc(k->count, sizeof *k->answers);
	for (unsigned i = 0; i < k->count; i++)
		k->paths[i] = xstrdup(w->conf->roots[i].path);
	return k;
}

static void free_look(struct root_look *k)
{
	for (unsigned i = 0; i < k->count; i++)
		free(k->paths[i]);
	free(k->paths);
	free(k->answers);
	free(k->site);
	free(k);
}

static void look(struct root_look *k)
{
	struct root_identity id;

	for (unsigned i = 0; i < k->count; i++)
		k->answers[i] = root_identity_check(fs_real(), k->paths[i], k->site, &id);
}

/* What the disk cannot say leaves the last answer standing. True: one came. */
static bool take_answers(struct root_watch *w, const struct root_look *k)
{
	bool came = false;

	for (unsigned i = 0; i < k->count; i++) {
		came |= k->answers[i] == 0 && !w->there[i];
		if (k->answers[i] == 0 || k->answers[i] == -ENODEV)
			w->there[i] = k->answers[i] == 0;
	}
	return came;
}

static void begin_look(struct root_watch *w);

static void on_work(uv_work_t *work) { look((struct root_look *)work); }

static void on_looked(uv_work_t *work, int status)
{
	struct root_look *k = (struct root_look *)work;
	struct root_watch *w = k->watch;
	bool came = false;

	if (w) {
		w->out = NULL;
		came = status == 0 && take_answers(w, k);
	}
	free_look(k);
	if (came)
		w->came(w->owner);
	else if (w && w->again)
		begin_look(w);
}

static void begin_look(struct root_watch *w)
{
	w->again = w->out != NULL;
	if (w->out)
		return;
	w->out = make_look(w);
	uv_queue_work(w->timer.loop, &w->out->work, on_work, on_looked);
}

static void on_timer(uv_timer_t *t)
{
	struct root_watch *w = t->data;

	if (!w->out)
		begin_look(w);
}

static void on_mounts(uv_poll_t *p, int status, int events)
{
	(void)status, (void)events;
	begin_look(p->data);
}

/* --- life ------------------------------------------------------------------------------ */

static void forget_look(struct root_watch *w)
{
	if (w->out)
		w->out->watch = NULL;
	w->out = NULL;
}

void root_watch_configure(struct root_watch *w, const struct conf *conf)
{
	forget_look(w);
	free(w->there);
	w->conf = conf;
	w->count = conf->root_count;
	w->there = xcalloc(w->count, sizeof *w->there);
	struct root_look *k = make_look(w);
	look(k);
	take_answers(w, k);
	free_look(k);
}

/* proc(5): the table of mounts is "readable with priority" once after each change. */
static void watch_mounts(struct root_watch *w, uv_loop_t *loop)
{
	w->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->mounts_fd < 0 || uv_poll_init(loop, &w->mounts, w->mounts_fd) < 0)
		return;
	w->mounts.data = w;
	uv_poll_start(&w->mounts, UV_PRIORITIZED, on_mounts);
}

static void on_mounts_closed(uv_handle_t *h)
{
	struct root_watch *w = h->data;

	close(w->mounts_fd);
}

void root_watch_start(struct root_watch *w, uv_loop_t *loop, const struct conf *conf, void (*came)(void *owner),
		      void *owner)
{
	*w = (struct root_watch){.came = came, .owner = owner};
	root_watch_configure(w, conf);
	uv_timer_init(loop, &w->timer);
	w->timer.data = w;
	uv_timer_start(&w->timer, on_timer, LOOK_EVERY_MS, LOOK_EVERY_MS);
	watch_mounts(w, loop);
}

void root_watch_close(struct root_watch *w)
{
	if (w->out)
		uv_stop(w->timer.loop);
	forget_look(w);
	free(w->there);
	w->there = NULL;
	uv_close((uv_handle_t *)&w->timer, NULL);
	if (w->mounts.data)
		uv_close((uv_handle_t *)&w->mounts, on_mounts_closed);
}
