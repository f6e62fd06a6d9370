/* What the records say besides coverage: the clock as the recorder read it, its trust, the recorder's own comings and
 * goings. */
#include "indexer_inner.h"

#include "base/log.h"
#include "catalog_internal.h"
#include "gap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define STEP_MIN_US US_PER_S

/* --- state ------------------------------------------------------------------------------ */

int64_t settled_at(struct indexer *ix)
{
	return catalog_site(ix->catalog)->settled_at;
}

bool is_recovering(struct indexer *ix)
{
	return catalog_site(ix->catalog)->recovering != 0;
}

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

/* --- every record ------------------------------------------------------------------------- */

bool has_just_stepped(struct indexer *ix)
{
	int64_t stepped = catalog_site(ix->catalog)->stepped_up, since = catalog_site(ix->catalog)->witness_up - stepped;

	return stepped > 0 && since >= 0 && since < ACCOUNT_AWAIT_US;
}

/* --- the wall clock as the records show it ------------------------------------------------------ */

#define CLOCK_HEARD_US (200 * US_PER_MS) /* as the recorder's clock_watch.h: what is less is slewing */
#define CLOCK_WRONG_US US_PER_DAY        /* a box that was off in a life that had been set back: no longer */

struct reading { int64_t at, up, step_us; bool known; }; /* known: the record before was of the same boot */

static struct reading read_clock(struct indexer *ix, const json_t *record)
{
	struct reading r = {.at = json_integer_value(json_object_get(record, "at")),
			    .up = json_integer_value(json_object_get(record, "up"))};
	int64_t before = catalog_site(ix->catalog)->witness_up;

	r.known = before > 0 && r.up >= before;
	r.step_us = r.known ? r.at - r.up - catalog_site(ix->catalog)->clock_offset : 0;
	if (r.step_us > -CLOCK_HEARD_US && r.step_us < CLOCK_HEARD_US)
		r.step_us = 0;
	return r;
}

static bool is_reliving(struct indexer *ix)
{
	return settled_at(ix) < catalog_site(ix->catalog)->lived_until;
}

static int tell_step(struct indexer *ix, int64_t step_us, int64_t to)
{
	return ledger_append(ix->catalog, ix->acc.now, "clock.stepped", NULL,
			     json_pack("{sI so}", "step_us", (json_int_t)step_us, "to", wall_json(to)), NULL);
}

/* Between the setting of the clock and the record that tells of it, the old life goes on: what is said then is
 * said of that one. A step forward that nobody tells of is believed where it takes nothing away. */
int watch_time(struct indexer *ix, const char *kind, const json_t *record)
{
	struct reading r = read_clock(ix, record);
	bool start = strcmp(kind, "start") == 0 && !json_is_true(json_object_get(record, "rotated"));
	bool told = strcmp(kind, "clock") == 0 && json_integer_value(json_object_get(record, "step_us")) != 0;
	bool holds = r.step_us < 0 || (r.step_us > 0 && is_reliving(ix));

	int rc = r.step_us < STEP_MIN_US ? 0 : catalog_set_state_int(ix->catalog, "stepped_up", r.up);
	if (rc < 0 || start)
		return rc; /* watch_start() */
	if (holds || (told && r.step_us > 0))
		return account_live(&ix->acc, (struct wall){r.at - r.step_us});
	rc = account_live(&ix->acc, (struct wall){r.at});
	return rc < 0 ? rc : catalog_set_state_int(ix->catalog, "clock_offset", r.at - r.up);
}

/* While nobody wrote records the clock may have been set. When, in that time, nobody knows; as soon as the last
 * life was seen no more, so that none of what was lost can hide behind its footage. */
static int watch_start(struct indexer *ix, const struct reading *r)
{
	int64_t was = settled_at(ix), unseen = r->up, to;

	if (r->known)
		unseen = r->at - r->step_us - was;
	to = r->at - (unseen > 0 ? unseen : 0);
	int rc = catalog_set_state_int(ix->catalog, "clock_offset", r->at - r->up);
	if (rc < 0 || was == 0)
		return rc < 0 ? rc : account_live(&ix->acc, (struct wall){r->at});
	bool back = r->known ? r->step_us < 0 : r->at < was;
	bool ahead = is_reliving(ix) && (r->known ? r->step_us > 0 : r->at - was > CLOCK_WRONG_US);
	if (back)
		rc = account_clock_back(&ix->acc, (struct wall){to});
	else if (ahead)
		rc = account_clock_forward(&ix->acc, (struct wall){to}, to - was);
	if (rc == 0 && back)
		rc = tell_step(ix, to - was, to);
	return rc < 0 ? rc : account_live(&ix->acc, (struct wall){r->at});
}

