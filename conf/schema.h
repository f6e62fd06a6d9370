/* The shape of a configuration and of a rule pack: which keys there are, which are mandatory,
 * which hold a text, a mapping or a list. The one place where a key is written down; both the
 * walk that finds every mistake (shape.h) and libcyaml, which fills the structs, read it.
 *
 * Every scalar is a text here: its unit and its meaning belong to check*.c. */
#pragma once
#include <cyaml/cyaml.h>

#define SCHEMA_TEXT_MAX_BYTES 1024
#define SCHEMA_SOURCE_MAX_BYTES 8192
#define SCHEMA_ROOTS_MAX 16
#define SCHEMA_AREAS_MAX 128
#define SCHEMA_CAMERAS_MAX 256
#define SCHEMA_LISTENS_MAX 8
#define SCHEMA_FIELDS_MAX 16

struct raw_site { char *id, *name, *timezone, *language; };
struct raw_root { char *path, *reserve, *state; };
struct raw_retention { char *keep_days, *scrub; };
struct raw_recording { char *segment, *gap_after, *buffer, *audio; };
struct raw_area { char *id, *name, *kind; };
struct raw_camera {
	char *id, *name, *area, *url, *sub_url, *username, *password_file, *transport, *tls_ca, *tls_pin,
	     *plain_password;
};
struct raw_listen { char *listen, *cert, *key, *client_ca, *role; };
struct raw_regulator { char *url, *ca, *cert, *key, *statement_at; };
struct raw_offload { char *url, *bucket, *region, *local_days, *access_key_file, *secret_key_file, *ca; };

struct raw_conf {
	struct raw_site site;
	char *rule, *state;
	struct raw_root *storage;
	unsigned storage_count;
	struct raw_retention retention;
	struct raw_recording recording;
	struct raw_area *areas;
	unsigned areas_count;
	struct raw_camera *cameras;
	unsigned cameras_count;
	struct raw_listen *api;
	unsigned api_count;
	struct raw_regulator regulator;
	struct raw_offload offload;
};

struct raw_rule {
	char *id, *title, *article, *floor_days;
	char **must_cover;
	unsigned must_cover_count;
	char *private_article, *source;
};

extern const cyaml_schema_value_t schema_conf; /* of a struct raw_conf */
extern const cyaml_schema_value_t schema_rule; /* of a struct raw_rule */
