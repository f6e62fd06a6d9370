/* Feeds every file of the folders named on the command line to a fuzz target, so that what a fuzzer
 * once found stays found in ordinary builds. Exit code 0, or 1 when there is nothing to feed. */
#include "base/buf.h"
#include "base/fs.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_MAX_BYTES (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact copy on the heap, so that a sanitizer sees the first byte too many. */
static void feed(const char *data, size_t len)
{
	uint8_t *copy = xcalloc(1, len);

	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static int feed_file(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name), *data = NULL;
	size_t len;
	int rc = fs_read_all(fs_real(), path, SEED_MAX_BYTES, &data, &len);

	if (rc < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-rc));
	else
		feed(data, len);
	free(data);
	free(path);
	return rc;
}

static int feed_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int fed = 0;

	if (!d) {
		perror(dir);
		return 0;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			fed += feed_file(dir, entry->d_name) == 0;
	closedir(d);
	return fed;
}

int main(int argc, char **argv)
{
	int fed = 0;

	for (int i = 1; i < argc; i++)
		fed += feed_dir(argv[i]);
	printf("%d inputs replayed\n", fed);
	return fed > 0 ? 0 : 1;
}
