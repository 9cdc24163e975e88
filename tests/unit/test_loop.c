// The real loop: order of timers, descriptors that come, change and go inside callbacks, messages from other threads, the
// ready queue and hooks, the rule for waking late, threads.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/thread.h"
#include "loop/timer.h"

#include <fcntl.h>
#include <limits.h>
#include <remora/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct rm_loop *loop;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(rm_loop_new(&loop, NULL), RM_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_loop_free(loop);
    return 0;
}

// What happened, in order, as one text.
static char told[512];
static void tell(const char *what)
{
    size_t n = strlen(told);
    assert_true(n + strlen(what) < sizeof(told));
    snprintf(told + n, sizeof(told) - n, "%s", what);
}

// ---- timers ----------------------------------------------------------------------------------------------------------

struct named_timer {
    struct rm_timer timer;
    const char *name;
};

static void named_fire(struct rm_timer *timer)
{
    struct named_timer *named = rm_container_of(timer, struct named_timer, timer);
    assert_int_equal(timer->slot, 0);
    assert_true(rm_loop_now_us(loop) >= timer->due_us);
    tell(named->name);
    if (strcmp(named->name, "!") == 0)
        rm_loop_stop(loop);
}

static void timers_fire_in_order(void **state)
{
    (void)state;
    told[0] = '\0';
    struct named_timer a = {{.fire = named_fire}, "a"}, b = {{.fire = named_fire}, "b"},
                       c = {{.fire = named_fire}, "c"}, d = {{.fire = named_fire}, "d"},
                       gone = {{.fire = named_fire}, "gone"}, last = {{.fire = named_fire}, "!"};
    uint64_t now_us = rm_loop_now_us(loop);
    rm_timer_start(loop, &last.timer, now_us + 9 * RM_MS);
    rm_timer_start(loop, &d.timer, now_us + 4 * RM_MS);
    rm_timer_start(loop, &gone.timer, now_us + 3 * RM_MS);
    rm_timer_start(loop, &b.timer, now_us + 2 * RM_MS);
    rm_timer_start(loop, &c.timer, now_us + 2 * RM_MS); // as due as b, started after it
    rm_timer_start(loop, &a.timer, now_us + 8 * RM_MS);
    rm_timer_start(loop, &a.timer, now_us); // moved
    rm_timer_stop(&gone.timer);
    rm_timer_stop(&gone.timer);
    rm_loop_run(loop);
    assert_string_equal(told, "abcd!");
}

// The heap alone, against a plain list: random starts, moves and stops; at each step the earliest, first started, fires.
enum { HEAP_TIMERS = 60 };
struct heap_timer {
    struct rm_timer timer;
    uint64_t due_us, order;
    bool is_on;
};
static struct heap_timer heap_timers[HEAP_TIMERS];
static uint64_t heap_now_us;
static int heap_fired;

