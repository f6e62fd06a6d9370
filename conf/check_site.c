/* site, rule, retention, recording */
#include "conf/check.h"

#include "base/buf.h"
#include "conf/report.h"
#include "conf/rule.h"
#include "conf/text.h"
#include "conf/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define ZONE_MAX 64
#define LANGUAGE_DEFAULT "zh-CN"
#define SEGMENT_DEFAULT "5min"
#define GAP_AFTER_DEFAULT "2s"
#define BUFFER_DEFAULT_MIB 64u
#define BUFFER_DEFAULT_MIB_A_CAMERA 2u /* 8 s of 2 Mbit/s; and at a common silence each hands over a fragment at once */
#define BUFFER_LEAST_MIB 8u /* of each root: a few fragments of the largest cameras */
#define BUFFER_MOST_GIB 16u
#define SCRUB_DEFAULT "30d"
#define KEEP_EXTRA_DAYS 5
#define KEEP_MAX_DAYS 3650

/* --- site -------------------------------------------------------------------- */

static bool zone_name_is_plain(const char *zone)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789_+-/";
	size_t len = strlen(zone);

	return len > 0 && len <= ZONE_MAX && zone[0] != '/' && strspn(zone, allowed) == len;
}

/* zoneinfo also holds tables; a zone begins with "TZif" (RFC 8536). */
static bool zone_exists(const char *zone)
{
	char path[sizeof ZONE_FOLDER + ZONE_MAX], magic[4] = {0};

	if (!zone_name_is_plain(zone))
		return false;
	snprintf(path, sizeof path, ZONE_FOLDER "%s", zone);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, magic, sizeof magic);
	close(fd);
	return n == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

void check_site(const struct check *k)
{
	const struct raw_site *raw = &k->raw->site;
	struct conf_site *site = &k->conf->site;
	const char *language = raw->language ? raw->language : LANGUAGE_DEFAULT;

	check_id(k, "site", raw->id, SITE_ID_MAX_CHARS);
	check_name(k, "site", raw->name);
	if (!zone_exists(raw->timezone))
		check_error(k, "site", "timezone", "没有“%s”这个时区：请写 " ZONE_FOLDER
		            " 下的名称，例如 Asia/Shanghai", "there is no time zone \"%s\": write a name "
		            "under " ZONE_FOLDER ", such as Asia/Shanghai",
		            text_quote(raw->timezone).text);
	if (strcmp(language, "zh-CN") != 0 && strcmp(language, "en") != 0)
		check_error(k, "site", "language", "不支持语言“%s”：请写 zh-CN 或 en",
		            "no language \"%s\": write zh-CN or en", text_quote(language).text);
	site->id = xstrdup(raw->id);
	site->name = xstrdup(raw->name);
	site->timezone = xstrdup(raw->timezone);
	site->language = xstrdup(language);
}

/* --- rule -------------------------------------------------------------------- */

void check_rule(const struct check *k)
{
	const char *ids[RULE_PACKS_MAX];
	struct conf_report inner = {0};
	int rc = rule_load(k->raw->rule, &k->conf->rule, &inner);

	if (rc == -ENOENT) {
		size_t count = rule_ids(ids);
		const char *near = text_nearest(k->raw->rule, ids, count);
		check_error(k, "", "rule", "没有规则包“%s”：请写 %s 等内置规则包的编号",
		            "there is no rule pack \"%s\": write the id of a built-in one, such as %s",
		            text_quote(k->raw->rule).text, near ? near : ids[0]);
	} else if (rc < 0) {
		check_error(k, "", "rule", "内置规则包损坏（%s：%.200s）：请重新安装程序",
		            "the built-in rule pack is broken (%s: %.200s): install the program "
		            "again",
		            inner.problems[0].key, inner.problems[0].text);
	}
	conf_report_finish(&inner);
}

/* --- durations --------------------------------------------------------------- */

struct bounds { const char *least, *most; };

static int64_t check_duration(const struct check *k, const char *section, const char *key, const char *text,
                              struct bounds b)
{
	int64_t us = 0, least, most;
	int rc = units_duration(text, &us);

