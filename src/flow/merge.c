// The merge of an endpoint's answers and the sum of its failures. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "flow/merge.h"

#include "flow/backend.h"
#include "flow/head.h"

// A line for each failed backend, which is named by its place in the configuration: its address is nobody's business.
static struct rm_str merge_reasons(struct rm_arena *arena, struct rm_slot *const *slots, uint32_t n)
{
    struct rm_str all = {NULL, 0};
    for (uint32_t i = 0; i < n; i++) {
        const struct rm_err *err = &slots[i]->part.call.err;
        if (err->code != RM_OK)
            all = rm_arena_printf(arena, "%.*s%sbackend[%u]: %s", (int)all.n, all.n ? all.p : "", all.n ? "\n" : "",
                                  slots[i]->backend->index, err->text);
    }
    return all;
}

// A later backend's in the place of an earlier one's, as with data; cookies stand beside each other.
static void merge_headers(struct rm_arena *arena, const struct rm_headers *more, struct rm_headers *all)
{
    for (uint32_t i = 0; i < more->n; i++)
        if (!rm_str_eq_nocase(more->v[i].name, RM_STR("set-cookie")))
            rm_head_remove(all, more->v[i].name);
    for (uint32_t i = 0; i < more->n; i++)
        rm_headers_add(arena, all, more->v[i].name, more->v[i].value);
}

// The first required one that has not answered: the endpoint fails as it did. Behind one that has failed, a sequence may not have asked it.
static const struct rm_err *merge_missing(struct rm_slot *const *slots, uint32_t n, const struct rm_endpoint *endpoint,
                                          const struct rm_err *first)
{
    static const struct rm_err not_asked = {.code = RM_ESTATUS, .text = "a required backend was not asked"};
    for (uint32_t i = 0; i < endpoint->n_backends; i++) {
        if (!endpoint->backends[i].conf->required)
            continue;
        if (i >= n)
            return first ? first : &not_asked;
        if (!slots[i]->part.answered || slots[i]->part.call.err.code != RM_OK)
            return &slots[i]->part.call.err;
    }
    return NULL;
}

void rm_merge(struct rm_slot *const *slots, uint32_t n, uint32_t n_backends, bool with_reasons, struct rm_part *out)
{
    static const enum rm_merge_rule merge_rules[] = {[RM_CONF_LAST] = RM_MERGE_LAST,
                                                     [RM_CONF_FIRST] = RM_MERGE_FIRST,
                                                     [RM_CONF_DEEP] = RM_MERGE_DEEP,
                                                     [RM_CONF_APPEND] = RM_MERGE_APPEND};
    struct rm_arena *arena = out->call.arena;
    const struct rm_endpoint *endpoint = out->rq->endpoint;
    const struct rm_err *first = NULL, *first_not_memory = NULL;
    struct rm_value *data = NULL;
    bool answered = false, complete = n == n_backends;
    for (uint32_t i = 0; i < n; i++) {
        const struct rm_part *part = &slots[i]->part;
        if (part->call.err.code != RM_OK) {
            first = first ? first : &part->call.err;
            if (part->call.err.code != RM_EMEMORY && !first_not_memory)
                first_not_memory = &part->call.err;
        }
        complete = complete && part->answered && part->complete && part->data && part->call.err.code == RM_OK;
        answered = answered || part->answered;
        if (part->answered)
            merge_headers(arena, &part->passed, &out->passed);
        if (!part->answered || !part->data)
            continue;
        if (data)
            rm_value_merge_by(arena, merge_rules[endpoint->conf->merge], data, part->data);
        else
            data = part->data;
    }
    out->answered = answered;
    out->complete = complete;
    out->data = data ? data : answered ? rm_value_new(arena, RM_OBJECT) : NULL;
    const struct rm_err *missing = merge_missing(slots, n, endpoint, first);
    // Only what has failed for want of memory alone is a 503, and a backend's own status is not the group's.
    const struct rm_err *why = missing ? missing : first_not_memory ? first_not_memory : first;
    out->fails = missing != NULL;
    if (!why)
        return;
    out->call.err = *why;
    if (endpoint->conf->status != RM_CONF_HONEST)
        out->call.err.status = 0;
    if (with_reasons)
        out->reasons = merge_reasons(arena, slots, n);
}
