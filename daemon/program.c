#include "daemon/program.h"

#include "base/buf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the asking program's folder: BUILD/daemon stands beside BUILD/tests, bin beside libexec. */
static const char *const places[] = {".", "../libexec/holdfast", "../tests/camera", "../tests/regulator"};

char *program_find(const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash = n <= 0 ? NULL : memrchr(self, '/', (size_t)n);

	if (!slash)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char *path = xasprintf("%s/%s/%s", self, places[i], name);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}
