/* Orders to misbehave, as lines of text over a Unix socket. Each line is answered by one
 * line: "ok", "ok key=value …" or "error …". NAME is a camera or "all".
 *
 *	silent NAME on|off      RTSP answers, RTP stops; pictures meanwhile never exist
 *	drop NAME               closes the connections
 *	refuse NAME on|off      503 to DESCRIBE and SETUP; "all": connect() is refused
 *	slow NAME FPS|off       another rhythm
 *	jump NAME SECONDS       RTP timestamps jump, forward or back
 *	clock NAME SECONDS      its sender reports tell a time so far ahead (or behind)
 *	wrongauth NAME on|off   no password is right (401)
 *	params NAME             other parameter sets, in mid-stream
 *	mute NAME on|off        no sound any more
 *	stat NAME               frames, bytes, viewers and faults
 *
 * Threads: loop thread only. Memory: the struct is the caller's until the loop ends. */
#pragma once
#include "rtsp_server.h"

#define CONTROL_LINE_MAX 256

struct control_client;

struct control {
	struct rtsp_server *server; /* borrowed, with its cameras */
	uv_pipe_t pipe;
	bool listening;
	struct control_client *clients;
};

/* Makes the socket, replacing a dead one. */
int control_listen(struct control *ctl, const char *path, struct err *e);
void control_close(struct control *ctl);
/* Executes one line (cut up in place); appends the answer without a line end. Returns
 * whether it was "ok". */
bool control_execute(struct rtsp_server *srv, char *line, struct buf *answer);
