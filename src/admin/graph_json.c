// GET /__graph: the graph of the plan as JSON, for the status page. Secrets are masked as in the dump.
// SPDX-License-Identifier: Apache-2.0
#include "admin/graph.h"

#include "conf/finding.h"
#include "flow/backend.h"

#include <inttypes.h>

struct json {
    const struct rm_plan *plan;
    struct rm_arena *arena;
};

static void json_set(struct json *j, struct rm_value *object, const char *name, struct rm_value *value)
{
    rm_value_set(j->arena, object, rm_str_of(name), value);
}

static void json_text(struct json *j, struct rm_value *object, const char *name, struct rm_str text)
{
    json_set(j, object, name, rm_value_string(j->arena, rm_url_mask(j->arena, text)));
}

static void json_count(struct json *j, struct rm_value *object, const char *name, uint64_t n)
{
    json_set(j, object, name, rm_value_integer(j->arena, (int64_t)n));
}

static void json_bool(struct json *j, struct rm_value *object, const char *name, bool value)
{
    json_set(j, object, name, rm_value_new(j->arena, value ? RM_TRUE : RM_FALSE));
}

// null: not given
static void json_seconds(struct json *j, struct rm_value *object, const char *name, uint64_t us)
{
    struct rm_str text = rm_arena_printf(j->arena, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
    json_set(j, object, name, us > 0 ? rm_value_number(j->arena, text) : rm_value_new(j->arena, RM_NULL));
}

static struct rm_value *json_needs(struct json *j, const struct rm_conf_backend *conf, uint32_t index)
{
    struct rm_value *list = rm_value_new(j->arena, RM_ARRAY);
    for (uint32_t of = 0; of < index; of++) {
        struct rm_str fields = rm_graph_fields(j->arena, conf, of);
        if (fields.n == 0)
            continue;
        struct rm_value *need = rm_value_new(j->arena, RM_OBJECT);
        json_count(j, need, "backend", of);
        json_text(j, need, "fields", fields);
        rm_value_append(list, need);
    }
    return list;
}

static struct rm_value *json_backend(struct json *j, const struct rm_backend *backend)
{
    const struct rm_conf_backend *conf = backend->conf;
    struct rm_value *object = rm_value_new(j->arena, RM_OBJECT);
    json_text(j, object, "method", rm_str_of(rm_method_names[conf->method]));
    json_text(j, object, "url_pattern", conf->url_pattern);
    json_text(j, object, "encoding", conf->encoding);
    json_bool(j, object, "is_collection", conf->is_collection);
    json_text(j, object, "target", conf->target ? rm_value_text(j->arena, conf->target) : RM_STR(""));
    json_text(j, object, "group", conf->group ? rm_value_text(j->arena, conf->group) : RM_STR(""));
    json_seconds(j, object, "timeout_seconds", backend->timeout_us);
    json_bool(j, object, "shadow", conf->shadow);
    json_count(j, object, "source", j->plan->views[backend->view].source);
    json_set(j, object, "needs", json_needs(j, conf, backend->index));
    return object;
}

static struct rm_value *json_endpoint(struct json *j, const struct rm_endpoint *endpoint)
{
    const struct rm_conf_endpoint *conf = endpoint->conf;
    struct rm_value *object = rm_value_new(j->arena, RM_OBJECT), *backends = rm_value_new(j->arena, RM_ARRAY);
    json_text(j, object, "method", rm_str_of(rm_method_names[conf->method]));
    json_text(j, object, "endpoint", conf->path);
    json_text(j, object, "output_encoding", conf->output_encoding);
    json_seconds(j, object, "timeout_seconds", conf->timeout_us);
    json_bool(j, object, "sequential", conf->sequential && conf->n_backends > 1);
    json_count(j, object, "concurrent_calls", endpoint->calls);
    for (uint32_t i = 0; i < endpoint->n_backends + endpoint->n_shadows; i++)
        rm_value_append(backends, json_backend(j, &endpoint->backends[i]));
    json_set(j, object, "backend", backends);
    return object;
}

static struct rm_value *json_source(struct json *j, const struct rm_source *source)
{
    struct rm_value *object = rm_value_new(j->arena, RM_OBJECT), *hosts = rm_value_new(j->arena, RM_ARRAY);
    for (size_t i = 0; i < source->n_hosts; i++)
        rm_value_append(hosts, rm_value_string(j->arena, rm_url_mask(j->arena, source->hosts[i])));
    json_text(j, object, "sd", source->provider);
    json_set(j, object, "host", hosts);
    return object;
}

void rm_graph_write_json(const struct rm_plan *plan, struct rm_arena *arena, struct rm_buf *out)
{
    struct json j = {plan, arena};
    struct rm_value *document = rm_value_new(arena, RM_OBJECT), *endpoints = rm_value_new(arena, RM_ARRAY),
                    *sources = rm_value_new(arena, RM_ARRAY);
    for (uint32_t i = 0; i < plan->n_endpoints; i++)
        rm_value_append(endpoints, json_endpoint(&j, &plan->endpoints[i]));
    for (uint32_t i = 0; i < plan->n_sources; i++)
        rm_value_append(sources, json_source(&j, &plan->sources[i]));
    json_text(&j, document, "name", plan->conf->name);
    json_text(&j, document, "version", RM_STR(RM_VERSION));
    json_set(&j, document, "endpoints", endpoints);
    json_set(&j, document, "sources", sources);
    int code = rm_json_write(arena, document, out);
    RM_ASSERT(code == RM_OK); // no cap but memory
    code = rm_buf_append(out, RM_STR("\n"));
    RM_ASSERT(code == RM_OK);
}
