#include "indexer_inner.h"

#include "base/lang.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "disk.h"
#include "gap.h"
#include "object.h"
#include "object_take.h"

#include <errno.h>

#define TEXT_MAX_CHARACTERS 1000
#define ID_MAX_BYTES	    64

enum { OK = 200, CREATED = 201, ACCEPTED = 202, BAD = 400, NOT_FOUND = 404, CONFLICT = 409, FAILED = 500, LATER = 503 };

struct command {
	struct indexer *ix;
	const json_t *args;
	json_t **reply;
	int status;
};

static int refuse(struct command *c, int status, const char *field, const char *problem)
{
	json_decref(*c->reply);
	*c->reply = json_pack("{ss ss*}", "problem", problem, "field", field);
	c->status = status;
	return -EINVAL;
}

/* --- arguments ------------------------------------------------------------------------------- */

static size_t characters(const char *utf8)
{
	size_t n = 0;

	for (; *utf8; utf8++)
		n += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return n;
}

static bool is_blank(const char *text) { return text[strspn(text, " \t\r\n")] == '\0'; }

static int need_text(struct command *c, const char *field, size_t max, const char **out)
{
	const json_t *v = json_object_get(c->args, field);
	const char *t = json_string_value(v);

	/* A NUL inside would cut the text that the ledger keeps. */
	if (!t || is_blank(t) || strlen(t) != json_string_length(v))
		return refuse(c, BAD, field,
			      lang("缺少此项，请填写文字", "this field is missing: give a text"));
	if (characters(t) > max)
		return refuse(c, BAD, field,
			      lang("文字过长，最多 1000 个字符（标识最多 64 个）",
				   "too long: at most 1000 characters (64 for an id)"));
	*out = t;
	return 0;
}

static int may_text(struct command *c, const char *field, const char **out)
{
	const json_t *v = json_object_get(c->args, field);

	*out = "";
	if (!v || json_is_null(v) || json_string_length(v) == 0)
		return !v || json_is_null(v) || json_is_string(v)
			   ? 0
			   : refuse(c, BAD, field, lang("此项必须是文字", "this field must be a text"));
	return need_text(c, field, TEXT_MAX_CHARACTERS, out);
}

static int need_wall(struct command *c, const char *field, struct wall *out)
{
	const char *why = NULL, *t = json_string_value(json_object_get(c->args, field));

	if (t && wall_parse(t, out, &why) == 0)
		return 0;
	return refuse(c, BAD, field,
		      lang_is_zh() || !why
			  ? lang("时间须为带时区的 RFC 3339 格式，例如 2026-11-23T11:15:00+08:00",
				 "give a time like 2026-11-23T11:15:00+08:00")
			  : why);
}

static int need_id(struct command *c, int64_t *out)
{
	const json_t *v = json_object_get(c->args, "id");

	*out = json_integer_value(v);
	return json_is_integer(v) && *out > 0 ? 0
					      : refuse(c, BAD, "id",
						       lang("编号必须是正整数", "the id must be a "
										"positive integer"));
}

static int not_found(struct command *c, const char *field)
{
	return refuse(c, NOT_FOUND, field,
		      lang("没有这个编号，请先查看列表", "there is none with this id: look at the list"));
}

/* --- verbs --------------------------------------------------------------------------------------- */

static int no_camera_row(void *arg, const struct catalog_camera *row)
{
	(void)arg;
	(void)row;
	return 0;
}

/* What was asked, and what is kept for it. */
static int tell_placed(struct command *c, int64_t id, const char *camera, struct wall_range asked)
{
	struct wall_range kept;
	int rc = catalog_hold_protected(c->ix->catalog, camera, asked, &kept);

	if (rc < 0)
		return rc;
	json_decref(*c->reply);
	*c->reply = json_pack("{sI so so so so}", "id", (json_int_t)id, "start", wall_json(asked.start.us), "end",
			      wall_json(asked.end.us), "protected_start", wall_json(kept.start.us), "protected_end",
			      wall_json(kept.end.us));
	return 0;
}

static int hold_place_verb(struct command *c)
{
	const char *camera, *reason, *reference, *by;
	struct wall_range range;
	int64_t id;

	if (need_text(c, "camera", ID_MAX_BYTES, &camera) || need_wall(c, "start", &range.start) ||
	    need_wall(c, "end", &range.end) || need_text(c, "reason", TEXT_MAX_CHARACTERS, &reason) ||
	    may_text(c, "reference", &reference) || need_text(c, "by", TEXT_MAX_CHARACTERS, &by))
		return -EINVAL;
	if (range.start.us >= range.end.us)
		return refuse(c, BAD, "end",
			      lang("结束时间必须晚于开始时间", "the end must be after the start"));
	int rc = catalog_cameras(c->ix->catalog, camera, no_camera_row, NULL);
	if (rc == -ENOENT)
		return not_found(c, "camera");
	if (rc == 0)
		rc = hold_place(c->ix->catalog, c->ix->acc.now, camera, range, reason, reference, by, &id);
	if (rc < 0)
		return rc;
	c->status = CREATED;
	return tell_placed(c, id, camera, range);
}

