#include "catalog_internal.h"
#include "db_format.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>

int catalog_open(const char *path, struct catalog **out, struct err *e)
{
	struct db *db;
	int rc = db_open_reader(path, &db, e);

	if (rc < 0)
		return rc;
	rc = db_format_check(db, path, CATALOG_FORMAT, e);
	if (rc < 0) {
		db_close(db);
		return rc;
	}
	*out = xcalloc(1, sizeof **out);
	(*out)->db = db;
	return 0;
}

void catalog_close(struct catalog *c)
{
	if (!c)
		return;
	db_close(c->db);
	free(c);
}

int catalog_cache(struct catalog *c, unsigned mib)
{
	char pragma[64];

	snprintf(pragma, sizeof pragma, "PRAGMA cache_size = -%u", mib << 10);
	return db_exec(c->db, pragma);
}

int catalog_begin_read(struct catalog *c)
{
	return db_begin_read(c->db);
}

int catalog_end_read(struct catalog *c)
{
	return db_end(c->db, 0);
}

int catalog_state(struct catalog *c, const char *key, char *out, size_t room)
{
	struct db_query q;

	if (room)
		out[0] = '\0';
	int rc = db_query(c->db, &q, "SELECT value FROM state WHERE key = ?", "t", key);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0)
		snprintf(out, room, "%s", db_text(&q, 0));
	db_done(&q);
	return rc < 0 ? rc : 0;
}

int catalog_state_int(struct catalog *c, const char *key, int64_t *out)
{
	char text[32];
	int rc = catalog_state(c, key, text, sizeof text);

	*out = 0;
	return rc < 0 ? rc : site_state_number(text, out) ? 0 : -EIO;
}
