// Watched files on a real file system: what counts as a change, what does not, and what comes of a way of links.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_US (20 * RM_SEC)

struct seen {
    struct rm_watch watch; // first
    unsigned told;
    bool stops; // at the first
};

static struct rm_loop *loop;
static struct rm_watches *watches;
static struct seen file, other;
static struct rm_timer late;
static char folder[PATH_MAX], path[2 * PATH_MAX], other_path[2 * PATH_MAX];
static char paths[4][2 * PATH_MAX];

// "FOLDER/NAME", in one of four places that take turns.
static const char *in(const char *name)
{
    static unsigned turn;
    char *text = paths[turn++ % 4];
    int n = snprintf(text, sizeof(paths[0]), "%s/%s", folder, name);
    assert_in_range(n, 1, sizeof(paths[0]) - 1);
    return text;
}

static void changed(struct rm_watch *watch)
{
    struct seen *seen = (struct seen *)watch;
    seen->told++;
    if (seen->stops)
        rm_watch_stop(watch);
    rm_loop_stop(loop);
}

static void too_late(struct rm_timer *timer)
{
    (void)timer;
    fail_msg("waited in vain");
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void wait_told(const struct seen *seen, unsigned times)
{
    rm_timer_start(loop, &late, rm_loop_now_us(loop) + PATIENCE_US);
    while (seen->told < times)
        rm_loop_run(loop);
    rm_timer_stop(&late);
    assert_int_equal(seen->told, times);
}

// All that has happened so far has been looked at.
static void pass(void)
{
    static unsigned n;
    char text[32];
    snprintf(text, sizeof(text), "pass %u", n++);
    unsigned before = other.told;
    put(other_path, text);
    wait_told(&other, before + 1);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "%s/watch.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/conf.yaml", folder);
    snprintf(other_path, sizeof(other_path), "%s/other", folder);
    assert_int_equal(rm_loop_new(&loop, NULL), RM_OK);
    watches = rm_watches_new(loop);
    late = (struct rm_timer){.fire = too_late};
    file = other = (struct seen){.watch.changed = changed};
    rm_watch_start(watches, &other.watch, other_path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_watch_stop(&file.watch);
    rm_watch_stop(&other.watch);
    rm_watches_free(watches);
    rm_loop_free(loop);
    char command[PATH_MAX + 32];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void start(const char *text)
{
    if (text)
        put(path, text);
    rm_watch_start(watches, &file.watch, path);
}

static void test_a_write_in_place_is_told(void **state)
{
    (void)state;
    start("one");
    put(path, "two");
    wait_told(&file, 1);
    put(path, "three");
    wait_told(&file, 2);
}

static void test_a_rename_is_told(void **state)
{
    (void)state;
    start("one");
    put(in("new"), "two");
    assert_int_equal(rename(in("new"), path), 0);
    wait_told(&file, 1);
}

static void test_touching_and_writing_the_same_is_not(void **state)
{
    (void)state;
    start("one");
    put(path, "one");
    pass();
    put(in("new"), "one");
    assert_int_equal(rename(in("new"), path), 0);
    pass();
    assert_int_equal(chmod(path, 0600), 0);
    pass();
    assert_int_equal(file.told, 0);
}

static void test_a_file_that_is_being_written_waits(void **state)
{
    (void)state;
    start("one");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("half of", f);
    assert_int_equal(fflush(f), 0);
    pass();
    pass();
    assert_int_equal(file.told, 0);
    fputs(" it", f);
    assert_int_equal(fclose(f), 0);
    wait_told(&file, 1);
}

static void test_a_file_that_goes_and_comes(void **state)
{
    (void)state;
    start("one");
    assert_int_equal(unlink(path), 0);
    wait_told(&file, 1);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    pass(); // it is empty, and open
    assert_int_equal(file.told, 1);
    assert_int_equal(write(fd, "two", 3), 3);
    close(fd);
    wait_told(&file, 2);
}

static void test_one_that_is_not_there_may_come(void **state)
{
    (void)state;
    start(NULL);
    put(path, "one");
    wait_told(&file, 1);
}

// What the kubelet does with a mounted ConfigMap.
static void swap_data(const char *name, const char *text)
{
    char data[128];
    assert_int_equal(mkdir(in(name), 0755), 0);
    snprintf(data, sizeof(data), "%s/conf.yaml", name);
    put(in(data), text);
    assert_int_equal(symlink(name, in("..data_tmp")), 0);
    assert_int_equal(rename(in("..data_tmp"), in("..data")), 0);
}

static void test_a_configmap_is_swapped(void **state)
{
    (void)state;
    swap_data("..2026_1", "one");
    assert_int_equal(symlink("..data/conf.yaml", path), 0);
    start(NULL);
    swap_data("..2026_2", "two");
    wait_told(&file, 1);
    assert_int_equal(unlink(in("..2026_1/conf.yaml")), 0);
    assert_int_equal(rmdir(in("..2026_1")), 0);
    swap_data("..2026_3", "two");
    pass();
    assert_int_equal(file.told, 1);
    swap_data("..2026_4", "three");
    wait_told(&file, 2);
    assert_int_equal(file.watch.n_places, 3);
}

static void test_a_link_elsewhere_is_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in("real"), 0755), 0);
    put(in("real/one"), "one");
    put(in("real/two"), "two");
    assert_int_equal(symlink(in("real/one"), path), 0);
    start(NULL);
    put(in("real/one"), "ONE");
    wait_told(&file, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("real/two", path), 0);
    wait_told(&file, 2);
    put(in("real/one"), "nobody looks");
    pass();
    put(in("real/two"), "TWO");
    wait_told(&file, 3);
}

