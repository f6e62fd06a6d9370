/* Whatever statement fails while somebody asks: the answer is the true one or none, and never 0 or "nothing" for what could not be
 * read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_bed.h"
#include "statement_fault.h"

static const char *const routes[] = {
	"/api/v1/site", "/api/v1/areas", "/api/v1/cameras", "/api/v1/cameras/playroom-east",
	"/api/v1/coverage?from=2026-11-24T00:00:00.123457Z&to=2026-11-24T00:00:25.123457Z", "/api/v1/gaps", "/api/v1/gaps/1",
	"/api/v1/retention", "/api/v1/disks", "/api/v1/holds", "/api/v1/ledger", "/api/v1/ledger/head", "/api/v1/tokens",
	"/api/v1/segments?camera=playroom-east&from=2026-11-24T00:00:00.123457Z&to=2026-11-24T00:00:25.123457Z",
	"/api/v1/cameras/playroom-east/footage.mp4?start=2026-11-24T00:00:00.123457Z&end=2026-11-24T00:00:01.123457Z",
};

static struct bed bed;

static void open_bed(void)
{
	bed_open(&bed);
	bed_sql(&bed, "INSERT INTO gap (camera, start, cause) VALUES ('playroom-east', 1795478410123457, 'stream_stalled')");
	bed_sql(&bed, "INSERT INTO hold (camera, start, end, reason, placed_by, placed_at) VALUES ('playroom-east', 1795478400123457, "
		      "1795478405123457, 'police', 'x', 1795478406123457)");
	bed_sql(&bed, "INSERT INTO span VALUES ('playroom-east', 1795478400123457, 1795478410123457, 'recorded')");
	assert_int_equal(catalog_set_state_int(bed.writer, "settled_at", INT64_C(1795478420123457)), 0);
	assert_int_equal(catalog_set_state(bed.writer, "keep", "{\"days\":95,\"asked_days\":0,\"asked_at\":0,\"asked_witnessed_us\":0}"), 0);
	assert_int_equal(catalog_set_state(bed.writer, "storage:/x", "{\"state\":\"ok\"}"), 0);
	assert_int_equal(catalog_begin(bed.writer), 0);
	assert_int_equal(ledger_append(bed.writer, (struct wall){BED_NOW_US}, "clock.trusted", NULL, json_object(), NULL), 0);
	assert_int_equal(catalog_commit(bed.writer), 0);
}

static int ask(const char *path, char **body)
{
	struct client c;
	int status = bed_ask(&bed, &c, "GET", path, bed.admin, NULL, NULL);

	*body = xstrdup(client_body(&c));
	client_finish(&c);
	return status;
}

static void sweep(const char *path, void (*judge)(const char *path, int status, const char *body, int was, const char *truth))
{
	struct fault fault = {0};
	char *truth, *body;
	unsigned runs = 0;
	int was = ask(path, &truth);

	FAULT_EACH(&fault) {
		statement_fault_use(&fault);
		int status = ask(path, &body);
		statement_fault_use(NULL);
		judge(path, status, body, was, truth);
		free(body);
		runs++;
	}
	assert_true(runs > 1);
	free(truth);
}

/* --- answers ----------------------------------------------------------------------------------- */

static void the_same_or_none(const char *path, int status, const char *body, int was, const char *truth)
{
	if (status >= 500)
		return;
	if (status != was || strcmp(body, truth) != 0)
		fail_msg("%s: %d %s\ninstead of: %d %s", path, status, body, was, truth);
}

static void an_answer_is_true_or_none(void **state)
{
	(void)state;
	open_bed();
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		sweep(routes[i], the_same_or_none);
	bed_close(&bed);
}

/* --- figures ------------------------------------------------------------------------------------- */

/* Each line of it that tells a figure of the catalogue is a line of the truth. */
static void no_figure_is_another(const char *path, int status, const char *body, int was, const char *truth)
{
	static const char *const of_catalog[] = {"holdfast_camera_", "holdfast_gaps_", "holdfast_ledger_", "holdfast_scrub_"};

	(void)path, (void)was;
	if (status != 200)
		return;
	for (const char *line = body; *line;) {
		size_t len = strcspn(line, "\n");
		char *text = xasprintf("%.*s\n", (int)len, line);
		for (size_t i = 0; i < sizeof of_catalog / sizeof *of_catalog; i++)
			if (strncmp(text, of_catalog[i], strlen(of_catalog[i])) == 0 && !strstr(truth, text))
				fail_msg("%s is not true", text);
		free(text);
		line += len + (line[len] == '\n');
	}
}

static void a_figure_is_true_or_absent(void **state)
{
	(void)state;
	open_bed();
	sweep("/metrics", no_figure_is_another);
	bed_close(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_true_or_none),
		cmocka_unit_test(a_figure_is_true_or_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
