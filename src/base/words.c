#include "base/words.h"

#include <string.h>

unsigned words_distance(const char *a, const char *b)
{
    enum { MOST = WORDS_LONGEST };
    unsigned cost[MOST + 1][MOST + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > MOST || m > MOST)
        return MOST;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            unsigned best = i == 0 ? (unsigned)j : j == 0 ? (unsigned)i : MOST;
            if (i > 0 && j > 0) {
                unsigned change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
                unsigned gap =
                    (cost[i - 1][j] < cost[i][j - 1] ? cost[i - 1][j] : cost[i][j - 1]) + 1;
                best = change < gap ? change : gap;
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                cost[i - 2][j - 2] + 1 < best)
                best = cost[i - 2][j - 2] + 1;
            cost[i][j] = best;
        }
    }
    return cost[n][m];
}

bool words_near(unsigned edits, size_t n)
{
    return edits <= 1 + n / 4;
}
