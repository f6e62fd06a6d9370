/* The keeper's rights: reads incoming/, writes and unlinks in archive/, writes catalog.db. No network, no
 * exec, no keys. Over its channels come hints of the recorder, commands of the api and of the offloader. */
#include "base/log.h"
#include "daemon/child.h"
#include "indexer/catalog_closed.h"
#include "indexer/indexer.h"
#include "indexer/mover.h"
#include "indexer/presence_watch.h"
#include "indexer/scrub.h"
#include "indexer/sealed_tell.h"
#include "media/ledger_kept.h"
#include "retention/outlook.h"
#include "retention/reaper.h"
#include "retention/release.h"
#include "retention/share_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_EVERY_MS 1000
#define REAP_FIRST_MS 3000
#define SCRUB_FIRST_MS 5000
#define SCRUB_YIELD_MS 1000
#define MOVE_FIRST_MS 4000
#define PRESENCE_FIRST_MS 2000
#define SCRUB_ERROR_MS 60000
#define FORECAST_EVERY_MS 600000
#define FORECAST_FIRST_MS 10000
#define READERS 2 /* threads for the archive when the catalogue is made anew: one reads while another hashes */

struct keeper {
	struct sealed_tell sealed;
	struct catalog *catalog;
	struct catalog_closed closed;
	struct indexer *indexer;
	struct reaper reaper;
	struct link links[CHANNEL_ROLES]; /* by role; its own is not used */
	struct share_watch share;
	uv_timer_t step, reap, forecast, share_due, scrub_due, move_due, presence_due;
	struct scrub scrub;
	struct scrub_job scrub_job;     /* while a worker reads */
	uv_work_t scrub_work;
	struct mover mover;
	struct mover_job mover_job;     /* while a worker copies */
	uv_work_t mover_work;
	struct presence presence;
	struct presence_job presence_job; /* while a worker looks */
	uv_work_t presence_work;
	struct presence_watch watch;
	uv_poll_t watch_poll;
	bool scrubbing, moving, looking, reaping, stopping;
	uv_idle_t more;                 /* runs while there is a backlog */
	int64_t told_seq;               /* the ledger's head that the api was told */
	char told_journal[JOURNAL_FILE_MAX];
};

/* Nobody mends a catalogue in place: the supervisor puts it aside, and a new one is made from the files. */
static void leave_if_damaged(int rc)
{
	if (rc != -EUCLEAN)
		return;
	log_error("catalog", "text=\"the catalogue is damaged: it is put aside and made again from the files\"");
	_exit(CHILD_CATALOG_DAMAGED);
}

/* --- telling the others --------------------------------------------------------------- */

static void tell(struct keeper *k, enum channel_role to, json_t *msg)
{
	link_send(&k->links[to], msg);
	json_decref(msg);
}

/* Whose smaller stream is to be recorded, for want of room or because it takes more than its share, and who is refused. The
 * recorder knows it anew whenever one of the two has started, and forgets who is refused when it is not told again. */
static void tell_economy(struct keeper *k)
{
	json_t *list = outlook_economy(k->catalog), *sub = share_watch_list(&k->share, SHARE_SUB);

	if (list)
		json_array_extend(list, sub);
	tell(k, CHANNEL_RECORDER, json_pack("{s:s, s:o*, s:o}", "type", "economy", "cameras", list, "refused",
					    share_watch_list(&k->share, SHARE_REFUSED)));
	json_decref(sub);
}

static void on_recorder_up(struct link *l)
{
	tell_economy(l->owner);
}

static void tell_news(struct keeper *k)
{
	int64_t seq;
	uint8_t hash[SHA256_BYTES];
	const char *file = indexer_journal_file(k->indexer);

	indexer_mark_ledger(k->indexer);
	if (catalog_ledger_head(k->catalog, &seq, hash) == 0 && seq != k->told_seq) {
		k->told_seq = seq;
		tell(k, CHANNEL_API, json_pack("{s:s, s:I}", "type", "ledger", "seq", (json_int_t)seq));
	}
	if (strcmp(file, k->told_journal) != 0) {
		snprintf(k->told_journal, sizeof k->told_journal, "%s", file);
		tell(k, CHANNEL_RECORDER, json_pack("{s:s, s:s}", "type", "journal_seen", "file", file));
	}
}

