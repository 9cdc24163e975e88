// The root object: the service's keys, their defaults, and what follows from them together.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"
#include "conf/unit.h"

#include <arpa/inet.h>

#define AT(member) offsetof(struct rm_conf, member)
#define HEAD_MIN 1024
#define HEAD_MAX (4 << 20)
#define MS UINT64_C(1000)
#define DAY (UINT64_C(86400000) * MS)

static void service_version(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    uint64_t version = 0;
    (void)base;
    bool is_number = (value->type == RM_NUMBER || value->type == RM_STRING) && !rm_whole_parse(value->raw, &version);
    if (is_number && version == 2)
        rm_reader_warn(r, path, rm_doc_place(value), "version 2 is read with its old names: write version 3");
    else if (!is_number || version != 3)
        rm_reader_error(r, path, rm_doc_place(value), "found %s, allowed is 3 (or 2, which is read as 3)",
                        rm_value_describe(r->found->arena, value));
}

static void service_hosts(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf *conf = base;
    if (conf->hosts.n > 0)
        rm_hosts_read(r, path, value, false, &conf->hosts);
}

static void service_listen_ip(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf *conf = base;
    unsigned char address[16];
    if (conf->listen_ip.n == 0)
        return;
    const char *text = rm_arena_cstr(r->arena, conf->listen_ip);
    if (inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
        rm_reader_error(r, path, rm_doc_place(value), "%s is no IP address: names are not looked up here",
                        rm_text_quote(r->found->arena, conf->listen_ip));
}

static void service_output(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf *conf = base;
    if (value->type == RM_STRING && value->raw.n > 0)
        rm_encoding_output(r, path, rm_doc_place(value), &conf->output_encoding, RM_STR("json"));
}

static const struct rm_field service_rows[] = {
    {.name = "version",
     .type = RM_FIELD_CUSTOM,
     .offset = RM_NOWHERE,
     .read = service_version,
     .doc = "of the format: 3"},
    {.name = "name", .type = RM_FIELD_STRING, .offset = AT(name), .doc = "a label"},
    {.name = "port",
     .type = RM_FIELD_U16,
     .offset = AT(port),
     .fallback = "8080",
     .min = 1,
     .max = 65535,
     .zero_is_unset = true,
     .doc = "port to listen on"},
    {.name = "listen_ip",
     .type = RM_FIELD_STRING,
     .offset = AT(listen_ip),
     .read = service_listen_ip,
     .doc = "address to listen on; without it all"},
    {.name = "timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(timeout_us),
     .fallback = "2s",
     .zero_is_unset = true,
     .doc = "default of the endpoints' timeout"},
    {.name = "cache_ttl",
     .type = RM_FIELD_DURATION,
     .offset = AT(cache_ttl_us),
     .doc = "default of the endpoints' cache_ttl"},
    {.name = "host",
     .type = RM_FIELD_STRINGS,
     .offset = AT(hosts),
     .read = service_hosts,
     .doc = "default of the backends' host"},
    {.name = "output_encoding",
     .type = RM_FIELD_STRING,
     .offset = AT(output_encoding),
     .fallback = "json",
     .zero_is_unset = true,
     .read = service_output,
     .doc = "default of the endpoints' output_encoding"},
    {.name = "endpoints", .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = "list of endpoints"},
    {.name = "extra_config", .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = "further features, by namespace"},
    {.name = "disable_rest",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_rest),
     .doc = "parameters may stand inside a segment; not in this version"},
    {.name = "debug_endpoint", .type = RM_FIELD_BOOL, .offset = AT(debug_endpoint), .doc = "serve /__debug/"},
    {.name = "echo_endpoint", .type = RM_FIELD_BOOL, .offset = AT(echo_endpoint), .doc = "serve /__echo/"},
    {.name = "max_shutdown_wait_time",
     .type = RM_FIELD_DURATION,
     .offset = AT(max_shutdown_wait_us),
     .doc = "how long running requests may take after SIGTERM; 0: without limit"},
    {.name = "max_header_bytes",
     .type = RM_FIELD_SIZE32,
     .offset = AT(limits.head_bytes),
     .min = HEAD_MIN,
     .max = HEAD_MAX,
     .zero_is_unset = true,
     .doc = "most of a request's line and headers; remora.limits.head_bytes"},
    {.name = "read_header_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(limits.head_timeout_us),
     .min = MS,
     .max = DAY,
     .zero_is_unset = true,
     .doc = "time for a request's headers; remora.limits.head_timeout"},
    {.name = "idle_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(limits.idle_timeout_us),
     .min = MS,
     .max = DAY,
     .zero_is_unset = true,
     .doc = "rest of a client connection between requests; remora.limits.idle_timeout"},
    {.name = "read_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(read_timeout_us),
     .min = MS,
     .max = DAY,
     .zero_is_unset = true,
     .doc = "time without progress of a body; the longer of it and write_timeout is remora.limits.body_timeout"},
    {.name = "write_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(write_timeout_us),
     .min = MS,
     .max = DAY,
     .zero_is_unset = true,
     .doc = "see read_timeout"},
    {.name = "dialer_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(dialer_timeout_us),
     .doc = "time for a connection to a backend; 0: the call's own deadline alone"},
    {.name = "dialer_keep_alive",
     .type = RM_FIELD_DURATION,
     .offset = AT(dialer_keep_alive_us),
     .fallback = "15s",
     .zero_is_unset = true,
     .doc = "period of TCP keep-alive towards backends"},
    {.name = "dialer_fallback_delay",
     .type = RM_FIELD_DURATION,
     .offset = RM_NOWHERE,
     .note = "each address of a name is a host of its own",
     .doc = "ignored"},
    {.name = "expect_continue_timeout",
     .type = RM_FIELD_DURATION,
     .offset = RM_NOWHERE,
     .note = "remora does not send Expect to backends",
     .doc = "ignored"},
    {.name = "idle_connection_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(idle_connection_timeout_us),
     .fallback = "4s",
     .zero_is_unset = true,
     .doc = "rest of a backend connection between calls"},
    {.name = "response_header_timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(response_header_timeout_us),
     .doc = "time for a backend's headers; 0: the call's own deadline alone"},
    {.name = "max_idle_connections",
     .type = RM_FIELD_U32,
     .offset = AT(max_idle_connections),
     .max = 1000000,
     .doc = "idle backend connections in all; 0: no limit"},
    {.name = "max_idle_connections_per_host",
     .type = RM_FIELD_U32,
     .offset = AT(max_idle_connections_per_host),
     .fallback = "250",
     .max = 1000000,
     .zero_is_unset = true,
     .doc = "idle connections to one host"},
    {.name = "disable_keep_alives",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_keep_alives),
     .doc = "a new connection for each call"},
    {.name = "disable_compression",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_compression),
     .doc = "do not ask backends for gzip"},
    {.name = "dns_cache_ttl",
     .type = RM_FIELD_DURATION,
     .offset = AT(dns_cache_ttl_us),
     .fallback = "30s",
     .zero_is_unset = true,
     .doc = "the longest that sd: dns uses a record before it asks again, whatever its TTL"},
    {.name = "allow_insecure_connections",
     .type = RM_FIELD_BOOL,
     .offset = AT(allow_insecure_connections),
     .doc = "take any certificate of a backend"},
    {.name = "client_tls",
     .type = RM_FIELD_NESTED,
     .offset = AT(client_tls),
     .nested = &rm_client_tls_fields,
     .doc = "TLS towards backends"},
    {.name = "tls",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_server_tls_fields,
     .doc = "TLS towards clients"},
    {.name = "use_h2c",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "clients are served HTTP/1.1",
     .doc = "HTTP/2 without TLS; not in this version"},
    {.name = "async_agent",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "remove it, and leave message consumers to KrakenD",
     .doc = "message consumers; not in this version"},
    {.name = "plugin",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "Go plugins cannot be loaded: remove it",
     .doc = "Go plugins; not in remora"},
    {.name = "sequential_start",
     .type = RM_FIELD_BOOL,
     .offset = RM_NOWHERE,
     .note = "there are no async agents to start",
     .doc = "ignored"},
};
const struct rm_fields rm_service_fields = {
    .v = service_rows, .n = RM_COUNT(service_rows), .what = "key", .weak = true};

