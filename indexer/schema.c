#include "schema.h"

const char schema_sql[] =
#include "schema_text.inc"
	;

const char schema_upgrade_sql[] =
#include "schema_upgrade_text.inc"
	;
