#include "retention/keep.h"

#include "retention/policy.h"

static int tell(struct catalog *c, struct wall now, unsigned old, unsigned new, struct wall effective_at)
{
	char text[WALL_TEXT_MAX];

	return ledger_append(c, now, "config.changed", NULL,
			     json_pack("{ss sI sI ss}", "key", "retention.keep_days", "old", (json_int_t)old, "new",
				       (json_int_t)new, "effective_at", wall_format(effective_at, text)), NULL);
}

static int write_down(struct catalog *c, const struct catalog_keep *was, const struct catalog_keep *k,
		      enum retention_keep_news news, struct wall now)
{
	struct wall later = {now.us + CATALOG_KEEP_NOTICE_US};
	int rc = catalog_set_keep(c, k);

	if (rc < 0 || news == KEEP_BEGUN)
		return rc;
	if (news == KEEP_ASKED)
		return tell(c, now, was->days, k->asked_days, later);
	return tell(c, now, news == KEEP_WITHDRAWN ? was->asked_days : was->days, k->days, now);
}

int keep_settle(struct catalog *c, const struct conf *conf, struct wall now, int64_t witnessed_us, unsigned *days)
{
	struct catalog_keep k, was;
	int rc = catalog_keep(c, &k);

	if (rc < 0)
		return rc;
	was = k;
	enum retention_keep_news news = retention_keep(&k, conf->keep_days, now, witnessed_us);
	*days = k.days;
	if (news == KEEP_SAME)
		return 0;
	rc = catalog_begin(c);
	if (rc == 0)
		rc = write_down(c, &was, &k, news, now);
	return catalog_end(c, rc);
}
