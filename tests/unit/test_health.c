// Passive health and the retry budget in virtual time: who goes out, for how long, who may not, how a host comes back, how much may be
// asked again.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pool/view.h"
#include "sd_script.h"

static const struct rm_balance balance = {.ejects = true,
                                          .eject_after = 5,
                                          .eject_max_percent = 50,
                                          .eject_base_us = 1 * RM_SEC,
                                          .eject_max_us = 30 * RM_SEC};
static struct rm_pool_view view;
static struct rm_snapshot *list;
static uint64_t now_us;

static void set_list(struct rm_snapshot *next)
{
    list = next;
    rm_pool_view_set(&view, next);
}

static void begin_with(const struct rm_balance *how, const char *hosts)
{
    now_us = 1000 * RM_SEC;
    rm_pool_view_init(&view, how);
    set_list(rm_script_list(hosts));
}

static void begin(const char *hosts)
{
    begin_with(&balance, hosts);
}

static void end(void)
{
    rm_pool_view_fini(&view);
}

static const struct rm_host *pick(struct rm_pick *out)
{
    const struct rm_pick_ask ask = {.now_us = now_us};
    return rm_pool_pick(&view, &ask, out);
}

// The next n picks that all go well, a letter each.
static const char *picks(size_t n)
{
    static char text[256];
    for (size_t i = 0; i < n; i++) {
        struct rm_pick p;
        text[i] = pick(&p)->address.p[0];
        rm_pool_report(&p, RM_OUTCOME_GOOD, now_us);
        rm_pool_release(&p);
    }
    text[n] = '\0';
    return text;
}

static bool occurs(char host, const char *text)
{
    return strchr(text, host) != NULL;
}

// The next call of this host ends so; others end well.
static enum rm_health_change ends(char host, enum rm_outcome outcome)
{
    for (int i = 0; i < 1000; i++) {
        struct rm_pick p;
        bool is_it = pick(&p)->address.p[0] == host;
        enum rm_health_change change = rm_pool_report(&p, is_it ? outcome : RM_OUTCOME_GOOD, now_us);
        rm_pool_release(&p);
        if (is_it)
            return change;
    }
    fail_msg("%c is never picked", host);
    return RM_HEALTH_SAME;
}

static uint64_t out_us(char host) // how long it is still out
{
    for (uint32_t i = 0; i < list->n; i++) {
        uint64_t until_us = list->cell[i]->out_until_us;
        if (list->host[i].address.p[0] == host)
            return until_us > now_us ? until_us - now_us : 0;
    }
    return 0;
}

// ---- going out ---------------------------------------------------------------------------------------------------------

static void unreachable_goes_at_once(void **state)
{
    (void)state;
    begin("a b c d");
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_in_range(out_us('b'), 1 * RM_SEC, 125 * RM_SEC / 100);
    assert_false(occurs('b', picks(12)));
    struct rm_host_look look[4];
    assert_int_equal(rm_pool_view_look(&view, look, 4), 4);
    assert_int_equal(look[1].ejections, 1);
    assert_int_equal(look[1].failures, 1);
    assert_int_equal(look[1].ejected_until_us, now_us + out_us('b'));
    assert_int_equal(look[0].ejected_until_us, 0);
    end();
}

static void others_go_after_five_in_a_row(void **state)
{
    (void)state;
    begin("a b c d");
    for (int i = 0; i < 4; i++)
        assert_int_equal(ends('b', RM_OUTCOME_BAD), RM_HEALTH_SAME);
    assert_int_equal(ends('b', RM_OUTCOME_NONE), RM_HEALTH_SAME); // says nothing
    assert_int_equal(ends('b', RM_OUTCOME_GOOD), RM_HEALTH_SAME); // begins anew
    for (int i = 0; i < 4; i++)
        assert_int_equal(ends('b', RM_OUTCOME_BAD), RM_HEALTH_SAME);
    assert_int_equal(ends('b', RM_OUTCOME_BAD), RM_HEALTH_OUT);
    assert_false(occurs('b', picks(12)));
    end();
}

