// libmicrohttpd: one daemon a worker, run once a turn of the loop. Translates its callbacks into client.h's calls and back, decides
// nothing itself. The only file with microhttpd.h.
// SPDX-License-Identifier: Apache-2.0
#include "front/mhd.h"
#include "base/clock.h"
#include "front/answer.h"
#include "front/client_stream.h"
#include <remora/log.h>

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <sys/epoll.h>

#define MHD_LOG_US (10 * RM_SEC) // at most one line of its own complaints in this time
#define MHD_ANSWER_HEAD 1536     // at least so much for an answer's head: 16 KiB in all for the default limits
#define MHD_PER_FIELD 64         // what it keeps of each header in a connection's memory

struct rm_mhd {
    struct rm_front *front;
    struct MHD_Daemon *daemon;
    struct rm_fd watch; // of its epoll descriptor
    struct rm_hook hook;
    bool need_run;          // an event, a resumed connection
    bool told, patient;     // see mhd_turn()
    bool pending;           // it has more to do at once
    struct rm_conn *adding; // until it has told that the connection is there
    uint64_t logged_us;
    uint64_t complaints; // since then
    bool ours;           // the next complaint is no news
};

// ---- a request -------------------------------------------------------------------------------------------------------

static void *mhd_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    (void)cls;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    RM_ASSERT(info && info->socket_context);
    return rm_client_new(info->socket_context, rm_str_of(target));
}

// Decoding is ours.
static size_t mhd_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result mhd_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
                                  const char *value, size_t value_n)
{
    (void)kind;
    struct rm_client *c = cls;
    struct rm_str text = value ? (struct rm_str){value, value_n} : (struct rm_str){"", 0};
    rm_headers_add(&c->rq.arena, &c->rq.headers, (struct rm_str){name, name_n},
                   text); // its memory: until the request is over
    return MHD_YES;
}

static void mhd_suspend(struct rm_conn *conn)
{
    RM_ASSERT(!conn->suspended); // twice would break its lists
    conn->suspended = true;
    MHD_suspend_connection(conn->mhd);
}

// ---- an answer -------------------------------------------------------------------------------------------------------

// It wants NUL-terminated texts and copies them.
static bool mhd_add(struct rm_client *c, struct MHD_Response *response, const struct rm_header *h,
                    enum MHD_Result (*add)(struct MHD_Response *, const char *, const char *))
{
    char room[512];
    if (h->name.n + h->value.n + 2 > sizeof(room))
        return add(response, rm_arena_cstr(&c->rq.arena, h->name), rm_arena_cstr(&c->rq.arena, h->value)) == MHD_YES;
    char *value = room + h->name.n + 1;
    memcpy(room, h->name.p, h->name.n);
    room[h->name.n] = '\0';
    memcpy(value, h->value.p, h->value.n);
    value[h->value.n] = '\0';
    return add(response, room, value) == MHD_YES;
}

