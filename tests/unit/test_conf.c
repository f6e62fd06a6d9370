#include "base/buf.h"
#include "base/lang.h"
#include "conf/conf.h"
#include "conf/conf_diff.h"
#include "conf/report.h"
#include "conf/rule.h"
#include "conf/text.h"
#include "conf/units.h"
#include "conf/url.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char good[] =
	"site:\n"                                                        /*  1 */
	"  id: t-1\n"                                                    /*  2 */
	"  name: 测试园\n"                                               /*  3 */
	"  timezone: Asia/Shanghai\n"                                    /*  4 */
	"rule: cn-hangjin-2021\n"                                        /*  5 */
	"state: state\n"                                                 /*  6 */
	"storage:\n"                                                     /*  7 */
	"  - path: footage\n"                                            /*  8 */
	"    reserve: 1GiB\n"                                            /*  9 */
	"retention: { keep_days: 100 }\n"                                /* 10 */
	"recording: { segment: 1min, gap_after: 1500ms, audio: false }\n" /* 11 */
	"areas:\n"                                                       /* 12 */
	"  - { id: playroom, name: 活动室, kind: activity }\n"           /* 13 */
	"  - { id: wc, name: 卫生间, kind: private }\n"                  /* 14 */
	"cameras:\n"                                                     /* 15 */
	"  - id: east\n"                                                 /* 16 */
	"    name: 东\n"                                                 /* 17 */
	"    area: playroom\n"                                           /* 18 */
	"    url: \"rtsp://192.168.1.11/ch/101\"\n"                      /* 19 */
	"    username: view\n"                                           /* 20 */
	"    password_file: cam.pw\n"                                    /* 21 */
	"    transport: tcp\n"                                           /* 22 */
	"api:\n"                                                         /* 23 */
	"  - listen: 127.0.0.1:8080\n"                                   /* 24 */
	"regulator:\n"                                                   /* 25 */
	"  url: \"https://regulator.example/api\"\n"                     /* 26 */
	"  ca: ca.pem\n"                                                 /* 27 */
	"  cert: site.pem\n"                                             /* 28 */
	"  key: site.key\n";                                             /* 29 */

#define SITE_KEY "  key: site.key\n"
#define OFFLOAD(url, bucket, secret)                                                                                 \
	"offload:\n  url: \"" url "\"\n  bucket: " bucket "\n  access_key_file: store.access\n  secret_key_file: " secret "\n"
#define PIN "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define CAMERA_URL "    url: \"rtsp://192.168.1.11/ch/101\"\n"
#define CAMERA_RTSPS "    url: \"rtsps://192.168.1.11/ch/101\"\n"

static const char camera_pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBejCCAR+gAwIBAgIUZjs4uQKidGPfjJibEoq4dgMv7iswCgYIKoZIzj0EAwIw\n"
	"ETEPMA0GA1UEAwwGY2FtZXJhMCAXDTI2MTEyNTAwMjYwNloYDzIxMjYxMTAxMDAy\n"
	"NjA2WjARMQ8wDQYDVQQDDAZjYW1lcmEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
	"AARHOcwvHdrQPtqwPhYhI1ns7iy4zTsi/Fw9/TheIGdonTaGi3bGDj93DURPF3wX\n"
	"rpL3ayb1AZKSBbeuK5JVbDqUo1MwUTAdBgNVHQ4EFgQUu3TcLnrHSRdDrPr/p55m\n"
	"9Q+4pjwwHwYDVR0jBBgwFoAUu3TcLnrHSRdDrPr/p55m9Q+4pjwwDwYDVR0TAQH/\n"
	"BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA0qz2crIGQD5vhwUovLoGvnppCUY7\n"
	"orMcsUu0oCjgOp0CIQDExtVRG7ovnHhVIsrZlgVhMgOyEe/ZadNOQw61/gLPRw==\n"
	"-----END CERTIFICATE-----\n";

/* --- a folder with the files that a configuration names ----------------------- */

static char folder[] = "/tmp/holdfast-conf-XXXXXX";

static void put(const char *name, const void *data, size_t len, mode_t mode)
{
	char *path = text_path(folder, name);

	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	free(path);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	put("cam.pw", "geheim-7\r\n", 10, 0600);
	put("open.pw", "geheim-7\n", 9, 0644);
	put("empty.pw", "\n", 1, 0600);
	put("two.pw", "a\nb\n", 4, 0600);
	put("camera.password", "x", 1, 0600);
	put("ca.pem", "x", 1, 0644);
	put("camera.pem", camera_pem, sizeof camera_pem - 1, 0644);
	put("regulator.pem", "x", 1, 0644);
	put("store-ca.pem", "x", 1, 0644);
	put("site.pem", "x", 1, 0644);
	put("site.key", "x", 1, 0600);
	put("open.key", "x", 1, 0640);
	put("store.access", "AKID\n", 5, 0600);
	put("store.secret", "geheim-s3\n", 10, 0600);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"cam.pw", "open.pw", "empty.pw", "two.pw", "ca.pem",
	                                    "site.pem", "site.key", "open.key", "c.yaml",
	                                    "camera.password", "c.password", "regulator.pem", "camera.pem", "store.access", "store.secret", "store-ca.pem"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = text_path(folder, names[i]);
		unlink(path);
		free(path);
	}
	return rmdir(folder);
}

static int load(const void *text, size_t len, struct conf **out, struct conf_report *r)
{
	char *path = text_path(folder, "c.yaml");

	put("c.yaml", text, len, 0644);
	int rc = conf_load(path, out, r);
	free(path);
	return rc;
}

static struct conf *load_good(const char *text)
{
	struct conf_report r;
	struct conf *c;
	int rc = load(text, strlen(text), &c, &r);

	if (rc < 0)
		conf_report_print(&r, "c.yaml", stderr);
	conf_report_finish(&r);
	assert_int_equal(rc, 0);
	return c;
}

