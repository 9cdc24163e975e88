// The pages: which there are, what each must ask the loops before it is written, and those that are plain text.
// SPDX-License-Identifier: Apache-2.0
#include "admin/graph.h"
#include "admin/local.h"
#include "admin/status.h"
#include "base/pct.h"
#include "observe/metrics.h"

#include <inttypes.h>
#include <remora/call.h>

enum page_asks {
    PAGE_NOTHING,
    PAGE_PULSE,   // do the loops turn?
    PAGE_SOURCES, // everything while a source has not answered, else nothing
    PAGE_ALL,
};

static const struct rm_str page_text = {"text/plain; charset=utf-8", 25};
static const struct rm_str page_json = {"application/json; charset=utf-8", 31};

struct rm_admin_page {
    struct rm_str path;
    enum page_asks asks;
    bool is_probe; // the probe listener has it too
    void (*write)(const struct rm_admin *, struct rm_request *);
};

// ---- health --------------------------------------------------------------------------------------------------------------

static void page_reply_buf(struct rm_request *rq, int status, struct rm_str type, struct rm_buf *body)
{
    rm_page_reply(rq, status, type, rm_buf_str(body));
    rm_buf_free(body);
}

static void page_health(struct rm_request *rq, const char *title, const struct rm_check *checks, size_t n)
{
    struct rm_buf body = {.max = SIZE_MAX};
    struct rm_str query = rq->query;
    struct rm_query_pair pair;
    bool verbose = false;
    while (rm_query_next(&query, &pair))
        verbose |= rm_str_eq(pair.key, RM_STR("verbose"));
    int status = rm_health_write(title, checks, n, verbose, &body);
    page_reply_buf(rq, status, page_text, &body);
}

static void page_livez(const struct rm_admin *admin, struct rm_request *rq)
{
    size_t n = 0;
    struct rm_check *checks = RM_NEW_ARRAY(&rq->arena, struct rm_check, admin->n_workers + 1);
    const struct rm_member *m;
    for (uint32_t i = 0; (m = rm_admin_member(admin, i)) != NULL; i++) {
        checks[n].name = m->name;
        uint64_t silent_us = rm_member_silent_us(m);
        if (silent_us > RM_HEALTH_SILENT_US)
            checks[n].why =
                rm_arena_printf(&rq->arena, "its loop has not turned for %" PRIu64 " s", silent_us / 1000000);
        n++;
    }
    page_health(rq, "livez", checks, n);
}

static struct rm_str page_not_serving(const struct rm_admin *admin)
{
    return admin->health.serving ? (struct rm_str){"", 0} : RM_STR("the workers have not started yet");
}

static void page_startupz(const struct rm_admin *admin, struct rm_request *rq)
{
    const struct rm_check checks[] = {{"listening", page_not_serving(admin)}};
    page_health(rq, "startupz", checks, RM_COUNT(checks));
}

// The sources that have not answered, with what became of the last attempt.
static struct rm_str page_unanswered(const struct rm_admin *admin, struct rm_arena *arena)
{
    struct rm_str why = {"", 0};
    if (!rm_admin_is_in(admin, &admin->discovery.member) || !admin->discovery.sources)
        return RM_STR("not every source has answered yet");
    for (uint32_t i = 0; i < admin->plan->n_sources; i++) {
        const struct rm_cache_state *state = &admin->discovery.sources[i].state;
        if (state->list)
            continue;
        struct rm_str name = rm_admin_source_name(admin, i);
        bool failed = state->outcome.code != RM_AGAIN;
        why = rm_arena_printf(arena, "%.*s%s%.*s has not answered yet%s%s%s", (int)why.n, why.p, why.n > 0 ? "; " : "",
                              (int)name.n, name.p, failed ? " (" : "", failed ? state->outcome.text : "",
                              failed ? ")" : "");
    }
    return why.n > 0 ? why : RM_STR("the last answer has come just now");
}

static void page_readyz(const struct rm_admin *admin, struct rm_request *rq)
{
    const struct rm_health *health = &admin->health;
    struct rm_str fine = {"", 0};
    const struct rm_check checks[] = {
        {"configuration", fine}, // it could not have started without one
        {"listening", page_not_serving(admin)},
        {health->late ? "discovery (its time is over)" : "discovery",
         health->answered ? fine : page_unanswered(admin, &rq->arena)},
        {"shutdown", health->draining ? RM_STR("remora is ending") : fine},
    };
    page_health(rq, "readyz", checks, RM_COUNT(checks));
}

// ---- the others ------------------------------------------------------------------------------------------------------

static void page_metrics(const struct rm_admin *admin, struct rm_request *rq)
{
    struct rm_buf body = {.max = SIZE_MAX};
    rm_admin_write_metrics(admin, &rq->arena, &body);
    page_reply_buf(rq, 200, RM_STR(RM_METRICS_TYPE), &body);
}

