#include "conf/scan.h"

#include "conf/text.h"

#include <errno.h>
#include <yaml.h>

static void refuse_character(struct conf_report *r, int line, uint32_t cp)
{
	if (cp == UINT32_MAX)
		report_add(r, false, line, "", "本行不是 UTF-8 编码：请将文件另存为 UTF-8",
		           "this line is not UTF-8: save the file as UTF-8");
	else if (cp == 0)
		report_add(r, false, line, "", "本行含有空字节（NUL）：请删除它，或将文件另存为 UTF-8",
		           "a NUL byte in this line: delete it, or save the file as UTF-8");
	else
		report_add(r, false, line, "", "本行含有控制字符 U+%04X：请删除它",
		           "control character U+%04X in this line: delete it", cp);
}

static void check_indent(struct conf_report *r, int line, const char *at, const char *end)
{
	while (at < end && *at == ' ')
		at++;
	if (at < end && *at == '\t')
		report_add(r, false, line, "", "缩进中有制表符（Tab）：请改用空格",
		           "a tab in the indentation: use spaces");
}

static void check_text(struct conf_report *r, const char *data, size_t len)
{
	const char *at = data, *end = data + len;
	int line = 1, said = 0;

	if (text_is_wide(data, len)) {
		report_add(r, false, 1, "", "文件是 UTF-16 编码：请另存为 UTF-8",
		           "the file is UTF-16: save it as UTF-8");
		return;
	}
	check_indent(r, line, at, end);
	while (at < end) {
		uint32_t cp = text_next(&at, end);
		if (cp == UINT32_MAX)
			at++;
		if (cp == '\n') {
			check_indent(r, ++line, at, end);
			continue;
		}
		bool fine = cp == '\t' || (cp == '\r' && at < end && *at == '\n');
		if (!fine && (cp == UINT32_MAX || text_is_control(cp)) && said != line) {
			refuse_character(r, line, cp);
			said = line;
		}
	}
}

struct scan {
	struct conf_report *report;
	int depth, documents;
};

static int refuse_mark(struct scan *s, int line, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		report_add(s->report, false, line, "",
		           "不支持 YAML 锚点与别名（&、*）：请把内容完整写出",
		           "YAML anchors and aliases (& and *) are not allowed: write the value "
		           "out");
	if (tag)
		report_add(s->report, false, line, "", "不支持 YAML 标签（!）：请删除标签，或给值加引号",
		           "YAML tags (!) are not allowed: remove the tag, or quote the value");
	return 0;
}

static int enter(struct scan *s, int line)
{
	if (++s->depth <= SCAN_DEPTH_MAX)
		return 0;
	report_add(s->report, false, line, "", "嵌套过深（超过 %d 层）：请检查缩进与括号",
	           "nested deeper than %d levels: check indentation and brackets", SCAN_DEPTH_MAX);
	return -EINVAL;
}

static int see_document(struct scan *s, int line)
{
	if (++s->documents == 1)
		return 0;
	report_add(s->report, false, line, "", "文件中有多个 YAML 文档：请只保留一个（删除“---”）",
	           "more than one YAML document: keep one (remove \"---\")");
	return -EINVAL;
}

static int see(struct scan *s, const yaml_event_t *e)
{
	int line = (int)e->start_mark.line + 1;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return see_document(s, line);
	case YAML_ALIAS_EVENT:
		return refuse_mark(s, line, e->data.alias.anchor, NULL);
	case YAML_SCALAR_EVENT:
		return refuse_mark(s, line, e->data.scalar.anchor, e->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
		refuse_mark(s, line, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		return enter(s, line);
	case YAML_MAPPING_START_EVENT:
		refuse_mark(s, line, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		return enter(s, line);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		return 0;
	default:
		return 0;
	}
}

static void say_syntax(struct conf_report *r, const yaml_parser_t *p)
{
	int line = (int)p->problem_mark.line + 1;

	report_add(r, false, line, "", "YAML 语法错误（%s）：请检查本行与上一行的缩进、引号和冒号",
	           "YAML syntax error (%s): check indentation, quotes and colons of this line "
	           "and the one before", p->problem ? p->problem : "?");
}

static void check_syntax(struct conf_report *r, const char *data, size_t len)
{
	struct scan s = {.report = r};
	yaml_parser_t parser;
	bool going = true;

	if (!yaml_parser_initialize(&parser))
		return;
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	while (going) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			say_syntax(r, &parser);
			break;
		}
		going = event.type != YAML_STREAM_END_EVENT && see(&s, &event) == 0;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

int scan_check(const char *data, size_t len, struct conf_report *report)
{
	check_text(report, data, len);
	if (!report_has_error(report))
		check_syntax(report, data, len);
	return report_has_error(report) ? -EINVAL : 0;
}
