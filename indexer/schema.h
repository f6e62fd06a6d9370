/* schema.sql, taken into the program when it is built. */
#pragma once

extern const char schema_sql[];