int watch_clock_was_set(struct indexer *ix, int64_t at, int64_t up, int64_t to)
{
	int64_t step_us = to - settled_at(ix);

	log_warn("clock", "step_ms=%lld text=\"the recorder did not tell of it\"", (long long)(step_us / US_PER_MS));
	int rc = catalog_set_state_int(ix->catalog, "clock_offset", at - up);
	if (rc == 0)
		rc = account_clock_back(&ix->acc, (struct wall){to});
	if (rc == 0)
		rc = tell_step(ix, step_us, to);
	return rc < 0 ? rc : account_live(&ix->acc, (struct wall){at});
}

/* --- the run of a camera ----------------------------------------------------------------------- */

static int life_of(struct indexer *ix, const char *camera, int64_t *id)
{
	*id = 0;
	int rc = db_int(ix->catalog->db, id, "SELECT max(id) FROM life WHERE camera = ?", "t", camera);

	return rc == -ENOENT ? 0 : rc;
}

static void run_key(const char *camera, char key[CATALOG_ID_MAX + 8])
{
	snprintf(key, CATALOG_ID_MAX + 8, "run:%.*s", CATALOG_ID_MAX, camera);
}

int watch_run(struct indexer *ix, const char *camera, const char *run)
{
	char key[CATALOG_ID_MAX + 8], value[128];
	int64_t life;
	int rc = life_of(ix, camera, &life);

	run_key(camera, key);
	snprintf(value, sizeof value, "%" PRId64 " %s", life, run);
	return rc < 0 || !*run ? rc : catalog_set_state(ix->catalog, key, value);
}

bool is_of_past_run(struct indexer *ix, const char *camera, const char *run)
{
	char key[CATALOG_ID_MAX + 8], value[128], *rest;
	int64_t life;

	run_key(camera, key);
	if (life_of(ix, camera, &life) < 0 || life == 0 || catalog_state(ix->catalog, key, value, sizeof value) < 0)
		return false;
	return strtoll(value, &rest, 10) < life && *rest == ' ' && strcmp(rest + 1, run) == 0;
}

/* Which of its two streams a camera records; a recorder that names none has one. */
int watch_stream(struct indexer *ix, const char *camera, const char *stream, struct wall since)
{
	char key[CATALOG_ID_MAX + 8], was[8];

	stream = strcmp(stream, "sub") == 0 ? "sub" : "main";
	snprintf(key, sizeof key, "stream:%.*s", CATALOG_ID_MAX - 1, camera);
	int rc = catalog_state(ix->catalog, key, was, sizeof was);
	if (rc < 0 || strcmp(stream, *was ? was : "main") == 0)
		return rc;
	rc = catalog_set_state(ix->catalog, key, stream);
	return rc < 0 ? rc : ledger_append(ix->catalog, ix->acc.now, "camera.stream", camera,
					   json_pack("{ss so}", "stream", stream, "since", wall_json(since.us)), NULL);
}

static int trust(struct indexer *ix, const json_t *record)
{
	const json_t *synced = json_object_get(record, "synced");
	char was[4];
	int rc = catalog_state(ix->catalog, "clock_synced", was, sizeof was);

	if (rc < 0 || !json_is_boolean(synced))
		return rc;
	bool now = json_is_true(synced), told = now ? strcmp(was, "0") != 0 : *was == '0';
	if (*was && (*was == '1') == now)
		return 0;
	rc = catalog_set_state(ix->catalog, "clock_synced", now ? "1" : "0");
	return rc < 0 || told ? rc : ledger_append(ix->catalog, ix->acc.now, now ? "clock.trusted" : "clock.untrusted",
						   NULL, json_object(), NULL);
}

#define UP "\"up\""
#define SILENT "\"silent\""   /* down, and nobody said why */
#define STOPPED "\"stopped\"" /* down, and it said so */

static int recorder_state(struct indexer *ix, const char *how, int64_t since)
{
	char json[128];

	snprintf(json, sizeof json, "{\"how\":%s,\"since\":%" PRId64 ",\"state\":\"%s\"}", how, since,
		 strcmp(how, UP) == 0 ? "up" : "down");
	return catalog_set_state(ix->catalog, "recorder", json);
}

