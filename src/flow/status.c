// One table from failures to statuses and words. KrakenD's own statuses: nearly everything is a 500 (krakend-behaviour.md §2.3).
// SPDX-License-Identifier: Apache-2.0
#include "flow/status.h"

#include <stdio.h>

struct status_row {
    int code;
    int status;
    const char *words; // NULL: the failure's own text was made for clients
};

static const struct status_row status_table[] = {
    {RM_ENOHOST, 500, "no hosts available"},
    {RM_ECONNECT, 500, "no connection to the backend"},
    {RM_ETLS, 500, "no TLS connection to the backend"},
    {RM_ERESET, 500, "the backend closed the connection"},
    {RM_EPROTO, 500, "the backend broke the protocol"},
    {RM_ETIMEOUT, 500, "context deadline exceeded"},
    {RM_ETOOBIG, 500, "too large"},
    {RM_EMEMORY, 503, "too many bodies in memory"},
    {RM_ESTATUS, 500, NULL},
    {RM_EDECODE, 500, NULL},
    {RM_EPARAM, 500, NULL}, // 400 where the client gave it: then the error carries that
    {RM_EREDIRECT, 500, NULL},
    {RM_ERATE, 500, "rate limit exceeded"},
    {RM_EOPEN, 500, "circuit breaker is open"},
    {RM_EDENIED, 500, NULL},
};

static const struct status_row *status_find(int code)
{
    static const struct status_row other = {RM_ESYS, 500, "internal error"};
    for (size_t i = 0; i < RM_COUNT(status_table); i++) {
        if (status_table[i].code == code)
            return &status_table[i];
    }
    return &other;
}

int rm_status_of(const struct rm_err *err)
{
    return err->status ? err->status : status_find(err->code)->status;
}

struct rm_err rm_status_public(const struct rm_err *err)
{
    struct rm_err shown = *err;
    const char *words = status_find(err->code)->words;
    if (words)
        snprintf(shown.text, sizeof shown.text, "%s", words);
    return shown;
}