/* The good text with `from` (once in it) replaced. The caller frees. */
static char *with(const char *from, const char *to)
{
	const char *at = strstr(good, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

/* --- what loads ---------------------------------------------------------------- */

static void test_sample_loads(void **state)
{
	struct conf *c = load_good(conf_sample);

	(void)state;
	assert_string_equal(c->site.id, "cn-000000-0000");
	assert_string_equal(c->rule.id, "cn-national-2019");
	assert_int_equal(c->keep_days, 95);
	assert_int_equal(c->camera_count, 0);
	conf_destroy(c);
}

/* The examples in its comments are as right as the rest: drop their '#' and load. */
static void test_sample_examples_load(void **state)
{
	struct buf text = {0};

	(void)state;
	for (const char *at = conf_sample; *at;) {
		size_t len = strcspn(at, "\n") + 1;
		bool example = strncmp(at, "#  ", 3) == 0 || strncmp(at, "#regulator", 10) == 0 ||
			       strncmp(at, "#offload", 8) == 0;
		if (strncmp(at, "areas: []", 9) == 0)
			buf_add_text(&text, "areas:\n");
		else if (strncmp(at, "cameras: []", 11) == 0)
			buf_add_text(&text, "cameras:\n");
		else
			buf_add(&text, at + example, len - example);
		at += len;
	}
	buf_add(&text, "", 1);
	struct conf *c = load_good((const char *)text.data);
	assert_int_equal(c->area_count, 3);
	assert_int_equal(c->camera_count, 2);
	assert_non_null(c->regulator.url);
	assert_string_equal(c->offload.secret_key, "geheim-s3");
	assert_true(c->offload.releases);
	assert_int_equal(c->offload.local_days, 30);
	conf_destroy(c);
	buf_finish(&text);
}

static void test_values(void **state)
{
	struct conf *c = load_good(good);
	char *state_path = text_path(folder, "state");

	(void)state;
	assert_string_equal(c->state, state_path);
	assert_string_equal(c->site.language, "zh-CN");
	assert_int_equal(c->rule.floor_days, 90);
	assert_int_equal(c->rule.must_cover_count, 2);
	assert_true(rule_must_cover(&c->rule, AREA_LIVING));
	assert_false(rule_must_cover(&c->rule, AREA_OUTDOOR));
	assert_int_equal(c->keep_days, 100);
	assert_int_equal(c->segment_us, 60000000);
	assert_int_equal(c->gap_after_us, 1500000);
	assert_int_equal(c->roots[0].reserve_bytes, 1u << 30);
	assert_string_equal(c->cameras[0].password, "geheim-7");
	assert_string_equal(c->listens[0].host, "127.0.0.1");
	assert_int_equal(c->listens[0].port, 8080);
	assert_int_equal(strlen(c->digest), 64);
	assert_ptr_equal(conf_camera_find(c, "east"), &c->cameras[0]);
	assert_null(conf_camera_find(c, "west"));
	assert_int_equal(conf_area_find(c, "wc")->kind, AREA_PRIVATE);
	free(state_path);
	conf_destroy(c);
}

static void test_defaults(void **state)
{
	struct conf *c = load_good("site: { id: a, name: b, timezone: UTC }\n"
	                           "rule: cn-national-2019\nstorage: [ { path: /srv/f/../g/ } ]\n");

	(void)state;
	assert_string_equal(c->state, "/var/lib/holdfast");
	assert_string_equal(c->roots[0].path, "/srv/g");
	assert_int_equal(c->roots[0].reserve_bytes, UINT64_C(10) << 30);
	assert_int_equal(c->keep_days, 95);
	assert_int_equal(c->segment_us, 300000000);
	assert_int_equal(c->gap_after_us, 2000000);
	assert_false(c->audio); /* unless it is asked for */
	assert_int_equal(c->buffer_bytes, 64u << 20);
	assert_int_equal(c->listen_count, 1);
	assert_string_equal(c->listens[0].host, "127.0.0.1");
	assert_int_equal(c->listens[0].port, 8080);
	assert_null(c->regulator.url);
	conf_destroy(c);
}

static uint64_t default_buffer_of(unsigned cameras, unsigned disks)
{
	FILE *f;
	char *text;
	size_t len;

	f = open_memstream(&text, &len);
	fputs("site: { id: a, name: b, timezone: UTC }\nrule: cn-national-2019\n"
	      "areas: [ { id: room, name: r, kind: activity } ]\nstorage:\n", f);
	for (unsigned i = 0; i < disks; i++)
		fprintf(f, " - { path: /srv/%u }\n", i);
	fputs("cameras:\n", f);
	for (unsigned i = 0; i < cameras; i++)
		fprintf(f, " - { id: c%u, name: c, area: room, url: \"rtsp://192.168.1.11/%u\" }\n", i, i);
	fclose(f);
	struct conf *c = load_good(text);
	uint64_t bytes = c->buffer_bytes;
	conf_destroy(c);
	free(text);
	return bytes;
}

static void test_default_buffer_grows_with_cameras_and_disks(void **state)
{
	(void)state;
	assert_int_equal(default_buffer_of(32, 1), 64u << 20);
	assert_int_equal(default_buffer_of(200, 1), 400u << 20);
	assert_int_equal(default_buffer_of(2, 12), 96u << 20);
}

/* The example of the design, without the TLS listeners; its files lie in the folder. */
static void test_design_example_loads(void **state)
{
	struct conf *c = load_good(
		"site: { id: cn-150625-0007, name: 阳光托育园, timezone: Asia/Shanghai, language: zh-CN }\n"
		"rule: cn-hangjin-2021            # conf/rules/cn-hangjin-2021.yaml\n"
		"state: /var/lib/holdfast\n"
		"storage:\n"
		"  - { path: /srv/footage, reserve: 10GiB }\n"
		"retention: { keep_days: 95 }\n"
		"recording: { segment: 5min, gap_after: 2s, buffer: 64MiB, audio: false }\n"
		"areas:\n"
		"  - { id: playroom, name: 活动室, kind: activity }\n"
		"cameras:\n"
		"  - { id: playroom-east, name: 活动室东, area: playroom, "
		"url: \"rtsp://192.168.1.11/Streaming/Channels/101\", username: view, "
		"password_file: cam.pw, transport: tcp }\n"
		"api:\n"
		"  - { listen: 127.0.0.1:8080 }\n"
		"regulator: { url: \"https://regulator.example/api/holdfast\", ca: ca.pem, "
		"cert: site.pem, key: site.key, statement_at: \"00:30\" }\n");

	(void)state;
	assert_string_equal(c->cameras[0].url, "rtsp://192.168.1.11/Streaming/Channels/101");
	assert_false(c->cameras[0].udp);
	assert_string_equal(c->regulator.statement_at, "00:30");
	conf_destroy(c);
}

static void test_plain_password(void **state)
{
	static const char *const keys[] = {"transport: tcp", "plain_password: false", "plain_password: true"};

	(void)state;
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
		char *text = with("transport: tcp", keys[i]);
		struct conf *c = load_good(text), *back;
		json_t *part = conf_part(c, CONF_RECORDER);
		struct err e;
		assert_int_equal(conf_from_part(part, &back, &e), 0);
		assert_int_equal(back->cameras[0].plain_password, i == 2);
		json_decref(part);
		conf_destroy(back);
		conf_destroy(c);
		free(text);
	}
}

/* What a camera's key or certificate says reaches the recorder, and only it. */
static void test_camera_trust(void **state)
{
	static const char *const keys[] = {"tls_ca: camera.pem", ("tls_pin: " PIN), "transport: tcp"};

	(void)state;
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
		char *secure = with(CAMERA_URL, CAMERA_RTSPS), *at = strstr(secure, "transport: tcp");
		char *text = xasprintf("%.*s%s%s", (int)(at - secure), secure, keys[i], at + strlen("transport: tcp"));
		struct conf *c = load_good(text), *back;
		json_t *part = conf_part(c, CONF_RECORDER), *other = conf_part(c, CONF_API);
		struct err e;
		assert_int_equal(conf_from_part(part, &back, &e), 0);
		const struct conf_camera *cam = &back->cameras[0];
		assert_true(i == 0 ? strcmp(cam->tls_ca, camera_pem) == 0 : cam->tls_ca == NULL);
		assert_true(i == 1 ? strcmp(cam->tls_pin, PIN) == 0 : cam->tls_pin == NULL);
		assert_false(cam->udp);
		assert_null(json_object_get(json_array_get(json_object_get(other, "cameras"), 0), "tls_pin"));
		json_decref(part);
		json_decref(other);
		conf_destroy(back);
		conf_destroy(c);
		free(text);
		free(secure);
	}
}