/* Inside a transaction, which is lost when it cannot be read. */
static bool recorder_is(struct indexer *ix, const char *how)
{
	char json[128];

	return catalog_state(ix->catalog, "recorder", json, sizeof json) == 0 && strstr(json, how) != NULL;
}

/* --- the recorder's runs ----------------------------------------------------------------------- */

static int tell_stopped(struct indexer *ix, int64_t at, bool clean)
{
	return ledger_append(ix->catalog, ix->acc.now, "recorder.stopped", NULL,
			     json_pack("{so sb}", "at", wall_json(at), "clean", (int)clean), NULL);
}

/* Of a disk that stalls: what was written since the last sync (5 s), the fragment in flight (2 s), and what the
 * stall took to be noticed. */
#define UNSYNCED_US (10 * US_PER_S)

/* The recorder died with disks in trouble: it can no longer tell what they lost. */
static int keep_troubles(struct indexer *ix, int64_t died_before)
{
	struct db *db = ix->catalog->db;
	struct db_query q;
	int rc = db_query(db, &q, "SELECT substr(key, 9), value FROM state WHERE key GLOB 'storage:*'", "");

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		json_t *known = json_loads(db_text(&q, 1), 0, NULL);
		const char *state = text(known, "state");
		bool in_trouble = strcmp(state, "stalled") == 0 || strcmp(state, "failed") == 0;
		const char *why;
		struct wall since;
		if (in_trouble && wall_parse(text(known, "since"), &since, &why) == 0)
			rc = db_run(db, "INSERT OR REPLACE INTO trouble VALUES (?, ?, ?)", "tii", db_text(&q, 0),
				    since.us - UNSYNCED_US, died_before);
		json_decref(known);
		if (rc < 0)
			break;
	}
	db_done(&q);
	return rc;
}

static int on_start(struct indexer *ix, const json_t *record, int64_t at)
{
	struct catalog *c = ix->catalog;
	char boot[BOOT_ID_MAX + 8];
	int rc = seal_key_learn(ix, text(record, "key"));

	if (rc == 0)
		rc = catalog_state(c, "witness_boot", boot, sizeof boot);
	if (rc == 0 && strcmp(boot, text(record, "boot")) != 0) {
		rc = catalog_set_state_int(c, "witness_up", 0);
		if (rc == 0)
			rc = catalog_set_state(c, "witness_boot", text(record, "boot"));
	}
	if (rc < 0 || json_is_true(json_object_get(record, "rotated")))
		return rc;
	struct reading clock = read_clock(ix, record);
	bool known = recorder_is(ix, "state"), stopped = recorder_is(ix, STOPPED);
	int64_t last = settled_at(ix);
	rc = watch_start(ix, &clock);
	if (rc == 0 && known && !stopped)
		rc = tell_stopped(ix, last, false);
	if (rc == 0 && !stopped)
		rc = keep_troubles(ix, at);
	if (rc == 0)
		rc = account_restart(&ix->acc, (struct wall){at});
	if (rc == 0)
		rc = recorder_state(ix, UP, at);
	if (rc == 0)
		rc = catalog_set_state_int(c, "recovering", 1);
	return rc < 0 ? rc : ledger_append(c, ix->acc.now, "recorder.started", NULL,
					   json_pack("{so}", "at", wall_json(at)), NULL);
}

static int on_stop(struct indexer *ix, int64_t at)
{
	int rc = recorder_state(ix, STOPPED, at);

	return rc < 0 ? rc : tell_stopped(ix, at, true);
}

/* Holes of the life that ends are judged while they are its own. */
static int on_clock(struct indexer *ix, const json_t *record, int64_t at)
{
	int64_t step = json_integer_value(json_object_get(record, "step_us"));
	int64_t up = json_integer_value(json_object_get(record, "up"));
	int rc = 0;

	if (step == 0)
		return 0;
	if (!is_recovering(ix) && (step < 0 || is_reliving(ix)))
		rc = account_settle(&ix->acc, (struct wall){settled_at(ix)});
	if (rc == 0)
		rc = step < 0 ? account_clock_back(&ix->acc, (struct wall){at})
			      : account_clock_forward(&ix->acc, (struct wall){at}, step);
	if (rc == 0)
		rc = catalog_set_state_int(ix->catalog, "clock_offset", at - up);
	return rc < 0 ? rc : tell_step(ix, step, at);
}

/* Of a root, as the recorder last told it: {state, since, error}, or NULL: it told nothing. */
static int storage_state(struct indexer *ix, const char *root, json_t **out)
{
	char key[INDEXER_PATH_MAX + 16], json[600];

	snprintf(key, sizeof key, "storage:%s", root);
	int rc = catalog_state(ix->catalog, key, json, sizeof json);
	*out = rc < 0 ? NULL : json_loads(json, 0, NULL);
	return rc;
}

