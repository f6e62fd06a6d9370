#include "media/ledger_kept.h"

#include "base/buf.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES 512

static int parse(char *text, struct ledger_kept *out)
{
	char *rest;

	*out = (struct ledger_kept){0};
	text[strcspn(text, "\n")] = '\0';
	errno = 0;
	out->seq = strtoll(text, &rest, 10);
	if (errno || out->seq <= 0 || *rest++ != ' ')
		return -EBADMSG;
	char *who = rest + strcspn(rest, " ");
	if (*who)
		*who++ = '\0';
	snprintf(out->who, sizeof out->who, "%s", who);
	return hex_decode(rest, out->hash, SHA256_BYTES) < 0 ? -EBADMSG : 0;
}

int ledger_kept_load(struct fs *fs, const char *path, struct ledger_kept *out)
{
	char *text = NULL;
	size_t len;
	int rc = fs_read_all(fs, path, FILE_MAX_BYTES, &text, &len);

	if (rc == 0)
		rc = parse(text, out);
	free(text);
	return rc;
}

int ledger_kept_save(struct fs *fs, const char *path, const struct ledger_kept *k)
{
	char text[FILE_MAX_BYTES], hex[SHA256_HEX_MAX];

	hex_encode(k->hash, SHA256_BYTES, hex);
	int n = snprintf(text, sizeof text, "%" PRId64 " %s %s\n", k->seq, hex, k->who);
	return fs_replace(fs, path, text, (size_t)n, 0644);
}

static int take(struct fs *fs, const char *folder, const char *name, ledger_kept_fn *fn, void *arg)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct ledger_kept k;
	int rc = ledger_kept_load(fs, path, &k);

	if (rc == -EBADMSG)
		log_warn("ledger", "path=%s text=\"no kept head of the ledger; passed over\"", path);
	free(path);
	if (rc == -EBADMSG || rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : fn(arg, &k);
}

int ledger_kept_each(struct fs *fs, const char *folder, ledger_kept_fn *fn, void *arg)
{
	DIR *d = opendir(folder);
	int rc = 0, failed = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *x; rc == 0 && (x = fs_next(d, &failed)) != NULL;)
		if (x->d_name[0] != '.' && !text_ends_with(x->d_name, ".tmp"))
			rc = take(fs, folder, x->d_name, fn, arg);
	closedir(d);
	return rc ? rc : failed;
}
