// The balancer and the view over it: exact spread, weights, tiers, duplicates, hosts to avoid, state that outlives a change of
// the list, picks that outlive the list.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pool/pick.h"
#include "pool/snapshot.h"
#include "pool/view.h"
#include "sd_script.h"

#include <stdio.h>

static struct rm_arena arena;

static int setup(void **state)
{
    (void)state;
    rm_arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_arena_fini(&arena);
    return 0;
}

static void unref(void *list)
{
    rm_snapshot_unref(list);
}

static struct rm_snapshot *with_cells(struct rm_snapshot *list)
{
    struct rm_cells *cells = rm_cells_new();
    rm_cells_attach(cells, list, NULL);
    rm_cells_unref(cells);
    rm_arena_defer(&arena, unref, list);
    return list;
}

static const struct rm_host *next_but(struct rm_picker *picker, const struct rm_host *const *avoid, size_t n_avoid)
{
    const struct rm_pick_ask ask = {.avoid = avoid, .n_avoid = n_avoid};
    uint64_t tried_until_us;
    uint32_t slot = rm_picker_next(picker, &ask, &tried_until_us);
    return slot == RM_NO_SLOT ? NULL : &picker->list->host[picker->slots[slot].host];
}

static struct rm_snapshot *list_of(const char *hosts)
{
    return with_cells(rm_script_list(hosts));
}

static const struct rm_balance round_robin = {.zone_rule = RM_ZONE_HINTS};
static const struct rm_pick_ask any = {0};
static uint64_t random_state = 1;

static struct rm_picker picker_for(struct rm_snapshot *list, const struct rm_balance *balance)
{
    struct rm_picker picker;
    rm_picker_init(&picker, &arena, list, balance, NULL, &random_state, NULL, NULL);
    return picker;
}

// Begins as if chance had chosen `start`.
static struct rm_picker picker_of(const char *hosts, uint32_t start)
{
    struct rm_picker picker = picker_for(list_of(hosts), &round_robin);
    for (uint32_t i = 0; i < picker.n; i++)
        picker.slots[i].current = 0;
    for (uint32_t i = 0; i < picker.n_levels; i++)
        picker.levels[i].next = picker.levels[i].from + (picker.levels[i].equal ? start % picker.levels[i].n : 0);
    for (uint32_t i = picker.n && !picker.levels[0].equal ? start : 0; i > 0; i--)
        (void)next_but(&picker, NULL, 0);
    return picker;
}

static void picker_after(struct rm_picker *picker, const char *hosts, const struct rm_picker *old)
{
    struct rm_snapshot *list = list_of(hosts);
    rm_picker_init(picker, &arena, list, &round_robin, NULL, &random_state, old,
                   rm_snapshot_match(&arena, list, old->list));
}

// The next n picks, one letter a host (its address), '-' for none.
static const char *picks(struct rm_picker *picker, size_t n)
{
    static char text[1024];
    assert_true(n < sizeof(text));
    for (size_t i = 0; i < n; i++) {
        const struct rm_host *host = next_but(picker, NULL, 0);
        text[i] = host ? host->address.p[0] : '-';
    }
    text[n] = '\0';
    return text;
}

static size_t count(const char *text, char c)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

static void none_and_one(void **state)
{
    (void)state;
    struct rm_picker none = picker_of("", 5), one = picker_of("a", 5), weightless = picker_of("a*0", 5);
    assert_string_equal(picks(&none, 3), "---");
    assert_string_equal(picks(&one, 3), "aaa");
    assert_string_equal(picks(&weightless, 3), "aaa");
    const struct rm_host *only = next_but(&one, NULL, 0);
    assert_ptr_equal(next_but(&one, &only, 1), only); // avoided, but there is no other
}

static void equal_weights_take_turns(void **state)
{
    (void)state;
    struct rm_picker picker = picker_of("a b c", 0);
    assert_string_equal(picks(&picker, 7), "abcabca");
    picker = picker_of("a b c", 4); // begins anywhere
    assert_string_equal(picks(&picker, 4), "bcab");
    picker = picker_of("a*5 b*5", 0);
    assert_string_equal(picks(&picker, 4), "abab");
    picker = picker_of("a*0 b*0 c*0", 0); // no host has a weight: all are equal
    assert_string_equal(picks(&picker, 6), "abcabc");
    picker = picker_of("a b a", 0); // listed twice, asked twice
    assert_string_equal(picks(&picker, 6), "abaaba");
}

