#include "base/lang.h"
#include "base/show.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

static const char *root_state(const char *state)
{
	static const struct { const char *state, *zh; } words[] = {
		{"ok", "正常"},   {"stalled", "无响应"}, {"full", "已满"},
		{"failed", "故障"}, {"absent", "未挂载"},  {"unknown", "未知"}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].state, state) == 0)
			return lang(words[i].zh, state);
	return state;
}

static void print_site(const json_t *site)
{
	json_t *root;
	size_t i;

	show(stdout, "%s (%s)  %s\n", text_of(site, "name"), text_of(site, "id"),
	     text_of(json_object_get(site, "rule"), "title"));
	json_array_foreach(json_object_get(site, "roots"), i, root)
		show(stdout, "  %-30s %-10s %s %.1f GiB  %s\n", text_of(root, "path"), root_state(text_of(root, "state")),
		     lang("可用", "free"),
		     json_number_value(json_object_get(root, "free_bytes")) / (double)(1 << 30), text_of(root, "error"));
}

static void print_keys(const json_t *keys)
{
	show(stdout, "  %s %s\n  %s %s\n", lang("封印公钥指纹", "seal key"), text_of(keys, "seal_fingerprint"),
	     lang("机构公钥指纹", "site key"), text_of(keys, "site_fingerprint"));
}

static void print_forecast(const json_t *forecast)
{
	if (json_is_true(json_object_get(forecast, "at_risk")))
		show(stdout, lang("  硬盘将在 %s 写满，规定天数的录像还差 %.0f GB，请增加硬盘\n",
				  "  the disks are full on %s: the rule's days lack %.0f GB; add a disk\n"),
		     text_of(forecast, "full_on"), json_number_value(json_object_get(forecast, "missing_bytes")) / 1e9);
	else if (json_is_object(forecast))
		show(stdout, lang("  每天约 %.1f GB，规定天数%s\n", "  about %.1f GB a day; the rule's days %s\n"),
		     json_number_value(json_object_get(forecast, "bytes_per_day")) / 1e9,
		     json_is_true(json_object_get(forecast, "fits_floor")) ? lang("放得下", "fit") : lang("放不下", "do not fit"));
	if (json_array_size(json_object_get(forecast, "economy")) > 0)
		show(stdout, lang("  硬盘太小，%zu 台摄像机改录较小的码流，请增加硬盘\n",
				  "  the disks are too small: %zu cameras record less detail than they could; add a disk\n"),
		     json_array_size(json_object_get(forecast, "economy")));
}

/* More fell due at once than may go in a day. */
static void print_paused(const json_t *paused)
{
	if (json_is_object(paused))
		show(stdout, lang("  删除已限速：%zu 台摄像机待删除的录像超过每天两天的限额（自 %s 起）；确认无误后可由两人解除 (POST /retention/release)\n",
				  "  deletion waits: more fell due of %zu cameras than the two days of footage that may go in a day (since %s); two persons can "
				  "lift it (POST /retention/release)\n"),
		     json_array_size(json_object_get(paused, "cameras")), text_time(paused, "since"));
}

static void print_shares(const json_t *shares)
{
	const json_t *share;
	size_t i;

	json_array_foreach(shares, i, share)
		show(stdout, lang("  摄像机 %s 码率过高（%.0f Mbit/s）%s，请检查它的设置\n", "  camera %s sends far too much (%.0f Mbit/s)%s: look at its settings\n"),
		       text_of(share, "id"), json_number_value(json_object_get(share, "bitrate_bps")) / 1e6,
		       strcmp(text_of(share, "verdict"), "refused") == 0 ? lang("，会写满硬盘，暂停录制", " and would fill the disks: it is not recorded for a while")
		       : strcmp(text_of(share, "verdict"), "sub") == 0	 ? lang("，改录较小的码流", ", and its smaller stream is recorded")
									 : "");
}

static void print_offload(const json_t *o)
{
	const char *problem = json_string_value(json_object_get(o, "problem"));

	if (!json_is_object(o))
		return;
	show(stdout, "  %s %s  %s %lld", lang("异地副本", "copies elsewhere"), text_of(o, "place"), lang("待复制", "waiting"),
	     (long long)json_integer_value(json_object_get(o, "waiting")));
	if (json_integer_value(json_object_get(o, "stored")) > 0)
		show(stdout, lang("  只在对象存储中 %lld 段，%.1f GB", "  %lld segments only there, %.1f GB"),
		     (long long)json_integer_value(json_object_get(o, "stored")),
		     json_number_value(json_object_get(o, "stored_bytes")) / 1e9);
	if (problem)
		show(stdout, "  %s: %s %s", lang("故障", "trouble"), problem, text_of(o, "detail"));
	putchar('\n');
}

static void print_camera(const json_t *c)
{
	const json_t *clock_error = json_object_get(c, "clock_error_ms");

	show(stdout, "  %-20s %-12s %-30s %5.1f fps %6.2f Mbit/s  %s %s", text_of(c, "id"), text_of(c, "state"),
	     text_time(c, "since"), json_number_value(json_object_get(c, "fps")),
	     json_number_value(json_object_get(c, "bitrate_bps")) / 1e6, lang("最早", "oldest"), text_time(c, "oldest"));
	if (strcmp(text_of(c, "stream"), "sub") == 0)
		show(stdout, "  %s", lang("录小码流", "smaller stream"));
	if (clock_error)
		show(stdout, lang("  摄像机时钟误差 %+.1f 秒", "  the camera's clock is off by %+.1f s"), json_number_value(clock_error) / 1e3);
	putchar('\n');
}

int command_status(const struct options *o)
{
	json_t *site = NULL, *cameras = NULL, *retention = NULL, *c;
	size_t i;
	int rc = client_call(o, "GET", "/site", NULL, NULL, &site);

	if (rc == CLI_YES)
		rc = client_list(o, "/cameras", NULL, "cameras", &cameras);
	if (rc == CLI_YES)
		rc = client_call(o, "GET", "/retention", NULL, NULL, &retention);
	if (rc == CLI_YES && o->json) {
		json_t *both = json_pack("{s:O, s:O, s:O?}", "site", site, "cameras", cameras, "forecast",
					 json_object_get(retention, "forecast"));
		text_json(both);
		json_decref(both);
	}
	if (rc == CLI_YES && !o->json) {
		print_site(site);
		print_keys(json_object_get(site, "keys"));
		print_offload(json_object_get(site, "offload"));
		print_forecast(json_object_get(retention, "forecast"));
		print_paused(json_object_get(retention, "paused"));
		print_shares(json_object_get(retention, "shares"));
		json_array_foreach(cameras, i, c)
			print_camera(c);
	}
	json_decref(site);
	json_decref(cameras);
	json_decref(retention);
	return rc;
}
