#include "daemon/ownership.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/log.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FOLDERS 32

static int take_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)type, (void)at;
	if (st->st_uid != 0 && lchown(path, 0, (gid_t)-1) < 0)
		log_error("ownership", "path=%s text=\"cannot be given to root: %s\"", path, strerror(errno));
	return 0; /* what cannot be given is told, and the rest is given */
}

static void take_tree(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid == 0)
		return;
	log_warn("ownership", "path=%s owner=%u text=\"started as root: it is given to root, as no process keeps root's privileges\"", path,
		 (unsigned)st.st_uid);
	nftw(path, take_one, OPEN_FOLDERS, FTW_PHYS | FTW_MOUNT | FTW_DEPTH); /* the folder itself last: a start that was cut off goes on */
}

void ownership_take(const struct conf *conf)
{
	static const char *const ours[] = {"", "/incoming", "/archive", "/ledger", "/moving"};

	if (geteuid() != 0)
		return;
	take_tree(conf->state);
	for (unsigned i = 0; i < conf->root_count; i++)
		for (size_t k = 0; k < sizeof ours / sizeof *ours; k++) {
			char *path = xasprintf("%s%s", conf->roots[i].path, ours[k]);
			take_tree(path);
			free(path);
		}
}

static int check_way(const char *path, struct err *e)
{
	char *way = xstrdup(path);
	struct stat st;
	int rc = 0;

	for (char *slash; rc == 0 && (slash = strrchr(way, '/')) != NULL && slash != way;) {
		*slash = '\0';
		if (stat(way, &st) == 0 && st.st_uid != 0 && !(st.st_mode & S_IXOTH) && !(st.st_gid == 0 && st.st_mode & S_IXGRP))
			rc = err_set(e, -EACCES, lang("%s 只允许其属主进入；以 root 启动时各进程没有特权。请 chmod o+x，或以其属主启动",
						      "%s lets in its owner only, and no process keeps root's privileges: chmod o+x it, or start as its owner"),
				     way);
	}
	free(way);
	return rc;
}

int ownership_check_way(const struct conf *conf, struct err *e)
{
	int rc = geteuid() == 0 ? check_way(conf->state, e) : 0;

	for (unsigned i = 0; rc == 0 && geteuid() == 0 && i < conf->root_count; i++)
		rc = check_way(conf->roots[i].path, e);
	return rc;
}
