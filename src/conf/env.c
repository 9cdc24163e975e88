// The environment: KRAKEND_<KEY> and REMORA_<KEY> over the root's scalar keys; REMORA_ wins.
// SPDX-License-Identifier: Apache-2.0
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

void rm_env_read(struct rm_reader *r, const char *const *environ)
{
    if (!environ)
        return;
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
