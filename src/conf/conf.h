// The configuration as remora understands it: KrakenD's format version 3 (and 1.x / version 2 names), checked, with all defaults and
// inheritance applied. Immutable after rm_conf_load(); one arena; no name is looked up in it on the request path.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "conf/doc.h"
#include "value/jws.h"
#include <remora/log.h>
#include <remora/sd.h>
#include <remora/value.h>

struct rm_strs {
    struct rm_str *v;
    size_t n;
};

enum rm_method { RM_GET, RM_POST, RM_PUT, RM_PATCH, RM_DELETE, RM_METHODS };
extern const char *const rm_method_names[RM_METHODS];

// A piece of a url_pattern, in order: "/u/{id}?q={resp0_a.b}".
enum rm_piece_kind {
    RM_PIECE_TEXT,  // literal bytes, as they go on the wire
    RM_PIECE_PARAM, // the endpoint's parameter number `param`
    RM_PIECE_REST,  // what the endpoint's wildcard stands for, its last parameter; behind a slash
    RM_PIECE_CLAIM, // a claim of the client's token: path of one name
    RM_PIECE_RESP,  // a field of backend number `backend`'s answer (sequential): path of names
};
struct rm_piece {
    enum rm_piece_kind kind;
    bool in_query;      // after the '?' : other encoding rules
    struct rm_str text; // literal, percent-encoded where needed; or the placeholder itself, "{id}"
    uint32_t param;
    uint32_t backend;    // < this backend's own number
    struct rm_strs path; // of RM_PIECE_RESP and RM_PIECE_CLAIM; at least one name
};

enum rm_conf_balancer { RM_CONF_ROUND_ROBIN, RM_CONF_LEAST_REQUEST, RM_CONF_RANDOM, RM_CONF_HASH };
enum rm_conf_zone { RM_CONF_ZONE_HINTS, RM_CONF_ZONE_PREFER, RM_CONF_ZONE_OFF };
// extra_config.remora.drain.mode: after the first SIGTERM.
enum rm_conf_drain { RM_DRAIN_AT_ONCE, RM_DRAIN_SIDECAR, RM_DRAIN_STANDALONE };
enum rm_conf_hash_on { RM_HASH_ON_NOTHING, RM_HASH_ON_HEADER, RM_HASH_ON_PARAM, RM_HASH_ON_CLIENT_IP };

// extra_config remora of a backend: which of its hosts a call gets, and what happens when that host fails (sd/BALANCING.md).
struct rm_conf_balance {
    enum rm_conf_balancer balancer;
    struct rm_str hash_on_text; // as written
    enum rm_conf_hash_on hash_on;
    struct rm_str hash_header; // its name
    uint32_t hash_param;       // the endpoint's parameter
    enum rm_conf_zone zone;
    uint32_t zone_min_percent;     // 20
    uint32_t subset;               // 0: all
    bool ejects;                   // default true
    uint32_t eject_after;          // 5
    uint64_t eject_base_us;        // 1 s
    uint64_t eject_max_us;         // 30 s
    uint32_t eject_max_percent;    // 50
    bool retries;                  // default true
    uint32_t retry_attempts;       // 3, with the first
    uint32_t retry_budget_percent; // 20
    uint64_t retry_attempt_us;     // 0: all the time that is left
};

// extra_config backend/graphql
struct rm_conf_graphql {
    int type;
    struct rm_value *query_value;
    bool is_mutation;
    enum rm_method method;
    struct rm_str query;        // empty: none
    struct rm_value *variables; // object, or NULL
    struct rm_str operation_name;
};

// extra_config auth/client-credentials of a backend.
struct rm_conf_credentials {
    bool is_given, is_disabled;
    struct rm_str client_id, client_secret, token_url, scopes;
    struct rm_value *params;
    struct rm_str form; // all that is posted but the first two, encoded
};

// extra_config remora.when of a backend.
struct rm_regex;
struct rm_conf_when {
    enum rm_when { RM_WHEN_ALWAYS, RM_WHEN_PARAM, RM_WHEN_HEADER, RM_WHEN_QUERY, RM_WHEN_FIELD } of;
    struct rm_str text;          // as written
    struct rm_str name;          // of the header or query pair
    uint32_t param, backend;     // of a parameter; of a field
    struct rm_strs field;
    struct rm_str equals, matches; // without both: it is there
    const struct rm_regex *regex;  // of `matches`
    bool has_equals, negated;
};

