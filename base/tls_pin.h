/* A pinned public key: "sha256//" and the base64 of the SHA-256 of a certificate's SubjectPublicKeyInfo,
 * as curl writes it.
 *
 * A pin outlives the certificate around its key, and needs no name and no authority.
 * Threads: any. Memory: the caller's. Source: RFC 7469 §2.4. */
#pragma once
#include "base/crypto.h"

#include <openssl/x509.h>

#define TLS_PIN_TEXT_MAX 53 /* with its NUL */

int tls_pin_parse(const char *text, uint8_t out[SHA256_BYTES]); /* 0 or -EINVAL */
void tls_pin_format(const uint8_t pin[SHA256_BYTES], char out[TLS_PIN_TEXT_MAX]);
int tls_pin_of(const X509 *certificate, uint8_t out[SHA256_BYTES]); /* 0 or -EINVAL: no readable key */
