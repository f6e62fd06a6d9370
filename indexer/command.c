#include "command.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog_internal.h"
#include "disk.h"
#include "gap.h"
#include "object.h"
#include "object_take.h"

#include <errno.h>

int command_refuse(struct command *c, int status, const char *field, const char *problem)
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

int command_need_text(struct command *c, const char *field, size_t max, const char **out)
{
	const json_t *v = json_object_get(c->args, field);
	const char *t = json_string_value(v);

	/* A NUL inside would cut the text that the ledger keeps. */
	if (!t || is_blank(t) || strlen(t) != json_string_length(v))
		return command_refuse(c, BAD, field,
			      lang("缺少此项，请填写文字", "this field is missing: give a text"));
	if (characters(t) > max)
		return command_refuse(c, BAD, field,
			      lang("文字过长，最多 1000 个字符（标识最多 64 个）",
				   "too long: at most 1000 characters (64 for an id)"));
	*out = t;
	return 0;
}

int command_may_text(struct command *c, const char *field, const char **out)
{
	const json_t *v = json_object_get(c->args, field);

	*out = "";
	if (!v || json_is_null(v) || json_string_length(v) == 0)
		return !v || json_is_null(v) || json_is_string(v)
			   ? 0
			   : command_refuse(c, BAD, field, lang("此项必须是文字", "this field must be a text"));
	return command_need_text(c, field, TEXT_MAX_CHARACTERS, out);
}

int command_need_wall(struct command *c, const char *field, struct wall *out)
{
	const char *why = NULL, *t = json_string_value(json_object_get(c->args, field));

	if (t && wall_parse(t, out, &why) == 0)
		return 0;
	return command_refuse(c, BAD, field,
		      lang_is_zh() || !why
			  ? lang("时间须为带时区的 RFC 3339 格式，例如 2026-11-23T11:15:00+08:00",
				 "give a time like 2026-11-23T11:15:00+08:00")
			  : why);
}

int command_need_id(struct command *c, int64_t *out)
{
	const json_t *v = json_object_get(c->args, "id");

	*out = json_integer_value(v);
	return json_is_integer(v) && *out > 0 ? 0
					      : command_refuse(c, BAD, "id",
						       lang("编号必须是正整数", "the id must be a "
										"positive integer"));
}

static int find_by(struct command *c, const char *name, int64_t id, struct person *out)
{
	const char *secret = json_string_value(json_object_get(c->args, "by_secret"));

	return id == PERSON_BOX ? person_of_box(name, out) : person_find(c->ix->catalog, id, secret ? secret : "", out);
}

int command_need_by(struct command *c, const char *roles, struct person *out)
{
	const char *name;

	if (command_need_text(c, "by", TEXT_MAX_CHARACTERS, &name))
		return -EINVAL;
	int rc = find_by(c, name, json_integer_value(json_object_get(c->args, "by_id")), out);
	if (rc == -ENOENT)
		return command_refuse(c, LATER, "by_id", lang("保管进程尚不知道此令牌，请稍后重试", "the keeper does not know this token yet: try again"));
	if (rc == -EACCES || rc == -EINVAL || (rc == 0 && !text_has_word(roles, out->role)))
		return command_refuse(c, FORBIDDEN, "by", lang("此身份无权执行该操作", "this identity may not do that"));
	return rc;
}

int command_not_found(struct command *c, const char *field)
{
	return command_refuse(c, NOT_FOUND, field,
		      lang("没有这个编号，请先查看列表", "there is none with this id: look at the list"));
}

/* --- verbs --------------------------------------------------------------------------------------- */

static int note_camera(void *arg, const struct catalog_gap *row)
{
	snprintf(arg, CATALOG_ID_MAX, "%s", row->camera);
	return 0;
}

static int gap_explain_verb(struct command *c)
{
	const char *text;
	char camera[CATALOG_ID_MAX];
	struct person by;
	int64_t id;

	if (command_need_id(c, &id) || command_need_text(c, "text", TEXT_MAX_CHARACTERS, &text) ||
	    command_need_by(c, "admin operator", &by))
		return -EINVAL;
	int rc = catalog_gap_get(c->ix->catalog, id, note_camera, camera);
	if (rc == -ENOENT)
		return command_not_found(c, "id");
	if (rc == 0)
		rc = db_run(c->ix->catalog->db,
			    "UPDATE gap SET explanation = ?, explained_by = ?, explained_at = ? WHERE id = ?",
			    "ttii", text, by.name, c->ix->acc.now.us, id);
	if (rc < 0)
		return rc;
	json_t *body = json_pack("{sI ss}", "id", (json_int_t)id, "text", text);
	person_tell(body, "by", &by);
	return ledger_append(c->ix->catalog, c->ix->acc.now, "gap.explained", camera, body, NULL);
}