/* --- work ------------------------------------------------------------------------------- */

static void on_more(uv_idle_t *h);

static void step(struct keeper *k)
{
	bool more = false;
	int rc = indexer_step(k->indexer, &more);

	leave_if_damaged(rc);
	if (rc < 0)
		log_warn("indexer", "text=\"will try again: %s\"", strerror(-rc));
	if (more && rc == 0)
		uv_idle_start(&k->more, on_more);
	else
		uv_idle_stop(&k->more);
	tell_news(k);
}

static void on_more(uv_idle_t *h)
{
	step(h->data);
}

static void on_step(uv_timer_t *t)
{
	step(t->data);
}

static void on_reap(uv_timer_t *t)
{
	struct keeper *k = t->data;
	struct mono began = clock_mono(k->reaper.clock);
	int n = reaper_step(&k->reaper);
	int64_t took_us = clock_mono(k->reaper.clock).us - began.us;

	leave_if_damaged(n);
	k->reaping = n >= REAPER_BATCH;

	if (n < 0)
		log_warn("retention", "text=\"will try again: %s\"", strerror(-n));
	uv_timer_start(&k->reap, on_reap, reaper_pause_ms(n, took_us), 0);
	tell_news(k);
}

static void on_forecast(uv_timer_t *t)
{
	struct keeper *k = t->data;
	struct outlook o = {.fs = fs_patient(), .clock = clock_real(), .conf = k->reaper.conf, .catalog = k->catalog,
			    .keep_days = k->reaper.keep_days};
	int rc = outlook_step(&o);

	if (rc < 0)
		log_warn("forecast", "text=\"will try again: %s\"", strerror(-rc));
	rc = sealed_tell(&k->sealed, k->catalog, clock_wall(clock_real()));
	if (rc < 0)
		log_warn("ledger", "text=\"footage.sealed will be told later: %s\"", strerror(-rc));
	tell_economy(k);
	tell_news(k);
}

static void on_share(uv_timer_t *t)
{
	struct keeper *k = t->data;
	int rc = share_watch_look(&k->share);

	leave_if_damaged(rc);
	if (rc < 0)
		log_warn("share", "text=\"will try again: %s\"", strerror(-rc));
	tell_economy(k);
	tell_news(k);
}

/* --- reading everything once a month ------------------------------------------------------ */

static void on_scrub(uv_timer_t *t);

static void scrub_later(struct keeper *k)
{
	int64_t ms = scrub_wait_us(&k->scrub) / US_PER_MS;

	if (!k->stopping && !k->scrubbing)
		uv_timer_start(&k->scrub_due, on_scrub, ms > 0 ? (uint64_t)ms : 1, 0);
}

static void do_scrub(uv_work_t *w)
{
	struct keeper *k = w->data;

	scrub_read(&k->scrub_job);
}

static void after_scrub(uv_work_t *w, int status)
{
	struct keeper *k = w->data;
	int rc = scrub_apply(&k->scrub, &k->scrub_job);

	leave_if_damaged(rc);
	(void)status; /* it is never cancelled */
	k->scrubbing = false;
	if (rc < 0)
		log_warn("scrub", "text=\"will try again: %s\"", strerror(-rc));
	scrub_later(k);
	if (!k->stopping)
		tell_news(k);
}

