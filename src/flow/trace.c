// Reading traceparent (https://www.w3.org/TR/trace-context/, 3.2). Pure; bytes of a client.
// SPDX-License-Identifier: Apache-2.0
#include "flow/trace.h"

#define TRACE_LENGTH 55 // "00-" trace id "-" parent id "-" flags; a later version may have more behind a "-"

bool rm_trace_is_header(struct rm_str name)
{
    return (name.n == 11 && rm_str_eq_nocase(name, RM_STR("traceparent"))) ||
           (name.n == 10 && rm_str_eq_nocase(name, RM_STR("tracestate")));
}

static bool trace_is_hex(struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
            return false;
    return true;
}

// Hexadecimal, and not all 0.
static bool trace_is_id(struct rm_str text)
{
    bool is_zero = true;
    for (size_t i = 0; i < text.n; i++)
        is_zero = is_zero && text.p[i] == '0';
    return !is_zero && trace_is_hex(text);
}

struct rm_str rm_trace_id(const struct rm_headers *client)
{
    const struct rm_header *header = rm_headers_find(client, RM_STR("traceparent"));
    struct rm_str none = {"", 0}, v = header ? header->value : none;
    if (v.n < TRACE_LENGTH || v.p[2] != '-' || v.p[35] != '-' || v.p[52] != '-')
        return none;
    struct rm_str version = rm_str_sub(v, 0, 2), id = rm_str_sub(v, 3, 35);
    bool is_first = rm_str_eq(version, RM_STR("00"));
    if (!trace_is_hex(version) || rm_str_eq(version, RM_STR("ff")) || !trace_is_id(id) ||
        !trace_is_id(rm_str_sub(v, 36, 52)) || !trace_is_hex(rm_str_sub(v, 53, 55)) ||
        (v.n > TRACE_LENGTH && (is_first || v.p[TRACE_LENGTH] != '-')))
        return none;
    return id;
}
