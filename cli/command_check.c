#include "base/clock.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "conf/conf.h"
#include "recorder/plain_password.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOK_BACK_US (10 * 60 * US_PER_S)
#define STALLS_TOLD 3 /* in that time */

/* --- what a running server has seen of its cameras ------------------------------------------- */

static bool is_running(const struct conf *conf)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(to.sun_path, sizeof to.sun_path, "%s/api.sock", conf->state);
	bool answers = fd >= 0 && n < (int)sizeof to.sun_path && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;

	if (fd >= 0)
		close(fd);
	return answers;
}

static unsigned stalls_of(const json_t *gaps, const char *camera)
{
	const json_t *gap;
	unsigned n = 0;
	size_t i;

	json_array_foreach(gaps, i, gap)
		n += strcmp(text_of(gap, "camera"), camera) == 0;
	return n;
}

/* A camera that is slower than gap_after, or that often sends nothing for so long, is not excused: it is told. */
static void tell_slow_cameras(const struct options *o, const struct conf *conf)
{
	struct options asked = *o;
	char from[WALL_TEXT_MAX], to[WALL_TEXT_MAX];
	struct wall now = clock_wall(clock_real());
	json_t *gaps = NULL;

	asked.state = conf->state;
	json_t *query = json_pack("{s:s, s:s, s:s}", "from", wall_format((struct wall){now.us - LOOK_BACK_US}, from), "to",
				  wall_format(now, to), "cause", "stream_stalled");
	int rc = client_list(&asked, "/gaps", query, "gaps", &gaps);
	for (unsigned i = 0; rc == CLI_YES && i < conf->camera_count; i++) {
		unsigned stalls = stalls_of(gaps, conf->cameras[i].id);
		if (stalls >= STALLS_TOLD)
			show(stdout, lang("注意：摄像机 %s 在 10 分钟内有 %u 次超过 recording.gap_after（%.0f 秒）没有画面：请用 holdfast probe 检查，提高帧率，或把 gap_after 设得更长\n",
					  "note: %s sent no picture for longer than recording.gap_after %u times in ten minutes (%.0f s): look at it with holdfast probe, raise its frame rate, or set a longer gap_after\n"),
			     conf->cameras[i].id, stalls, (double)conf->gap_after_us / US_PER_S);
	}
	json_decref(gaps);
	json_decref(query);
}

static void tell_plain_passwords(const struct conf *conf)
{
	json_t *granted = plain_password_granted(fs_real(), conf), *id;
	size_t i;

	json_array_foreach(granted, i, id)
		show(stdout, lang("注意：摄像机 %s 从 0.1 版沿用，可以用明文（Basic）向它出示密码，网络上的人可以读到：请在摄像机中选 Digest 或改用 rtsps://，或写 plain_password: true\n",
				  "note: %s was taken over from version 0.1 and may be shown its password in plain text (Basic), which anybody on the network can read: choose Digest in the camera or rtsps://, or set plain_password: true\n"),
		     json_string_value(id));
	json_decref(granted);
}

int command_check(const struct options *o)
{
	struct conf_report report = {0};
	struct conf *conf;
	int rc = conf_load(o->word_count ? o->words[0] : o->conf, &conf, &report);

	conf_report_print(&report, o->word_count ? o->words[0] : o->conf, stderr);
	conf_report_finish(&report);
	if (rc < 0)
		return CLI_NO;
	lang_set(conf->site.language);
	show(stdout, lang("配置正确：%s，%u 台摄像机，%u 个区域，录像保存 %u 天（规定至少 %u 天：%s）\n",
			  "valid: %s, %u cameras, %u areas, kept %u days (at least %u by %s)\n"),
	     conf->site.name, conf->camera_count, conf->area_count, conf->keep_days, conf->rule.floor_days,
	     conf->rule.title);
	tell_plain_passwords(conf);
	if (is_running(conf))
		tell_slow_cameras(o, conf);
	conf_destroy(conf);
	return CLI_YES;
}