static void weights_are_smooth_and_exact(void **state)
{
    (void)state;
    struct rm_picker picker = picker_of("a*5 b*1 c*1", 0); // nginx's own example
    assert_string_equal(picks(&picker, 14), "aabacaaaabacaa");
    static const char weights[] = "a*7 b*3 c*1 d*2";
    for (uint32_t start = 0; start < 9; start++) { // any 13 in a row, wherever the round begins
        picker = picker_of(weights, start);
        for (int round = 0; round < 20; round++) {
            const char *text = picks(&picker, 13);
            assert_int_equal(count(text, 'a'), 7);
            assert_int_equal(count(text, 'b'), 3);
            assert_int_equal(count(text, 'c'), 1);
            assert_int_equal(count(text, 'd'), 2);
            (void)picks(&picker, 1); // the window moves
        }
    }
    picker = picker_of("a*4294967295 b*4294967295 c*1", 0); // no overflow
    const char *text = picks(&picker, 1000);
    assert_int_equal(count(text, 'a'), 500);
    assert_int_equal(count(text, 'b'), 500);
}

static void weight_0_beside_others_is_a_reserve(void **state)
{
    (void)state;
    struct rm_picker picker = picker_of("a*0 b*2 c*1", 0);
    assert_string_equal(picks(&picker, 6), "bcbbcb");
    const struct rm_host *const avoid[] = {&picker.list->host[1], &picker.list->host[2]};
    assert_ptr_equal(next_but(&picker, avoid, 2), &picker.list->host[0]);
    picker = picker_of("a*0 b*2 c*0", 0); // several of them take turns
    const struct rm_host *const only[] = {&picker.list->host[1]};
    assert_ptr_equal(next_but(&picker, only, 1), &picker.list->host[0]);
    assert_ptr_equal(next_but(&picker, only, 1), &picker.list->host[2]);
    assert_ptr_equal(next_but(&picker, only, 1), &picker.list->host[0]);
}

static void tiers(void **state)
{
    (void)state;
    struct rm_host hosts[4] = {
        {.address = RM_STR("a"), .weight = 1, .priority = 3},
        {.address = RM_STR("b"), .weight = 1, .priority = 1, .state = RM_HOST_TERMINATING},
        {.address = RM_STR("c"), .weight = 1, .priority = 2},
        {.address = RM_STR("d"), .weight = 1, .priority = 2},
    };
    struct rm_picker picker;
    struct rm_snapshot *list = with_cells(rm_snapshot_new(hosts, 4));
    picker = picker_for(list, &round_robin);
    picker.levels[0].next = 0;
    assert_string_equal(picks(&picker, 4), "cdcd"); // the lowest priority that is ready
    hosts[2].state = hosts[3].state = RM_HOST_TERMINATING;
    list = with_cells(rm_snapshot_new(hosts, 4));
    picker = picker_for(list, &round_robin);
    assert_string_equal(picks(&picker, 2), "aa"); // ready, though of a later tier
    hosts[0].state = RM_HOST_TERMINATING;
    list = with_cells(rm_snapshot_new(hosts, 4));
    picker = picker_for(list, &round_robin);
    assert_string_equal(picks(&picker, 2), "bb"); // nothing else: terminating, its lowest priority
}

