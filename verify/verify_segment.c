#include "verify_inner.h"

#include "base/buf.h"
#include "base/lang.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* One file while it is judged. */
struct subject {
	struct verify *v;
	const struct place *place;
	char *path;
	char name_camera[SEAL_NAME_MAX]; /* "": the name tells none */
	struct wall named;               /* NO_TIME */
	int fd;
	int64_t size;
	bool has_seal;                   /* one stands at the end */
	bool believed;                   /* … and nothing speaks against its signature */
	struct seal seal;
	uint8_t box[SEAL_MAX_BYTES];
	size_t box_len;
	struct segment_scan scan;
};

#define WRONG(s, code, ...) \
	verify_tell((s)->v, VERIFY_WRONG, code, (s)->path, (s)->has_seal ? (s)->seal.camera : (s)->name_camera, __VA_ARGS__)
#define FACT(s, code, ...) verify_tell((s)->v, VERIFY_FACT, code, (s)->path, (s)->seal.camera, __VA_ARGS__)

/* --- reading ------------------------------------------------------------------------------ */

static void read_name(struct subject *s)
{
	char stem[64];
	size_t len = strlen(s->place->name);

	s->named.us = NO_TIME;
	if (segment_parse_incoming(s->place->name, ".mp4", s->name_camera, &s->named) == 0 || len < 4 ||
	    len - 4 >= sizeof stem)
		return;
	snprintf(stem, sizeof stem, "%.*s", (int)(len - 4), s->place->name);
	s->name_camera[0] = '\0';
	if (wall_parse_name(stem, &s->named) < 0)
		s->named.us = NO_TIME;
}

static int read_tail(struct subject *s)
{
	uint8_t end[SEAL_MAX_BYTES];
	size_t want = s->size < (int64_t)sizeof end ? (size_t)s->size : sizeof end, have = 0, at;

	while (have < want) {
		ssize_t n = s->v->setup.fs->pread(s->v->setup.fs, s->fd, end + have, want - have,
						  s->size - (int64_t)(want - have));
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		have += (size_t)n;
	}
	s->has_seal = seal_find(end, want, &s->seal, &at) == 0;
	s->box_len = s->has_seal ? want - at : 0;
	memcpy(s->box, end + want - s->box_len, s->box_len);
	return 0;
}

/* --- judging ---------------------------------------------------------------------------------- */

static void judge_signature(struct subject *s)
{
	struct verify_key *k = verify_key_by_id(s->v, s->seal.key_id);
	char id[2 * sizeof s->seal.key_id + 1];

	hex_encode(s->seal.key_id, sizeof s->seal.key_id, id);
	s->believed = true;
	if (k && seal_verify(s->box, s->box_len, &s->seal, k->key)) {
		k->segments++;
	} else if (k) {
		s->believed = false;
		WRONG(s, "seal_altered", "%s", lang("封印被改动：签名与公钥不符", "its seal was altered: the signature does not hold"));
	} else if (s->v->key_count > 0) {
		WRONG(s, "unknown_key", lang("由未给出的密钥 %s 签名：不是本机构的录像，或缺少该公钥",
					     "signed by the key %s, which was not given: not of this site, or its public key is missing"), id);
	}
}

/* The footage parses up to the seal, and the seal says something else of it. */
static void judge_disagreement(struct subject *s)
{
	struct wall_range r = segment_scan_range(&s->scan);
	char a[WALL_TEXT_MAX], b[WALL_TEXT_MAX];
	uint8_t content[SHA256_BYTES];

	if (s->scan.index.count > 0 && (r.start.us != s->seal.start.us || r.end.us != s->seal.end.us))
		WRONG(s, "wrong_time", lang("画面中的时钟为 %s 起，封印为 %s 起", "the clock in the footage begins at %s, the seal says %s"),
		      wall_format(r.start, a), wall_format(s->seal.start, b));
	hash_peek(s->scan.content, content);
	if (memcmp(content, s->seal.content, sizeof content) != 0)
		WRONG(s, "altered", "%s", lang("内容与封印时不同", "its bytes are not those that were sealed"));
}

static void judge_content(struct subject *s, int rc)
{
	char until[WALL_TEXT_MAX];
	long long at = s->scan.whole_bytes;

	if (s->has_seal && s->scan.sealed) {
		if (!s->scan.content_ok)
			WRONG(s, "altered", "%s", lang("内容与封印时不同", "its bytes are not those that were sealed"));
	} else if (s->has_seal && s->scan.whole_bytes == s->size - (int64_t)s->box_len) {
		judge_disagreement(s);
	} else if (s->has_seal || rc == -EBADMSG) {
		WRONG(s, "altered", lang("第 %lld 字节处不是完整的录像片段", "damaged or altered: no whole fragment at byte %lld"), at);
	} else {
		WRONG(s, "cut", lang("没有封印：文件尾被截断，画面止于 %s", "no seal: its tail was cut off; footage until %s"),
		      s->scan.index.count ? wall_format(segment_scan_range(&s->scan).end, until) : "-");
	}
}

