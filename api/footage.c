/* GET and HEAD /cameras/{id}/footage.mp4: a range of time as one fragmented MP4 (design §10).
 *
 * On the loop the catalogue is asked and the plan made; in a worker the files are looked into, then checked and sent,
 * a turn at a time per connection, so that neither a slow disk nor a slow client stops anybody else. */
#include "base/log.h"
#include "call.h"
#include "footage_send.h"
#include "range.h"
#include "remote_job.h"
#include "router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_MAX_US US_PER_DAY
#define AHEAD_US (10 * US_PER_S) /* a client's clock may be so much ahead of ours */
#define GAPS_TOLD 16

#define PREPARE_WAIT_MS 5000 /* for the object store, while others read from it: then 503 */
#define BODY_WAIT_MS 20000   /* then the connection is cut */

/*  PREPARING ──▶ answer begun, idle ◀──▶ sending a turn;   abandoned: the client left */
struct footage {
	struct http_source base;     /* first: a source leads to its footage */
	struct remote_job job;
	struct api *api;
	struct call *call;           /* while the plan is being made; then NULL */
	struct http_exchange *x;     /* while a turn is waited for */
	struct footage_plan plan;
	struct footage_reader reader;
	int64_t segment;             /* asked for by its id; 0: whatever counts */
	json_t *holes;               /* tiles without footage: [{start,end,state,cause?}] */
	struct footage_send send;
	uint64_t told;               /* what the connection knows to be sent: up to here */
};

static struct footage *of_job(struct remote_job *j)
{
	return (struct footage *)((char *)j - offsetof(struct footage, job));
}

static void footage_free(struct footage *f)
{
	footage_reader_finish(&f->reader);
	footage_plan_finish(&f->plan);
	json_decref(f->holes);
	if (f->send.to >= 0)
		close(f->send.to);
	free(f);
}

static void on_abandoned(struct remote_job *j) { footage_free(of_job(j)); }

/* --- the object store ---------------------------------------------------------------- */

static bool store_failed(const struct footage *f) { return f->job.rc == -EREMOTEIO || f->job.rc == -EBUSY; }

static const char *store_trouble(const struct footage *f)
{
	return f->job.rc == -EREMOTEIO ? f->reader.remote.trouble : f->job.rc == -EBUSY ? "busy" : "-";
}

static int store_problem(struct footage *f, struct call *c)
{
	char *place = conf_offload_place(&f->api->deps.conf->offload);

	problem_add(&c->problem, "store", json_pack("{s:s, s:s}", "place", place, "trouble", store_trouble(f)));
	problem_remedy(&c->problem, "稍后重试；holdfast status 显示对象存储的状况", "try again later; holdfast status tells how the store stands");
	int rc = problem_set(&c->problem, 503, NULL, place, "这段录像须从对象存储 {} 读取，目前读不到",
			     "this footage has to come from the object store {}, which does not give it now");
	free(place);
	return rc;
}

/* --- the body --------------------------------------------------------------------- */

static int do_send(struct remote_job *j)
{
	return footage_send_turn(&of_job(j)->send);
}

/* The keeper looks at that file next, and once it has marked what does not hold, the rest is served. Not when the store
 * failed: its file need not be here. */
static void tell_keeper(struct footage *f)
{
	const struct api_deps *deps = &f->api->deps;

	if (store_failed(f))
		return;
	json_t *msg = json_pack("{s:s, s:s, s:I}", "type", "suspect", "camera", f->plan.camera, "at",
				(json_int_t)f->plan.parts[f->reader.looked_at].start.us);

	deps->send(deps->owner, msg);
	json_decref(msg);
}

static void give_up(struct footage *f)
{
	int rc = f->job.rc;

	if (rc == -EBADMSG)
		f->api->footage_damaged++;
	tell_keeper(f);
	log_error("footage", "camera=%s at=%llu error=%d store=%s text=\"%s; connection cut\"", f->plan.camera,
		  (unsigned long long)f->send.at, rc, store_trouble(f),
		  rc == -EBADMSG ? "damaged fragment is not served" : "cannot be read");
	http_abort(f->x);
}

