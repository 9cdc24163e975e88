// extra_config["qos/circuit-breaker"] of backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_backend, breaker.member)
#define YEAR_S (365 * 86400)

static const struct rm_field breaker_rows[] = {
    {.name = "interval",
     .type = RM_FIELD_U32,
     .offset = AT(interval_s),
     .max = YEAR_S,
     .doc = "seconds after which failures are forgotten while it is closed; 0: never"},
    {.name = "timeout",
     .type = RM_FIELD_U32,
     .offset = AT(timeout_s),
     .fallback = "60",
     .min = 1,
     .max = YEAR_S,
     .zero_is_unset = true,
     .doc = "seconds that it is open before a call is tried"},
    {.name = "max_errors",
     .type = RM_FIELD_U32,
     .offset = AT(max_errors),
     .max = 1000000,
     .doc = "failures in a row that are borne; the next one opens it"},
    {.name = "name", .type = RM_FIELD_STRING, .offset = AT(name), .doc = "what the log calls it"},
    {.name = "log_status_change",
     .type = RM_FIELD_BOOL,
     .offset = AT(log_status_change),
     .doc = "a line in the log when it opens, is tried, and closes"},
};
const struct rm_fields rm_breaker_fields = {.v = breaker_rows,
                                            .n = RM_COUNT(breaker_rows),
                                            .what = "key of qos/circuit-breaker",
                                            .is_optional = true,
                                            .given = AT(is_given)};
