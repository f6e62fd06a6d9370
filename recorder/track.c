#include "track.h"

#include <stdlib.h>

const char *track_codec_name(enum track_codec c)
{
	static const char *const names[] = {"h264", "h265", "aac", "aac", "pcma", "pcmu"};

	return names[c];
}

void track_finish(struct track *t)
{
	free(t->fmtp);
	free(t->control);
	*t = (struct track){0};
}