static void heap_fire(struct rm_timer *timer)
{
    struct heap_timer *mine = rm_container_of(timer, struct heap_timer, timer);
    assert_true(mine->is_on && mine->due_us <= heap_now_us);
    for (int i = 0; i < HEAP_TIMERS; i++) {
        const struct heap_timer *other = &heap_timers[i];
        if (other->is_on && other != mine)
            assert_true(other->due_us > mine->due_us || (other->due_us == mine->due_us && other->order > mine->order));
    }
    mine->is_on = false;
    heap_fired++;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void the_heap_keeps_its_order(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_timers timers;
    rm_timers_init(&timers, &arena);
    uint32_t random = 4711;
    uint64_t order = 0;
    heap_fired = 0;
    for (int step = 0; step < 20000; step++) {
        struct heap_timer *mine = &heap_timers[next_random(&random) % HEAP_TIMERS];
        mine->timer.fire = heap_fire;
        if (next_random(&random) % 4 == 0) {
            rm_timers_stop(&timers, &mine->timer);
            mine->is_on = false;
        } else {
            mine->due_us = heap_now_us + next_random(&random) % 50;
            mine->order = order++;
            mine->is_on = true;
            rm_timers_start(&timers, &mine->timer, mine->due_us, heap_now_us);
        }
        if (next_random(&random) % 3 == 0) {
            heap_now_us += next_random(&random) % 8;
            rm_timers_fire(&timers, heap_now_us);
        }
        uint64_t next_us = UINT64_MAX;
        for (int i = 0; i < HEAP_TIMERS; i++)
            if (heap_timers[i].is_on && heap_timers[i].due_us < next_us)
                next_us = heap_timers[i].due_us;
        assert_int_equal(rm_timers_next_us(&timers), next_us);
    }
    assert_true(heap_fired > 1000);
    for (int i = 0; i < HEAP_TIMERS; i++)
        rm_timers_stop(&timers, &heap_timers[i].timer);
    assert_int_equal(timers.n, 0);
    rm_arena_fini(&arena);
}

// A timer that starts itself "at once" fires once a turn, and a due time in the past keeps nobody back.
static struct rm_timer eager, patient;
static int eager_fired;

static void eager_fire(struct rm_timer *timer)
{
    eager_fired++;
    rm_timer_start(loop, timer, 0);
}

static void patient_fire(struct rm_timer *timer)
{
    (void)timer;
    rm_timer_stop(&eager);
    rm_loop_stop(loop);
}

static void a_timer_for_now_waits_for_the_next_turn(void **state)
{
    (void)state;
    eager_fired = 0;
    eager = (struct rm_timer){.fire = eager_fire};
    patient = (struct rm_timer){.fire = patient_fire};
    rm_timer_start(loop, &eager, 0);
    rm_timer_start(loop, &patient, rm_loop_now_us(loop) + 2 * RM_MS);
    rm_loop_run(loop);
    assert_true(eager_fired >= 1);
}

// ---- descriptors -----------------------------------------------------------------------------------------------------

struct counter { // an eventfd
    struct rm_fd watch;
    int seen;
};

static void counter_open(struct counter *counter, void (*on_event)(struct rm_fd *, uint32_t), unsigned start)
{
    *counter = (struct counter){
        .watch = {.fd = eventfd(start, EFD_NONBLOCK | EFD_CLOEXEC), .events = EPOLLIN, .on_event = on_event}};
    assert_true(counter->watch.fd >= 0);
    assert_int_equal(rm_fd_add(loop, &counter->watch, NULL), RM_OK);
}

static void counter_close(struct counter *counter)
{
    rm_fd_del(&counter->watch);
    rm_fd_del(&counter->watch); // a second one is harmless
    close(counter->watch.fd);
}

static void counter_add(struct counter *counter)
{
    uint64_t one = 1;
    assert_int_equal(write(counter->watch.fd, &one, sizeof(one)), sizeof(one));
}

static void counter_take(struct counter *counter)
{
    uint64_t count;
    assert_int_equal(read(counter->watch.fd, &count, sizeof(count)), sizeof(count));
}

static struct rm_task stop_task;
static int turns_to_go;

static void stop_later(struct rm_hook *hook)
{
    (void)hook;
    if (--turns_to_go <= 0)
        rm_loop_stop(loop);
}

static int64_t at_once(struct rm_hook *hook)
{
    (void)hook;
    return 0;
}

static void run_turns(int n)
{
    struct rm_hook hook = {.turn = stop_later, .wait_us = at_once};
    turns_to_go = n;
    rm_hook_add(loop, &hook);
    rm_loop_run(loop);
    rm_hook_del(loop, &hook);
}

static struct counter two[2];

static void delete_the_other(struct rm_fd *watch, uint32_t happened)
{
    assert_int_equal(happened, EPOLLIN);
    struct counter *mine = rm_container_of(watch, struct counter, watch);
    mine->seen++;
    counter_close(mine == &two[0] ? &two[1] : &two[0]);
    counter_take(mine);
}

// Both are collected by one epoll_wait; whichever comes first deletes the other, whose event must be dropped.
static void a_deleted_descriptor_is_silent(void **state)
{
    (void)state;
    counter_open(&two[0], delete_the_other, 1);
    counter_open(&two[1], delete_the_other, 1);
    run_turns(3);
    assert_int_equal(two[0].seen + two[1].seen, 1);
    counter_close(two[0].seen ? &two[0] : &two[1]);
}

static struct counter young;

static void not_me(struct rm_fd *watch, uint32_t happened)
{
    (void)watch, (void)happened;
    fail_msg("an event for the descriptor's earlier life");
}

static void replace_the_other(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct counter *mine = rm_container_of(watch, struct counter, watch);
    mine->seen++;
    struct counter *other = mine == &two[0] ? &two[1] : &two[0];
    int number = other->watch.fd;
    counter_close(other);
    memset(other, 0xa5, sizeof(*other)); // it may be somebody else's memory by now
    counter_open(&young, not_me, 0);
    assert_int_equal(young.watch.fd, number); // the lowest free number
    counter_take(mine);
}

static void a_reused_number_starts_anew(void **state)
{
    (void)state;
    counter_open(&two[0], replace_the_other, 1);
    counter_open(&two[1], replace_the_other, 1);
    struct counter *first = &two[0];
    run_turns(3);
    if (two[0].watch.on_event != replace_the_other)
        first = &two[1];
    assert_int_equal(first->seen, 1);
    counter_close(first);
    counter_close(&young);
}

static void watch_for_writing(struct rm_fd *watch, uint32_t happened)
{
    struct counter *mine = rm_container_of(watch, struct counter, watch);
    assert_int_equal(happened, EPOLLIN);
    mine->seen++;
    rm_fd_mod(&two[mine == &two[0] ? 1 : 0].watch, EPOLLERR); // it wanted EPOLLIN, which is collected already
    rm_fd_mod(watch, 0);
}

static void what_is_no_more_watched_for_is_not_reported(void **state)
{
    (void)state;
    counter_open(&two[0], watch_for_writing, 1);
    counter_open(&two[1], watch_for_writing, 1);
    run_turns(3);
    assert_int_equal(two[0].seen + two[1].seen, 1);
    int silent = two[0].seen ? 1 : 0;
    rm_fd_mod(&two[silent].watch, EPOLLIN);
    run_turns(2);
    assert_int_equal(two[silent].seen, 1);
    counter_close(&two[0]);
    counter_close(&two[1]);
}

enum { MANY = 300 };
static struct counter many[MANY];

static void seen_once(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct counter *mine = rm_container_of(watch, struct counter, watch);
    mine->seen++;
    counter_take(mine);
}

static void the_events_array_grows(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        counter_open(&many[i], seen_once, 1);
    run_turns(3); // 64, 128, 256
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(many[i].seen, 1);
        counter_close(&many[i]);
    }
}

