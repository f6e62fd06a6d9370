/* Which camera a session talks to, whom it trusts to be it, and with which credentials.
 *
 * Threads: any. Memory: borrowed, unless it came from rtsp_target_copy(): then rtsp_target_finish()
 * frees it and wipes the password. */
#pragma once
#include <stdbool.h>

struct rtsp_target {
	const char *url;
	const char *username, *password; /* NULL: no credentials */
	bool udp;                        /* media over UDP; else in the RTSP connection */
	const char *tls_ca, *tls_pin;    /* of rtsps://, see rtsp_tls.h; at most one of them */
	bool plain_password;             /* may be shown as Basic where no TLS protects it */
	bool digest_seen;                /* it offered Digest before: Basic would be a downgrade */
	bool patient;                    /* its first answer is waited for longer */
	bool audio;                      /* set up its sound, too, if it offers one that can be recorded */
};

struct rtsp_target rtsp_target_copy(const struct rtsp_target *from);
void rtsp_target_finish(struct rtsp_target *t);