	if (units_duration(b.least, &least) < 0 || units_duration(b.most, &most) < 0)
		return 0;
	if (rc < 0 || us < least || us > most)
		check_error(k, section, key,
		            "“%s”不可用：请写 %s 到 %s 之间的时长，带单位 ms、s、min、h 或 d",
		            "\"%s\" cannot be used: write a time from %s to %s, with its unit ms, s, "
		            "min, h or d", text_quote(text).text, b.least, b.most);
	return us;
}

/* --- retention --------------------------------------------------------------- */

void check_retention(const struct check *k)
{
	const struct conf_rule *rule = &k->conf->rule;
	const char *text = k->raw->retention.keep_days, *scrub = k->raw->retention.scrub;
	unsigned days = rule->floor_days + KEEP_EXTRA_DAYS;
	unsigned least = rule->floor_days + RULE_MARGIN_DAYS;

	if (text && (units_count(text, &days) < 0 || days > KEEP_MAX_DAYS))
		check_error(k, "retention", "keep_days", "“%s”不是天数：请写不超过 %d 的整数，例如 95",
		            "\"%s\" is no number of days: write a whole number up to %d, such as 95",
		            text_quote(text).text, KEEP_MAX_DAYS);
	else if (rule->id && days < least)
		check_error(k, "retention", "keep_days",
		            "%u 天太短：%s%s（%s）要求保存 %u 日以上，另加 %d 天余量；请写 %u 或更大",
		            "%u days are too few: %s %s (%s) demands %u days, and %d more is the "
		            "margin; "
		            "write %u or more", days, rule->title, rule->article, rule->id,
		            rule->floor_days, RULE_MARGIN_DAYS, least);
	k->conf->keep_days = days;
	k->conf->scrub_us = check_duration(k, "retention", "scrub", scrub ? scrub : SCRUB_DEFAULT,
	                                   (struct bounds){"10s", "30d"});
}

/* --- recording --------------------------------------------------------------- */

static uint64_t buffer_default_bytes(unsigned cameras, unsigned roots)
{
	unsigned mib = BUFFER_DEFAULT_MIB;

	if (mib < BUFFER_DEFAULT_MIB_A_CAMERA * cameras)
		mib = BUFFER_DEFAULT_MIB_A_CAMERA * cameras;
	if (mib < BUFFER_LEAST_MIB * roots)
		mib = BUFFER_LEAST_MIB * roots;
	return (uint64_t)mib << 20;
}

/* The whole recorder's; each root has the same share. */
static uint64_t check_buffer(const struct check *k, const char *text)
{
	unsigned roots = k->raw->storage_count ? k->raw->storage_count : 1;
	uint64_t bytes = 0;

	if (!text)
		return buffer_default_bytes(k->raw->cameras_count, roots);
	if (units_bytes(text, &bytes) < 0 || bytes < ((uint64_t)BUFFER_LEAST_MIB << 20) * roots ||
	    bytes > (uint64_t)BUFFER_MOST_GIB << 30)
		check_error(k, "recording", "buffer",
		            "“%s”不可用：%u 个存储各需至少 %uMiB，请写 %uMiB 到 %uGiB 之间的大小，带单位 MiB 或 GiB",
		            "\"%s\" cannot be used: each of %u disks needs at least %uMiB; write a size from "
		            "%uMiB to %uGiB, with its unit MiB or GiB", text_quote(text).text, roots,
		            BUFFER_LEAST_MIB, BUFFER_LEAST_MIB * roots, BUFFER_MOST_GIB);
	return bytes;
}

void check_recording(const struct check *k)
{
	const struct raw_recording *raw = &k->raw->recording;

	k->conf->segment_us =
		check_duration(k, "recording", "segment", raw->segment ? raw->segment : SEGMENT_DEFAULT,
	                       (struct bounds){"2s", "5min"});
	k->conf->gap_after_us =
		check_duration(k, "recording", "gap_after", raw->gap_after ? raw->gap_after : GAP_AFTER_DEFAULT,
	                       (struct bounds){"1s", "10s"});
	k->conf->audio = check_switch(k, "recording", "audio", raw->audio);
	k->conf->buffer_bytes = check_buffer(k, raw->buffer);
}
