/* web.h - the front end of dashboard and reports, bundled at build time and embedded. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* page has a place for the style and one for the script: WEB_STYLE and WEB_SCRIPT. */
struct web_assets {
    struct slice page, style, script;
};

#define WEB_STYLE "<!--style-->"
#define WEB_SCRIPT "<!--script-->"

/* False where the build left it out (npm was not there). */
bool web_assets(struct web_assets *out);
