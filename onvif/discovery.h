/* WS-Discovery: asks a network which ONVIF cameras are on it (UDP multicast 239.255.255.250:3702, IPv4).
 *
 * Whoever answers may be anybody: an answer is read as hostile, and only the addresses are taken from it that
 * lead to the host that sent it, since a login may be shown there.
 * Threads: one. Blocking, for wait_ms. Memory: the caller's array.
 * Source: WS-Discovery 1.0 (April 2005), ONVIF Core §7. */
#pragma once
#include "onvif/device.h"

#include <stddef.h>

#define ONVIF_DEVICES_MAX 256
#define DISCOVERY_ANSWER_MAX_BYTES 65536

/* Every interface that is up and has an IPv4 address, loopback too (bridges run on the box itself), or just
 * that one. Fills address, host and scopes of at most max devices, each once; *count of them. 0, or -ENODEV: no
 * such interface; or -errno of the network: nothing could be asked. */
int discovery_run(const char *interface, unsigned wait_ms, struct onvif_device *out, unsigned max, unsigned *count,
		  struct err *e);

/* Pure halves, for tests. The text of a Probe for devices of that type. */
struct buf;
void discovery_probe(struct buf *out, const char *message_id, const char *type);
/* One answer that came from that host: adds the devices that are new. */
void discovery_answer(const void *data, size_t len, const char *from, struct onvif_device *out, unsigned max,
		      unsigned *count);
