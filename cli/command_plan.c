/* How much disk a site needs, before anything is bought: arithmetic, no server. */
#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "conf/units.h"

#include <stdio.h>
#include <string.h>

#define RULE_FLOOR_DAYS 90
#define MARGIN_DAYS 1            /* the floor's own (design §7) */
#define KEEP_BEYOND_FLOOR_DAYS 5
#define WRITING_DAYS 1           /* a day goes only when all of it is old enough */
#define OVERHEAD 1.02            /* fragments' heads, seals, the catalogue, the file system's own */
#define RESERVE_BYTES 10e9
#define S_PER_DAY 86400.0

struct plan {
	unsigned cameras, floor_days, keep_days;
	double mbit_s, disk_bytes;  /* disk_bytes 0: not asked */
	double per_camera_day, floor_bytes, keep_bytes;
};

static int refuse(const char *option, const char *zh, const char *en)
{
	show(stderr, "holdfast plan: %s: %s\n", option, lang(zh, en));
	return CLI_USAGE;
}

static int read_count(const char *text, const char *option, unsigned max, unsigned *out)
{
	if (units_count(text, out) < 0 || *out == 0 || *out > max)
		return refuse(option, "请写一个正整数", "write a whole number above zero");
	return CLI_YES;
}

/* "4TB": as disks are sold, 10^12; or "3TiB" as in the configuration. */
static int read_disk(const char *text, double *bytes)
{
	static const struct { const char *unit; double factor; } sold[] = {{"GB", 1e9}, {"TB", 1e12}};
	uint64_t exact;
	double number;
	char unit[8] = "";

	if (units_bytes(text, &exact) == 0) {
		*bytes = (double)exact;
		return CLI_YES;
	}
	if (sscanf(text, "%lf%7s", &number, unit) == 2 && number > 0 && number < 1e6)
		for (size_t i = 0; i < sizeof sold / sizeof *sold; i++)
			if (strcmp(sold[i].unit, unit) == 0) {
				*bytes = number * sold[i].factor;
				return CLI_YES;
			}
	return refuse("--disk", "请写容量和单位，例如 8TB 或 500GiB", "write a size with its unit, such as 8TB or 500GiB");
}

static int read_rate(const char *text, double *mbit_s)
{
	char rest;

	if (sscanf(text, "%lf%c", mbit_s, &rest) != 1 || !(*mbit_s > 0) || *mbit_s > 1000)
		return refuse("--mbit", "请写每台摄像机的码率（Mbit/s），例如 2 或 4.5",
			      "write the bit rate of one camera in Mbit/s, such as 2 or 4.5");
	return CLI_YES;
}

static int read_plan(const struct options *o, struct plan *p)
{
	*p = (struct plan){.floor_days = RULE_FLOOR_DAYS, .keep_days = RULE_FLOOR_DAYS + KEEP_BEYOND_FLOOR_DAYS};
	if (!o->cameras || !o->mbit) {
		show(stderr, "holdfast plan --cameras N --mbit RATE [--days KEEP] [--disk 8TB] [--json]\n");
		return CLI_USAGE;
	}
	int rc = read_count(o->cameras, "--cameras", 10000, &p->cameras);
	if (rc == CLI_YES)
		rc = read_rate(o->mbit, &p->mbit_s);
	if (rc == CLI_YES && o->days)
		rc = read_count(o->days, "--days", 3650, &p->keep_days);
	if (rc == CLI_YES && p->keep_days < p->floor_days + MARGIN_DAYS)
		rc = refuse("--days", "少于规定的 90 天加 1 天，请写 91 或更多", "below the rule's 90 days and one: write 91 or more");
	if (rc == CLI_YES && o->disk)
		rc = read_disk(o->disk, &p->disk_bytes);
	return rc;
}

static void work_out(struct plan *p)
{
	p->per_camera_day = p->mbit_s * 1e6 / 8 * S_PER_DAY * OVERHEAD;
	double day = p->per_camera_day * p->cameras;
	p->floor_bytes = day * (p->floor_days + MARGIN_DAYS + WRITING_DAYS) + RESERVE_BYTES;
	p->keep_bytes = day * (p->keep_days + WRITING_DAYS) + RESERVE_BYTES;
}

/* Days of footage that the disk holds, and cameras of this rate that it would serve to the floor. */
static double days_that_fit(const struct plan *p)
{
	double room = p->disk_bytes - RESERVE_BYTES;

	return room > 0 ? room / (p->per_camera_day * p->cameras) : 0;
}

static unsigned cameras_that_fit(const struct plan *p)
{
	double room = p->disk_bytes - RESERVE_BYTES;

	return room > 0 ? (unsigned)(room / (p->per_camera_day * (p->floor_days + MARGIN_DAYS + WRITING_DAYS))) : 0;
}

static void print(const struct plan *p)
{
	show(stdout, lang("%u 台摄像机，每台 %.2f Mbit/s：每天 %.1f GB（每台 %.1f GB）\n",
			  "%u cameras of %.2f Mbit/s: %.1f GB a day (%.1f GB each)\n"),
	     p->cameras, p->mbit_s, p->per_camera_day * p->cameras / 1e9, p->per_camera_day / 1e9);
	show(stdout, lang("规定的 %u 天至少需要  %.2f TB\n", "the rule's %u days need at least   %.2f TB\n"), p->floor_days,
	     p->floor_bytes / 1e12);
	show(stdout, lang("保存 %u 天需要          %.2f TB（建议）\n", "to keep %u days, have               %.2f TB (advised)\n"),
	     p->keep_days, p->keep_bytes / 1e12);
	if (p->disk_bytes == 0)
		return;
	show(stdout, lang("%.2f TB 可存 %.0f 天，或 %u 台这样的摄像机存满规定天数：%s\n",
			  "%.2f TB hold %.0f days, or %u such cameras for the rule's days: %s\n"),
	     p->disk_bytes / 1e12, days_that_fit(p), cameras_that_fit(p),
	     p->disk_bytes >= p->keep_bytes    ? lang("足够", "enough")
	     : p->disk_bytes >= p->floor_bytes ? lang("够规定天数，不够保存天数", "enough for the rule, not for what you keep")
						       : lang("不够", "not enough"));
}

static void print_json(const struct plan *p)
{
	json_t *o = json_pack("{s:i, s:f, s:i, s:i, s:I, s:I, s:I}", "cameras", (int)p->cameras, "mbit_s", p->mbit_s,
			      "floor_days", (int)p->floor_days, "keep_days", (int)p->keep_days, "bytes_per_camera_day",
			      (json_int_t)p->per_camera_day, "floor_bytes", (json_int_t)p->floor_bytes, "keep_bytes",
			      (json_int_t)p->keep_bytes);

	if (p->disk_bytes > 0)
		json_object_update_new(o, json_pack("{s:I, s:f, s:i, s:b, s:b}", "disk_bytes", (json_int_t)p->disk_bytes,
			"days_that_fit", days_that_fit(p), "cameras_that_fit", (int)cameras_that_fit(p), "fits_floor",
			p->disk_bytes >= p->floor_bytes, "fits_keep", p->disk_bytes >= p->keep_bytes));
	text_json(o);
	json_decref(o);
}

int command_plan(const struct options *o)
{
	struct plan p;
	int rc = read_plan(o, &p);

	if (rc != CLI_YES)
		return rc;
	work_out(&p);
	if (o->json)
		print_json(&p);
	else
		print(&p);
	return p.disk_bytes > 0 && p.disk_bytes < p.floor_bytes ? CLI_NO : CLI_YES;
}
