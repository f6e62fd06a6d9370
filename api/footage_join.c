#include "footage_join.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

static bool same(const uint8_t a[32], const uint8_t b[32]) { return memcmp(a, b, 32) == 0; }

const struct footage_kind *footage_kind_of(const struct footage_plan *p, int64_t init)
{
	for (unsigned i = 0; i < p->kind_count; i++)
		if (p->kinds[i].init == init)
			return &p->kinds[i];
	return NULL;
}

void footage_kind_add(struct footage_plan *p, unsigned part, const struct moov_info *moov)
{
	p->kinds = xrealloc(p->kinds, (p->kind_count + 1) * sizeof *p->kinds);
	p->kinds[p->kind_count++] = (struct footage_kind){p->parts[part].init, part, *moov};
}

/* Of one format, and with sets of the lead's or of its own. */
static bool serves(const struct moov_info *lead, const struct moov_info *m)
{
	return lead->timescale == m->timescale && lead->audio.timescale == m->audio.timescale &&
	       same(lead->format_digest, m->format_digest) && (m->sets_in_band || same(lead->sets_digest, m->sets_digest));
}

/* Whose init serves both: that of the one which relies on it, if one does. */
static const struct footage_kind *lead_of(const struct footage_kind *lead, const struct footage_kind *k)
{
	if (serves(&lead->moov, &k->moov))
		return lead->moov.sets_in_band && !k->moov.sets_in_band ? k : lead;
	return lead->moov.sets_in_band && serves(&k->moov, &lead->moov) ? k : NULL;
}

static bool varies(const struct footage_kind *lead, const struct footage_kind *k)
{
	return k->moov.codec[3] == '3' || memcmp(k->moov.codec, "hev1", 4) == 0 ||
	       !same(k->moov.sets_digest, lead->moov.sets_digest);
}

int footage_join(struct footage_plan *p)
{
	const struct footage_kind *lead = footage_kind_of(p, p->parts[0].init);
	unsigned piece = 0;

	for (unsigned i = 0; i < p->count; i++) {
		const struct footage_kind *k = footage_kind_of(p, p->parts[i].init), *common = lead_of(lead, k);
		piece += !common;
		p->parts[i].piece = piece;
		lead = common ? common : k;
	}
	if (piece > 0)
		return -EXDEV;
	p->sets_vary = false;
	for (unsigned i = 0; i < p->kind_count; i++)
		p->sets_vary |= varies(lead, &p->kinds[i]);
	p->lead = lead->part;
	p->timescale = lead->moov.timescale;
	p->audio_timescale = lead->moov.audio.timescale;
	return 0;
}

bool footage_takes(const struct footage_plan *p, const struct moov_info *moov)
{
	return serves(&footage_kind_of(p, p->parts[p->lead].init)->moov, moov);
}
