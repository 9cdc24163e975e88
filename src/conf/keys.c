// `keys`: the reference of every key, in Markdown, from the field tables that read it, so that it cannot say what is not so.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define KEYS_PUT(out, ...)                                                                                             \
    do {                                                                                                               \
        int rc_ = rm_buf_printf((out), __VA_ARGS__);                                                                   \
        RM_ASSERT(rc_ == RM_OK); /* no cap but memory */                                                               \
    } while (0)

static const char *const keys_owners[RM_EXTRA_LEVELS] = {"the service", "an endpoint", "a backend"};

// In a cell of a table a bar would end it.
static void keys_put_cell(struct rm_buf *out, struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++)
        KEYS_PUT(out, "%s%c", text.p[i] == '|' ? "\\" : "", text.p[i]);
}

// `up`: "client_tls.", or empty.
static void keys_put_rows(struct rm_buf *out, struct rm_arena *arena, const struct rm_fields *fields, struct rm_str up)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct rm_field *field = &fields->v[i];
        bool is_later = field->type == RM_FIELD_LATER;
        KEYS_PUT(out, "| `%.*s%s` | ", (int)up.n, up.p, field->name);
        keys_put_cell(out, is_later ? RM_STR("not in this version") : rm_field_allowed(arena, field));
        KEYS_PUT(out, field->fallback ? " | `%s` | " : " | %s | ", field->fallback ? field->fallback : "");
        keys_put_cell(out, rm_str_of(field->doc));
        if (field->note) {
            KEYS_PUT(out, ": ");
            keys_put_cell(out, rm_str_of(field->note));
        }
        if (field->old_name)
            KEYS_PUT(out, "; `%s` of KrakenD 1.x", field->old_name);
        KEYS_PUT(out, " |\n");
        if (field->nested)
            keys_put_rows(out, arena, field->nested, rm_arena_printf(arena, "%.*s%s.", (int)up.n, up.p, field->name));
    }
}

static void keys_put_table(struct rm_buf *out, struct rm_arena *arena, const struct rm_fields *fields)
{
    KEYS_PUT(out, "| key | allowed | default | |\n|---|---|---|---|\n");
    keys_put_rows(out, arena, fields, RM_STR(""));
    KEYS_PUT(out, "\n");
}

static void keys_put_level(struct rm_buf *out, struct rm_arena *arena, enum rm_extra_level level)
{
    static const struct rm_fields *const own[] = {&rm_service_fields, &rm_endpoint_fields, &rm_backend_fields};
    struct rm_extra_space space;
    KEYS_PUT(out, "## Of %s\n\n", keys_owners[level]);
    keys_put_table(out, arena, own[level]);
    for (size_t i = 0; rm_extra_space(level, i, &space); i++) {
        KEYS_PUT(out, "### `extra_config[\"%s\"]` of %s\n\n", space.name, keys_owners[level]);
        if (space.long_name)
            KEYS_PUT(out, "Also as `%s`.\n\n", space.long_name);
        keys_put_table(out, arena, space.fields);
    }
}

struct rm_str rm_conf_keys(struct rm_arena *arena)
{
    struct rm_buf out;
    rm_buf_init(&out, SIZE_MAX / 4, NULL);
    KEYS_PUT(&out,
             "# Every key\n\n`remora keys` prints this page from the tables that read the configuration. A key that is "
             "not here is a warning, with `check\n--strict` an error.\n\n");
    for (enum rm_extra_level level = 0; level < RM_EXTRA_LEVELS; level++)
        keys_put_level(&out, arena, level);
    KEYS_PUT(&out, "## Namespaces of KrakenD that remora does not have\n\nEach is an error when it is loaded.\n\n"
                   "| `extra_config` | what it does | instead |\n|---|---|---|\n");
    const struct rm_extra_absent *absent;
    for (size_t i = 0; (absent = rm_extra_absent(i)) != NULL; i++)
        KEYS_PUT(&out, "| `%s` | %s | %s |\n", absent->name, absent->what, absent->instead);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&out));
    rm_buf_free(&out);
    return text;
}