// extra_config backend/lambda, and lambda of remora's.
struct rm_conf_lambda {
    bool is_given;
    struct rm_str function, param_name, region, endpoint;
    uint32_t param; // without `function`: the endpoint's that names it
    uint32_t max_retries;
    bool sends_params; // the payload: the endpoint's parameters, else the client's body
    enum rm_conf_lambda_error { RM_CONF_LAMBDA_ERROR, RM_CONF_LAMBDA_DATA } error;
    enum rm_conf_lambda_answer { RM_CONF_LAMBDA_PAYLOAD, RM_CONF_LAMBDA_API_GATEWAY } answer;
};

// extra_config qos/ratelimit/router of an endpoint, qos/ratelimit/proxy of a backend (which has no clients).
enum rm_conf_by { RM_CONF_BY_NOTHING, RM_CONF_BY_IP, RM_CONF_BY_HEADER, RM_CONF_BY_PARAM };
struct rm_conf_ratelimit {
    bool is_given;
    double max_rate, client_max_rate; // in every_us; 0: no limit
    uint32_t capacity, client_capacity; // 0: by the rate
    uint64_t every_us;
    enum rm_conf_by strategy;
    struct rm_str key;
    uint32_t param; // the endpoint's, where `key` is one
};

// extra_config qos/circuit-breaker of a backend.
struct rm_conf_breaker {
    bool is_given;
    uint32_t interval_s, timeout_s, max_errors;
    struct rm_str name;
    bool log_status_change;
};

// extra_config security/bot-detector of the service or of an endpoint.
struct rm_conf_bot {
    bool is_given, empty_is_bot;
    struct rm_strs allow, deny, pattern_texts;
    const struct rm_regex **patterns; // of the texts
};

// extra_config qos/http-cache of a backend.
struct rm_conf_http_cache {
    bool is_given, shared;
    uint32_t max_items;
    size_t max_bytes;
};

// extra_config auth/validator of an endpoint.
enum rm_conf_key_by { RM_CONF_BY_KID, RM_CONF_BY_X5T, RM_CONF_BY_X5T_S256, RM_CONF_BY_KID_X5T };
struct rm_conf_propagate {
    struct rm_str claim, header;
};
struct rm_conf_validator {
    bool is_given;
    enum rm_jws_alg alg;
    struct rm_str jwk_local_path, jwk_url, jwk_local_ca; // of the first two one is there
    bool disable_jwk_security;
    uint32_t cache_duration_s;
    uint64_t cooldown_us;
    enum rm_conf_key_by key_by;
    struct rm_str header, cookie; // "Authorization", "access_token"
    uint64_t leeway_us;
    struct rm_str issuer;
    struct rm_strs audience, roles, scopes;
    struct rm_str roles_key, scopes_key;
    bool roles_key_is_nested, operation_debug;
    enum rm_conf_matcher { RM_CONF_ANY, RM_CONF_ALL } scopes_matcher;
    struct rm_value *propagate_value; // as written
    struct rm_conf_propagate *propagate;
    size_t n_propagate;
};

struct rm_martian;
struct rm_schema;

struct rm_conf_tls { // client_tls, of the service or of a backend
    struct rm_value *value; // as written; NULL: nothing is
    bool insecure;   // allow_insecure_connections here or at the root
    bool disable_system_ca_pool;
    struct rm_strs ca_certs;
    struct rm_str cert_file, key_file; // first of client_certs
    struct rm_str min_version, max_version;
};

