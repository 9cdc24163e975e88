// JSON text for people: two spaces a level, a member a line. Knows nothing of what it lays out.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

static void layout_put(struct rm_buf *out, const char *text, size_t n)
{
    int rc = rm_buf_append(out, (struct rm_str){text, n});
    RM_ASSERT(rc == RM_OK); // no cap but memory
}

static void layout_line(struct rm_buf *out, size_t depth)
{
    layout_put(out, "\n", 1);
    for (size_t i = 0; i < depth; i++)
        layout_put(out, "  ", 2);
}

// Compact JSON, which is valid, laid out with one member a line.
static void layout_indent(struct rm_str json, struct rm_buf *out)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (in_string) {
            bool escape = c == '\\';
            layout_put(out, json.p + i, escape ? 2 : 1);
            i += escape;
            in_string = c != '"';
        } else if ((c == '{' || c == '[') && (json.p[i + 1] == '}' || json.p[i + 1] == ']')) {
            layout_put(out, json.p + i++, 2);
        } else if (c == '{' || c == '[') {
            layout_put(out, &c, 1);
            layout_line(out, ++depth);
        } else if (c == '}' || c == ']') {
            layout_line(out, --depth);
            layout_put(out, &c, 1);
        } else if (c == ',') {
            layout_put(out, &c, 1);
            layout_line(out, depth);
        } else {
            layout_put(out, c == ':' ? ": " : &c, c == ':' ? 2 : 1);
            in_string = c == '"';
        }
    }
}

struct rm_str rm_layout(struct rm_arena *arena, const struct rm_value *value)
{
    struct rm_buf json, out;
    rm_buf_init(&json, SIZE_MAX / 4, NULL);
    rm_buf_init(&out, SIZE_MAX / 4, NULL);
    int rc = rm_json_write(arena, value, &json);
    RM_ASSERT(rc == RM_OK);
    layout_indent(rm_buf_str(&json), &out);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&out));
    rm_buf_free(&out);
    rm_buf_free(&json);
    return text;
}