static void page_hosts(const struct rm_admin *admin, struct rm_request *rq)
{
    struct rm_buf body = {.max = SIZE_MAX};
    rm_admin_write_hosts(admin, &rq->arena, &body);
    page_reply_buf(rq, 200, page_json, &body);
}

static void page_stats(const struct rm_admin *admin, struct rm_request *rq)
{
    struct rm_buf body = {.max = SIZE_MAX};
    rm_admin_write_stats(admin, &rq->arena, &body);
    page_reply_buf(rq, 200, page_json, &body);
}

static void page_config(const struct rm_admin *admin, struct rm_request *rq)
{
    rm_page_reply(rq, 200, page_json, rm_conf_dump(admin->plan->conf, &rq->arena));
}

static void page_graph(const struct rm_admin *admin, struct rm_request *rq)
{
    struct rm_buf body = {.max = SIZE_MAX};
    rm_graph_write_json(admin->plan, &rq->arena, &body);
    page_reply_buf(rq, 200, page_json, &body);
}

static void page_reload(const struct rm_admin *admin, struct rm_request *rq)
{
    struct rm_buf body = {.max = SIZE_MAX};
    rm_admin_write_reload(admin, &rq->arena, &body);
    page_reply_buf(rq, 200, page_json, &body);
}

static void page_status(const struct rm_admin *admin, struct rm_request *rq)
{
    (void)admin;
    struct rm_str page = {(const char *)rm_status_page, rm_status_page_size};
    rm_page_reply(rq, 200, RM_STR("text/html; charset=utf-8"), page);
    rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("Content-Security-Policy"), rm_str_of(rm_status_policy));
    rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("Referrer-Policy"), RM_STR("no-referrer"));
}

static const struct rm_admin_page pages[] = {
    {{"/", 1}, PAGE_NOTHING, false, page_status},
    {{"/livez", 6}, PAGE_PULSE, true, page_livez},
    {{"/readyz", 7}, PAGE_SOURCES, true, page_readyz},
    {{"/startupz", 9}, PAGE_NOTHING, true, page_startupz},
    {{"/metrics", 8}, PAGE_ALL, true, page_metrics},
    {{"/__stats", 8}, PAGE_ALL, false, page_stats},
    {{"/__hosts", 8}, PAGE_ALL, false, page_hosts},
    {{"/__graph", 8}, PAGE_NOTHING, false, page_graph},
    {{"/__config", 9}, PAGE_NOTHING, false, page_config},
    {{"/__reload", 9}, PAGE_NOTHING, false, page_reload},
};

// ---- a page as a call ----------------------------------------------------------------------------------------------------

struct page_arg { // of a listener's page
    struct rm_admin *admin;
    const struct rm_admin_page *page;
};

struct page_call {
    struct rm_call call; // first
    struct rm_request *rq;
    const struct page_arg *arg;
    struct rm_ask_all ask;
};

static void page_told(struct rm_ask_all *ask)
{
    struct page_call *p = rm_container_of(ask, struct page_call, ask);
    p->arg->page->write(p->arg->admin, p->rq);
    rm_call_done(&p->call);
}

static void page_start(struct rm_call *call)
{
    struct page_call *p = (struct page_call *)call;
    struct rm_admin *admin = p->arg->admin;
    enum page_asks asks = p->arg->page->asks;
    if (asks == PAGE_NOTHING || (asks == PAGE_SOURCES && admin->health.answered)) {
        page_told(&p->ask);
        return;
    }
    p->ask = (struct rm_ask_all){.done = page_told, .everything = asks != PAGE_PULSE};
    rm_gather_start(&admin->gather, &p->ask);
}

static void page_cancel(struct rm_call *call)
{
    struct page_call *p = (struct page_call *)call;
    rm_gather_cancel(&p->arg->admin->gather, &p->ask);
}

static void page_over(struct rm_call *call)
{
    struct rm_request *rq = ((struct page_call *)call)->rq;
    rq->out->whole(rq);
}

static const struct rm_call_ops page_ops = {"page", page_start, page_cancel};

static struct rm_call *page_new(struct rm_request *rq, const void *arg)
{
    struct page_call *p = RM_NEW(&rq->arena, struct page_call);
    rm_call_init(&p->call, &page_ops, rq->loop, &rq->arena, NULL, page_over);
    p->rq = rq;
    p->arg = arg;
    return &p->call;
}

struct rm_pages rm_admin_pages(struct rm_admin *admin, bool all)
{
    struct rm_page *v = RM_NEW_ARRAY(&admin->arena, struct rm_page, RM_COUNT(pages));
    struct page_arg *args = RM_NEW_ARRAY(&admin->arena, struct page_arg, RM_COUNT(pages));
    size_t n = 0;
    for (size_t i = 0; i < RM_COUNT(pages); i++) {
        if (!all && !pages[i].is_probe)
            continue;
        args[n] = (struct page_arg){admin, &pages[i]};
        v[n] = (struct rm_page){pages[i].path, page_new, &args[n]};
        n++;
    }
    return (struct rm_pages){v, n};
}
