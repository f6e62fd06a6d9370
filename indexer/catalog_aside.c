#include "indexer/catalog.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/lang.h"

#include <errno.h>
#include <stdlib.h>

int db_put_aside(const char *state, const char *db, struct wall now, char *to, struct err *e)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""}; /* the database last: then it is done */
	struct fs *fs = fs_real();
	char name[WALL_TEXT_MAX];
	int rc = 0;

	*to = '\0';
	wall_format_name(now, name);
	for (int i = 0; i < 3 && rc == 0; i++) {
		char *from = xasprintf("%s/%s%s", state, db, suffixes[i]);
		char *aside = xasprintf("%s/%s.%s%s", state, db, name, suffixes[i]);
		rc = fs->rename(fs, from, aside);
		if (rc == 0)
			snprintf(to, 4096, "%s", aside);
		rc = rc == -ENOENT ? 0 : rc;
		free(from);
		free(aside);
	}
	if (rc == 0)
		rc = fs->sync_dir(fs, state);
	return rc < 0 ? err_set(e, rc, lang("无法移开数据库 %s/%s：%s", "cannot move %s/%s aside: %s"), state, db, strerror(-rc))
		      : 0;
}

int catalog_put_aside(const char *state, struct wall now, char *to, struct err *e)
{
	return db_put_aside(state, "catalog.db", now, to, e);
}