struct rm_conf_backend {
    // "scheme://name[:port]", or with disable_host_sanitize "scheme://name[:port][/path]" as written (a path prefix; IPv6 in
    // brackets); the service's when the backend has none; empty is valid: calls answer "no hosts available". Other providers than
    // static get what the backend itself says, as written and checked by them.
    struct rm_strs hosts;
    struct rm_str sd; // a provider's name: "static", …
    struct rm_str sd_scheme;
    bool disable_host_sanitize;
    struct rm_str url_pattern; // as written, with its leading slash
    struct rm_piece *pieces;   // of it; a text ends before the '?' that begins the query
    size_t n_pieces;
    enum rm_method method;
    struct rm_str encoding; // resolved: a codec's name ("json" for unknown ones, with a warning)
    bool is_collection;
    // The steps' own configuration, of the right type and not empty: strings, lists of strings, an object of strings. NULL when absent.
    struct rm_value *target, *allow, *deny, *mapping, *group;
    // extra_config proxy: the flatmap's operations, or NULL; has_flatmap: it was asked for, and so allow, deny and mapping are NULL.
    struct rm_value *flatmap;
    bool has_flatmap;
    bool shadow;                // extra_config proxy: asked with the others, its answer is nobody's
    uint64_t shadow_timeout_us; // of a shadow backend; the endpoint's where none is given
    struct rm_strs input_headers;       // backend-level second filter; empty: none
    struct rm_strs input_query_strings; // likewise
    bool has_input_headers, has_input_query_strings;
    struct rm_conf_graphql graphql;
    struct rm_conf_lambda lambda;
    struct rm_conf_ratelimit ratelimit;
    struct rm_conf_breaker breaker;
    struct rm_conf_http_cache http_cache;
    struct rm_conf_credentials credentials;
    // extra_config modifier/martian
    const struct rm_martian *martian; // martian.h; NULL: none
    struct rm_value *martian_value;   // as written
    bool has_martian;
    // extra_config backend/http
    struct rm_str return_error_details; // "" off
    bool return_error_code;
    // extra_config backend/http/client
    bool send_body_on_redirect, no_redirect;
    struct rm_conf_tls client_tls; // where it has a value: instead of the service's, whole
    // extra_config remora
    bool required;
    struct rm_conf_when when;
    struct rm_strs response_headers;
    uint64_t timeout_us;     // 0: the endpoint's
    struct rm_str transport; // "curl", or empty: the fastest that can do it
    struct rm_conf_balance balance;
    struct rm_place place;
};

enum rm_conf_merge { RM_CONF_LAST, RM_CONF_FIRST, RM_CONF_DEEP, RM_CONF_APPEND };

enum rm_static_when {
    RM_STATIC_ALWAYS,
    RM_STATIC_SUCCESS,
    RM_STATIC_ERRORED,
    RM_STATIC_COMPLETE,
    RM_STATIC_INCOMPLETE
};

struct rm_conf_endpoint {
    struct rm_str path; // "/u/{id}", "/files/*"
    enum rm_method method;
    struct rm_strs params; // names in order of appearance
    bool has_rest;         // the path ends in a wildcard, which is the last of the parameters, "*"
    // Those that make the answer, then the shadow backends, each in the order of the file.
    struct rm_conf_backend *backends;
    size_t n_backends, n_shadows;
    uint64_t timeout_us;
    uint64_t cache_ttl_us;
    uint32_t concurrent_calls;    // >= 1
    struct rm_strs input_headers; // tokens, compared without case; empty when all_headers ("*")
    bool all_headers;
    struct rm_strs input_query_strings;
    bool all_query_strings;
    struct rm_str output_encoding; // resolved: a codec's name, "no-op" included
    // extra_config proxy
    bool sequential;
    struct rm_value *static_data; // object, or NULL
    enum rm_static_when static_when;
    struct rm_value *flatmap; // as a backend's, on the merged answer
    struct rm_conf_ratelimit ratelimit;
    // extra_config validation/json-schema
    const struct rm_schema *schema; // value/json_schema.h; NULL: none
    struct rm_value *schema_value;  // as written
    bool has_schema;
    // extra_config remora
    enum rm_conf_merge merge;
    enum rm_conf_status { RM_CONF_KRAKEND, RM_CONF_HONEST } status;
    uint64_t soft_deadline_us; // 0: none
    struct rm_conf_validator validator;
    struct rm_conf_bot bot;
    struct rm_place place;
};

struct rm_conf_router {
    bool return_error_msg;
    struct rm_str health_path; // "/__health"
    bool disable_health;
    bool auto_options;
    bool disable_access_log;
    struct rm_strs logger_skip_paths;
    bool hide_version_header;
    bool disable_redirect_trailing_slash;
    bool disable_redirect_fixed_path;
    bool disable_handle_method_not_allowed;
    bool disable_path_decoding;
    bool remove_extra_slash;
    bool forwarded_by_client_ip;                      // default true
    struct rm_strs remote_ip_headers;                 // default X-Forwarded-For, X-Real-IP
    struct rm_strs trusted_proxies;                   // CIDRs or addresses; default loopback (DESIGN §9)
    struct rm_value *error_body_404, *error_body_405; // JSON bodies, NULL: the plain text
};