static void avoiding(void **state)
{
    (void)state;
    struct rm_picker picker = picker_of("a b c", 0);
    const struct rm_host *host = picker.list->host;
    const struct rm_host *avoid[] = {&host[0], &host[1], &host[2]};
    assert_ptr_equal(next_but(&picker, avoid, 2), &host[2]);
    assert_ptr_equal(next_but(&picker, avoid, 2), &host[2]);
    assert_ptr_equal(next_but(&picker, avoid, 1), &host[1]);
    assert_non_null(next_but(&picker, avoid, 3)); // all: then any
    // Hosts of an earlier list are recognised.
    struct rm_snapshot *earlier = list_of("b a");
    const struct rm_host *known[] = {&earlier->host[0], &earlier->host[1]};
    assert_ptr_equal(next_but(&picker, known, 2), &host[2]);
    // With weights those that are left share by their weights.
    picker = picker_of("a*9 b*2 c*1", 0);
    avoid[0] = &picker.list->host[0];
    char text[7] = "";
    for (int i = 0; i < 6; i++) {
        const struct rm_host *next = next_but(&picker, avoid, 1);
        text[i] = next ? next->address.p[0] : '-';
    }
    assert_int_equal(count(text, 'b'), 4);
    assert_int_equal(count(text, 'c'), 2);
}

static void the_round_goes_on_in_a_new_list(void **state)
{
    (void)state;
    struct rm_picker old = picker_of("a b c d", 0), new;
    assert_string_equal(picks(&old, 2), "ab");
    picker_after(&new, "a b x c d", &old); // c's turn
    assert_string_equal(picks(&new, 6), "cdabxc");
    picker_after(&new, "d b a", &old); // c is gone: d's turn, another order
    assert_string_equal(picks(&new, 4), "dbad");
    picker_after(&new, "x y", &old); // nobody stayed
    (void)picks(&new, 1);
    assert_true(strcmp(picks(&new, 2), "xy") == 0 || strcmp(picks(&new, 2), "yx") == 0);
    old = picker_of("a b a c", 0); // duplicates stay in step
    assert_string_equal(picks(&old, 2), "ab");
    picker_after(&new, "a b a c", &old);
    assert_string_equal(picks(&new, 4), "acab");
}

static void credit_stays_for_hosts_that_stay(void **state)
{
    (void)state;
    // The same list again, at any moment, changes nothing in the sequence.
    for (size_t before = 0; before < 12; before++) {
        struct rm_picker one = picker_of("a*5 b*3 c*2", 0), two = picker_of("a*5 b*3 c*2", 0), again;
        (void)picks(&one, before);
        (void)picks(&two, before);
        picker_after(&again, "a*5 b*3 c*2", &one);
        char want[21];
        snprintf(want, sizeof(want), "%.20s", picks(&two, 20));
        assert_string_equal(picks(&again, 20), want);
    }
    // Of two equal hosts the first keeps the first one's credit.
    struct rm_picker twice = picker_of("a*3 a*1 b*2", 0), once;
    assert_string_equal(picks(&twice, 3), "aba");
    picker_after(&once, "a*3 b*2", &twice);
    assert_string_equal(picks(&once, 1), "b");
    // However often the list changes, the spread stays right: b comes and goes.
    struct rm_picker picker = picker_of("a*3 b*1 c*1", 0);
    size_t a = 0, c = 0;
    for (int i = 0; i < 100; i++) {
        struct rm_picker next;
        picker_after(&next, i % 2 ? "a*3 b*1 c*1" : "a*3 c*1", &picker);
        picker = next;
        const char *text = picks(&picker, 1);
        a += count(text, 'a');
        c += count(text, 'c');
    }
    assert_in_range(a, 60, 80);
    assert_in_range(c, 15, 30);
    // A weight that becomes small does not spend the credit of its large days in a row.
    picker = picker_of("a*1000 b*999", 0);
    (void)picks(&picker, 1);
    struct rm_picker small;
    picker_after(&small, "a*2 b*1", &picker);
    const char *text = picks(&small, 6);
    assert_int_equal(count(text, 'a'), 4);
}

// ---- the view --------------------------------------------------------------------------------------------------------

static void no_list_no_host(void **state)
{
    (void)state;
    struct rm_pool_view view;
    struct rm_pick pick;
    rm_pool_view_init(&view, &round_robin);
    assert_null(rm_pool_pick(&view, &any, &pick));
    assert_null(pick.host);
    rm_pool_release(&pick); // a zeroed one
    rm_pool_view_set(&view, rm_script_list(""));
    assert_null(rm_pool_pick(&view, &any, &pick));
    rm_pool_view_fini(&view);
    rm_pool_view_fini(&view);
}