/* What is to be published or deleted comes first. */
static void on_scrub(uv_timer_t *t)
{
	struct keeper *k = t->data;

	if (k->reaping || uv_is_active((uv_handle_t *)&k->more)) {
		uv_timer_start(&k->scrub_due, on_scrub, SCRUB_YIELD_MS, 0);
		return;
	}
	int rc = scrub_next(&k->scrub, &k->scrub_job);
	k->scrubbing = rc > 0 && uv_queue_work(t->loop, &k->scrub_work, do_scrub, after_scrub) == 0;
	if (rc > 0 && !k->scrubbing)
		scrub_job_finish(&k->scrub_job);
	if (rc < 0)
		log_warn("scrub", "text=\"will try again: %s\"", strerror(-rc));
	if (rc < 0)
		uv_timer_start(&k->scrub_due, on_scrub, SCRUB_ERROR_MS, 0);
	else
		scrub_later(k);
}

/* --- moving footage between disks ----------------------------------------------------------- */

static void on_move(uv_timer_t *t);

static void move_later(struct keeper *k)
{
	int64_t ms = mover_wait_us(&k->mover) / US_PER_MS;

	if (!k->stopping && !k->moving)
		uv_timer_start(&k->move_due, on_move, ms > 0 ? (uint64_t)ms : 1, 0);
}

static void do_move(uv_work_t *w)
{
	struct keeper *k = w->data;

	mover_copy(&k->mover_job);
}

static void after_move(uv_work_t *w, int status)
{
	struct keeper *k = w->data;
	int rc = mover_apply(&k->mover, &k->mover_job);

	leave_if_damaged(rc);
	(void)status; /* it is never cancelled */
	k->moving = false;
	if (rc < 0)
		log_warn("mover", "text=\"will try again: %s\"", strerror(-rc));
	move_later(k);
	if (!k->stopping)
		tell_news(k);
}

static void on_move(uv_timer_t *t)
{
	struct keeper *k = t->data;

	if (k->reaping || uv_is_active((uv_handle_t *)&k->more)) {
		uv_timer_start(&k->move_due, on_move, SCRUB_YIELD_MS, 0);
		return;
	}
	int rc = mover_next(&k->mover, &k->mover_job);
	leave_if_damaged(rc);
	k->moving = rc > 0 && uv_queue_work(t->loop, &k->mover_work, do_move, after_move) == 0;
	if (rc > 0 && !k->moving)
		mover_job_finish(&k->mover_job);
	if (rc < 0)
		log_warn("mover", "text=\"will try again: %s\"", strerror(-rc));
	move_later(k);
}

/* --- whether all files are still there -------------------------------------------------------- */

static void on_presence(uv_timer_t *t);

static void look_later(struct keeper *k)
{
	int64_t ms = presence_wait_us(&k->presence) / US_PER_MS;

	if (!k->stopping && !k->looking)
		uv_timer_start(&k->presence_due, on_presence, ms > 0 ? (uint64_t)ms : 1, 0);
}

static void do_look(uv_work_t *w)
{
	struct keeper *k = w->data;

	presence_read(&k->presence_job);
}

static void after_look(uv_work_t *w, int status)
{
	struct keeper *k = w->data;
	int rc = presence_apply(&k->presence, &k->presence_job);

	leave_if_damaged(rc);
	(void)status; /* it is never cancelled */
	k->looking = false;
	if (rc < 0)
		log_warn("presence", "text=\"will try again: %s\"", strerror(-rc));
	look_later(k);
	scrub_later(k);
	if (!k->stopping)
		tell_news(k);
}

static void on_presence(uv_timer_t *t)
{
	struct keeper *k = t->data;

	presence_watch_refresh(&k->watch);
	int rc = presence_next(&k->presence, &k->presence_job);
	leave_if_damaged(rc);
	k->looking = rc > 0 && uv_queue_work(t->loop, &k->presence_work, do_look, after_look) == 0;
	if (rc > 0 && !k->looking)
		presence_job_finish(&k->presence_job);
	if (rc < 0)
		log_warn("presence", "text=\"will try again: %s\"", strerror(-rc));
	if (rc < 0)
		uv_timer_start(&k->presence_due, on_presence, SCRUB_ERROR_MS, 0);
	else
		look_later(k);
}

static void on_watch(uv_poll_t *h, int status, int events)
{
	struct keeper *k = h->data;

	(void)status, (void)events;
	presence_watch_read(&k->watch);
	look_later(k);
}