static int set_storage_state(struct indexer *ix, const char *root, json_t *state)
{
	char key[INDEXER_PATH_MAX + 16], *json = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);

	snprintf(key, sizeof key, "storage:%s", root);
	int rc = json ? catalog_set_state(ix->catalog, key, json) : -ENOMEM;
	free(json);
	json_decref(state);
	return rc;
}

bool root_answers(struct indexer *ix, const char *path)
{
	json_t *known;
	if (storage_state(ix, path, &known) < 0)
		return false;
	const char *state = text(known, "state");
	bool answers = strcmp(state, "stalled") != 0 && strcmp(state, "failed") != 0;

	json_decref(known);
	return answers;
}

/* A stall is no loss, so the ledger does not speak of it; a recovery is of what the ledger spoke of. */
static const char *storage_kind(const char *was, const char *state)
{
	static const struct { const char *state, *kind; } kinds[] = {
		{"full", "storage.full"}, {"failed", "storage.failed"}, {"absent", "storage.failed"}};
	bool was_bad = strcmp(was, "") != 0 && strcmp(was, "ok") != 0 && strcmp(was, "stalled") != 0;

	if (strcmp(state, "ok") == 0)
		return was_bad ? "storage.recovered" : NULL;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].state, state) == 0)
			return kinds[i].kind;
	return NULL;
}

static int on_storage(struct indexer *ix, const json_t *record, int64_t at)
{
	const char *path = text(record, "path"), *root = *path ? path : text(record, "root"); /* where it is mounted */
	const char *state = text(record, "state"), *error = text(record, "error");
	char was[16], quoted[200];
	json_t *known;
	int rc = storage_state(ix, root, &known);

	if (rc < 0)
		return rc;
	snprintf(was, sizeof was, "%s", text(known, "state"));
	json_decref(known);
	if (strcmp(was, state) == 0)
		return 0;
	log_quote(quoted, sizeof quoted, error);
	rc = set_storage_state(ix, root, json_pack("{ss so ss}", "state", state, "since", wall_json(at), "error",
						       quoted));
	ix->scan_due |= strcmp(state, "ok") == 0; /* what could not be read meanwhile */
	const char *kind = storage_kind(was, state);
	if (rc < 0 || !kind)
		return rc;
	return ledger_append(ix->catalog, ix->acc.now, kind, NULL,
			     json_pack("{ss ss ss}", "root", root, "state", state, "error", quoted), NULL);
}

int watch_record(struct indexer *ix, const char *kind, const json_t *record)
{
	int64_t at = json_integer_value(json_object_get(record, "at"));
	int64_t up = json_integer_value(json_object_get(record, "up"));
	int rc = 0;

	ix->scan_due |= strcmp(kind, "start") == 0; /* of what was sealed while the journal could not be written only files tell */
	if (strcmp(kind, "start") == 0)
		rc = on_start(ix, record, at);
	else if (strcmp(kind, "stop") == 0)
		rc = on_stop(ix, at);
	else if (strcmp(kind, "clock") == 0)
		rc = on_clock(ix, record, at);
	else if (strcmp(kind, "storage") == 0)
		rc = on_storage(ix, record, at);
	else if (recorder_is(ix, SILENT))
		rc = recorder_state(ix, UP, at);
	if (rc == 0)
		rc = trust(ix, record);
	return rc < 0 ? rc : catalog_set_state_int(ix->catalog, "witness_up", up);
}

/* --- no record at all ---------------------------------------------------------------------------- */

/* Nobody else speaks for the cameras while the recorder is away: their open gaps reach to now. */
int watch_silence(struct indexer *ix)
{
	struct wall now = clock_wall(ix->clock);
	int64_t settled = settled_at(ix);
	int rc = transaction_begin(ix);

	if (rc < 0)
		return rc;
	if (!recorder_is(ix, SILENT) && !recorder_is(ix, STOPPED)) {
		log_error("recorder", "state=silent settled_at=%" PRId64, settled);
		rc = recorder_state(ix, SILENT, settled);
	}
	if (rc == 0 && !has_to_walk(ix))
		rc = account_silent(&ix->acc, (struct wall){settled});
	if (rc == 0)
		rc = own_clock_end(ix);
	if (rc == 0)
		rc = account_live(&ix->acc, now);
	return transaction_end(ix, rc);
}
