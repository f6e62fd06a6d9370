/* /healthz: this process answers. /readyz: it can answer from the catalogue. */
#include "call.h"
#include "router.h"

#include <errno.h>

int health_alive(struct call *c)
{
	call_bytes(c, 200, "text/plain; charset=utf-8", NULL, "ok\n", 3);
	return 0;
}

int health_ready(struct call *c)
{
	char value[32];
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_state(cat, "settled_at", value, sizeof value) : 0;

	if (!cat)
		return -1;
	if (rc < 0 && rc != -ENOENT)
		return call_broken(c, rc);
	call_bytes(c, 200, "text/plain; charset=utf-8", NULL, "ready\n", 6);
	return 0;
}
