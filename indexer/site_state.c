#include "site_state.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) {#name, offsetof(struct site_state, name)}

static const struct { const char *key; size_t at; } fields[] = {
	FIELD(settled_at), FIELD(lived_until), FIELD(clock_offset), FIELD(witnessed_us), FIELD(witness_up), FIELD(stepped_up),
	FIELD(journal_offset), FIELD(recovering), FIELD(rebuilding), FIELD(offload_awaited), FIELD(offload_found),
};

static int64_t *find(struct site_state *s, const char *key)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].key, key) == 0)
			return (int64_t *)(void *)((char *)s + fields[i].at);
	return NULL;
}

bool site_state_number(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

int site_state_load(struct db *db, struct site_state *out)
{
	struct db_query q;
	int rc = db_query(db, &q, "SELECT key, value FROM state WHERE key NOT GLOB '*:*'", "");

	*out = (struct site_state){0};
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		const char *key = db_text(&q, 0), *value = db_text(&q, 1);
		int64_t *number = key ? find(out, key) : NULL;
		if (number && (!value || !site_state_number(value, number))) {
			log_error("state", "key=%s text=\"is no number\"", key);
			rc = -EIO;
			break;
		}
	}
	db_done(&q);
	return rc;
}

void site_state_note(struct site_state *s, const char *key, const char *value)
{
	int64_t *number = find(s, key);

	if (number)
		site_state_number(value, number);
}
