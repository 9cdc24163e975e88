// libcurl behind an interface of our own; the only file that includes its header, and asks its OpenSSL for one thing. Owns easy and multi handles. It sets options, passes
// callbacks on and translates errors; it decides nothing.
// SPDX-License-Identifier: Apache-2.0
#include "net/curl.h"

#include "net/reason.h"
#include "net/request.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define EASY_RECV_BYTES (16L << 10) // allocated by each running transfer
#define EASY_SEND_BYTES (32L << 10) // the same while it sends a body, or anything over TLS
#define EASY_LIST_MOST ((size_t)1 << 20)

struct rm_multi {
    CURLM *multi;
    const struct rm_curl_events *events;
    void *engine;
};

struct rm_easy {
    CURL *easy;
    struct rm_multi *multi;
    void *slot;
    struct rm_buf list; // of the header lines
    char reason[CURL_ERROR_SIZE];
};

// An option that fails is one that this file sets wrongly, or no memory.
#define easy_set(handle, option, value) RM_ASSERT(curl_easy_setopt((handle)->easy, option, value) == CURLE_OK)

int rm_curl_init(struct rm_err *err)
{
    // Counted and locked inside libcurl, which both of Debian's versions are built for.
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return rm_fail(err, RM_ESYS, "libcurl cannot start");
    return RM_OK;
}

void rm_curl_fini(void)
{
    curl_global_cleanup();
}

const char *rm_curl_ca_file(void)
{
    char *file = NULL; // a constant of libcurl's
    CURL *easy = curl_easy_init();
    RM_ASSERT(easy);
    (void)curl_easy_getinfo(easy, CURLINFO_CAINFO, &file);
    curl_easy_cleanup(easy);
    return file;
}

// Before 8.1.0 an easy handle keeps a pointer to the last answer's headers, which are freed: a next answer that begins with a
// folded line is appended there (curl's issue 11101), so that any backend could corrupt the heap. Not in a library that is built
// without the interface to headers, as ./setup builds it.
bool rm_curl_handles_last(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080100 ||
           curl_easy_header(NULL, NULL, 0, 0, 0, NULL) == CURLHE_NOT_BUILT_IN;
}

// ---- callbacks of one transfer ---------------------------------------------------------------------------------------

static size_t easy_step(enum rm_carry_step step, size_t on, size_t wait, size_t stop)
{
    return step == RM_CARRY_ON ? on : step == RM_CARRY_WAIT ? wait : stop;
}

static size_t easy_on_header(char *p, size_t size, size_t n, void *arg)
{
    struct rm_easy *easy = arg;
    return easy_step(easy->multi->events->line(easy->slot, (struct rm_str){p, size * n}), size * n, 0, 0);
}

static size_t easy_on_body(char *p, size_t size, size_t n, void *arg)
{
    struct rm_easy *easy = arg;
    enum rm_carry_step step = easy->multi->events->body(easy->slot, (struct rm_str){p, size * n});
    return easy_step(step, size * n, CURL_WRITEFUNC_PAUSE, 0);
}

static size_t easy_on_read(char *p, size_t size, size_t n, void *arg)
{
    struct rm_easy *easy = arg;
    size_t got = 0;
    enum rm_carry_step step = easy->multi->events->read(easy->slot, p, size * n, &got);
    return easy_step(step, got, CURL_READFUNC_PAUSE, CURL_READFUNC_ABORT);
}

