#include "cli/discover.h"

#include "base/clock.h"
#include "base/lang.h"
#include "base/show.h"
#include "recorder/run.h"

#include <stdlib.h>
#include <strings.h>

#define KEY_INTERVAL_MAX_S 2.1 /* two seconds, and what a frame rate that is not round adds */

/* --- judging --------------------------------------------------------------------------------- */

static const char *uri_problem(enum onvif_uri_fault fault)
{
	switch (fault) {
	case ONVIF_URI_FINE:     return NULL;
	case ONVIF_URI_NONE:     return lang("摄像机没有给出码流地址，请在摄像机中开启 RTSP",
					     "the camera names no address for it: enable RTSP in the camera");
	case ONVIF_URI_BAD:      return lang("码流地址无效，请查阅摄像机说明书中的 RTSP 地址",
					     "the address that the camera names is not valid: look up its RTSP address");
	case ONVIF_URI_SCHEME:   return lang("码流地址不是 rtsp:// 或 rtsps://，拒绝使用；请查阅摄像机说明书中的 RTSP 地址",
					     "the address is neither rtsp:// nor rtsps://, and is refused: look up its RTSP address");
	case ONVIF_URI_FOREIGN:  return lang("码流地址指向另一台主机，不予采用；确认无误后请自行填写",
					     "the address leads to another host, and is not taken: write it yourself if it is right");
	case ONVIF_URI_PASSWORD: return lang("码流地址中含有密码，不予显示；请查阅摄像机说明书中不含密码的地址",
					     "the password stands in the address, which is not shown: look up one without");
	}
	return NULL;
}

const char *discover_profile_problem(const struct onvif_profile *p)
{
	if (p->uri_fault != ONVIF_URI_FINE)
		return uri_problem(p->uri_fault);
	if (!onvif_profile_is_recordable(p))
		return lang("该编码不能录制，请在摄像机中改为 H.264 或 H.265",
			    "this codec is not recorded: set H.264 or H.265 in the camera");
	if (p->fps > 0 && p->key_frames / p->fps > KEY_INTERVAL_MAX_S)
		return lang("关键帧间隔超过 2 秒，请在摄像机中改为 2 秒以内",
			    "key frames are more than 2 s apart: set 2 s or less in the camera");
	return NULL;
}

const char *discover_clock_problem(const struct onvif_device *d)
{
	if (!d->clock_known || llabs(d->clock_error_us) <= CAMERA_CLOCK_ERROR_MAX_US)
		return NULL;
	if (d->clock_ntp)
		return lang("摄像机称已用 NTP 校时，时间却不对：请检查其 NTP 服务器和时区",
			    "the camera says that it uses NTP, yet it is wrong: check its NTP server and time zone");
	return lang("请在摄像机中设置 NTP 校时（录像时间以本机为准，不受影响）",
		    "set NTP in the camera (recorded times are this box's, and not affected)");
}

bool discover_is_fine(const struct onvif_device *d)
{
	bool fine = d->trouble == ONVIF_FINE && !discover_clock_problem(d), any = false;

	for (unsigned i = 0; i < d->profile_count; i++)
		if (onvif_device_is_best(d, i)) {
			any = true;
			fine &= !discover_profile_problem(&d->profiles[i]);
		}
	return fine && any;
}

/* --- comments ---------------------------------------------------------------------------------- */

static void print_word(const char *label, const char *text, FILE *to)
{
	if (text[0])
		show(to, "#   %s: %s\n", label, text);
}

static void print_identity(const struct onvif_device *d, FILE *to)
{
	show(to, "# %s\n", d->address);
	print_word(lang("名称", "name"), d->name.text, to);
	print_word(lang("位置", "location"), d->location.text, to);
	print_word(lang("硬件", "hardware"), d->hardware.text, to);
	print_word(lang("厂商", "maker"), d->maker.text, to);
	print_word(lang("型号", "model"), d->model.text, to);
	print_word(lang("固件", "firmware"), d->firmware.text, to);
}

