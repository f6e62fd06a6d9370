#include "cli/camera_id.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define STEM_MAX 40 /* leaves room for a number */

static void take_stem(const char *name, char out[STEM_MAX + 1])
{
	size_t n = 0;

	for (; *name && n < STEM_MAX; name++) {
		char c = (char)tolower((unsigned char)*name);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
}

static bool is_taken(char (*taken)[ID_MAX_CHARS + 1], unsigned count, const char *id)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(taken[i], id) == 0)
			return true;
	return false;
}

void camera_id_make(const char *const *names, unsigned name_count, char (*taken)[ID_MAX_CHARS + 1],
		    unsigned taken_count, char out[ID_MAX_CHARS + 1])
{
	char stem[STEM_MAX + 1] = "";

	for (unsigned i = 0; i < name_count && !stem[0]; i++)
		take_stem(names[i], stem);
	if (!stem[0])
		strcpy(stem, "camera");
	strcpy(out, stem);
	for (unsigned n = 2; is_taken(taken, taken_count, out); n++)
		snprintf(out, ID_MAX_CHARS + 1, "%s-%u", stem, n);
}
