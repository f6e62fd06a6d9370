#include "rtsp_target.h"

#include "base/buf.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static const char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

struct rtsp_target rtsp_target_copy(const struct rtsp_target *from)
{
	return (struct rtsp_target){.url = copy(from->url), .username = copy(from->username),
				    .password = copy(from->password), .udp = from->udp,
				    .tls_ca = copy(from->tls_ca), .tls_pin = copy(from->tls_pin),
				    .plain_password = from->plain_password, .digest_seen = from->digest_seen,
				    .patient = from->patient, .audio = from->audio};
}

void rtsp_target_finish(struct rtsp_target *t)
{
	char *password = (char *)t->password;

	if (password)
		OPENSSL_cleanse(password, strlen(password));
	free(password);
	free((char *)t->tls_pin);
	free((char *)t->tls_ca);
	free((char *)t->username);
	free((char *)t->url);
	*t = (struct rtsp_target){0};
}
