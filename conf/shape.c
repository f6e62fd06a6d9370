#include "conf/shape.h"

#include "base/buf.h"
#include "base/lang.h"
#include "conf/text.h"

struct walk {
	struct shape *shape;
	yaml_document_t *doc;
	struct conf_report *report;
};

typedef cyaml_schema_value_t schema_t;

struct key { char text[sizeof((struct shape_place *)0)->key]; };

static int walk(struct walk *w, int id, const schema_t *schema, const char *key);

static yaml_node_t *node(struct walk *w, int id)
{
	return yaml_document_get_node(w->doc, id);
}

static int line_of(struct walk *w, int id)
{
	return (int)node(w, id)->start_mark.line + 1;
}

/* --- what stands in for what is wrong ---------------------------------------- */

static int add_scalar(struct walk *w, const char *text)
{
	return yaml_document_add_scalar(w->doc, NULL, (const yaml_char_t *)text,
	                                (int)strlen(text), YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static int placeholder(struct walk *w, const schema_t *schema)
{
	if (schema->type == CYAML_SEQUENCE)
		return yaml_document_add_sequence(w->doc, NULL, YAML_FLOW_SEQUENCE_STYLE);
	if (schema->type != CYAML_MAPPING)
		return add_scalar(w, SHAPE_UNKNOWN);
	int id = yaml_document_add_mapping(w->doc, NULL, YAML_FLOW_MAPPING_STYLE);
	for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++) {
		if (f->value.flags & CYAML_FLAG_OPTIONAL)
			continue;
		int name = add_scalar(w, f->key);
		yaml_document_append_mapping_pair(w->doc, id, name, placeholder(w, &f->value));
	}
	return id;
}

static int replace(struct walk *w, const schema_t *schema, const char *key, int line)
{
	shape_remember(w->shape, key, line, true);
	return placeholder(w, schema);
}

/* --- scalars ----------------------------------------------------------------- */

static bool is_nothing(const yaml_node_t *n)
{
	const char *text = (const char *)n->data.scalar.value;

	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static bool has_control(const yaml_node_t *n)
{
	const char *at = (const char *)n->data.scalar.value, *end = at + n->data.scalar.length;

	while (at < end) {
		uint32_t cp = text_next(&at, end);
		if (cp == UINT32_MAX || (text_is_control(cp) && cp != '\n'))
			return true;
	}
	return false;
}

static bool check_scalar(struct walk *w, const yaml_node_t *n, const schema_t *schema,
                         const char *key)
{
	int line = (int)n->start_mark.line + 1;

	if (n->data.scalar.length < schema->string.min) {
		report_add(w->report, false, line, key, "值为空：请写上内容，或删除这一项",
		           "is empty: write a value, or remove the key");
	} else if (n->data.scalar.length > schema->string.max) {
		report_add(w->report, false, line, key, "太长：最多 %u 字节", "too long: at most %u bytes",
		           schema->string.max);
	} else if (has_control(n)) {
		report_add(w->report, false, line, key, "含有控制字符：请删除",
		           "holds a control character: delete it");
	} else {
		return true;
	}
	return false;
}

/* --- kinds of node ----------------------------------------------------------- */

static const char *kind_wanted(const schema_t *schema)
{
	if (schema->type == CYAML_MAPPING)
		return lang("一组“键: 值”", "a mapping (key: value)");
	if (schema->type == CYAML_SEQUENCE)
		return lang("一个列表（每项以“- ”开头）", "a list (each entry begins with \"- \")");
	return lang("单个值", "a single value");
}

static const char *kind_found(const yaml_node_t *n)
{
	if (n->type == YAML_MAPPING_NODE)
		return lang("一组“键: 值”", "a mapping");
	if (n->type == YAML_SEQUENCE_NODE)
		return lang("一个列表", "a list");
	return lang("单个值", "a single value");
}

static bool kind_fits(const yaml_node_t *n, const schema_t *schema)
{
	if (schema->type == CYAML_MAPPING)
		return n->type == YAML_MAPPING_NODE;
	if (schema->type == CYAML_SEQUENCE)
		return n->type == YAML_SEQUENCE_NODE;
	return n->type == YAML_SCALAR_NODE;
}

static void say_kind(struct walk *w, const yaml_node_t *n, const schema_t *schema, const char *key)
{
	int line = (int)n->start_mark.line + 1;

	if (is_nothing(n))
		report_add(w->report, false, line, key, "没有值：此处应为%s；不需要就删除这一项",
		           "has no value: %s belongs here; remove the key if it is not needed",
		           kind_wanted(schema));
	else
		report_add(w->report, false, line, key, "此处应为%s，现为%s：请检查缩进和写法",
		           "%s belongs here, not %s: check indentation and "
		           "form", kind_wanted(schema),
		           kind_found(n));
}

/* --- mappings ---------------------------------------------------------------- */

static void say_unknown(struct walk *w, const schema_t *schema, const char *key, int line,
                        const char *name)
{
	const char *valid[SCHEMA_FIELDS_MAX];
	struct buf list = {0};
	size_t count = 0;

	for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++) {
		if (count == SCHEMA_FIELDS_MAX)
			break;
		buf_printf(&list, "%s%s", count ? ", " : "", f->key);
		valid[count++] = f->key;
	}
	buf_add(&list, "", 1);
	const char *near = text_nearest(name, valid, count);
	if (near)
		report_add(w->report, false, line, key, "没有这个键：是否应为 %s？否则请删除",
		           "unknown key: did you mean %s? otherwise remove it", near);
	else
		report_add(w->report, false, line, key, "没有这个键：请删除；此处可用：%s",
		           "unknown key: remove it; valid here: %s", (const char *)list.data);
	buf_finish(&list);
}

static const cyaml_schema_field_t *field_of(const schema_t *schema, const char *name, unsigned *nth)
{
	*nth = 0;
	for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++, (*nth)++)
		if (strcmp(f->key, name) == 0)
			return f;
	return NULL;
}

