#include "probe.h"

#include "base/lang.h"

#include <math.h>

#define KEY_INTERVAL_MAX_S 2.1  /* two seconds, and what a frame rate that is not round adds */
#define CLOCK_ERROR_MAX_S 2.0

static void print_stream(const struct probe_result *r, FILE *to)
{
	fprintf(to, "%s: %s", lang("编码", "codec"), r->codec ? r->codec : "?");
	if (r->width)
		fprintf(to, ", %u × %u", r->width, r->height);
	fprintf(to, "\n%s: %.1f fps\n%s: %.0f kbit/s\n", lang("帧率", "frame rate"), r->fps,
		lang("码率", "bitrate"), r->bits_per_s / 1000);
	if (r->key_interval_s > 0)
		fprintf(to, "%s: %.1f s\n", lang("关键帧间隔", "key frame every"), r->key_interval_s);
	if (r->audio_codec)
		fprintf(to, "%s: %s, %u Hz (%s)\n", lang("声音", "sound"), r->audio_codec, r->audio_rate,
			lang("只在 recording.audio: true 时录制", "recorded only with recording.audio: true"));
	if (r->clock_known)
		fprintf(to, "%s: %+.3f s\n", lang("摄像机时钟误差", "camera clock error"),
			(double)r->clock_error_us / 1e6);
	else
		fprintf(to, "%s\n", lang("摄像机没有报告时间", "the camera does not report its time"));
}

static void print_advice(const struct probe_result *r, FILE *to)
{
	if (r->key_interval_s > KEY_INTERVAL_MAX_S)
		fprintf(to, "! %s\n", lang("请在摄像机中把关键帧间隔设为 2 秒以内",
					   "set a key frame every 2 s or less in the camera"));
	if (r->key_interval_s <= 0)
		fprintf(to, "! %s\n", lang("时间内只有一个关键帧:请把关键帧间隔设为 2 秒以内,并关闭 H.264+ 或智能编码",
			"only one key frame came: set a key frame every 2 s, and no H.264+ or smart coding"));
	if (r->clock_known && fabs((double)r->clock_error_us) > CLOCK_ERROR_MAX_S * 1e6)
		fprintf(to, "! %s\n", lang("请给摄像机设置校时服务器(录像时间不受影响)",
			"give the camera a time server (recorded times are not affected)"));
	if (r->damaged)
		fprintf(to, "! %s: %u / %u\n", lang("有丢包的画面,请检查网络",
			"pictures with lost packets, check the network"), r->damaged, r->frames);
}

void probe_print(const struct probe_result *r, FILE *to)
{
	if (!r->recordable) {
		fprintf(to, "%s: %s\n  %s\n", lang("不能录制", "cannot be recorded"), gap_cause_text(r->cause),
			r->detail);
		return;
	}
	fprintf(to, "%s\n", lang("可以录制", "can be recorded"));
	print_stream(r, to);
	print_advice(r, to);
}

static json_t *number_or_null(double v, bool known)
{
	return known ? json_real(v) : json_null();
}

json_t *probe_json(const struct probe_result *r)
{
	json_t *o = json_pack("{s:b, s:s?, s:i, s:i}", "recordable", r->recordable, "codec", r->codec,
			      "frames", (int)r->frames, "damaged_frames", (int)r->damaged);

	if (!r->recordable) {
		json_object_set_new(o, "cause", json_string(gap_cause_name(r->cause)));
		json_object_set_new(o, "detail", json_string(r->detail));
		return o;
	}
	json_object_set_new(o, "width", r->width ? json_integer(r->width) : json_null());
	json_object_set_new(o, "height", r->height ? json_integer(r->height) : json_null());
	json_object_set_new(o, "fps", number_or_null(r->fps, r->fps > 0));
	json_object_set_new(o, "bits_per_s", number_or_null(r->bits_per_s, r->bits_per_s > 0));
	json_object_set_new(o, "key_interval_s", number_or_null(r->key_interval_s, r->key_interval_s > 0));
	json_object_set_new(o, "audio_codec", r->audio_codec ? json_string(r->audio_codec) : json_null());
	json_object_set_new(o, "audio_rate", number_or_null(r->audio_rate, r->audio_codec != NULL));
	json_object_set_new(o, "clock_error_s", number_or_null((double)r->clock_error_us / 1e6, r->clock_known));
	return o;
}