static void a_plain_file_cannot_be_watched(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    struct rm_fd watch = {.fd = fileno(file), .events = EPOLLIN, .on_event = not_me};
    struct rm_err err = {0};
    assert_int_equal(rm_fd_add(loop, &watch, &err), RM_ESYS);
    assert_int_equal(err.code, RM_ESYS);
    assert_null(watch.loop);
    fclose(file);
}

// ---- waking late -----------------------------------------------------------------------------------------------------

static struct counter first_answer, second_answer;
static struct rm_timer deadline;

static void answer_one(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    tell("1");
    counter_take(rm_container_of(watch, struct counter, watch));
    counter_add(&second_answer); // comes while the loop is behind: too late for the first look
}

static void answer_two(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    tell("2");
    counter_take(rm_container_of(watch, struct counter, watch));
}

static void deadline_fire(struct rm_timer *timer)
{
    (void)timer;
    tell("deadline");
    rm_loop_stop(loop);
}

static void be_throttled(struct rm_task *task)
{
    (void)task;
    rm_timer_start(loop, &deadline, rm_loop_now_us(loop) + RM_MS);
    while (rm_clock_us() < deadline.due_us + 25 * RM_MS)
        continue; // the condition is the clock's
    counter_add(&first_answer);
}

static void an_answer_that_is_there_beats_its_deadline(void **state)
{
    (void)state;
    told[0] = '\0';
    counter_open(&first_answer, answer_one, 0);
    counter_open(&second_answer, answer_two, 0);
    deadline = (struct rm_timer){.fire = deadline_fire};
    stop_task = (struct rm_task){.run = be_throttled};
    rm_task_queue(loop, &stop_task);
    rm_loop_run(loop);
    assert_string_equal(told, "12deadline");
    counter_close(&first_answer);
    counter_close(&second_answer);
}

// ---- messages --------------------------------------------------------------------------------------------------------

enum { POSTERS = 3, POSTS = 2000 };
struct numbered {
    struct rm_msg msg;
    int poster, number;
};
static struct numbered posts[POSTERS][POSTS];
static int next_of[POSTERS], delivered;

static void numbered_deliver(struct rm_msg *msg)
{
    const struct numbered *mine = rm_container_of(msg, struct numbered, msg);
    assert_int_equal(mine->number, next_of[mine->poster]);
    next_of[mine->poster]++;
    if (++delivered == POSTERS * POSTS)
        rm_loop_stop(loop);
}

