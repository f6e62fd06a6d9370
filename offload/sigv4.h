/* AWS Signature Version 4 for an object store: one request, its payload's digest, its signature.
 *
 * Ours, because libcurl 7.88's own (CURLOPT_AWS_SIGV4) was tried against radosgw 16.2 and refused, among others for
 * sub-resources (`?object-lock`, `?versions`).
 * Pure: no clock, no network. Threads: any. Memory: results are malloc'd.
 * Source: AWS, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)". */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"

#define SIGV4_HEADERS_MAX 12
#define SIGV4_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of no payload */
#define SIGV4_STAMP_MAX 20

struct sigv4_key { const char *access, *secret, *region; };

struct sigv4_header { const char *name, *value; }; /* name in lower case */

struct sigv4_request {
	const char *method;
	const char *host;               /* as in the Host header */
	const char *path;               /* as sent: sigv4_encode()d, from its '/' on */
	const char *query;              /* as sent: names encoded and sorted, each with its '='; "" for none */
	const struct sigv4_header *headers; /* beside host and the two that sigv4 adds; any order */
	unsigned header_count;
	const char *payload_hex;        /* SHA-256 of the payload */
};

/* "20130524T000000Z" */
void sigv4_stamp(struct wall now, char out[SIGV4_STAMP_MAX]);
/* The value of the Authorization header. x-amz-date is sigv4_stamp(now), x-amz-content-sha256 is payload_hex. */
char *sigv4_authorization(const struct sigv4_key *k, const struct sigv4_request *r, struct wall now);
/* Percent-encodes all but unreserved characters; slashes stay when they are separators of a path. */
char *sigv4_encode(const char *text, bool keep_slashes);