/* Where the smaller stream is reaches the recorder alone; that there is one, every role. */
static void test_smaller_stream(void **state)
{
	char *text = with("transport: tcp", "sub_url: \"rtsp://192.168.1.11:8554/ch/102\"");
	struct conf *c = load_good(text);

	(void)state;
	assert_true(c->cameras[0].has_sub);
	for (int role = CONF_RECORDER; role <= CONF_API; role++) {
		json_t *part = conf_part(c, (enum conf_role)role);
		struct conf *back;
		struct err e;
		assert_int_equal(conf_from_part(part, &back, &e), 0);
		assert_true(back->cameras[0].has_sub);
		if (role == CONF_RECORDER)
			assert_string_equal(back->cameras[0].sub_url, "rtsp://192.168.1.11:8554/ch/102");
		else
			assert_null(back->cameras[0].sub_url);
		json_decref(part);
		conf_destroy(back);
	}
	conf_destroy(c);
	free(text);
}

/* --- what does not ------------------------------------------------------------- */

struct bad {
	const char *from, *to;
	int line;
	const char *key, *en, *zh;
};

static const struct bad bads[] = {
	/* shape */
	{"  id: t-1", "  idd: t-1", 2, "site.idd", "did you mean id", "是否应为 id"},
	{"  id: t-1\n", "", 2, "site.id", "add \"id: …\"", "请加上“id: …”"},
	{"rule: cn-hangjin-2021\n", "", 1, "rule", "add \"rule: …\"", "请加上“rule: …”"},
	{"state: state", "xyzzy: 1", 6, "xyzzy", "valid here: site, rule", "此处可用：site, rule"},
	{"state: state", "rule: x", 6, "rule", "first in line 5", "第 5 行已有"},
	{"state: state", "state:", 6, "state", "remove the key", "删除这一项"},
	{"state: state", "state: ''", 6, "state", "write a value", "请写上内容"},
	{"state: state", "state: [a]", 6, "state", "a single value belongs here", "此处应为单个值"},
	{"state: state", "state: \"a\\u0007\"", 6, "state", "delete it", "请删除"},
	{"state: state", "? [a]\n: b", 6, "", "single word", "单个词"},
	{"  - path: footage\n    reserve: 1GiB", "  path: footage", 8, "storage", "a list", "列表"},
	{"  - path: footage\n    reserve: 1GiB", "  []", 7, "storage", "at least one", "至少写一项"},
	/* text */
	{"state: state", "state: &a state", 6, "", "anchors", "锚点"},
	{"state: state", "state: *a", 6, "", "aliases", "别名"},
	{"state: state", "state: !!str a", 6, "", "tags", "标签"},
	{"state: state", "\tstate: a", 6, "", "use spaces", "请改用空格"},
	{"state: state", "state: \xff\xfe", 6, "", "UTF-8", "UTF-8"},
	{"state: state", "state: a\x1b[0m", 6, "", "U+001B", "U+001B"},
	{"state: state", "state: \"a", 19, "", "syntax error", "语法错误"},
	{"state: state", "---\na: b", 6, "", "keep one", "只保留一个"},
	{"state: state", "state: [[[[[[[[[[[[[[", 6, "", "levels", "嵌套过深"},
	/* site, rule */
	{"id: t-1", "id: T_1", 2, "site.id", "lower-case", "小写字母"},
	{"测试园", "\"a\\nb\"", 3, "site.name", "control characters", "控制字符"},
	{"Asia/Shanghai", "../../etc/passwd", 4, "site.timezone", "Asia/Shanghai", "Asia/Shanghai"},
	{"Asia/Shanghai", "zone.tab", 4, "site.timezone", "no time zone", "没有"},
	{"Asia/Shanghai", "UTC\n  language: fr", 5, "site.language", "zh-CN or en", "zh-CN 或 en"},
	{"cn-hangjin-2021", "cn-hangjin", 5, "rule", "cn-hangjin-2021", "cn-hangjin-2021"},
	/* retention, recording */
	{"keep_days: 100", "keep_days: 90", 10, "retention.keep_days", "write 91 or more",
	 "请写 91 或更大"},
	{"keep_days: 100", "keep_days: 90", 10, "retention.keep_days", "杭政办发〔2021〕62号",
	 "杭政办发〔2021〕62号"},
	{"keep_days: 100", "keep_days: 9x", 10, "retention.keep_days", "whole number", "整数"},
	{"keep_days: 100", "keep_days: 99999999999", 10, "retention.keep_days", "up to 3650",
	 "不超过 3650"},
	{"segment: 1min", "segment: 6min", 11, "recording.segment", "from 2s to 5min", "2s 到 5min"},
	{"segment: 1min", "segment: 60", 11, "recording.segment", "with its unit", "带单位"},
	{"1500ms", "999ms", 11, "recording.gap_after", "from 1s to 10s", "1s 到 10s"},
	{"audio: false", "audio: no", 11, "recording.audio", "write false", "请写 false"},
	{"audio: false", "buffer: 4MiB", 11, "recording.buffer", "from 8MiB to 16GiB", "8MiB 到 16GiB"},
	{"audio: false", "buffer: 64", 11, "recording.buffer", "with its unit", "带单位"},
	{"audio: false", "buffer: 17GiB", 11, "recording.buffer", "to 16GiB", "到 16GiB"},
	/* storage */
	{"1GiB", "1GB", 9, "storage[0].reserve", "such as 10GiB", "例如 10GiB"},
	{"1GiB", "99999999TiB", 9, "storage[0].reserve", "such as 10GiB", "例如 10GiB"},
	{"1GiB", "1GiB\n  - path: ./footage/x", 10, "storage[1].path", "folder of its own",
	 "独立的文件夹"},
	{"path: footage", "path: ./state", 8, "storage[0].path", "keep them apart", "请分开"},
	{"path: footage", "path: ca.pem", 8, "storage[0].path", "of its own", "专用文件夹"},
	/* areas */
	{"kind: activity", "kind: activty", 13, "areas[0].kind", "living, activity", "living, activity"},
	{"id: wc", "id: playroom", 14, "areas[1].id", "unique", "唯一"},
	{"kind: private", "kind: living", 14, "areas[1].id", "add one under cameras",
	 "请在 cameras 中为它添加一台"},
	/* cameras */
	{"id: east", "id: East", 16, "cameras[0].id", "lower-case", "小写字母"},
	{"area: playroom", "area: playrom", 18, "cameras[0].area", "did you mean playroom",
	 "是否应为 playroom"},
	{"area: playroom", "area: wc", 18, "cameras[0].area", "Decree 799, art. 8", "第799号）第八条"},
	{"rtsp://192", "http://192", 19, "cameras[0].url", "only rtsp://", "只支持 rtsp://"},
	{"rtsp://192.168.1.11/", "192.168.1.11", 19, "cameras[0].url", "write it like", "请写成"},
	{"rtsp://192", "rtsp://u:geheim-7@192", 19, "cameras[0].url", "password_file",
	 "password_file"},
	{"/ch/101", "/ch 101", 19, "cameras[0].url", "%XX", "%XX"},
	{"1.11/", "1.11:70000/", 19, "cameras[0].url", "1 to 65535", "1 到 65535"},
	{"192.168.1.11", "[::g]", 19, "cameras[0].url", "write it like", "请写成"},
	{"    username: view\n", "", 20, "cameras[0].password_file", "add username", "请补上 username"},
	{"    password_file: cam.pw\n", "", 20, "cameras[0].username", "add password_file",
	 "请补上 password_file"},
	{"cam.pw", "nix.pw", 21, "cameras[0].password_file", "make the file", "创建该文件"},
	{"cam.pw", "open.pw", 21, "cameras[0].password_file", "chmod 600", "chmod 600"},
	{"cam.pw", "empty.pw", 21, "cameras[0].password_file", "on one line", "一行密码"},
	{"cam.pw", "two.pw", 21, "cameras[0].password_file", "on one line", "一行密码"},
	{"cam.pw", ".", 21, "cameras[0].password_file", "regular file", "普通文件"},
	{"transport: tcp", "transport: http", 22, "cameras[0].transport", "write tcp or udp", "请写 tcp 或 udp"},
	{"transport: tcp", "tls_pin: " PIN, 22, "cameras[0].tls_pin", "write rtsps://", "改为 rtsps://"},
	{"transport: tcp", "tls_ca: camera.pem", 22, "cameras[0].tls_ca", "write rtsps://", "改为 rtsps://"},
	{"transport: tcp", "tls_ca: nix.pem", 22, "cameras[0].tls_ca", "make the file", "创建该文件"},
	{"transport: tcp", "tls_ca: ca.pem", 22, "cameras[0].tls_ca", "certificate in PEM", "PEM 格式的证书"},
	{"transport: tcp", "tls_pin: sha256//x", 22, "cameras[0].tls_pin", "holdfast probe", "holdfast probe"},
	{CAMERA_URL, CAMERA_RTSPS "    tls_ca: camera.pem\n    tls_pin: " PIN "\n", 21, "cameras[0].tls_pin", "remove one",
	 "删除其中一项"},
	{"transport: tcp", "plain_password: yes", 22, "cameras[0].plain_password", "write false or true", "请写 false 或 true"},
	{CAMERA_URL, CAMERA_RTSPS "    plain_password: true\n", 20, "cameras[0].plain_password", "rtsp:// and a username", "有 username 的 rtsp://"},
	{"transport: tcp", "sub_url: http://192.168.1.11/ch/102", 22, "cameras[0].sub_url", "only rtsp://", "只支持 rtsp://"},
	{"transport: tcp", "sub_url: rtsp://u:geheim-7@192.168.1.11/ch/102", 22, "cameras[0].sub_url", "password_file",
	 "password_file"},
	{"transport: tcp", "sub_url: rtsp://192.168.1.11/ch/101", 22, "cameras[0].sub_url", "same as url", "与 url 相同"},
	{"transport: tcp", "sub_url: rtsp://192.168.1.12/ch/102", 22, "cameras[0].sub_url", "host of url", "同主机"},
	{"transport: tcp", "sub_url: rtsps://192.168.1.11/ch/102", 22, "cameras[0].sub_url", "scheme", "同协议"},
	{"transport: tcp", "transport: tcp\n  - { id: east, name: x, area: wc, url: 'rtsp://h' }", 23,
	 "cameras[1].id", "used twice", "重复"},
	/* api */
	{"127.0.0.1:8080", "0.0.0.0:8080", 24, "api[0].listen", "plain HTTP is loopback only",
	 "只能监听本机回环"},
	{"127.0.0.1:8080", "127.0.0.1", 24, "api[0].listen", "[::1]:8080", "[::1]:8080"},
	{"127.0.0.1:8080", "box:8080", 24, "api[0].listen", "IP address", "IP 地址"},
	{"127.0.0.1:8080", "0.0.0.0:8443\n    cert: tls.pem", 25, "api[0].cert", "TLS reverse proxy",
	 "TLS 反向代理"},
	{"127.0.0.1:8080", "127.0.0.1:8080\n    role: regulator", 25, "api[0].role", "remove this key",
	 "删除此项"},
	{"127.0.0.1:8080", "127.0.0.1:8080\n  - listen: localhost:8080", 25, "api[1].listen",
	 "remove one", "删除其中一项"},
	{"\n  - listen: 127.0.0.1:8080", " []", 23, "api", "remove the key", "删除此项"},
	/* regulator */
	{"https://reg", "http://reg", 26, "regulator.url", "use https://", "请改用 https://"},
	{"https://reg", "ftp://reg", 26, "regulator.url", "https URL", "https 地址"},
	{"ca: ca.pem", "ca: nix.pem", 27, "regulator.ca", "make the file", "创建该文件"},
	{"  key: site.key\n", "", 28, "regulator.cert", "remove both", "两项都删除"},
	{"site.key", "open.key", 29, "regulator.key", "chmod 600", "chmod 600"},
	/* offload */
	{SITE_KEY, SITE_KEY OFFLOAD("http://s3.example", "footage", "store.secret"), 31, "offload.url", "use https://", "请改用 https://"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example/x", "footage", "store.secret"), 31, "offload.url", "without a path",
	 "不要带路径"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "Footage", "store.secret"), 32, "offload.bucket", "object lock", "对象锁定"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage\n  region: a/b", "store.secret"), 33, "offload.region",
	 "if in doubt remove", "不确定时删除"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage\n  local_days: 100", "store.secret"), 33, "offload.local_days",
	 "below retention.keep_days (100)", "小于 retention.keep_days（100）"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage\n  local_days: 3d", "store.secret"), 33, "offload.local_days",
	 "a whole number", "整数"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage", "open.key"), 34, "offload.secret_key_file", "chmod 600",
	 "chmod 600"},
	{SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage", "two.pw"), 34, "offload.secret_key_file", "on one line",
	 "一行密码"},
	{"site.key", "site.key\n  statement_at: 24:00", 30, "regulator.statement_at", "\"00:30\"",
	 "\"00:30\""},
};

