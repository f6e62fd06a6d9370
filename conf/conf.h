/* The configuration: one immutable value, read whole, checked whole (design §8).
 *
 * Threads: read-only after conf_load(); any.
 * Memory:  conf_load() and conf_from_part() allocate, conf_destroy() frees and wipes
 *          secrets; every pointer inside belongs to the struct conf.
 * Units:   *_us microseconds, *_bytes bytes, *_days days.
 * Source:  the rule packs under conf/rules name the law they stand for. */
#pragma once
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum area_kind { AREA_LIVING, AREA_ACTIVITY, AREA_ENTRANCE, AREA_CORRIDOR, AREA_OUTDOOR, AREA_PRIVATE };

struct conf_site { char *id, *name, *timezone, *language; };

/* One legal text and what of it a machine can check. */
struct conf_rule {
	char *id;              /* "cn-hangjin-2021" */
	char *title;
	char *article;         /* where in that text: "第三十二条" */
	unsigned floor_days;   /* footage younger than this is never deleted */
	enum area_kind *must_cover; /* kinds of area that need a camera */
	unsigned must_cover_count;
	char *private_article; /* the article that forbids a camera in a private area */
	char *source;          /* the text of the rule, quoted */
};

struct conf_root {
	char *path;
	uint64_t reserve_bytes;
	bool drain;            /* its footage moves to the others, and nothing new goes there while one of them takes it */
};
struct conf_area { char *id, *name; enum area_kind kind; };

struct conf_camera {
	char *id, *name, *area;
	char *url;             /* rtsp[s]://host[:port]/path, without user info */
	char *sub_url;         /* a second, smaller stream of the same camera, or NULL; only in the recorder's part */
	bool has_sub;          /* whether there is one: in every part */
	char *username;        /* NULL: no authentication */
	char *password_file;
	char *password;        /* read from password_file; only in the recorder's part */
	bool plain_password;   /* it may be shown as Basic over plain rtsp://, where anybody on the network can read it */
	bool udp;              /* media over UDP; else in the RTSP connection */
	char *tls_ca;          /* of rtsps://: PEM of whom to trust; NULL: the system's authorities */
	char *tls_pin;         /* of rtsps://: the camera's key (tls_pin.h); NULL: any that is vouched for */
};

struct conf_listen { char *host; uint16_t port; };

struct conf_regulator {
	char *url;             /* NULL: no regulator is told */
	char *ca, *cert, *key; /* paths of PEM files; NULL: system store, no client certificate */
	char *statement_at;    /* "HH:MM" in the site's zone, or NULL */
};

/* The object store that published footage is copied to. */
struct conf_offload {
	char *url;             /* https://host[:port]; NULL: nothing is copied */
	char *bucket, *region;
	bool releases;         /* a local file goes when its copy is kept and it is older than: */
	unsigned local_days;
	char *ca;              /* path of a PEM file; NULL: the system's authorities */
	char *access_key_file, *secret_key_file;
	char *access_key, *secret_key; /* read from the files; only in the offloader's part */
};

struct conf {
	char *path;            /* the file it came from; NULL in a part */
	char *digest;          /* SHA-256 of that file, hex: config.changed in the ledger */
	struct conf_site site;
	struct conf_rule rule;
	char *state;           /* the state directory, absolute */
	struct conf_root *roots;
	unsigned root_count;
	unsigned keep_days;
	int64_t scrub_us;            /* every byte of the archive is read once in this time */
	int64_t segment_us, gap_after_us;
	bool audio;            /* sound is recorded with the pictures */
	uint64_t buffer_bytes; /* for what the disks have not written yet: all roots together */
	struct conf_area *areas;
	unsigned area_count;
	struct conf_camera *cameras;
	unsigned camera_count;
	struct conf_listen *listens;
	unsigned listen_count;
	struct conf_regulator regulator;
	struct conf_offload offload;
	bool demo;
};

/* One thing that is wrong, for a person: where, what, what to do. */
struct conf_problem {
	int line;              /* in the file, from 1; 0 if the file as a whole */
	bool warning;          /* true: it works, but not as the writer may think */
	char key[96];          /* "cameras[2].area" */
	char text[400];        /* the problem and the remedy, in lang() */
};
struct conf_report { struct conf_problem *problems; unsigned count; };

void conf_report_print(const struct conf_report *r, const char *path, FILE *to);
void conf_report_finish(struct conf_report *r);

/* Reads and checks the file. All problems are reported, not the first. Returns 0
 * and *out (report may hold warnings), or a negative code and *out NULL. */
int conf_load(const char *path, struct conf **out, struct conf_report *report);
void conf_destroy(struct conf *c);

/* What each process is given of it. Only the recorder's part holds camera user
 * names, passwords and URLs; only the api's holds the regulator and the listeners; only the
 * offloader's holds the keys of the object store. */
enum conf_role { CONF_RECORDER, CONF_KEEPER, CONF_API, CONF_OFFLOADER };
json_t *conf_part(const struct conf *c, enum conf_role role); /* new reference, or NULL: no memory */
int conf_from_part(const json_t *part, struct conf **out, struct err *e);

/* "https://host/bucket": which store and bucket a copy is in; malloc'd, NULL: none is configured. */
char *conf_offload_place(const struct conf_offload *o);

extern const char conf_sample[]; /* holdfast.yaml, the commented default */

/* A camera is to send over UDP: its recorder needs ports of its own. */
bool conf_wants_udp(const struct conf *c);
/* Of http[s]://host[:port][/path]. */
uint16_t conf_url_port(const char *url);
const struct conf_camera *conf_camera_find(const struct conf *c, const char *id);
const struct conf_area *conf_area_find(const struct conf *c, const char *id);
const char *area_kind_name(enum area_kind k);
