// The log: builds one line on the stack and gives it to the kernel in one write(2), or drops it when nobody reads. Holds
// the settings, and no lock.
// SPDX-License-Identifier: Apache-2.0
#include <remora/log.h>

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_LINE 4096 // PIPE_BUF: what a pipe takes in one piece, so that the lines of threads never mix

// Never changed or freed once it is published: another thread may be reading it. The same settings are the same node
// again.
struct log_setup {
    const struct log_setup *next;
    enum rm_level least;
    bool to_stdout;
    enum rm_log_format format;
    size_t prefix_n;
    char prefix[64];
};

static const struct log_setup log_default = {.least = RM_INFO};
static _Atomic(const struct log_setup *) log_current = &log_default;

#define LOG_WAIT_MS 10 // for a slow reader, until it is given up
static atomic_bool log_stuck;
static _Atomic uint64_t log_dropped;

static const char *const log_names[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

static size_t log_escape(char *out, size_t n, size_t max, struct rm_str text);

void rm_log_setup(enum rm_level least, struct rm_str prefix, bool to_stdout, enum rm_log_format format)
{
    static const struct log_setup *log_all = &log_default;
    struct log_setup want = {.least = least, .to_stdout = to_stdout, .format = format};
    want.prefix_n = log_escape(want.prefix, 0, sizeof(want.prefix), prefix);

    for (const struct log_setup *known = log_all; known; known = known->next) {
        if (known->least == least && known->to_stdout == to_stdout && known->format == format &&
            known->prefix_n == want.prefix_n && memcmp(known->prefix, want.prefix, want.prefix_n) == 0) {
            atomic_store(&log_current, known);
            return;
        }
    }
    struct log_setup *fresh = malloc(sizeof(*fresh));
    if (!fresh)
        rm_panic(__FILE__, __LINE__, "out of memory");
    *fresh = want;
    fresh->next = log_all;
    log_all = fresh;
    atomic_store(&log_current, fresh);
}

bool rm_log_on(enum rm_level level)
{
    return level >= atomic_load(&log_current)->least;
}

int rm_level_of(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(log_names); i++) {
        if (rm_str_eq_nocase(name, rm_str_of(log_names[i])))
            return (int)i;
    }
    return -1;
}

// Appends text to out, which holds n of max bytes, with control characters (C0, DEL, and C1 in UTF-8) as \n, \t or
// \xNN. What does not fit is left out, never half of an escape. Gives the new length.
static size_t log_escape(char *out, size_t n, size_t max, struct rm_str text)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool c1 = c == 0xC2 && i + 1 < text.n && ((unsigned char)text.p[i + 1] & 0xE0) == 0x80;
        if (c >= 0x20 && c != 0x7F && !c1) {
            if (n + 1 > max)
                break;
            out[n++] = (char)c;
        } else if (c == '\n' || c == '\r' || c == '\t') {
            if (n + 2 > max)
                break;
            out[n++] = '\\';
            out[n++] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        } else {
            if (c1)
                c = (unsigned char)text.p[++i]; // U+0080 to U+009F: the second byte is the code point
            if (n + 4 > max)
                break;
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    return n;
}

static size_t log_raw(char *out, size_t n, const char *text, size_t size)
{
    memcpy(out + n, text, size);
    return n + size;
}

static size_t log_text(char *line, const struct log_setup *setup, enum rm_level level, struct rm_str text)
{
    size_t n = strlen(line);
    line[n++] = ' ';
    n = log_raw(line, n, log_names[level], strlen(log_names[level]));
    line[n++] = ' ';
    if (setup->prefix_n > 0) {
        n = log_raw(line, n, setup->prefix, setup->prefix_n);
        line[n++] = ' ';
    }
    return log_escape(line, n, LOG_LINE - 4, text);
}

