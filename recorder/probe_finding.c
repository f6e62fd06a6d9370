#include "recorder/probe_finding.h"

#include "base/lang.h"
#include "recorder/media_fault.h"
#include "recorder/run.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_INTERVAL_MAX_S 2.1   /* two seconds, and what a frame rate that is not round adds */
#define KEY_VARIES 1.5           /* times: no camera with a fixed interval varies so */
#define SMART_KEY_S 4.1          /* beyond what cameras have as their default */
#define GAP_AFTER_S 2.0          /* recording.gap_after, unless it is set */
#define JITTER_MAX_S 0.1
#define FPS_LIES 1.2             /* times */
#define DAYS 90
#define S_PER_DAY 86400.0

struct list { struct probe_finding *out; unsigned count; };

__attribute__((format(printf, 5, 6)))
static void add(struct list *l, enum probe_level level, const char *id, const char *remedy, const char *fmt, ...)
{
	if (l->count == PROBE_FINDINGS_MAX)
		return;
	struct probe_finding *f = &l->out[l->count++];
	va_list ap;

	*f = (struct probe_finding){.level = level, .id = id, .remedy = remedy};
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

/* --- the way to it --------------------------------------------------------------------------- */

static bool find_reachable(const struct probe_result *r, struct list *l)
{
	if (!r->facts.connected && r->cause != CAUSE_CAMERA_UNREACHABLE) { /* its address, or its certificate */
		add(l, PROBE_BAD, r->tls ? "tls" : "address", NULL, "%s", r->detail);
		return false;
	}
	if (!r->facts.connected) {
		add(l, PROBE_BAD, "reachable", lang("请检查地址、端口、网线和电源，并在摄像机中开启 RTSP",
			"check address, port, cable and power, and enable RTSP in the camera"), "%s", r->detail);
		return false;
	}
	add(l, PROBE_GOOD, "reachable", NULL, "%s", lang("摄像机可以连接", "the camera can be reached"));
	if (r->facts.spoke_rtsp)
		return true;
	add(l, PROBE_BAD, "rtsp", lang("请核对端口（RTSP 通常是 554）并在摄像机中开启 RTSP",
				       "check the port (RTSP is usually 554), and enable RTSP in the camera"),
	    "%s", r->detail);
	return false;
}

static void find_redirect(const struct probe_result *r, struct list *l)
{
	if (r->facts.redirects)
		add(l, PROBE_NOTE, "redirect", lang("请直接使用该地址", "use that address itself"), "%s: %s",
		    lang("摄像机转到了", "the camera redirects to"), r->facts.url);
}

static const char *scheme_name(enum rtsp_auth_scheme s)
{
	switch (s) {
	case RTSP_AUTH_BASIC:         return "Basic";
	case RTSP_AUTH_DIGEST_MD5:    return "Digest MD5";
	case RTSP_AUTH_DIGEST_SHA256: return "Digest SHA-256";
	case RTSP_AUTH_DIGEST_SHA512_256: return "Digest SHA-512-256";
	case RTSP_AUTH_NONE:          break;
	}
	return "?";
}

static const char *without_answer(const struct rtsp_facts *f)
{
	if (!f->plain_refused)
		return NULL;
	return lang("要照样试一次，请加上 --plain-password", "to try it all the same, give --plain-password");
}

static bool find_login(const struct probe_result *r, struct list *l)
{
	const struct rtsp_facts *f = &r->facts;
	const char *scheme = scheme_name(f->auth);

	if (f->status == 401 && f->auth == RTSP_AUTH_NONE)
		add(l, PROBE_BAD, "login", r->has_login ? without_answer(f) : lang("请加上 --username，并从标准输入给出密码",
			"give --username, and the password on standard input"), "%s", r->detail);
	else if (f->status == 401)
		add(l, PROBE_BAD, "login", lang("请核对；多次输错后摄像机会锁定账户，请稍候再试",
			"check them; after several wrong tries a camera locks the account, so wait before the next"),
		    "%s (%s)", lang("用户名或密码不对", "the user name or password is wrong"), scheme);
	else if (f->auth == RTSP_AUTH_NONE)
		add(l, PROBE_NOTE, "login", lang("请在摄像机中设置密码并关闭匿名访问",
			"set a password in the camera and turn anonymous access off"), "%s",
		    lang("不需要密码：网络上任何人都能观看", "no password is wanted: anybody on the network can watch"));
	else if (f->auth == RTSP_AUTH_BASIC && !r->tls)
		add(l, PROBE_WARN, "login", lang("请在摄像机中把 RTSP 认证改为 Digest", "set RTSP authentication to Digest in the camera"),
		    "%s", lang("密码正确，但以 Basic 明文传送，网络上的人可以读到",
			       "the password is right, but Basic sends it readable for anybody on the network"));
	else
		add(l, PROBE_GOOD, "login", NULL, "%s (%s)", lang("密码正确", "the password is right"), scheme);
	return f->status != 401;
}

/* --- what is offered ---------------------------------------------------------------------------- */

static const char *advice_for(const char *codec)
{
	static const char *const refused[] = {"JPEG", "MP4V-ES", "AV1", "VP8", "VP9", "H263", "H263-1998", "MPV", "H261"};

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (strcasecmp(codec, refused[i]) == 0)
			return lang("请在摄像机的视频设置中把该码流的编码改为 H.264 或 H.265",
				    "in the camera's video settings, set this stream's encoding to H.264 or H.265");
	return lang("请在摄像机中把编码改为 H.264 或 H.265，并关闭码流加密",
		    "set H.264 or H.265 in the camera, and turn stream encryption off");
}

static void find_tracks(const struct probe_result *r, struct list *l)
{
	const struct offer_track *video = offer_find(&r->offer, "video");
	char text[PROBE_TEXT_MAX / 2] = "";
	size_t n = 0;

	for (unsigned i = 0; i < r->offer.count && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s%s", i ? ", " : "", r->offer.tracks[i].kind,
				      r->offer.tracks[i].codec, &r->offer.tracks[i] == video && r->codec ?
				      lang("（采用）", " (taken)") : "");
	if (r->offer.count)
		add(l, PROBE_NOTE, "tracks", NULL, "%s: %s", lang("摄像机提供", "the camera offers"), text);
}

static void find_audio(const struct probe_result *r, struct list *l)
{
	const struct offer_track *audio = offer_find(&r->offer, "audio");

	if (audio)
		add(l, PROBE_NOTE, "audio", NULL, lang("有声音（%s），默认不录（recording.audio）",
			"it sends sound (%s), which is not recorded by default (recording.audio)"), audio->codec);
}

static bool find_codec(const struct probe_result *r, struct list *l)
{
	const struct offer_track *video = offer_find(&r->offer, "video");

	if (r->codec) {
		add(l, PROBE_GOOD, "codec", NULL, "%s %s", lang("编码", "codec"), r->codec);
		return true;
	}
	if (video)
		add(l, PROBE_BAD, "codec", advice_for(video->codec), "%s: %s%s", lang("这种视频不能录制", "this video cannot be recorded"),
		    video->codec, video->encrypted ? lang("（加密）", " (encrypted)") : "");
	else
		add(l, PROBE_BAD, "stream", NULL, "%s", r->detail);
	return false;
}

/* --- what was watched ------------------------------------------------------------------------------ */

static void find_picture(const struct probe_result *r, struct list *l)
{
	if (r->keys == 0)
		return;
	if (r->width)
		add(l, PROBE_GOOD, "picture_size", NULL, "%s %u × %u", lang("画面", "picture"), r->width, r->height);
	else
		add(l, PROBE_WARN, "picture_size", lang("请在摄像机中恢复视频设置", "reset the camera's video settings"), "%s",
		    lang("画面尺寸无法得知", "the size of the picture cannot be told"));
}

static void find_rate(const struct probe_result *r, struct list *l)
{
	const struct offer_track *video = offer_find(&r->offer, "video");
	double told = video ? video->fps : 0;

	if (told > 0 && r->fps > 0 && (told / r->fps > FPS_LIES || r->fps / told > FPS_LIES))
		add(l, PROBE_NOTE, "frame_rate", lang("不影响录像；如需更高帧率，请检查曝光（夜间慢快门）和帧率设置",
			"recording does not depend on it; for more, check exposure (slow shutter at night) and frame rate"),
		    lang("实测 %.1f 帧/秒，摄像机自称 %.4g", "%.1f frames per second, while the camera announces %.4g"), r->fps, told);
	else
		add(l, PROBE_GOOD, "frame_rate", NULL, lang("%.1f 帧/秒", "%.1f frames per second"), r->fps);
	if (r->fps > 0 && 1 / r->fps > GAP_AFTER_S)
		add(l, PROBE_WARN, "slow", lang("请提高帧率；确需如此时，把 recording.gap_after 设得比它长",
			"raise the frame rate; where it is meant so, set recording.gap_after longer than that"),
		    lang("每 %.1f 秒才有一个画面：超过 recording.gap_after（默认 2 秒），每个画面之后都会记为缺口",
			 "a picture only every %.1f s: that is beyond recording.gap_after (2 s by default), and a gap after each"), 1 / r->fps);
	add(l, PROBE_GOOD, "bitrate", NULL, lang("%.0f kbit/s，%d 天约 %.0f GB", "%.0f kbit/s: in %d days about %.0f GB"),
	    r->bits_per_s / 1000, DAYS, r->bits_per_s / 8 * S_PER_DAY * DAYS / 1e9);
}

static bool is_smart(const struct probe_result *r)
{
	bool varies = r->own_key_min_s > 0 && r->own_key_max_s > KEY_VARIES * r->own_key_min_s;

	return r->key_interval_s > SMART_KEY_S || (varies && r->key_interval_s > KEY_INTERVAL_MAX_S);
}

static void find_keys(const struct probe_result *r, struct list *l)
{
	const char *set_it = lang("请在摄像机中把关键帧（I 帧）间隔设为 2 秒以内",
				  "set a key frame (I frame) every 2 s or less in the camera");
	if (r->keys == 0) {
		add(l, PROBE_WARN, "key_frames", media_fault_remedy(MEDIA_NO_KEY), lang("%.0f 秒内没有关键帧：从第一个关键帧开始才能录像",
			"no key frame in %.0f s: it is recorded only from the first one on"), r->key_interval_s);
		return;
	}
	const char *longer = r->key_interval_open ? lang("以上", " or more") : "";

	if (r->key_interval_s <= KEY_INTERVAL_MAX_S)
		add(l, PROBE_GOOD, "key_frames", NULL, lang("每 %.1f 秒一个关键帧", "a key frame every %.1f s"), r->key_interval_s);
	else
		add(l, PROBE_WARN, "key_frames", set_it, lang("关键帧间隔 %.1f 秒%s：停电或断线时丢失这么多",
			"key frames %.1f s%s apart: so much is lost when power or network fails"), r->key_interval_s, longer);
	if (is_smart(r))
		add(l, PROBE_WARN, "smart_codec", lang("请关闭智能编码（H.264+、H.265+、Smart Codec）",
			"turn smart coding off (H.264+, H.265+, Smart Codec)"), "%s",
		    lang("关键帧间隔过长或不固定，疑似开启了智能编码", "key frames are so rare or uneven that smart coding seems to be on"));
}

static void find_order(const struct probe_result *r, struct list *l)
{
	if (r->reordered)
		add(l, PROBE_NOTE, "b_frames", lang("可以录制；要减少延迟可在摄像机中选 Baseline 或关闭 B 帧",
			"it is recorded; for less delay choose Baseline, or no B-frames, in the camera"), "%s",
		    lang("有 B 帧（画面次序重排）", "it sends B-frames (pictures out of order)"));
}

static void find_network(const struct probe_result *r, struct list *l)
{
	const char *check = lang("请检查网线、交换机和无线信号，或降低码率", "check cable, switch and wireless signal, or lower the bitrate");

	if (r->facts.torn)
		add(l, PROBE_WARN, "torn", check, lang("摄像机 %u 次只发来半个数据包（它的发送缓冲区已满）",
			"the camera sent half a packet %u times (its send buffer was full)"), r->facts.torn);
	if (r->lost_packets || r->damaged)
		add(l, PROBE_WARN, "loss", check, lang("丢失 %llu 个数据包，%u/%u 个画面受损", "%llu packets lost, %u of %u pictures damaged"),
		    (unsigned long long)r->lost_packets, r->damaged, r->frames);
	else
		add(l, PROBE_GOOD, "loss", NULL, "%s", lang("没有丢包", "no packet was lost"));
	if (r->jitter_s > JITTER_MAX_S)
		add(l, PROBE_WARN, "jitter", check, lang("抖动 %.0f 毫秒", "jitter of %.0f ms"), r->jitter_s * 1000);
	else
		add(l, PROBE_GOOD, "jitter", NULL, lang("抖动 %.0f 毫秒", "jitter of %.0f ms"), r->jitter_s * 1000);
}

static void find_sets(const struct probe_result *r, struct list *l)
{
	if (r->sets_in_sdp)
		add(l, PROBE_GOOD, "parameter_sets", NULL, "%s", r->sets_inband ?
		    lang("参数集在 SDP 和码流中都有", "parameter sets are in the SDP and in the stream") :
		    lang("参数集在 SDP 中", "parameter sets are in the SDP"));
	else if (r->sets_inband)
		add(l, PROBE_NOTE, "parameter_sets", NULL, "%s",
		    lang("参数集只在码流中：可以录制，从第一个关键帧开始", "parameter sets are only in the stream: it is recorded from the first key frame on"));
	else if (r->keys)
		add(l, PROBE_WARN, "parameter_sets", lang("请在摄像机中恢复视频设置或升级固件", "reset the camera's video settings, or update its firmware"),
		    "%s", lang("没有收到参数集，画面无法解码", "no parameter sets came, so the pictures cannot be decoded"));
}

static void find_clock(const struct probe_result *r, struct list *l)
{
	double s = (double)r->clock_error_us / 1e6;

	if (!r->clock_known)
		add(l, PROBE_NOTE, "clock", NULL, "%s", lang("摄像机没有报告时间（RTCP）", "the camera did not report its time (RTCP)"));
	else if (llabs(r->clock_error_us) > CAMERA_CLOCK_ERROR_MAX_US)
		add(l, PROBE_WARN, "clock", lang("请在摄像机中设置 NTP 校时和时区（录像时间以本机为准，不受影响）",
			"set NTP and the time zone in the camera (recorded times are this box's, and not affected)"),
		    lang("摄像机时钟误差 %+.1f 秒", "the camera's clock is off by %+.1f s"), s);
	else
		add(l, PROBE_GOOD, "clock", NULL, lang("摄像机时钟误差 %+.1f 秒", "the camera's clock is off by %+.1f s"), s);
}

static void find_times(const struct probe_result *r, struct list *l)
{
	if (r->sane_times)
		add(l, PROBE_GOOD, "timestamps", NULL, "%s", lang("时间戳正常", "timestamps make sense"));
	else
		add(l, PROBE_WARN, "timestamps", lang("请升级固件；录像改用到达时间", "update the firmware; recordings use the time of arrival instead"),
		    lang("时间戳不可信（跳变 %u 次）", "timestamps cannot be believed (%u jumps)"), r->jumps);
}

static void find_session(const struct probe_result *r, struct list *l)
{
	add(l, PROBE_NOTE, "session", NULL, lang("会话 %u 秒超时，用 %s 保持", "the session times out after %u s, and is kept by %s"),
	    r->facts.timeout_s, r->facts.keep_alive);
}

/* --- the whole ---------------------------------------------------------------------------------------- */

static void find_all(const struct probe_result *r, struct list *l)
{
	if (!find_reachable(r, l))
		return;
	find_redirect(r, l);
	if (!find_login(r, l))
		return;
	if (!r->recordable && !r->offer.count) { /* it refused before it described anything */
		add(l, PROBE_BAD, "stream", NULL, "%s", r->detail);
		return;
	}
	find_tracks(r, l);
	if (!find_codec(r, l))
		return;
	find_audio(r, l);
	if (!r->recordable)
		add(l, PROBE_BAD, "stream", NULL, "%s", r->detail);
	if (!r->recordable && r->keys == 0)
		return;
	find_picture(r, l);
	find_rate(r, l);
	find_keys(r, l);
	find_order(r, l);
	find_network(r, l);
	find_sets(r, l);
	find_times(r, l);
	find_clock(r, l);
	find_session(r, l);
}

unsigned probe_findings(const struct probe_result *r, struct probe_finding out[PROBE_FINDINGS_MAX])
{
	struct list l = {out, 0};

	find_all(r, &l);
	return l.count;
}

const char *probe_level_name(enum probe_level level)
{
	static const char *const names[] = {"good", "note", "warning", "bad"};

	return names[level];
}
