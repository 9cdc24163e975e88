// The API client: libcurl's multi interface on the discovery loop, apart from the workers' engine: other TLS settings, other limits,
// streams without an end. It follows nothing, retries nothing and interprets nothing. Owns easy handles, sockets' watches, connections.
// SPDX-License-Identifier: Apache-2.0
#include "sd/api_http.h"

#include "base/list.h"
#include "sd/resolve.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define API_CONNECT_MS 10000L
#define API_KEEPALIVE_IDLE_S 30L
#define API_KEEPALIVE_INTERVAL_S 10L
#define API_RETRY_MOST_S 3600

struct api_socket {
    struct rm_fd watch;
    struct rm_api_client *client;
    struct rm_list link; // in free_sockets
};

struct rm_api_client {
    struct rm_api api; // first
    struct rm_arena arena;
    struct rm_loop *loop;
    struct rm_resolver *resolver; // NULL until a name has to be resolved
    int (*where)(void *arg, struct rm_arena *, struct rm_api_target *, struct rm_err *);
    void *arg;
    CURLM *multi;
    struct rm_timer timer; // what libcurl wants to be woken for
    struct rm_list free_sockets;
    struct rm_list runs;
    bool in_curl;
};

// One call under way.
struct api_run {
    struct rm_arena arena; // holds this struct
    struct rm_list link;
    struct rm_api_client *client;
    struct rm_api_call *call;
    struct rm_api_target target;
    struct rm_str path;
    struct rm_lookup lookup;
    struct rm_task over;
    CURL *easy; // NULL: not begun
    struct curl_slist *headers, *addresses;
    int stopped; // what `data` returned
    char reason[CURL_ERROR_SIZE];
};

#define run_set(run, option, value) RM_ASSERT(curl_easy_setopt((run)->easy, option, value) == CURLE_OK)

// ---- the end of a call -------------------------------------------------------------------------------------------------

static void run_free(struct api_run *run)
{
    struct rm_api_client *client = run->client;
    run->call->impl = NULL;
    rm_task_cancel(client->loop, &run->over);
    rm_lookup_cancel(&run->lookup);
    if (run->easy) {
        (void)curl_multi_remove_handle(client->multi, run->easy);
        curl_easy_cleanup(run->easy);
    }
    for (struct curl_slist *line = run->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data)); // one of them is a password
    curl_slist_free_all(run->headers);
    curl_slist_free_all(run->addresses);
    if (run->target.token.n > 0)
        explicit_bzero((void *)(uintptr_t)run->target.token.p, run->target.token.n);
    rm_list_remove(&run->link);
    struct rm_arena arena = run->arena;
    rm_arena_fini(&arena);
}

static void run_over(struct rm_task *task)
{
    struct api_run *run = rm_container_of(task, struct api_run, over);
    struct rm_api_call *call = run->call;
    run_free(run);
    call->done(call);
}

static void run_explain(struct api_run *run, CURLcode result)
{
    static const struct {
        CURLcode result;
        int code;
    } codes[] = {
        {CURLE_COULDNT_CONNECT, RM_ECONNECT},
        {CURLE_COULDNT_RESOLVE_HOST, RM_ECONNECT},
        {CURLE_OPERATION_TIMEDOUT, RM_ETIMEOUT},
        {CURLE_SSL_CONNECT_ERROR, RM_ETLS},
        {CURLE_PEER_FAILED_VERIFICATION, RM_ETLS},
        {CURLE_SSL_CACERT_BADFILE, RM_ETLS},
        {CURLE_SSL_CERTPROBLEM, RM_ETLS},
        {CURLE_PARTIAL_FILE, RM_ERESET},
        {CURLE_GOT_NOTHING, RM_ERESET},
        {CURLE_RECV_ERROR, RM_ERESET},
        {CURLE_SEND_ERROR, RM_ERESET},
        {CURLE_WEIRD_SERVER_REPLY, RM_EPROTO},
        {CURLE_UNSUPPORTED_PROTOCOL, RM_EPROTO},
    };
    int code = RM_EPROTO;
    for (size_t i = 0; i < RM_COUNT(codes); i++)
        if (codes[i].result == result)
            code = codes[i].code;
    if (run->stopped != RM_OK)
        (void)rm_fail(&run->call->err, run->stopped, "stopped");
    else
        (void)rm_fail(&run->call->err, code, "%s", run->reason[0] ? run->reason : curl_easy_strerror(result));
}

