/* The meaning of a configuration whose shape is known (inside conf/): each check reads the raw
 * texts, reports what is wrong at its line, and fills its part of struct conf.
 *
 * A value that is refused leaves something harmless behind, so that the other checks go on. */
#pragma once
#include "conf/conf.h"
#include "conf/shape.h"

struct check {
	const struct raw_conf *raw;
	const struct shape *shape;
	const char *dir;            /* relative paths start here */
	struct conf *conf;          /* what is built */
	struct conf_report *report;
};

/* at is the mapping ("cameras[2]" or ""), key its key; silent where the shape was bad already. */
__attribute__((format(printf, 4, 6), format(printf, 5, 6)))
void check_error(const struct check *k, const char *at, const char *key, const char *zh,
                 const char *en, ...);
__attribute__((format(printf, 4, 6), format(printf, 5, 6)))
void check_warning(const struct check *k, const char *at, const char *key, const char *zh,
                   const char *en, ...);

/* "cameras[2]" */
struct check_at { char text[24]; };
struct check_at check_at(const char *list, unsigned nth);

bool check_id(const struct check *k, const char *at, const char *id, size_t max);
bool check_name(const struct check *k, const char *at, const char *name);
/* An absolute path; NULL, reported, if it cannot be one. */
char *check_path(const struct check *k, const char *at, const char *key, const char *path);
/* check_path() of a file that can be read; a secret one must be its owner's alone. */
char *check_file(const struct check *k, const char *at, const char *key, const char *path,
                 bool secret);

/* The one line of such a file, without its end; NULL, reported, if there is none or more than max_bytes. */
char *check_secret(const struct check *k, const char *at, const char *key, const char *path, size_t max_bytes);

/* A switch: false if it is not there, or reported because it is neither. */
bool check_switch(const struct check *k, const char *at, const char *key, const char *text);

void check_site(const struct check *k);
void check_rule(const struct check *k);      /* before retention, areas and cameras */
void check_retention(const struct check *k);
void check_recording(const struct check *k);
void check_storage(const struct check *k);   /* state and storage */
void check_areas(const struct check *k);
void check_cameras(const struct check *k);   /* after areas */
/* How a camera is reached: url, sub_url, transport, tls_ca, tls_pin, plain_password. */
void check_transport(const struct check *k, const char *at, const struct raw_camera *raw,
                     struct conf_camera *cam);
void check_api(const struct check *k);
void check_regulator(const struct check *k);
void check_offload(const struct check *k);