static void half_of_them_at_most(void **state)
{
    (void)state;
    begin("a b c d e");
    for (int i = 0; i < 12; i++) {
        static const char hosts[] = "abc";
        enum rm_health_change change = ends(hosts[i / 5], RM_OUTCOME_BAD);
        assert_int_equal(change, i % 5 == 4 ? RM_HEALTH_OUT : RM_HEALTH_SAME);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(ends('c', RM_OUTCOME_BAD), RM_HEALTH_SAME);
    assert_int_equal(out_us('c'), 0);
    assert_true(occurs('c', picks(12)));
    end();
    begin("a b c d e"); // what cannot be reached is of no use
    for (const char *host = "abcd"; *host; host++)
        assert_int_equal(ends(*host, RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_int_equal(ends('e', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME); // never the last one
    assert_string_equal(picks(3), "eee");
    end();
    begin("a b"); // one always
    assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME); // never the last one
    assert_string_equal(picks(3), "bbb");
    end();
    begin("a");
    for (int i = 0; i < 20; i++)
        assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME);
    assert_string_equal(picks(3), "aaa");
    end();
    struct rm_balance off = balance;
    off.ejects = false;
    begin_with(&off, "a b");
    for (int i = 0; i < 20; i++)
        assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME);
    end();
}

static void a_tier_with_another_behind_it_may_go_whole(void **state)
{
    (void)state;
    struct rm_host hosts[] = {{.address = RM_STR("a"), .weight = 1},
                              {.address = RM_STR("b"), .weight = 1},
                              {.address = RM_STR("c"), .weight = 1, .priority = 1},
                              {.address = RM_STR("d"), .weight = 1, .priority = 2, .state = RM_HOST_TERMINATING}};
    begin("");
    set_list(rm_snapshot_new(hosts, 4));
    assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_string_equal(picks(3), "ccc");
    assert_int_equal(ends('c', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME); // what ends is no reserve
    now_us += 2 * RM_SEC;
    assert_true(occurs('a', picks(6)) && !occurs('c', picks(6)));
    end();
}

// ---- coming back -------------------------------------------------------------------------------------------------------

static void one_call_tries_it(void **state)
{
    (void)state;
    begin("a b c");
    ends('b', RM_OUTCOME_UNREACHABLE);
    now_us += 2 * RM_SEC;
    struct rm_pick p, trial = {0};
    int n_trials = 0;
    for (int i = 0; i < 30; i++) { // nobody has an answer yet
        if (pick(&p)->address.p[0] == 'b') {
            n_trials++;
            trial = p;
            continue;
        }
        rm_pool_release(&p);
    }
    assert_int_equal(n_trials, 1);
    assert_int_equal(rm_pool_report(&trial, RM_OUTCOME_GOOD, now_us), RM_HEALTH_BACK);
    rm_pool_release(&trial);
    assert_true(occurs('b', picks(6)));
    // A trial that ends without saying anything does not keep the host out for ever.
    ends('b', RM_OUTCOME_UNREACHABLE);
    now_us += 2 * RM_SEC;
    assert_int_equal(ends('b', RM_OUTCOME_NONE), RM_HEALTH_SAME);
    assert_false(occurs('b', picks(6)));
    now_us += 1 * RM_SEC;
    assert_int_equal(ends('b', RM_OUTCOME_GOOD), RM_HEALTH_BACK);
    end();
}

static void the_time_doubles_up_to_a_limit(void **state)
{
    (void)state;
    begin("a b c");
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    uint64_t want_us = 1 * RM_SEC;
    for (int i = 0; i < 10; i++) {
        assert_in_range(out_us('b'), want_us, want_us + want_us / 4);
        now_us += out_us('b');
        assert_int_equal(ends('b', i % 2 ? RM_OUTCOME_BAD : RM_OUTCOME_UNREACHABLE),
                         RM_HEALTH_SAME); // one bad trial does
        want_us = want_us * 2 > 30 * RM_SEC ? 30 * RM_SEC : want_us * 2;
    }
    now_us += out_us('b');
    assert_int_equal(ends('b', RM_OUTCOME_GOOD), RM_HEALTH_BACK);
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_in_range(out_us('b'), 1 * RM_SEC, 125 * RM_SEC / 100); // a success has reset it
    end();
}

static void what_began_before_says_nothing_after(void **state)
{
    (void)state;
    begin("a b c");
    struct rm_pick early[3], late;
    for (int i = 0; i < 3;) {
        if (pick(&early[i])->address.p[0] == 'b')
            i++;
        else
            rm_pool_release(&early[i]);
    }
    ends('b', RM_OUTCOME_UNREACHABLE);
    uint64_t left_us = out_us('b');
    assert_int_equal(rm_pool_report(&early[0], RM_OUTCOME_GOOD, now_us), RM_HEALTH_SAME);
    assert_int_equal(rm_pool_report(&early[1], RM_OUTCOME_UNREACHABLE, now_us), RM_HEALTH_SAME);
    assert_int_equal(out_us('b'), left_us);
    now_us += 2 * RM_SEC;
    while (pick(&late)->address.p[0] != 'b')
        rm_pool_release(&late);
    assert_int_equal(rm_pool_report(&late, RM_OUTCOME_GOOD, now_us), RM_HEALTH_BACK);
    assert_int_equal(rm_pool_report(&early[2], RM_OUTCOME_BAD, now_us), RM_HEALTH_SAME); // one of five
    assert_int_equal(out_us('b'), 0);
    rm_pool_release(&late);
    for (int i = 0; i < 3; i++)
        rm_pool_release(&early[i]);
    end();
}

// The last one dies while the first is out, but alive: that one is tried at once.
static void the_next_death_brings_the_first_back_early(void **state)
{
    (void)state;
    begin("a b");
    assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    now_us += 2 * RM_SEC;
    assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME); // still dead: out for 2 s more
    now_us += 1 * RM_SEC;                                                // it is alive again, and b dies
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_SAME);
    assert_int_equal(ends('a', RM_OUTCOME_GOOD), RM_HEALTH_BACK);
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_false(occurs('b', picks(12)));
    end();
}

