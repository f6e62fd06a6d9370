#include "options.h"

#include "base/clock.h"
#include "base/fs.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char options_usage[] =
	"Usage: holdfast-camera --listen ADDRESS:PORT [options]\n"
	"Simulated RTSP cameras with a clock in the picture, one at /NAME each.\n"
	"\n"
	"  --listen ADDRESS:PORT   127.0.0.1:0 chooses a free port and prints it\n"
	"  --cameras A,B,C         their names (default: a)\n"
	"  --user U --password P   who may watch\n"
	"  --password-file FILE    the same, seen by nobody in the list of processes\n"
	"  --auth KIND             digest (default with --user), digest-sha256, basic, none\n"
	"  --nonce-life SECONDS    after which a nonce is stale (default 300)\n"
	"  --codec h264|h265       (default h264)\n"
	"  --size WxH              of the picture (default 320x240)\n"
	"  --fps N                 (default 10)\n"
	"  --gop SECONDS           between key frames (default 1)\n"
	"  --bitrate KBIT          per second (default 128)\n"
	"  --fill on|off           filler data up to the bit rate (default off; not with h265)\n"
	"  --sets sdp|inband       where parameter sets are; inband (default) is both\n"
	"  --audio CODEC           pcma, pcmu, aac or none (default): a beep at each full second\n"
	"  --session-timeout S     without a request (default 60)\n"
	"  --rtcp-keeps-alive on|off  whether receiver reports count as requests (default off)\n"
	"  --queue BYTES           unsent, before a client is dropped (default 262144)\n"
	"  --log FILE              the truth, one JSON line per event\n"
	"  --control PATH          Unix socket for commands (see control.h)\n"
	"  --command 'LINE'        such a command at start; may be repeated\n"
	"  --silence-every S --silence-for S --silence-camera NAME\n"
	"                          falls silent again and again\n";

enum {
	OPT_LISTEN = 1, OPT_CAMERAS, OPT_USER, OPT_PASSWORD, OPT_PASSWORD_FILE, OPT_AUTH, OPT_NONCE_LIFE, OPT_CODEC, OPT_SIZE,
	OPT_FPS, OPT_GOP, OPT_BITRATE, OPT_FILL, OPT_SETS, OPT_AUDIO, OPT_SESSION_TIMEOUT, OPT_RTCP_ALIVE, OPT_QUEUE, OPT_LOG,
	OPT_CONTROL, OPT_COMMAND, OPT_SILENCE_EVERY, OPT_SILENCE_FOR, OPT_SILENCE_CAMERA, OPT_HELP
};

static const struct option long_options[] = {
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"cameras", required_argument, NULL, OPT_CAMERAS},
	{"user", required_argument, NULL, OPT_USER},
	{"password", required_argument, NULL, OPT_PASSWORD},
	{"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
	{"auth", required_argument, NULL, OPT_AUTH},
	{"nonce-life", required_argument, NULL, OPT_NONCE_LIFE},
	{"codec", required_argument, NULL, OPT_CODEC},
	{"size", required_argument, NULL, OPT_SIZE},
	{"fps", required_argument, NULL, OPT_FPS},
	{"gop", required_argument, NULL, OPT_GOP},
	{"bitrate", required_argument, NULL, OPT_BITRATE},
	{"fill", required_argument, NULL, OPT_FILL},
	{"sets", required_argument, NULL, OPT_SETS},
	{"audio", required_argument, NULL, OPT_AUDIO},
	{"session-timeout", required_argument, NULL, OPT_SESSION_TIMEOUT},
	{"rtcp-keeps-alive", required_argument, NULL, OPT_RTCP_ALIVE},
	{"queue", required_argument, NULL, OPT_QUEUE},
	{"log", required_argument, NULL, OPT_LOG},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"command", required_argument, NULL, OPT_COMMAND},
	{"silence-every", required_argument, NULL, OPT_SILENCE_EVERY},
	{"silence-for", required_argument, NULL, OPT_SILENCE_FOR},
	{"silence-camera", required_argument, NULL, OPT_SILENCE_CAMERA},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

/* What is common to all cameras, and what must wait until every switch has been read. */
struct reading {
	struct camera_config camera;
	const char *auth;
	bool has_address;
};

/* --- values ------------------------------------------------------------------------ */

static int read_unsigned(const char *text, unsigned min, unsigned max, unsigned *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	if (*end || errno || v < min || v > max)
		return -EINVAL;
	*out = (unsigned)v;
	return 0;
}

static int read_int(const char *text, unsigned min, unsigned max, int *out)
{
	unsigned v;
	int rc = read_unsigned(text, min, max, &v);

	if (rc == 0)
		*out = (int)v;
	return rc;
}

