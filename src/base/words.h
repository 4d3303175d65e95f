/* words.h - how alike two words are, for messages that suggest the one that was meant. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Longer words are like no other. */
#define WORDS_LONGEST 48u

/* Edits between two words (Levenshtein's distance, and a swap of neighbours counts once). */
unsigned words_distance(const char *a, const char *b);

/* A word so many edits away is close enough to have been meant by one of length n. */
bool words_near(unsigned edits, size_t n);
