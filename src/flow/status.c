// One table from failures to statuses and words. KrakenD's own statuses: nearly everything is a 500 (krakend-behaviour.md §2.3). Beside them
// the honest ones (RFC 9110 15.6): 502 a backend's fault, 503 nobody could be asked, 504 no answer in time.
// SPDX-License-Identifier: Apache-2.0
#include "flow/status.h"

#include <stdio.h>

struct status_row {
    int code;
    int status, honest;
    const char *words; // NULL: the failure's own text was made for clients
};

static const struct status_row status_table[] = {
    {RM_ENOHOST, 500, 503, "no hosts available"},
    {RM_ECONNECT, 500, 502, "no connection to the backend"},
    {RM_ETLS, 500, 502, "no TLS connection to the backend"},
    {RM_ERESET, 500, 502, "the backend closed the connection"},
    {RM_EPROTO, 500, 502, "the backend broke the protocol"},
    {RM_ETIMEOUT, 500, 504, "context deadline exceeded"},
    {RM_ETOOBIG, 500, 502, "too large"},
    {RM_EMEMORY, 503, 503, "too many bodies in memory"},
    {RM_ESTATUS, 500, 502, NULL},
    {RM_EDECODE, 500, 502, NULL},
    {RM_EPARAM, 500, 500, NULL}, // 400 where the client gave it: then the error carries that
    {RM_EREDIRECT, 500, 502, NULL},
    {RM_ERATE, 500, 503, "rate limit exceeded"},
    {RM_EOPEN, 500, 503, "circuit breaker is open"},
    {RM_EDENIED, 500, 500, NULL},
};

static const struct status_row *status_find(int code)
{
    static const struct status_row other = {RM_ESYS, 500, 500, "internal error"};
    for (size_t i = 0; i < RM_COUNT(status_table); i++) {
        if (status_table[i].code == code)
            return &status_table[i];
    }
    return &other;
}

int rm_status_of(const struct rm_err *err, bool honest)
{
    const struct status_row *row = status_find(err->code);
    return err->status ? err->status : honest ? row->honest : row->status;
}

struct rm_err rm_status_public(const struct rm_err *err)
{
    struct rm_err shown = *err;
    const char *words = status_find(err->code)->words;
    if (words)
        snprintf(shown.text, sizeof shown.text, "%s", words);
    return shown;
}
