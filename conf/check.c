#include "conf/check.h"

#include "base/buf.h"
#include "conf/file.h"
#include "conf/report.h"
#include "conf/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void report_at(const struct check *k, bool warning, const char *at, const char *key,
                      const char *zh, const char *en, va_list ap)
	__attribute__((format(printf, 5, 0), format(printf, 6, 0)));

static void report_at(const struct check *k, bool warning, const char *at, const char *key,
                      const char *zh, const char *en, va_list ap)
{
	char full[64];

	snprintf(full, sizeof full, "%s%s%s", at, at[0] && key[0] ? "." : "", key);
	if (!shape_is_bad(k->shape, full))
		report_vadd(k->report, warning, shape_line(k->shape, full), full, zh, en, ap);
}

void check_error(const struct check *k, const char *at, const char *key, const char *zh,
                 const char *en, ...)
{
	va_list ap;

	va_start(ap, en);
	report_at(k, false, at, key, zh, en, ap);
	va_end(ap);
}

void check_warning(const struct check *k, const char *at, const char *key, const char *zh,
                   const char *en, ...)
{
	va_list ap;

	va_start(ap, en);
	report_at(k, true, at, key, zh, en, ap);
	va_end(ap);
}

struct check_at check_at(const char *list, unsigned nth)
{
	struct check_at at;

	snprintf(at.text, sizeof at.text, "%s[%u]", list, nth);
	return at;
}

bool check_id(const struct check *k, const char *at, const char *id, size_t max)
{
	if (text_is_id(id, max))
		return true;
	check_error(k, at, "id",
	            "“%s”不是有效编号：只用小写字母、数字和连字符，以字母或数字开头，最多 %zu 个字符",
	            "\"%s\" is no id: use lower-case letters, digits and hyphens, begin with a letter "
	            "or digit, at most %zu characters", text_quote(id).text, max);
	return false;
}

bool check_name(const struct check *k, const char *at, const char *name)
{
	if (text_is_name(name))
		return true;
	check_error(k, at, "name", "名称应为 1 至 %d 个字符，不含控制字符：请缩短或删除控制字符",
	            "a name has 1 to %d characters and no control characters: shorten it or delete "
	            "them", NAME_MAX_CHARS);
	return false;
}

bool check_switch(const struct check *k, const char *at, const char *key, const char *text)
{
	bool on = text && strcmp(text, "true") == 0;

	if (text && !on && strcmp(text, "false") != 0)
		check_error(k, at, key, "“%s”不是 true 或 false：请写 false 或 true，或删除此项",
		            "\"%s\" is neither true nor false: write false or true, or remove the key",
		            text_quote(text).text);
	return on;
}

char *check_path(const struct check *k, const char *at, const char *key, const char *path)
{
	char *full = text_path(k->dir, path);

	if (text_has_control(full) || strlen(full) >= PATH_MAX) {
		check_error(k, at, key, "路径不是 UTF-8、含有控制字符或过长：请换一个路径",
		            "the path is not UTF-8, holds a control character or is too long: "
		            "choose another");
		free(full);
		return NULL;
	}
	return full;
}

static bool check_readable(const struct check *k, const char *at, const char *key,
                           const char *path, struct stat *st)
{
	if (stat(path, st) < 0) {
		check_error(k, at, key, "打不开 %.160s：%s。请检查路径，或创建该文件",
		            "cannot open %.160s: %s; check the path, or make the file", path,
		            file_reason(errno));
	} else if (!S_ISREG(st->st_mode)) {
		check_error(k, at, key, "%.160s 不是普通文件：请改为文件的路径",
		            "%.160s is not a regular file: write the path of a file", path);
	} else if (access(path, R_OK) < 0) {
		check_error(k, at, key, "没有权限读取 %.160s：请用 chown/chmod 让服务用户可读",
		            "%.160s may not be read: let the service user read it (chown, chmod)",
		            path);
	} else {
		return true;
	}
	return false;
}

char *check_file(const struct check *k, const char *at, const char *key, const char *path,
                 bool secret)
{
	char *full = check_path(k, at, key, path);
	struct stat st;

	if (!full)
		return NULL;
	bool fine = check_readable(k, at, key, full, &st);
	if (fine && secret && (st.st_mode & 077)) {
		check_error(k, at, key, "同组或其他用户可以访问此机密文件（权限 %04o）：请执行 chmod 600 %.160s",
		            "others may reach this secret (mode %04o): run chmod 600 %.160s",
		            st.st_mode & 07777u, full);
		fine = false;
	}
	if (fine)
		return full;
	free(full);
	return NULL;
}
