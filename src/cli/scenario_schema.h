/* scenario_schema.h - the JSON Schema of --scenario's files, from the table of options. */
#pragma once

/* On stdout. The exit status. */
int scenario_schema_print(void);
