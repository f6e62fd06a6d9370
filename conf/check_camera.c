/* areas, cameras */
#include "conf/check.h"

#include "base/buf.h"
#include "base/lang.h"
#include "conf/rule.h"
#include "conf/text.h"

#include <stdlib.h>

#define PASSWORD_MAX_BYTES 256
#define USERNAME_MAX_BYTES 128

/* --- areas ------------------------------------------------------------------- */

static enum area_kind check_kind(const struct check *k, const char *at, const char *text)
{
	enum area_kind kind = AREA_OUTDOOR;

	if (area_kind_parse(text, &kind) < 0)
		check_error(k, at, "kind", "没有“%s”这种区域类型：请写 %s 之一",
		            "there is no kind of area \"%s\": write one of %s", text_quote(text).text,
		            AREA_KINDS_TEXT);
	return kind;
}

static void check_area(const struct check *k, unsigned nth)
{
	const struct raw_area *raw = &k->raw->areas[nth];
	struct check_at at = check_at("areas", nth);

	check_id(k, at.text, raw->id, ID_MAX_CHARS);
	if (conf_area_find(k->conf, raw->id))
		check_error(k, at.text, "id", "区域编号“%s”重复：请改用唯一的编号",
		            "the area id \"%s\" is used twice: choose a unique one",
		            text_quote(raw->id).text);
	check_name(k, at.text, raw->name);
	k->conf->areas[k->conf->area_count++] = (struct conf_area){
		xstrdup(raw->id), xstrdup(raw->name), check_kind(k, at.text, raw->kind)};
}

static bool has_camera(const struct check *k, const char *area)
{
	for (unsigned i = 0; i < k->raw->cameras_count; i++)
		if (strcmp(k->raw->cameras[i].area, area) == 0)
			return true;
	return false;
}

static void check_coverage(const struct check *k)
{
	const struct conf_rule *rule = &k->conf->rule;
	bool unsure = shape_is_bad(k->shape, "cameras") || has_camera(k, SHAPE_UNKNOWN);
	bool demanded = false;

	for (unsigned i = 0; i < k->conf->area_count; i++) {
		const struct conf_area *a = &k->conf->areas[i];
		bool must = rule->id && rule_must_cover(rule, a->kind);
		demanded |= must;
		if (must && !unsure && !has_camera(k, a->id))
			check_error(k, check_at("areas", i).text, "id",
			            "区域“%s”（%s）没有摄像机：%s%s要求此类区域全部覆盖；请在 cameras 中为它添加一台",
			            "the area \"%s\" (%s) has no camera: %s %s demands that such areas are "
			            "covered; add one under cameras", text_quote(a->id).text,
			            area_kind_name(a->kind), rule->title, rule->article);
	}
	if (rule->id && !demanded)
		check_warning(k, "", "areas", "没有 living 或 activity 区域：%s%s要求覆盖这些区域；请在 areas 中登记",
		              "no area of a kind that %s %s wants covered: register living and "
		              "activity "
		              "areas under areas", rule->title, rule->article);
}

void check_areas(const struct check *k)
{
	k->conf->areas = xcalloc(k->raw->areas_count, sizeof *k->conf->areas);
	for (unsigned i = 0; i < k->raw->areas_count; i++)
		check_area(k, i);
	check_coverage(k);
}

/* --- one camera -------------------------------------------------------------- */

static void suggest_area(const struct check *k, const char *at, const char *id)
{
	const char *ids[SCHEMA_AREAS_MAX];

	for (unsigned i = 0; i < k->conf->area_count; i++)
		ids[i] = k->conf->areas[i].id;
	const char *near = text_nearest(id, ids, k->conf->area_count);
	struct quoted shown = text_quote(near ? near : "");
	if (near)
		check_error(k, at, "area", "没有区域“%s”：是否应为 %s？否则请先在 areas 中登记",
		            "there is no area \"%s\": did you mean %s? otherwise add it under areas",
		            text_quote(id).text, shown.text);
	else
		check_error(k, at, "area", "没有区域“%s”：请先在 areas 中登记",
		            "there is no area \"%s\": add it under areas", text_quote(id).text);
}

