#include "tls_pin.h"

#include "buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "sha256//"

int tls_pin_parse(const char *text, uint8_t out[SHA256_BYTES])
{
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return -EINVAL;
	return base64_decode(text + strlen(PREFIX), out, SHA256_BYTES);
}

void tls_pin_format(const uint8_t pin[SHA256_BYTES], char out[TLS_PIN_TEXT_MAX])
{
	char *text = base64_encode(pin, SHA256_BYTES);

	snprintf(out, TLS_PIN_TEXT_MAX, PREFIX "%s", text);
	free(text);
}

int tls_pin_of(const X509 *certificate, uint8_t out[SHA256_BYTES])
{
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	if (len <= 0)
		return -EINVAL;
	sha256(der, (size_t)len, out);
	OPENSSL_free(der);
	return 0;
}