/* Below an `archive`, and below a folder of the camera's name, a file can lie in one place only. */
static void judge_layout(struct subject *s)
{
	const struct place *p = s->place;
	bool is_cameras = p->upper && strcmp(p->upper, s->seal.camera) == 0;

	if (!p->folder_day && (p->in_archive || is_cameras))
		WRONG(s, "renamed", lang("所在文件夹 %s 不是其日期，文件被移动或文件夹被改名",
					 "it lies in %s, which is not its day's folder: moved, or the folder was renamed"), p->folder_name);
	if (s->named.us != NO_TIME && text_ends_with(p->name, ".mp4"))
		return;
	if (p->in_archive || p->folder_day || strstr(p->folder_name, "incoming"))
		WRONG(s, "renamed", "%s", lang("文件名不是录像的名称，录像被改名", "its name is none of footage: it was renamed"));
	else
		FACT(s, "named_otherwise", lang("按封印，它是摄像机 %s 的录像", "by its seal it is footage of camera %s"), s->seal.camera);
}

static void judge_place(struct subject *s)
{
	const struct place *p = s->place;
	char day[WALL_TEXT_MAX];

	if (s->name_camera[0] && strcmp(s->name_camera, s->seal.camera) != 0)
		WRONG(s, "renamed", lang("文件名为摄像机 %s，封印为 %s", "its name says camera %s, its seal says %s"), s->name_camera,
		      s->seal.camera);
	if (p->folder_camera && strcmp(p->folder_camera, s->seal.camera) != 0)
		WRONG(s, "renamed", lang("文件夹为摄像机 %s，封印为 %s", "it lies in the folder of camera %s, its seal says %s"),
		      p->folder_camera, s->seal.camera);
	if (p->folder_day && strcmp(p->folder_day, wall_format_day(s->seal.start, day)) != 0)
		WRONG(s, "wrong_time", lang("在 %s 的文件夹中，封印为 %s", "it lies in the folder of %s, its seal says %s"), p->folder_day,
		      day);
	judge_layout(s);
}

static void tell_flags(struct subject *s)
{
	if (s->seal.flags & SEAL_RECOVERED)
		FACT(s, "recovered", "%s", lang("在意外中断后恢复并封印", "recovered and sealed after an interruption"));
	if (s->seal.flags & SEAL_CLOCK_UNTRUSTED)
		FACT(s, "clock_untrusted", "%s", lang("录制时系统时钟未经校准", "recorded while the clock was not synchronised"));
}

/* --- remembering ------------------------------------------------------------------------------------ */

static void remember(struct subject *s)
{
	struct verify *v = s->v;
	char canonical[WALL_TEXT_MAX + 4];

	if (v->record_count == v->record_room) {
		v->record_room = v->record_room ? v->record_room * 2 : 256;
		v->records = xrealloc(v->records, v->record_room * sizeof *v->records);
	}
	struct record *r = &v->records[v->record_count++];
	*r = (struct record){.folder = s->place->folder, .camera = NO_NAME, .site = NO_NAME, .named = s->named};
	if (s->named.us != NO_TIME)
		snprintf(canonical + strlen(wall_format_name(s->named, canonical)), 5, ".mp4");
	if (s->named.us == NO_TIME || strcmp(canonical, s->place->name) != 0)
		r->name = xstrdup(s->place->name);
	if (!s->believed)
		return;
	r->camera = names_intern(&v->cameras, s->seal.camera);
	r->site = names_intern(&v->sites, s->seal.site);
	r->sequence = s->seal.sequence;
	r->start = s->seal.start;
	r->end = s->seal.end;
	r->misnamed = s->named.us != NO_TIME && s->named.us != s->seal.start.us;
	memcpy(r->previous, s->seal.previous, sizeof r->previous);
	seal_digest(s->box, s->box_len, r->digest);
}

bool verify_looks_sealed(struct verify *v, const char *path)
{
	struct fs *fs = v->setup.fs;
	struct subject s = {.v = v, .fd = fs->open(fs, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)};
	struct stat st;

	if (s.fd < 0)
		return false;
	bool seen = fstat(s.fd, &st) == 0 && S_ISREG(st.st_mode);
	s.size = seen ? st.st_size : 0;
	seen = seen && s.size > 0 && read_tail(&s) == 0 && s.has_seal;
	fs->close(fs, s.fd);
	return seen;
}

/* --- one file ---------------------------------------------------------------------------------------- */

static int look(struct subject *s)
{
	struct fs *fs = s->v->setup.fs;
	struct stat st;

	s->fd = fs->open(fs, s->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (s->fd < 0)
		return s->fd;
	if (fstat(s->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	s->size = st.st_size;
	int rc = read_tail(s);
	if (rc < 0)
		return rc;
	rc = segment_scan(&s->scan, fs, s->fd, s->size, NULL);
	s->v->result.bytes += (uint64_t)s->size;
	if (rc < 0 && rc != -EBADMSG)
		return rc;
	if (s->has_seal)
		judge_signature(s);
	judge_content(s, rc);
	if (s->believed) {
		judge_place(s);
		tell_flags(s);
	}
	return 0;
}

void verify_segment(struct verify *v, const struct place *p)
{
	struct subject s = {.v = v, .place = p, .path = xasprintf("%s/%s", v->folders.items[p->folder], p->name), .fd = -1};

	segment_scan_init(&s.scan, true);
	read_name(&s);
	int rc = look(&s);
	if (rc < 0)
		WRONG(&s, "unreadable", lang("无法读取：%s", "it cannot be read: %s"), strerror(-rc));
	v->result.segments++;
	remember(&s);
	verify_progress(v);
	segment_scan_finish(&s.scan);
	if (s.fd >= 0)
		v->setup.fs->close(v->setup.fs, s.fd);
	free(s.path);
}
