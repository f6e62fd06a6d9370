/* state, storage */
#include "conf/check.h"

#include "base/buf.h"
#include "conf/text.h"
#include "conf/units.h"

#include <stdlib.h>
#include <sys/stat.h>

#define STATE_DEFAULT "/var/lib/holdfast"
#define STATE_MAX_BYTES 90 /* sockets lie in it, and their path has 107 bytes (unix(7)) */
#define RESERVE_DEFAULT "10GiB"
#define RESERVE_LEAST_BYTES (UINT64_C(1) << 20)

static bool is_other_than_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* a is b, or lies in it. */
static bool is_inside(const char *a, const char *b)
{
	size_t len = strlen(b);

	return strncmp(a, b, len) == 0 && (a[len] == '/' || a[len] == '\0');
}

static void check_state(const struct check *k)
{
	const char *text = k->raw->state ? k->raw->state : STATE_DEFAULT;
	char *path = check_path(k, "", "state", text);

	if (path && strlen(path) > STATE_MAX_BYTES)
		check_error(k, "", "state", "路径太长：最多 %d 字节，请换一个较短的文件夹",
		            "the path is too long: at most %d bytes; choose a shorter one",
		            STATE_MAX_BYTES);
	else if (path && (is_other_than_folder(path) || strcmp(path, "/") == 0))
		check_error(k, "", "state", "这不是可用的文件夹：请写一个专用文件夹的路径",
		            "this is no usable folder: write the path of a folder of its own");
	k->conf->state = path ? path : xstrdup(STATE_DEFAULT);
}

static uint64_t check_reserve(const struct check *k, const char *at, const char *text)
{
	uint64_t bytes = 0;

	if (units_bytes(text, &bytes) < 0 || bytes < RESERVE_LEAST_BYTES)
		check_error(k, at, "reserve",
		            "“%s”不可用：请写不小于 1MiB 的大小，带单位 MiB、GiB 或 TiB，例如 10GiB",
		            "\"%s\" cannot be used: write a size of 1MiB or more with its unit MiB, GiB "
		            "or TiB, such as 10GiB", text_quote(text).text);
	return bytes;
}

static void check_overlap(const struct check *k, const char *at, const char *path)
{
	for (unsigned i = 0; i < k->conf->root_count; i++) {
		const char *other = k->conf->roots[i].path;
		if (is_inside(path, other) || is_inside(other, path)) {
			check_error(k, at, "path", "与 storage[%u]（%.120s）相同或互相包含：请各用独立的文件夹",
			            "is the same as storage[%u] (%.120s), or one lies in the "
			            "other: give "
			            "each a folder of its own", i, other);
			return;
		}
	}
	if (strcmp(path, k->conf->state) == 0)
		check_error(k, at, "path", "与 state 是同一文件夹：请分开",
		            "is the same folder as state: keep them apart");
}

static bool check_drain(const struct check *k, const char *at, const char *text)
{
	if (text && strcmp(text, "drain") != 0)
		check_error(k, at, "state", "“%s”不可用：只能写 drain（录像迁到其他硬盘）或不写",
		            "\"%s\" cannot be used: write drain (its footage moves to the other disks), or leave it "
		            "out", text_quote(text).text);
	return text && strcmp(text, "drain") == 0;
}

static void check_root(const struct check *k, unsigned nth)
{
	const struct raw_root *raw = &k->raw->storage[nth];
	struct check_at at = check_at("storage", nth);
	char *path = check_path(k, at.text, "path", raw->path);
	uint64_t reserve = check_reserve(k, at.text, raw->reserve ? raw->reserve : RESERVE_DEFAULT);

	if (!path)
		return;
	if (is_other_than_folder(path) || strcmp(path, "/") == 0)
		check_error(k, at.text, "path", "这不是可用的文件夹：请写一个专用文件夹的路径",
		            "this is no usable folder: write the path of a folder of its own");
	check_overlap(k, at.text, path);
	k->conf->roots[k->conf->root_count++] = (struct conf_root){path, reserve, check_drain(k, at.text, raw->state)};
}

/* Footage that is to leave needs somewhere to go. */
static void check_not_all_drained(const struct check *k)
{
	for (unsigned i = 0; i < k->conf->root_count; i++)
		if (!k->conf->roots[i].drain)
			return;
	if (k->conf->root_count > 0)
		check_error(k, "", "storage", "所有硬盘都是 state: drain，录像无处可去：请至少留一块硬盘不写 state",
		            "every disk says state: drain, and the footage has nowhere to go: leave one without it");
}

void check_storage(const struct check *k)
{
	check_state(k);
	if (k->raw->storage_count == 0)
		check_error(k, "", "storage", "没有存储位置：请至少写一项“- path: …”",
		            "there is no storage: write at least one \"- path: …\"");
	k->conf->roots = xcalloc(k->raw->storage_count, sizeof *k->conf->roots);
	for (unsigned i = 0; i < k->raw->storage_count; i++)
		check_root(k, i);
	check_not_all_drained(k);
}