static void print_clock(const struct onvif_device *d, FILE *to)
{
	const char *problem = discover_clock_problem(d);

	if (d->clock_known)
		show(to, "#   %s: %+.1f s (%s)\n", lang("时钟比本机", "clock against ours"),
		     (double)d->clock_error_us / 1e6, d->clock_ntp ? "NTP" : lang("手动", "set by hand"));
	if (problem)
		show(to, "#   ! %s\n", problem);
}

static void print_profile(const struct onvif_profile *p, FILE *to)
{
	const char *problem = discover_profile_problem(p);

	show(to, "#   %s: %s", p->name.text[0] ? p->name.text : "-", p->encoding.text);
	if (p->width)
		show(to, " %u × %u", p->width, p->height);
	if (p->fps > 0)
		show(to, ", %.4g fps", p->fps);
	if (p->kbit_per_s)
		show(to, ", %u kbit/s", p->kbit_per_s);
	if (p->key_frames && p->fps > 0)
		show(to, ", %s %.1f s", lang("关键帧间隔", "key frame every"), p->key_frames / p->fps);
	show(to, "\n#     %s\n", p->uri[0] ? p->uri : "-");
	if (problem)
		show(to, "#     ! %s\n", problem);
}

void discover_print(const struct onvif_device *d, FILE *to)
{
	print_identity(d, to);
	print_clock(d, to);
	if (d->trouble != ONVIF_FINE)
		show(to, "#   ! %s\n", d->detail);
	for (unsigned i = 0; i < d->profile_count; i++)
		print_profile(&d->profiles[i], to);
}

/* --- JSON ------------------------------------------------------------------------------------------ */

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *count_or_null(unsigned v)
{
	return v ? json_integer(v) : json_null();
}

static json_t *profile_json(const struct onvif_device *d, unsigned i)
{
	const struct onvif_profile *p = &d->profiles[i];

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "token", p->token, "name",
			 text_or_null(p->name.text), "encoding", text_or_null(p->encoding.text), "width",
			 count_or_null(p->width), "height", count_or_null(p->height), "fps", p->fps > 0 ? json_real(p->fps) : json_null(),
			 "kbit_per_s", count_or_null(p->kbit_per_s), "key_frames", count_or_null(p->key_frames), "url",
			 text_or_null(p->uri), "chosen", onvif_device_is_best(d, i), "problem",
			 text_or_null(discover_profile_problem(p)));
}

static json_t *device_json(const struct onvif_device *d)
{
	static const char *const troubles[] = {
		[ONVIF_FINE] = "", [ONVIF_NO_ANSWER] = "no_answer", [ONVIF_NO_ONVIF] = "no_onvif",
		[ONVIF_REFUSED] = "refused", [ONVIF_FAULT] = "fault", [ONVIF_NO_PROFILES] = "no_profiles",
	};
	static const char *const ways[] = {"", "ws-security", "http-digest"};
	json_t *profiles = json_array();

	for (unsigned i = 0; i < d->profile_count; i++)
		json_array_append_new(profiles, profile_json(d, i));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "address", d->address, "name",
			 text_or_null(d->name.text), "hardware", text_or_null(d->hardware.text), "location",
			 text_or_null(d->location.text), "maker", text_or_null(d->maker.text), "model",
			 text_or_null(d->model.text), "firmware", text_or_null(d->firmware.text), "clock_error_s",
			 d->clock_known ? json_real((double)d->clock_error_us / 1e6) : json_null(), "clock_problem",
			 text_or_null(discover_clock_problem(d)), "auth", text_or_null(ways[d->auth]), "trouble",
			 text_or_null(troubles[d->trouble]), "detail", text_or_null(d->detail), "profiles", profiles);
}

json_t *discover_json(const struct onvif_device *all, unsigned count)
{
	json_t *devices = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(devices, device_json(&all[i]));
	return json_pack("{s:o}", "devices", devices);
}
