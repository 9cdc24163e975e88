// The parts that rm_conf_parse() is made of, one noun a file. For conf/ only.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/field.h"

// service.c: all of the root but its endpoints; the environment over it (NULL: none).
extern const struct rm_fields rm_service_fields;
void rm_service_read(struct rm_reader *, struct rm_value *root, const char *const *environ);
extern const struct rm_fields rm_client_tls_fields; // tls.c
extern const struct rm_fields rm_server_tls_fields; // server_tls.c

// env.c: KRAKEND_<KEY> and REMORA_<KEY> over the root's scalar keys.
void rm_env_read(struct rm_reader *, const char *const *environ);

// extra.c: extra_config at the three levels; `owner` is the rm_conf, rm_conf_endpoint or rm_conf_backend.
enum rm_extra_level { RM_EXTRA_SERVICE, RM_EXTRA_ENDPOINT, RM_EXTRA_BACKEND, RM_EXTRA_LEVELS };
void rm_extra_defaults(struct rm_reader *, enum rm_extra_level, void *owner);
void rm_extra_read(struct rm_reader *, enum rm_extra_level, const struct rm_path *up, struct rm_value *object,
                   void *owner);
// The i-th namespace that is implemented at a level. False: no more.
struct rm_extra_space {
    const char *name, *long_name; // the latter of KrakenD 1.x; NULL: none
    const struct rm_fields *fields;
};
bool rm_extra_space(enum rm_extra_level level, size_t i, struct rm_extra_space *);
// absent.c: the i-th that KrakenD has and remora does not. NULL: no more.
struct rm_extra_absent {
    const char *name, *long_name, *what, *instead;
};
const struct rm_extra_absent *rm_extra_absent(size_t i);
extern const struct rm_fields rm_cors_fields, rm_secure_fields;         // cors.c, secure.c
extern const struct rm_fields rm_metrics_fields;                        // metrics.c
extern const struct rm_fields rm_router_fields, rm_logging_fields;      // router.c, logging.c
extern const struct rm_fields rm_proxy_fields, rm_proxy_backend_fields; // proxy.c
// flatmap.c: the operations that are known; NULL where there are none.
struct rm_value *rm_flatmap_check(struct rm_reader *, const struct rm_path *, struct rm_value *list);
// graphql.c: what the endpoint must have for it; `object` is the extra_config.
extern const struct rm_fields rm_graphql_fields;
void rm_graphql_check(struct rm_reader *, const struct rm_path *extra, struct rm_value *object,
                      const struct rm_conf_endpoint *, struct rm_conf_backend *);
// bodies.c: of an endpoint that has been read but for its backends.
extern const struct rm_fields rm_bodies_fields;
void rm_bodies_check(struct rm_reader *, const struct rm_path *extra, const struct rm_conf_endpoint *);
// martian.c: what does not go with the endpoint's encoding.
extern const struct rm_fields rm_martian_fields;
void rm_martian_check(struct rm_reader *, const struct rm_path *extra, const struct rm_conf_endpoint *,
                      const struct rm_conf_backend *);
extern const struct rm_fields rm_http_fields, rm_http_client_fields;                        // http.c
extern const struct rm_fields rm_http_cache_fields;                                         // http_cache.c
// path.c: the endpoint's parameter of that name; false, with a finding: there is none.
bool rm_param_find(struct rm_reader *, const struct rm_path *, struct rm_place, struct rm_str name,
                   const struct rm_conf_endpoint *, uint32_t *index);
// pattern.c: "resp<N>_<path>": true when the name has this form; and the path's names.
bool rm_pattern_resp(struct rm_str name, uint64_t *backend, struct rm_str *field);
struct rm_strs rm_pattern_split(struct rm_arena *, struct rm_str field);
// when.c: `object` is the extra_config, NULL: none; `index` the backend's.
extern const struct rm_fields rm_when_fields;
void rm_when_check(struct rm_reader *, const struct rm_path *extra, struct rm_value *object,
                   const struct rm_conf_endpoint *, size_t index, struct rm_conf_backend *);
