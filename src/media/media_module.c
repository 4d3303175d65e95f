#include "media/media_module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "media/media.h"

/* The module of a build folder, beside the program, or where it was installed. */
static void *open_module(char *error, size_t size)
{
    static const char *const places[] = {"src/media/" MEDIA_MODULE_NAME, MEDIA_MODULE_NAME,
                                         "../lib/rtspbench/" MEDIA_MODULE_NAME,
                                         "../../src/media/" MEDIA_MODULE_NAME}; /* tests */
    char program[PATH_MAX], path[PATH_MAX + 64];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    char *name = strrchr(program, '/');
    if (name)
        name[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", program, places[i]);
        if (access(path, R_OK) != 0)
            continue;
        void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!module)
            snprintf(error, size, "%s", dlerror());
        return module;
    }
    snprintf(error, size, "this build cannot read media files (it was made without libavformat)");
    return NULL;
}

struct media *media_new_file(const struct media_file *file, char *error, size_t size)
{
    media_module_entry open;
    void *module = open_module(error, size);
    void *entry = module ? dlsym(module, MEDIA_MODULE_ENTRY) : NULL;
    if (!entry)
        return NULL;
    memcpy(&open, &entry, sizeof(open));
    return open(file, error, size); /* the module stays: its packets may be in use to the end */
}