static ssize_t mhd_read(void *cls, uint64_t position, char *to, size_t n)
{
    (void)position;
    struct rm_client *c = cls;
    int64_t got = rm_download_read(c, to, n);
    if (got > 0)
        return (ssize_t)got;
    if (got == RM_READ_ONCE_MORE)
        return 0; // called again in the next round
    if (got == RM_READ_WAIT && !c->conn->front->freeing) {
        mhd_suspend(c->conn); // 0 alone would spin
        return 0;
    }
    if (got == RM_READ_WAIT)
        rm_conn_shut(c->conn);
    if (got != RM_READ_END) {
        // What ends a connection from here is forgotten: its descriptor stays open until something else happens on it. A byte that
        // cannot be sent is an error that libmicrohttpd follows up.
        to[0] = '\0';
        return 1;
    }
    const struct rm_headers *trailers = &c->rq.reply.trailers;
    for (uint32_t i = 0; i < trailers->n; i++)
        if (trailers->v[i].value.n > 0)
            mhd_add(c, c->mhd_response, &trailers->v[i], MHD_add_response_footer);
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *mhd_response(struct rm_client *c, const struct rm_answer *a)
{
    if (a->streams) {
        uint64_t length = a->length >= 0 ? (uint64_t)a->length : MHD_SIZE_UNKNOWN;
        return MHD_create_response_from_callback(length, rm_download_block(c), mhd_read, c, NULL);
    }
    // The body stays in the request until it is over, and it is over before the response is destroyed.
    if (a->n_parts <= 1)
        return MHD_create_response_from_buffer_static(a->n_parts ? a->parts[0].n : 0, a->n_parts ? a->parts[0].p : "");
    struct MHD_IoVec parts[RM_REFS_PARTS];
    for (uint32_t i = 0; i < a->n_parts; i++)
        parts[i] = (struct MHD_IoVec){a->parts[i].p, a->parts[i].n};
    return MHD_create_response_from_iovec(parts, a->n_parts, NULL, NULL); // copies the array
}

static enum MHD_Result mhd_answer(struct rm_client *c)
{
    static const struct rm_header close = {{"Connection", 10}, {"close", 5}};
    struct rm_answer a;
    struct MHD_Response *response = rm_answer_make(c, &a) ? mhd_response(c, &a) : NULL;
    if (!response)
        return MHD_NO;
    c->mhd_response = response;
    // First, as it resets what was noted of other headers. Of these it refuses only what would break the head.
    bool ok = !a.close || mhd_add(c, response, &close, MHD_add_response_header);
    for (uint32_t i = 0; ok && i < a.headers->n; i++)
        mhd_add(c, response, &a.headers->v[i], MHD_add_response_header);
    enum MHD_Result queued = ok ? MHD_queue_response(c->conn->mhd, a.status, response) : MHD_NO;
    MHD_destroy_response(response);
    return queued; // MHD_YES without a queued answer would be called again and again
}

// ---- its callbacks ---------------------------------------------------------------------------------------------------

static enum MHD_Result mhd_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_n, void **context)
{
    (void)url;
    struct rm_mhd *m = cls;
    struct rm_client *c = *context;
    RM_ASSERT(c);
    enum rm_verdict verdict;
    if (c->state == RM_CLIENT_NEW) {
        MHD_get_connection_values_n(connection, MHD_HEADER_KIND, mhd_header, c);
        verdict = rm_client_head(c, rm_str_of(method), rm_str_of(version));
        RM_ASSERT(verdict != RM_WAIT); // suspending now would repeat this call
    } else if (*data_n > 0) {
        size_t taken;
        verdict = rm_client_body(c, (struct rm_str){data, *data_n}, &taken);
        RM_ASSERT(verdict != RM_ANSWER); // it takes none while a body comes
        *data_n -= taken;
    } else {
        verdict = rm_client_end(c);
    }
    switch (verdict) {
    case RM_GO_ON:
        return MHD_YES;
    case RM_WAIT:
        if (c->conn->front->freeing)
            break; // the daemon's end must meet nothing suspended
        mhd_suspend(c->conn);
        return MHD_YES;
    case RM_ANSWER:
        return mhd_answer(c);
    case RM_CLOSE:
        break;
    }
    m->ours = true;
    return MHD_NO;
}

static void mhd_completed(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)connection;
    (void)why;
    struct rm_client *c = *context;
    *context = NULL;
    if (c)
        rm_client_over(c);
}

static void mhd_connection(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what)
{
    struct rm_mhd *m = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        m->adding->mhd = connection;
        *context = m->adding;
        m->adding = NULL;
        rm_conn_open(*context);
    } else if (*context) {
        rm_conn_close(*context);
        *context = NULL;
    }
}

// Requests that it refuses by itself, and peers that break off: counted, and told seldom enough that nobody can flood the log.
RM_PRINTF(2, 0) static void mhd_complains(void *cls, const char *fmt, va_list args)
{
    struct rm_mhd *m = cls;
    uint64_t now = rm_loop_now_us(m->front->loop);
    bool ours = m->ours;
    m->ours = false;
    // Of a connection that remora ends; of a relay's end, which has no options of TCP.
    if (ours || strncmp(fmt, "Setting %s option", 17) == 0)
        return;
    m->complaints++;
    if (m->logged_us != 0 && now - m->logged_us < MHD_LOG_US)
        return;
    char text[200];
    vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    rm_log(RM_INFO, "bad requests or broken connections count=%llu last=\"%s\"", (unsigned long long)m->complaints,
           text);
    m->logged_us = now;
    m->complaints = 0;
}

// ---- the loop --------------------------------------------------------------------------------------------------------

