// A backend's balance (balance.h). Pure but for the host's name.
// SPDX-License-Identifier: Apache-2.0
#include "flow/balance.h"

#include "base/hash.h"

#include <unistd.h>

uint64_t rm_balance_identity(void)
{
    char name[256] = "";
    if (gethostname(name, sizeof(name) - 1) != 0)
        name[0] = '\0';
    return rm_hash_bytes(0, rm_str_of(name));
}

void rm_balance_of(const struct rm_conf_balance *conf, struct rm_str zone, uint64_t identity, struct rm_balance *out)
{
    static const enum rm_balancer balancers[] = {[RM_CONF_ROUND_ROBIN] = RM_ROUND_ROBIN,
                                                 [RM_CONF_LEAST_REQUEST] = RM_LEAST_REQUEST,
                                                 [RM_CONF_RANDOM] = RM_RANDOM,
                                                 [RM_CONF_HASH] = RM_HASH};
    static const enum rm_zone_rule rules[] = {
        [RM_CONF_ZONE_HINTS] = RM_ZONE_HINTS, [RM_CONF_ZONE_PREFER] = RM_ZONE_PREFER, [RM_CONF_ZONE_OFF] = RM_ZONE_OFF};
    *out = (struct rm_balance){.balancer = balancers[conf->balancer],
                               .zone_rule = rules[conf->zone],
                               .zone_min_percent = conf->zone_min_percent,
                               .zone = zone,
                               .subset = conf->subset,
                               .identity = conf->subset > 0 ? identity : 0,
                               .ejects = conf->ejects,
                               .eject_after = conf->eject_after,
                               .eject_max_percent = conf->eject_max_percent,
                               .eject_base_us = conf->eject_base_us,
                               .eject_max_us = conf->eject_max_us};
}

uint64_t rm_balance_key(const struct rm_conf_balance *conf, const struct rm_request *rq)
{
    const struct rm_header *header;
    switch (conf->hash_on) {
    case RM_HASH_ON_HEADER:
        header = rm_headers_find(&rq->headers, conf->hash_header);
        return header ? rm_hash_bytes(0, header->value) : 0;
    case RM_HASH_ON_PARAM:
        return rm_hash_bytes(0, rq->params[conf->hash_param]);
    case RM_HASH_ON_CLIENT_IP:
        return rm_hash_bytes(0, rq->client_ip);
    case RM_HASH_ON_NOTHING:
        break;
    }
    return 0;
}
