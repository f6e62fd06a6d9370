/* The bytes of web/index.html, web/page.js and web/page.css. */
#pragma once
#include <stddef.h>

extern const unsigned char page_index_html[], page_page_js[], page_page_css[];
extern const size_t page_index_html_len, page_page_js_len, page_page_css_len;