static const struct conf_problem *find(const struct conf_report *r, int line, const char *key,
                                       const char *fragment)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct conf_problem *p = &r->problems[i];
		if (p->line == line && strcmp(p->key, key) == 0 && strstr(p->text, fragment))
			return p;
	}
	return NULL;
}

static void expect_bad(const struct bad *b, const char *language, const char *fragment)
{
	char *text = with(b->from, b->to);
	struct conf_report r;
	struct conf *c;

	lang_set(language);
	int rc = load(text, strlen(text), &c, &r);
	if (rc == 0 || !find(&r, b->line, b->key, fragment)) {
		conf_report_print(&r, "c.yaml", stderr);
		fail_msg("%s → %s: want line %d, key %s, “%s”", b->from, b->to, b->line, b->key, fragment);
	}
	assert_null(c);
	for (unsigned i = 0; i < r.count; i++)
		assert_null(strstr(r.problems[i].text, "geheim"));
	conf_report_finish(&r);
	free(text);
}

static void test_every_mistake_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
		expect_bad(&bads[i], "en", bads[i].en);
		expect_bad(&bads[i], "zh-CN", bads[i].zh);
	}
	lang_set("en");
}

static void test_all_mistakes_at_once(void **state)
{
	static const char text[] =
		"site: { id: T, nmae: x, timezone: Mars/Base }\n"
		"rule: cn-hangjin-2021\n"
		"retention: { keep_days: 7 }\n"
		"storage: [ { path: a, reserve: 1 }, b ]\n"
		"areas: [ { id: nap, name: n, kind: living }, { id: wc, name: w, kind: private } ]\n"
		"cameras:\n"
		"  - { id: c, name: c, area: wc, url: 'rtsp://h/', password: geheim }\n"
		"  - 7\n";
	struct conf_report r;
	struct conf *c;

	(void)state;
	assert_int_equal(load(text, strlen(text), &c, &r), -EINVAL);
	assert_non_null(find(&r, 1, "site.nmae", "did you mean name"));
	assert_non_null(find(&r, 1, "site.name", "missing"));
	assert_non_null(find(&r, 1, "site.id", "lower-case"));
	assert_non_null(find(&r, 1, "site.timezone", "Mars/Base"));
	assert_non_null(find(&r, 3, "retention.keep_days", "91"));
	assert_non_null(find(&r, 4, "storage[0].reserve", "unit"));
	assert_non_null(find(&r, 4, "storage[1]", "mapping"));
	assert_non_null(find(&r, 7, "cameras[0].password", "password_file"));
	assert_non_null(find(&r, 7, "cameras[0].area", "art. 8"));
	assert_non_null(find(&r, 8, "cameras[1]", "mapping"));
	assert_int_equal(r.count, 10); /* nothing follows from what was said already */
	conf_report_finish(&r);
}

