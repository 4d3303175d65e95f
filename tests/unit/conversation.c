#include "test.h"

#include <stdlib.h>

#include "client/conversation.h"

static struct conversations pools_make(uint32_t count, uint32_t giants)
{
    struct conversations pools;
    assert_int_equal(conversations_init(&pools, count, giants), 0);
    return pools;
}

static void they_are_given_and_taken(void **state)
{
    (void)state;
    struct conversations pools = pools_make(2, 0);
    uint32_t index[3] = {0};
    struct conversation *it = conversation_take(&pools, &index[0]);
    assert_non_null(it);
    assert_ptr_equal(conversation_at(&pools, index[0]), it);
    assert_non_null(conversation_take(&pools, &index[1]));
    assert_int_not_equal(index[0], index[1]);
    assert_null(conversation_take(&pools, &index[2]));
    assert_int_equal(index[2], 0);
    conversation_give(&pools, &index[0]);
    assert_int_equal(index[0], 0);
    conversation_give(&pools, &index[0]); /* none to give: nothing happens */
    assert_int_equal(pools.small.in_use, 1);
    assert_ptr_equal(conversation_take(&pools, &index[2]), it);
    assert_null(conversation_at(&pools, 0));
    conversations_dispose(&pools);
}

static void a_used_one_comes_clean(void **state)
{
    (void)state;
    struct conversations pools = pools_make(1, 1);
    uint32_t index;
    struct conversation *it = conversation_take(&pools, &index);
    memset(&it->rx_is_rtcp, 1, sizeof(*it) - offsetof(struct conversation, rx_is_rtcp));
    conversation_clear(&pools, it);
    conversation_gather(&pools, it, SLICE("left behind"));
    it->tx_len = 7;
    it->tx_sent = 3;
    conversation_give(&pools, &index);
    it = conversation_take(&pools, &index);
    assert_int_equal(it->rx_len + it->giant + it->tx_len + it->tx_sent + it->url_len, 0);
    assert_int_equal(it->visited_count, 0);
    assert_int_equal(it->visited[0] | it->visited[CONVERSATION_VISITED - 1], 0);
    assert_false(it->rx_is_rtcp);
    conversations_dispose(&pools);
}

/* total bytes in pieces of that size, with so many giants: how many were taken, and where they are.
 */
static void bytes_are_gathered(void **state)
{
    (void)state;
    static const struct {
        size_t total, piece;
        uint32_t giants;
        size_t taken;
        bool giant;
    } rows[] = {
        {100, 7, 1, 100, false},
        {CONVERSATION_RX, CONVERSATION_RX, 1, CONVERSATION_RX, false},
        {CONVERSATION_RX, 1, 1, CONVERSATION_RX, false},
        {CONVERSATION_RX + 1, 1, 1, CONVERSATION_RX + 1, true},
        {CONVERSATION_RX + 1, CONVERSATION_RX + 1, 1, CONVERSATION_RX + 1, true},
        {CONVERSATION_RX + 1, 1000, 0, CONVERSATION_RX, false},
        {500000, 1460, 1, 500000, true},
        {CONVERSATION_GIANT, 65536, 1, CONVERSATION_GIANT, true},
        {CONVERSATION_GIANT + 1, 65536, 1, CONVERSATION_GIANT, true},
    };
    uint8_t *bytes = malloc(CONVERSATION_GIANT + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i <= CONVERSATION_GIANT; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conversations pools = pools_make(1, rows[i].giants);
        uint32_t index;
        struct conversation *it = conversation_take(&pools, &index);
        struct slice rest = slice_make(bytes, rows[i].total);
        size_t taken = 0;
        while (rest.len > 0)
            taken += conversation_gather(&pools, it, slice_take(&rest, rows[i].piece));
        assert_int_equal(taken, rows[i].taken);
        assert_true(slice_equal(conversation_gathered(&pools, it), slice_make(bytes, taken)));
        assert_int_equal(it->giant != 0, rows[i].giant);
        assert_int_equal(pools.giants.in_use, rows[i].giant);
        conversation_give(&pools, &index);
        assert_int_equal(pools.giants.in_use, 0);
        conversations_dispose(&pools);
    }
    free(bytes);
}

/* A giant comes back with the next clear, and the small buffer is used again from its start. */
static void clearing_gives_the_giant_back(void **state)
{
    (void)state;
    struct conversations pools = pools_make(2, 1);
    uint32_t index[2];
    static const uint8_t many[CONVERSATION_RX + 1];
    struct conversation *a = conversation_take(&pools, &index[0]);
    struct conversation *b = conversation_take(&pools, &index[1]);
    a->rx_is_rtcp = true;
    assert_int_equal(conversation_gather(&pools, a, slice_make(many, sizeof(many))), sizeof(many));
    assert_int_equal(conversation_gather(&pools, b, slice_make(many, sizeof(many))),
                     CONVERSATION_RX); /* the only giant is taken */
    conversation_clear(&pools, a);
    assert_false(a->rx_is_rtcp);
    assert_int_equal(conversation_gathered(&pools, a).len, 0);
    assert_int_equal(conversation_gather(&pools, b, SLICE("x")), 1);
    assert_true(b->giant);
    assert_int_equal(conversation_gathered(&pools, b).len, CONVERSATION_RX + 1);
    assert_int_equal(conversation_gather(&pools, a, SLICE("again")), 5);
    assert_true(slice_equal(conversation_gathered(&pools, a), SLICE("again")));
    conversations_dispose(&pools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_given_and_taken),
        cmocka_unit_test(a_used_one_comes_clean),
        cmocka_unit_test(bytes_are_gathered),
        cmocka_unit_test(clearing_gives_the_giant_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
