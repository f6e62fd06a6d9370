/* The half of object.h that hands to the ledger's daily word what was deleted. */
#include "object.h"

#include "catalog_internal.h"

int object_tell(struct catalog *c)
{
	int rc = db_run(c->db, "INSERT OR IGNORE INTO object_told SELECT CASE WHEN expired THEN 'expired' ELSE 'deleted' END, camera, place, "
			"start, seal_digest, end, bytes FROM object_gone", "");

	return rc < 0 || db_changes(c->db) == 0 ? rc : db_run(c->db, "DELETE FROM object_gone", "");
}
