#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/discover.h"
#include "cli/text.h"
#include "onvif/discovery.h"

#include <stdlib.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_S 4
#define TIMEOUT_MAX_S 60
#define DEVICES_MAX (ONVIF_DEVICES_MAX > OPTIONS_ADDRESSES_MAX ? ONVIF_DEVICES_MAX : OPTIONS_ADDRESSES_MAX)

struct found { struct onvif_device *devices; unsigned count; };

static int take_addresses(const struct options *o, struct found *f)
{
	struct err e = {0};

	for (unsigned i = 0; i < o->address_count; i++) {
		if (onvif_device_address(&f->devices[f->count++], o->addresses[i], &e) == 0)
			continue;
		show(stderr, "holdfast: --address: %s\n", e.text);
		return CLI_USAGE;
	}
	return CLI_YES;
}

static int search(const struct options *o, unsigned timeout_ms, struct found *f)
{
	struct err e = {0};

	if (o->address_count > 0)
		return take_addresses(o, f);
	if (discovery_run(o->interface, timeout_ms, f->devices, DEVICES_MAX, &f->count, &e) == 0)
		return CLI_YES;
	show(stderr, "holdfast: %s\n", e.text);
	return CLI_CANNOT;
}

static void read_devices(const struct found *f, const struct credentials *c, unsigned timeout_ms)
{
	const struct onvif_login login = {c->username, c->username ? c->password : NULL};

	for (unsigned i = 0; i < f->count; i++) {
		if (isatty(STDERR_FILENO))
			show(stderr, "%u/%u %s\n", i + 1, f->count, f->devices[i].address);
		onvif_device_read(&f->devices[i], &login, timeout_ms);
	}
}

static void print_all(const struct options *o, const struct found *f)
{
	const struct discover_entry entry = {o->area, o->username, o->password_file};

	if (o->json) {
		json_t *answer = discover_json(f->devices, f->count);
		text_json(answer);
		json_decref(answer);
		return;
	}
	if (!clock_real()->synced(clock_real()))
		show(stdout, "# ! %s\n", lang("本机时钟未同步，下面的时钟误差未必是摄像机的：请先给本机校时",
			      "this box's own clock is not synchronised, so an error below may be ours: give the box a time server"));
	if (f->count == 0)
		show(stdout, "# %s\n", lang("没有找到摄像机：请在摄像机中开启 ONVIF 并确认在同一网段，或用 --address 指定",
			      "no camera answered: enable ONVIF in it, be on the same network, or name it by --address"));
	discover_yaml(f->devices, f->count, &entry, stdout);
}

static int judge(const struct found *f)
{
	for (unsigned i = 0; i < f->count; i++)
		if (!discover_is_fine(&f->devices[i]))
			return CLI_NO;
	return f->count ? CLI_YES : CLI_NO;
}

static int discover(const struct options *o, unsigned timeout_ms, struct found *f)
{
	struct credentials c;
	int rc = credentials_read(&c, o);

	if (rc == CLI_YES)
		rc = search(o, timeout_ms, f);
	if (rc == CLI_YES) {
		read_devices(f, &c, timeout_ms);
		print_all(o, f);
		rc = judge(f);
	}
	credentials_finish(&c);
	return rc;
}

int command_discover(const struct options *o)
{
	unsigned timeout_s = TIMEOUT_DEFAULT_S;

	if (options_number("--timeout", o->timeout, 1, TIMEOUT_MAX_S, &timeout_s) != CLI_YES)
		return CLI_USAGE;
	struct found f = {xcalloc(DEVICES_MAX, sizeof *f.devices), 0};
	int rc = discover(o, timeout_s * 1000, &f);
	free(f.devices);
	return rc;
}