// Our own network was away for a minute: the first success brings all others back, whatever their times have grown to.
static void a_network_that_comes_back(void **state)
{
    (void)state;
    begin("a b c d e f");
    for (int i = 0; i < 600; i++) {
        struct rm_pick p;
        pick(&p);
        rm_pool_report(&p, RM_OUTCOME_UNREACHABLE, now_us);
        rm_pool_release(&p);
        now_us += 100 * RM_MS;
    }
    now_us += 1 * RM_SEC;
    const char *text = picks(40);
    for (const char *host = "abcdef"; *host; host++)
        assert_true(occurs(*host, text));
    end();
}

// When all are dead the last one stays, and whatever comes back first is found.
static void all_dead_and_back(void **state)
{
    (void)state;
    begin("a b");
    assert_int_equal(ends('a', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    for (int i = 0; i < 50; i++) {
        struct rm_pick p;
        pick(&p);
        rm_pool_report(&p, RM_OUTCOME_UNREACHABLE, now_us);
        rm_pool_release(&p);
        now_us += 100 * RM_MS;
    }
    assert_int_equal(out_us('b'), 0);
    // a comes back; b stays dead.
    bool found = false;
    for (int i = 0; i < 100 && !found; i++) {
        struct rm_pick p;
        found = pick(&p)->address.p[0] == 'a';
        rm_pool_report(&p, found ? RM_OUTCOME_GOOD : RM_OUTCOME_UNREACHABLE, now_us);
        rm_pool_release(&p);
        now_us += 100 * RM_MS;
    }
    assert_true(found);
    assert_int_equal(ends('b', RM_OUTCOME_UNREACHABLE), RM_HEALTH_OUT);
    assert_string_equal(picks(3), "aaa");
    end();
}

static void a_new_list_keeps_who_is_out(void **state)
{
    (void)state;
    begin("a b c");
    ends('b', RM_OUTCOME_UNREACHABLE);
    uint64_t left_us = out_us('b');
    set_list(rm_script_list("d c b a"));
    assert_int_equal(out_us('b'), left_us);
    assert_false(occurs('b', picks(8)));
    set_list(rm_script_list("d c"));
    set_list(rm_script_list("d c b")); // it left and came: another life
    assert_true(occurs('b', picks(8)));
    end();
}

static void one_that_is_tried_may_be_the_only_choice(void **state)
{
    (void)state;
    begin("a b");
    ends('a', RM_OUTCOME_UNREACHABLE);
    set_list(rm_script_list("a")); // b leaves
    assert_string_equal(picks(1), "a");
    assert_int_equal(out_us('a'), 0); // and its success has brought it back
    end();
}

// ---- the budget --------------------------------------------------------------------------------------------------------

static uint32_t retries(uint32_t wanted)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < wanted; i++)
        given += rm_pool_retry(&view, 20, now_us);
    return given;
}

static void a_fifth_of_recent_calls_and_ten_a_second(void **state)
{
    (void)state;
    begin("a b");
    assert_int_equal(retries(100), 20); // saved up
    assert_int_equal(retries(100), 0);
    now_us += 1 * RM_SEC;
    assert_int_equal(retries(100), 10);
    (void)picks(200);
    assert_int_equal(retries(100), 40);
    assert_int_equal(retries(100), 0);
    (void)picks(100);
    assert_int_equal(retries(100), 20);
    now_us += 5 * RM_SEC; // still of the last ten seconds: used up
    assert_int_equal(retries(100), 20);
    now_us += 60 * RM_SEC; // long ago
    assert_int_equal(retries(100), 20);
    (void)picks(100);
    now_us += 60 * RM_SEC;
    assert_int_equal(retries(100), 20);
    (void)picks(10);
    assert_false(rm_pool_retry(&view, 0, now_us));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreachable_goes_at_once),
        cmocka_unit_test(others_go_after_five_in_a_row),
        cmocka_unit_test(half_of_them_at_most),
        cmocka_unit_test(a_tier_with_another_behind_it_may_go_whole),
        cmocka_unit_test(one_call_tries_it),
        cmocka_unit_test(the_time_doubles_up_to_a_limit),
        cmocka_unit_test(what_began_before_says_nothing_after),
        cmocka_unit_test(the_next_death_brings_the_first_back_early),
        cmocka_unit_test(a_network_that_comes_back),
        cmocka_unit_test(all_dead_and_back),
        cmocka_unit_test(a_new_list_keeps_who_is_out),
        cmocka_unit_test(one_that_is_tried_may_be_the_only_choice),
        cmocka_unit_test(a_fifth_of_recent_calls_and_ten_a_second),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