void rm_mhd_run(struct rm_mhd *m)
{
    m->need_run = false;
    MHD_run(m->daemon);
    m->pending = MHD_get_timeout64s(m->daemon) == 0; // asked after each run: an edge will not come again
}

void rm_mhd_wake(struct rm_mhd *m)
{
    m->need_run = true;
}

static void mhd_happened(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct rm_mhd *m = rm_container_of(watch, struct rm_mhd, watch);
    m->need_run = m->told = true;
}

static void mhd_turn(struct rm_hook *hook)
{
    struct rm_mhd *m = rm_container_of(hook, struct rm_mhd, hook);
    if (!m->need_run && !m->pending)
        return;
    // The kernel tells its epoll descriptor first and the connection's watch a moment later. Run in between it would read the bytes
    // away, and the watch would never report the first byte of a request: the descriptors are asked once more before that.
    if (m->told && !m->front->heard && !m->patient) {
        m->patient = true;
        return;
    }
    m->told = m->patient = m->front->heard = false;
    rm_mhd_run(m);
}

static int64_t mhd_wait_us(struct rm_hook *hook)
{
    const struct rm_mhd *m = rm_container_of(hook, struct rm_mhd, hook);
    return m->need_run || m->pending ? 0 : -1;
}

void rm_mhd_resume(struct rm_conn *conn)
{
    RM_ASSERT(conn->suspended);
    conn->suspended = false;
    MHD_resume_connection(conn->mhd); // sets a mark; its descriptor does not tell
    conn->front->mhd->need_run = true;
}

bool rm_mhd_add(struct rm_mhd *m, struct rm_conn *conn, const struct sockaddr *peer, unsigned peer_size)
{
    m->adding = conn;
    if (MHD_add_connection(m->daemon, conn->fd, peer, peer_size) == MHD_YES)
        return true;
    if (m->adding) { // else it has told that the connection closed
        m->adding = NULL;
        rm_conn_close(conn);
    }
    return false;
}

size_t rm_mhd_pool_bytes(const struct rm_conf_limits *limits)
{
    size_t head = limits->head_bytes, fields = (size_t)MHD_PER_FIELD * limits->headers;
    // Half of it is the first read buffer. The rest must hold what it notes of the fields, and an answer's head.
    size_t bytes = 2 * head > head + fields + MHD_ANSWER_HEAD ? 2 * head : head + fields + MHD_ANSWER_HEAD;
    return (bytes + 1023) & ~(size_t)1023;
}

int rm_mhd_new(struct rm_mhd **out, struct rm_front *front, struct rm_err *err)
{
    struct rm_mhd *m = RM_NEW(&front->arena, struct rm_mhd);
    m->front = front;
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_NO_THREAD_SAFETY | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG;
    m->daemon = MHD_start_daemon(flags, 0, NULL, NULL, mhd_handle, m,                   //
                                 MHD_OPTION_EXTERNAL_LOGGER, mhd_complains, m,          // first: it may use it
                                 MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,                   //
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, front->pool_bytes, //
                                 MHD_OPTION_CONNECTION_LIMIT, front->shared->max_connections + 1, //
                                 MHD_OPTION_URI_LOG_CALLBACK, mhd_target, m,                      //
                                 MHD_OPTION_UNESCAPE_CALLBACK, mhd_unescape, m,                   //
                                 MHD_OPTION_NOTIFY_COMPLETED, mhd_completed, m,                   //
                                 MHD_OPTION_NOTIFY_CONNECTION, mhd_connection, m,                 //
                                 MHD_OPTION_END);
    if (!m->daemon)
        return rm_fail(err, RM_ESYS, "libmicrohttpd does not start: %s", strerror(errno));
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    RM_ASSERT(info);
    m->watch = (struct rm_fd){.fd = info->epoll_fd, .events = EPOLLIN, .on_event = mhd_happened};
    int code = rm_fd_add(front->loop, &m->watch, err);
    if (code) {
        MHD_stop_daemon(m->daemon);
        return code;
    }
    m->hook = (struct rm_hook){.turn = mhd_turn, .wait_us = mhd_wait_us};
    rm_hook_add(front->loop, &m->hook);
    *out = m;
    return RM_OK;
}

void rm_mhd_free(struct rm_mhd *m)
{
    rm_hook_del(m->front->loop, &m->hook);
    rm_fd_del(&m->watch);
    MHD_stop_daemon(m->daemon);
}
