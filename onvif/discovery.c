#include "onvif/discovery.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/lang.h"
#include "onvif/answer.h"
#include "onvif/xml.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP "239.255.255.250"
#define PORT 3702
#define INTERFACES_MAX 32
#define PROBES 2            /* each is sent so often: UDP loses some */
#define REPEAT_MS 300
#define LIST_MAX 4096

/* --- texts --------------------------------------------------------------------------------------- */

void discovery_probe(struct buf *out, const char *message_id, const char *type)
{
	buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		   "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
		   "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" "
		   "xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" "
		   "xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\" "
		   "xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\"><s:Header>"
		   "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
		   "<a:MessageID>urn:uuid:%s</a:MessageID>"
		   "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>"
		   "<s:Body><d:Probe><d:Types>%s</d:Types></d:Probe></s:Body></s:Envelope>", message_id, type);
}

static bool is_known(const struct onvif_device *all, unsigned count, const char *address)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(all[i].address, address) == 0)
			return true;
	return false;
}

/* The first of the addresses (they stand in one list) that leads to the host that answered; else the usual one
 * at that host. */
static void take_address(struct onvif_device *d, char *list, const char *from)
{
	char *save = NULL;
	struct err e;

	for (char *word = strtok_r(list, " \t\r\n", &save); word; word = strtok_r(NULL, " \t\r\n", &save))
		if (strstr(word, "://") && onvif_device_address(d, word, &e) == 0 && strcmp(d->host, from) == 0)
			return;
	onvif_device_address(d, from, &e);
}

static void take_match(const xmlNode *match, const char *from, struct onvif_device *d)
{
	char list[LIST_MAX], *save = NULL;

	*d = (struct onvif_device){0};
	xml_text(xml_find(match, "XAddrs"), list, sizeof list);
	take_address(d, list, from);
	xml_text(xml_find(match, "Scopes"), list, sizeof list);
	for (char *word = strtok_r(list, " \t\r\n", &save); word; word = strtok_r(NULL, " \t\r\n", &save))
		answer_scope(d, word);
}

void discovery_answer(const void *data, size_t len, const char *from, struct onvif_device *out, unsigned max,
		      unsigned *count)
{
	xmlDoc *doc;

	if (len > DISCOVERY_ANSWER_MAX_BYTES || xml_parse(data, len, &doc) < 0)
		return;
	const xmlNode *body = answer_body(doc);
	for (const xmlNode *m = xml_find(body, "ProbeMatch"); m && *count < max; m = xml_next(m)) {
		take_match(m, from, &out[*count]);
		*count += !is_known(out, *count, out[*count].address);
	}
	xmlFreeDoc(doc);
}

/* --- sockets --------------------------------------------------------------------------------------- */

static int open_socket(struct in_addr local, unsigned index)
{
	const struct ip_mreqn by = {.imr_address = local, .imr_ifindex = (int)index};
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = local};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by) == 0 &&
	    bind(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

static bool is_wanted(const struct ifaddrs *i, const char *name)
{
	bool usable = i->ifa_addr && i->ifa_addr->sa_family == AF_INET && i->ifa_flags & IFF_UP &&
		      i->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK);

	return usable && (!name || strcmp(name, i->ifa_name) == 0);
}

static int open_all(const char *name, struct pollfd fds[INTERFACES_MAX], unsigned *count)
{
	struct ifaddrs *all;
	int rc = -ENODEV;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *i = all; i && *count < INTERFACES_MAX; i = i->ifa_next) {
		struct sockaddr_in at;
		if (!is_wanted(i, name))
			continue;
		memcpy(&at, i->ifa_addr, sizeof at);
		int fd = open_socket(at.sin_addr, if_nametoindex(i->ifa_name));
		if (fd >= 0)
			fds[(*count)++] = (struct pollfd){.fd = fd, .events = POLLIN};
		else
			rc = fd;
	}
	freeifaddrs(all);
	return *count ? 0 : rc;
}

static int send_probes(const struct pollfd *fds, unsigned count)
{
	static const char *const types[] = {"dn:NetworkVideoTransmitter", "tds:Device"};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	uint8_t uuid[UUID_BYTES];
	char id[UUID_TEXT_MAX];
	int sent = 0, rc = -EIO;

	inet_pton(AF_INET, GROUP, &to.sin_addr);
	for (unsigned t = 0; t < 2; t++) {
		struct buf text = {0};
		uuid_make(uuid);
		uuid_format(uuid, id);
		discovery_probe(&text, id, types[t]);
		for (unsigned i = 0; i < count; i++)
			if (sendto(fds[i].fd, text.data, text.len, 0, (struct sockaddr *)&to, sizeof to) > 0)
				sent++;
			else
				rc = -errno;
		buf_finish(&text);
	}
	return sent ? 0 : rc;
}

struct answers { struct onvif_device *out; unsigned max, *count; };

static void receive(int fd, struct answers *a)
{
	static uint8_t data[DISCOVERY_ANSWER_MAX_BYTES];
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	char host[INET_ADDRSTRLEN];
	ssize_t n;

	while ((n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &len)) > 0)
		if (inet_ntop(AF_INET, &from.sin_addr, host, sizeof host))
			discovery_answer(data, (size_t)n, host, a->out, a->max, a->count);
}

/* Until the time is up, sending once more on the way. */
static int converse(struct pollfd *fds, unsigned count, unsigned wait_ms, struct answers *a)
{
	int64_t began = clock_mono(clock_real()).us;
	unsigned sent = 0;
	int rc = 0;

	for (;;) {
		int64_t age = (clock_mono(clock_real()).us - began) / US_PER_MS;
		if (sent < PROBES && age >= (int64_t)sent * REPEAT_MS) {
			rc = send_probes(fds, count);
			sent++;
		}
		if (rc < 0 || age >= wait_ms)
			return rc;
		int64_t until = sent < PROBES && (int64_t)sent * REPEAT_MS < wait_ms ? (int64_t)sent * REPEAT_MS : wait_ms;
		if (poll(fds, count, (int)(until - age) + 1) > 0)
			for (unsigned i = 0; i < count; i++)
				receive(fds[i].fd, a);
	}
}

int discovery_run(const char *interface, unsigned wait_ms, struct onvif_device *out, unsigned max, unsigned *count,
		  struct err *e)
{
	struct pollfd fds[INTERFACES_MAX];
	struct answers answers = {out, max, count};
	unsigned open = 0;
	int rc = open_all(interface, fds, &open);

	*count = 0;
	if (rc == 0)
		rc = converse(fds, open, wait_ms, &answers);
	for (unsigned i = 0; i < open; i++)
		close(fds[i].fd);
	if (rc == -ENODEV)
		return err_set(e, rc, "%s", lang("没有可用的 IPv4 网卡，请检查网络或 --interface",
			"no interface with an IPv4 address is up: check the network, or --interface"));
	return rc < 0 ? err_set(e, rc, "%s: %s", lang("无法在网络上搜索", "the network cannot be searched"), strerror(-rc)) : 0;
}
