// Random trees of calls in virtual time: leaves that fail or succeed at once, in this turn or later; all (with and without a
// deadline), seq and race above them; hang-ups of the client at random moments. Each call must end exactly once, nothing may
// arrive after a cancel, and a tree's arena is given back the moment its root is over, so that a late event is a use after
// free. RM_TEST_SEED and RM_TEST_TREES choose seed and number.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vloop.h"

#include <remora/call.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TREES 10000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TREES 10000
#endif
#endif
#ifndef TREES
#define TREES 100000
#endif

static struct rm_loop *loop;
static uint64_t random_state;

static uint32_t below(uint32_t n) // splitmix64
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

// ---- trees -----------------------------------------------------------------------------------------------------------

#define ALIVE 0x600dca11u
#define KIDS 4

struct tree {
    struct rm_arena arena;
    struct rm_timer hangup;
    struct node *root;
    int running; // calls that were started and are not over
    int cleanups;
    int want_cleanups;
    bool expects_answer;
};

struct node {
    struct rm_call call;
    struct tree *tree;
    uint32_t alive;
    int n_started, n_ended, n_cancelled;
    struct rm_timer timer; // leaf: its answer; all: its deadline; race: the next start
    uint64_t deadline_us;
    int n, next, live;
    struct node *kid[KIDS];
};

static int trees_alive, leaves_at_once, deadlines_passed, hangups, cancelled_calls, cancelled_ready;

static struct node *node_of(struct rm_call *call)
{
    struct node *node = rm_container_of(call, struct node, call);
    assert_int_equal(node->alive, ALIVE);
    return node;
}

static void node_begin(struct node *node)
{
    assert_int_equal(node->n_started, 0);
    node->n_started++;
    node->tree->running++;
}

static void node_stop_kids(struct node *node)
{
    for (int i = 0; i < node->n; i++) {
        struct node *kid = node->kid[i];
        if (kid->n_started && kid->call.state != RM_CALL_OVER) {
            cancelled_ready += kid->call.state == RM_CALL_READY;
            kid->n_ended++;
            node->tree->running--;
        }
        rm_call_cancel(&kid->call);
        rm_call_cancel(&kid->call); // again: harmless
        assert_int_equal(kid->call.state, RM_CALL_OVER);
    }
}

static void node_finish(struct node *node, int code)
{
    rm_timer_stop(&node->timer);
    node_stop_kids(node);
    node->call.err.code = code;
    rm_call_done(&node->call);
}

// The end of a kid as its waiter sees it.
static void kid_ended(struct node *kid)
{
    assert_int_equal(kid->call.state, RM_CALL_OVER);
    assert_int_equal(kid->n_started, 1);
    assert_int_equal(kid->n_cancelled, 0);
    assert_int_equal(kid->n_ended, 0);
    kid->n_ended++;
    kid->tree->running--;
}

static void node_cancel(struct rm_call *call)
{
    struct node *node = node_of(call);
    assert_int_equal(node->n_started, 1);
    assert_int_equal(node->n_cancelled, 0);
    node->n_cancelled++;
    cancelled_calls++;
    rm_timer_stop(&node->timer);
    node_stop_kids(node);
}

// ---- leaf ------------------------------------------------------------------------------------------------------------

static void leaf_end(struct node *node)
{
    node->call.err.code = below(4) ? RM_OK : RM_ECONNECT;
    rm_call_done(&node->call);
}

static void leaf_fire(struct rm_timer *timer)
{
    struct node *node = rm_container_of(timer, struct node, timer);
    assert_int_equal(node->alive, ALIVE);
    leaf_end(node);
}

static void leaf_start(struct rm_call *call)
{
    struct node *node = node_of(call);
    node_begin(node);
    if (below(3) == 0) { // "no host in the pool" fails inside start
        leaves_at_once++;
        leaf_end(node);
        return;
    }
    rm_timer_start(loop, &node->timer, rm_loop_now_us(loop) + below(50)); // 0: due in this turn or the next
}

static const struct rm_call_ops leaf_ops = {"leaf", leaf_start, node_cancel};

// ---- all: waits for every kid, at most until its deadline --------------------------------------------------------------

static void all_kid_done(struct rm_call *call)
{
    struct node *kid = node_of(call);
    struct node *node = node_of(call->up);
    kid_ended(kid);
    if (--node->live == 0)
        node_finish(node, RM_OK);
}

static void all_deadline(struct rm_timer *timer)
{
    struct node *node = rm_container_of(timer, struct node, timer);
    assert_int_equal(node->alive, ALIVE);
    deadlines_passed++;
    node_finish(node, RM_ETIMEOUT);
}