static void test_warnings_do_not_refuse(void **state)
{
	char *text = with("key: site.key\n", "key: site.key\n  statement_at: \"00:30\"\n");
	struct conf_report r;
	struct conf *c;

	(void)state;
	assert_int_equal(load(text, strlen(text), &c, &r), 0);
	assert_int_equal(r.count, 1);
	assert_true(r.problems[0].warning);
	assert_non_null(find(&r, 30, "regulator.statement_at", "does not send"));
	conf_report_finish(&r);
	conf_destroy(c);
	free(text);
}

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static void test_byte_order_mark_is_skipped(void **state)
{
	char *text = xasprintf(BYTE_ORDER_MARK "%s", good), *wrong = xasprintf(BYTE_ORDER_MARK BYTE_ORDER_MARK "%s", good);
	struct conf_report r;
	struct conf *c = load_good(text);

	(void)state;
	assert_string_equal(c->site.id, "t-1");
	conf_destroy(c);
	put("c.password", BYTE_ORDER_MARK "geheim-7\r\n", 13, 0600);
	char *marked = with("password_file: cam.pw", "password_file: c.password");
	c = load_good(marked);
	assert_string_equal(c->cameras[0].password, "geheim-7");
	conf_destroy(c);
	assert_int_equal(load(wrong, strlen(wrong), &c, &r), -EINVAL);
	assert_non_null(find(&r, 1, "", "U+FEFF"));
	conf_report_finish(&r);
	free(marked);
	free(wrong);
	free(text);
}

