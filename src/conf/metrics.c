// extra_config["telemetry/metrics"] of the service: KrakenD's counters, which remora keeps anyway (admin/). Only its address is another.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define NO_EFFECT(key, type_, note_)                                                                                   \
    {                                                                                                                  \
        .name = (key), .type = (type_), .offset = RM_NOWHERE, .note = (note_), .doc = "ignored"                        \
    }
static const char metrics_place[] = "/metrics and /__stats are at extra_config.remora.admin.listen";
static const char metrics_cost[] = "counting costs next to nothing, and is always on";

static const struct rm_field metrics_rows[] = {
    NO_EFFECT("listen_address", RM_FIELD_STRING, metrics_place),
    NO_EFFECT("collection_time", RM_FIELD_DURATION, "the numbers are those of the moment"),
    NO_EFFECT("proxy_disabled", RM_FIELD_BOOL, metrics_cost),
    NO_EFFECT("router_disabled", RM_FIELD_BOOL, metrics_cost),
    NO_EFFECT("backend_disabled", RM_FIELD_BOOL, metrics_cost),
    NO_EFFECT("endpoint_disabled", RM_FIELD_BOOL, metrics_place),
};
const struct rm_fields rm_metrics_fields = {
    .v = metrics_rows, .n = RM_COUNT(metrics_rows), .what = "key of telemetry/metrics"};
