/* The offloader's rights: reads archive/ and catalog.db, talks to the object store, and tells the keeper. It writes
 * nothing, listens to nobody, and knows no camera. It runs only where an object store is configured. */
#include "base/clock.h"
#include "base/fs.h"
#include "daemon/child.h"
#include "offload/offload.h"

#include <stdlib.h>

static int construct(struct child *c, struct err *e)
{
	if (!c->conf->offload.url)
		return err_set(e, -EINVAL, "no object store is configured");
	return 0;
}

static void confine(struct child *c, struct sandbox *s)
{
	char *db = state_path(c->conf, "catalog.db");

	for (unsigned i = 0; i < c->conf->root_count; i++)
		sandbox_allow(s, SANDBOX_READ, "%s/archive", c->conf->roots[i].path);
	child_allow_db(s, db, SANDBOX_READ);
	if (c->conf->offload.ca)
		sandbox_allow(s, SANDBOX_READ, "%s", c->conf->offload.ca);
	child_allow_system(s);
	s->network = true;
	free(db);
}

static int begin(struct child *c, struct err *e)
{
	char *socket = state_path(c->conf, "run/keeper.sock"), *db = state_path(c->conf, "catalog.db");
	const struct offload_deps deps = {.loop = &c->loop, .conf = c->conf, .clock = clock_real(), .fs = fs_real(),
					  .catalog_path = db, .keeper_socket = socket};

	(void)e;
	c->state = offload_create(&deps);
	free(socket);
	free(db);
	return 0;
}

static void on_closed(void *arg)
{
	child_stopped(arg);
}

static void stop(struct child *c)
{
	offload_close(c->state, on_closed, c);
}

static const struct child_role role = {
	.name = "offloader", .part = CONF_OFFLOADER, .construct = construct, .confine = confine, .begin = begin, .stop = stop};

int main(void) { return child_main(&role); }