/* Every byte of the good text becomes two. */
static void refuse_wide(const char *mark, bool big_endian)
{
	struct buf wide = {0};
	struct conf_report r;
	struct conf *c;

	buf_add(&wide, mark, strlen(mark));
	for (const char *p = good; *p; p++)
		buf_add(&wide, big_endian ? (char[]){0, *p} : (char[]){*p, 0}, 2);
	assert_int_equal(load(wide.data, wide.len, &c, &r), -EINVAL);
	assert_int_equal(r.count, 1);
	assert_non_null(find(&r, 1, "", "UTF-16"));
	conf_report_finish(&r);
	buf_finish(&wide);
}

static void test_other_encodings_are_named(void **state)
{
	char *text = with("state: state", "state: s#ate");
	struct conf_report r;
	struct conf *c;

	(void)state;
	refuse_wide("\xff\xfe", false);
	refuse_wide("\xfe\xff", true);
	refuse_wide("", false);
	refuse_wide("", true);
	size_t len = strlen(text);
	*strchr(text, '#') = '\0';
	assert_int_equal(load(text, len, &c, &r), -EINVAL);
	assert_non_null(find(&r, 6, "", "NUL byte"));
	conf_report_finish(&r);
	free(text);
}

static void test_unreadable_files(void **state)
{
	size_t big = (1u << 20) + 1;
	char *text = xcalloc(1, big);
	struct conf_report r;
	struct conf *c;

	(void)state;
	memset(text, '#', big);
	assert_int_equal(load(text, big, &c, &r), -EFBIG);
	assert_int_equal(r.count, 1);
	conf_report_finish(&r);
	free(text);
	assert_int_equal(conf_load("/nonexistent/holdfast.yaml", &c, &r), -ENOENT);
	assert_non_null(find(&r, 0, "", "-c"));
	conf_report_finish(&r);
	assert_int_equal(conf_load(folder, &c, &r), -EISDIR);
	conf_report_finish(&r);
	assert_int_equal(load("", 0, &c, &r), -EINVAL);
	assert_non_null(find(&r, 0, "", "empty"));
	conf_report_finish(&r);
}

static void test_report_is_bounded(void **state)
{
	struct buf text = {0};
	struct conf_report r;
	struct conf *c;

	(void)state;
	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "key%d: x\n", i);
	assert_int_equal(load(text.data, text.len, &c, &r), -EINVAL);
	assert_int_equal(r.count, REPORT_MAX + 1);
	assert_non_null(strstr(r.problems[REPORT_MAX].text, "more problems"));
	conf_report_finish(&r);
	buf_finish(&text);
}

/* --- parts --------------------------------------------------------------------- */

static char *dump(const struct conf *c, enum conf_role role)
{
	json_t *part = conf_part(c, role);
	assert_non_null(part);
	char *text = json_dumps(part, JSON_SORT_KEYS);

	json_decref(part);
	assert_non_null(text);
	return text;
}

static void expect_secrets(const char *text, bool expected)
{
	static const char *const secrets[] = {"geheim-7", "view", "rtsp://", "192.168.1.11"};

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		assert_int_equal(strstr(text, secrets[i]) != NULL, expected);
	assert_null(strstr(text, "cam.pw"));
}

static void test_parts_hold_what_the_role_may_know(void **state)
{
	struct conf *c = load_good(good);
	char *recorder = dump(c, CONF_RECORDER), *keeper = dump(c, CONF_KEEPER), *api = dump(c, CONF_API);

	(void)state;
	expect_secrets(recorder, true);
	expect_secrets(keeper, false);
	expect_secrets(api, false);
	assert_non_null(strstr(api, "regulator.example"));
	assert_non_null(strstr(api, "listens"));
	assert_null(strstr(recorder, "regulator"));
	assert_null(strstr(recorder, "listens"));
	assert_null(strstr(keeper, "regulator"));
	assert_null(strstr(keeper, "site.key"));
	free(recorder);
	free(keeper);
	free(api);
	conf_destroy(c);
}