static int refuse_release(struct command *c, bool approves_only)
{
	if (approves_only)
		return refuse(c, CONFLICT, "id",
			      lang("须先由机构申请解除，或须由另一人批准：一人不能解除保全",
				   "the site has to ask first, or another person has to approve: nobody releases a hold alone"));
	return refuse(c, CONFLICT, "id",
		      lang("申请解除者不能自行批准，须由另一人（另一令牌；本机 root 与服务账户视为同一人）批准",
			   "who asked for the release cannot approve it: another person must (another token; root and the service's "
			   "user on the box count as one person)"));
}

static int hold_release_verb(struct command *c)
{
	const char *reason, *by;
	int64_t id;

	if (need_id(c, &id) || need_text(c, "reason", TEXT_MAX_CHARACTERS, &reason) ||
	    need_text(c, "by", TEXT_MAX_CHARACTERS, &by))
		return -EINVAL;
	bool approves_only = json_is_true(json_object_get(c->args, "approves_only"));
	int rc = hold_release(c->ix->catalog, c->ix->acc.now, id, reason, by, approves_only);
	if (rc == HOLD_RELEASE_REQUESTED) {
		json_object_set_new(*c->reply, "state", json_string("release_requested"));
		c->status = ACCEPTED;
		return 0;
	}
	if (rc == -EPERM)
		return refuse_release(c, approves_only);
	if (rc == 0)
		json_object_set_new(*c->reply, "state", json_string("released"));
	if (rc == -ENOENT)
		return not_found(c, "id");
	if (rc == -EALREADY)
		return refuse(c, CONFLICT, "id", lang("该保全已经解除", "this hold was released before"));
	return rc;
}

static int note_camera(void *arg, const struct catalog_gap *row)
{
	snprintf(arg, CATALOG_ID_MAX, "%s", row->camera);
	return 0;
}

static int gap_explain_verb(struct command *c)
{
	const char *text, *by;
	char camera[CATALOG_ID_MAX];
	int64_t id;

	if (need_id(c, &id) || need_text(c, "text", TEXT_MAX_CHARACTERS, &text) ||
	    need_text(c, "by", TEXT_MAX_CHARACTERS, &by))
		return -EINVAL;
	int rc = catalog_gap_get(c->ix->catalog, id, note_camera, camera);
	if (rc == -ENOENT)
		return not_found(c, "id");
	if (rc == 0)
		rc = db_run(c->ix->catalog->db,
			    "UPDATE gap SET explanation = ?, explained_by = ?, explained_at = ? WHERE id = ?",
			    "ttii", text, by, c->ix->acc.now.us, id);
	return rc < 0 ? rc
		      : ledger_append(c->ix->catalog, c->ix->acc.now, "gap.explained", camera,
				      json_pack("{sI ss ss}", "id", (json_int_t)id, "text", text, "by", by),
				      NULL);
}

static int key_created_verb(struct command *c)
{
	const char *name, *public;
	uint8_t raw[PUBKEY_BYTES];

	if (need_text(c, "name", ID_MAX_BYTES, &name) || need_text(c, "public", 2 * PUBKEY_BYTES, &public))
		return -EINVAL;
	if (strcmp(name, "site") != 0) /* the api speaks for no other: the seal key is the recorder's */
		return refuse(c, BAD, "name", lang("此处只登记机构密钥 (site)", "only the site's key is told here"));
	if (hex_decode(public, raw, sizeof raw) < 0)
		return refuse(c, BAD, "public",
			      lang("公钥须为 64 位小写十六进制", "give 64 lower-case hex digits"));
	return key_learn(c->ix, name, public, json_object_get(c->args, "handovers"));
}

static int disk_args(struct command *c, const char **path, const char **reason, const char **by)
{
	return need_text(c, "path", TEXT_MAX_CHARACTERS, path) || need_text(c, "reason", TEXT_MAX_CHARACTERS, reason) ||
			       need_text(c, "by", TEXT_MAX_CHARACTERS, by)
		       ? -EINVAL : 0;
}

