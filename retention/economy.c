#include "retention/economy.h"

#include <stdlib.h>
#include <string.h>

struct crew { const struct forecast_input *base; struct economy_camera *cameras; size_t count; };

double economy_full_per_day(const struct economy_camera *c)
{
	double sum = 0;

	for (unsigned i = 0; i < FORECAST_WEEK; i++)
		sum += c->full[i];
	return sum / FORECAST_WEEK;
}

static double saving(const struct economy_camera *c)
{
	return economy_full_per_day(c) - c->small;
}

static bool is_worth_it(const struct economy_camera *c)
{
	double full = economy_full_per_day(c);

	return full > 0 && saving(c) >= full * ECONOMY_WORTH * (c->economic ? 0.5 : 1);
}

static int by_saving(const void *a, const void *b)
{
	const struct economy_camera *x = a, *y = b;
	double left = saving(x), right = saving(y);

	if (left > right || left < right)
		return left > right ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* With the streams as they are now; `spare_days` of all that is written stay free. */
static struct forecast forecast_of(const struct crew *w, double spare_days)
{
	struct forecast_input in = *w->base;
	struct forecast f;
	double per_day = 0;

	for (size_t i = 0; i < w->count; i++)
		for (unsigned d = 0; d < FORECAST_WEEK; d++)
			in.written[d] += w->cameras[i].economic ? w->cameras[i].small : w->cameras[i].full[d];
	for (unsigned d = 0; d < FORECAST_WEEK; d++)
		per_day += in.written[d] / FORECAST_WEEK;
	in.free_bytes -= spare_days * per_day;
	forecast_make(&in, &f);
	return f;
}

static void give_up_the_useless(const struct crew *w)
{
	for (size_t i = 0; i < w->count; i++)
		w->cameras[i].economic &= is_worth_it(&w->cameras[i]);
}

static void go_over(const struct crew *w)
{
	for (size_t i = 0; i < w->count && !forecast_of(w, 0).fits_floor; i++)
		w->cameras[i].economic |= is_worth_it(&w->cameras[i]);
}

static void come_back(const struct crew *w)
{
	size_t i = w->count;

	while (i > 0 && !w->cameras[i - 1].economic)
		i--;
	if (i == 0)
		return;
	w->cameras[i - 1].economic = false;
	w->cameras[i - 1].economic = !forecast_of(w, ECONOMY_SPARE_DAYS).fits_floor;
}

void economy_decide(const struct forecast_input *base, struct economy_camera *cameras, size_t count,
		    struct forecast *before, struct forecast *after)
{
	const struct crew w = {base, cameras, count};

	if (count > 0)
		qsort(cameras, count, sizeof *cameras, by_saving);
	for (size_t i = 0; i < count; i++)
		cameras[i].was = cameras[i].economic;
	*before = forecast_of(&w, 0);
	give_up_the_useless(&w);
	if (before->fits_floor)
		come_back(&w);
	else
		go_over(&w);
	*after = forecast_of(&w, 0);
}
