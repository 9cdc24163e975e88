// The environment: KRAKEND_<KEY> and REMORA_<KEY> over the root's scalar keys; REMORA_ wins.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

static struct rm_str env_upper(struct rm_arena *arena, const char *prefix, const char *name)
{
    struct rm_str text = rm_arena_printf(arena, "%s%s", prefix, name);
    char *copy = rm_arena_cstr(arena, text);
    for (size_t i = 0; i < text.n; i++) {
        if (copy[i] >= 'a' && copy[i] <= 'z')
            copy[i] = (char)(copy[i] - ('a' - 'A'));
    }
    return (struct rm_str){copy, text.n};
}

// The value of a variable; an empty one counts as not set.
static bool env_get(const char *const *environ, struct rm_str name, struct rm_str *value)
{
    for (; *environ; environ++) {
        struct rm_str entry = rm_str_of(*environ);
        if (rm_str_starts(entry, name) && entry.n > name.n + 1 && entry.p[name.n] == '=') {
            *value = rm_str_sub(entry, name.n + 1, entry.n);
            return true;
        }
    }
    return false;
}

static void env_field(struct rm_reader *r, const char *const *environ, const char *prefix, const struct rm_field *field)
{
    struct rm_str value;
    struct rm_path path = {.name = env_upper(r->found->arena, prefix, field->name)};
    if (!env_get(environ, path.name, &value))
        return;
    // Kubernetes sets REMORA_PORT=tcp://10.0.0.1:80 for a Service called remora.
    if (rm_str_starts(value, RM_STR("tcp://")) || rm_str_starts(value, RM_STR("udp://"))) {
        rm_reader_warn(r, &path, (struct rm_place){0, 0},
                       "ignored: Kubernetes sets it for a Service of this name; \"enableServiceLinks\": false in the "
                       "pod stops that");
        return;
    }
    rm_field_read_text(r, field, &path, value, r->conf);
}

// Names that are nearly one of ours. Others may be meant for somebody else, or come from Kubernetes for a Service.
static void env_misspelt(struct rm_reader *r, const char *const *environ)
{
    static const struct rm_str prefix = {"REMORA_", 7};
    const struct rm_fields *const tables[] = {&rm_service_fields, &rm_own_fields};
    const char **names = RM_NEW_ARRAY(r->found->arena, const char *, rm_service_fields.n + rm_own_fields.n + 2);
    size_t n = 0;
    for (size_t t = 0; t < RM_COUNT(tables); t++)
        for (size_t i = 0; i < tables[t]->n; i++)
            if (rm_field_is_scalar(&tables[t]->v[i]))
                names[n++] = env_upper(r->found->arena, "", tables[t]->v[i].name).p;
    names[n++] = "ZONE";
    names[n++] = "NODE";
    for (; *environ; environ++) {
        struct rm_str entry = rm_str_of(*environ);
        if (!rm_str_starts(entry, prefix))
            continue;
        struct rm_path path = {.name = rm_str_sub(entry, 0, strcspn(*environ, "="))};
        struct rm_str bare = rm_str_sub(path.name, prefix.n, path.name.n);
        const char *near = rm_nearest(bare, names, n);
        if (near && !rm_str_eq(bare, rm_str_of(near)))
            rm_reader_warn(r, &path, (struct rm_place){0, 0}, "unknown, ignored: did you mean \"REMORA_%s\"?", near);
    }
}

void rm_env_read(struct rm_reader *r, const char *const *environ)
{
    if (!environ)
        return;
    env_misspelt(r, environ);
    for (size_t i = 0; i < rm_service_fields.n; i++) {
        const struct rm_field *field = &rm_service_fields.v[i];
        if (!rm_field_is_scalar(field) || field->offset == RM_NOWHERE)
            continue;
        env_field(r, environ, "KRAKEND_", field);
        env_field(r, environ, "REMORA_", field);
    }
    for (size_t i = 0; i < rm_own_fields.n; i++) {
        if (rm_field_is_scalar(&rm_own_fields.v[i]))
            env_field(r, environ, "REMORA_", &rm_own_fields.v[i]); // REMORA_WORKERS
    }
    env_field(r, environ, "REMORA_", &rm_zone_variable);
}