/* What came from the store since the last time. */
static void count_store(struct footage *f)
{
	f->api->footage_store_bytes += f->reader.remote.came_bytes;
	f->reader.remote.came_bytes = 0;
}

static void after_send(struct remote_job *j)
{
	struct footage *f = of_job(j);
	uint64_t sent = f->send.at - f->told;

	count_store(f);
	f->told = f->send.at;
	f->api->footage_bytes += sent;
	if (f->send.gone)
		http_abort(f->x);
	else if (j->rc < 0)
		give_up(f);
	else
		http_sent(f->x, sent, f->send.full); /* may free f: last line */
}

static void footage_pull(struct http_source *s, struct http_exchange *x)
{
	struct footage *f = (struct footage *)s;

	f->x = x;
	if (f->send.to < 0)
		f->send.to = http_socket(x);
	if (f->send.to < 0)
		http_abort(x);
	else
		remote_job_start(&f->job, do_send, after_send, BODY_WAIT_MS);
}

static void footage_destroy(struct http_source *s)
{
	remote_job_abandon(&((struct footage *)s)->job);
}

/* --- the head ------------------------------------------------------------------------- */

/* "3, START/END cause, …": how many stretches of the asked range have no footage, and the first few. */
static void put_gaps(struct buf *lines, const json_t *holes)
{
	struct buf text = {0};
	const json_t *hole;
	size_t i;

	buf_printf(&text, "%zu", json_array_size(holes));
	json_array_foreach(holes, i, hole) {
		const char *cause = json_string_value(json_object_get(hole, "cause"));
		if (i == GAPS_TOLD)
			break;
		buf_printf(&text, ", %s/%s %s", json_string_value(json_object_get(hole, "start")),
			   json_string_value(json_object_get(hole, "end")),
			   cause ? cause : json_string_value(json_object_get(hole, "state")));
	}
	buf_add(&text, "", 1);
	http_header_add(lines, "Holdfast-Gaps", "%s", (const char *)text.data);
	buf_finish(&text);
}

static void put_range(struct buf *lines, const char *name, struct wall_range r)
{
	char start[WALL_TEXT_MAX], end[WALL_TEXT_MAX];

	http_header_add(lines, name, "%s/%s", wall_format(r.start, start), wall_format(r.end, end));
}

static void put_heads(struct footage *f, struct buf *lines)
{
	char name[WALL_TEXT_MAX];

	http_header_add(lines, "ETag", "%s", f->plan.etag);
	http_header_add(lines, "Accept-Ranges", "bytes");
	http_header_add(lines, "Content-Disposition", "inline; filename=\"%s-%s.mp4\"", f->plan.camera,
			wall_format_name(f->plan.given.start, name));
	put_range(lines, "Holdfast-Asked", f->plan.asked);
	put_range(lines, "Holdfast-Given", f->plan.given);
	put_gaps(lines, f->holes);
	if (f->plan.superseded)
		http_header_add(lines, "Holdfast-Superseded", "true");
}

/* Every viewing leaves a line: who, which camera, which time. */
static void log_viewing(const struct call *c, const struct footage *f)
{
	char who[TOKEN_NAME_MAX + 1], start[WALL_TEXT_MAX], end[WALL_TEXT_MAX];

	log_info("footage", "who=\"%s\" camera=%s start=%s end=%s bytes=%llu", log_quote(who, sizeof who, c->who.name),
		 f->plan.camera, wall_format(f->plan.given.start, start), wall_format(f->plan.given.end, end),
		 (unsigned long long)f->plan.bytes);
}

