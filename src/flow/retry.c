// The rules of retries (retry.h).
// SPDX-License-Identifier: Apache-2.0
#include "flow/retry.h"

// A call that gives a connection less time than this says nothing of the host when it runs out.
#define RETRY_CONNECT_LEAST_US UINT64_C(200000)

static int64_t tapped_read(struct rm_body_source *source, char *to, size_t n)
{
    struct rm_tapped_source *tapped = rm_container_of(source, struct rm_tapped_source, source);
    int64_t read = tapped->from->read(tapped->from, to, n);
    tapped->consumed = tapped->consumed || read >= 0;
    tapped->bytes += read > 0 ? (uint64_t)read : 0;
    return read;
}

void rm_tapped_source_init(struct rm_tapped_source *tapped, struct rm_body_source *from)
{
    *tapped = (struct rm_tapped_source){.source = {.read = tapped_read, .length = from->length}, .from = from};
}

bool rm_retry_is_repeatable(enum rm_method method)
{
    return method == RM_GET || method == RM_PUT || method == RM_DELETE;
}

bool rm_retry_is_safe(const struct rm_exchange *x, enum rm_method method, bool consumed)
{
    int code = x->call.err.code;
    if (code != RM_ECONNECT && code != RM_ETLS && code != RM_ERESET && code != RM_ETIMEOUT)
        return false;
    return x->status == 0 && !consumed && (!x->sent || rm_retry_is_repeatable(method));
}

enum rm_outcome rm_retry_outcome(const struct rm_exchange *x, int code, uint64_t took_us)
{
    switch (code) {
    case RM_OK:
        return x->status >= 500 ? RM_OUTCOME_BAD : RM_OUTCOME_GOOD;
    case RM_ECONNECT:
    case RM_ETLS:
        return RM_OUTCOME_UNREACHABLE;
    case RM_ERESET:
    case RM_EPROTO:
        return RM_OUTCOME_BAD;
    case RM_ETIMEOUT:
        if (x->sink && x->status != 0)
            return RM_OUTCOME_NONE; // it streams: perhaps the client is slow
        if (x->sent)
            return RM_OUTCOME_BAD;
        return took_us >= RETRY_CONNECT_LEAST_US ? RM_OUTCOME_UNREACHABLE : RM_OUTCOME_NONE;
    default:
        return RM_OUTCOME_NONE;
    }
}