static void a_pick_outlives_list_and_view(void **state)
{
    (void)state;
    struct rm_pool_view view;
    struct rm_pick first, second, third;
    rm_pool_view_init(&view, &round_robin);
    struct rm_snapshot *list = rm_script_list("a");
    rm_pool_view_set(&view, rm_snapshot_ref(list));
    assert_non_null(rm_pool_pick(&view, &any, &first));
    assert_non_null(rm_pool_pick(&view, &any, &second));
    assert_int_equal(list->refs, 2); // a pick costs nothing that other threads could see
    rm_pool_view_set(&view, rm_script_list("b"));
    assert_int_equal(list->refs, 2);
    assert_true(rm_str_eq(first.host->address, RM_STR("a")));
    assert_true(rm_str_eq(rm_pool_pick(&view, &any, &third)->address, RM_STR("b")));
    rm_pool_release(&first);
    rm_pool_release(&first); // released already
    assert_int_equal(list->refs, 2);
    rm_pool_view_fini(&view);
    assert_true(rm_str_eq(second.host->address, RM_STR("a")));
    assert_true(rm_str_eq(third.host->address, RM_STR("b")));
    rm_pool_release(&second);
    assert_int_equal(list->refs, 1);
    rm_pool_release(&third);
    rm_snapshot_unref(list);
}

// A new list after every pick: still everybody in turn.
static void a_view_keeps_its_round(void **state)
{
    (void)state;
    struct rm_pool_view view;
    rm_pool_view_init(&view, &round_robin);
    rm_pool_view_set(&view, rm_script_list("a b c"));
    char text[13] = "";
    for (int i = 0; i < 12; i++) {
        struct rm_pick pick;
        text[i] = rm_pool_pick(&view, &any, &pick)->address.p[0];
        rm_pool_release(&pick);
        rm_pool_view_set(&view, rm_script_list("a b c"));
    }
    for (int i = 0; i < 9; i++)
        assert_int_equal(text[i], text[i + 3]);
    assert_true(count(text, 'a') == 4 && count(text, 'b') == 4 && count(text, 'c') == 4);
    rm_pool_view_fini(&view);
}

static char left_text[16];

static void note_left(struct rm_pool_view *view, const struct rm_host *host)
{
    assert_ptr_equal(view->owner, left_text);
    strncat(left_text, host->address.p, host->address.n);
}

static const char *left_by(struct rm_pool_view *view, struct rm_snapshot *list)
{
    left_text[0] = 0;
    rm_pool_view_set(view, list);
    return left_text;
}

// Whoever keeps connections hears which hosts get none any more, each once.
static void a_view_tells_which_hosts_are_left(void **state)
{
    (void)state;
    struct rm_pool_view view;
    rm_pool_view_init(&view, &round_robin);
    view.leave = note_left;
    view.owner = left_text;
    assert_string_equal(left_by(&view, rm_script_list("a b c")), "");
    assert_string_equal(left_by(&view, rm_script_list("c*7 a")), "b"); // another weight, another place
    struct rm_host ending = {.scheme = RM_STR("http"), .address = RM_STR("a"), .name = RM_STR("a"), .port = 80, .weight = 1};
    ending.state = RM_HOST_TERMINATING;
    assert_string_equal(left_by(&view, rm_snapshot_new(&ending, 1)), "ca");
    assert_string_equal(left_by(&view, rm_script_list("b")), "");
    assert_string_equal(left_by(&view, rm_script_list("")), "b");
    rm_pool_view_fini(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(none_and_one, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_weights_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(weights_are_smooth_and_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(weight_0_beside_others_is_a_reserve, setup, teardown),
        cmocka_unit_test_setup_teardown(tiers, setup, teardown),
        cmocka_unit_test_setup_teardown(avoiding, setup, teardown),
        cmocka_unit_test_setup_teardown(the_round_goes_on_in_a_new_list, setup, teardown),
        cmocka_unit_test_setup_teardown(credit_stays_for_hosts_that_stay, setup, teardown),
        cmocka_unit_test(no_list_no_host),
        cmocka_unit_test(a_pick_outlives_list_and_view),
        cmocka_unit_test(a_view_keeps_its_round),
        cmocka_unit_test(a_view_tells_which_hosts_are_left),
    };
    return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
