#include "indexer/catalog.h"

#include <errno.h>

int catalog_keep(struct catalog *c, struct catalog_keep *out)
{
	char text[200];
	json_int_t days = 0, asked = 0, at = 0, witnessed = 0;
	int rc = catalog_state(c, "keep", text, sizeof text);

	*out = (struct catalog_keep){0};
	if (rc < 0 || !*text)
		return rc;
	json_t *o = json_loads(text, 0, NULL);
	if (!o || json_unpack(o, "{sI sI sI sI}", "days", &days, "asked_days", &asked, "asked_at", &at,
			      "asked_witnessed_us", &witnessed) < 0)
		rc = -EIO;
	*out = (struct catalog_keep){(unsigned)days, (unsigned)asked, {at}, witnessed};
	json_decref(o);
	return rc;
}
