/* proportion.h - whether something befalls a greater share of one group than of another, or just
 * came out so by chance (Fisher's exact test). */
#pragma once

#include <stdbool.h>

struct proportion {
    double part, whole; /* counts; whole 0: nobody was there to be counted */
};

double proportion_share(struct proportion of);

/* The chance that so many or more of those whom it befell are in the second group, if the group
   makes no difference. 1 where the second's share isn't the greater one, or a group is empty. */
double proportion_chance(struct proportion base, struct proportion now);

/* Whether the second's share is greater, surely: a chance of half a percent at most. Both ways
   together that is a test at 99 %. */
bool proportion_is_greater(struct proportion base, struct proportion now);

/* Whether groups of these sizes can differ surely at all: 5 in each are enough, 4 are not. */
bool proportion_can_tell(double base, double now);
