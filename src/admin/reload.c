// GET /__reload: is the file in force, and if not, why not?
// SPDX-License-Identifier: Apache-2.0
#include "admin/local.h"
#include "base/clock.h"

#include <remora/value.h>

static void reload_text(struct rm_arena *arena, struct rm_value *object, const char *name, struct rm_str text)
{
    rm_value_set(arena, object, rm_str_of(name), rm_value_string(arena, text));
}

static void reload_number(struct rm_arena *arena, struct rm_value *object, const char *name, uint64_t n)
{
    rm_value_set(arena, object, rm_str_of(name), rm_value_integer(arena, (int64_t)n));
}

static void reload_time(struct rm_arena *arena, struct rm_value *object, const char *name, int64_t us)
{
    char text[32];
    rm_clock_format(us, text, sizeof(text));
    reload_text(arena, object, name, rm_arena_dup(arena, rm_str_of(text)));
}

static struct rm_value *reload_findings(struct rm_arena *arena, const struct rm_findings *found, bool errors)
{
    struct rm_value *list = rm_value_new(arena, RM_ARRAY);
    for (size_t i = 0; i < found->n; i++) {
        if (found->v[i].is_error != errors)
            continue;
        struct rm_value *one = rm_value_new(arena, RM_OBJECT);
        reload_number(arena, one, "line", found->v[i].place.line);
        reload_number(arena, one, "column", found->v[i].place.column);
        reload_text(arena, one, "key", found->v[i].path);
        reload_text(arena, one, "text", found->v[i].text);
        rm_value_append(list, one);
    }
    return list;
}

void rm_admin_write_reload(const struct rm_admin *admin, struct rm_arena *arena, struct rm_buf *out)
{
    const struct rm_reload_status *reload = admin->reload;
    struct rm_value *document = rm_value_new(arena, RM_OBJECT);
    reload_text(arena, document, "file", rm_str_of(reload->file));
    reload_time(arena, document, "in_force_since", reload->taken_us);
    reload_number(arena, document, "world", admin->world->serial);
    reload_number(arena, document, "successes", reload->good);
    reload_number(arena, document, "failures", reload->bad);
    reload_time(arena, document, "last_attempt", reload->tried_us);
    reload_text(arena, document, "cause", rm_str_of(reload->cause));
    reload_text(arena, document, "result",
                reload->failed  ? RM_STR("failure")
                : reload->waits ? RM_STR("waiting")
                                : RM_STR("success"));
    rm_value_set(arena, document, RM_STR("errors"), reload_findings(arena, &reload->found, true));
    rm_value_set(arena, document, RM_STR("warnings"), reload_findings(arena, &reload->found, false));
    int code = rm_json_write(arena, document, out);
    RM_ASSERT(code == RM_OK); // no cap but memory
    code = rm_buf_append(out, RM_STR("\n"));
    RM_ASSERT(code == RM_OK);
}
