// The log: form of a line, one write a line, levels, and that no text can forge or break a line.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <remora/log.h>

#include <malloc.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// Standard error is a socket that keeps each write apart.
static int log_saved, log_ends[2];

static int setup(void **state)
{
    (void)state;
    fflush(stderr);
    log_saved = dup(STDERR_FILENO);
    if (log_saved < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, log_ends) < 0)
        return -1;
    return dup2(log_ends[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    dup2(log_saved, STDERR_FILENO);
    close(log_saved);
    close(log_ends[0]);
    close(log_ends[1]);
    return 0;
}

// The next line, without its newline; "" when none was written.
static const char *next_line(void)
{
    static char line[8192];
    ssize_t n = recv(log_ends[0], line, sizeof(line) - 1, MSG_DONTWAIT);
    if (n <= 0)
        return "";
    line[n] = '\0';
    assert_int_equal(line[n - 1], '\n');
    line[n - 1] = '\0';
    assert_null(strchr(line, '\n'));
    return line;
}

static void assert_matches(const char *line, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int rc = regexec(&regex, line, 0, NULL, 0);
    regfree(&regex);
    if (rc != 0)
        fail_msg("'%s' does not match '%s'", line, pattern);
}

#define TIME "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

static void lines_have_time_level_prefix_message(void **state)
{
    (void)state;
    rm_log_setup(RM_DEBUG, (struct rm_str){NULL, 0}, false, RM_LOG_DEFAULT);
    rm_log(RM_INFO, "started port=%d", 8080);
    assert_matches(next_line(), TIME "INFO started port=8080$");
    rm_log_setup(RM_DEBUG, RM_STR("[REMORA]"), false, RM_LOG_DEFAULT);
    rm_log(RM_CRITICAL, "gone");
    assert_matches(next_line(), TIME "CRITICAL \\[REMORA\\] gone$");
    rm_log(RM_DEBUG, "%s", "");
    assert_matches(next_line(), TIME "DEBUG \\[REMORA\\] $");
}

static void levels_filter(void **state)
{
    (void)state;
    rm_log_setup(RM_WARNING, RM_STR(""), false, RM_LOG_DEFAULT);
    assert_false(rm_log_on(RM_INFO));
    assert_true(rm_log_on(RM_WARNING));
    rm_log(RM_INFO, "no");
    rm_log(RM_DEBUG, "no");
    rm_log(RM_ERROR, "yes");
    assert_matches(next_line(), TIME "ERROR yes$");
    assert_string_equal(next_line(), "");
    assert_int_equal(rm_level_of(RM_STR("debug")), RM_DEBUG);
    assert_int_equal(rm_level_of(RM_STR("CRITICAL")), RM_CRITICAL);
    assert_int_equal(rm_level_of(RM_STR("Warning")), RM_WARNING);
    assert_int_equal(rm_level_of(RM_STR("warn")), -1);
    assert_int_equal(rm_level_of((struct rm_str){NULL, 0}), -1);
}

static void control_characters_are_escaped(void **state)
{
    (void)state;
    rm_log_setup(RM_DEBUG, RM_STR("p\n"), false, RM_LOG_DEFAULT);
    rm_log(RM_INFO, "a\nb\rc\td\x1b[31me\x7F \xC2\x9B caf\xC3\xA9");
    assert_matches(next_line(), "INFO p\\\\n a\\\\nb\\\\rc\\\\td\\\\x1b\\[31me\\\\x7f \\\\x9b caf\xC3\xA9$");
}

static void a_long_text_is_cut_and_still_one_line(void **state)
{
    (void)state;
    rm_log_setup(RM_DEBUG, RM_STR("0123456789012345678901234567890123456789012345678901234567890123456789"), false, RM_LOG_DEFAULT);
    for (size_t n = 3900; n < 4100; n += 7) {
        char *text = malloc(n + 1);
        assert_non_null(text);
        memset(text, 'x', n);
        text[n] = '\0';
        rm_log(RM_INFO, "%s", text);
        assert_matches(next_line(), n < 3960 ? "INFO 0.*xxx$" : "INFO 0.*xxx");
        memset(text, 1, n);
        rm_log(RM_INFO, "%s", text);
        const char *line = next_line();
        assert_matches(line, "(\\\\x01)+(\\.\\.\\.)?$"); // no half of an escape at the end
        assert_true(strlen(line) < 4096);
        free(text);
    }
}

static void the_same_settings_again_cost_nothing(void **state)
{
    (void)state;
    rm_log_setup(RM_INFO, RM_STR("even"), false, RM_LOG_DEFAULT);
    rm_log_setup(RM_INFO, RM_STR("odd"), false, RM_LOG_DEFAULT);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 1000; i++)
        rm_log_setup(RM_INFO, i % 2 ? RM_STR("odd") : RM_STR("even"), false, RM_LOG_DEFAULT);
    assert_int_equal(mallinfo2().uordblks, before);
    rm_log(RM_INFO, "x");
    assert_matches(next_line(), "INFO odd x$");
}

// As JSON: quotation marks, control characters and broken UTF-8 of a peer stay inside the message's string.
static void lines_as_json(void **state)
{
    (void)state;
    rm_log_setup(RM_DEBUG, RM_STR("[R\"]"), false, RM_LOG_LOGSTASH);
    rm_log(RM_WARNING, "said text=\"%s\"", "a\\\n\xff\xc2\x85\xc3\xa9\x7f\",\"level\":\"INFO");
    const char *line = next_line();
    assert_matches(line, "^\\{\"@timestamp\":\"[0-9T:.-]+Z\",\"@version\":1,\"level\":\"WARNING\",\"module\":");
    const char *rest = strstr(line, "\"module\"");
    assert_non_null(rest);
    assert_string_equal(rest, "\"module\":\"[R\\\"]\",\"message\":\"said text=\\\"a\\\\\\u000a\xef\xbf\xbd\\u0085\xc3\xa9\\u007f\\\","
                              "\\\"level\\\":\\\"INFO\\\"\"}");
    char *text = malloc(10000);
    memset(text, '"', 9999);
    text[9999] = '\0';
    rm_log(RM_INFO, "%s", text);
    line = next_line();
    assert_true(strlen(line) < 4096);
    assert_string_equal(line + strlen(line) - 7, "\\\"...\"}");
    free(text);
    rm_log_setup(RM_DEBUG, RM_STR(""), false, RM_LOG_DEFAULT);
}

// Nobody reads: lines are dropped and counted; once somebody does, lines come again, and whole.
static void a_reader_that_stops_stops_nobody(void **state)
{
    (void)state;
    int ends[2];
    char bytes[1 << 16];
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    rm_log_setup(RM_DEBUG, RM_STR(""), false, RM_LOG_DEFAULT);
    uint64_t before = rm_log_dropped();
    for (int i = 0; i < 100000 && rm_log_dropped() == before; i++)
        rm_log(RM_INFO, "line %d", i);
    assert_int_equal(rm_log_dropped(), before + 1);
    for (int i = 0; i < 1000; i++)
        rm_log(RM_INFO, "line");
    assert_int_equal(rm_log_dropped(), before + 1001);
    assert_true(read(ends[0], bytes, sizeof(bytes)) > 0);
    rm_log(RM_INFO, "and again");
    assert_int_equal(rm_log_dropped(), before + 1001);
    ssize_t n = read(ends[0], bytes, sizeof(bytes) - 1);
    assert_true(n > 0);
    bytes[n] = '\0';
    assert_non_null(strstr(bytes, "INFO and again\n"));
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_have_time_level_prefix_message, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(control_characters_are_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_and_still_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_settings_again_cost_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_stops_stops_nobody, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
