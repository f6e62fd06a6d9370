#include "track.h"

#include <stdlib.h>

void track_finish(struct track *t)
{
	free(t->fmtp);
	free(t->control);
	*t = (struct track){0};
}