// ---- libcurl's callbacks: they only take things down -------------------------------------------------------------------

static size_t run_on_body(char *p, size_t size, size_t n, void *arg)
{
    struct api_run *run = arg;
    run->stopped = run->call->data(run->call, (struct rm_str){p, size * n});
    return run->stopped == RM_OK ? size * n : 0;
}

static void run_head_ends(struct api_run *run)
{
    long status = 0;
    (void)curl_easy_getinfo(run->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return; // another head follows
    run->call->status = (int)status;
    run->call->head(run->call);
}

// Of Retry-After a whole number of seconds only: a date would need a clock that both sides agree on.
static size_t run_on_header(char *p, size_t size, size_t n, void *arg)
{
    static const struct rm_str name = {"retry-after:", 12};
    struct api_run *run = arg;
    struct rm_str line = {p, size * n};
    if (line.n > 0 && line.p[0] == '\r') {
        run_head_ends(run);
        return size * n;
    }
    if (line.n <= name.n || !rm_str_eq_nocase(rm_str_sub(line, 0, name.n), name))
        return size * n;
    uint64_t seconds = 0;
    for (size_t i = name.n; i < line.n && seconds < API_RETRY_MOST_S; i++)
        if (line.p[i] >= '0' && line.p[i] <= '9')
            seconds = seconds * 10 + (uint64_t)(line.p[i] - '0');
        else if (line.p[i] > ' ')
            return size * n;
    run->call->retry_after_us = (seconds < API_RETRY_MOST_S ? seconds : API_RETRY_MOST_S) * 1000000;
    return size * n;
}

static void client_on_timer(struct rm_timer *);
static void client_on_ready(struct rm_fd *, uint32_t);

static int client_want_timer(CURLM *multi, long wait_ms, void *arg)
{
    struct rm_api_client *client = arg;
    (void)multi;
    if (wait_ms < 0)
        rm_timer_stop(&client->timer);
    else
        rm_timer_start(client->loop, &client->timer, rm_loop_now_us(client->loop) + (uint64_t)wait_ms * 1000);
    return 0;
}

static struct api_socket *client_socket(struct rm_api_client *client, curl_socket_t fd)
{
    struct api_socket *one;
    if (rm_list_empty(&client->free_sockets)) {
        one = RM_NEW(&client->arena, struct api_socket);
        one->client = client;
    } else {
        one = rm_container_of(client->free_sockets.next, struct api_socket, link);
        rm_list_remove(&one->link);
    }
    one->watch = (struct rm_fd){.fd = fd, .on_event = client_on_ready};
    return one;
}

static int client_want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct rm_api_client *client = arg;
    struct api_socket *one = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (one) {
            rm_fd_del(&one->watch);
            (void)curl_multi_assign(client->multi, fd, NULL);
            rm_list_push_back(&client->free_sockets, &one->link);
        }
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if (one) {
        rm_fd_mod(&one->watch, events);
        return 0;
    }
    one = client_socket(client, fd);
    one->watch.events = events;
    if (rm_fd_add(client->loop, &one->watch, NULL) != RM_OK) {
        rm_list_push_back(&client->free_sockets, &one->link);
        return -1;
    }
    (void)curl_multi_assign(client->multi, fd, one);
    return 0;
}

// ---- driving it --------------------------------------------------------------------------------------------------------

