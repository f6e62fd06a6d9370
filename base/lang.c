#include "lang.h"

#include <stdlib.h>
#include <string.h>

static bool zh;

void lang_init(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (int i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);
		if (v && *v) {
			zh = strncmp(v, "zh", 2) == 0;
			return;
		}
	}
}

void lang_set(const char *code)
{
	if (strcmp(code, "zh-CN") == 0)
		zh = true;
	else if (strcmp(code, "en") == 0)
		zh = false;
}

bool lang_is_zh(void)
{
	return zh;
}

const char *lang(const char *in_zh, const char *in_en)
{
	return zh ? in_zh : in_en;
}