static void begin_presence(struct keeper *k, uv_loop_t *loop, const struct conf *conf)
{
	presence_init(&k->presence, &(struct presence){.fs = fs_patient(), .clock = clock_real(), .conf = conf, .catalog = k->catalog,
						       .indexer = k->indexer, .scrub = &k->scrub});
	int rc = presence_watch_init(&k->watch, &k->presence);
	if (rc < 0)
		log_warn("presence", "text=\"what is done to files is seen within an hour: %s\"", strerror(-rc));
	uv_timer_init(loop, &k->presence_due);
	k->presence_due.data = k->presence_work.data = k->watch_poll.data = k;
	uv_timer_start(&k->presence_due, on_presence, PRESENCE_FIRST_MS, 0);
	if (rc == 0 && uv_poll_init(loop, &k->watch_poll, k->watch.fd) == 0)
		uv_poll_start(&k->watch_poll, UV_READABLE, on_watch);
}

static void end_presence(struct keeper *k)
{
	uv_close((uv_handle_t *)&k->presence_due, NULL);
	if (k->watch_poll.loop)
		uv_close((uv_handle_t *)&k->watch_poll, NULL);
}

/* Somebody was not served, because the bytes do not hold. */
static void suspect(struct keeper *k, const json_t *msg)
{
	const char *camera = json_string_value(json_object_get(msg, "camera"));

	if (camera)
		scrub_suspect(&k->scrub, camera, (struct wall){json_integer_value(json_object_get(msg, "at"))});
	scrub_later(k);
}

static void answer(struct keeper *k, struct link *from, const json_t *msg)
{
	const char *verb = json_string_value(json_object_get(msg, "verb"));
	json_t *body = NULL;
	const json_t *args = json_object_get(msg, "args");
	int status = verb && strcmp(verb, "object.asked") == 0 ? release_command(&k->reaper, args, &body)
							       : indexer_command(k->indexer, verb ? verb : "", args, &body);
	json_t *reply = json_pack("{s:s, s:O?, s:b, s:i, s:o?}", "type", "reply", "id", json_object_get(msg, "id"), "ok",
				  status < 300, "status", status, "body", body);

	if (status >= 300)
		json_object_update(reply, body);
	link_send(from, reply);
	json_decref(reply);
	tell_news(k);
}

/* Who may say what: base/channel.h. */
static void on_msg(struct link *from, json_t *msg)
{
	struct keeper *k = from->owner;
	const char *type = msg_type(msg);

	if (strcmp(type, "segment") == 0) {
		indexer_hint(k->indexer);
		step(k);
	} else if (strcmp(type, "journal") == 0) {
		step(k);
	} else if (strcmp(type, "cmd") == 0) {
		answer(k, from, msg);
	} else if (strcmp(type, "suspect") == 0) {
		suspect(k, msg);
	} else if (strcmp(type, "live") == 0 || strcmp(type, "offload") == 0) {
		link_send(&k->links[CHANNEL_API], msg);
	}
}

/* --- the steps ------------------------------------------------------------------------------ */

/* After a crash or a power cut it is read as a whole, which takes a large site minutes; recording goes on meanwhile. */
static int open_catalog(struct keeper *k, const char *path, struct err *e)
{
	bool clean;
	int rc = catalog_closed_take(fs_real(), path, &k->closed, &clean);

	if (rc < 0)
		log_warn("catalog", "text=\"%s-closed: %s\"", path, strerror(-rc));
	rc = catalog_create(path, &k->catalog, e);
	if (rc == 0 && !clean)
		rc = catalog_quick_check(k->catalog);
	if (rc == 0)
		log_info("catalog", "closed_cleanly=%d", clean);
	return rc;
}