static void test_the_folder_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in("conf"), 0755), 0);
    put(in("conf/conf.yaml"), "one");
    rm_watch_start(watches, &file.watch, in("conf/conf.yaml"));
    assert_int_equal(mkdir(in("conf.new"), 0755), 0);
    put(in("conf.new/conf.yaml"), "two");
    assert_int_equal(rename(in("conf"), in("conf.old")), 0);
    assert_int_equal(rename(in("conf.new"), in("conf")), 0);
    wait_told(&file, 1);
    put(in("conf/conf.yaml"), "three");
    wait_told(&file, 2);
}

static void test_two_of_one_folder_and_one_of_two(void **state)
{
    (void)state;
    struct seen again = {.watch.changed = changed, .stops = true};
    start("one");
    rm_watch_start(watches, &again.watch, path);
    put(path, "two");
    wait_told(&again, 1); // and stops; the folder is still watched for the others
    wait_told(&file, 1);
    put(path, "three");
    wait_told(&file, 2);
    assert_int_equal(again.told, 1);
}

static void test_without_inotify_it_looks(void **state)
{
    (void)state;
    rm_watch_start(watches, &file.watch, in("missing/conf.yaml"));
    assert_true(file.watch.polls);
    assert_int_equal(mkdir(in("missing"), 0755), 0);
    put(in("missing/conf.yaml"), "one");
    wait_told(&file, 1);
    assert_false(file.watch.polls);
}

int main(void)
{
#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        WATCH_TEST(test_a_write_in_place_is_told),
        WATCH_TEST(test_a_rename_is_told),
        WATCH_TEST(test_touching_and_writing_the_same_is_not),
        WATCH_TEST(test_a_file_that_is_being_written_waits),
        WATCH_TEST(test_a_file_that_goes_and_comes),
        WATCH_TEST(test_one_that_is_not_there_may_come),
        WATCH_TEST(test_a_configmap_is_swapped),
        WATCH_TEST(test_a_link_elsewhere_is_followed),
        WATCH_TEST(test_the_folder_is_replaced),
        WATCH_TEST(test_two_of_one_folder_and_one_of_two),
        WATCH_TEST(test_without_inotify_it_looks),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
