#include "onvif/xml.h"

#include "base/buf.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT)
#define SPACES " \t\r\n"

/* --- the bounds, watched while the parser runs ---------------------------------------- */

struct guard { unsigned depth, elements; int refused; };

static void refuse(xmlParserCtxt *ctxt, int code)
{
	((struct guard *)ctxt->_private)->refused = code;
	xmlStopParser(ctxt);
}

static void on_document_type(void *arg, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	refuse(arg, -EBADMSG);
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int ns_count,
		     const xmlChar **namespaces, int count, int defaulted, const xmlChar **attributes)
{
	xmlParserCtxt *ctxt = arg;
	struct guard *g = ctxt->_private;

	if (++g->depth > XML_MAX_DEPTH || ++g->elements > XML_MAX_ELEMENTS) {
		refuse(ctxt, -EFBIG);
		return;
	}
	xmlSAX2StartElementNs(arg, name, prefix, uri, ns_count, namespaces, count, defaulted, attributes);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	((struct guard *)((xmlParserCtxt *)arg)->_private)->depth--;
	xmlSAX2EndElementNs(arg, name, prefix, uri);
}

/* libxml2 tells some errors past the parser's own settings; what a camera sent has no place on a terminal. */
static void say_nothing(void *arg, const char *format, ...)
{
	(void)arg;
	(void)format;
}

int xml_parse(const void *data, size_t len, xmlDoc **out)
{
	struct guard guard = {0};

	*out = NULL;
	if (len == 0 || len > XML_MAX_BYTES)
		return len ? -EFBIG : -EBADMSG;
	xmlSetGenericErrorFunc(NULL, say_nothing);
	xmlParserCtxt *ctxt = xmlNewParserCtxt();
	if (!ctxt)
		return -ENOMEM;
	ctxt->_private = &guard;
	ctxt->sax->internalSubset = on_document_type;
	ctxt->sax->startElementNs = on_start;
	ctxt->sax->endElementNs = on_end;
	*out = xmlCtxtReadMemory(ctxt, data, (int)len, "", NULL, OPTIONS);
	xmlFreeParserCtxt(ctxt);
	if (*out && guard.refused) {
		xmlFreeDoc(*out);
		*out = NULL;
	}
	return *out ? 0 : guard.refused ? guard.refused : -EBADMSG;
}

/* --- finding ------------------------------------------------------------------------------ */

static const xmlNode *first_named(const xmlNode *node, const char *name, size_t len)
{
	for (; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strlen((const char *)node->name) == len &&
		    memcmp(node->name, name, len) == 0)
			return node;
	return NULL;
}

const xmlNode *xml_find(const xmlNode *from, const char *path)
{
	while (from && *path) {
		size_t len = strcspn(path, "/");
		from = first_named(from->children, path, len);
		path += len + (path[len] == '/');
	}
	return from;
}

const xmlNode *xml_next(const xmlNode *node)
{
	return node ? first_named(node->next, (const char *)node->name, strlen((const char *)node->name)) : NULL;
}

/* --- reading ------------------------------------------------------------------------------ */

static bool put_trimmed(const char *text, char *out, size_t room)
{
	text += strspn(text, SPACES);
	size_t len = strlen(text);
	while (len > 0 && strchr(SPACES, text[len - 1]))
		len--;
	if (len == 0 || len >= room)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool add_piece(char *out, size_t room, size_t *len, const xmlNode *piece)
{
	size_t more = piece->content ? strlen((const char *)piece->content) : 0;

	if (more >= room - *len)
		return false;
	if (more)
		memcpy(out + *len, piece->content, more);
	*len += more;
	out[*len] = '\0';
	return true;
}

bool xml_text(const xmlNode *node, char *out, size_t room)
{
	char raw[4096] = "";
	size_t len = 0;
	bool fits = true;

	out[0] = '\0';
	for (const xmlNode *c = node ? node->children : NULL; c && fits; c = c->next)
		if (c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE)
			fits = add_piece(raw, sizeof raw, &len, c);
	return fits && put_trimmed(raw, out, room);
}

bool xml_attribute(const xmlNode *node, const char *name, char *out, size_t room)
{
	out[0] = '\0';
	for (const xmlAttr *a = node ? node->properties : NULL; a; a = a->next)
		if (strcmp((const char *)a->name, name) == 0 && a->children && a->children->content)
			return put_trimmed((const char *)a->children->content, out, room);
	return false;
}

bool xml_number(const xmlNode *node, double min, double max, double *out)
{
	char text[32], *end;

	/* strtod() also knows "inf", "nan" and hexadecimal, which no camera means */
	if (!xml_text(node, text, sizeof text) || strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= min && v <= max))
		return false;
	*out = v;
	return true;
}

void xml_escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&': buf_add_text(out, "&amp;"); break;
		case '<': buf_add_text(out, "&lt;"); break;
		case '>': buf_add_text(out, "&gt;"); break;
		case '"': buf_add_text(out, "&quot;"); break;
		case '\'': buf_add_text(out, "&apos;"); break;
		default: buf_add(out, text, 1);
		}
	}
}