static int no_disk(struct command *c)
{
	return refuse(c, NOT_FOUND, "path", lang("没有这块硬盘，请用 holdfast disk list 查看",
						 "there is no such disk: look at holdfast disk list"));
}

static int disk_retire_verb(struct command *c)
{
	const char *path, *reason, *by;

	if (disk_args(c, &path, &reason, &by) < 0)
		return -EINVAL;
	int rc = disk_retire(c->ix, path, reason, by);
	if (rc == -EBUSY)
		return refuse(c, CONFLICT, "path",
			      lang("此盘仍在配置中：先写 state: drain，迁空后从 storage 中删去并重新加载",
				   "this disk is still configured: write state: drain, and when it is empty take it out of "
				   "storage and reload"));
	if (rc == -ENOTEMPTY)
		return refuse(c, CONFLICT, "path",
			      lang("此盘上还有录像：请写 state: drain 并等待迁空；如已损坏，用 holdfast disk replace",
				   "there is footage on this disk: write state: drain and wait until it is empty; if it is lost: "
				   "holdfast disk replace"));
	return rc == -ENOENT ? no_disk(c) : rc;
}

static int disk_replace_verb(struct command *c)
{
	const char *path, *reason, *by;

	if (disk_args(c, &path, &reason, &by) < 0)
		return -EINVAL;
	int rc = disk_replace(c->ix, path, reason, by);
	if (rc == -EBUSY)
		return refuse(c, CONFLICT, "path",
			      lang("原来的硬盘仍在此处且可读：请先迁空（state: drain）再退役",
				   "the disk that was there is there, and can be read: drain and retire it instead"));
	return rc == -ENOENT ? no_disk(c) : rc;
}

static int object_keep_verb(struct command *c)
{
	struct object_kept k;

	if (object_kept_parse(c->args, &k) < 0)
		return refuse(c, BAD, NULL, lang("对象描述不完整", "this does not describe an object"));
	int rc = object_keep(c->ix->catalog, c->ix->acc.now, &k);
	return rc == -EBADMSG ? refuse(c, CONFLICT, "seal", lang("目录中是另一个文件", "the catalogue has another file"))
			      : rc;
}

static int object_drop_verb(struct command *c)
{
	struct object_kept k;

	if (object_kept_parse(c->args, &k) < 0)
		return refuse(c, BAD, NULL, lang("对象描述不完整", "this does not describe an object"));
	return object_drop(c->ix->catalog, k.camera, k.start, k.version);
}

static int object_answer(struct command *c, int rc)
{
	if (rc == -EAGAIN)
		return refuse(c, LATER, NULL, lang("录像尚未清点完毕，稍后重试", "the files on the disks are still being taken up: try again"));
	if (rc == -EINVAL)
		return refuse(c, BAD, NULL, lang("对象描述不完整", "this does not describe an object"));
	return rc == -EBADMSG ? refuse(c, CONFLICT, "seal", lang("封印不符", "its seal does not hold")) : rc;
}

static int object_found_verb(struct command *c) { return object_answer(c, object_take(c->ix, c->args)); }

static int object_listed_verb(struct command *c) { return object_answer(c, object_take_end(c->ix, c->args)); }

static int dispatch(struct command *c, const char *verb)
{
	static const struct {
		const char *verb;
		int (*fn)(struct command *c);
	} verbs[] = {{"hold.place", hold_place_verb},
		     {"hold.release", hold_release_verb},
		     {"gap.explain", gap_explain_verb},
		     {"key.created", key_created_verb},
		     {"object.keep", object_keep_verb},
		     {"object.drop", object_drop_verb},
		     {"object.found", object_found_verb},
		     {"object.listed", object_listed_verb},
		     {"disk.retire", disk_retire_verb},
		     {"disk.replace", disk_replace_verb}};

	for (unsigned i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return verbs[i].fn(c);
	return refuse(c, NOT_FOUND, "verb", lang("没有这个命令", "there is no such command"));
}

int indexer_command(struct indexer *ix, const char *verb, const json_t *args, json_t **reply)
{
	struct command c = {.ix = ix, .args = args, .reply = reply, .status = OK};

	*reply = json_object();
	int rc = transaction_begin(ix);
	if (rc == 0)
		rc = transaction_end(ix, dispatch(&c, verb));
	if (rc < 0 && c.status < BAD) {
		log_error("command", "verb=%.40s error=%d", verb, rc);
		refuse(&c, FAILED, NULL,
		       lang("目录写入失败，请检查硬盘后重试", "the catalogue could not be written: "
							      "check the disk and try again"));
	}
	return c.status;
}
