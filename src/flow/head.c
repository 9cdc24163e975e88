// Which headers reach a backend (krakend-behaviour.md §5.3, without hop-by-hop fields). Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "flow/head.h"
#include "flow/trace.h"

#include "net/hop.h"

// The transport's own, and those that the gateway says itself.
static bool head_is_ours(struct rm_str name)
{
    switch (name.n) {
    case 4:
        return rm_str_eq_nocase(name, RM_STR("host"));
    case 6:
        return rm_str_eq_nocase(name, RM_STR("expect"));
    case 14:
        return rm_str_eq_nocase(name, RM_STR("content-length"));
    case 15:
        return rm_str_eq_nocase(name, RM_STR("x-forwarded-for"));
    case 16:
        return rm_str_eq_nocase(name, RM_STR("x-forwarded-host"));
    default:
        return false;
    }
}

void rm_head_copy(struct rm_arena *arena, const struct rm_headers *in, uint32_t more, struct rm_headers *out)
{
    *out = (struct rm_headers){.cap = in->n + more, .n = in->n};
    out->v = rm_arena_alloc(arena, rm_mul_size(out->cap, sizeof(struct rm_header)));
    if (in->n > 0)
        memcpy(out->v, in->v, in->n * sizeof(struct rm_header));
}

void rm_head_remove(struct rm_headers *headers, struct rm_str name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < headers->n; i++) {
        if (!rm_str_eq_nocase(headers->v[i].name, name))
            headers->v[kept++] = headers->v[i];
    }
    headers->n = kept;
}

void rm_head_build(struct rm_arena *arena, const struct rm_filter *filter, const struct rm_head_in *in,
                   struct rm_headers *out)
{
    rm_head_copy(arena, in->client, 3, out);
    rm_hop_strip(out); // before the filter: it needs the Connection fields
    uint32_t kept = 0;
    bool own_agent = true;
    for (uint32_t i = 0; i < out->n; i++) {
        struct rm_str name = out->v[i].name;
        if (head_is_ours(name) || !(rm_filter_passes(filter, name) || rm_trace_is_header(name)))
            continue;
        if (rm_str_eq_nocase(name, RM_STR("user-agent")))
            own_agent = false;
        out->v[kept++] = out->v[i];
    }
    out->n = kept;
    if (in->client_ip.n > 0)
        rm_headers_add(arena, out, RM_STR("X-Forwarded-For"), in->client_ip);
    if (in->client_host.n > 0)
        rm_headers_add(arena, out, RM_STR("X-Forwarded-Host"), in->client_host);
    if (own_agent) {
        rm_headers_add(arena, out, RM_STR("User-Agent"), in->user_agent);
    } else {
        rm_head_remove(out, RM_STR("x-forwarded-via"));
        rm_headers_add(arena, out, RM_STR("X-Forwarded-Via"), in->user_agent);
    }
}

void rm_head_narrow(struct rm_arena *arena, const struct rm_filter *filter, const struct rm_headers *in,
                    struct rm_headers *out)
{
    rm_head_copy(arena, in, 0, out);
    out->n = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        if (rm_filter_passes(filter, in->v[i].name) || rm_trace_is_header(in->v[i].name))
            out->v[out->n++] = in->v[i];
    }
}

enum rm_gzip rm_head_gzip(const struct rm_headers *outgoing, bool streams, bool disable_compression)
{
    if (!disable_compression && !rm_headers_find(outgoing, RM_STR("accept-encoding")))
        return RM_GZIP_ASK;
    return streams ? RM_GZIP_OFF : RM_GZIP_DECODE;
}

void rm_head_without_content(struct rm_arena *arena, const struct rm_headers *in, struct rm_headers *out)
{
    static const struct rm_str prefix = {"content-", 8};
    rm_head_copy(arena, in, 0, out);
    out->n = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        struct rm_str name = in->v[i].name;
        if (name.n < prefix.n || !rm_str_eq_nocase(rm_str_sub(name, 0, prefix.n), prefix))
            out->v[out->n++] = in->v[i];
    }
}
