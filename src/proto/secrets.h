/* secrets.h - what no output may show: passwords and tokens in URLs, and proofs of who asks. One
 * place knows what they look like; whoever shows a text that others wrote asks it. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "base/text.h"

/* The next secret in text from *at on; *at is then behind it. False: there is none. Secrets are
   - the password of any URL: rtsp://user:PASSWORD@host,
   - the value of a parameter by its name: password=, access_token=, key=, sig= and the like, in
     quotes or not, wherever it stands; a Digest response= is one,
   - what follows "Basic" or "Bearer" where it is a proof and not a word. */
bool secrets_next(struct slice text, size_t *at, struct slice *secret);

/* Copies text with each secret as "***". It gets three times as long at most. */
void secrets_mask(struct text *to, struct slice text);

/* The same for a word that should have been a URL, so that "bob:PASSWORD@host" and
   "rtsp:/bob:PASSWORD@host" show no password either. */
void secrets_mask_word(struct text *to, struct slice word);

/* Does this header carry a secret, by its name? A challenge doesn't. */
bool secrets_in_header(struct slice name);