static int read_size(const char *text, struct encoder_config *cfg)
{
	const char *cross = strchr(text, 'x');
	char width[8];

	if (!cross || (size_t)(cross - text) >= sizeof width)
		return -EINVAL;
	memcpy(width, text, (size_t)(cross - text));
	width[cross - text] = '\0';
	if (read_int(width, PICTURE_WIDTH_MIN, PICTURE_SIDE_MAX, &cfg->width) < 0 ||
	    read_int(cross + 1, PICTURE_HEIGHT_MIN, PICTURE_SIDE_MAX, &cfg->height) < 0)
		return -EINVAL;
	return cfg->width % 2 || cfg->height % 2 ? -EINVAL : 0;
}

static int read_address(const char *text, struct sockaddr_storage *out)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	int port;

	if (!colon || (size_t)(colon - text) >= sizeof host || read_int(colon + 1, 0, 65535, &port) < 0)
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	size_t len = strlen(host);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		return uv_ip6_addr(host + 1, port, (struct sockaddr_in6 *)out);
	}
	return uv_ip4_addr(host, port, (struct sockaddr_in *)out);
}

static int read_gop(const char *text, int64_t *out_us)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.05 && s <= 3600))
		return -EINVAL;
	*out_us = (int64_t)(s * 1e6);
	return 0;
}

static int read_either(const char *text, const char *yes, const char *no, bool *out)
{
	*out = strcmp(text, yes) == 0;
	return *out || strcmp(text, no) == 0 ? 0 : -EINVAL;
}

static int read_codec(const char *text, enum encoder_codec *out)
{
	bool h265;
	int rc = read_either(text, "h265", "h264", &h265);

	*out = h265 ? ENCODER_H265 : ENCODER_H264;
	return rc;
}

static int read_nonce_life(const char *text, int64_t *out_us)
{
	unsigned s;
	int rc = read_unsigned(text, 1, 86400, &s);

	if (rc == 0)
		*out_us = s * US_PER_S;
	return rc;
}

static int read_queue(const char *text, size_t *out)
{
	unsigned v;
	int rc = read_unsigned(text, 1024, UINT_MAX, &v);

	if (rc == 0)
		*out = v;
	return rc;
}

static int add_command(struct options *o, const char *line)
{
	if (o->command_count == OPTIONS_COMMANDS_MAX)
		return -EINVAL;
	o->commands[o->command_count++] = line;
	return 0;
}

static int read_bitrate(const char *text, int *out)
{
	int rc = read_int(text, 8, 100000, out);

	*out *= rc == 0 ? 1000 : 1;
	return rc;
}

static int read_sound(const char *text, enum sound_kind *out)
{
	static const char *const names[] = {"none", "pcma", "pcmu", "aac"};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum sound_kind)i;
			return 0;
		}
	return -EINVAL;
}

static int set_text(const char **out, const char *text)
{
	*out = text;
	return 0;
}

static int read_password(struct options *o, const char *path)
{
	size_t len;

	free(o->password);
	o->password = NULL;
	if (fs_read_all(fs_real(), path, 256, &o->password, &len) < 0)
		return -EINVAL;
	o->password[strcspn(o->password, "\r\n")] = '\0';
	return set_text(&o->server.auth.password, o->password);
}

static int set_names(struct options *o, const char *text)
{
	free(o->names);
	o->names = xstrdup(text);
	return 0;
}

static int take(struct options *o, struct reading *r, int which, const char *arg)
{
	switch (which) {
	case OPT_LISTEN: r->has_address = true; return read_address(arg, &o->server.address);
	case OPT_CAMERAS: return set_names(o, arg);
	case OPT_USER: return set_text(&o->server.auth.user, arg);
	case OPT_PASSWORD: return set_text(&o->server.auth.password, arg);
	case OPT_PASSWORD_FILE: return read_password(o, arg);
	case OPT_AUTH: return set_text(&r->auth, arg);
	case OPT_NONCE_LIFE: return read_nonce_life(arg, &o->server.auth.nonce_life_us);
	case OPT_CODEC: return read_codec(arg, &r->camera.encoder.codec);
	case OPT_SIZE: return read_size(arg, &r->camera.encoder);
	case OPT_FPS: return read_int(arg, 1, 120, &r->camera.encoder.fps);
	case OPT_GOP: return read_gop(arg, &r->camera.gop_us);
	case OPT_BITRATE: return read_bitrate(arg, &r->camera.encoder.bitrate_bps);
	case OPT_FILL: return read_either(arg, "on", "off", &r->camera.encoder.filled);
	case OPT_SETS: return read_either(arg, "inband", "sdp", &r->camera.inband);
	case OPT_AUDIO: return read_sound(arg, &r->camera.sound);
	case OPT_SESSION_TIMEOUT: return read_unsigned(arg, 1, 86400, &o->server.session_timeout_s);
	case OPT_RTCP_ALIVE: return read_either(arg, "on", "off", &o->server.rtcp_keeps_alive);
	case OPT_QUEUE: return read_queue(arg, &o->server.queue_bytes);
	case OPT_LOG: return set_text(&o->log_path, arg);
	case OPT_CONTROL: return set_text(&o->control_path, arg);
	case OPT_COMMAND: return add_command(o, arg);
	case OPT_SILENCE_EVERY: return read_unsigned(arg, 2, 86400, &o->silence_every_s);
	case OPT_SILENCE_FOR: return read_unsigned(arg, 1, 86400, &o->silence_for_s);
	case OPT_SILENCE_CAMERA: return set_text(&o->silence_camera, arg);
	default: return -EINVAL;
	}
}