static int construct(struct child *c, struct err *e)
{
	struct keeper *k = xcalloc(1, sizeof *k);
	char *path = state_path(c->conf, "catalog.db");
	int rc = open_catalog(k, path, e);

	free(path);
	c->state = k;
	leave_if_damaged(rc);
	if (rc == 0)
		rc = indexer_create(fs_real(), clock_real(), c->conf, k->catalog, &k->indexer, e);
	if (rc < 0)
		return rc;
	indexer_read_ahead(k->indexer, READERS);
	return 0;
}

static void confine(struct child *c, struct sandbox *s)
{
	const unsigned move = SANDBOX_READ | SANDBOX_CREATE | SANDBOX_REMOVE | SANDBOX_RENAME;
	char *db = state_path(c->conf, "catalog.db");

	for (unsigned i = 0; i < c->conf->root_count; i++) {
		const char *root = c->conf->roots[i].path;
		sandbox_allow(s, SANDBOX_LIST, "%s", root);
		sandbox_allow(s, SANDBOX_READ, "%s/.holdfast", root);
		sandbox_allow(s, SANDBOX_READ | SANDBOX_REMOVE | SANDBOX_RENAME | SANDBOX_NO_LINK, "%s/incoming", root);
		sandbox_allow(s, move | SANDBOX_NO_LINK, "%s/archive", root);
		/* Copies begin here (indexer/mover.h): nothing is ever written where published footage lies, and a file
		 * cannot be renamed to where it would gain rights. */
		sandbox_allow(s, move | SANDBOX_WRITE | SANDBOX_NO_LINK, "%s/moving", root);
		sandbox_allow(s, move | SANDBOX_WRITE | SANDBOX_NO_LINK, "%s/ledger", root); /* the ledger's head: indexer/ledger_mark.h */
	}
	child_allow_db(s, db, SANDBOX_READ | SANDBOX_WRITE);
	sandbox_allow(s, SANDBOX_LIST, "%s", c->conf->state);
	sandbox_allow(s, SANDBOX_READ, "%s/journal", c->conf->state);
	sandbox_allow(s, SANDBOX_READ, "%s/" LEDGER_KEPT_FOLDER, c->conf->state);
	sandbox_allow(s, move | SANDBOX_WRITE, "%s/seal-keys", c->conf->state); /* public keys that it has met */
	sandbox_allow(s, move | SANDBOX_WRITE, "%s/replaced", c->conf->state);  /* disks declared lost */
	child_allow_system(s);
	s->calls = SANDBOX_CALLS_CHANGE | SANDBOX_CALLS_WATCH;
	s->memory_bytes = CHILD_MEMORY_BYTES;
	free(db);
}

static int begin(struct child *c, struct err *e)
{
	struct keeper *k = c->state;

	(void)e;
	for (int i = 0; i < CHANNEL_ROLES; i++)
		k->links[i] = (struct link){.self = CHANNEL_KEEPER, .other = (enum channel_role)i, .loop = &c->loop, .owner = k,
					    .on_msg = on_msg, .on_up = i == CHANNEL_RECORDER ? on_recorder_up : NULL};
	k->reaper = (struct reaper){fs_patient(), clock_real(), c->conf, k->catalog};
	k->share = (struct share_watch){.fs = fs_patient(), .clock = clock_real(), .conf = c->conf, .catalog = k->catalog};
	int rc = reaper_configure(&k->reaper);
	if (rc < 0)
		log_warn("retention", "text=\"keep_days will be taken up later: %s\"", strerror(-rc));
	rc = scrub_init(&k->scrub, fs_real(), clock_real(), c->conf, k->catalog);
	if (rc < 0)
		log_warn("scrub", "text=\"begins anew: %s\"", strerror(-rc));
	rc = mover_init(&k->mover, fs_patient(), clock_real(), c->conf, k->catalog);
	if (rc < 0)
		log_warn("mover", "text=\"will try again: %s\"", strerror(-rc));
	uv_timer_init(&c->loop, &k->step);
	uv_timer_init(&c->loop, &k->move_due);
	uv_timer_init(&c->loop, &k->reap);
	uv_timer_init(&c->loop, &k->forecast);
	uv_timer_init(&c->loop, &k->share_due);
	uv_timer_init(&c->loop, &k->scrub_due);
	uv_idle_init(&c->loop, &k->more);
	k->step.data = k->reap.data = k->forecast.data = k->share_due.data = k->more.data = k->scrub_due.data = k->scrub_work.data = k->move_due.data =
		k->mover_work.data = k;
	uv_timer_start(&k->step, on_step, 0, STEP_EVERY_MS);
	uv_timer_start(&k->reap, on_reap, REAP_FIRST_MS, 0);
	uv_timer_start(&k->forecast, on_forecast, FORECAST_FIRST_MS, FORECAST_EVERY_MS);
	uv_timer_start(&k->share_due, on_share, SHARE_EVERY_US / US_PER_MS, SHARE_EVERY_US / US_PER_MS);
	uv_timer_start(&k->scrub_due, on_scrub, SCRUB_FIRST_MS, 0);
	uv_timer_start(&k->move_due, on_move, MOVE_FIRST_MS, 0);
	begin_presence(k, &c->loop, c->conf);
	return 0;
}

