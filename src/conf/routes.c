// Two endpoints at one place: the same method and path, or different parameter names where a request could mean either.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

// What a route's prefix leads to.
struct routes_entry {
    size_t endpoint;
    struct rm_str param; // its name, where the prefix is followed by one
};

struct routes_reader {
    struct rm_reader *r;
    struct rm_value **items; // of the list, by number
    struct rm_map map;       // "GET /u/{}": what stands there
};

static struct rm_place routes_place(struct routes_reader *routes, size_t endpoint)
{
    struct rm_value *path = rm_value_get(routes->r->arena, routes->items[endpoint], RM_STR("endpoint"));
    return rm_doc_place(path ? path : routes->items[endpoint]);
}

static void routes_conflict(struct routes_reader *routes, size_t endpoint, size_t other, const char *what)
{
    struct rm_path list = {.name = RM_STR("endpoints")}, at = {.up = &list, .index = endpoint};
    struct rm_path path = {.up = &at, .name = RM_STR("endpoint")};
    struct rm_place first = routes_place(routes, other);
    rm_reader_error(routes->r, &path, routes_place(routes, endpoint), "%s endpoints[%zu] in line %u column %u", what,
                    other, first.line, first.column);
}

// The entry of a prefix: a new one, or that of an earlier endpoint.
static struct routes_entry *routes_enter(struct routes_reader *routes, struct rm_str key, size_t endpoint,
                                         struct rm_str param, bool *is_new)
{
    struct rm_arena *arena = routes->r->found->arena;
    void **slot = rm_map_put(&routes->map, key);
    *is_new = !*slot;
    if (!*slot) {
        struct routes_entry *entry = RM_NEW(arena, struct routes_entry);
        *entry = (struct routes_entry){endpoint, param};
        *slot = entry;
    }
    return *slot;
}

static bool routes_is_param(const struct rm_conf_endpoint *endpoint, struct rm_str name)
{
    for (size_t i = 0; i < endpoint->params.n; i++) {
        if (rm_str_eq(endpoint->params.v[i], name))
            return true;
    }
    return false;
}

static void routes_add(struct routes_reader *routes, size_t index)
{
    const struct rm_conf_endpoint *endpoint = &routes->r->conf->endpoints[index];
    struct rm_arena *arena = routes->r->found->arena;
    struct rm_str path = endpoint->path;
    char *key = rm_arena_alloc(arena, path.n + 16); // the path with nameless parameters, behind the method
    size_t n = strlen(rm_method_names[endpoint->method]);
    memcpy(key, rm_method_names[endpoint->method], n);
    key[n++] = ' ';
    for (size_t at = 0; at < path.n;) {
        const char *close = path.p[at] == '{' ? memchr(path.p + at, '}', path.n - at) : NULL;
        struct rm_str name = close ? rm_str_sub(path, at + 1, (size_t)(close - path.p)) : RM_STR("");
        if (!close || !routes_is_param(endpoint, name)) {
            key[n++] = path.p[at++];
            continue;
        }
        key[n++] = '{';
        bool is_new;
        struct rm_str prefix = rm_arena_dup(arena, (struct rm_str){key, n});
        struct routes_entry *entry = routes_enter(routes, prefix, index, name, &is_new);
        if (!is_new && !rm_str_eq(entry->param, name)) {
            const char *what = rm_arena_printf(arena, "the parameter {%.*s} is called {%.*s} at the same place of",
                                               (int)name.n, name.p, (int)entry->param.n, entry->param.p)
                                   .p;
            routes_conflict(routes, index, entry->endpoint, what);
            return;
        }
        key[n++] = '}';
        at += name.n + 2;
    }
    bool is_new;
    const struct routes_entry *same = routes_enter(routes, (struct rm_str){key, n}, index, RM_STR(""), &is_new);
    if (!is_new)
        routes_conflict(routes, index, same->endpoint, "the same method and path as");
}

void rm_routes_check(struct rm_reader *r, struct rm_value *endpoints)
{
    struct routes_reader routes = {.r = r};
    struct rm_conf *conf = r->conf;
    routes.items = RM_NEW_ARRAY(r->found->arena, struct rm_value *, conf->n_endpoints + 1);
    rm_map_init(&routes.map, r->found->arena);
    struct rm_value *item = endpoints->first;
    for (size_t i = 0; i < conf->n_endpoints; i++, item = item->next)
        routes.items[i] = item;
    for (size_t i = 0; i < conf->n_endpoints; i++) {
        const struct rm_conf_endpoint *endpoint = &conf->endpoints[i];
        if (endpoint->path.n == 0)
            continue; // it has a finding already
        routes_add(&routes, i);
        bool is_reserved = rm_str_eq(conf->router.health_path, RM_STR("/__health")); // has its finding
        if (!conf->router.disable_health && !is_reserved && endpoint->method == RM_GET &&
            rm_str_eq(endpoint->path, conf->router.health_path)) {
            struct rm_path list = {.name = RM_STR("endpoints")}, at = {.up = &list, .index = i};
            struct rm_path path = {.up = &at, .name = RM_STR("endpoint")};
            rm_reader_error(r, &path, routes_place(&routes, i),
                            "the path of the health check (extra_config.router.health_path)");
        }
    }
}