static void post_all(void *arg)
{
    struct numbered *mine = arg;
    for (int i = 0; i < POSTS; i++)
        rm_loop_post(loop, &mine[i].msg);
}

static void messages_come_once_and_in_order(void **state)
{
    (void)state;
    struct rm_thread *threads[POSTERS];
    delivered = 0;
    for (int p = 0; p < POSTERS; p++) {
        next_of[p] = 0;
        for (int i = 0; i < POSTS; i++)
            posts[p][i] = (struct numbered){{.deliver = numbered_deliver}, p, i};
        assert_int_equal(rm_thread_start(&threads[p], "poster", post_all, posts[p], NULL), RM_OK);
    }
    rm_loop_run(loop);
    for (int p = 0; p < POSTERS; p++)
        rm_thread_join(threads[p]);
    assert_int_equal(delivered, POSTERS * POSTS);
}

static struct numbered notes[4];

static void note_deliver(struct rm_msg *msg)
{
    const struct numbered *mine = rm_container_of(msg, struct numbered, msg);
    char name[2] = {(char)('0' + mine->number), '\0'};
    tell(name);
    if (mine->number == 0) {
        assert_true(rm_loop_take_back(loop, &notes[1].msg)); // of the same batch
        assert_false(rm_loop_take_back(loop, &notes[0].msg));
    }
    if (mine->number == 3)
        rm_loop_stop(loop);
}

static void a_message_can_be_taken_back(void **state)
{
    (void)state;
    told[0] = '\0';
    for (int i = 0; i < 4; i++) {
        notes[i] = (struct numbered){{.deliver = note_deliver}, 0, i};
        rm_loop_post(loop, &notes[i].msg);
    }
    assert_true(rm_loop_take_back(loop, &notes[3].msg)); // the last one: the queue's end moves
    assert_true(rm_loop_take_back(loop, &notes[2].msg));
    rm_loop_post(loop, &notes[3].msg);
    rm_loop_run(loop);
    assert_string_equal(told, "03");
}

static void inbox_note(struct rm_msg *msg)
{
    (void)msg;
    tell("inbox ");
}

static void descriptor_note(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    tell("descriptor ");
    counter_take(rm_container_of(watch, struct counter, watch));
    rm_loop_stop(loop);
}

// A worker that is told something before it runs knows it before its first connection.
static void the_inbox_comes_before_descriptors(void **state)
{
    (void)state;
    told[0] = '\0';
    struct counter counter;
    struct rm_msg msg = {.deliver = inbox_note};
    counter_open(&counter, descriptor_note, 1);
    rm_loop_post(loop, &msg);
    rm_loop_run(loop);
    assert_string_equal(told, "inbox descriptor ");
    counter_close(&counter);
}

static void stop_from_outside(void *arg)
{
    rm_loop_stop(arg);
}

static void another_thread_stops_the_loop(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct rm_thread *thread;
        assert_int_equal(rm_thread_start(&thread, "stopper", stop_from_outside, loop, NULL), RM_OK);
        rm_loop_run(loop); // returns, whether the stop came before or while it ran
        rm_thread_join(thread);
    }
}

// ---- ready queue and hooks -------------------------------------------------------------------------------------------

struct named_task {
    struct rm_task task;
    const char *name;
    struct rm_task *then;
};

static void named_run(struct rm_task *task)
{
    struct named_task *named = rm_container_of(task, struct named_task, task);
    assert_false(task->queued);
    tell(named->name);
    if (named->then)
        rm_task_queue(loop, named->then);
}

struct named_hook {
    struct rm_hook hook;
    const char *name;
    struct rm_task *once; // queued at the first turn
};

static void named_turn(struct rm_hook *hook)
{
    struct named_hook *named = rm_container_of(hook, struct named_hook, hook);
    tell(named->name);
    if (named->once)
        rm_task_queue(loop, named->once);
    named->once = NULL;
}

static void tasks_first_then_hooks_until_nothing_is_ready(void **state)
{
    (void)state;
    told[0] = '\0';
    struct named_task c = {{.run = named_run}, "c", NULL}, b = {{.run = named_run}, "b", NULL},
                      a = {{.run = named_run}, "a", &b.task}, gone = {{.run = named_run}, "gone", NULL};
    struct named_hook x = {{.turn = named_turn}, "X", NULL}, y = {{.turn = named_turn}, "Y", &c.task};
    rm_hook_add(loop, &x.hook);
    rm_hook_add(loop, &y.hook);
    rm_task_queue(loop, &a.task);
    rm_task_queue(loop, &gone.task);
    rm_task_cancel(loop, &gone.task);
    rm_task_cancel(loop, &gone.task);
    run_turns(1);
    rm_hook_del(loop, &x.hook);
    rm_hook_del(loop, &y.hook);
    assert_string_equal(told, "abXYcXY");
}

