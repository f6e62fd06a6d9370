#include "remote_file.h"

#include "base/buf.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUICK_US US_PER_S /* an answer within this: ask for more at once */

static const char offloader_away[] = "offloader_away", offloader_busy[] = "offloader_busy";

void remote_file_init(struct remote_file *f, const struct conf *conf, struct remote_lines *lines)
{
	*f = (struct remote_file){.fd = -1, .ahead = REMOTE_AHEAD_MIN};
	pthread_mutex_init(&f->lock, NULL);
	if (conf && conf->offload.url)
		f->lines = lines;
}

void remote_file_finish(struct remote_file *f)
{
	free(f->held);
	f->held = NULL;
	pthread_mutex_destroy(&f->lock);
}

void remote_file_open(struct remote_file *f, const char *camera, struct wall start, const uint8_t seal_digest[SHA256_BYTES],
		      int64_t end)
{
	if (f->what.start.us == start.us && memcmp(f->what.seal_digest, seal_digest, SHA256_BYTES) == 0 && f->end == end)
		return;
	f->what = (struct object_read){.start = start};
	snprintf(f->what.camera, sizeof f->what.camera, "%s", camera);
	memcpy(f->what.seal_digest, seal_digest, SHA256_BYTES);
	f->end = end;
	f->held_len = 0;
}

void remote_file_cancel(struct remote_file *f)
{
	pthread_mutex_lock(&f->lock);
	f->cancelled = true;
	if (f->fd >= 0)
		shutdown(f->fd, SHUT_RDWR);
	pthread_mutex_unlock(&f->lock);
}

/* --- one question -------------------------------------------------------------------------- */

static int fail(struct remote_file *f, const char *trouble)
{
	snprintf(f->trouble, sizeof f->trouble, "%s", trouble);
	return -EREMOTEIO;
}

int remote_file_differs(struct remote_file *f)
{
	f->held_len = 0;
	return fail(f, "differs");
}

static int take_line(struct remote_file *f)
{
	int fd = remote_lines_take(f->lines);

	if (fd < 0)
		return fail(f, offloader_away);
	pthread_mutex_lock(&f->lock);
	bool cancelled = f->cancelled;
	f->fd = cancelled ? -1 : fd;
	pthread_mutex_unlock(&f->lock);
	if (cancelled)
		close(fd);
	return cancelled ? -ECANCELED : 0;
}

static void hang_up(struct remote_file *f)
{
	pthread_mutex_lock(&f->lock);
	close(f->fd);
	f->fd = -1;
	pthread_mutex_unlock(&f->lock);
}

/* Until the socket can do that, the turn is over, or the other end left. */
static int wait_for(struct remote_file *f, short events)
{
	struct pollfd p = {.fd = f->fd, .events = events};
	int64_t left_ms;

	do
		left_ms = (f->until.us - clock_mono(clock_real()).us) / US_PER_MS;
	while (left_ms > 0 && poll(&p, 1, (int)left_ms) < 0 && errno == EINTR);
	return p.revents ? 0 : fail(f, offloader_away);
}