// extra_config.remora.limits (threats.md): all on by default.
struct rm_conf_limits {
    uint32_t head_bytes;         // request line and headers: max_header_bytes; 8 KiB
    uint32_t headers;            // 100
    size_t client_body_bytes;    // 10 MiB
    uint32_t backend_head_bytes; // 64 KiB
    size_t backend_body_bytes;   // 16 MiB, decoded
    uint32_t json_depth;         // 512
    uint32_t json_nodes;         // 200,000
    size_t bodies_bytes;         // 48 MiB in the whole process
    uint32_t connections;        // 1024, over all workers: a hostile one costs 29 KB and more
    uint32_t shadow_requests;    // 100, of each worker
    uint64_t head_timeout_us;    // 5 s (read_header_timeout)
    uint64_t idle_timeout_us;    // 60 s (idle_timeout)
    uint64_t body_timeout_us;    // 10 s without progress of a body in either direction (read_timeout / write_timeout)
};

// extra_config.remora.dns
struct rm_conf_dns {
    struct rm_strs servers;          // "10.0.0.10:53", "[fd00::10]:53"; none: those of /etc/resolv.conf
    uint64_t timeout_us;             // of one server at the first of three tries; 2 s
    uint64_t min_ttl_us, max_ttl_us; // what a record's TTL is kept within; 1 s, 1 h
};

// A listener beside the endpoints'.
struct rm_conf_listen {
    struct rm_str ip; // an IP literal without brackets
    uint16_t port;    // 0: there is none
    bool is_default;  // nobody has asked for this address: that it is taken is no error
};

struct rm_conf_key {
    struct rm_str certificate, key; // PEM files
};
enum rm_conf_tls_version { RM_CONF_TLS12, RM_CONF_TLS13 };
struct rm_conf_server_tls { // tls
    bool disabled;
    struct rm_conf_key *keys;
    size_t n_keys; // 0: plain HTTP
    enum rm_conf_tls_version min_version, max_version; // TLS 1.3 both
    const char *ciphers12, *ciphers13, *groups;        // as OpenSSL calls them, with colons between
    bool enable_mtls;
    struct rm_strs ca_certs;
    bool no_system_ca; // default true
    // as the file has them
    struct rm_conf_key single; // public_key and private_key beside keys
    struct rm_value *keys_value, *ciphers, *curves;
};

// extra_config.remora.kubernetes; "" stands for what Kubernetes puts into a pod.
enum rm_conf_addresses { RM_CONF_BOTH, RM_CONF_IPV4, RM_CONF_IPV6 };
struct rm_conf_kubernetes {
    struct rm_str api_server; // "https://10.96.0.1:443"
    struct rm_str token_file, ca_file;
    struct rm_str namespace_; // of hosts that name none
    struct rm_str node;
    enum rm_conf_addresses addresses;
};

struct rm_conf_cors { // extra_config security/cors
    bool is_given;
    struct rm_strs allow_origins, allow_methods, allow_headers, expose_headers; // "*" is all of them; methods in capitals
    bool allow_credentials, allow_private_network, options_passthrough;
    uint32_t options_success_status;
    uint64_t max_age_us; // 0: not said
};

struct rm_conf_secure { // extra_config security/http; "" and 0: not said
    bool is_given;
    struct rm_strs allowed_hosts, host_proxy_headers;
    struct rm_value *ssl_proxy_headers; // an object of strings, or NULL
    bool ssl_redirect, sts_include_subdomains, frame_deny, content_type_nosniff, browser_xss_filter, is_development;
    struct rm_str ssl_host, frame_options, content_security_policy, referrer_policy;
    uint32_t sts_seconds;
};

struct rm_conf {
    struct rm_arena arena; // holds this struct too
    struct rm_doc doc;

    struct rm_str name;
    uint16_t port;           // 8080
    struct rm_str listen_ip; // an IP literal; "" all addresses
    uint64_t timeout_us;     // 2 s
    // Defaults of endpoints and backends: already inherited by them.
    uint64_t cache_ttl_us;
    struct rm_strs hosts;
    struct rm_str output_encoding;
    bool disable_rest;
    uint64_t read_timeout_us, write_timeout_us; // 0: not given; the longer one is limits.body_timeout_us
    bool echo_endpoint, debug_endpoint;
    uint64_t max_shutdown_wait_us; // 0: without limit
    // outgoing
    uint64_t dialer_timeout_us, dialer_keep_alive_us, idle_connection_timeout_us, response_header_timeout_us;
    uint32_t max_idle_connections_per_host; // 250
    uint32_t max_idle_connections;          // 0: no limit
    bool disable_keep_alives, disable_compression;
    uint64_t dns_cache_ttl_us;
    struct rm_conf_server_tls tls;
    struct rm_conf_tls client_tls;
    bool allow_insecure_connections; // the root's key; client_tls.insecure is what counts

