/* XML from the network, read as what it is: hostile. A document type is refused before anything of it is
 * read (SOAP 1.2 §5 forbids it), so there are no entities to expand and nothing external to fetch; size,
 * depth and number of elements are bounded.
 *
 * Elements are told apart by their local names alone: cameras are careless with namespaces.
 * Threads: one document belongs to one thread. Memory: xml_parse() allocates, xmlFreeDoc() frees; nodes are
 * borrowed from the document. Every reader takes NULL for a node and finds nothing in it. */
#pragma once
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#define XML_MAX_BYTES (512u << 10)
#define XML_MAX_DEPTH 32
#define XML_MAX_ELEMENTS 20000

/* 0; or -EFBIG: longer, deeper or more than the bounds; -EBADMSG: no XML, or one with a document type. */
int xml_parse(const void *data, size_t len, xmlDoc **out);

/* The first element of that name below `path` ("Body/Probe"), each the first of its name; NULL: none. */
const xmlNode *xml_find(const xmlNode *from, const char *path);
/* The next sibling of the same name. */
const xmlNode *xml_next(const xmlNode *node);

/* The text in an element, or of an attribute, without the space around it. False: there is none, or it does
 * not fit; out is "" then. */
bool xml_text(const xmlNode *node, char *out, size_t room);
bool xml_attribute(const xmlNode *node, const char *name, char *out, size_t room);
/* The same, as a number from min to max. */
bool xml_number(const xmlNode *node, double min, double max, double *out);

/* text, fit to stand in an element or an attribute. */
struct buf;
void xml_escape(struct buf *out, const char *text);