// The longer of the two body timeouts that KrakenD has; 0: neither is given.
static uint64_t service_body_timeout(const struct rm_conf *conf)
{
    return conf->read_timeout_us > conf->write_timeout_us ? conf->read_timeout_us : conf->write_timeout_us;
}

void rm_service_read(struct rm_reader *r, struct rm_value *root, const char *const *environ)
{
    struct rm_conf *conf = r->conf;
    struct rm_path version = {.name = RM_STR("version")}, extra = {.name = RM_STR("extra_config")};
    const struct rm_value *value = rm_value_get(r->arena, root, version.name);
    rm_fields_defaults(r, &rm_service_fields, conf);
    rm_extra_defaults(r, RM_EXTRA_SERVICE, conf);
    if (!value || value->type == RM_NULL)
        rm_reader_error(r, &version, rm_doc_place(value ? value : root),
                        "is missing: write \"version\": 3 (2 is read, too)");
    rm_fields_read(r, &rm_service_fields, NULL, root, conf);

    // remora.limits wins over KrakenD's keys, and the environment over the file.
    uint64_t body_timeout = service_body_timeout(conf);
    if (body_timeout > 0)
        conf->limits.body_timeout_us = body_timeout;
    rm_extra_read(r, RM_EXTRA_SERVICE, &extra, rm_value_get(r->arena, root, extra.name), conf);
    rm_env_read(r, environ);
    if (service_body_timeout(conf) != body_timeout)
        conf->limits.body_timeout_us = service_body_timeout(conf);
    conf->client_tls.insecure |= conf->allow_insecure_connections;
}