static int key_created_verb(struct command *c)
{
	const char *name, *public;
	uint8_t raw[PUBKEY_BYTES];

	if (command_need_text(c, "name", ID_MAX_BYTES, &name) || command_need_text(c, "public", 2 * PUBKEY_BYTES, &public))
		return -EINVAL;
	if (strcmp(name, "site") != 0) /* the api speaks for no other: the seal key is the recorder's */
		return command_refuse(c, BAD, "name", lang("此处只登记机构密钥 (site)", "only the site's key is told here"));
	if (hex_decode(public, raw, sizeof raw) < 0)
		return command_refuse(c, BAD, "public",
			      lang("公钥须为 64 位小写十六进制", "give 64 lower-case hex digits"));
	return key_learn(c->ix, name, public, json_object_get(c->args, "handovers"));
}

static int disk_args(struct command *c, const char **path, const char **reason, struct person *by)
{
	return command_need_text(c, "path", TEXT_MAX_CHARACTERS, path) || command_need_text(c, "reason", TEXT_MAX_CHARACTERS, reason) ||
			       command_need_by(c, "admin", by)
		       ? -EINVAL : 0;
}

static int no_disk(struct command *c)
{
	return command_refuse(c, NOT_FOUND, "path", lang("没有这块硬盘，请用 holdfast disk list 查看",
						 "there is no such disk: look at holdfast disk list"));
}

static int disk_retire_verb(struct command *c)
{
	const char *path, *reason;
	struct person by;

	if (disk_args(c, &path, &reason, &by) < 0)
		return -EINVAL;
	int rc = disk_retire(c->ix, path, reason, &by);
	if (rc == -EBUSY)
		return command_refuse(c, CONFLICT, "path",
			      lang("此盘仍在配置中：先写 state: drain，迁空后从 storage 中删去并重新加载",
				   "this disk is still configured: write state: drain, and when it is empty take it out of "
				   "storage and reload"));
	if (rc == -ENOTEMPTY)
		return command_refuse(c, CONFLICT, "path",
			      lang("此盘上还有录像：请写 state: drain 并等待迁空；如已损坏，用 holdfast disk replace",
				   "there is footage on this disk: write state: drain and wait until it is empty; if it is lost: "
				   "holdfast disk replace"));
	return rc == -ENOENT ? no_disk(c) : rc;
}

static int disk_replace_verb(struct command *c)
{
	const char *path, *reason;
	struct person by;

	if (disk_args(c, &path, &reason, &by) < 0)
		return -EINVAL;
	int rc = disk_replace(c->ix, path, reason, &by);
	if (rc == -EBUSY)
		return command_refuse(c, CONFLICT, "path",
			      lang("原来的硬盘仍在此处且可读：请先迁空（state: drain）再退役",
				   "the disk that was there is there, and can be read: drain and retire it instead"));
	return rc == -ENOENT ? no_disk(c) : rc;
}

static int object_keep_verb(struct command *c)
{
	struct object_kept k;

	if (object_kept_parse(c->args, &k) < 0)
		return command_refuse(c, BAD, NULL, lang("对象描述不完整", "this does not describe an object"));
	int rc = object_keep(c->ix->catalog, &k);
	return rc == -EBADMSG ? command_refuse(c, CONFLICT, "seal", lang("目录中是另一个文件", "the catalogue has another file"))
			      : rc;
}

static int object_drop_verb(struct command *c)
{
	struct object_kept k;

	if (object_kept_parse(c->args, &k) < 0)
		return command_refuse(c, BAD, NULL, lang("对象描述不完整", "this does not describe an object"));
	return object_drop(c->ix->catalog, k.camera, k.start, k.version);
}

static int object_answer(struct command *c, int rc)
{
	if (rc == -EAGAIN)
		return command_refuse(c, LATER, NULL, lang("录像尚未清点完毕，稍后重试", "the files on the disks are still being taken up: try again"));
	if (rc == -EINVAL)
		return command_refuse(c, BAD, NULL, lang("对象描述不完整", "this does not describe an object"));
	return rc == -EBADMSG ? command_refuse(c, CONFLICT, "seal", lang("封印不符", "its seal does not hold")) : rc;
}

static int object_found_verb(struct command *c) { return object_answer(c, object_take(c->ix, c->args)); }

static int object_listed_verb(struct command *c) { return object_answer(c, object_take_end(c->ix, c->args)); }

static int dispatch(struct command *c, const char *verb)
{
	static const struct {
		const char *verb;
		command_fn *fn;
	} verbs[] = {{"hold.place", hold_place_verb},
		     {"hold.release", hold_release_verb},
		     {"hold.withdraw", hold_withdraw_verb},
		     {"retention.release", retention_release_verb},
		     {"token.made", token_made_verb},
		     {"token.revoked", token_revoked_verb},
		     {"token.known", token_known_verb},
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
	return command_refuse(c, NOT_FOUND, "verb", lang("没有这个命令", "there is no such command"));
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
		command_refuse(&c, FAILED, NULL,
		       lang("目录写入失败，请检查硬盘后重试", "the catalogue could not be written: "
							      "check the disk and try again"));
	}
	return c.status;
}
