#include "conf/raw.h"

#include "base/buf.h"
#include "conf/scan.h"
#include "conf/text.h"

#include <errno.h>

static const cyaml_config_t config = {
	.mem_fn = cyaml_mem,
	.flags = CYAML_CFG_NO_ALIAS,
};

static int on_written(void *data, unsigned char *bytes, size_t len)
{
	buf_add(data, bytes, len);
	return 1;
}

/* Takes the document. */
static void write_document(yaml_document_t *doc, struct buf *out)
{
	yaml_emitter_t emitter;

	if (!yaml_emitter_initialize(&emitter)) {
		yaml_document_delete(doc);
		return;
	}
	yaml_emitter_set_output(&emitter, on_written, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	if (!yaml_emitter_dump(&emitter, doc))
		buf_clear(out);
	yaml_emitter_delete(&emitter);
}

/* Walks the document; *repaired holds it with the mistakes taken out, if there were any. */
static int check_shape(const char *data, size_t len, const cyaml_schema_value_t *schema,
                       struct shape *shape, struct conf_report *report, struct buf *repaired)
{
	yaml_parser_t parser;
	yaml_document_t doc;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	int loaded = yaml_parser_load(&parser, &doc);
	yaml_parser_delete(&parser);
	if (!loaded)
		return -EINVAL;
	shape_check(shape, &doc, schema, report);
	if (report_has_error(report))
		write_document(&doc, repaired);
	else
		yaml_document_delete(&doc);
	return 0;
}

static int fill(const char *data, size_t len, const cyaml_schema_value_t *schema, void **raw)
{
	if (len == 0)
		return -EINVAL;
	return cyaml_load_data((const uint8_t *)data, len, &config, schema, raw, NULL) == CYAML_OK
	               ? 0 : -EINVAL;
}

int raw_load(const char *data, size_t len, const cyaml_schema_value_t *schema, void **raw,
             struct shape *shape, struct conf_report *report)
{
	struct buf repaired = {0};

	*raw = NULL;
	text_skip_mark(&data, &len);
	int rc = scan_check(data, len, report);
	if (rc < 0)
		return rc;
	rc = check_shape(data, len, schema, shape, report, &repaired);
	if (rc == 0 && report_has_error(report))
		rc = fill((const char *)repaired.data, repaired.len, schema, raw);
	else if (rc == 0)
		rc = fill(data, len, schema, raw);
	buf_finish(&repaired);
	if (rc < 0 && !report_has_error(report))
		report_add(report, false, 0, "", "无法读取此 YAML 文件：请对照样例重写",
		           "this YAML cannot be read: rewrite it after the sample");
	return rc;
}

void raw_free(const cyaml_schema_value_t *schema, void *raw)
{
	cyaml_free(&config, schema, raw, 0);
}
