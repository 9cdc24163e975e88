// Encodings: KrakenD's names to the names of our codecs.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

struct encoding_name {
    const char *name, *codec;
};

static const struct encoding_name encoding_inputs[] = {
    {"json", "json"},   {"fast-json", "json"}, {"safejson", "safejson"}, {"string", "string"},
    {"no-op", "no-op"}, {"xml", "xml"},        {"rss", "rss"},           {"yaml", "yaml"},
};
static const struct encoding_name encoding_outputs[] = {
    {"json", "json"},     {"fast-json", "json"}, {"json-collection", "json-collection"},
    {"string", "string"}, {"no-op", "no-op"},    {"negotiate", "negotiate"},
    {"xml", "xml"},       {"yaml", "yaml"},
};

static void encoding_resolve(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                             struct rm_str *encoding, const struct encoding_name *known, size_t n,
                             struct rm_str fallback)
{
    const char *names[RM_COUNT(encoding_inputs) + RM_COUNT(encoding_outputs)];
    for (size_t i = 0; i < n; i++) {
        names[i] = known[i].name;
        if (!rm_str_eq(*encoding, rm_str_of(names[i])))
            continue;
        *encoding = rm_str_of(known[i].codec);
        return;
    }
    const char *near = rm_nearest(*encoding, names, n);
    rm_reader_warn(r, path, place, "unknown encoding %s: %.*s is used instead%s%s%s",
                   rm_text_quote(r->found->arena, *encoding), (int)fallback.n, fallback.p,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    *encoding = fallback;
}

void rm_encoding_input(struct rm_reader *r, const struct rm_path *path, struct rm_place place, struct rm_str *encoding)
{
    char *lower = rm_arena_cstr(r->arena, *encoding);
    for (char *c = lower; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    }
    encoding->p = lower;
    encoding_resolve(r, path, place, encoding, encoding_inputs, RM_COUNT(encoding_inputs), RM_STR("json"));
}

void rm_encoding_output(struct rm_reader *r, const struct rm_path *path, struct rm_place place, struct rm_str *encoding,
                        struct rm_str fallback)
{
    encoding_resolve(r, path, place, encoding, encoding_outputs, RM_COUNT(encoding_outputs), fallback);
}