static void check_area_of(const struct check *k, const char *at, const char *id)
{
	const struct conf_area *area = conf_area_find(k->conf, id);
	const char *article = k->conf->rule.private_article;

	if (!area && !shape_is_bad(k->shape, "areas") && !conf_area_find(k->conf, SHAPE_UNKNOWN))
		suggest_area(k, at, id);
	if (area && area->kind == AREA_PRIVATE)
		check_error(k, at, "area",
		            "区域“%s”为 private（卫生间、洗浴、更衣、哺乳等）：%s禁止在此安装摄像机；请删除这台摄像机",
		            "the area \"%s\" is private (toilet, bathing, changing, nursing): %s forbids a "
		            "camera there; remove this camera", text_quote(id).text,
		            article ? article : lang("法律", "the law"));
}

/* --- credentials ------------------------------------------------------------- */


static void check_credentials(const struct check *k, const char *at, const struct raw_camera *raw,
                              struct conf_camera *cam)
{
	if (raw->username && !raw->password_file)
		check_error(k, at, "username",
		            "有 username 却没有 password_file：请补上 password_file，或删除 username",
		            "username without password_file: add password_file, or remove "
		            "username");
	if (raw->password_file && !raw->username)
		check_error(k, at, "password_file",
		            "有 password_file 却没有 username：请补上 username，或删除 password_file",
		            "password_file without username: add username, or remove "
		            "password_file");
	if (raw->username &&
	    (strlen(raw->username) > USERNAME_MAX_BYTES || text_has_control(raw->username)))
		check_error(k, at, "username", "用户名过长或含有控制字符：最多 %d 字节",
		            "too long, or a control character in it: at most %d bytes",
		            USERNAME_MAX_BYTES);
	if (raw->username)
		cam->username = xstrdup(raw->username);
	if (raw->password_file)
		cam->password_file = check_file(k, at, "password_file", raw->password_file, true);
	if (cam->password_file)
		cam->password = check_secret(k, at, "password_file", cam->password_file, PASSWORD_MAX_BYTES);
}

/* --- cameras ----------------------------------------------------------------- */

static void check_twins(const struct check *k, const char *at, const struct raw_camera *raw)
{
	if (conf_camera_find(k->conf, raw->id))
		check_error(k, at, "id", "摄像机编号“%s”重复：请改用唯一的编号",
		            "the camera id \"%s\" is used twice: choose a unique one",
		            text_quote(raw->id).text);
	for (unsigned i = 0; i < k->conf->camera_count; i++) {
		const struct conf_camera *twin = &k->conf->cameras[i];
		if (strcmp(twin->url, raw->url) != 0 && !(twin->sub_url && strcmp(twin->sub_url, raw->url) == 0))
			continue;
		check_warning(k, at, "url", "与 cameras[%u] 的地址相同：同一画面不能算作两台摄像机；请核对",
		              "is the same as that of cameras[%u]: one picture is not two "
		              "cameras; check it",
		              i);
		return;
	}
}

static void check_camera(const struct check *k, unsigned nth)
{
	const struct raw_camera *raw = &k->raw->cameras[nth];
	struct check_at at = check_at("cameras", nth);
	struct conf_camera cam = {0};

	check_id(k, at.text, raw->id, ID_MAX_CHARS);
	check_name(k, at.text, raw->name);
	check_twins(k, at.text, raw);
	check_area_of(k, at.text, raw->area);
	check_transport(k, at.text, raw, &cam);
	check_credentials(k, at.text, raw, &cam);
	cam.id = xstrdup(raw->id);
	cam.name = xstrdup(raw->name);
	cam.area = xstrdup(raw->area);
	cam.url = xstrdup(raw->url);
	cam.sub_url = raw->sub_url ? xstrdup(raw->sub_url) : NULL;
	cam.has_sub = raw->sub_url != NULL;
	k->conf->cameras[k->conf->camera_count++] = cam;
}

void check_cameras(const struct check *k)
{
	k->conf->cameras = xcalloc(k->raw->cameras_count, sizeof *k->conf->cameras);
	for (unsigned i = 0; i < k->raw->cameras_count; i++)
		check_camera(k, i);
	if (k->raw->cameras_count == 0)
		check_warning(k, "", "cameras", "没有摄像机，什么都不会录：请在 cameras 中添加",
		              "no camera, so nothing is recorded: add cameras");
}
