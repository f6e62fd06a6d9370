/* Which camera a session talks to, and with which credentials.
 *
 * Threads: any. Memory: borrowed, unless it came from rtsp_target_copy(): then rtsp_target_finish()
 * frees it and wipes the password. */
#pragma once

struct rtsp_target { const char *url, *username, *password; }; /* NULL: no credentials */

struct rtsp_target rtsp_target_copy(const struct rtsp_target *from);
void rtsp_target_finish(struct rtsp_target *t);