    struct rm_conf_router router;
    struct rm_conf_cors cors;
    struct rm_conf_secure secure;
    struct rm_conf_bot bot;
    struct rm_conf_limits limits;
    struct rm_conf_dns dns;
    // extra_config telemetry/logging
    enum rm_level log_level; // INFO (KrakenD: DEBUG needs to be asked for)
    struct rm_str log_prefix;
    enum rm_log_format log_format;
    bool log_stdout; // default true: a container's log is its standard output
    // extra_config remora
    uint32_t workers;   // 0: by the CPU quota
    struct rm_str zone; // where this pod runs; "": unknown
    struct rm_conf_kubernetes kubernetes;
    uint64_t hold_us, hold_missing_us; // discovery: 0 for ever; 30 s
    uint64_t ready_wait_us;            // discovery: 15 s
    enum rm_conf_drain drain_mode;
    uint64_t drain_max_us;
    struct rm_conf_listen admin;  // 127.0.0.1:8091
    struct rm_conf_listen probes; // none

    struct rm_conf_endpoint *endpoints;
    size_t n_endpoints;
};

struct rm_finding {
    bool is_error; // else a warning
    struct rm_place place;
    struct rm_str path; // "endpoints[0].backend[1].allow"; "" for the file itself
    struct rm_str text; // what was found, what is allowed, the nearest known name
};

struct rm_findings {
    struct rm_arena *arena;
    struct rm_finding *v;
    size_t n, cap, n_errors;
};

struct rm_conf_options {
    bool strict;                // unknown keys are errors
    int port;                   // -p: wins over file and environment; 0: not given
    bool debug;                 // -d
    const char *const *environ; // KRAKEND_*, REMORA_*; NULL: none
    // What "sd" may name, ended by NULL (rm_sd_providers); NULL: static, whose hosts this layer checks by itself.
    const struct rm_sd_ops *const *providers;
};

// Reads, checks and completes a configuration. All errors of the file are found, in file order, not the first only. On RM_OK *out
// is whole and found->n_errors is 0 (warnings may be there); on RM_ECONF there is at least one error and *out is NULL.
// `found` (zeroed, but for its arena) and its texts live in `arena`.
int rm_conf_load(const char *path, const struct rm_conf_options *, struct rm_conf **out, struct rm_findings *found,
                 struct rm_arena *arena) RM_MUST_CHECK;
int rm_conf_parse(struct rm_str file, struct rm_str text, const struct rm_conf_options *, struct rm_conf **out,
                  struct rm_findings *found, struct rm_arena *arena) RM_MUST_CHECK; // from memory
// `check -t`: opens the files that the configuration names; adds findings. `pair` looks at a certificate and its key together, as who
// serves them would: RM_OK, RM_ETLS for what is a warning, another code for an error, all with a text.
void rm_conf_check_files(const struct rm_conf *, struct rm_findings *found,
                         int (*pair)(const char *certificate, const char *key, struct rm_err *));
// A reload: what a running process cannot change (addresses, workers, some limits, how discovery asks) becomes as it runs, with a warning
// for each key that says otherwise.
void rm_conf_keep(struct rm_conf *, const struct rm_conf *running, struct rm_findings *found);
void rm_conf_free(struct rm_conf *); // NULL is fine

// "FILE:LINE:COLUMN: error: PATH: TEXT" for a person and a CI job.
struct rm_str rm_finding_format(struct rm_arena *, struct rm_str file, const struct rm_finding *);

// `check -d`: the whole configuration as understood (defaults applied), as indented JSON, secrets masked. In the arena.
struct rm_str rm_conf_dump(const struct rm_conf *, struct rm_arena *);
// `keys`: every key that can be read, as Markdown, and as a JSON Schema. In the arena.
struct rm_str rm_conf_keys(struct rm_arena *);
struct rm_str rm_conf_schema(struct rm_arena *);

#endif
