#include "remote_lines.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

/* What was asked for and never came (there is no offloader) is not asked for again: when it starts, a whole set comes. */
static void on_taken(uv_async_t *a)
{
	struct remote_lines *l = a->data;

	pthread_mutex_lock(&l->lock);
	unsigned have = l->count + l->asked, missing = have < REMOTE_LINES ? REMOTE_LINES - have : 0;
	pthread_mutex_unlock(&l->lock);
	l->asked += missing;
	for (; l->want && missing > 0; missing--)
		l->want(l->owner);
}

int remote_lines_open(struct remote_lines *l, uv_loop_t *loop, void (*want)(void *owner), void *owner)
{
	*l = (struct remote_lines){.want = want, .owner = owner, .asked = REMOTE_LINES};
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->came, NULL);
	l->taken.data = l;
	return uv_async_init(loop, &l->taken, on_taken);
}

static bool is_open(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0; /* nobody says anything on it before it is asked */
}

/* Room is made by throwing away one that is dead, else the new one. */
void remote_lines_give(struct remote_lines *l, int line)
{
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; l->count == REMOTE_LINES && i < l->count; i++)
		if (!is_open(l->fds[i])) {
			close(l->fds[i]);
			l->fds[i] = l->fds[--l->count];
		}
	if (l->count < REMOTE_LINES)
		l->fds[l->count++] = line;
	else
		close(line);
	pthread_cond_signal(&l->came);
	pthread_mutex_unlock(&l->lock);
	l->asked -= l->asked > 0;
}

static int take_open(struct remote_lines *l)
{
	while (l->count > 0) {
		int fd = l->fds[--l->count];
		if (is_open(fd))
			return fd;
		close(fd);
	}
	return -1;
}

int remote_lines_take(struct remote_lines *l)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += REMOTE_LINE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&l->lock);
	int fd = take_open(l), late = 0;
	uv_async_send(&l->taken);
	while (fd < 0 && late == 0) {
		late = pthread_cond_timedwait(&l->came, &l->lock, &until);
		fd = take_open(l);
	}
	pthread_mutex_unlock(&l->lock);
	return fd;
}

static void on_closed(uv_handle_t *h)
{
	struct remote_lines *l = h->data;

	for (unsigned i = 0; i < l->count; i++)
		close(l->fds[i]);
	pthread_cond_destroy(&l->came);
	pthread_mutex_destroy(&l->lock);
	l->closed(l); /* may free it: last line */
}

void remote_lines_close(struct remote_lines *l, void (*closed)(struct remote_lines *l))
{
	l->closed = closed;
	uv_close((uv_handle_t *)&l->taken, on_closed);
}
