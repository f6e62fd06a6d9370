/* The offloader's rights: reads archive/ and catalog.db, talks to the object store, tells the keeper, and answers the api. It
 * writes nothing, listens to nobody, and knows no camera. It runs only where an object store is configured. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "daemon/child.h"
#include "offload/offload.h"
#include "offload/read_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct offloader_role { struct offload *copying; struct read_server *reading; unsigned open_parts; struct child *child; };

static int construct(struct child *c, struct err *e)
{
	struct offloader_role *r;

	if (!c->conf->offload.url)
		return err_set(e, -EINVAL, "no object store is configured");
	c->state = r = xcalloc(1, sizeof *r);
	r->child = c;
	return 0;
}

static void confine(struct child *c, struct sandbox *s)
{
	char *db = state_path(c->conf, "catalog.db");

	for (unsigned i = 0; i < c->conf->root_count; i++)
		sandbox_allow(s, SANDBOX_READ | SANDBOX_NO_LINK, "%s/archive", c->conf->roots[i].path);
	child_allow_db(s, db, SANDBOX_READ);
	if (c->conf->offload.ca)
		sandbox_allow(s, SANDBOX_READ, "%s", c->conf->offload.ca);
	child_allow_system(s);
	s->calls = SANDBOX_CALLS_CONNECT;
	s->any_port = true;
	s->memory_bytes = CHILD_MEMORY_BYTES;
	free(db);
}

static int begin(struct child *c, struct err *e)
{
	struct offloader_role *r = c->state;
	char *db = state_path(c->conf, "catalog.db");
	const struct offload_deps deps = {.loop = &c->loop, .conf = c->conf, .clock = clock_real(), .fs = fs_real(),
					  .catalog_path = db};
	const struct read_server_deps reading = {.loop = &c->loop, .conf = c->conf, .clock = clock_real(), .catalog_path = db};

	(void)e;
	r->copying = offload_create(&deps);
	r->reading = read_server_create(&reading);
	free(db);
	return 0;
}

static void take_channel(struct child *c, enum channel_role other, int end)
{
	struct offloader_role *r = c->state;

	if (other == CHANNEL_KEEPER)
		offload_take_channel(r->copying, end);
	else if (other == CHANNEL_API)
		read_server_take(r->reading, end);
	else
		close(end);
}

static void on_closed(void *arg)
{
	struct offloader_role *r = arg;

	if (--r->open_parts == 0)
		child_stopped(r->child);
}

static void stop(struct child *c)
{
	struct offloader_role *r = c->state;

	r->open_parts = 2;
	offload_close(r->copying, on_closed, r);
	read_server_close(r->reading, on_closed, r);
}

static void destroy(struct child *c)
{
	free(c->state);
}

static const struct child_role role = {
	.name = "offloader", .part = CONF_OFFLOADER, .construct = construct, .confine = confine, .begin = begin,
	.take_channel = take_channel, .stop = stop,
	.destroy = destroy};

int main(void) { return child_main(&role); }
