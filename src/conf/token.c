// Names of HTTP headers in the configuration: RFC 9110's tokens, and "*" for all of them.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

bool rm_is_token(struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
        if (!fits)
            return false;
    }
    return text.n > 0;
}

void rm_header_names_check(struct rm_reader *r, const struct rm_path *path, const struct rm_value *list,
                           struct rm_strs *names, bool *all)
{
    const struct rm_value *item = list->type == RM_ARRAY ? list->first : list;
    for (size_t i = 0; i < names->n && item; i++, item = item->next) {
        struct rm_path at = {.up = path, .index = i};
        if (!rm_is_token(names->v[i]))
            rm_reader_error(r, list->type == RM_ARRAY ? &at : path, rm_doc_place(item), "%s is no header name",
                            rm_text_quote(r->found->arena, names->v[i]));
        else if (all && rm_str_eq(names->v[i], RM_STR("*")))
            *all = true;
    }
    if (all && *all)
        names->n = 0;
}
