#include "sickness.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 256
#define NS_PER_S INT64_C(1000000000)

struct ailment { bool stalled; int error; unsigned long after; /* calls that still succeed */ };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct ailment ops[OPS];
	uint64_t bytes_per_s; /* 0: as fast as it can */
	int64_t free_at_ns;   /* when a slow disk is done with what it was given */
	uint64_t space;
	bool lies_on_space;
} sick = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

/* --- felt ------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Under the lock. The disk takes one write after another. */
static void take_time(size_t bytes)
{
	int64_t now = now_ns();

	if (!sick.bytes_per_s)
		return;
	if (sick.free_at_ns < now)
		sick.free_at_ns = now;
	sick.free_at_ns += (int64_t)(bytes * (uint64_t)NS_PER_S / sick.bytes_per_s);
	int64_t until = sick.free_at_ns;
	struct timespec t = {until / NS_PER_S, until % NS_PER_S};
	while (sick.bytes_per_s && now_ns() < until)
		pthread_cond_timedwait(&sick.change, &sick.lock, &t);
}

int sickness_feel(enum op op, size_t bytes)
{
	struct ailment *a = &sick.ops[op];
	int rc = 0;

	pthread_mutex_lock(&sick.lock);
	if (op == OP_WRITE)
		take_time(bytes);
	while (a->stalled)
		pthread_cond_wait(&sick.change, &sick.lock);
	if (a->error && a->after > 0)
		a->after--;
	else
		rc = -a->error;
	pthread_mutex_unlock(&sick.lock);
	return rc;
}

bool sickness_space(uint64_t *bytes)
{
	pthread_mutex_lock(&sick.lock);
	bool lies = sick.lies_on_space;
	*bytes = sick.space;
	pthread_mutex_unlock(&sick.lock);
	return lies;
}

/* --- ordered ------------------------------------------------------------------------ */

static bool op_matches(const char *word, enum op op)
{
	static const char *const names[OPS] = {"open", "write", "sync", "rename", "unlink", "read", "look"};

	return strcmp(word, names[op]) == 0 || strcmp(word, "all") == 0 ||
	       (strcmp(word, "change") == 0 && op <= OP_UNLINK);
}

static int error_of(const char *word)
{
	static const struct { const char *name; int code; } errors[] = {
		{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"ENODEV", ENODEV}, {"EDQUOT", EDQUOT}};

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, word) == 0)
			return errors[i].code;
	return 0;
}

static bool set_ops(const char *word, struct ailment a)
{
	bool any = false;

	for (int op = 0; op < OPS; op++) {
		if (!op_matches(word, (enum op)op))
			continue;
		sick.ops[op] = a;
		any = true;
	}
	return any;
}

static void heal(void)
{
	memset(sick.ops, 0, sizeof sick.ops);
	sick.bytes_per_s = 0;
	sick.lies_on_space = false;
}

/* Under the lock. */
static bool obey(char *const *w, int n, const char **why)
{
	*why = "write: stall OP | slow BYTES | fail OP ERROR [N] | space BYTES | heal";
	if (n == 1 && strcmp(w[0], "heal") == 0) {
		heal();
		return true;
	}
	if (n == 2 && strcmp(w[0], "stall") == 0)
		return set_ops(w[1], (struct ailment){.stalled = true});
	if (n == 2 && strcmp(w[0], "slow") == 0)
		return (sick.bytes_per_s = strtoull(w[1], NULL, 10)) > 0;
	if (n == 2 && strcmp(w[0], "space") == 0) {
		sick.space = strtoull(w[1], NULL, 10);
		return sick.lies_on_space = true;
	}
	if ((n == 3 || n == 4) && strcmp(w[0], "fail") == 0 && error_of(w[2]))
		return set_ops(w[1], (struct ailment){.error = error_of(w[2]),
						      .after = n == 4 ? strtoul(w[3], NULL, 10) - 1 : 0});
	return false;
}

bool sickness_order(char *line, const char **why)
{
	char *words[4], *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \t\r\n", &save); w && n < 4; w = strtok_r(NULL, " \t\r\n", &save))
		words[n++] = w;
	pthread_mutex_lock(&sick.lock);
	bool ok = obey(words, n, why);
	pthread_cond_broadcast(&sick.change);
	pthread_mutex_unlock(&sick.lock);
	return ok;
}

void sickness_heal(void)
{
	pthread_mutex_lock(&sick.lock);
	heal();
	pthread_cond_broadcast(&sick.change);
	pthread_mutex_unlock(&sick.lock);
}

/* --- heard ---------------------------------------------------------------------------- */

static void answer(int fd)
{
	char line[LINE_MAX_BYTES];
	const char *why;
	FILE *f = fdopen(fd, "r+");

	if (!f) {
		close(fd);
		return;
	}
	if (fgets(line, sizeof line, f)) {
		fseek(f, 0, SEEK_CUR); /* from reading to writing */
		if (sickness_order(line, &why))
			fprintf(f, "ok\n");
		else
			fprintf(f, "error %s\n", why);
	}
	fclose(f);
}

static void *listen_on(void *arg)
{
	int fd = *(int *)arg, c;

	while ((c = accept(fd, NULL, NULL)) >= 0)
		answer(c);
	return NULL;
}

int sickness_listen(const char *path)
{
	static int fd;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	pthread_t thread;

	if (strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 8) < 0)
		return -errno;
	return -pthread_create(&thread, NULL, listen_on, &fd);
}
