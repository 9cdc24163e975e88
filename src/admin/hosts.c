// GET /__hosts: what discovery knows of each source, what the workers do with it, and why there is nobody where there is nobody.
// SPDX-License-Identifier: Apache-2.0
#include "admin/local.h"
#include "base/clock.h"
#include "flow/backend.h"

#include <inttypes.h>
#include <math.h>
#include <remora/value.h>
#include <stdio.h>

struct hosts {
    const struct rm_admin *admin;
    struct rm_arena *arena;
    uint64_t now_us;
};

static void hosts_set(struct hosts *h, struct rm_value *object, const char *name, struct rm_value *value)
{
    rm_value_set(h->arena, object, rm_str_of(name), value);
}

static void hosts_text(struct hosts *h, struct rm_value *object, const char *name, struct rm_str text)
{
    hosts_set(h, object, name, rm_value_string(h->arena, text));
}

static void hosts_count(struct hosts *h, struct rm_value *object, const char *name, uint64_t n)
{
    hosts_set(h, object, name, rm_value_integer(h->arena, (int64_t)n));
}

static struct rm_value *hosts_number(struct hosts *h, double value)
{
    if (!isfinite(value))
        return rm_value_new(h->arena, RM_NULL);
    return rm_value_number(h->arena, rm_arena_printf(h->arena, "%.15g", value));
}

static struct rm_value *hosts_seconds(struct hosts *h, uint64_t us)
{
    return rm_value_number(h->arena, rm_arena_printf(h->arena, "%" PRIu64 ".%03u", us / 1000000,
                                                     (unsigned)(us / 1000 % 1000)));
}

// How long ago; null: never.
static void hosts_age(struct hosts *h, struct rm_value *object, const char *name, uint64_t at_us)
{
    uint64_t age_us = h->now_us > at_us ? h->now_us - at_us : 0;
    hosts_set(h, object, name, at_us == 0 ? rm_value_new(h->arena, RM_NULL) : hosts_seconds(h, age_us));
}

// ---- a source's hosts ------------------------------------------------------------------------------------------------

static struct rm_value *hosts_host(struct hosts *h, const struct rm_host_sum *sum)
{
    const struct rm_host *host = sum->host;
    struct rm_value *object = rm_value_new(h->arena, RM_OBJECT);
    uint64_t until_us = sum->ejected_until_us;
    hosts_text(h, object, "address", host->address);
    hosts_count(h, object, "port", host->port);
    hosts_text(h, object, "name", host->name);
    hosts_text(h, object, "scheme", host->scheme);
    hosts_text(h, object, "state", rm_admin_host_state(sum));
    hosts_count(h, object, "weight", host->weight);
    hosts_count(h, object, "priority", host->priority);
    hosts_text(h, object, "zone", host->zone);
    hosts_set(h, object, "hinted", rm_value_new(h->arena, host->hinted ? RM_TRUE : RM_FALSE));
    hosts_count(h, object, "in_flight", sum->in_flight);
    hosts_count(h, object, "requests", sum->picked);
    hosts_count(h, object, "failures", sum->failures);
    hosts_count(h, object, "ejections", sum->ejections);
    hosts_set(h, object, "ejected_for_seconds", hosts_seconds(h, until_us > h->now_us ? until_us - h->now_us : 0));
    return object;
}

// ---- a source ----------------------------------------------------------------------------------------------------------

// Empty: a request finds somebody.
static struct rm_str hosts_why_none(struct hosts *h, const struct rm_source_sum *sum)
{
    size_t ready = 0;
    for (size_t i = 0; i < sum->n; i++)
        ready += sum->hosts[i].host->state == RM_HOST_READY && sum->hosts[i].ejected_until_us == 0;
    if (ready > 0)
        return (struct rm_str){"", 0};
    if (sum->n > 0)
        return RM_STR("every host is terminating or ejected: they are used all the same, as there is no other");
    if (!sum->discovery)
        return RM_STR("the discovery loop did not answer");
    const struct rm_cache_state *state = &sum->discovery->state;
    bool failed = state->outcome.code != RM_OK && state->outcome.code != RM_AGAIN;
    if (!state->list && !failed)
        return RM_STR("nobody has answered yet");
    return rm_arena_printf(h->arena, "%s%s%s", state->list ? "there is nobody" : "nobody has answered",
                           failed ? ": " : "", failed ? state->outcome.text : "");
}

static struct rm_value *hosts_numbers(struct hosts *h, const struct rm_source_report *report)
{
    struct rm_value *object = rm_value_new(h->arena, RM_OBJECT);
    for (size_t i = 0; i < report->n_numbers; i++) {
        const struct rm_sd_number *number = &report->numbers[i];
        if (!number->label) {
            hosts_set(h, object, number->name, hosts_number(h, number->value));
            continue;
        }
        struct rm_value *by_label = rm_value_get(h->arena, object, rm_str_of(number->name));
        if (!by_label) {
            by_label = rm_value_new(h->arena, RM_OBJECT);
            hosts_set(h, object, number->name, by_label);
        }
        hosts_set(h, by_label, number->label_value, hosts_number(h, number->value));
    }
    return object;
}

static struct rm_value *hosts_refreshes(struct hosts *h, const struct rm_cache_state *state)
{
    struct rm_value *object = rm_value_new(h->arena, RM_OBJECT);
    for (int code = 0; code < RM_CACHE_OUTCOMES; code++)
        if (state->refreshes[code] > 0)
            hosts_count(h, object, rm_code_name(-code), state->refreshes[code]);
    return object;
}

