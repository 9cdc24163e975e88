// extra_config.remora.drain of the service: what the first SIGTERM means. Applied by src/run.c.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf, member)
#define SECOND UINT64_C(1000000)

static const char *const drain_modes[] = {"at_once", "sidecar", "standalone"}; // enum rm_conf_drain

static const struct rm_field drain_rows[] = {
    {.name = "mode",
     .type = RM_FIELD_CHOICE,
     .offset = AT(drain_mode),
     .choices = drain_modes,
     .n_choices = RM_COUNT(drain_modes),
     .doc = "after SIGTERM: at_once closes the port, as KrakenD does; sidecar serves until nothing runs and a second "
            "of quiet; "
            "standalone serves for max, with Connection: close"},
    {.name = "max",
     .type = RM_FIELD_DURATION,
     .offset = AT(drain_max_us),
     .max = 600 * SECOND,
     .doc = "the longest that is served after SIGTERM; without it 25s as a sidecar, 10s standalone"},
};

static void drain_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf *conf = base;
    const struct rm_value *max = rm_value_get(r->arena, object, RM_STR("max"));
    if (!max)
        conf->drain_max_us = conf->drain_mode == RM_DRAIN_SIDECAR      ? 25 * SECOND
                             : conf->drain_mode == RM_DRAIN_STANDALONE ? 10 * SECOND
                                                                       : 0;
    else if (conf->drain_mode == RM_DRAIN_AT_ONCE && conf->drain_max_us > 0)
        rm_reader_warn(r, path, rm_doc_place(max), "max has no effect without mode: sidecar or standalone");
}

const struct rm_fields rm_drain_fields = {
    .v = drain_rows, .n = RM_COUNT(drain_rows), .what = "key of remora.drain", .finish = drain_finish};