static struct key key_join(const char *key, const char *name)
{
	struct key k;

	snprintf(k.text, sizeof k.text, "%s%s%s", key, key[0] ? "." : "", name);
	text_cut(k.text, sizeof k.text);
	return k;
}

/* True if the pair stays. *seen has one bit per key met. */
static bool walk_pair(struct walk *w, yaml_node_pair_t *pair, const schema_t *schema,
                      const char *key, uint32_t *seen)
{
	const yaml_node_t *name = node(w, pair->key);
	int line = (int)name->start_mark.line + 1;
	unsigned nth;

	if (name->type != YAML_SCALAR_NODE) {
		report_add(w->report, false, line, key, "键必须是单个词：请检查括号和冒号",
		           "a key must be a single word: check brackets and colons");
		return false;
	}
	struct quoted shown = text_quote((const char *)name->data.scalar.value);
	struct key child = key_join(key, shown.text);
	const cyaml_schema_field_t *f =
		field_of(schema, (const char *)name->data.scalar.value, &nth);
	if (!f) {
		say_unknown(w, schema, child.text, line, shown.text);
		return false;
	}
	if (*seen & UINT32_C(1) << nth) {
		report_add(w->report, false, line, child.text, "重复的键（第 %d 行已有）：请只保留一个",
		           "this key is doubled (first in line %d): keep one",
		           shape_line(w->shape, child.text));
		return false;
	}
	*seen |= UINT32_C(1) << nth;
	shape_remember(w->shape, child.text, line, false);
	int value = walk(w, pair->value, &f->value, child.text);
	pair->value = value;
	return true;
}

static void add_missing(struct walk *w, int id, const schema_t *schema, const char *key,
                        uint32_t seen)
{
	unsigned nth = 0;

	for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key; f++, nth++) {
		if ((seen & UINT32_C(1) << nth) || (f->value.flags & CYAML_FLAG_OPTIONAL))
			continue;
		struct key child = key_join(key, f->key);
		int line = line_of(w, id);
		report_add(w->report, false, line, child.text, "缺少必填项：请加上“%s: …”",
		           "missing: add \"%s: …\"", f->key);
		int name = add_scalar(w, f->key);
		int value = replace(w, &f->value, child.text, line);
		yaml_document_append_mapping_pair(w->doc, id, name, value);
	}
}

/* Pairs and items live in arrays of their own, so that adding nodes does not move them. */
static void walk_mapping(struct walk *w, int id, const schema_t *schema, const char *key)
{
	yaml_node_pair_t *pair = node(w, id)->data.mapping.pairs.start;
	yaml_node_pair_t *end = node(w, id)->data.mapping.pairs.top, *keep = pair;
	uint32_t seen = 0;

	for (; pair < end; pair++)
		if (walk_pair(w, pair, schema, key, &seen))
			*keep++ = *pair;
	node(w, id)->data.mapping.pairs.top = keep;
	add_missing(w, id, schema, key, seen);
}

/* --- lists ------------------------------------------------------------------- */

static void walk_sequence(struct walk *w, int id, const schema_t *schema, const char *key)
{
	yaml_node_item_t *item = node(w, id)->data.sequence.items.start;
	yaml_node_item_t *end = node(w, id)->data.sequence.items.top;

	if (end - item > (ptrdiff_t)schema->sequence.max) {
		report_add(w->report, false, shape_line(w->shape, key), key, "列表太长：最多 %u 项",
		           "the list is too long: at most %u entries", schema->sequence.max);
		end = item + schema->sequence.max;
		node(w, id)->data.sequence.items.top = end;
	}
	for (unsigned i = 0; item < end; item++, i++) {
		struct key child;
		snprintf(child.text, sizeof child.text, "%.80s[%u]", key, i);
		shape_remember(w->shape, child.text, line_of(w, *item), false);
		int value = walk(w, *item, schema->sequence.entry, child.text);
		*item = value;
	}
}

static int walk(struct walk *w, int id, const schema_t *schema, const char *key)
{
	const yaml_node_t *n = node(w, id);
	int line = line_of(w, id);

	if (!kind_fits(n, schema) || is_nothing(n)) {
		say_kind(w, n, schema, key);
		return replace(w, schema, key, line);
	}
	if (schema->type == CYAML_MAPPING)
		walk_mapping(w, id, schema, key);
	else if (schema->type == CYAML_SEQUENCE)
		walk_sequence(w, id, schema, key);
	else if (!check_scalar(w, n, schema, key))
		return replace(w, schema, key, line);
	return id;
}

void shape_check(struct shape *s, yaml_document_t *doc, const cyaml_schema_value_t *schema,
                 struct conf_report *report)
{
	struct walk w = {.shape = s, .doc = doc, .report = report};
	const yaml_node_t *root = yaml_document_get_root_node(doc);

	if (!root || is_nothing(root))
		report_add(report, false, 0, "", "文件是空的：请参照 holdfast.yaml 样例填写",
		           "the file is empty: begin with the sample holdfast.yaml");
	else if (!kind_fits(root, schema))
		say_kind(&w, root, schema, "");
	else
		walk_mapping(&w, 1, schema, "");
}