static void reload(struct child *c)
{
	struct keeper *k = c->state;
	int rc = indexer_configure(k->indexer, c->conf);

	leave_if_damaged(rc);
	if (rc < 0) {
		child_fatal(c, "the catalogue does not take the configuration up"); /* the next one tries again */
		return;
	}
	k->reaper.conf = k->scrub.conf = k->mover.conf = k->presence.conf = k->share.conf = c->conf;
	k->watch.refreshed.us = 0; /* disks may have come */
	rc = reaper_configure(&k->reaper);
	if (rc < 0)
		log_warn("retention", "text=\"keep_days will be taken up later: %s\"", strerror(-rc));
	uv_timer_start(&k->forecast, on_forecast, 1, FORECAST_EVERY_MS);
	move_later(k);
	scrub_later(k);
	step(k);
}

static void take_channel(struct child *c, enum channel_role other, int end)
{
	struct keeper *k = c->state;

	link_take(&k->links[other], end);
}

/* What the recorder sealed at the end is indexed before the keeper goes. */
static void drain(struct keeper *k)
{
	bool more = true;

	indexer_finish(k->indexer);
	while (more && indexer_step(k->indexer, &more) == 0)
		;
	indexer_mark_ledger(k->indexer);
}

static void stop(struct child *c)
{
	struct keeper *k = c->state;

	k->stopping = true;
	drain(k);
	scrub_save(&k->scrub);
	for (int i = 0; i < CHANNEL_ROLES; i++)
		link_close(&k->links[i]);
	uv_close((uv_handle_t *)&k->step, NULL);
	uv_close((uv_handle_t *)&k->reap, NULL);
	uv_close((uv_handle_t *)&k->forecast, NULL);
	uv_close((uv_handle_t *)&k->share_due, NULL);
	uv_close((uv_handle_t *)&k->scrub_due, NULL);
	uv_close((uv_handle_t *)&k->move_due, NULL);
	end_presence(k);
	uv_close((uv_handle_t *)&k->more, NULL);
	child_stopped(c); /* the loop ends when the last of them is closed */
}

static void destroy(struct child *c)
{
	struct keeper *k = c->state;

	if (!k)
		return;
	presence_watch_finish(&k->watch);
	presence_finish(&k->presence);
	share_watch_finish(&k->share);
	indexer_destroy(k->indexer);
	bool sound = k->stopping && k->catalog && catalog_is_sound(k->catalog);
	catalog_close(k->catalog);
	if (sound && catalog_closed_mark(&k->closed) < 0)
		log_warn("catalog", "text=\"it will be checked at the next start\"");
	catalog_closed_finish(&k->closed);
	free(k);
}

static const struct child_role role = {
	.name = "keeper", .part = CONF_KEEPER, .construct = construct, .confine = confine, .begin = begin,
	.reload = reload, .take_channel = take_channel, .stop = stop, .destroy = destroy};

int main(void) { return child_main(&role); }
