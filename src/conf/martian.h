// modifier/martian of a backend, compiled: a tree of modifiers. Immutable, in the configuration's arena.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_MARTIAN_H
#define CONF_MARTIAN_H

#include "conf/conf.h"
#include "value/regex.h"

enum rm_martian_kind {
    RM_MARTIAN_GROUP, // items, in order
    RM_MARTIAN_HEADER_SET,
    RM_MARTIAN_HEADER_APPEND,
    RM_MARTIAN_HEADER_COPY, // from name to value
    RM_MARTIAN_HEADER_REMOVE,
    RM_MARTIAN_HEADER_ID,
    RM_MARTIAN_BODY,
    RM_MARTIAN_QUERY,
    RM_MARTIAN_URL,
    RM_MARTIAN_COOKIE,
    RM_MARTIAN_STATUS,
    // Filters: `then` where it fits, else `otherwise`.
    RM_MARTIAN_IF_HEADER,
    RM_MARTIAN_IF_HEADER_REGEX,
    RM_MARTIAN_IF_QUERY,
    RM_MARTIAN_IF_URL,
    RM_MARTIAN_IF_URL_REGEX,
    RM_MARTIAN_IF_COOKIE,
};

enum rm_martian_side { RM_MARTIAN_REQUEST = 1, RM_MARTIAN_RESPONSE = 2 };

struct rm_martian {
    enum rm_martian_kind kind;
    uint32_t sides;            // of enum rm_martian_side: where it does something
    struct rm_str name, value; // of a header, a query pair, a cookie
    struct rm_str set_cookie;  // the same as a Set-Cookie
    struct rm_strs names;
    struct rm_str body, content_type;
    struct rm_str path, query; // empty: stays, or does not matter
    uint16_t status;
    const struct rm_regex *regex;
    const struct rm_martian *then, *otherwise; // NULL: nothing
    const struct rm_martian **items;
    uint32_t n_items;
};

#endif
