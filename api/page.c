/* The console: three static files, part of the program (page_data.c is made from web/). */
#include "page_data.h"

#include "call.h"
#include "router.h"

static int give(struct call *c, const char *type, const unsigned char *data, size_t len)
{
	call_bytes(c, 200, type, NULL, data, len);
	return 0;
}

int page_index(struct call *c)
{
	return give(c, "text/html; charset=utf-8", page_index_html, page_index_html_len);
}

int page_script(struct call *c)
{
	return give(c, "text/javascript; charset=utf-8", page_page_js, page_page_js_len);
}

int page_style(struct call *c)
{
	return give(c, "text/css; charset=utf-8", page_page_css, page_page_css_len);
}
