// The scripted backend. Owns its sockets.
// SPDX-License-Identifier: Apache-2.0
#include "backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKEND_KEEP ((size_t)1 << 20)
#define BACKEND_PIECE ((size_t)16 << 10)

enum body_state { BODY_HEAD, BODY_LENGTH, BODY_SIZE, BODY_CHUNK, BODY_CHUNK_END, BODY_TRAILER };

struct backend_conn {
    struct rm_fd watch;
    struct rm_task go;
    struct backend *backend;
    struct backend_conn *next;
    void *session;
    const struct backend_step *script, *step;
    size_t done;  // bytes of this step
    size_t piece; // of a chunk that is on its way: bytes with framing
    bool holding, ended, closed;
    enum body_state body;
    uint64_t left;
    size_t line_n;
    char line[256]; // chunk sizes and trailers
    char in[65536]; // not taken yet
    size_t in_n;
};

static void conn_close(struct backend_conn *conn, bool reset)
{
    if (conn->closed)
        return;
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    if (conn->session)
        conn->backend->tls->free(conn->session, !reset);
    conn->session = NULL;
    rm_fd_del(&conn->watch);
    close(conn->watch.fd);
    rm_task_cancel(conn->backend->loop, &conn->go);
    if (conn->holding)
        conn->backend->holding--;
    conn->holding = false;
    conn->closed = true;
    conn->backend->open--;
}

static int64_t conn_recv(struct backend_conn *conn, char *to, size_t n, bool *again)
{
    *again = false;
    if (conn->session)
        return conn->backend->tls->recv(conn->session, to, n, again);
    int64_t got = recv(conn->watch.fd, to, n, MSG_DONTWAIT);
    *again = got < 0 && errno == EAGAIN;
    return got;
}