// own.c: what extra_config.remora of an endpoint and of its backends means together; `object` is the endpoint.
void rm_own_endpoint_check(struct rm_reader *, const struct rm_path *extra, struct rm_value *object,
                           const struct rm_conf_endpoint *);
// lambda.c: what it makes of the backend; `object` is the extra_config.
extern const struct rm_fields rm_lambda_fields, rm_lambda_own_fields;
void rm_lambda_check(struct rm_reader *, const struct rm_path *extra, struct rm_value *object,
                     const struct rm_conf_endpoint *, struct rm_conf_backend *);
extern const struct rm_fields rm_credentials_fields; // credentials.c
extern const struct rm_fields rm_bot_fields, rm_bot_endpoint_fields;                                // bot.c
extern const struct rm_fields rm_breaker_fields;                                            // breaker.c
extern const struct rm_fields rm_ratelimit_fields, rm_ratelimit_backend_fields;             // ratelimit.c
extern const struct rm_fields rm_validator_fields;                                          // validator.c
extern const struct rm_fields rm_own_fields, rm_own_endpoint_fields, rm_own_backend_fields; // own.c
extern const struct rm_fields rm_limits_fields;                                             // limits.c
extern const struct rm_fields rm_drain_fields;                                              // drain.c
extern const struct rm_fields rm_dns_fields;                                                // dns.c
extern const struct rm_fields rm_kubernetes_fields;                                         // kubernetes.c
extern const struct rm_fields rm_retry_fields, rm_eject_fields, rm_discovery_fields;        // balance.c
// balance.c: hash_on of a backend that has been read, against its balancer and the endpoint's parameters.
void rm_balance_check(struct rm_reader *, const struct rm_path *backend, struct rm_value *object,
                      const struct rm_conf_endpoint *, struct rm_conf_balance *);
extern const struct rm_field rm_zone_variable;                   // REMORA_ZONE
extern const struct rm_fields rm_admin_fields, rm_probes_fields; // listen.c
// No two listeners at one address; when the environment and the command line have been read.
void rm_listen_check(struct rm_reader *, struct rm_value *root);

// endpoint.c, backend.c
extern const struct rm_fields rm_endpoint_fields, rm_backend_fields;
void rm_endpoints_read(struct rm_reader *, struct rm_value *root);
void rm_backend_read(struct rm_reader *, const struct rm_path *, struct rm_value *object,
                     const struct rm_conf_endpoint *, size_t index);
// routes.c: no two endpoints at one place.
void rm_routes_check(struct rm_reader *, struct rm_value *endpoints);

// path.c: an endpoint's path: its leading slash, its parameters' names, and what may not stand there.
void rm_endpoint_path_read(struct rm_reader *, const struct rm_path *, struct rm_place, struct rm_conf_endpoint *);
// pattern.c: compiles backend->url_pattern.
void rm_pattern_compile(struct rm_reader *, const struct rm_path *, struct rm_place, const struct rm_conf_endpoint *,
                        size_t index);

// host.c: NULL, or why it is no http:// or https:// URL with a host.
const char *rm_url_wrong(struct rm_str url);
// `list` is the value that names them: a string or a list.
void rm_hosts_read(struct rm_reader *, const struct rm_path *, struct rm_value *list, bool verbatim,
                   struct rm_strs *hosts);

// encoding.c: names of codecs, with a finding where KrakenD's name is not one of ours.
void rm_encoding_input(struct rm_reader *, const struct rm_path *, struct rm_place, struct rm_str *encoding);
// `fallback` is what an unknown name means.
void rm_encoding_output(struct rm_reader *, const struct rm_path *, struct rm_place, struct rm_str *encoding,
                        struct rm_str fallback);

// layout.c: a value as JSON text for people, one member a line. In the arena.
struct rm_str rm_layout(struct rm_arena *, const struct rm_value *);

bool rm_is_token(struct rm_str); // RFC 9110 5.6.2
// Checks that all are header names; `all` (may be NULL) says whether "*" is one of them: then the list is emptied.
void rm_header_names_check(struct rm_reader *, const struct rm_path *, const struct rm_value *list, struct rm_strs *,
                           bool *all);

#endif
