#include "view/web.h"

#if HAVE_WEB

extern const uint8_t web_page[], web_page_end[], web_style[], web_style_end[], web_script[],
    web_script_end[];

bool web_assets(struct web_assets *out)
{
    *out = (struct web_assets){
        .page = slice_make(web_page, (size_t)(web_page_end - web_page)),
        .style = slice_make(web_style, (size_t)(web_style_end - web_style)),
        .script = slice_make(web_script, (size_t)(web_script_end - web_script)),
    };
    return true;
}

#else

bool web_assets(struct web_assets *out)
{
    *out = (struct web_assets){0};
    return false;
}

#endif