static void answer(struct footage *f, struct call *c)
{
	struct buf lines = {0};
	uint64_t first, last, total = f->plan.bytes;
	enum range_answer how = range_decide(&c->x->request, f->plan.etag, total, &first, &last);

	put_heads(f, &lines);
	if (c->cookie[0])
		http_header_add(&lines, "Set-Cookie", "%s", c->cookie);
	switch (how) {
	case RANGE_NOT_MODIFIED:
		call_bytes(c, 304, NULL, &lines, NULL, 0);
		footage_free(f);
		break;
	case RANGE_NONE:
		buf_clear(&lines);
		http_header_add(&lines, "Content-Range", "bytes */%llu", (unsigned long long)total);
		call_bytes(c, 416, NULL, &lines, NULL, 0);
		footage_free(f);
		break;
	default:
		if (how == RANGE_PART)
			http_header_add(&lines, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)first,
					(unsigned long long)last, (unsigned long long)total);
		log_viewing(c, f);
		f->base = (struct http_source){footage_pull, footage_destroy};
		f->told = f->send.at = first;
		f->send.end = last + 1;
		call_stream(c, how == RANGE_PART ? 206 : 200, "video/mp4", &lines, last + 1 - first, &f->base);
	}
	buf_finish(&lines);
}

/* --- the plan ----------------------------------------------------------------------------- */

static int do_prepare(struct remote_job *j)
{
	return footage_reader_prepare(&of_job(j)->reader);
}

static void tell_trouble(struct footage *f)
{
	log_error("footage", "camera=%s error=%d store=%s text=\"cannot be prepared\"", f->plan.camera, f->job.rc, store_trouble(f));
	f->api->footage_damaged += f->job.rc == -EBADMSG;
	tell_keeper(f);
}

static int several(struct call *c, struct footage *f)
{
	problem_add(&c->problem, "ranges", footage_plan_pieces(&f->plan));
	problem_remedy(&c->problem, "按 ranges 中的时段分别取回", "ask for each of `ranges` by itself");
	return problem_set(&c->problem, 409, NULL, NULL, "该时段内画面尺寸或编码方式有变化，不能合成一个文件",
			   "the picture's size or coding changes within that time; it cannot be one file");
}

static void after_prepare(struct remote_job *j)
{
	struct footage *f = of_job(j);
	struct call *c = f->call;

	f->call = NULL;
	c->cancel = NULL;
	if (j->rc == 0) {
		answer(f, c);
		return;
	}
	if (j->rc != -EXDEV)
		tell_trouble(f);
	if (j->rc == -EXDEV)
		several(c, f);
	else if (store_failed(f))
		store_problem(f, c);
	else if (j->rc == -ENOENT)
		problem_set(&c->problem, 503, NULL, NULL, "录像文件正在移动，请重试", "the footage is being moved; try again");
	else
		problem_set(&c->problem, 500, NULL, NULL, "录像文件损坏或无法读取", "the footage is damaged or cannot be read");
	footage_free(f);
	call_problem(c);
}

static void on_cancel(struct call *c)
{
	struct footage *f = c->later;

	remote_job_abandon(&f->job);
}

static void prepare(struct footage *f, struct call *c)
{
	f->call = c;
	c->later = f;
	c->cancel = on_cancel;
	remote_job_start(&f->job, do_prepare, after_prepare, PREPARE_WAIT_MS);
}

static int on_tile(void *arg, const struct tile *t)
{
	json_t *o;

	if (t->state == TILE_RECORDED)
		return 0;
	o = json_pack("{s:o, s:o, s:s}", "start", json_time(t->start), "end", json_time(t->end),
		      "state", tile_state_name(t->state));
	if (t->state == TILE_GAP && t->cause)
		json_object_set_new(o, "cause", json_string(t->cause));
	return json_array_append_new(arg, o);
}

