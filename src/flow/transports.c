// The distinct transports of a plan (transports.h): a backend's settings from its configuration, and which are alike.
// SPDX-License-Identifier: Apache-2.0
#include "flow/transports.h"

#include "conf/conf.h"
#include "flow/plan.h"

static struct rm_transport_conf transport_conf(const struct rm_conf *conf, const struct rm_conf_backend *backend)
{
    const struct rm_conf_tls *tls = backend->client_tls.value ? &backend->client_tls : &conf->client_tls;
    return (struct rm_transport_conf){
        .connect_timeout_us = conf->dialer_timeout_us,
        .idle_timeout_us = conf->idle_connection_timeout_us,
        .response_header_timeout_us = conf->response_header_timeout_us,
        .max_idle_per_host = conf->max_idle_connections_per_host,
        .max_idle = conf->max_idle_connections,
        .keep_alive = !conf->disable_keep_alives,
        .tcp_keep_alive_us = conf->dialer_keep_alive_us,
        .tls_insecure = tls->insecure,
        .tls_no_system_ca = tls->disable_system_ca_pool,
        .tls_ca_files = tls->ca_certs.v,
        .n_tls_ca_files = tls->ca_certs.n,
        .tls_cert_file = tls->cert_file,
        .tls_key_file = tls->key_file,
        .tls_min_version = tls->min_version,
        .tls_max_version = tls->max_version,
    };
}

static bool transport_same_files(const struct rm_transport_conf *a, const struct rm_transport_conf *b)
{
    if (a->n_tls_ca_files != b->n_tls_ca_files)
        return false;
    for (size_t i = 0; i < a->n_tls_ca_files; i++)
        if (!rm_str_eq(a->tls_ca_files[i], b->tls_ca_files[i]))
            return false;
    return rm_str_eq(a->tls_cert_file, b->tls_cert_file) && rm_str_eq(a->tls_key_file, b->tls_key_file) &&
           a->tls_files == b->tls_files;
}

static bool transport_same_own(const struct rm_transport_conf *a, const struct rm_transport_conf *b)
{
    if (a->n_own != b->n_own)
        return false;
    for (size_t i = 0; i < a->n_own; i++)
        if (!rm_str_eq(a->own[i].name, b->own[i].name) || !rm_str_eq(a->own[i].value, b->own[i].value))
            return false;
    return true;
}

bool rm_plan_transport_same(const struct rm_plan_transport *one, const struct rm_plan_transport *other)
{
    const struct rm_transport_conf *a = &one->conf, *b = &other->conf;
    return one->ops == other->ops && a->connect_timeout_us == b->connect_timeout_us &&
           a->idle_timeout_us == b->idle_timeout_us && a->response_header_timeout_us == b->response_header_timeout_us &&
           a->max_idle_per_host == b->max_idle_per_host && a->max_idle == b->max_idle &&
           a->keep_alive == b->keep_alive && a->tcp_keep_alive_us == b->tcp_keep_alive_us &&
           a->tls_insecure == b->tls_insecure && a->tls_no_system_ca == b->tls_no_system_ca &&
           rm_str_eq(a->tls_min_version, b->tls_min_version) && rm_str_eq(a->tls_max_version, b->tls_max_version) &&
           transport_same_files(a, b) && transport_same_own(a, b);
}

uint32_t rm_plan_add_transport(struct rm_plan *plan, const struct rm_conf_backend *conf)
{
    struct rm_plan_transport wanted = {
        .ops = rm_str_eq(conf->transport, RM_STR("curl")) ? &rm_transport_curl : &rm_transport_h1,
        .conf = transport_conf(plan->conf, conf),
    };
    for (uint32_t i = 0; i < plan->n_transports; i++)
        if (rm_plan_transport_same(plan->transports[i], &wanted))
            return i;
    struct rm_plan_transport *transport = RM_NEW(&plan->arena, struct rm_plan_transport);
    *transport = wanted;
    plan->transports[plan->n_transports] = transport;
    return plan->n_transports++;
}