static void hosts_discovery(struct hosts *h, struct rm_value *object, const struct rm_source_report *report)
{
    const struct rm_cache_state *state = &report->state;
    bool asked = state->outcome.code != RM_AGAIN;
    hosts_text(h, object, "outcome", asked ? rm_str_of(rm_code_name(state->outcome.code)) : RM_STR("unanswered"));
    hosts_text(h, object, "error", rm_str_of(state->outcome.text));
    hosts_set(h, object, "answered", rm_value_new(h->arena, state->list ? RM_TRUE : RM_FALSE));
    hosts_age(h, object, "age_seconds", state->answered_us);
    hosts_age(h, object, "changed_seconds_ago", state->changed_us);
    hosts_age(h, object, "failed_seconds_ago", state->failed_us);
    hosts_count(h, object, "failures_in_a_row", state->failures);
    uint64_t until_us = state->held_until_us; // the list is given up then, unless somebody answers
    hosts_set(h, object, "held_for_seconds",
              until_us == 0 ? rm_value_new(h->arena, RM_NULL)
                            : hosts_seconds(h, until_us > h->now_us ? until_us - h->now_us : 0));
    hosts_count(h, object, "changes", state->list ? state->list->serial : 0);
    hosts_set(h, object, "refreshes", hosts_refreshes(h, state));
    hosts_set(h, object, "numbers", hosts_numbers(h, report));
}

// "GET /v1/products backend 0": the names that the configuration gives the users of a source.
static struct rm_value *hosts_used_by(struct hosts *h, uint32_t source)
{
    struct rm_value *list = rm_value_new(h->arena, RM_ARRAY);
    const struct rm_plan *plan = h->admin->plan;
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        const struct rm_endpoint *endpoint = &plan->endpoints[i];
        for (uint32_t k = 0; k < endpoint->n_backends + endpoint->n_shadows; k++) {
            if (h->admin->plan->views[endpoint->backends[k].view].source != source)
                continue;
            struct rm_str text = rm_arena_printf(h->arena, "%s %.*s backend %u", rm_method_names[endpoint->conf->method],
                                                 (int)endpoint->conf->path.n, endpoint->conf->path.p, k);
            rm_value_append(list, rm_value_string(h->arena, text));
        }
    }
    return list;
}

static struct rm_value *hosts_source(struct hosts *h, uint32_t index)
{
    const struct rm_source *source = &h->admin->plan->sources[index];
    struct rm_source_sum sum;
    rm_admin_sum(h->admin, index, h->arena, &sum);
    struct rm_value *object = rm_value_new(h->arena, RM_OBJECT), *asked = rm_value_new(h->arena, RM_ARRAY),
                    *hosts = rm_value_new(h->arena, RM_ARRAY);
    for (size_t i = 0; i < source->n_hosts; i++)
        rm_value_append(asked, rm_value_string(h->arena, source->hosts[i]));
    for (size_t i = 0; i < sum.n; i++)
        rm_value_append(hosts, hosts_host(h, &sum.hosts[i]));
    hosts_text(h, object, "source", rm_admin_source_name(h->admin, index));
    hosts_text(h, object, "sd", source->provider);
    hosts_set(h, object, "host", asked);
    hosts_text(h, object, "sd_scheme", source->scheme);
    hosts_set(h, object, "refresh_seconds",
              source->refresh_us ? hosts_seconds(h, source->refresh_us) : rm_value_new(h->arena, RM_NULL));
    hosts_set(h, object, "used_by", hosts_used_by(h, index));
    if (sum.discovery)
        hosts_discovery(h, object, sum.discovery);
    hosts_text(h, object, "why_no_host", hosts_why_none(h, &sum));
    hosts_count(h, object, "in_flight", sum.in_flight);
    hosts_count(h, object, "requests", sum.picked);
    hosts_set(h, object, "hosts", hosts);
    return object;
}

// ---- the whole -----------------------------------------------------------------------------------------------------------

// Loops that did not answer: what only they know is not in the document.
static struct rm_value *hosts_missing(struct hosts *h)
{
    struct rm_value *list = rm_value_new(h->arena, RM_ARRAY);
    const struct rm_member *m;
    for (uint32_t i = 0; (m = rm_admin_member(h->admin, i)) != NULL; i++)
        if (!m->is_in)
            rm_value_append(list, rm_value_string(h->arena, rm_str_of(m->name)));
    return list;
}

void rm_admin_write_hosts(const struct rm_admin *admin, struct rm_arena *arena, struct rm_buf *out)
{
    struct hosts h = {admin, arena, rm_loop_now_us(admin->loop)};
    struct rm_value *document = rm_value_new(arena, RM_OBJECT), *sources = rm_value_new(arena, RM_ARRAY);
    char now[32];
    rm_clock_format(rm_clock_wall_us(), now, sizeof(now));
    for (uint32_t i = 0; i < admin->plan->n_sources; i++)
        rm_value_append(sources, hosts_source(&h, i));
    hosts_text(&h, document, "now", rm_str_of(now));
    hosts_set(&h, document, "missing", hosts_missing(&h));
    hosts_set(&h, document, "sources", sources);
    int code = rm_json_write(arena, document, out);
    RM_ASSERT(code == RM_OK); // no cap but memory
    code = rm_buf_append(out, RM_STR("\n"));
    RM_ASSERT(code == RM_OK);
}
