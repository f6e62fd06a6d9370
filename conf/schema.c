#include "conf/schema.h"

#include <stddef.h>

#define MUST CYAML_FLAG_POINTER
#define MAY  (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(flags, type, member) \
	CYAML_FIELD_STRING_PTR(#member, flags, struct type, member, 1, SCHEMA_TEXT_MAX_BYTES)

static const cyaml_schema_field_t site_fields[] = {
	TEXT(MUST, raw_site, id),
	TEXT(MUST, raw_site, name),
	TEXT(MUST, raw_site, timezone),
	TEXT(MAY, raw_site, language),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t root_fields[] = {
	TEXT(MUST, raw_root, path),
	TEXT(MAY, raw_root, reserve),
	TEXT(MAY, raw_root, state),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t retention_fields[] = {
	TEXT(MAY, raw_retention, keep_days),
	TEXT(MAY, raw_retention, scrub),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t recording_fields[] = {
	TEXT(MAY, raw_recording, segment),
	TEXT(MAY, raw_recording, gap_after),
	TEXT(MAY, raw_recording, buffer),
	TEXT(MAY, raw_recording, audio),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t area_fields[] = {
	TEXT(MUST, raw_area, id),
	TEXT(MUST, raw_area, name),
	TEXT(MUST, raw_area, kind),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t camera_fields[] = {
	TEXT(MUST, raw_camera, id),
	TEXT(MUST, raw_camera, name),
	TEXT(MUST, raw_camera, area),
	TEXT(MUST, raw_camera, url),
	TEXT(MAY, raw_camera, sub_url),
	TEXT(MAY, raw_camera, username),
	TEXT(MAY, raw_camera, password_file),
	TEXT(MAY, raw_camera, transport),
	TEXT(MAY, raw_camera, tls_ca),
	TEXT(MAY, raw_camera, tls_pin),
	TEXT(MAY, raw_camera, plain_password),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t listen_fields[] = {
	TEXT(MUST, raw_listen, listen),
	TEXT(MAY, raw_listen, cert),
	TEXT(MAY, raw_listen, key),
	TEXT(MAY, raw_listen, client_ca),
	TEXT(MAY, raw_listen, role),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t regulator_fields[] = {
	TEXT(MUST, raw_regulator, url),
	TEXT(MAY, raw_regulator, ca),
	TEXT(MAY, raw_regulator, cert),
	TEXT(MAY, raw_regulator, key),
	TEXT(MAY, raw_regulator, statement_at),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t offload_fields[] = {
	TEXT(MUST, raw_offload, url),
	TEXT(MUST, raw_offload, bucket),
	TEXT(MAY, raw_offload, region),
	TEXT(MAY, raw_offload, local_days),
	TEXT(MUST, raw_offload, access_key_file),
	TEXT(MUST, raw_offload, secret_key_file),
	TEXT(MAY, raw_offload, ca),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t root_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_root, root_fields),
};
static const cyaml_schema_value_t area_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_area, area_fields),
};
static const cyaml_schema_value_t camera_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_camera, camera_fields),
};
static const cyaml_schema_value_t listen_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_listen, listen_fields),
};
static const cyaml_schema_value_t word_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, SCHEMA_TEXT_MAX_BYTES),
};

static const cyaml_schema_field_t conf_fields[] = {
	CYAML_FIELD_MAPPING("site", CYAML_FLAG_DEFAULT, struct raw_conf, site, site_fields),
	TEXT(MUST, raw_conf, rule),
	TEXT(MAY, raw_conf, state),
	CYAML_FIELD_SEQUENCE("storage", MUST, struct raw_conf, storage, &root_schema, 0,
	                     SCHEMA_ROOTS_MAX),
	CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct raw_conf, retention,
	                    retention_fields),
	CYAML_FIELD_MAPPING("recording", CYAML_FLAG_OPTIONAL, struct raw_conf, recording,
	                    recording_fields),
	CYAML_FIELD_SEQUENCE("areas", MAY, struct raw_conf, areas, &area_schema, 0,
	                     SCHEMA_AREAS_MAX),
	CYAML_FIELD_SEQUENCE("cameras", MAY, struct raw_conf, cameras, &camera_schema, 0,
	                     SCHEMA_CAMERAS_MAX),
	CYAML_FIELD_SEQUENCE("api", MAY, struct raw_conf, api, &listen_schema, 0,
	                     SCHEMA_LISTENS_MAX),
	CYAML_FIELD_MAPPING("regulator", CYAML_FLAG_OPTIONAL, struct raw_conf, regulator,
	                    regulator_fields),
	CYAML_FIELD_MAPPING("offload", CYAML_FLAG_OPTIONAL, struct raw_conf, offload, offload_fields),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t schema_conf = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_conf, conf_fields),
};

static const cyaml_schema_field_t rule_fields[] = {
	TEXT(MUST, raw_rule, id),
	TEXT(MUST, raw_rule, title),
	TEXT(MUST, raw_rule, article),
	TEXT(MUST, raw_rule, floor_days),
	CYAML_FIELD_SEQUENCE("must_cover", MUST, struct raw_rule, must_cover, &word_schema, 0, 6),
	TEXT(MUST, raw_rule, private_article),
	CYAML_FIELD_STRING_PTR("source", MUST, struct raw_rule, source, 1, SCHEMA_SOURCE_MAX_BYTES),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t schema_rule = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_rule, rule_fields),
};
