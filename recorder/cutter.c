#include "recorder/cutter.h"

void cutter_init(struct cutter *c, int64_t segment_us, int64_t first_shorter_us)
{
	*c = (struct cutter){.segment_us = segment_us};
	if (first_shorter_us > 0 && first_shorter_us < segment_us)
		c->shorten_us = first_shorter_us;
}

static bool wants_segment(const struct cutter *c, int64_t at_us, unsigned epoch)
{
	return !c->open || epoch != c->epoch || at_us - c->segment_at_us >= c->segment_us - c->shorten_us;
}

enum cut cutter_frame(struct cutter *c, int64_t at_us, bool key, unsigned epoch)
{
	if (key && wants_segment(c, at_us, epoch)) {
		if (c->open)
			c->shorten_us = 0;
		c->open = true;
		c->long_gop = false;
		c->segment_at_us = c->fragment_at_us = at_us;
		c->epoch = epoch;
		return CUT_SEGMENT;
	}
	if (!c->open)
		return CUT_NONE;
	int64_t least = key ? CUTTER_SHORT_US : CUTTER_FRAGMENT_US;

	if (c->long_gop) /* a key frame in the middle of it could not be begun with */
		least = key ? 0 : CUTTER_LONG_GOP_US;
	if (at_us - c->fragment_at_us >= least) {
		c->fragment_at_us = at_us;
		c->long_gop = !key;
		return CUT_FRAGMENT;
	}
	return CUT_NONE;
}

void cutter_close(struct cutter *c)
{
	c->open = false;
}