/* --- the whole ------------------------------------------------------------------------ */

static int check_auth(struct options *o, const char *text, struct err *e)
{
	static const struct { const char *name; enum rtsp_auth_kind kind; } kinds[] = {
		{"none", AUTH_NONE}, {"basic", AUTH_BASIC}, {"digest", AUTH_DIGEST_MD5},
		{"digest-sha256", AUTH_DIGEST_SHA256},
	};
	struct rtsp_auth_config *auth = &o->server.auth;

	if (!text)
		text = auth->user ? "digest" : "none";
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].name, text) != 0)
			continue;
		auth->kind = kinds[i].kind;
		if (auth->kind != AUTH_NONE && (!auth->user || !auth->password))
			return err_set(e, -EINVAL, "--auth %s needs --user and --password", text);
		return 0;
	}
	return err_set(e, -EINVAL, "--auth %s: write digest, digest-sha256, basic or none", text);
}

static bool name_is_good(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t len = strlen(name);

	return len > 0 && len <= 40 && strspn(name, allowed) == len && strcmp(name, "all") != 0;
}

static bool name_is_taken(const struct options *o, const char *name)
{
	for (unsigned i = 0; i < o->camera_count; i++)
		if (strcmp(o->cameras[i].name, name) == 0)
			return true;
	return false;
}

static int make_cameras(struct options *o, const struct camera_config *common, struct err *e)
{
	char *save = NULL;

	if (!o->names)
		o->names = xstrdup("a");
	for (char *name = strtok_r(o->names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (!name_is_good(name) || name_is_taken(o, name))
			return err_set(e, -EINVAL, "--cameras: %.40s: each name once, of letters, "
				       "digits, - and _, not \"all\"", name);
		if (o->camera_count == OPTIONS_CAMERAS_MAX)
			return err_set(e, -EINVAL, "--cameras: at most %d", OPTIONS_CAMERAS_MAX);
		struct camera_config *cfg = &o->cameras[o->camera_count++];
		*cfg = *common;
		cfg->name = name;
		cfg->number = (uint16_t)o->camera_count;
	}
	return o->camera_count ? 0 : err_set(e, -EINVAL, "--cameras: name at least one");
}

static int check_silence(const struct options *o, struct err *e)
{
	if (!o->silence_every_s && !o->silence_for_s && !o->silence_camera)
		return 0;
	if (!o->silence_camera || !name_is_taken(o, o->silence_camera))
		return err_set(e, -EINVAL, "--silence-camera: name one of the cameras");
	if (o->silence_for_s == 0 || o->silence_for_s >= o->silence_every_s)
		return err_set(e, -EINVAL, "--silence-for must be less than --silence-every");
	return 0;
}

static void set_defaults(struct options *o, struct reading *r)
{
	*o = (struct options){.server = {.session_timeout_s = 60, .queue_bytes = 262144}};
	o->server.auth.nonce_life_us = 300 * US_PER_S;
	*r = (struct reading){.camera = {.gop_us = US_PER_S, .inband = true}};
	r->camera.encoder = (struct encoder_config){.width = 320, .height = 240, .fps = 10,
						    .bitrate_bps = 128000};
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	struct reading r;
	int which, index = 0;

	set_defaults(o, &r);
	opterr = 0;
	while ((which = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (which == OPT_HELP) {
			o->help = true;
			return 0;
		}
		if (which == '?')
			return err_set(e, -EINVAL, "%s: no such switch, or no value; see --help",
				       argv[optind - 1]);
		if (take(o, &r, which, optarg) < 0)
			return err_set(e, -EINVAL, "--%s %s: not a possible value; see --help",
				       long_options[index].name, optarg);
	}
	if (optind < argc || !r.has_address)
		return err_set(e, -EINVAL, "%s; see --help", r.has_address ? "only switches are known"
									   : "--listen is missing");
	if (r.camera.encoder.filled && r.camera.encoder.codec == ENCODER_H265)
		return err_set(e, -EINVAL, "--fill on: not with --codec h265");
	int rc = check_auth(o, r.auth, e);
	if (rc == 0)
		rc = make_cameras(o, &r.camera, e);
	return rc ? rc : check_silence(o, e);
}

void options_finish(struct options *o)
{
	free(o->names);
	free(o->password);
}
