#include "rtsp_server.h"

#include "base/log.h"
#include "rtsp_session.h"

#include <arpa/inet.h>
#include <string.h>

#define BACKLOG 64
#define SESSIONS_MAX 128

static void on_listener_closed(uv_handle_t *h)
{
	free(h);
}

static void close_listener(struct rtsp_server *srv)
{
	if (srv->listener)
		uv_close((uv_handle_t *)srv->listener, on_listener_closed);
	srv->listener = NULL;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct rtsp_server *srv = listener->data;

	if (status < 0)
		log_warn("accept", "text=\"%s\"", uv_strerror(status));
	else
		rtsp_session_accept(srv, listener, srv->session_count < SESSIONS_MAX);
}

static int open_listener(struct rtsp_server *srv)
{
	int len = sizeof srv->cfg.address;
	int rc = uv_tcp_bind(srv->listener, (struct sockaddr *)&srv->cfg.address, 0);

	if (rc == 0)
		rc = uv_listen((uv_stream_t *)srv->listener, BACKLOG, on_connection);
	if (rc == 0)
		rc = uv_tcp_getsockname(srv->listener, (struct sockaddr *)&srv->cfg.address, &len);
	return rc;
}

int rtsp_server_listen(struct rtsp_server *srv, struct err *e)
{
	srv->listener = xcalloc(1, sizeof *srv->listener);
	int rc = uv_tcp_init(srv->loop, srv->listener);
	if (rc < 0) {
		free(srv->listener);
		srv->listener = NULL;
		return err_set(e, rc, "make listener: %s", uv_strerror(rc));
	}
	srv->listener->data = srv;
	rc = open_listener(srv);
	if (rc < 0) {
		close_listener(srv);
		return err_set(e, rc, "listen: %s", uv_strerror(rc));
	}
	return 0;
}

int rtsp_server_port(const struct rtsp_server *srv)
{
	const struct sockaddr_storage *a = &srv->cfg.address;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memcpy(&v4, a, sizeof v4);
	memcpy(&v6, a, sizeof v6);
	return ntohs(a->ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

int rtsp_server_refuse(struct rtsp_server *srv, bool on, struct err *e)
{
	int rc = 0;

	if (on)
		close_listener(srv);
	else if (!srv->listener)
		rc = rtsp_server_listen(srv, e);
	if (rc == 0)
		truth_line(srv->truth, "refuse", "all", "\"on\":%s", on ? "true" : "false");
	return rc;
}

unsigned rtsp_server_drop(struct rtsp_server *srv, const struct camera *cam)
{
	unsigned dropped = 0;

	for (struct rtsp_session *s = srv->sessions; s; s = s->next)
		if ((s->camera ? s->camera : s->target) == cam)
			dropped += rtsp_session_close(s, "drop");
	truth_line(srv->truth, "drop", cam->cfg.name, "\"connections\":%u", dropped);
	return dropped;
}

void rtsp_server_close(struct rtsp_server *srv)
{
	close_listener(srv);
	for (struct rtsp_session *s = srv->sessions; s; s = s->next)
		rtsp_session_close(s, "stop");
}

struct camera *rtsp_server_camera(struct rtsp_server *srv, const char *name)
{
	for (unsigned i = 0; i < srv->camera_count; i++)
		if (strcmp(srv->cameras[i].cfg.name, name) == 0)
			return &srv->cameras[i];
	return NULL;
}