static void client_act(struct rm_api_client *client, curl_socket_t fd, int happened)
{
    int running, left;
    const CURLMsg *msg;
    client->in_curl = true;
    (void)curl_multi_socket_action(client->multi, fd, happened, &running);
    client->in_curl = false;
    while ((msg = curl_multi_info_read(client->multi, &left))) {
        char *private = NULL;
        long status = 0;
        if (msg->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        struct api_run *run = (struct api_run *)(void *)private;
        run->call->status = (int)status;
        if (msg->data.result != CURLE_OK)
            run_explain(run, msg->data.result);
        rm_task_queue(client->loop, &run->over);
    }
}

static void client_on_timer(struct rm_timer *timer)
{
    client_act(rm_container_of(timer, struct rm_api_client, timer), CURL_SOCKET_TIMEOUT, 0);
}

static void client_on_ready(struct rm_fd *watch, uint32_t happened)
{
    struct api_socket *one = rm_container_of(watch, struct api_socket, watch);
    client_act(one->client, watch->fd,
               (happened & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (happened & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (happened & EPOLLERR ? CURL_CSELECT_ERR : 0));
}

// ---- starting a call -----------------------------------------------------------------------------------------------------

static void run_add_header(struct api_run *run, const char *line)
{
    struct curl_slist *headers = curl_slist_append(run->headers, line);
    RM_ASSERT(headers);
    run->headers = headers;
}

static void run_set_tls(struct api_run *run)
{
    const struct rm_api_target *target = &run->target;
    run_set(run, CURLOPT_SSL_VERIFYPEER, 1L);
    run_set(run, CURLOPT_SSL_VERIFYHOST, 2L);
    run_set(run, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    run_set(run, CURLOPT_CAPATH, (char *)NULL);
    if (target->ca_file.n > 0)
        run_set(run, CURLOPT_CAINFO, rm_arena_cstr(&run->arena, target->ca_file));
    // The file may be another one tomorrow: a new connection looks at it again.
    (void)curl_easy_setopt(run->easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
}

static void run_begin(struct api_run *run)
{
    const struct rm_api_target *target = &run->target;
    struct rm_arena *arena = &run->arena;
    bool is_v6 = memchr(target->host.p, ':', target->host.n) != NULL;
    struct rm_str url =
        rm_arena_printf(arena, "%.*s://%s%.*s%s:%u%.*s%.*s", (int)target->scheme.n, target->scheme.p, is_v6 ? "[" : "",
                        (int)target->host.n, target->host.p, is_v6 ? "]" : "", target->port, (int)target->base_path.n,
                        target->base_path.n ? target->base_path.p : "", (int)run->path.n, run->path.p);
    run->easy = curl_easy_init();
    RM_ASSERT(run->easy);
    run_set(run, CURLOPT_URL, rm_arena_cstr(arena, url));
    run_set(run, CURLOPT_PRIVATE, (void *)run);
    run_set(run, CURLOPT_ERRORBUFFER, run->reason);
    run_set(run, CURLOPT_WRITEFUNCTION, run_on_body);
    run_set(run, CURLOPT_WRITEDATA, (void *)run);
    run_set(run, CURLOPT_HEADERFUNCTION, run_on_header);
    run_set(run, CURLOPT_HEADERDATA, (void *)run);
    run_set(run, CURLOPT_NOSIGNAL, 1L);
    run_set(run, CURLOPT_PROTOCOLS_STR, "http,https");
    run_set(run, CURLOPT_PROXY, ""); // or the environment would choose one
    run_set(run, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    run_set(run, CURLOPT_FOLLOWLOCATION, 0L);
    run_set(run, CURLOPT_HTTP09_ALLOWED, 0L);
    run_set(run, CURLOPT_CONNECTTIMEOUT_MS, API_CONNECT_MS);
    run_set(run, CURLOPT_TCP_KEEPALIVE, 1L);
    run_set(run, CURLOPT_TCP_KEEPIDLE, API_KEEPALIVE_IDLE_S);
    run_set(run, CURLOPT_TCP_KEEPINTVL, API_KEEPALIVE_INTERVAL_S);
    run_set(run, CURLOPT_USERAGENT, "remora");
    if (run->call->compress && curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_LIBZ)
        run_set(run, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (run->call->form.n > 0) {
        run_set(run, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)run->call->form.n);
        run_set(run, CURLOPT_COPYPOSTFIELDS, run->call->form.p);
    }
    if (target->user.n > 0) {
        run_set(run, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        run_set(run, CURLOPT_USERNAME, rm_arena_cstr(arena, target->user));
        run_set(run, CURLOPT_PASSWORD, rm_arena_cstr(arena, target->password));
    }
    run_set_tls(run);
    run_add_header(run, "Accept: application/json");
    if (target->token.n > 0) {
        struct rm_str line =
            rm_arena_printf(arena, "Authorization: Bearer %.*s", (int)target->token.n, target->token.p);
        run_add_header(run, line.p);
        explicit_bzero((void *)(uintptr_t)line.p, line.n);
    }
    run_set(run, CURLOPT_HTTPHEADER, run->headers);
    if (run->addresses)
        run_set(run, CURLOPT_RESOLVE, run->addresses);
    RM_ASSERT(curl_multi_add_handle(run->client->multi, run->easy) == CURLM_OK);
}

static void run_resolved(struct rm_lookup *lookup)
{
    struct api_run *run = rm_container_of(lookup, struct api_run, lookup);
    const struct rm_api_target *target = &run->target;
    if (lookup->err.code != RM_OK) {
        (void)rm_fail(&run->call->err, RM_ECONNECT, "%.*s: %s", (int)target->host.n, target->host.p, lookup->err.text);
        rm_task_queue(run->client->loop, &run->over);
        return;
    }
    struct rm_str line = rm_arena_printf(&run->arena, "%.*s:%u:", (int)target->host.n, target->host.p, target->port);
    for (size_t i = 0; i < lookup->n; i++) {
        const struct rm_resolved *one = &lookup->addresses[i];
        line = rm_arena_printf(&run->arena, "%.*s%s%s%.*s%s", (int)line.n, line.p, i ? "," : "", one->is_v6 ? "[" : "",
                               (int)one->text.n, one->text.p, one->is_v6 ? "]" : "");
    }
    run->addresses = curl_slist_append(NULL, line.p);
    RM_ASSERT(run->addresses);
    run_begin(run);
}

static bool api_is_literal(struct rm_str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            return memchr(host.p, ':', host.n) != NULL;
    return true;
}

static void api_start(struct rm_api *api, struct rm_api_call *call, struct rm_str path)
{
    struct rm_api_client *client = rm_container_of(api, struct rm_api_client, api);
    RM_ASSERT(!call->impl);
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct api_run *run = RM_NEW(&arena, struct api_run);
    run->arena = arena;
    run->client = client;
    run->call = call;
    run->path = rm_arena_dup(&run->arena, path);
    run->over.run = run_over;
    run->lookup.done = run_resolved;
    rm_list_push_back(&client->runs, &run->link);
    call->impl = run;
    call->status = 0;
    call->retry_after_us = 0;
    call->err = (struct rm_err){0};
    int code = client->where(client->arg, &run->arena, &run->target, &call->err);
    if (code == RM_OK && api_is_literal(run->target.host)) {
        run_begin(run);
        return;
    }
    if (code == RM_OK && !client->resolver)
        code = rm_resolver_acquire(&client->resolver, client->loop, &call->err);
    if (code == RM_OK)
        rm_lookup_start(client->resolver, &run->lookup, run->target.host);
    else
        rm_task_queue(client->loop, &run->over);
}

static void api_cancel(struct rm_api *api, struct rm_api_call *call)
{
    RM_ASSERT(!rm_container_of(api, struct rm_api_client, api)->in_curl);
    if (call->impl)
        run_free(call->impl);
}

// ---- the client ----------------------------------------------------------------------------------------------------------

int rm_api_client_new(struct rm_api_client **out, struct rm_loop *loop,
                      int (*where)(void *, struct rm_arena *, struct rm_api_target *, struct rm_err *), void *arg,
                      struct rm_err *err)
{
    struct rm_arena arena;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return rm_fail(err, RM_ESYS, "libcurl cannot start");
    rm_arena_init(&arena, NULL);
    struct rm_api_client *client = RM_NEW(&arena, struct rm_api_client);
    client->arena = arena;
    client->api = (struct rm_api){api_start, api_cancel};
    client->loop = loop;
    client->where = where;
    client->arg = arg;
    client->timer.fire = client_on_timer;
    rm_list_init(&client->free_sockets);
    rm_list_init(&client->runs);
    client->multi = curl_multi_init();
    RM_ASSERT(client->multi);
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, client_want_socket);
    (void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, (void *)client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, client_want_timer);
    (void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, (void *)client);
    (void)curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    *out = client;
    return RM_OK;
}

struct rm_api *rm_api_client_api(struct rm_api_client *client)
{
    return &client->api;
}

void rm_api_client_free(struct rm_api_client *client)
{
    if (!client)
        return;
    RM_ASSERT(rm_list_empty(&client->runs));
    (void)curl_multi_cleanup(client->multi);
    rm_timer_stop(&client->timer);
    rm_resolver_release(client->resolver);
    curl_global_cleanup();
    struct rm_arena arena = client->arena;
    rm_arena_fini(&arena);
}
