#include "indexer/catalog.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/lang.h"

#include <errno.h>
#include <stdlib.h>

int catalog_put_aside(const char *state, struct wall now, char *to, struct err *e)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""}; /* the database last: then it is done */
	struct fs *fs = fs_real();
	char name[WALL_TEXT_MAX];
	int rc = 0;

	*to = '\0';
	wall_format_name(now, name);
	for (int i = 0; i < 3 && rc == 0; i++) {
		char *from = xasprintf("%s/catalog.db%s", state, suffixes[i]);
		char *aside = xasprintf("%s/catalog.db.%s%s", state, name, suffixes[i]);
		rc = fs->rename(fs, from, aside);
		if (rc == 0)
			snprintf(to, 4096, "%s", aside);
		rc = rc == -ENOENT ? 0 : rc;
		free(from);
		free(aside);
	}
	if (rc == 0)
		rc = fs->sync_dir(fs, state);
	return rc < 0 ? err_set(e, rc, lang("无法移开目录数据库 %s/catalog.db：%s", "cannot move %s/catalog.db aside: %s"), state, strerror(-rc))
		      : 0;
}