static void all_start(struct rm_call *call)
{
    struct node *node = node_of(call);
    node_begin(node);
    node->live = node->n;
    if (node->deadline_us)
        rm_timer_start(loop, &node->timer, rm_loop_now_us(loop) + node->deadline_us);
    for (int i = 0; i < node->n; i++)
        rm_call_start(&node->kid[i]->call);
    if (node->n == 0)
        node_finish(node, RM_OK);
}

static const struct rm_call_ops all_ops = {"all", all_start, node_cancel};

// ---- seq: one after the other, ends at the first failure ----------------------------------------------------------------

static void seq_kid_done(struct rm_call *call)
{
    struct node *kid = node_of(call);
    struct node *node = node_of(call->up);
    kid_ended(kid);
    if (call->err.code != RM_OK || node->next == node->n)
        node_finish(node, call->err.code);
    else
        rm_call_start(&node->kid[node->next++]->call);
}

static void seq_start(struct rm_call *call)
{
    struct node *node = node_of(call);
    node_begin(node);
    if (node->n == 0)
        node_finish(node, RM_OK);
    else
        rm_call_start(&node->kid[node->next++]->call);
}

static const struct rm_call_ops seq_ops = {"seq", seq_start, node_cancel};

// ---- race: the first success wins, a hedge starts every few microseconds ------------------------------------------------

static void race_more(struct node *node)
{
    node->live++;
    rm_call_start(&node->kid[node->next++]->call);
    if (node->next < node->n)
        rm_timer_start(loop, &node->timer, rm_loop_now_us(loop) + below(10));
}

static void race_fire(struct rm_timer *timer)
{
    struct node *node = rm_container_of(timer, struct node, timer);
    assert_int_equal(node->alive, ALIVE);
    race_more(node);
}

static void race_kid_done(struct rm_call *call)
{
    struct node *kid = node_of(call);
    struct node *node = node_of(call->up);
    kid_ended(kid);
    node->live--;
    if (call->err.code == RM_OK || (node->live == 0 && node->next == node->n))
        node_finish(node, call->err.code);
    else if (node->live == 0) {
        rm_timer_stop(&node->timer);
        race_more(node);
    }
}

static void race_start(struct rm_call *call)
{
    struct node *node = node_of(call);
    node_begin(node);
    if (node->n == 0)
        node_finish(node, RM_ENOHOST);
    else
        race_more(node);
}

static const struct rm_call_ops race_ops = {"race", race_start, node_cancel};

// ---- making and running ------------------------------------------------------------------------------------------------

static const struct {
    const struct rm_call_ops *ops;
    void (*kid_done)(struct rm_call *);
    void (*fire)(struct rm_timer *);
} kinds[] = {
    {&all_ops, all_kid_done, all_deadline}, {&seq_ops, seq_kid_done, NULL}, {&race_ops, race_kid_done, race_fire}};

static void count_cleanup(void *arg)
{
    struct node *node = arg;
    assert_int_equal(node->alive, ALIVE);
    assert_int_equal(node->n_started, node->n_ended); // never started, or ended exactly once
    assert_int_equal(node->timer.slot, 0);
    assert_false(node->call.ready.queued);
    node->alive = 0;
    node->tree->cleanups++;
}

static struct node *node_make(struct tree *tree, struct node *up, void (*on_done)(struct rm_call *), int depth)
{
    struct node *node = RM_NEW(&tree->arena, struct node);
    node->tree = tree;
    node->alive = ALIVE;
    rm_arena_defer(&tree->arena, count_cleanup, node);
    tree->want_cleanups++;
    if (depth == 0 || (up && below(3) == 0)) {
        rm_call_init(&node->call, &leaf_ops, loop, &tree->arena, up ? &up->call : NULL, on_done);
        node->timer.fire = leaf_fire;
        return node;
    }
    size_t kind = below(RM_COUNT(kinds));
    rm_call_init(&node->call, kinds[kind].ops, loop, &tree->arena, up ? &up->call : NULL, on_done);
    node->timer.fire = kinds[kind].fire;
    node->deadline_us = below(2) ? 1 + below(60) : 0;
    node->n = below(10) ? 1 + (int)below(KIDS) : 0;
    for (int i = 0; i < node->n; i++)
        node->kid[i] = node_make(tree, node, kinds[kind].kid_done, depth - 1);
    return node;
}

static void tree_end(struct tree *tree)
{
    assert_int_equal(tree->running, 0);
    rm_timer_stop(&tree->hangup);
    rm_arena_fini(&tree->arena);
    assert_int_equal(tree->arena.bytes, 0);
    assert_int_equal(tree->cleanups, tree->want_cleanups);
    free(tree);
    trees_alive--;
}

static void root_done(struct rm_call *call)
{
    struct node *node = node_of(call);
    assert_true(node->tree->expects_answer);
    kid_ended(node);
    tree_end(node->tree);
}

