// The request guard: RFC 9112's rules on framing, Host and target, RFC 9110's on fields. Owns nothing, changes nothing.
// SPDX-License-Identifier: Apache-2.0
#include "front/guard.h"

// What a byte may be part of: 1 a token (RFC 9110 5.6.2), 2 a field's value (5.5: visible characters, spaces, tabs and bytes above
// ASCII).
enum { GUARD_TOKEN = 1, GUARD_VALUE = 2 };
#define T (GUARD_TOKEN | GUARD_VALUE)
#define V GUARD_VALUE
#define V16 V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V
static const unsigned char guard_kinds[256] = {
    0,   0,   0,   0,   0,   0,   0,   0,   0, V, 0, 0, 0, 0, 0, 0, // tab
    0,   0,   0,   0,   0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, //
    V,   T,   V,   T,   T,   T,   T,   T,   V, V, T, T, V, T, T, V, //  !"#$%&'()*+,-./
    T,   T,   T,   T,   T,   T,   T,   T,   T, T, V, V, V, V, V, V, // 0-9 :;<=>?
    V,   T,   T,   T,   T,   T,   T,   T,   T, T, T, T, T, T, T, T, // @ A-O
    T,   T,   T,   T,   T,   T,   T,   T,   T, T, T, V, V, V, T, T, // P-Z [\]^_
    T,   T,   T,   T,   T,   T,   T,   T,   T, T, T, T, T, T, T, T, // ` a-o
    T,   T,   T,   T,   T,   T,   T,   T,   T, T, T, V, T, V, T, 0, // p-z {|}~ DEL
    V16, V16, V16, V16, V16, V16, V16, V16,
};
#undef V16
#undef V
#undef T

static bool guard_is(unsigned kind, struct rm_str text)
{
    unsigned all = kind;
    for (size_t i = 0; i < text.n; i++)
        all &= guard_kinds[(unsigned char)text.p[i]];
    return all != 0;
}

bool rm_guard_is_token(struct rm_str text)
{
    return text.n > 0 && guard_is(GUARD_TOKEN, text);
}

static bool guard_is_value(struct rm_str value)
{
    return guard_is(GUARD_VALUE, value);
}

// Digits only: no sign, no list, no white space; and what an int64_t holds.
static bool guard_length(struct rm_str value, int64_t *out)
{
    int64_t length = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(length, 10, &length) || __builtin_add_overflow(length, value.p[i] - '0', &length))
            return false;
    }
    *out = length;
    return value.n > 0;
}

static int guard_refuse(struct rm_guard_out *out, int status, const char *reason)
{
    out->reason = reason;
    return status;
}

// What the fields say, taken down on one pass.
struct guard_seen {
    unsigned hosts, lengths, codings;
    struct rm_str host;
};

static int guard_header(const struct rm_header *h, struct guard_seen *seen, struct rm_guard_out *out)
{
    if (!rm_guard_is_token(h->name))
        return guard_refuse(out, 400, "a header's name is no token");
    if (!guard_is_value(h->value))
        return guard_refuse(out, 400, "a control character in a header");
    if (rm_str_eq_nocase(h->name, RM_STR("host"))) {
        if (++seen->hosts > 1)
            return guard_refuse(out, 400, "more than one Host");
        seen->host = h->value;
    } else if (rm_str_eq_nocase(h->name, RM_STR("content-length"))) {
        if (++seen->lengths > 1 || !guard_length(h->value, &out->content_length))
            return guard_refuse(out, 400, "Content-Length is not one number");
    } else if (rm_str_eq_nocase(h->name, RM_STR("transfer-encoding"))) {
        if (++seen->codings > 1)
            return guard_refuse(out, 400, "more than one Transfer-Encoding");
        if (!rm_str_eq_nocase(h->value, RM_STR("chunked")))
            return guard_refuse(out, 501, "a Transfer-Encoding other than chunked");
        out->chunked = true;
    } else if (rm_str_eq_nocase(h->name, RM_STR("expect"))) {
        if (!rm_str_eq_nocase(h->value, RM_STR("100-continue")))
            return guard_refuse(out, 417, "an unknown Expect");
    }
    return 0;
}

int rm_guard_check(const struct rm_guard_limits *limits, const struct rm_guard_in *in, struct rm_guard_out *out)
{
    *out = (struct rm_guard_out){.content_length = -1};
    bool is_1_0 = rm_str_eq(in->version, RM_STR("HTTP/1.0"));
    if (!is_1_0 && !rm_str_eq(in->version, RM_STR("HTTP/1.1")))
        return guard_refuse(out, 505, "an HTTP version other than 1.0 and 1.1");
    if (!rm_guard_is_token(in->method))
        return guard_refuse(out, 400, "the method is no token");
    if (rm_str_eq(in->method, RM_STR("CONNECT")))
        return guard_refuse(out, 405, "CONNECT");
    // "METHOD TARGET HTTP/1.1\r\n", "NAME: VALUE\r\n", "\r\n"
    out->head_bytes = in->method.n + in->target.n + in->version.n + 6;
    if (out->head_bytes > limits->head_bytes)
        return guard_refuse(out, 414, "the target is too long");
    if (in->headers->n > limits->headers)
        return guard_refuse(out, 431, "too many headers");
    if (rm_target_split(in->target, &out->target) != RM_OK)
        return guard_refuse(out, 400, "the target is malformed");
    if (out->target.form == RM_TARGET_ASTERISK && !rm_str_eq(in->method, RM_STR("OPTIONS")))
        return guard_refuse(out, 400, "the target * without OPTIONS");

    struct guard_seen seen = {0};
    for (uint32_t i = 0; i < in->headers->n; i++) {
        const struct rm_header *h = &in->headers->v[i];
        out->head_bytes += h->name.n + h->value.n + 4;
        int status = guard_header(h, &seen, out);
        if (status)
            return status;
    }
    if (out->head_bytes > limits->head_bytes)
        return guard_refuse(out, 431, "the headers are too long");
    if (seen.codings > 0 && seen.lengths > 0)
        return guard_refuse(out, 400, "Content-Length beside Transfer-Encoding");
    if (seen.codings > 0 && is_1_0)
        return guard_refuse(out, 400, "Transfer-Encoding in HTTP/1.0");
    if (seen.hosts == 0 && !is_1_0)
        return guard_refuse(out, 400, "no Host");
    if (seen.hosts > 0 && !rm_target_host_ok(seen.host))
        return guard_refuse(out, 400, "Host is malformed");
    // RFC 9112 3.2.2: the absolute form's authority takes Host's place.
    out->host = out->target.form == RM_TARGET_ABSOLUTE ? out->target.authority : seen.host;
    return 0;
}
