// Removal of hop-by-hop fields. Owns nothing; the headers stay the caller's.
// SPDX-License-Identifier: Apache-2.0
#include "net/hop.h"

#include "net/text.h"

// Nobody sensible lists more than this; a longer list would make the walk below slow, so then nothing at all is passed on.
#define HOP_LISTED_MOST 32

static bool hop_starts_nocase(struct rm_str s, struct rm_str prefix)
{
    return s.n >= prefix.n && rm_str_eq_nocase(rm_str_sub(s, 0, prefix.n), prefix);
}

bool rm_hop_is(struct rm_str name)
{
    switch (name.n) {
    case 2:
        return rm_str_eq_nocase(name, RM_STR("te"));
    case 7:
        return rm_str_eq_nocase(name, RM_STR("trailer")) || rm_str_eq_nocase(name, RM_STR("upgrade"));
    case 10:
        if (rm_str_eq_nocase(name, RM_STR("connection")) || rm_str_eq_nocase(name, RM_STR("keep-alive")))
            return true;
        break;
    case 14:
        if (rm_str_eq_nocase(name, RM_STR("http2-settings")))
            return true;
        break;
    case 17:
        if (rm_str_eq_nocase(name, RM_STR("transfer-encoding")))
            return true;
        break;
    default:
        break;
    }
    return name.n > 6 && (name.p[0] | 0x20) == 'p' && hop_starts_nocase(name, RM_STR("proxy-"));
}

static bool hop_is_listed(const struct rm_str *listed, size_t n, struct rm_str name)
{
    for (size_t i = 0; i < n; i++) {
        if (rm_str_eq_nocase(listed[i], name))
            return true;
    }
    return false;
}

void rm_hop_strip(struct rm_headers *headers)
{
    struct rm_str listed[HOP_LISTED_MOST];
    size_t n_listed = 0;
    bool too_many = false;
    for (uint32_t i = 0; i < headers->n; i++) {
        if (!rm_str_eq_nocase(headers->v[i].name, RM_STR("connection")))
            continue;
        struct rm_str rest = headers->v[i].value;
        struct rm_str member;
        while (rm_text_next_member(&rest, &member)) {
            if (rm_str_eq_nocase(member, RM_STR("close")) || rm_str_eq_nocase(member, RM_STR("keep-alive")))
                continue;
            if (n_listed < HOP_LISTED_MOST)
                listed[n_listed++] = member;
            else
                too_many = true;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < headers->n; i++) {
        struct rm_str name = headers->v[i].name;
        if (too_many || rm_hop_is(name) || hop_is_listed(listed, n_listed, name))
            continue;
        headers->v[kept++] = headers->v[i];
    }
    headers->n = kept;
}
