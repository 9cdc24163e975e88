// A client that speaks raw bytes over a blocking socket with a receive timeout.
// SPDX-License-Identifier: Apache-2.0
#include "raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RAW_WAIT_MS 20000

static void raw_fail(const char *what)
{
    fprintf(stderr, "raw client: %s: %s\n", what, strerror(errno));
    abort();
}

int raw_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        raw_fail("connect");
    return fd;
}

bool raw_try_send(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, RAW_WAIT_MS) != 1)
            raw_fail("send takes too long");
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        }
    }
    return true;
}

void raw_send_bytes(int fd, const void *bytes, size_t n)
{
    if (!raw_try_send(fd, bytes, n))
        raw_fail("send");
}

void raw_send(int fd, const char *text)
{
    raw_send_bytes(fd, text, strlen(text));
}

static bool raw_was_reset; // by the last raw_recv() that gave nothing

// Bytes, 0 at the end or after a reset.
static size_t raw_recv(int fd, char *to, size_t n)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, RAW_WAIT_MS) != 1)
        raw_fail("nothing comes");
    ssize_t got = recv(fd, to, n, 0);
    raw_was_reset = got < 0;
    return got > 0 ? (size_t)got : 0;
}

struct raw_text {
    char *p;
    size_t n, cap;
};

static void raw_put(struct raw_text *text, const char *p, size_t n)
{
    if (text->n + n + 1 > text->cap) {
        text->cap = 2 * text->cap + n + 256;
        text->p = realloc(text->p, text->cap);
        if (!text->p)
            raw_fail("realloc");
    }
    memcpy(text->p + text->n, p, n);
    text->n += n;
    text->p[text->n] = '\0';
}

// Up to and with the CRLF. False: it ended before.
static bool raw_line(int fd, struct raw_text *line)
{
    line->n = 0;
    char c;
    while (raw_recv(fd, &c, 1) == 1) {
        raw_put(line, &c, 1);
        if (line->n >= 2 && memcmp(line->p + line->n - 2, "\r\n", 2) == 0)
            return true;
    }
    return false;
}

static bool raw_lines(int fd, struct raw_text *lines)
{
    struct raw_text line = {0};
    raw_put(lines, "", 0);
    bool whole = false;
    while (raw_line(fd, &line)) {
        if (line.n == 2) {
            whole = true;
            break;
        }
        raw_put(lines, line.p, line.n);
    }
    free(line.p);
    return whole;
}

static bool raw_exactly(int fd, struct raw_text *body, size_t n)
{
    char block[65536];
    while (n > 0) {
        size_t got = raw_recv(fd, block, n < sizeof(block) ? n : sizeof(block));
        if (got == 0)
            return false;
        raw_put(body, block, got);
        n -= got;
    }
    return true;
}

static bool raw_chunks(int fd, struct raw_text *body, struct raw_text *trailers)
{
    struct raw_text line = {0};
    bool whole = false;
    while (raw_line(fd, &line)) {
        size_t n = strtoul(line.p, NULL, 16);
        if (n == 0) {
            whole = raw_lines(fd, trailers);
            break;
        }
        if (!raw_exactly(fd, body, n) || !raw_line(fd, &line))
            break;
    }
    free(line.p);
    return whole;
}

const char *raw_header(const struct raw_answer *a, const char *name)
{
    static char value[16384];
    size_t n = strlen(name);
    for (const char *line = strstr(a->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, n) != 0 || line[n] != ':')
            continue;
        const char *from = line + n + 1 + strspn(line + n + 1, " ");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(from, "\r"), from);
        return value;
    }
    return "";
}

void raw_read(int fd, bool head_only, struct raw_answer *out)
{
    struct raw_text head = {0}, body = {0}, trailers = {0};
    bool whole;
    *out = (struct raw_answer){0};
    do {
        head.n = 0;
        whole = raw_lines(fd, &head);
        out->head = head.p;
        out->status = whole ? (int)strtol(head.p + strlen("HTTP/1.1 "), NULL, 10) : 0;
    } while (whole && out->status == 100);
    raw_put(&body, "", 0);
    raw_put(&trailers, "", 0);
    const char *length = whole ? raw_header(out, "content-length") : "";
    out->chunked = whole && strcasecmp(raw_header(out, "transfer-encoding"), "chunked") == 0;
    bool bodyless = head_only || out->status == 204 || out->status == 304;
    if (whole && !bodyless) {
        if (out->chunked) {
            whole = raw_chunks(fd, &body, &trailers);
        } else if ((length = raw_header(out, "content-length"))[0]) {
            whole = raw_exactly(fd, &body, strtoul(length, NULL, 10));
        } else {
            char block[65536];
            size_t got;
            while ((got = raw_recv(fd, block, sizeof(block))) > 0)
                raw_put(&body, block, got);
            whole = !raw_was_reset; // the end of the connection is the end of the body
        }
    }
    out->broken = !whole;
    out->body = body.p;
    out->body_n = body.n;
    out->trailers = trailers.p;
}

void raw_free(struct raw_answer *a)
{
    free(a->head);
    free(a->body);
    free(a->trailers);
    *a = (struct raw_answer){0};
}

bool raw_ends(int fd)
{
    char c;
    return raw_recv(fd, &c, 1) == 0;
}

bool raw_is_open(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};
    return poll(&wait, 1, 0) == 0;
}