static int easy_on_seek(void *arg, curl_off_t offset, int origin)
{
    struct rm_easy *easy = arg;
    bool rewound = offset == 0 && origin == SEEK_SET && easy->multi->events->rewind(easy->slot);
    return rewound ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static int easy_on_request(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
    struct rm_easy *easy = arg;
    (void)peer_ip;
    (void)local_ip;
    (void)peer_port;
    bool go = easy->multi->events->request(easy->slot, local_port > 0 ? (uint32_t)local_port : 0);
    return go ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static curl_socket_t easy_on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct rm_easy *easy = arg;
    (void)purpose;
    int fd = easy->multi->events->open(easy->slot, address->family, address->socktype, address->protocol);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

// ---- callbacks of the multi handle -----------------------------------------------------------------------------------

static int multi_on_close(void *arg, curl_socket_t fd)
{
    struct rm_multi *multi = arg;
    multi->events->close(multi->engine, fd);
    return 0;
}

static struct rm_easy *multi_easy_of(CURL *handle)
{
    char *easy = NULL;
    (void)curl_easy_getinfo(handle, CURLINFO_PRIVATE, &easy);
    return (struct rm_easy *)(void *)easy;
}

static int multi_on_socket(CURL *handle, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct rm_multi *multi = arg;
    (void)unused;
    bool in = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    bool out = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    // A removal may come for a handle that is half gone.
    const struct rm_easy *easy = in || out ? multi_easy_of(handle) : NULL;
    multi->events->want(multi->engine, fd, easy ? easy->slot : NULL, in, out);
    return 0;
}

static int multi_on_timer(CURLM *handle, long wait_ms, void *arg)
{
    struct rm_multi *multi = arg;
    (void)handle;
    multi->events->timer(multi->engine, wait_ms);
    return 0;
}

// ---- the multi handle ------------------------------------------------------------------------------------------------

struct rm_multi *rm_multi_new(const struct rm_curl_events *events, void *engine)
{
    struct rm_multi *multi = calloc(1, sizeof(*multi));
    RM_ASSERT(multi);
    *multi = (struct rm_multi){.multi = curl_multi_init(), .events = events, .engine = engine};
    RM_ASSERT(multi->multi);
    (void)curl_multi_setopt(multi->multi, CURLMOPT_SOCKETFUNCTION, multi_on_socket);
    (void)curl_multi_setopt(multi->multi, CURLMOPT_SOCKETDATA, (void *)multi);
    (void)curl_multi_setopt(multi->multi, CURLMOPT_TIMERFUNCTION, multi_on_timer);
    (void)curl_multi_setopt(multi->multi, CURLMOPT_TIMERDATA, (void *)multi);
    (void)curl_multi_setopt(multi->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    // links.c keeps the limits: libcurl's would count the busy ones too.
    (void)curl_multi_setopt(multi->multi, CURLMOPT_MAXCONNECTS, 1L << 20);
    return multi;
}

void rm_multi_free(struct rm_multi *multi)
{
    RM_ASSERT(curl_multi_cleanup(multi->multi) == CURLM_OK);
    free(multi);
}

void rm_multi_add(struct rm_multi *multi, struct rm_easy *easy)
{
    RM_ASSERT(curl_multi_add_handle(multi->multi, easy->easy) == CURLM_OK);
}

void rm_multi_remove(struct rm_multi *multi, struct rm_easy *easy)
{
    RM_ASSERT(curl_multi_remove_handle(multi->multi, easy->easy) == CURLM_OK);
}

void rm_multi_on_ready(struct rm_multi *multi, int fd, bool in, bool out)
{
    int running;
    int what = (in ? CURL_CSELECT_IN : 0) | (out ? CURL_CSELECT_OUT : 0);
    RM_ASSERT(curl_multi_socket_action(multi->multi, fd, what, &running) == CURLM_OK);
}

void rm_multi_on_timer(struct rm_multi *multi)
{
    int running;
    RM_ASSERT(curl_multi_socket_action(multi->multi, CURL_SOCKET_TIMEOUT, 0, &running) == CURLM_OK);
}

void *rm_multi_next_done(struct rm_multi *multi, int *result)
{
    int left;
    const CURLMsg *msg = curl_multi_info_read(multi->multi, &left);
    if (!msg)
        return NULL;
    *result = (int)msg->data.result;
    return multi_easy_of(msg->easy_handle)->slot;
}

// ---- easy handles ----------------------------------------------------------------------------------------------------

static void easy_set_tls(struct rm_easy *easy, const struct rm_trust *trust)
{
    // In the order of the numbers; 0 leaves the choice to the library.
    static const long least[] = {CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2,
                                 CURL_SSLVERSION_TLSv1_3};
    static const long most[] = {CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_2,
                                CURL_SSLVERSION_MAX_TLSv1_3};
    long versions = trust->tls_min > 0 ? least[trust->tls_min - 10] : (long)CURL_SSLVERSION_DEFAULT;
    versions |= trust->tls_max > 0 ? most[trust->tls_max - 10] : 0;
    // With a CApath libcurl parses the whole store anew for each connection: 20 ms of the loop.
    easy_set(easy, CURLOPT_CAPATH, (char *)NULL);
    easy_set(easy, CURLOPT_CAINFO, trust->verify ? trust->ca_file : (char *)NULL);
    easy_set(easy, CURLOPT_SSL_VERIFYPEER, trust->verify ? 1L : 0L);
    easy_set(easy, CURLOPT_SSL_VERIFYHOST, trust->verify ? 2L : 0L);
    easy_set(easy, CURLOPT_SSLVERSION, versions);
    if (trust->cert) {
        easy_set(easy, CURLOPT_SSLCERT, trust->cert);
        easy_set(easy, CURLOPT_SSLKEY, trust->key);
    }
}

// What every connection gets, however it is used afterwards.
static void easy_set_connection(struct rm_easy *easy, const struct rm_transport_conf *conf,
                                const struct rm_trust *trust)
{
    easy_set(easy, CURLOPT_PRIVATE, (void *)easy);
    easy_set(easy, CURLOPT_ERRORBUFFER, easy->reason);
    easy_set(easy, CURLOPT_OPENSOCKETFUNCTION, easy_on_open);
    easy_set(easy, CURLOPT_OPENSOCKETDATA, (void *)easy);
    easy_set(easy, CURLOPT_CLOSESOCKETFUNCTION, multi_on_close);
    easy_set(easy, CURLOPT_CLOSESOCKETDATA, (void *)easy->multi); // connections outlive easy handles
    easy_set(easy, CURLOPT_NOSIGNAL, 1L);
    easy_set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    easy_set(easy, CURLOPT_PROXY, ""); // or the environment would choose one
    easy_set(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (conf->connect_timeout_us > 0)
        easy_set(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(conf->connect_timeout_us / 1000) + 1);
    if (conf->tcp_keep_alive_us > 0) {
        easy_set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        easy_set(easy, CURLOPT_TCP_KEEPIDLE, (long)(conf->tcp_keep_alive_us / 1000000) + 1);
        easy_set(easy, CURLOPT_TCP_KEEPINTVL, (long)(conf->tcp_keep_alive_us / 1000000) + 1);
    }
    easy_set_tls(easy, trust);
}

static void easy_set_transfer(struct rm_easy *easy, const struct rm_transport_conf *conf)
{
    easy_set(easy, CURLOPT_HEADERFUNCTION, easy_on_header);
    easy_set(easy, CURLOPT_HEADERDATA, (void *)easy);
    easy_set(easy, CURLOPT_WRITEFUNCTION, easy_on_body);
    easy_set(easy, CURLOPT_WRITEDATA, (void *)easy);
    easy_set(easy, CURLOPT_READFUNCTION, easy_on_read);
    easy_set(easy, CURLOPT_READDATA, (void *)easy);
    easy_set(easy, CURLOPT_SEEKFUNCTION, easy_on_seek);
    easy_set(easy, CURLOPT_SEEKDATA, (void *)easy);
    easy_set(easy, CURLOPT_PREREQFUNCTION, easy_on_request);
    easy_set(easy, CURLOPT_PREREQDATA, (void *)easy);
    easy_set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    easy_set(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    // It still reads the framing to find the end, but hands all bytes over: chunked.c is stricter, and sees what follows the end.
    easy_set(easy, CURLOPT_HTTP_TRANSFER_DECODING, 0L);
    easy_set(easy, CURLOPT_BUFFERSIZE, EASY_RECV_BYTES);
    easy_set(easy, CURLOPT_UPLOAD_BUFFERSIZE, EASY_SEND_BYTES);
    easy_set(easy, CURLOPT_FORBID_REUSE, conf->keep_alive ? 0L : 1L);
    easy_set(easy, CURLOPT_MAXAGE_CONN,
             conf->idle_timeout_us > 0 ? (long)(conf->idle_timeout_us / 1000000) + 1 : 1L << 30);
}

static struct rm_easy *easy_new(struct rm_multi *multi, const struct rm_transport_conf *conf,
                                const struct rm_trust *trust, void *slot)
{
    struct rm_easy *easy = calloc(1, sizeof(*easy));
    RM_ASSERT(easy);
    easy->multi = multi;
    easy->slot = slot;
    rm_buf_init(&easy->list, EASY_LIST_MOST, NULL);
    easy->easy = curl_easy_init();
    RM_ASSERT(easy->easy);
    easy_set_connection(easy, conf, trust);
    return easy;
}

struct rm_easy *rm_easy_new(struct rm_multi *multi, const struct rm_transport_conf *conf, const struct rm_trust *trust,
                            void *slot)
{
    struct rm_easy *easy = easy_new(multi, conf, trust, slot);
    easy_set_transfer(easy, conf);
    return easy;
}

void rm_easy_renew(struct rm_easy *easy)
{
    CURL *again = curl_easy_duphandle(easy->easy);
    RM_ASSERT(again);
    curl_easy_cleanup(easy->easy);
    easy->easy = again;
}

void rm_easy_free(struct rm_easy *easy)
{
    curl_easy_cleanup(easy->easy);
    rm_buf_free(&easy->list);
    free(easy);
}

static void easy_set_method(struct rm_easy *easy, const struct rm_exchange *x, const char *method)
{
    easy_set(easy, CURLOPT_HTTPGET, 1L); // undoes what the exchange before had set
    switch (rm_request_body_of(x)) {
    case RM_REQUEST_NO_BODY:
        if (rm_str_eq(x->method, RM_STR("HEAD"))) {
            easy_set(easy, CURLOPT_NOBODY, 1L);
            method = NULL;
        }
        break;
    case RM_REQUEST_BUFFER:
        easy_set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.n);
        easy_set(easy, CURLOPT_POSTFIELDS, x->body.n > 0 ? (const void *)x->body.p : (const void *)"");
        break;
    case RM_REQUEST_SOURCE:
        easy_set(easy, CURLOPT_UPLOAD, 1L);
        easy_set(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->source->length);
        break;
    }
    easy_set(easy, CURLOPT_CUSTOMREQUEST, method);
}

int rm_easy_set(struct rm_easy *easy, const struct rm_exchange *x, struct rm_peer *peer, char *text, size_t n_lines,
                struct rm_err *err)
{
    easy->list.n = 0;
    if (rm_buf_reserve(&easy->list, n_lines * sizeof(struct curl_slist)) != RM_OK)
        return rm_fail(err, RM_EREQUEST, "too many request headers");
    // libcurl only reads the list; its nodes need no allocation of their own.
    char *target = text + strlen(text) + 1;
    char *line = target + strlen(target) + 1;
    struct curl_slist *list = (struct curl_slist *)(void *)easy->list.p;
    for (size_t i = 0; i < n_lines; i++, line += strlen(line) + 1)
        list[i] = (struct curl_slist){.data = line, .next = i + 1 < n_lines ? &list[i + 1] : NULL};
    easy->reason[0] = '\0';
    easy_set_method(easy, x, text);
    easy_set(easy, CURLOPT_REQUEST_TARGET, target);
    easy_set(easy, CURLOPT_HTTPHEADER, n_lines > 0 ? list : NULL);
    easy_set(easy, CURLOPT_CURLU, (CURLU *)peer->url);
    easy_set(easy, CURLOPT_CONNECT_TO, (struct curl_slist *)peer->connect_to);
    return RM_OK;
}

int rm_easy_pause(struct rm_easy *easy, unsigned paused)
{
    return (int)curl_easy_pause(easy->easy, (paused & RM_CARRY_RECV ? CURLPAUSE_RECV : 0) |
                                                (paused & RM_CARRY_SEND ? CURLPAUSE_SEND : 0));
}

bool rm_easy_has_sent(const struct rm_easy *easy)
{
    long bytes = 0;
    return curl_easy_getinfo(easy->easy, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0;
}

int rm_easy_explain(const struct rm_easy *easy, int result, struct rm_err *err)
{
    static const struct {
        CURLcode result;
        int code;
        const char *text;
    } table[] = {
        {CURLE_UNSUPPORTED_PROTOCOL, RM_EPROTO, "not an HTTP/1 answer"},
        {CURLE_COULDNT_RESOLVE_HOST, RM_ECONNECT, "address not usable"},
        {CURLE_WEIRD_SERVER_REPLY, RM_EPROTO, "malformed answer"},
        {CURLE_BAD_FUNCTION_ARGUMENT, RM_EPROTO, "malformed answer"}, // a header line without a colon
        {CURLE_PARTIAL_FILE, RM_ERESET, "connection closed before the answer was whole"},
        {CURLE_UPLOAD_FAILED, RM_EPROTO, "an HTTP/1.0 server takes no body of unknown length"},
        {CURLE_OUT_OF_MEMORY, RM_ETOOBIG, "answer head too large"}, // 7.88: a line of more than 100 KB
        {(CURLcode)100, RM_ETOOBIG, "answer head too large"},       // CURLE_TOO_LARGE of 8.6
        {CURLE_OPERATION_TIMEDOUT, RM_ECONNECT, "connect timeout"},
        {CURLE_SSL_CONNECT_ERROR, RM_ETLS, "TLS: handshake failed"},
        {CURLE_GOT_NOTHING, RM_ERESET, "connection closed without an answer"},
        {CURLE_SEND_ERROR, RM_ERESET, "connection reset while sending"},
        {CURLE_RECV_ERROR, RM_ERESET, "connection reset"},
        {CURLE_SEND_FAIL_REWIND, RM_ERESET, "kept connection closed before an answer"},
        {CURLE_SSL_CERTPROBLEM, RM_ETLS, "TLS: client certificate not usable"},
        {CURLE_SSL_CIPHER, RM_ETLS, "TLS: no common cipher"},
        {CURLE_SSL_CACERT_BADFILE, RM_ETLS, "TLS: CA file not usable"},
        {CURLE_SSL_CLIENTCERT, RM_ETLS, "TLS: client certificate required"},
    };
    long detail = 0;
    if (result == CURLE_COULDNT_CONNECT) {
        (void)curl_easy_getinfo(easy->easy, CURLINFO_OS_ERRNO, &detail);
        return rm_fail(err, RM_ECONNECT, "%s", rm_reason_of_errno((int)detail));
    }
    if (result == CURLE_PEER_FAILED_VERIFICATION) {
        (void)curl_easy_getinfo(easy->easy, CURLINFO_SSL_VERIFYRESULT, &detail);
        return rm_fail(err, RM_ETLS, "TLS: %s", rm_reason_of_verify(detail));
    }
    // One code for three things; the text tells them apart.
    if (result == CURLE_RECV_ERROR && strstr(easy->reason, "chunk"))
        return rm_fail(err, RM_EPROTO, "malformed chunked body");
    if (result == CURLE_RECV_ERROR && strstr(easy->reason, "alert"))
        return rm_fail(err, RM_ETLS, "TLS: refused by the peer");
    for (size_t i = 0; i < RM_COUNT(table); i++) {
        if ((int)table[i].result == result)
            return rm_fail(err, table[i].code, "%s", table[i].text);
    }
    return rm_fail(err, RM_ESYS, "transfer failed (libcurl %d)", result);
}

// ---- connections without a transfer ----------------------------------------------------------------------------------

struct rm_easy *rm_easy_new_dial(struct rm_multi *multi, const struct rm_transport_conf *conf,
                                 const struct rm_trust *trust, struct rm_peer *peer, void *slot)
{
    struct rm_easy *easy = easy_new(multi, conf, trust, slot);
    easy_set(easy, CURLOPT_CONNECT_ONLY, 1L);
    // Bounds what one call gives; plain text does not come this way.
    easy_set(easy, CURLOPT_BUFFERSIZE, peer->tls ? (long)RM_EASY_RECV_MOST : 1024L);
    easy_set(easy, CURLOPT_CURLU, (CURLU *)peer->url);
    easy_set(easy, CURLOPT_CONNECT_TO, (struct curl_slist *)peer->connect_to);
    return easy;
}

int64_t rm_easy_send(struct rm_easy *easy, struct rm_str text)
{
    size_t sent = 0;
    CURLcode rc = curl_easy_send(easy->easy, text.p, text.n, &sent);
    if (rc == CURLE_OK && sent > 0)
        return (int64_t)sent;
    return rc == CURLE_OK || rc == CURLE_AGAIN ? RM_AGAIN : RM_ERESET;
}

bool rm_easy_holds_more(const struct rm_easy *easy)
{
    struct curl_tlssessioninfo *info = NULL;
    return curl_easy_getinfo(easy->easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info &&
           info->backend == CURLSSLBACKEND_OPENSSL && info->internals && SSL_has_pending(info->internals);
}

int64_t rm_easy_recv(struct rm_easy *easy, char *to, size_t n)
{
    size_t got = 0;
    CURLcode rc = curl_easy_recv(easy->easy, to, n, &got);
    return rc == CURLE_OK ? (int64_t)got : rc == CURLE_AGAIN ? RM_AGAIN : RM_ERESET;
}

// ---- peers -----------------------------------------------------------------------------------------------------------

// The target is set apart (CURLOPT_REQUEST_TARGET) and goes out as it is; the URL gives Host, SNI and the name in the certificate. Brackets are for IPv6.
bool rm_curl_make_peer(struct rm_peer *peer)
{
    char text[sizeof(peer->name) + sizeof(peer->address) + 32];
    bool six = memchr(peer->name, ':', peer->name_n) != NULL;
    (void)snprintf(text, sizeof(text), "http%s://%s%s%s:%u/", peer->tls ? "s" : "", six ? "[" : "", peer->name,
                   six ? "]" : "", peer->port);
    CURLU *url = curl_url();
    RM_ASSERT(url);
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        curl_url_cleanup(url);
        return false;
    }
    peer->url = url;
    six = memchr(peer->address, ':', peer->address_n) != NULL;
    (void)snprintf(text, sizeof(text), "::%s%s%s:%u", six ? "[" : "", peer->address, six ? "]" : "", peer->port);
    peer->connect_to = curl_slist_append(NULL, text);
    RM_ASSERT(peer->connect_to);
    return true;
}

void rm_curl_drop_peer(struct rm_peer *peer)
{
    curl_url_cleanup(peer->url);
    curl_slist_free_all(peer->connect_to);
}
