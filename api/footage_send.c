#include "footage_send.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static ssize_t send_piece(const struct footage_send *s, size_t len)
{
	off_t at = s->piece.offset;
	ssize_t n;

	do {
		if (s->piece.data) /* samples follow a head */
			n = send(s->to, s->piece.data, len, MSG_DONTWAIT | MSG_NOSIGNAL | (s->at + len < s->end ? MSG_MORE : 0));
		else
			n = sendfile(s->to, s->piece.fd, &at, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static bool is_of_socket(ssize_t error) { return error == -EPIPE || error == -ECONNRESET || error == -ETIMEDOUT || error == -ENOTCONN; }

static void take(struct footage_send *s, size_t n)
{
	s->at += n;
	s->piece.len -= n;
	s->piece.offset += (int64_t)n;
	if (s->piece.data)
		s->piece.data += n;
}

static int step(struct footage_send *s)
{
	int rc = s->piece.len ? 0 : footage_next(s->reader, s->at, &s->piece);

	if (rc < 0) {
		s->piece = (struct footage_piece){0};
		return rc;
	}
	uint64_t left = s->end - s->at;
	ssize_t n = send_piece(s, left < s->piece.len ? (size_t)left : s->piece.len);
	if (n == 0)
		return -EBADMSG; /* the file ends before its index does */
	if (n > 0)
		take(s, (size_t)n);
	s->full = n == -EAGAIN;
	s->gone = n < 0 && is_of_socket(n);
	return n > 0 || s->full || s->gone ? 0 : (int)n;
}

int footage_send_turn(struct footage_send *s)
{
	uint64_t until = s->end - s->at < FOOTAGE_TURN_BYTES ? s->end : s->at + FOOTAGE_TURN_BYTES;
	int rc = 0;

	s->full = s->gone = false;
	while (rc == 0 && s->at < until && !s->full && !s->gone)
		rc = step(s);
	return rc;
}
