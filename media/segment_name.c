#include "segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void segment_incoming_name(char out[256], const char *camera, struct wall start, const char *suffix)
{
	char time[WALL_TEXT_MAX];

	snprintf(out, 256, "%s-%s%s", camera, wall_format_name(start, time), suffix);
}

void segment_archive_name(char out[256], const char *camera, struct wall start)
{
	char day[WALL_TEXT_MAX], time[WALL_TEXT_MAX];

	snprintf(out, 256, "%s/%s/%s.mp4", camera, wall_format_day(start, day), wall_format_name(start, time));
}

int segment_parse_incoming(const char *name, const char *suffix, char camera[SEAL_NAME_MAX],
			   struct wall *start)
{
	char copy[256];
	size_t len = strlen(name), tail = strlen(suffix);

	if (len <= tail || len >= sizeof copy || strcmp(name + len - tail, suffix) != 0)
		return -EINVAL;
	memcpy(copy, name, len - tail);
	copy[len - tail] = '\0';
	char *dash = strrchr(copy, '-'); /* an id may hold dashes, the time holds none */
	if (!dash)
		return -EINVAL;
	*dash = '\0';
	if (!seal_name_ok(copy) || wall_parse_name(dash + 1, start) < 0)
		return -EINVAL;
	memcpy(camera, copy, strlen(copy) + 1);
	return 0;
}
