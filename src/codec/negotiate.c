// The negotiate codec: the client's Accept header chooses one of the others (krakend-behaviour.md §2.4).
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

static const struct negotiate_offer {
    const char *type;
    const struct rm_codec_ops *codec;
} negotiate_offers[] = {
    {"application/json", &rm_codec_json},
    {"text/plain", &rm_codec_yaml},
    {"application/xml", &rm_codec_xml},
    {"application/x-yaml", &rm_codec_yaml},
};

// A '*' is anything from there on.
static bool negotiate_fits(struct rm_str range, struct rm_str type)
{
    size_t i = 0;
    while (i < range.n && i < type.n && range.p[i] != '*' && (range.p[i] | 0x20) == (type.p[i] | 0x20))
        i++;
    return (i == range.n && i == type.n) || (i < range.n && range.p[i] == '*');
}

static struct rm_str negotiate_range(struct rm_str item)
{
    const char *parameters = memchr(item.p, ';', item.n);
    if (parameters)
        item.n = (size_t)(parameters - item.p);
    while (item.n > 0 && (item.p[0] == ' ' || item.p[0] == '\t'))
        item = rm_str_sub(item, 1, item.n);
    while (item.n > 0 && (item.p[item.n - 1] == ' ' || item.p[item.n - 1] == '\t'))
        item.n--;
    return item;
}

// The first range that fits an offer counts, whatever its weight, as in KrakenD; without one it is JSON.
static const struct rm_codec_ops *negotiate_pick(struct rm_str accept)
{
    while (accept.n > 0) {
        const char *comma = memchr(accept.p, ',', accept.n);
        size_t n = comma ? (size_t)(comma - accept.p) : accept.n;
        struct rm_str range = negotiate_range(rm_str_sub(accept, 0, n));
        for (size_t i = 0; range.n > 0 && i < RM_COUNT(negotiate_offers); i++) {
            if (negotiate_fits(range, rm_str_of(negotiate_offers[i].type)))
                return negotiate_offers[i].codec;
        }
        accept = rm_str_sub(accept, comma ? n + 1 : n, accept.n);
    }
    return &rm_codec_json;
}

static int negotiate_encode(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                            struct rm_err *err)
{
    return rm_codec_json.encode(scratch, data, out, refs, err);
}

const struct rm_codec_ops rm_codec_negotiate = {
    .name = "negotiate",
    .content_type = "application/json; charset=utf-8",
    .encode = negotiate_encode,
    .pick = negotiate_pick,
};
