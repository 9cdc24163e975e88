// Results of look-ups in words and codes. Pure.
// SPDX-License-Identifier: Apache-2.0
#include "sd/lookup.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

// "There is nothing" is believed no longer than this, whatever the zone says: what is deployed later must be found.
#define LOOKUP_NEGATIVE_MAX_US (30 * RM_SEC)

enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5 };

static const struct {
    const char *name, *text;
    int code;
} lookup_results[RM_LOOKUP_RESULTS] = {
    [RM_LOOKUP_FOUND] = {"found", "found", RM_OK},
    [RM_LOOKUP_NXDOMAIN] = {"nxdomain", "NXDOMAIN, no such name", RM_ENOHOST},
    [RM_LOOKUP_NODATA] = {"nodata", "NOERROR, but no such record", RM_ENOHOST},
    [RM_LOOKUP_SERVFAIL] = {"servfail", "SERVFAIL", RM_EPROTO},
    [RM_LOOKUP_REFUSED] = {"refused", "REFUSED", RM_EPROTO},
    [RM_LOOKUP_TIMEOUT] = {"timeout", "no answer in time", RM_ETIMEOUT},
    [RM_LOOKUP_UNREACHABLE] = {"unreachable", "no server can be reached", RM_ECONNECT},
    [RM_LOOKUP_INVALID] = {"invalid", "an answer that makes no sense", RM_EPROTO},
};

const char *rm_lookup_result_name(enum rm_lookup_result result)
{
    return lookup_results[result].name;
}

uint64_t rm_lookup_ttl_us(const struct rm_lookup_context *context, uint64_t ttl_s)
{
    uint64_t ttl_us = ttl_s * RM_SEC;
    if (ttl_us < context->min_ttl_us)
        return context->min_ttl_us;
    return ttl_us > context->max_ttl_us ? context->max_ttl_us : ttl_us;
}

void rm_lookup_fail(struct rm_lookup *lookup, const struct rm_lookup_context *context, enum rm_lookup_result result,
                    const char *text)
{
    lookup->result = result;
    lookup->ttl_us = context->min_ttl_us;
    (void)rm_fail(&lookup->err, lookup_results[result].code, "%s (asked %s)", text ? text : lookup_results[result].text,
                  context->servers);
}

static int resolved_order(const void *a, const void *b)
{
    const struct rm_resolved *x = a, *y = b;
    if (x->is_v6 != y->is_v6)
        return x->is_v6 ? 1 : -1;
    return rm_str_cmp(x->text, y->text);
}

void rm_lookup_take(struct rm_lookup *lookup, const struct rm_lookup_context *context, struct rm_resolved *list, size_t n,
                    uint64_t ttl_s)
{
    if (n > 1)
        qsort(list, n, sizeof(*list), resolved_order);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || resolved_order(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    lookup->addresses = list;
    lookup->n = kept;
    lookup->ttl_us = rm_lookup_ttl_us(context, ttl_s);
}

static void take_nothing(struct rm_lookup *lookup, const struct rm_lookup_context *context)
{
    const struct rm_dns_answer *srv = &lookup->srv;
    rm_lookup_fail(lookup, context, srv->rcode ? RM_LOOKUP_NXDOMAIN : RM_LOOKUP_NODATA, NULL);
    uint64_t ttl_us = rm_lookup_ttl_us(context, srv->has_ttl ? srv->ttl_s : 0);
    lookup->ttl_us = ttl_us < LOOKUP_NEGATIVE_MAX_US ? ttl_us : LOOKUP_NEGATIVE_MAX_US;
}

void rm_lookup_take_srv(struct rm_lookup *lookup, const struct rm_lookup_context *context, struct rm_str message)
{
    struct rm_dns_answer *srv = &lookup->srv;
    struct rm_err err;
    char text[80];
    if (rm_dns_answer_parse(&lookup->arena, message, rm_str_of(lookup->name), srv, &err) != RM_OK) {
        rm_lookup_fail(lookup, context, RM_LOOKUP_INVALID, err.text);
        return;
    }
    switch (srv->rcode) {
    case 0:
        if (srv->n_srv > 0 || srv->is_unavailable) {
            lookup->ttl_us = rm_lookup_ttl_us(context, srv->ttl_s);
        } else if (srv->records > 0) {
            snprintf(text, sizeof(text), "%u records, but none that can be called", srv->records);
            rm_lookup_fail(lookup, context, RM_LOOKUP_INVALID, text);
        } else {
            take_nothing(lookup, context);
        }
        break;
    case RCODE_NXDOMAIN:
        take_nothing(lookup, context);
        break;
    case RCODE_SERVFAIL:
    case RCODE_REFUSED:
        rm_lookup_fail(lookup, context, srv->rcode == RCODE_SERVFAIL ? RM_LOOKUP_SERVFAIL : RM_LOOKUP_REFUSED, NULL);
        break;
    default:
        snprintf(text, sizeof(text), "rcode %u", srv->rcode);
        rm_lookup_fail(lookup, context, RM_LOOKUP_INVALID, text);
    }
}

struct rm_str rm_name_without_dot(struct rm_str name)
{
    return name.n > 1 && name.p[name.n - 1] == '.' ? rm_str_sub(name, 0, name.n - 1) : name;
}

bool rm_name_is_localhost(struct rm_str name)
{
    static const struct rm_str localhost = {"localhost", 9};
    if (name.n < localhost.n || !rm_str_eq_nocase(rm_str_sub(name, name.n - localhost.n, name.n), localhost))
        return false;
    return name.n == localhost.n || name.p[name.n - localhost.n - 1] == '.';
}
