/* probe_clean.h - what a message may show: no secret, and nothing that a terminal would obey. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "base/text.h"

/* What this probe's own secrets are. Borrowed. */
struct probe_secrets {
    struct slice password;
    struct slice proof; /* of the last Authorization: a Digest response, or what follows Basic */
};

/* The proof in a message that was sent, which it borrows; empty where there is none. */
struct slice probe_proof(struct slice message);

/* Appends a message or a value with the values of Authorization and the like, what secrets.h knows,
   and the probe's own wherever they stand, as "***"; controls and what isn't UTF-8 escaped.
   Lines end in one newline each, however they ended; the last one's is left out. is_message: it
   begins with a head, whose headers are known by name. to takes up to 8 bytes for each of text's.
 */
void probe_clean(struct text *to, struct slice text, const struct probe_secrets *secrets,
                 bool is_message);

/* The same as a string that the caller frees. */
char *probe_cleaned(struct slice text, const struct probe_secrets *secrets, bool is_message);