/* All of data goes out (POLLOUT) or comes in (POLLIN). */
static int carry(struct remote_file *f, short way, uint8_t *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = way == POLLOUT ? send(f->fd, data + done, len - done, MSG_NOSIGNAL) : recv(f->fd, data + done, len - done, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return fail(f, offloader_away);
		done += n > 0 ? (size_t)n : 0;
		int rc = n < 0 ? wait_for(f, way) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_answer(struct remote_file *f, uint8_t *out)
{
	uint8_t head[OBJECT_READ_HEAD_BYTES], name[OBJECT_READ_TROUBLE_MAX];
	struct object_answer a;
	int rc = carry(f, POLLIN, head, sizeof head);

	if (rc < 0)
		return rc;
	if (object_answer_parse(head, f->what.bytes, &a) < 0)
		return fail(f, offloader_away);
	if (a.verdict == OBJECT_READ_FINE)
		return carry(f, POLLIN, out, a.bytes);
	rc = carry(f, POLLIN, name, a.bytes);
	if (rc < 0 || a.verdict == OBJECT_READ_UNKNOWN)
		return rc < 0 ? rc : -ENODATA;
	if (a.verdict == OBJECT_READ_BUSY)
		return fail(f, offloader_busy);
	object_answer_trouble(name, a.bytes, f->trouble);
	return -EREMOTEIO;
}

static bool is_cancelled(struct remote_file *f)
{
	pthread_mutex_lock(&f->lock);
	bool cancelled = f->cancelled;
	pthread_mutex_unlock(&f->lock);
	return cancelled;
}

static int ask(struct remote_file *f, int64_t at, uint32_t bytes, uint8_t *out)
{
	uint8_t question[OBJECT_READ_ASK_BYTES];
	int rc = take_line(f);

	if (rc < 0)
		return rc;
	f->what.at = at;
	f->what.bytes = bytes;
	object_read_write(&f->what, question);
	rc = carry(f, POLLOUT, question, sizeof question);
	if (rc == 0)
		rc = take_answer(f, out);
	hang_up(f);
	return is_cancelled(f) ? -ECANCELED : rc;
}

/* --- what is held ---------------------------------------------------------------------------- */

/* Whether [at, …) begins in what is held, or right behind it. */
static bool goes_on(const struct remote_file *f, int64_t at)
{
	return f->held_len > 0 && at >= f->held_at && at <= f->held_at + (int64_t)f->held_len;
}

static bool is_held(const struct remote_file *f, int64_t at, size_t len)
{
	return at >= f->held_at && at - f->held_at + (int64_t)len <= (int64_t)f->held_len;
}

/* What is held from `at` on, perhaps nothing, moves to the front. */
static void move_to(struct remote_file *f, int64_t at)
{
	size_t into = goes_on(f, at) ? (size_t)(at - f->held_at) : f->held_len;

	f->held_len -= into;
	if (f->held_len)
		memmove(f->held, f->held + into, f->held_len);
	f->held_at = at;
}

static int64_t ask_until(struct remote_file *f, size_t want)
{
	struct mono began = clock_mono(clock_real());

	if (want > f->held_room) {
		f->held = xrealloc(f->held, want);
		f->held_room = want;
	}
	while (f->held_len < want) {
		size_t more = want - f->held_len < OBJECT_READ_MAX_BYTES ? want - f->held_len : OBJECT_READ_MAX_BYTES;
		int rc = ask(f, f->held_at + (int64_t)f->held_len, (uint32_t)more, f->held + f->held_len);
		if (rc < 0)
			return rc;
		f->held_len += more;
		f->came_bytes += more;
	}
	return clock_mono(clock_real()).us - began.us;
}

int remote_file_load(struct remote_file *f, int64_t at, size_t len)
{
	if (!remote_file_is_configured(f))
		return -ENOSYS;
	if (is_held(f, at, len))
		return 0;
	if (!f->may_ask)
		return -EBUSY;
	if (at < 0 || (int64_t)len > f->end - at)
		return -ENODATA;
	bool in_order = goes_on(f, at);
	move_to(f, at);
	size_t want = f->held_len + f->ahead > len ? f->held_len + f->ahead : len;
	int64_t took_us = ask_until(f, (int64_t)want < f->end - at ? want : (size_t)(f->end - at));
	if (took_us < 0)
		return (int)took_us;
	if (took_us > QUICK_US)
		f->ahead = REMOTE_AHEAD_MIN;
	else if (in_order && f->ahead < REMOTE_AHEAD_MAX)
		f->ahead *= 2;
	return 0;
}

int remote_file_read(const struct remote_file *f, void *out, size_t len, int64_t at)
{
	if (!is_held(f, at, len))
		return -EBADMSG;
	memcpy(out, f->held + (at - f->held_at), len);
	return 0;
}
