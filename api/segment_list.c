/* GET /segments: the published files of a camera, with the digests of their seals. */
#include "call.h"
#include "media/seal.h"
#include "page_of.h"
#include "router.h"

#include <errno.h>

static int on_segment(void *arg, const struct catalog_segment *s)
{
	json_t *o = json_pack("{s:I, s:s, s:o, s:o, s:I, s:I}", "id", (json_int_t)s->id, "camera", s->camera,
			      "start", json_time(s->start), "end", json_time(s->end), "bytes", (json_int_t)s->bytes,
			      "frames", (json_int_t)s->frames);

	json_object_set_new(o, "sequence", json_integer((json_int_t)s->sequence));
	json_object_set_new(o, "codec", json_string(s->codec));
	json_object_set_new(o, "width", json_integer(s->width));
	json_object_set_new(o, "height", json_integer(s->height));
	json_object_set_new(o, "run", json_string(s->run));
	json_object_set_new(o, "recovered", json_boolean(s->flags & SEAL_RECOVERED));
	json_object_set_new(o, "clock_untrusted", json_boolean(s->flags & SEAL_CLOCK_UNTRUSTED));
	json_object_set_new(o, "superseded", json_boolean(s->superseded));
	json_object_set_new(o, "lies", json_string(s->stored ? "store" : "disk"));
	json_object_set_new(o, "seal", json_hex(s->seal_digest, SHA256_BYTES));
	return page_of_add(arg, s->start.us, o);
}

int segment_list(struct call *c)
{
	const char *camera = query_get(&c->query, "camera");
	struct page_of page = {0};
	struct wall_range r;
	struct catalog *cat;

	if (!camera)
		return problem_set(&c->problem, 400, "camera", "camera", "缺少参数 {}", "parameter {} is missing");
	if (query_range(&c->query, "from", "to", &r, &c->problem) < 0 || !(cat = call_catalog(c)) ||
	    page_of_begin(&page, c) < 0)
		return -1;
	struct wall after = {page.after};
	int rc = catalog_segments(cat, camera, r.start, r.end, page.after >= 0 ? &after : NULL, page.limit + 1, on_segment,
				  &page);
	if (rc < 0) {
		json_decref(page.list);
		return call_broken(c, rc);
	}
	call_json(c, 200, page_of_end(&page, "segments"));
	return 0;
}
