#include "schema.h"

const char schema_sql[] =
#include "schema_text.inc"
	;