static int nothing(struct call *c, struct footage *f, struct catalog *cat)
{
	struct wall before, after;
	bool has_before = false, has_after = false;
	int rc = catalog_nearest(cat, f->plan.camera, f->plan.asked.start, &has_before, &before, &has_after, &after);

	if (rc < 0)
		return call_broken(c, rc);
	problem_add(&c->problem, "gaps", json_incref(f->holes));
	problem_add(&c->problem, "nearest", json_pack("{s:o, s:o}", "before", json_time_or_null(has_before, before),
						      "after", json_time_or_null(has_after, after)));
	return problem_set(&c->problem, 404, NULL, NULL, "该时段没有录像", "there is no footage of that time");
}

static int camera_seen(void *arg, const struct catalog_camera *row)
{
	(void)row;
	*(bool *)arg = true;
	return 0;
}

/* One file by itself, also if its time was lived again: the answer says so. */
static int on_file(void *arg, const struct catalog_segment *row)
{
	struct footage_plan *p = arg;

	p->superseded = row->superseded;
	return footage_plan_add(p, row);
}

static int find_footage(struct footage *f, struct catalog *cat)
{
	struct footage_plan *p = &f->plan;
	int rc = f->segment ? catalog_footage_of(cat, p->camera, f->segment, on_file, p)
			    : catalog_footage(cat, p->camera, p->asked.start, p->asked.end, footage_plan_add, p);

	footage_plan_arrange(p);
	return f->segment && rc == -ENOENT ? 0 : rc;
}

static int ask_catalog(struct call *c, struct footage *f, struct catalog *cat)
{
	struct wall_range r = f->plan.asked;
	bool known = false;
	int rc = catalog_cameras(cat, c->id, camera_seen, &known);

	if (rc == -ENOENT || (rc == 0 && !known))
		return call_absent(c, "没有摄像机 {}", "there is no camera {}");
	if (rc == 0)
		rc = catalog_tiles(cat, c->id, r.start, r.end, on_tile, f->holes);
	if (rc == 0)
		rc = find_footage(f, cat);
	if (rc < 0)
		return call_broken(c, rc);
	return f->plan.count == 0 ? nothing(c, f, cat) : 0;
}

static int check_range(struct call *c, struct wall_range *r, int64_t *segment)
{
	int64_t now = clock_wall(c->api->deps.clock).us;

	if (query_int(&c->query, "segment", 1, INT64_MAX, 0, segment, &c->problem) < 0)
		return -1;
	if (query_range(&c->query, "start", "end", r, &c->problem) < 0)
		return -1;
	if (r->end.us - r->start.us > ASK_MAX_US)
		return problem_set(&c->problem, 400, "end", NULL, "一次最多取回 24 小时", "at most 24 hours at once");
	if (*segment)
		return 0; /* made by a clock that was ahead, perhaps */
	if (r->start.us >= now || r->end.us > now + AHEAD_US)
		return problem_set(&c->problem, 400, r->start.us >= now ? "start" : "end", NULL, "该时间尚未到来",
				   "that time is in the future");
	return 0;
}

int footage_get(struct call *c)
{
	struct wall_range r;
	struct catalog *cat;
	int64_t segment;

	if (check_range(c, &r, &segment) < 0 || !(cat = call_catalog(c)))
		return -1;
	struct footage *f = xcalloc(1, sizeof *f);
	f->api = c->api;
	f->job = (struct remote_job){.loop = f->api->deps.loop, .gate = &f->api->remote, .file = &f->reader.remote,
				     .gone = on_abandoned};
	f->send = (struct footage_send){.reader = &f->reader, .to = -1};
	f->holes = json_array();
	footage_reader_init(&f->reader, &f->plan, f->api->deps.fs, f->api->deps.conf, &f->api->lines);
	f->plan.asked = r;
	f->segment = segment;
	snprintf(f->plan.camera, sizeof f->plan.camera, "%s", c->id);
	int rc = catalog_begin_read(cat);
	rc = rc < 0 ? call_broken(c, rc) : call_end_read(c, cat, ask_catalog(c, f, cat));
	if (rc < 0)
		footage_free(f);
	else
		prepare(f, c);
	return rc;
}
