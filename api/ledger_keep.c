#include "api/ledger_keep.h"

#include "base/buf.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_DIGEST_BYTES 8

struct search { struct catalog *catalog; struct ledger_kept *against; };

static int compare(void *arg, const struct ledger_kept *k)
{
	struct search *s = arg;
	bool yes = false;
	int rc = catalog_ledger_extends(s->catalog, k, &yes);

	if (rc < 0 || yes)
		return rc;
	*s->against = *k;
	return 1;
}

static char *folder_of(const struct ledger_keep *k)
{
	return xasprintf("%s/" LEDGER_KEPT_FOLDER, k->state);
}

static int save(const struct ledger_keep *k, const char *name, const struct ledger_kept *kept)
{
	char *path = xasprintf("%s/" LEDGER_KEPT_FOLDER "/%s", k->state, name);
	int rc = ledger_kept_save(k->fs, path, kept);

	if (rc < 0)
		log_warn("ledger", "path=%s text=\"this head cannot be kept: %s\"", path, strerror(-rc));
	free(path);
	return rc;
}

static void tell(struct ledger_keep *k, const struct ledger_kept *against)
{
	char who[2 * LEDGER_KEPT_WHO_MAX];

	if (!k->contradicted)
		log_error("ledger", "known=%" PRId64 " who=\"%s\" text=\"the ledger does not hold what was let out of it before: its head is "
			  "not signed until it says what it lost (ledger.restored)\"", against->seq,
			  log_quote(who, sizeof who, against->who));
	k->contradicted = true;
}

int ledger_keep_sign(struct ledger_keep *k, struct catalog *c, int64_t seq, const uint8_t hash[SHA256_BYTES], struct ledger_kept *against)
{
	struct search s = {c, against};
	char *folder = folder_of(k);
	int rc = ledger_kept_each(k->fs, folder, compare, &s);

	free(folder);
	if (rc > 0)
		tell(k, against);
	if (rc != 0)
		return rc;
	k->contradicted = false;
	if (seq == 0 || seq == k->signed_seq)
		return 0;
	struct ledger_kept now = {.seq = seq, .who = "signed"};
	memcpy(now.hash, hash, sizeof now.hash);
	rc = save(k, "signed", &now);
	k->signed_seq = rc == 0 ? seq : k->signed_seq;
	return rc;
}

int ledger_keep_note(const struct ledger_keep *k, const char *what, const char *receiver, int64_t seq, const uint8_t hash[SHA256_BYTES])
{
	struct ledger_kept kept = {.seq = seq};
	uint8_t digest[SHA256_BYTES];
	char hex[2 * NAME_DIGEST_BYTES + 1], name[64];

	sha256(receiver, strlen(receiver), digest);
	hex_encode(digest, NAME_DIGEST_BYTES, hex);
	snprintf(name, sizeof name, "%s-%s", what, hex);
	snprintf(kept.who, sizeof kept.who, "%s %s", what, receiver);
	memcpy(kept.hash, hash, sizeof kept.hash);
	return save(k, name, &kept);
}
