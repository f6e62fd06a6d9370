/* schema.sql and schema_upgrade.sql, taken into the program when it is built. */
#pragma once

extern const char schema_sql[], schema_upgrade_sql[];