static void test_the_store_s_keys_are_the_offloader_s(void **state)
{
	char *text = with(SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage", "store.secret"));
	struct conf *c = load_good(text);

	(void)state;
	for (int role = CONF_RECORDER; role <= CONF_OFFLOADER; role++) {
		char *part = dump(c, (enum conf_role)role);
		assert_int_equal(strstr(part, "geheim-s3") != NULL, role == CONF_OFFLOADER);
		assert_int_equal(strstr(part, "AKID") != NULL, role == CONF_OFFLOADER);
		assert_non_null(strstr(part, "s3.example"));
		free(part);
	}
	conf_destroy(c);
	free(text);
}

static void test_parts_make_the_round_trip(void **state)
{
	char *whole = with(SITE_KEY, SITE_KEY OFFLOAD("https://s3.example", "footage", "store.secret"));
	struct conf *c = load_good(whole);

	(void)state;
	c->demo = c->audio = true;
	for (int role = CONF_RECORDER; role <= CONF_OFFLOADER; role++) {
		json_t *part = conf_part(c, (enum conf_role)role);
		struct conf *back;
		struct err e;
		assert_int_equal(conf_from_part(part, &back, &e), 0);
		json_t *again = conf_part(back, (enum conf_role)role);
		assert_true(json_equal(part, again));
		assert_true(back->demo && back->audio);
		assert_int_equal(back->segment_us, c->segment_us);
		assert_int_equal(back->roots[0].reserve_bytes, c->roots[0].reserve_bytes);
		json_decref(again);
		json_decref(part);
		conf_destroy(back);
	}
	free(whole);
	conf_destroy(c);
}

/* Each member of a part left out or of another type: an error, never a crash. */
static void test_broken_parts_are_refused(void **state)
{
	struct conf *c = load_good(good), *back;
	json_t *whole = conf_part(c, CONF_API), *value;
	const char *key;

	(void)state;
	json_object_foreach(whole, key, value) {
		json_t *broken = json_copy(whole);
		struct err e = {0};
		json_object_set_new(broken, key, json_real(1.5));
		bool optional = strcmp(key, "demo") == 0 || strcmp(key, "audio") == 0;
		assert_int_equal(conf_from_part(broken, &back, &e), optional ? 0 : -EPROTO);
		assert_int_equal(e.text[0] == '\0', optional);
		conf_destroy(back);
		json_decref(broken);
	}
	struct err e;
	assert_int_equal(conf_from_part(NULL, &back, &e), -EPROTO);
	json_decref(whole);
	conf_destroy(c);
}

/* --- diff ---------------------------------------------------------------------- */

struct change { const char *from, *to; unsigned added, removed, changed; bool other; };

static void test_diff(void **state)
{
	static const struct change changes[] = {
		{"rule:", "# a comment\nrule:", 0, 0, 0, false},
		{"ch/101", "ch/102", 0, 0, 1, false},
		{"username: view", "username: viewer", 0, 0, 1, false},
		{"cam.pw", "site.key", 0, 0, 1, false},
		{"transport: tcp", "transport: udp", 0, 0, 1, false},
		{"transport: tcp", "plain_password: true", 0, 0, 1, false},
		{CAMERA_URL, CAMERA_RTSPS, 0, 0, 1, false},
		{"id: east", "id: west", 1, 1, 0, false},
		{"audio: false", "audio: true", 0, 0, 1, false},
		{"name: 东", "name: 西", 0, 0, 0, true},
		{"keep_days: 100", "keep_days: 101", 0, 0, 0, true},
		{"127.0.0.1:8080", "127.0.0.1:8081", 0, 0, 0, true},
		{"regulator.example/api", "regulator.example/api2", 0, 0, 0, true},
		{"path: footage", "path: footage2", 0, 0, 0, true},
	};
	struct conf *was = load_good(good);

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		const struct change *x = &changes[i];
		char *text = with(x->from, x->to);
		struct conf *now = load_good(text);
		struct conf_diff d;
		conf_diff(&d, was, now);
		assert_int_equal(d.added.count, x->added);
		assert_int_equal(d.removed.count, x->removed);
		assert_int_equal(d.changed.count, x->changed);
		assert_int_equal(d.other, x->other);
		assert_int_equal(conf_diff_is_empty(&d), i == 0);
		conf_diff_finish(&d);
		conf_destroy(now);
		free(text);
	}
	conf_destroy(was);
}

/* --- the pieces ---------------------------------------------------------------- */

static void test_units(void **state)
{
	static const char *const wrong[] = {"", "5", "s", "-1s", "+1s", " 1s", "1 s", "1s ", "1.5s",
	                                    "1S", "1m", "1sec", "0x1s", "1e3s"};
	int64_t us;
	uint64_t bytes;
	unsigned count;

	(void)state;
	assert_int_equal(units_duration("5min", &us), 0);
	assert_int_equal(us, 300000000);
	assert_int_equal(units_duration("500ms", &us), 0);
	assert_int_equal(us, 500000);
	assert_int_equal(units_duration("2d", &us), 0);
	assert_int_equal(us, INT64_C(172800000000));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(units_duration(wrong[i], &us), -EINVAL);
	assert_int_equal(units_duration("9223372036854775807ms", &us), -ERANGE);
	assert_int_equal(units_duration("99999999999999999999s", &us), -ERANGE);
	assert_int_equal(units_bytes("2TiB", &bytes), 0);
	assert_int_equal(bytes, UINT64_C(2) << 40);
	assert_int_equal(units_bytes("8388607TiB", &bytes), 0);
	assert_int_equal(units_bytes("8388608TiB", &bytes), -ERANGE);
	assert_int_equal(units_bytes("10GB", &bytes), -EINVAL);
	assert_int_equal(units_bytes("10gib", &bytes), -EINVAL);
	assert_int_equal(units_count("95", &count), 0);
	assert_int_equal(count, 95);
	assert_int_equal(units_count("95d", &count), -EINVAL);
	assert_int_equal(units_count("4294967296", &count), -ERANGE);
}

static void test_rule_packs(void **state)
{
	struct conf_report r = {0};
	struct conf_rule rule;

	(void)state;
	assert_int_equal(rule_pack_count, 2);
	for (unsigned i = 0; i < rule_pack_count; i++) {
		assert_int_equal(rule_load(rule_packs[i].id, &rule, &r), 0);
		assert_string_equal(rule.id, rule_packs[i].id);
		assert_int_equal(rule.floor_days, 90);
		assert_non_null(strstr(rule.source, "[S"));
		assert_non_null(strstr(rule.private_article, "第八条"));
		rule_finish(&rule);
	}
	assert_int_equal(r.count, 0);
	assert_int_equal(rule_load("xx-none", &rule, &r), -ENOENT);
}

