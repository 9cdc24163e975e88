// extra_config.remora of a backend: balancer, hash_on, zone, subset, retry and eject; and discovery of the service. sd/BALANCING.md
// explains them.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_backend, balance.member)
#define MS UINT64_C(1000)
#define HOUR (UINT64_C(3600000) * MS)
#define DAY (24 * HOUR)

static const struct rm_field retry_rows[] = {
    {.name = "attempts",
     .type = RM_FIELD_U32,
     .offset = AT(retry_attempts),
     .fallback = "3",
     .min = 1,
     .max = 10,
     .doc = "hosts that a call may try, the first included"},
    {.name = "budget_percent",
     .type = RM_FIELD_U32,
     .offset = AT(retry_budget_percent),
     .fallback = "20",
     .max = 100,
     .doc = "of the calls of the last ten seconds that may be tried again, beside ten a second"},
    {.name = "attempt_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(retry_attempt_us),
     .min = MS,
     .max = DAY,
     .zero_is_unset = true,
     .doc = "time of an attempt that another may follow; 0: all that is left"},
};
const struct rm_fields rm_retry_fields = {.v = retry_rows, .n = RM_COUNT(retry_rows), .what = "key of retry"};

static void eject_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    const struct rm_conf_balance *balance = &((const struct rm_conf_backend *)base)->balance;
    if (balance->eject_base_us > balance->eject_max_us)
        rm_reader_error(r, path, rm_doc_place(object), "base is longer than max");
}

static const struct rm_field eject_rows[] = {
    {.name = "after",
     .type = RM_FIELD_U32,
     .offset = AT(eject_after),
     .fallback = "5",
     .min = 1,
     .max = 1000000,
     .doc = "failures in a row; a host that cannot be reached goes at once"},
    {.name = "base",
     .type = RM_FIELD_DURATION,
     .offset = AT(eject_base_us),
     .fallback = "1s",
     .min = MS,
     .max = HOUR,
     .doc = "time of the first ejection; each one after it is twice as long"},
    {.name = "max",
     .type = RM_FIELD_DURATION,
     .offset = AT(eject_max_us),
     .fallback = "30s",
     .min = MS,
     .max = HOUR,
     .doc = "the longest time"},
    {.name = "max_percent",
     .type = RM_FIELD_U32,
     .offset = AT(eject_max_percent),
     .fallback = "50",
     .min = 1,
     .max = 100,
     .doc = "of a tier's hosts that may be out at a time; one may always be, the last one never"},
};
const struct rm_fields rm_eject_fields = {
    .v = eject_rows, .n = RM_COUNT(eject_rows), .what = "key of eject", .finish = eject_finish};

static const struct rm_field discovery_rows[] = {
    {.name = "hold",
     .type = RM_FIELD_DURATION,
     .offset = offsetof(struct rm_conf, hold_us),
     .fallback = "0s",
     .max = 365 * DAY,
     .doc = "how long the last hosts stay in use when nobody can tell; 0: for ever"},
    {.name = "hold_missing",
     .type = RM_FIELD_DURATION,
     .offset = offsetof(struct rm_conf, hold_missing_us),
     .fallback = "30s",
     .max = 365 * DAY,
     .doc = "how long they stay in use when the answer is that there is no such name"},
    {.name = "ready_wait",
     .type = RM_FIELD_DURATION,
     .offset = offsetof(struct rm_conf, ready_wait_us),
     .fallback = "15s",
     .max = DAY,
     .doc = "how long /readyz waits for the first answer of every source; 0s: not at all"},
};
const struct rm_fields rm_discovery_fields = {
    .v = discovery_rows, .n = RM_COUNT(discovery_rows), .what = "key of discovery"};

const struct rm_field rm_zone_variable = {
    .name = "zone", .type = RM_FIELD_STRING, .offset = offsetof(struct rm_conf, zone), .doc = "the pod's zone"};

// ---- hash_on -----------------------------------------------------------------------------------------------------------

static void hash_on_read(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                         const struct rm_conf_endpoint *endpoint, struct rm_conf_balance *balance)
{
    static const struct rm_str header = {"header:", 7}, param = {"param:", 6};
    struct rm_str text = balance->hash_on_text;
    if (rm_str_eq(text, RM_STR("client_ip"))) {
        balance->hash_on = RM_HASH_ON_CLIENT_IP;
    } else if (rm_str_starts(text, header) && rm_is_token(rm_str_sub(text, header.n, text.n))) {
        balance->hash_on = RM_HASH_ON_HEADER;
        balance->hash_header = rm_str_sub(text, header.n, text.n);
    } else if (rm_str_starts(text, param) && text.n > param.n) {
        if (rm_param_find(r, path, place, rm_str_sub(text, param.n, text.n), endpoint, &balance->hash_param))
            balance->hash_on = RM_HASH_ON_PARAM;
    } else {
        rm_reader_error(r, path, place, "found %s, allowed is header:NAME, param:NAME or client_ip",
                        rm_text_quote(r->found->arena, text));
    }
}

void rm_balance_check(struct rm_reader *r, const struct rm_path *backend, struct rm_value *object,
                      const struct rm_conf_endpoint *endpoint, struct rm_conf_balance *balance)
{
    struct rm_path extra = {.up = backend, .name = RM_STR("extra_config")};
    struct rm_path own = {.up = &extra, .name = RM_STR("remora")};
    struct rm_path hash_on = {.up = &own, .name = RM_STR("hash_on")},
                   balancer = {.up = &own, .name = RM_STR("balancer")}, zone = {.up = &own, .name = RM_STR("zone")};
    bool hashes = balance->balancer == RM_CONF_HASH, is_given = balance->hash_on_text.n > 0;
    bool zoneless = balance->zone == RM_CONF_ZONE_PREFER && r->conf->zone.n == 0;
    if (!hashes && !is_given && !zoneless)
        return;
    struct rm_value *space = rm_value_get(r->arena, rm_value_get(r->arena, object, extra.name), own.name);
    if (zoneless)
        rm_reader_warn(r, &zone, rm_doc_place(rm_value_get(r->arena, space, zone.name)),
                       "prefers nothing but hints: our zone is not known, extra_config.remora.kubernetes.zone of the "
                       "service or REMORA_ZONE says it");
    if (is_given)
        hash_on_read(r, &hash_on, rm_doc_place(rm_value_get(r->arena, space, hash_on.name)), endpoint, balance);
    if (is_given && !hashes)
        rm_reader_error(r, &hash_on, rm_doc_key_place(rm_value_get(r->arena, space, hash_on.name)),
                        "needs \"balancer\": \"hash\"");
    if (hashes && !is_given)
        rm_reader_error(r, &balancer, rm_doc_place(rm_value_get(r->arena, space, balancer.name)),
                        "hash needs \"hash_on\": header:NAME, param:NAME or client_ip");
}