static int64_t conn_send(struct backend_conn *conn, const char *p, size_t n, bool *again)
{
    *again = false;
    int64_t put;
    if (conn->session) {
        put = conn->backend->tls->send(conn->session, p, n, again);
    } else {
        put = send(conn->watch.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        *again = put < 0 && errno == EAGAIN;
    }
    if (put > 0)
        conn->backend->sent += (uint64_t)put;
    return put;
}

// ---- requests --------------------------------------------------------------------------------------------------------

const char *backend_field(const struct backend *backend, const char *name)
{
    static char value[65536];
    size_t n = strlen(name);
    const char *line = backend->head.p ? memchr(backend->head.p, '\n', backend->head.n) : NULL;
    while (line && line + 1 < backend->head.p + backend->head.n) {
        line++;
        size_t left = (size_t)(backend->head.p + backend->head.n - line);
        const char *end = memchr(line, '\r', left);
        if (left > n && strncasecmp(line, name, n) == 0 && line[n] == ':' && end) {
            line += n + 1;
            while (line < end && *line == ' ')
                line++;
            size_t len = (size_t)(end - line);
            RM_ASSERT(len < sizeof(value));
            memcpy(value, line, len);
            value[len] = '\0';
            return value;
        }
        line = memchr(line, '\n', left);
    }
    return NULL;
}

unsigned backend_count_field(const struct backend *backend, const char *name)
{
    unsigned count = 0;
    size_t n = strlen(name);
    for (size_t i = 0; i + 1 + n < backend->head.n; i++) {
        if (backend->head.p[i] == '\n' && strncasecmp(backend->head.p + i + 1, name, n) == 0 &&
            backend->head.p[i + 1 + n] == ':')
            count++;
    }
    return count;
}

bool backend_line_is(const struct backend *backend, const char *request_line)
{
    size_t n = strlen(request_line);
    return backend->head.n > n + 2 && memcmp(backend->head.p, request_line, n) == 0 && backend->head.p[n] == '\r';
}

static void request_body_bytes(struct backend *backend, const char *p, size_t n)
{
    backend->body_n += n;
    size_t room = BACKEND_KEEP - backend->body.n;
    RM_ASSERT(rm_buf_append(&backend->body, (struct rm_str){p, n < room ? n : room}) == RM_OK);
}

static void request_head(struct backend_conn *conn, const char *head, size_t n)
{
    struct backend *backend = conn->backend;
    backend->head.n = backend->body.n = 0;
    backend->body_n = 0;
    backend->body_whole = false;
    RM_ASSERT(rm_buf_append(&backend->head, (struct rm_str){head, n}) == RM_OK);
    const char *length = backend_field(backend, "content-length");
    conn->left = length ? strtoull(length, NULL, 10) : 0;
    backend->body_chunked = backend_field(backend, "transfer-encoding") != NULL;
    conn->body = backend->body_chunked ? BODY_SIZE : BODY_LENGTH;
    conn->line_n = 0;
}

// Takes from p what belongs to the body; the number of bytes. *whole: that was all of it.
static size_t request_body(struct backend_conn *conn, const char *p, size_t n, bool *whole)
{
    size_t at = 0;
    *whole = false;
    for (;;) {
        if (conn->body == BODY_LENGTH || conn->body == BODY_CHUNK) {
            size_t take = n - at < conn->left ? n - at : (size_t)conn->left;
            request_body_bytes(conn->backend, p + at, take);
            at += take;
            conn->left -= take;
            if (conn->left > 0)
                return at;
            if (conn->body == BODY_LENGTH) {
                *whole = true;
                return at;
            }
            conn->body = BODY_CHUNK_END;
        }
        // A line of the framing.
        while (at < n && (conn->line_n == 0 || conn->line[conn->line_n - 1] != '\n')) {
            RM_ASSERT(conn->line_n < sizeof(conn->line) - 1);
            conn->line[conn->line_n++] = p[at++];
        }
        if (conn->line_n == 0 || conn->line[conn->line_n - 1] != '\n')
            return at;
        conn->line[conn->line_n] = '\0';
        bool empty = conn->line_n == 2;
        conn->line_n = 0;
        if (conn->body == BODY_CHUNK_END) {
            RM_ASSERT(empty);
            conn->body = BODY_SIZE;
        } else if (conn->body == BODY_SIZE) {
            conn->left = strtoull(conn->line, NULL, 16);
            conn->body = conn->left > 0 ? BODY_CHUNK : BODY_TRAILER;
        } else if (empty) {
            *whole = true;
            return at;
        }
    }
}

static void conn_consume(struct backend_conn *conn, size_t n)
{
    memmove(conn->in, conn->in + n, conn->in_n - n);
    conn->in_n -= n;
}

// True when the step is done.
static bool step_request(struct backend_conn *conn, bool head_only)
{
    if (conn->body == BODY_HEAD) {
        const char *end = memmem(conn->in, conn->in_n, "\r\n\r\n", 4);
        if (!end)
            return false;
        size_t n = (size_t)(end - conn->in) + 4;
        request_head(conn, conn->in, n);
        conn_consume(conn, n);
        if (head_only) {
            conn->body = BODY_HEAD;
            return true;
        }
    }
    bool whole;
    size_t taken = request_body(conn, conn->in, conn->in_n, &whole);
    conn_consume(conn, taken);
    if (!whole)
        return false;
    conn->body = BODY_HEAD;
    conn->backend->body_whole = true;
    conn->backend->requests++;
    return true;
}

static bool step_take(struct backend_conn *conn)
{
    size_t left = conn->step->n - conn->done;
    size_t take = conn->in_n < left ? conn->in_n : left;
    conn->done += take;
    conn_consume(conn, take);
    return conn->done == conn->step->n;
}

static bool step_reads(const struct backend_conn *conn)
{
    return conn->step->what == BACKEND_REQUEST || conn->step->what == BACKEND_HEAD || conn->step->what == BACKEND_TAKE;
}

static bool step_in(struct backend_conn *conn)
{
    return conn->step->what == BACKEND_TAKE ? step_take(conn) : step_request(conn, conn->step->what == BACKEND_HEAD);
}

// ---- steps -----------------------------------------------------------------------------------------------------------

// A piece of what the step sends; 0: all is sent.
static size_t step_piece(struct backend_conn *conn, char *buffer, const char **p)
{
    const struct backend_step *step = conn->step;
    size_t n = step->what == BACKEND_SEND && step->n == 0 ? strlen(step->bytes) : step->n;
    *p = buffer;
    if (step->what == BACKEND_SEND) {
        *p = step->bytes + conn->done;
        return n - conn->done;
    }
    if (step->what == BACKEND_FILL) {
        n -= conn->done;
        n = n < BACKEND_PIECE ? n : BACKEND_PIECE;
        memset(buffer, 'x', n);
        return n;
    }
    // Whole chunks; `done` counts their bytes with framing.
    const size_t whole = BACKEND_PIECE + 8;
    RM_ASSERT(n % BACKEND_PIECE == 0);
    if (conn->done == n / BACKEND_PIECE * whole)
        return 0;
    memcpy(buffer, "4000\r\n", 6);
    memset(buffer + 6, 'x', BACKEND_PIECE);
    memcpy(buffer + 6 + BACKEND_PIECE, "\r\n", 2);
    *p = buffer + conn->done % whole;
    return whole - conn->done % whole;
}

// True when the step is done; false: would block, or the connection is gone.
static bool step_send(struct backend_conn *conn)
{
    char buffer[BACKEND_PIECE + 8];
    for (;;) {
        const char *p;
        size_t n = step_piece(conn, buffer, &p);
        if (n == 0)
            return true;
        bool again;
        int64_t put = conn_send(conn, p, n, &again);
        if (put < 0 && !again) {
            conn->backend->peer_closed++;
            conn_close(conn, false);
        }
        if (put < 0)
            return false;
        conn->done += (size_t)put;
    }
}

static void conn_read(struct backend_conn *conn)
{
    while (!conn->ended && conn->in_n < sizeof(conn->in)) {
        bool again;
        int64_t got = conn_recv(conn, conn->in + conn->in_n, sizeof(conn->in) - conn->in_n, &again);
        if (got > 0) {
            conn->in_n += (size_t)got;
            continue;
        }
        if (!again) {
            conn->ended = true;
            conn->backend->peer_closed++;
        }
        return;
    }
}

static void conn_wait(struct backend_conn *conn)
{
    bool sends =
        conn->step->what == BACKEND_SEND || conn->step->what == BACKEND_FILL || conn->step->what == BACKEND_CHUNKS;
    bool reads = step_reads(conn);
    if (conn->ended) {
        // Nobody is there any more.
        if (!sends)
            conn_close(conn, false);
        else
            rm_fd_mod(&conn->watch, EPOLLOUT);
        return;
    }
    // Unread bytes must not hide the end: RDHUP shows it.
    rm_fd_mod(&conn->watch, (uint32_t)(reads ? EPOLLIN : 0) | (uint32_t)(sends ? EPOLLOUT : 0) |
                                (uint32_t)(conn->session ? EPOLLIN : 0) | EPOLLRDHUP);
}

static void conn_run(struct backend_conn *conn)
{
    for (;;) {
        bool done = true;
        switch (conn->step->what) {
        case BACKEND_END:
            done = false;
            break;
        case BACKEND_REQUEST:
        case BACKEND_HEAD:
        case BACKEND_TAKE:
            while (!(done = step_in(conn))) {
                size_t had = conn->in_n;
                conn_read(conn);
                if (conn->in_n == had)
                    break;
            }
            break;
        case BACKEND_SEND:
        case BACKEND_FILL:
        case BACKEND_CHUNKS:
            done = step_send(conn);
            break;
        case BACKEND_HOLD:
            if (!conn->holding && conn->done == 0) {
                conn->holding = true;
                conn->backend->holding++;
            }
            done = !conn->holding;
            break;
        case BACKEND_CLOSE:
            conn_close(conn, false);
            return;
        case BACKEND_RESET:
            conn_close(conn, true);
            return;
        case BACKEND_SHUT:
            (void)shutdown(conn->watch.fd, SHUT_WR);
            break;
        case BACKEND_AGAIN:
            conn->step = conn->script;
            conn->done = 0;
            continue;
        }
        if (conn->closed)
            return;
        if (!done) {
            conn_wait(conn);
            return;
        }
        conn->step++;
        conn->done = 0;
    }
}

static void conn_on_go(struct rm_task *task)
{
    struct backend_conn *conn = rm_container_of(task, struct backend_conn, go);
    conn->holding = false;
    conn->done = 1; // this hold is over
    conn->backend->holding--;
    conn_run(conn);
}

static void conn_on_event(struct rm_fd *watch, uint32_t happened)
{
    struct backend_conn *conn = rm_container_of(watch, struct backend_conn, watch);
    bool reads = step_reads(conn);
    if (!reads && (happened & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && !conn->ended) {
        conn->ended = true;
        conn->backend->peer_closed++;
    } else if (!reads && conn->session && (happened & EPOLLIN)) {
        conn_read(conn);
    }
    conn_run(conn);
}

// ---- life ------------------------------------------------------------------------------------------------------------

static void backend_on_accept(struct rm_fd *listener, uint32_t happened)
{
    struct backend *backend = rm_container_of(listener, struct backend, listener);
    (void)happened;
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        int one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct backend_conn *conn = calloc(1, sizeof(*conn));
        RM_ASSERT(conn && backend->n_scripts > 0);
        size_t script = backend->accepted < backend->n_scripts ? backend->accepted : backend->n_scripts - 1;
        backend->accepted++;
        backend->open++;
        conn->backend = backend;
        conn->script = conn->step = backend->scripts[script];
        conn->watch = (struct rm_fd){.fd = fd, .events = EPOLLRDHUP, .on_event = conn_on_event};
        conn->go.run = conn_on_go;
        conn->next = backend->conns;
        backend->conns = conn;
        if (backend->tls)
            conn->session = backend->tls->accept(backend->tls, fd);
        RM_ASSERT(rm_fd_add(backend->loop, &conn->watch, NULL) == RM_OK);
        conn_run(conn);
    }
}

void backend_start(struct backend *backend, struct rm_loop *loop, const struct backend_tls *tls)
{
    *backend = (struct backend){.loop = loop, .tls = tls};
    rm_buf_init(&backend->head, BACKEND_KEEP, NULL);
    rm_buf_init(&backend->body, BACKEND_KEEP, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    RM_ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 4096) == 0);
    RM_ASSERT(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
    backend->port = ntohs(address.sin_port);
    backend->listener = (struct rm_fd){.fd = fd, .events = EPOLLIN, .on_event = backend_on_accept};
    RM_ASSERT(rm_fd_add(loop, &backend->listener, NULL) == RM_OK);
}

void backend_stop(struct backend *backend)
{
    rm_fd_del(&backend->listener);
    close(backend->listener.fd);
    while (backend->conns) {
        struct backend_conn *conn = backend->conns;
        backend->conns = conn->next;
        conn_close(conn, false);
        free(conn);
    }
    rm_buf_free(&backend->head);
    rm_buf_free(&backend->body);
}

void backend_script(struct backend *backend, const struct backend_step *steps)
{
    RM_ASSERT(backend->n_scripts < RM_COUNT(backend->scripts));
    backend->scripts[backend->n_scripts++] = steps;
}

void backend_go(struct backend *backend)
{
    for (struct backend_conn *conn = backend->conns; conn; conn = conn->next) {
        if (conn->holding && !conn->go.queued)
            rm_task_queue(backend->loop, &conn->go);
    }
}