static void test_rule_without_floor_is_refused(void **state)
{
	static const char text[] = "id: a\ntitle: b\narticle: c\nfloor_days: 0\n"
	                           "must_cover: [private, hall]\nprivate_article: d\nsource: e\n";
	struct conf_report r = {0};
	struct conf_rule rule;

	(void)state;
	assert_int_equal(rule_parse(text, strlen(text), &rule, &r), -EINVAL);
	assert_non_null(find(&r, 4, "floor_days", "from 1"));
	assert_non_null(find(&r, 5, "must_cover[0]", "not private"));
	assert_non_null(find(&r, 5, "must_cover[1]", "write one of"));
	assert_int_equal(r.count, 3);
	conf_report_finish(&r);
}

static void test_urls(void **state)
{
	struct url u;

	(void)state;
	assert_int_equal(url_parse("rtsp://[fe80::1]:8554/a?b=c&d", &u), URL_FINE);
	assert_string_equal(u.host, "fe80::1");
	assert_int_equal(u.port, 8554);
	assert_int_equal(url_parse("rtsp://cam", &u), URL_FINE);
	assert_int_equal(u.port, 0);
	assert_int_equal(url_parse("rtsp://cam/a@b", &u), URL_FINE);
	assert_int_equal(url_parse("rtsp://a b@cam/", &u), URL_USER);
	assert_int_equal(url_parse("rtsp:///x", &u), URL_HOST);
	assert_int_equal(url_parse("rtsp://[::1/x", &u), URL_HOST);
	assert_int_equal(url_parse("rtsp://[::1]x/", &u), URL_HOST);
	assert_int_equal(url_parse("rtsp://h:/", &u), URL_PORT);
	assert_int_equal(url_parse("rtsp://h:0/", &u), URL_PORT);
	assert_int_equal(url_parse("rtsp://h/#f", &u), URL_CHARACTER);
	assert_int_equal(url_parse("://h/", &u), URL_SCHEME);
	assert_true(url_host_is_loopback("127.8.0.1"));
	assert_int_equal(url_parse("rtsp://[fe80::1%25eth0]:554/x", &u), URL_FINE);
	assert_string_equal(u.host, "fe80::1%25eth0");
	assert_int_equal(url_parse("rtsp://[fe80::1%25]/x", &u), URL_HOST);
	assert_int_equal(url_parse("rtsp://[fe80::1%eth0]/x", &u), URL_HOST);
	assert_true(url_host_is_loopback("::1"));
	assert_false(url_host_is_loopback("127.example.org"));
	assert_false(url_host_is_loopback("0.0.0.0"));
}

static void test_texts(void **state)
{
	static const char *const words[] = {"username", "password_file", "url"};
	char cut[] = "活动室";

	(void)state;
	assert_false(text_is_utf8("\xc0\x80", 2));
	assert_false(text_is_utf8("\xed\xa0\x80", 3));
	assert_false(text_is_utf8("\xe6\xb4", 2));
	assert_true(text_is_id("a-1", 3));
	assert_false(text_is_id("-a", 63));
	assert_false(text_is_id("abcd", 3));
	assert_false(text_is_name("a\u202e" "b"));
	text_cut(cut, 9);
	assert_string_equal(cut, "活动");
	assert_string_equal(text_quote("a\x1b[1m\xff").text, "a?[1m?");
	assert_string_equal(text_nearest("usrname", words, 3), "username");
	assert_string_equal(text_nearest("password", words, 3), "password_file");
	assert_null(text_nearest("fps", words, 0));
}

/* --- hostile bytes -------------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static size_t mutate(char *text, size_t len, uint32_t *seed)
{
	static const char sharp[] = "\n\t:-[]{}&*!|>'\"#%,? \\~\x80\xff";

	if (next_random(seed) % 3 == 0)
		len = next_random(seed) % (len + 1);
	for (unsigned n = next_random(seed) % 6; len > 0 && n > 0; n--) {
		size_t at = next_random(seed) % len;
		if (next_random(seed) % 2)
			text[at] = (char)(text[at] ^ 1 << next_random(seed) % 8);
		else
			text[at] = sharp[next_random(seed) % (sizeof sharp - 1)];
	}
	return len;
}

static void expect_sound(int rc, const struct conf *c, const struct conf_report *r)
{
	assert_int_equal(rc == 0, c != NULL);
	assert_int_equal(rc == 0, !report_has_error(r));
	for (unsigned i = 0; i < r->count; i++) {
		const struct conf_problem *p = &r->problems[i];
		assert_true(p->text[0] != '\0');
		assert_true(text_is_utf8(p->text, strlen(p->text)) && text_is_utf8(p->key, strlen(p->key)));
		assert_false(text_has_control(p->text) || text_has_control(p->key));
	}
}

static void test_mutations_never_crash(void **state)
{
	static const char *const seeds[] = {conf_sample, good};
	uint32_t seed = 20211123;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		const char *from = seeds[i % 2];
		char *text = xstrdup(from);
		size_t len = mutate(text, strlen(from), &seed);
		struct conf_report r;
		struct conf *c;
		int rc = load(text, len, &c, &r);
		expect_sound(rc, c, &r);
		conf_report_finish(&r);
		conf_destroy(c);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample_loads),
		cmocka_unit_test(test_sample_examples_load),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_default_buffer_grows_with_cameras_and_disks),
		cmocka_unit_test(test_design_example_loads),
		cmocka_unit_test(test_plain_password),
		cmocka_unit_test(test_camera_trust),
		cmocka_unit_test(test_smaller_stream),
		cmocka_unit_test(test_every_mistake_is_named),
		cmocka_unit_test(test_all_mistakes_at_once),
		cmocka_unit_test(test_warnings_do_not_refuse),
		cmocka_unit_test(test_byte_order_mark_is_skipped),
		cmocka_unit_test(test_other_encodings_are_named),
		cmocka_unit_test(test_unreadable_files),
		cmocka_unit_test(test_report_is_bounded),
		cmocka_unit_test(test_parts_hold_what_the_role_may_know),
		cmocka_unit_test(test_the_store_s_keys_are_the_offloader_s),
		cmocka_unit_test(test_parts_make_the_round_trip),
		cmocka_unit_test(test_broken_parts_are_refused),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_rule_packs),
		cmocka_unit_test(test_rule_without_floor_is_refused),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_mutations_never_crash),
	};

	lang_set("en");
	return cmocka_run_group_tests(tests, setup, teardown);
}
