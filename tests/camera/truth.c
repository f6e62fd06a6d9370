#include "truth.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#define LINE_MAX_BYTES 640

int truth_open(struct truth *t, const char *path, struct err *e)
{
	*t = (struct truth){.fd = -1};
	if (!path)
		return 0;
	t->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (t->fd < 0)
		return err_set(e, -errno, "open truth log %s: %s", path, strerror(errno));
	return 0;
}

void truth_close(struct truth *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void fail(struct truth *t, const char *why)
{
	if (!t->failed)
		log_error("truth", "text=\"a line was lost\" why=\"%s\"", why);
	t->failed = true;
}

void truth_line(struct truth *t, const char *event, const char *camera, const char *members, ...)
{
	char line[LINE_MAX_BYTES], rest[LINE_MAX_BYTES / 2];
	va_list ap;

	if (t->fd < 0)
		return;
	va_start(ap, members);
	int n = vsnprintf(rest, sizeof rest, members, ap);
	va_end(ap);
	bool whole = n >= 0 && (size_t)n < sizeof rest;
	int len = snprintf(line, sizeof line, "{\"t\":\"%s\",\"camera\":\"%s\",\"at_us\":%" PRId64 "%s%s}\n",
			   event, camera, clock_wall(clock_real()).us, n > 0 ? "," : "", rest);
	if (!whole || len < 0 || (size_t)len >= sizeof line) {
		fail(t, "too long");
		return;
	}
	ssize_t written = write(t->fd, line, (size_t)len);
	if (written != len)
		fail(t, written < 0 ? strerror(errno) : "short write");
}

void truth_frame(struct truth *t, const char *camera, const struct truth_frame *f)
{
	truth_line(t, "frame", camera, "\"n\":%" PRIu64 ",\"clock_us\":%" PRId64 ",\"key\":%s,\"bytes\":%zu",
		   f->number, f->clock_us, f->key ? "true" : "false", f->bytes);
}