// The bytes of a UTF-8 sequence (RFC 3629) at p; 0: there is none.
static size_t log_utf8(const unsigned char *p, size_t n)
{
    size_t size = p[0] < 0x80                   ? 1
                  : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                  : (p[0] & 0xF0) == 0xE0       ? 3
                  : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                                : 0;
    if (size == 0 || size > n)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
               (p[0] == 0xF4 && p[1] > 0x8F);
    return bad ? 0 : size;
}

// A JSON string's inside. What does not fit is left out, never half of an escape or of a character.
static size_t log_json(char *out, size_t n, size_t max, struct rm_str text)
{
    for (size_t i = 0; i < text.n;) {
        const unsigned char *p = (const unsigned char *)text.p + i;
        size_t size = log_utf8(p, text.n - i);
        char escape[8];
        const char *from = text.p + i;
        size_t put = size;
        if (size == 0)
            from = "\xEF\xBF\xBD", put = 3, size = 1;
        else if (*p == '"' || *p == '\\')
            from = *p == '"' ? "\\\"" : "\\\\", put = 2;
        else if (*p < 0x20 || *p == 0x7F || (*p == 0xC2 && p[1] < 0xA0)) {
            put = (size_t)snprintf(escape, sizeof(escape), "\\u%04x", size == 2 ? p[1] : *p);
            from = escape;
        }
        if (n + put > max)
            break;
        n = log_raw(out, n, from, put);
        i += size;
    }
    return n;
}

static size_t log_logstash(char *line, const struct log_setup *setup, enum rm_level level, struct rm_str text)
{
    char time[32];
    snprintf(time, sizeof(time), "%s", line);
    size_t n = (size_t)snprintf(line, LOG_LINE, "{\"@timestamp\":\"%s\",\"@version\":1,\"level\":\"%s\",\"module\":\"",
                                time, log_names[level]);
    n = log_json(line, n, LOG_LINE - 64, (struct rm_str){setup->prefix, setup->prefix_n});
    n = log_raw(line, n, "\",\"message\":\"", 13);
    return log_json(line, n, LOG_LINE - 8, text);
}

uint64_t rm_log_dropped(void)
{
    return atomic_load_explicit(&log_dropped, memory_order_relaxed);
}

// A pipe is writable while it has room for LOG_LINE bytes, so that the write does not wait.
static void log_write(int fd, const char *line, size_t n)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    bool was_stuck = atomic_load_explicit(&log_stuck, memory_order_relaxed);
    bool stuck = poll(&ready, 1, was_stuck ? 0 : LOG_WAIT_MS) == 0;
    if (stuck != was_stuck)
        atomic_store_explicit(&log_stuck, stuck, memory_order_relaxed);
    if (stuck) {
        atomic_fetch_add_explicit(&log_dropped, 1, memory_order_relaxed);
        return;
    }
    ssize_t written;
    do {
        written = write(fd, line, n);
    } while (written < 0 && errno == EINTR);
}

void rm_log(enum rm_level level, const char *fmt, ...)
{
    const struct log_setup *setup = atomic_load(&log_current);
    if (level < setup->least)
        return;
    RM_ASSERT((size_t)level < RM_COUNT(log_names));
    int saved = errno;

    char text[LOG_LINE - 128];
    va_list args;
    va_start(args, fmt);
    int formatted = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t text_n = formatted < 0 ? 0 : (size_t)formatted;
    bool cut = text_n >= sizeof(text);
    if (cut)
        text_n = sizeof(text) - 1;

    char line[LOG_LINE];
    rm_clock_format(rm_clock_wall_us(), line, sizeof(line));
    bool logstash = setup->format == RM_LOG_LOGSTASH;
    size_t n = (logstash ? log_logstash : log_text)(line, setup, level, (struct rm_str){text, text_n});
    if (cut)
        n = log_raw(line, n, "...", 3);
    if (logstash)
        n = log_raw(line, n, "\"}", 2);
    line[n++] = '\n';

    int fd = setup->to_stdout ? STDOUT_FILENO : STDERR_FILENO;
    log_write(fd, line, n);
    errno = saved;
}
