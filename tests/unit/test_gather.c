// Rounds of questions in virtual time: loops that answer, late ones, ones that never do, askers that come and go. And what is made of
// it: the texts of the health checks.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/gather.h"
#include "admin/health.h"
#include "vloop.h"

enum { LOOPS = 2 };

struct part {
    struct rm_member member; // first
    int filled, everything, cleared;
    bool holds; // what fill has made
};

struct asker {
    struct rm_ask_all ask; // first
    int told;
    bool in[LOOPS];
    int filled; // of part 0, when it was told
};

static struct rm_loop *main_loop, *loops[LOOPS];
static struct rm_gather gather;
static struct part parts[LOOPS];

static void fill(struct rm_member *m, bool everything)
{
    struct part *part = (struct part *)m;
    assert_false(part->holds); // cleared before it is filled again
    part->filled++;
    part->everything += everything;
    part->holds = everything;
}

static void clear(struct rm_member *m)
{
    struct part *part = (struct part *)m;
    part->cleared++;
    part->holds = false;
}

static void told(struct rm_ask_all *ask)
{
    struct asker *a = (struct asker *)ask;
    a->told++;
    for (int i = 0; i < LOOPS; i++)
        a->in[i] = parts[i].member.is_in;
    a->filled = parts[0].filled;
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(rm_loop_new(&main_loop, NULL), RM_OK);
    rm_gather_init(&gather, main_loop);
    for (int i = 0; i < LOOPS; i++) {
        assert_int_equal(rm_loop_new(&loops[i], NULL), RM_OK);
        parts[i] = (struct part){
            .member = {.loop = loops[i], .fill = fill, .clear = clear, .name = i ? "worker-1" : "worker-0"}};
        rm_gather_add(&gather, &parts[i].member);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_gather_fini(&gather);
    for (int i = 0; i < LOOPS; i++) {
        assert_false(parts[i].holds);
        rm_loop_free(loops[i]);
    }
    rm_loop_free(main_loop);
    return 0;
}

// Main's loop, then each one's that is not stuck, then main's again.
static void turn(bool first, bool second)
{
    rm_vloop_turn(main_loop);
    if (first)
        rm_vloop_turn(loops[0]);
    if (second)
        rm_vloop_turn(loops[1]);
    rm_vloop_turn(main_loop);
}

static void pass(uint64_t us)
{
    rm_vloop_run_until(main_loop, rm_loop_now_us(main_loop) + us);
}

static void ask(struct asker *a, bool everything)
{
    *a = (struct asker){.ask = {.done = told, .everything = everything}};
    rm_gather_start(&gather, &a->ask);
}

static void test_all_answer(void **state)
{
    (void)state;
    struct asker a;
    ask(&a, true);
    assert_int_equal(a.told, 0);
    turn(true, true);
    assert_int_equal(a.told, 1);
    assert_true(a.in[0] && a.in[1]);
    assert_int_equal(parts[0].everything, 1);
    assert_false(parts[0].holds || parts[1].holds);
    assert_int_equal(rm_member_silent_us(&parts[0].member), 0);
    pass(RM_GATHER_WAIT_US * 2);
    assert_int_equal(a.told, 1);
}

static void test_a_pulse_fills_nothing(void **state)
{
    (void)state;
    struct asker a;
    ask(&a, false);
    turn(true, true);
    assert_int_equal(a.told, 1);
    assert_int_equal(parts[0].filled, 1);
    assert_int_equal(parts[0].everything, 0);
}

// One who wants everything beside one who wants a pulse: everybody gets everything.
static void test_askers_share_a_round(void **state)
{
    (void)state;
    struct asker a, b;
    ask(&a, false);
    ask(&b, true);
    turn(true, true);
    assert_int_equal(a.told + b.told, 2);
    assert_int_equal(parts[0].filled, 1);
    assert_int_equal(parts[0].everything, 1);
}

// An answer is never older than its question.
static void test_who_asks_meanwhile_gets_the_next_round(void **state)
{
    (void)state;
    struct asker a, b;
    ask(&a, true);
    turn(true, false); // the first loop has answered
    ask(&b, true);
    turn(false, true);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    turn(true, true);
    assert_int_equal(b.told, 1);
    assert_int_equal(b.filled, 2);
}

static void test_a_stuck_loop_is_missing(void **state)
{
    (void)state;
    struct asker a, b, c;
    ask(&a, true);
    turn(true, false);
    assert_int_equal(a.told, 0);
    pass(RM_GATHER_WAIT_US);
    assert_int_equal(a.told, 1);
    assert_true(a.in[0] && !a.in[1]);
    assert_int_equal(rm_member_silent_us(&parts[1].member), RM_GATHER_WAIT_US);

    // It is not asked twice, and its silence counts from the first question.
    pass(10 * RM_GATHER_WAIT_US);
    ask(&b, true);
    turn(true, false);
    pass(RM_GATHER_WAIT_US);
    assert_int_equal(b.told, 1);
    assert_false(b.in[1]);
    assert_int_equal(rm_member_silent_us(&parts[1].member), 12 * RM_GATHER_WAIT_US);

    // It comes back: too late for that, in time for the next.
    turn(true, true);
    assert_int_equal(rm_member_silent_us(&parts[1].member), 0);
    assert_false(parts[1].holds);
    ask(&c, true);
    turn(true, true);
    assert_true(c.told == 1 && c.in[0] && c.in[1]);
}

// A late answer of the round before is no answer of this one.
static void test_a_late_answer_is_asked_again(void **state)
{
    (void)state;
    struct asker a, b;
    ask(&a, true);
    turn(true, false);
    pass(RM_GATHER_WAIT_US);
    ask(&b, true);
    turn(true, true); // the old question is answered now, and asked anew
    assert_int_equal(b.told, 0);
    assert_int_equal(parts[1].filled, 1);
    turn(true, true);
    assert_int_equal(b.told, 1);
    assert_true(b.in[1]);
    assert_int_equal(parts[1].filled, 2);
}

static void test_cancel(void **state)
{
    (void)state;
    struct asker a, b, c;
    ask(&a, true);
    rm_gather_cancel(&gather, &a.ask); // before its round
    ask(&b, true);
    turn(true, false);
    rm_gather_cancel(&gather, &b.ask); // within it
    rm_gather_cancel(&gather, &b.ask);
    turn(true, true);
    assert_int_equal(a.told + b.told, 0);
    ask(&c, true);
    turn(true, true);
    assert_int_equal(c.told, 1);
}

// A worker that ends while it is asked is not waited for, and not asked again.
static void test_a_member_goes(void **state)
{
    (void)state;
    struct asker a, b;
    ask(&a, true);
    turn(true, false);
    rm_gather_remove(&gather, &parts[1].member);
    assert_int_equal(a.told, 1);
    assert_false(a.in[1]);
    rm_gather_remove(&gather, &parts[1].member);
    ask(&b, true);
    turn(true, true);
    assert_int_equal(b.told, 1);
    assert_int_equal(parts[1].filled, 0);
}

// What was asked and what was answered when the loops end is given back (teardown).
static void test_the_end_in_a_round(void **state)
{
    (void)state;
    struct asker a;
    ask(&a, true);
    rm_vloop_turn(main_loop);
    rm_vloop_turn(loops[0]); // its answer lies in main's inbox
    rm_gather_cancel(&gather, &a.ask);
}

// ---- health ------------------------------------------------------------------------------------------------------------

static void test_readiness(void **state)
{
    (void)state;
    struct rm_health h = {0};
    assert_false(rm_health_is_ready(&h));
    h.serving = true;
    assert_false(rm_health_is_ready(&h));
    h.answered = true;
    assert_true(rm_health_is_ready(&h));
    h.late = true; // its time was over: ready all the same
    assert_true(rm_health_is_ready(&h));
    h.draining = true;
    assert_false(rm_health_is_ready(&h));
}

static void check_text(const struct rm_check *checks, size_t n, bool verbose, int status, const char *want)
{
    struct rm_buf buf = {.max = 4096};
    assert_int_equal(rm_health_write("readyz", checks, n, verbose, &buf), status);
    assert_int_equal(rm_buf_append(&buf, (struct rm_str){"", 1}), RM_OK);
    assert_string_equal(buf.p, want);
    rm_buf_free(&buf);
}

static void test_health_texts(void **state)
{
    (void)state;
    const struct rm_check fine[] = {{"listening", {"", 0}}, {"discovery", {"", 0}}};
    const struct rm_check bad[] = {{"listening", {"", 0}}, {"discovery", RM_STR("a has not answered yet")}};
    check_text(fine, 2, false, 200, "ok");
    check_text(fine, 2, true, 200, "[+]listening ok\n[+]discovery ok\nreadyz check passed\n");
    check_text(bad, 2, false, 503,
               "[+]listening ok\n[-]discovery failed: a has not answered yet\nreadyz check failed\n");
    check_text(bad, 2, true, 503, "[+]listening ok\n[-]discovery failed: a has not answered yet\nreadyz check failed\n");
}

#define GATHER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATHER_TEST(test_all_answer),
        GATHER_TEST(test_a_pulse_fills_nothing),
        GATHER_TEST(test_askers_share_a_round),
        GATHER_TEST(test_who_asks_meanwhile_gets_the_next_round),
        GATHER_TEST(test_a_stuck_loop_is_missing),
        GATHER_TEST(test_a_late_answer_is_asked_again),
        GATHER_TEST(test_cancel),
        GATHER_TEST(test_a_member_goes),
        GATHER_TEST(test_the_end_in_a_round),
        cmocka_unit_test(test_readiness),
        cmocka_unit_test(test_health_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