static void client_hangs_up(struct rm_timer *timer)
{
    struct tree *tree = rm_container_of(timer, struct tree, hangup);
    struct node *root = tree->root;
    assert_int_not_equal(root->call.state, RM_CALL_OVER);
    hangups++;
    tree->expects_answer = false;
    root->n_ended++;
    tree->running--;
    rm_call_cancel(&root->call);
    assert_int_equal(root->call.state, RM_CALL_OVER);
    tree_end(tree); // at once: whatever comes later finds freed memory
}

static void tree_start(struct rm_block_cache *blocks)
{
    struct tree *tree = calloc(1, sizeof(*tree));
    assert_non_null(tree);
    rm_arena_init(&tree->arena, blocks);
    tree->expects_answer = true;
    tree->hangup.fire = client_hangs_up;
    tree->root = node_make(tree, NULL, root_done, 4);
    trees_alive++;
    if (below(3) == 0)
        rm_timer_start(loop, &tree->hangup, rm_loop_now_us(loop) + below(80));
    rm_call_start(&tree->root->call);
    if (below(20) == 0 && tree->root->call.state == RM_CALL_READY) { // done already, its waiter not told yet
        cancelled_ready++;
        client_hangs_up(&tree->hangup);
    }
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void random_trees_end_exactly_once(void **state)
{
    (void)state;
    uint64_t trees = from_environment("RM_TEST_TREES", TREES);
    random_state = from_environment("RM_TEST_SEED", (uint64_t)getpid() * 2654435761u);
    print_message("RM_TEST_SEED=%llu RM_TEST_TREES=%llu\n", (unsigned long long)random_state,
                  (unsigned long long)trees);
    assert_int_equal(rm_loop_new(&loop, NULL), RM_OK);
    struct rm_block_cache *blocks = rm_block_cache_new((size_t)1 << 20);
    for (uint64_t i = 0; i < trees;) {
        for (uint32_t n = 1 + below(8); n > 0 && i < trees; n--, i++) // side by side in one loop
            tree_start(blocks);
        if (below(2))
            rm_vloop_run(loop);
        else
            rm_vloop_run_until(loop, rm_loop_now_us(loop) + below(30));
    }
    rm_vloop_run(loop);
    assert_int_equal(trees_alive, 0);
    rm_block_cache_free(blocks);
    rm_loop_free(loop); // asserts that no timer, task or hook is left
    print_message("calls: %d cancelled, %d of them done already; %d leaves at once, %d deadlines, %d hang-ups\n",
                  cancelled_calls, cancelled_ready, leaves_at_once, deadlines_passed, hangups);
    // What the test is for did happen.
    if (trees >= 1000) {
        assert_true(leaves_at_once > 0 && deadlines_passed > 0 && hangups > 0);
        assert_true(cancelled_calls > 0 && cancelled_ready > 0);
    }
}

// ---- the rules are asserted --------------------------------------------------------------------------------------------

static void dies(void (*what)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        what();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void idle_start(struct rm_call *call)
{
    (void)call;
}
static void done_in_cancel(struct rm_call *call)
{
    rm_call_done(call);
}
static void nothing_to_undo(struct rm_call *call)
{
    (void)call;
}
static void unexpected(struct rm_call *call)
{
    (void)call;
}
static const struct rm_call_ops idle_ops = {"idle", idle_start, nothing_to_undo};
static const struct rm_call_ops wrong_ops = {"wrong", idle_start, done_in_cancel};
static struct rm_call subject;

static void subject_init(const struct rm_call_ops *ops)
{
    RM_ASSERT(rm_loop_new(&loop, NULL) == RM_OK);
    rm_call_init(&subject, ops, loop, NULL, NULL, unexpected);
}

static void done_before_start(void)
{
    subject_init(&idle_ops);
    rm_call_done(&subject);
}
static void started_twice(void)
{
    subject_init(&idle_ops);
    rm_call_start(&subject);
    rm_call_start(&subject);
}
static void done_twice(void)
{
    subject_init(&idle_ops);
    rm_call_start(&subject);
    rm_call_done(&subject);
    rm_call_done(&subject);
}
static void done_while_cancelled(void)
{
    subject_init(&wrong_ops);
    rm_call_start(&subject);
    rm_call_cancel(&subject);
}
static void started_after_cancel(void)
{
    subject_init(&idle_ops);
    rm_call_cancel(&subject);
    rm_call_start(&subject);
}

static void broken_rules_abort(void **state)
{
    (void)state;
    dies(done_before_start);
    dies(started_twice);
    dies(done_twice);
    dies(done_while_cancelled);
    dies(started_after_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_trees_end_exactly_once),
        cmocka_unit_test(broken_rules_abort),
    };
    return cmocka_run_group_tests_name("call_torture", tests, NULL, NULL);
}
