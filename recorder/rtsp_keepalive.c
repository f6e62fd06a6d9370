#include "rtsp_keepalive.h"

#include "rtsp_reply.h"

enum { GET_PARAMETER, SET_PARAMETER, OPTIONS, METHODS };
#define ALL ((1u << METHODS) - 1)

static const char *const names[] = {"GET_PARAMETER", "SET_PARAMETER", "OPTIONS"};

void rtsp_keepalive_offers(struct rtsp_keepalive *k, bool known, const char *offers)
{
	*(known ? &k->offered : &k->refused) |= 1u << OPTIONS;
	for (unsigned m = 0; known && offers && m < METHODS; m++)
		if (rtsp_reply_lists(offers, names[m]))
			k->offered |= 1u << m;
}

static unsigned first_of(unsigned set)
{
	unsigned m = 0;

	while (m < OPTIONS && !(set & 1u << m))
		m++;
	return m;
}

static unsigned current(const struct rtsp_keepalive *k)
{
	unsigned good = k->offered & ~k->refused;

	return first_of(good ? good : ALL & ~k->refused);
}

const char *rtsp_keepalive_method(const struct rtsp_keepalive *k)
{
	return names[current(k)];
}

bool rtsp_keepalive_refused(struct rtsp_keepalive *k)
{
	k->refused |= 1u << current(k);
	return k->refused != ALL;
}