struct leaving_hook {
    struct rm_hook hook;
    struct rm_hook *also;
};

static void leave(struct rm_hook *hook)
{
    struct leaving_hook *leaving = rm_container_of(hook, struct leaving_hook, hook);
    tell("leave ");
    rm_hook_del(loop, hook);
    if (leaving->also)
        rm_hook_del(loop, leaving->also);
}

static void hooks_may_go_while_they_run(void **state)
{
    (void)state;
    told[0] = '\0';
    struct named_hook neighbour = {{.turn = named_turn}, "neighbour ", NULL},
                      stays = {{.turn = named_turn}, "stays ", NULL};
    struct leaving_hook leaving = {{.turn = leave}, &neighbour.hook};
    rm_hook_add(loop, &leaving.hook);
    rm_hook_add(loop, &neighbour.hook);
    rm_hook_add(loop, &stays.hook);
    run_turns(2);
    rm_hook_del(loop, &stays.hook);
    assert_string_equal(told, "leave stays stays ");
}

static struct rm_task endless;
static bool endless_stop;

static void endless_run(struct rm_task *task)
{
    if (!endless_stop)
        rm_task_queue(loop, task);
}

static void endless_turn(struct rm_hook *hook)
{
    (void)hook;
    if (!endless_stop && !endless.queued)
        rm_task_queue(loop, &endless);
}

static void enough(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    counter_take(rm_container_of(watch, struct counter, watch));
    endless_stop = true;
    rm_loop_stop(loop);
}

static void nothing_starves_descriptors(void **state)
{
    (void)state;
    struct counter counter;
    counter_open(&counter, enough, 1);
    endless_stop = false;
    endless = (struct rm_task){.run = endless_run}; // feeds the ready queue from inside
    rm_task_queue(loop, &endless);
    rm_loop_run(loop);

    endless_stop = false;
    counter_add(&counter);
    endless = (struct rm_task){.run = endless_run};
    struct rm_hook hook = {.turn = endless_turn}; // feeds it from a hook
    rm_hook_add(loop, &hook);
    rm_loop_run(loop);
    rm_hook_del(loop, &hook);
    rm_task_cancel(loop, &endless);
    counter_close(&counter);
}

// ---- threads ---------------------------------------------------------------------------------------------------------

struct thread_facts {
    bool all_blocked;
    size_t stack_bytes;
    char name[16];
};

static void learn(void *arg)
{
    struct thread_facts *facts = arg;
    sigset_t mask;
    pthread_attr_t attr;
    facts->all_blocked = pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, SIGTERM) == 1 &&
                         sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGHUP) == 1 &&
                         sigismember(&mask, SIGUSR1) == 1;
    pthread_getname_np(pthread_self(), facts->name, sizeof(facts->name));
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &facts->stack_bytes);
    pthread_attr_destroy(&attr);
}

static void a_thread_has_its_stack_and_no_signals(void **state)
{
    (void)state;
    struct thread_facts facts = {0};
    struct rm_thread *thread;
    assert_int_equal(rm_thread_start(&thread, "a name that is too long", learn, &facts, NULL), RM_OK);
    rm_thread_join(thread);
    assert_true(facts.all_blocked);
    assert_string_equal(facts.name, "a name that is ");
    assert_true(facts.stack_bytes >= (size_t)1 << 20);
    sigset_t mine;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    assert_int_equal(sigismember(&mine, SIGUSR1), 0); // the caller's mask is as it was
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order, setup, teardown),
        cmocka_unit_test(the_heap_keeps_its_order),
        cmocka_unit_test_setup_teardown(a_timer_for_now_waits_for_the_next_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_descriptor_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reused_number_starts_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_more_watched_for_is_not_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(the_events_array_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plain_file_cannot_be_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_is_there_beats_its_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_come_once_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_can_be_taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_inbox_comes_before_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(another_thread_stops_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(tasks_first_then_hooks_until_nothing_is_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(hooks_may_go_while_they_run, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_starves_descriptors, setup, teardown),
        cmocka_unit_test(a_thread_has_its_stack_and_no_signals),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
