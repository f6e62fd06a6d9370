#include "indexer/sealed_tell.h"

#include "catalog_internal.h"

#include <errno.h>

/* The last time that it was told, else when the ledger began. */
static int find_told(struct catalog *c, struct wall *told)
{
	int rc = db_int(c->db, &told->us, "SELECT at FROM ledger WHERE kind = 'footage.sealed' ORDER BY seq DESC LIMIT 1", "");

	return rc != -ENOENT ? rc : db_int(c->db, &told->us, "SELECT at FROM ledger ORDER BY seq LIMIT 1", "");
}

static int tell(struct catalog *c, struct wall now)
{
	json_t *cameras;
	int rc = catalog_sealed(c, &cameras);

	if (rc == 0 && json_array_size(cameras) == 0) {
		json_decref(cameras);
		return 0;
	}
	return rc < 0 ? rc : ledger_append(c, now, "footage.sealed", NULL, json_pack("{so}", "cameras", cameras), NULL);
}

int sealed_tell(struct sealed_tell *t, struct catalog *c, struct wall now)
{
	int rc = t->known ? 0 : find_told(c, &t->told);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc; /* the ledger is empty */
	t->known = true;
	if (now.us - t->told.us < SEALED_EVERY_US && now.us >= t->told.us) /* a clock that was set back waits for no later time */
		return 0;
	rc = catalog_begin(c);
	rc = rc < 0 ? rc : catalog_end(c, tell(c, now));
	t->told = rc == 0 ? now : t->told;
	return rc;
}
