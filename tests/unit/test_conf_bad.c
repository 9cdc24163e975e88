// Configurations that must be refused, or warned about: each finding's place, path and what it says. A '^' marks the place.
// SPDX-License-Identifier: Apache-2.0
#include "conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum bad_kind {
    WRONG,   // an error
    WARNS,   // a warning
    UNKNOWN, // a warning, and with --strict an error
};

struct bad_case {
    enum bad_kind kind;
    const char *path;
    const char *phrase;
    const char *text; // a '{' at its start: JSON
};

#define TLS_KEYS "keys: [{public_key: a, private_key: b}]"
#define TLS(s) SERVICE("tls: {" TLS_KEYS ", " s "}")
// Around what is wrong in an endpoint, a backend, or either's extra_config.
#define SERVICE(s) "version: 3\n" s "\n"
#define ENDPOINT(s) SERVICE("endpoints:\n- endpoint: /x\n  backend: [{host: h, url_pattern: /y}]\n  " s)
#define BACKEND(s) SERVICE("endpoints:\n- endpoint: /x/{a}\n  backend:\n  - url_pattern: /y\n    host: h\n    " s)
#define HOST(s) SERVICE("endpoints:\n- endpoint: /x/{a}\n  backend:\n  - url_pattern: /y\n    host: " s)
#define PATTERN(s) SERVICE("endpoints:\n- endpoint: /x/{a}/{user-id}\n  backend:\n  - host: h\n    url_pattern: " s)
#define PATH(s) SERVICE("endpoints:\n- endpoint: " s "\n  backend: [{host: h, url_pattern: /y}]")
#define SERVICE_EXTRA(s) SERVICE("extra_config: {" s "}")
#define ENDPOINT_EXTRA(s) ENDPOINT("extra_config: {" s "}")
#define BACKEND_EXTRA(s) BACKEND("extra_config: {" s "}")
#define OWN "endpoints[0].backend[0].extra_config.remora."
#define FLATMAP(s) ENDPOINT_EXTRA("proxy: {flatmap_filter: [{" s "}]}")
#define GRAPHQL "endpoints[0].backend[0].extra_config.backend/graphql"
#define FLATMAP_ENDPOINT "endpoints[0].extra_config.proxy.flatmap_filter"
#define FLATMAP_BACKEND "endpoints[0].backend[0].extra_config.proxy.flatmap_filter"

#define RATE_AT "endpoints[0].extra_config.qos/ratelimit/router."
#define RATE(s) ENDPOINT_EXTRA("qos/ratelimit/router: {" s "}")
#define BACKEND_RATE(s) BACKEND_EXTRA("qos/ratelimit/proxy: {" s "}")

#define JWT_AT "endpoints[0].extra_config.auth/validator."
#define LAMBDA_AT "endpoints[0].backend[0].extra_config.backend/lambda"
#define JWT(s) ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_local_path: f, " s "}")

static const struct bad_case bad_policies[] = {
    {WRONG, RATE_AT "max_rate", "the text \"9\", allowed is a number from 0 on", RATE("max_rate: ^'9'")},
    {WRONG, RATE_AT "max_rate", "the number -1, allowed is a number from 0 on", RATE("max_rate: ^-1")},
    {WRONG, RATE_AT "every", "found the text \"500ms\", allowed is a duration from 1s to", RATE("every: ^500ms")},
    {WRONG, RATE_AT "capacity", "the number 1.5 is no whole number", RATE("capacity: ^1.5")},
    {WARNS, RATE_AT "strategy", "which is ignored, as in KrakenD: allowed is one of none, ip, header, param",
     RATE("strategy: ^token")},
    {WARNS, RATE_AT "client_max_rate", "no effect, as in KrakenD: no \"strategy\"", RATE("^client_max_rate: 1")},
    {WRONG, RATE_AT "key", "is missing: which header tells clients apart",
     ENDPOINT_EXTRA("qos/ratelimit/router: ^{client_max_rate: 1, strategy: header}")},
    {WRONG, RATE_AT "key", "\"a b\" is no header's name", RATE("client_max_rate: 1, strategy: header, key: ^a b")},
    {WRONG, RATE_AT "key", "the endpoint has no parameter {id}", RATE("client_max_rate: 1, strategy: param, key: ^id")},
    {UNKNOWN, RATE_AT "max_rates", "did you mean \"max_rate\"?", RATE("^max_rates: 1")},
    {WRONG, "extra_config.security/cors.allow_origins", "\"https://*.*.test\" is no origin",
     SERVICE_EXTRA("security/cors: {allow_origins: ^'https://*.*.test'}")},
    {WRONG, "extra_config.security/cors.allow_methods", "\"GET POST\" is no method",
     SERVICE_EXTRA("security/cors: {allow_methods: ^[GET POST]}")},
    {WRONG, "extra_config.security/cors.expose_headers[0]", "is no header name",
     SERVICE_EXTRA("security/cors: {expose_headers: [^a b]}")},
    {WRONG, "extra_config.security/cors.options_success_status", "a whole number from 200 to 299",
     SERVICE_EXTRA("security/cors: {options_success_status: ^404}")},
    {WRONG, "extra_config.security/cors.max_age", "has no unit", SERVICE_EXTRA("security/cors: {max_age: ^600}")},
    {UNKNOWN, "extra_config.security/cors.allow_origin", "did you mean \"allow_origins\"?",
     SERVICE_EXTRA("security/cors: {^allow_origin: ['*']}")},
    {WRONG, "extra_config.security/http.ssl_proxy_headers", "\"a b\" is no header's name",
     SERVICE_EXTRA("security/http: {ssl_proxy_headers: {^a b: https}}")},
    {WRONG, "extra_config.security/http.host_proxy_headers[0]", "is no header name",
     SERVICE_EXTRA("security/http: {host_proxy_headers: [^a b]}")},
    {WRONG, "extra_config.security/http.sts_seconds", "is negative",
     SERVICE_EXTRA("security/http: {sts_seconds: ^-1}")},
    {WARNS, "extra_config.security/http.hpkp_public_key", "no browser knows",
     SERVICE_EXTRA("security/http: {^hpkp_public_key: pin}")},
    {WRONG, "endpoints[0].backend[0].extra_config.qos/ratelimit/proxy.max_rate", "a number from 0 on",
     BACKEND_RATE("max_rate: ^[1]")},
    {WRONG, JWT_AT "alg", "is missing: the algorithm", ENDPOINT_EXTRA("auth/validator: ^{jwk_local_path: f}")},
    {WRONG, JWT_AT "alg", "the text \"none\", allowed is one of HS256,",
     ENDPOINT_EXTRA("auth/validator: {alg: ^none, jwk_local_path: f}")},
    {WRONG, JWT_AT "jwk_local_path", "is missing: where the keys are; jwk_url", ENDPOINT_EXTRA("auth/validator: ^{alg: RS256}")},
    {WRONG, JWT_AT "jwk_local_path", "not from both", ENDPOINT_EXTRA("auth/validator: ^{alg: RS256, jwk_local_path: f, jwk_url: 'https://a/b'}")},
    {WRONG, JWT_AT "jwk_url", "write https, or", ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_url: ^'http://a/b'}")},
    {WRONG, JWT_AT "jwk_url", "is no URL", ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_url: ^'ftp://a/b'}")},
    {WRONG, JWT_AT "jwk_url", "has credentials in it", ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_url: ^'https://u:p@a/b'}")},
    {WRONG, JWT_AT "jwk_url", "has no name", ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_url: ^'https:///b'}")},
    {WRONG, JWT_AT "jwk_url", "characters that a URL cannot have", ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_url: ^'https://a/b c'}")},
    {WRONG, JWT_AT "cache_duration", "from 10 to 604800", ENDPOINT_EXTRA("auth/validator: {alg: RS256, jwk_url: 'https://a/b', cache_duration: ^5}")},
    {UNKNOWN, JWT_AT "audiences", "did you mean \"audience\"?", JWT("^audiences: [a]")},
    {WRONG, JWT_AT "key_identify_strategy", "allowed is one of kid, x5t, x5t#S256, kid_x5t",
     JWT("key_identify_strategy: ^kids")},
    {WRONG, JWT_AT "scopes_matcher", "allowed is one of any, all", JWT("scopes_matcher: ^some")},
    {WRONG, JWT_AT "scopes_key", "is missing: which claim has the scopes",
     ENDPOINT_EXTRA("auth/validator: ^{alg: RS256, jwk_local_path: f, scopes: [a]}")},
    {WRONG, JWT_AT "auth_header_name", "\"a b\" is no header's name", JWT("auth_header_name: ^a b")},
    {WRONG, JWT_AT "cookie_key", "\"a=b\" is no cookie's name", JWT("cookie_key: ^a=b")},
    {WRONG, JWT_AT "leeway", "allowed is a duration", JWT("leeway: ^2h")},
    {WRONG, JWT_AT "propagate_claims", "allowed is a list of pairs", JWT("propagate_claims: ^{sub: X-Sub}")},
    {WRONG, JWT_AT "propagate_claims[0]", "allowed is a pair", JWT("propagate_claims: [^[sub]]")},
    {WRONG, JWT_AT "propagate_claims[0]", "allowed is a pair", JWT("propagate_claims: [^sub]")},
    {WRONG, JWT_AT "propagate_claims[0]", "\"X Sub\" is no header's name", JWT("propagate_claims: [^[sub, X Sub]]")},
    {WARNS, JWT_AT "propagate_claims[0]", "no effect: input_headers has no \"X-Sub\"",
     JWT("propagate_claims: ^[[sub, X-Sub]]")},
    {WRONG, JWT_AT "secret_url", "not in this version of remora", JWT("^secret_url: a")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "{JWT.sub} needs a token: the endpoint has no auth/validator",
     PATTERN("^'/y/{JWT.sub}'")},
    {WARNS, "endpoints[0].backend[0].extra_config.qos/ratelimit/router",
     "it belongs to the extra_config of an endpoint", BACKEND_EXTRA("^qos/ratelimit/router: {}")},
};

#define BREAKER_AT "endpoints[0].backend[0].extra_config.qos/circuit-breaker."
#define BREAKER(s) BACKEND_EXTRA("qos/circuit-breaker: {" s "}")

static const struct bad_case bad_breaker[] = {
    {WRONG, BREAKER_AT "interval", "the number -1 is negative or no number", BREAKER("interval: ^-1")},
    {WRONG, BREAKER_AT "timeout", "the text \"1m\"", BREAKER("timeout: ^1m")},
    {WRONG, BREAKER_AT "max_errors", "allowed is a whole number from 0 to 1000000", BREAKER("max_errors: ^1000001")},
    {WRONG, BREAKER_AT "name", "found a list", BREAKER("name: ^[a]")},
    {UNKNOWN, BREAKER_AT "max_error", "did you mean \"max_errors\"?", BREAKER("^max_error: 1")},
    {WARNS, "endpoints[0].extra_config.qos/circuit-breaker", "it belongs to the extra_config of a backend",
     ENDPOINT_EXTRA("^qos/circuit-breaker: {}")},
};

#define MARTIAN_AT "endpoints[0].backend[0].extra_config.modifier/martian"
#define MARTIAN(s) BACKEND_EXTRA("modifier/martian: {" s "}")
#define MODIFIER(name, s) MARTIAN(name ": {" s "}")
#define NO_OP(s)                                                                                                       \
    SERVICE("endpoints:\n- endpoint: /x\n  output_encoding: no-op\n  backend:\n  - url_pattern: /y\n    host: h\n    " \
            "extra_config: {modifier/martian: " s "}")

static const struct bad_case bad_martian[] = {
    {WRONG, MARTIAN_AT, "exactly one modifier", BACKEND_EXTRA("modifier/martian: ^{}")},
    {WRONG, MARTIAN_AT, "exactly one modifier",
     BACKEND_EXTRA("modifier/martian: ^{header.Id: {}, header.Blacklist: {names: [a]}}")},
    {WRONG, MARTIAN_AT, "exactly one modifier", BACKEND_EXTRA("modifier/martian: ^{stash.Modifier: {}}")},
    {WRONG, MARTIAN_AT "[\"header.modifier\"]", "did you mean \"header.Modifier\"?", MARTIAN("^header.modifier: {}")},
    {WRONG, MARTIAN_AT "[\"fifo.Group\"].modifiers[0][\"headers.Id\"]", "did you mean \"header.Id\"?",
     MODIFIER("fifo.Group", "modifiers: [{^headers.Id: {}}]")},
    {WRONG, MARTIAN_AT "[\"stash.Modifier\"]", "not in this version of remora: clients would see",
     MARTIAN("^stash.Modifier: {headerName: a}")},
    {WRONG, MARTIAN_AT "[\"url.Modifier\"].host", "the backend's hosts stand under \"host\"",
     MODIFIER("url.Modifier", "^host: a")},
    {WRONG, MARTIAN_AT "[\"cookie.Modifier\"].expires", "write \"maxAge\"",
     MODIFIER("cookie.Modifier", "name: a, ^expires: '2030-01-01T00:00:00Z'")},
    {WRONG, MARTIAN_AT "[\"header.Id\"]", "found an empty list, allowed is an object", MARTIAN("header.Id: ^[]")},
    {UNKNOWN, MARTIAN_AT "[\"header.Blacklist\"].name", "did you mean \"names\"?",
     MODIFIER("header.Blacklist", "names: [a], ^name: b")},
    {WRONG, MARTIAN_AT "[\"header.Blacklist\"].names", "is missing: the headers that go",
     MARTIAN("header.Blacklist: ^{}")},
    {WRONG, MARTIAN_AT "[\"header.Blacklist\"].names", "\"a b\" is no header name",
     MODIFIER("header.Blacklist", "names: ^[a b]")},
    {WRONG, MARTIAN_AT "[\"header.Modifier\"].name", "is missing: the name of a header",
     MARTIAN("header.Modifier: ^{value: a}")},
    {WRONG, MARTIAN_AT "[\"header.Modifier\"].name", "\"Host\" is the connection's own",
     MODIFIER("header.Modifier", "name: ^Host, value: a")},
    {WRONG, MARTIAN_AT "[\"header.Copy\"].to", "\"Content-Length\" is the connection's own",
     MODIFIER("header.Copy", "from: a, to: ^Content-Length")},
    {WRONG, MARTIAN_AT "[\"header.Modifier\"].value", "has control characters",
     MODIFIER("header.Modifier", "name: a, value: ^\"b\\r\\nc\"")},
    {WRONG, MARTIAN_AT "[\"header.Append\"].scope", "\"both\" is no scope: request and response are",
     MODIFIER("header.Append", "scope: ^[both], name: a, value: b")},
    {WRONG, MARTIAN_AT "[\"querystring.Modifier\"].scope", "querystring.Modifier does nothing to a response",
     MODIFIER("querystring.Modifier", "scope: ^[request, response], name: a, value: b")},
    {WRONG, MARTIAN_AT "[\"status.Modifier\"].scope", "status.Modifier does nothing to a request",
     MODIFIER("status.Modifier", "scope: ^[request], statusCode: 200")},
    {WRONG, MARTIAN_AT "[\"status.Modifier\"].statusCode", "allowed is a whole number from 200 to 599",
     MODIFIER("status.Modifier", "statusCode: ^100")},
    {WRONG, MARTIAN_AT "[\"status.Modifier\"].statusCode", "is missing: a status", MARTIAN("status.Modifier: ^{}")},
    {WRONG, MARTIAN_AT "[\"querystring.Modifier\"].name", "is missing", MARTIAN("querystring.Modifier: ^{value: a}")},
    {WRONG, MARTIAN_AT "[\"body.Modifier\"].body", "no Base64", MODIFIER("body.Modifier", "body: ^'{}'")},
    {WRONG, MARTIAN_AT "[\"body.Modifier\"].body", "no Base64", MODIFIER("body.Modifier", "body: ^eA=")},
    {WRONG, MARTIAN_AT, "it passes bodies through", NO_OP("^{body.Modifier: {body: eA==}}")},
    {WRONG, MARTIAN_AT, "it passes bodies through",
     NO_OP("^{fifo.Group: {modifiers: [{url.Filter: {path: /a, modifier: {header.Id: {}}, else: {body.Modifier: "
           "{}}}}]}}")},
    {WRONG, MARTIAN_AT "[\"url.Modifier\"].path", "a path begins with /", MODIFIER("url.Modifier", "path: ^a")},
    {WRONG, MARTIAN_AT "[\"url.Modifier\"].path", "must be percent-encoded here",
     MODIFIER("url.Modifier", "path: ^/a?b")},
    {WRONG, MARTIAN_AT "[\"url.Modifier\"].query", "must be percent-encoded here",
     MODIFIER("url.Modifier", "query: ^a b")},
    {WRONG, MARTIAN_AT "[\"cookie.Modifier\"].name", "are not those of a cookie",
     MODIFIER("cookie.Modifier", "name: ^'a;b'")},
    {WRONG, MARTIAN_AT "[\"url.RegexFilter\"].regex",
     "no regular expression: missing closing parenthesis, at its byte 1",
     MODIFIER("url.RegexFilter", "regex: ^(, modifier: {header.Id: {}}")},
    {WRONG, MARTIAN_AT "[\"url.RegexFilter\"].regex", "is missing: a regular expression",
     MARTIAN("url.RegexFilter: ^{modifier: {header.Id: {}}}")},
    {WRONG, MARTIAN_AT "[\"url.Filter\"].modifier", "is missing: what is done", MARTIAN("url.Filter: ^{path: /a}")},
    {WRONG, MARTIAN_AT "[\"url.Filter\"].else", "exactly one modifier",
     MODIFIER("url.Filter", "modifier: {header.Id: {}}, else: ^{}")},
    {WRONG, MARTIAN_AT "[\"fifo.Group\"].modifiers", "found an object, allowed is a list of modifiers",
     MODIFIER("fifo.Group", "modifiers: ^{header.Id: {}}")},
    {WRONG, MARTIAN_AT "[\"priority.Group\"].modifiers[0].priority", "found the number 1.5, allowed is a whole number",
     MODIFIER("priority.Group", "modifiers: [{priority: ^1.5, modifier: {header.Id: {}}}]")},
};

#define SCHEMA_AT "endpoints[0].extra_config.validation/json-schema"
#define SCHEMA(s)                                                                                                      \
    SERVICE("endpoints:\n- endpoint: /x\n  method: POST\n  backend: [{host: h, url_pattern: /y}]\n  extra_config: "    \
            "{validation/json-schema: " s "}")

static const struct bad_case bad_schemas[] = {
    {WRONG, SCHEMA_AT, "found true, allowed is an object", SCHEMA("^true")},
    {WRONG, SCHEMA_AT, "allowed is null, boolean, integer", SCHEMA("{type: ^int}")},
    {WRONG, SCHEMA_AT, "no regular expression: missing terminating ]", SCHEMA("{properties: {a: {pattern: ^'[a'}}}")},
    {WRONG, SCHEMA_AT, "there is nothing at this reference", SCHEMA("{items: {$ref: ^'http://a/b#'}}")},
    {WRONG, SCHEMA_AT, "no check of it would end", SCHEMA("{allOf: [^{$ref: '#'}]}")},
    {UNKNOWN, SCHEMA_AT ".requird", "did you mean \"required\"?", SCHEMA("{^requird: [a]}")},
    {UNKNOWN, SCHEMA_AT ".minimun", "unknown keyword of a JSON Schema", SCHEMA("{items: {^minimun: 1}}")},
    {UNKNOWN, SCHEMA_AT, "unknown format \"colour\", which fits all", SCHEMA("{items: {format: ^colour}}")},
    {WARNS, SCHEMA_AT, "a GET without a body is refused", ENDPOINT_EXTRA("validation/json-schema: ^{type: object}")},
    {WRONG, SCHEMA_AT, "not with the output_encoding no-op",
     SERVICE("endpoints:\n- endpoint: /x\n  method: POST\n  output_encoding: no-op\n  backend: [{host: h, url_pattern: "
             "/y}]\n"
             "  extra_config: {validation/json-schema: ^{type: object}}")},
};

static const struct bad_case bad_documents[] = {
    {WRONG, "", "the file is empty", "^"},
    {WRONG, "", "a list: a configuration is an object", "^- version: 3\n"},
    {WRONG, "", "a list: a configuration is an object", " ^[1]\n"},
    {WRONG, "", "\"port\" is there twice, first in line 2 column 1", "version: 3\nport: 1\n^port: 2\n"},
    {WRONG, "", "trailing comma", "{\"version\": 3,\n \"endpoints\": [],^}"},
    {WRONG, "", "a tab", "version: 3\nendpoints:\n^\t- endpoint: /x\n"},
    {WRONG, "", "more text behind", "{\"version\": 3}\n^}"},
    {WRONG, "", "*nope has no anchor", "version: 3\nendpoints: ^*nope\n"},
};

static const struct bad_case bad_service[] = {
    {WRONG, "version", "is missing: write \"version\": 3", "^port: 8080\n"},
    {WRONG, "version", "found the number 1, allowed is 3 (or 2", "version: ^1\n"},
    {WRONG, "version", "found the number 4, allowed is 3 (or 2", "{\n  \"version\": ^4\n}"},
    {WRONG, "version", "found the text \"three\"", "version: ^three\n"},
    {WRONG, "version", "found a list", "version: ^[3]\n"},
    {WARNS, "version", "version 2 is read with its old names", "version: ^2\n"},
    {WRONG, "port", "found the number 80800, allowed is a whole number from 1 to 65535", SERVICE("port: ^80800")},
    {WRONG, "port", "found the number 65536", SERVICE("port: ^65536")},
    {WRONG, "port", "the number 80.5 is no whole number", SERVICE("port: ^80.5")},
    {WRONG, "port", "the text \"eighty\" is no whole number", SERVICE("port: ^eighty")},
    {WRONG, "port", "the number -1 is negative", SERVICE("port: ^-1")},
    {WRONG, "port", "found true, allowed is a whole number", SERVICE("port: ^true")},
    {WRONG, "port", "found a list, allowed is a whole number", SERVICE("port: ^[80]")},
    {WRONG, "listen_ip", "\"localhost\" is no IP address", SERVICE("listen_ip: ^localhost")},
    {WRONG, "listen_ip", "\"999.1.1.1\" is no IP address", SERVICE("listen_ip: ^999.1.1.1")},
    {WRONG, "timeout", "found the number 3000, which has no unit: a duration is a string such as \"3000ms\"",
     SERVICE("timeout: ^3000")},
    {WRONG, "timeout", "the text \"3000\" has no unit", "{\"version\": 3,\n\t\"timeout\": ^\"3000\"}"},
    {WRONG, "timeout", "the text \"1d\" is in days: the longest unit is h", SERVICE("timeout: ^1d")},
    {WRONG, "timeout", "the text \"2 parsecs\" has an unknown unit", SERVICE("timeout: ^2 parsecs")},
    {WRONG, "timeout", "the text \"-2s\" is negative", SERVICE("timeout: ^-2s")},
    {WRONG, "timeout", "the text \"\" is empty", SERVICE("timeout: ^''")},
    {WRONG, "timeout", "found an object, allowed is a duration, a string such as", SERVICE("timeout: ^{s: 3}")},
    {WRONG, "read_timeout", "allowed is a duration from 1ms to 24h", SERVICE("read_timeout: ^5us")},
    {WRONG, "name", "found the number 5, allowed is a string: put it in quotes", SERVICE("name: ^5")},
    {WRONG, "name", "has control characters", SERVICE("name: ^\"a\\nb\"")},
    {WRONG, "debug_endpoint", "found the text \"yes\", allowed is true or false", SERVICE("debug_endpoint: ^yes")},
    {WRONG, "max_header_bytes", "allowed is a size from 1KiB to 4MiB", SERVICE("max_header_bytes: ^100")},
    {WRONG, "host[1]", "the host \"http://b/base\" has a path", SERVICE("host: [a, ^http://b/base]")},
    {WRONG, "host", "found an object, allowed is a list of strings", SERVICE("host: ^{a: b}")},
    {WARNS, "output_encoding", "unknown encoding \"jason\": json is used instead; did you mean \"json\"?",
     SERVICE("output_encoding: ^jason")},
    {WRONG, "tls", "needs keys: a list of objects", SERVICE("tls: ^{min_version: TLS12}")},
    {WRONG, "tls.keys", "found an object, allowed is a list of objects with public_key and private_key",
     SERVICE("tls: {keys: ^{public_key: a, private_key: b}}")},
    {WRONG, "tls.keys[1]", "needs both public_key and private_key",
     SERVICE("tls: {keys: [{public_key: a, private_key: b}, ^{public_key: a}]}")},
    {WRONG, "tls.keys[0]", "found the text \"a\", allowed is an object", SERVICE("tls: {keys: [^a]}")},
    {WRONG, "tls", "needs both public_key and private_key", SERVICE("tls: ^{private_key: b}")},
    {WRONG, "tls", "beside keys: leave them out",
     SERVICE("tls: ^{keys: [{public_key: a, private_key: b}], public_key: a, private_key: b}")},
    {WRONG, "tls.min_version", "found the text \"TLS11\", allowed is one of TLS12, TLS13", TLS("min_version: ^TLS11")},
    {WRONG, "tls", "min_version TLS13 is above max_version TLS12", SERVICE("tls: ^{" TLS_KEYS ", max_version: TLS12}")},
    {WRONG, "tls.cipher_suites[1]", "found the number 47, allowed is 4865 (TLS_AES_128_GCM_SHA256), ",
     TLS("cipher_suites: [4865, ^47]")},
    {WRONG, "tls.cipher_suites[0]", "allowed is 4865", TLS("cipher_suites: [^\"4865\"]")},
    {WRONG, "tls.cipher_suites", "found the number 4865, allowed is a list of numbers", TLS("cipher_suites: ^4865")},
    {WRONG, "tls.curve_preferences[0]",
     "found the number 21, allowed is 29 (X25519), 23 (P-256), 24 (P-384), 25 (P-521)",
     TLS("curve_preferences: [^21]")},
    {WRONG, "tls", "enable_mtls needs ca_certs", SERVICE("tls: ^{" TLS_KEYS ", enable_mtls: true}")},
    {WARNS, "tls", "ca_certs ask nothing of clients without enable_mtls", SERVICE("tls: ^{" TLS_KEYS ", ca_certs: a}")},
    {UNKNOWN, "tls.enable_mlts", "did you mean \"enable_mtls\"?", TLS("^enable_mlts: true")},
    {WRONG, "use_h2c", "not in this version of remora", SERVICE("^use_h2c: true")},
    {WRONG, "async_agent", "not in this version of remora", SERVICE("^async_agent: [{name: a}]")},
    {WRONG, "plugin", "Go plugins cannot be loaded", SERVICE("^plugin: {folder: /p}")},
    {WARNS, "sequential_start", "no effect: there are no async agents", SERVICE("^sequential_start: true")},
    {WARNS, "dialer_fallback_delay", "no effect", SERVICE("^dialer_fallback_delay: 300ms")},
    {WRONG, "client_tls.min_version", "allowed is one of TLS10, TLS11, TLS12, TLS13",
     SERVICE("client_tls: {min_version: ^SSL3.0}")},
    {WRONG, "client_tls", "min_version \"TLS13\" is above max_version \"TLS12\"",
     SERVICE("client_tls: ^{min_version: TLS13, max_version: TLS12}")},
    {WRONG, "client_tls.client_certs", "2 certificates, but remora shows the same one",
     SERVICE(
         "client_tls:\n  client_certs:\n  ^- {certificate: a, private_key: b}\n  - {certificate: c, private_key: d}")},
    {WRONG, "client_tls.client_certs[0]", "needs both certificate and private_key",
     SERVICE("client_tls: {client_certs: [^{certificate: a}]}")},
    {WRONG, "client_tls.cipher_suites", "not in this version", SERVICE("client_tls: {^cipher_suites: [4865]}")},
    {UNKNOWN, "tiemout", "did you mean \"timeout\"?", SERVICE("^tiemout: 3s")},
    {UNKNOWN, "frobnicate", "unknown key", SERVICE("^frobnicate: 3s")},
    {WRONG, "endpoints", "found an object, allowed is a list of endpoints", SERVICE("endpoints: ^{a: b}")},
    {WRONG, "endpoints[0]", "found the text \"a\", allowed is an object", SERVICE("endpoints: [^a]")},
    {WRONG, "endpoints[0]", "found null, allowed is an object", "{\"version\": 3, \"endpoints\": [^null]}"},
    {WRONG, "extra_config", "found a list, allowed is an object", SERVICE("extra_config: ^[1]")},
    {WRONG, "host[0]", "found null, allowed is a string", SERVICE("host: [^~]")},
    {WRONG, "debug_endpoint", "found the number 2, allowed is true or false", SERVICE("debug_endpoint: ^2")},
    {WRONG, "client_tls.client_certs", "found an object, allowed is a list of one object",
     SERVICE("client_tls: {client_certs: ^{certificate: a, private_key: b}}")},
    {WRONG, "client_tls.client_certs[0]", "found the text \"a\", allowed is an object",
     SERVICE("client_tls: {client_certs: [^a]}")},
    {WRONG, "client_tls.client_certs[0]", "found null, allowed is an object",
     SERVICE("client_tls: {client_certs: [^~]}")},
};

#define DNS(s) SERVICE_EXTRA("remora: {dns: {" s "}}")
static const struct bad_case bad_dns[] = {
    {WRONG, "extra_config.remora.dns.servers[1]", "found \"ns.test\", allowed is an address with or without a port",
     DNS("servers: [10.0.0.1, ^ns.test]")},
    {WRONG, "extra_config.remora.dns.servers", "found \"10.0.0.1:0\"", DNS("servers: ^'10.0.0.1:0'")},
    {WRONG, "extra_config.remora.dns.servers", "found \"10.0.0.1:65536\"", DNS("servers: ^'10.0.0.1:65536'")},
    {WRONG, "extra_config.remora.dns.servers", "found \"10.0.0.1:\"", DNS("servers: ^'10.0.0.1:'")},
    {WRONG, "extra_config.remora.dns.servers", "found \"[fd00::1\"", DNS("servers: ^'[fd00::1'")},
    {WRONG, "extra_config.remora.dns.servers", "found \"[10.0.0.1]:53\"", DNS("servers: ^'[10.0.0.1]:53'")},
    {WRONG, "extra_config.remora.dns.servers", "found \"[fd00::1]x53\"", DNS("servers: ^'[fd00::1]x53'")},
    {WRONG, "extra_config.remora.dns.servers", "found \"\"", DNS("servers: ^''")},
    {WRONG, "extra_config.remora.dns.servers", "9 servers, allowed are 8",
     DNS("servers: ^['::1', '::1', '::1', '::1', '::1', '::1', '::1', '::1', '::1']")},
    {WRONG, "extra_config.remora.dns.timeout", "allowed is a duration from 10ms to 1m", DNS("timeout: ^5ms")},
    {WRONG, "extra_config.remora.dns.min_ttl", "has no unit", DNS("min_ttl: ^5")},
    {WRONG, "extra_config.remora.dns", "min_ttl is above max_ttl",
     SERVICE_EXTRA("remora: {dns: ^{min_ttl: 2s, max_ttl: 1s}}")},
    {UNKNOWN, "extra_config.remora.dns.server", "did you mean \"servers\"?", DNS("^server: 10.0.0.1")},
};

static const struct bad_case bad_endpoints[] = {
    {WRONG, "endpoints[0].endpoint", "is missing", SERVICE("endpoints:\n- ^backend: [{host: h, url_pattern: /y}]")},
    {WRONG, "endpoints[0].endpoint", "found a list, allowed is a string", PATH("^[a]")},
    {WRONG, "endpoints[0].endpoint", "\"/__health\" is reserved", PATH("^/x/__health")},
    {WRONG, "endpoints[0].endpoint", "\"/__debug\" is reserved", PATH("^__debug/x")},
    {WRONG, "endpoints[0].endpoint", "\"/__echo\" is reserved", PATH("^/__echo")},
    {WRONG, "endpoints[0].endpoint", "a wildcard is the whole last segment, like /files/*, not \"*any\"", PATH("^/x/*any")},
    {WRONG, "endpoints[0].endpoint", "a wildcard is the whole last segment", PATH("^/x/*/y")},
    {WRONG, "endpoints[0].endpoint", "a wildcard is the whole last segment", PATH("^/x/*/")},
    {WRONG, "endpoints[1].endpoint", "the same method and path as endpoints[0]",
     SERVICE("endpoints:\n- {endpoint: '/f/*', backend: [{host: h, url_pattern: /y}]}\n- endpoint: ^/f/*\n  backend: [{host: h, url_pattern: /y}]")},
    {WRONG, "endpoints[0].endpoint", "the parameter {x} must be a whole segment", PATH("^'/f/{x}.json'")},
    {WRONG, "endpoints[0].endpoint", "the parameter {x} must be a whole segment",
     SERVICE("disable_rest: true\nendpoints:\n- endpoint: ^/f/pre{x}\n  backend: [{host: h, url_pattern: /y}]")},
    {WARNS, "endpoints[0].endpoint", "\"pre{x}\" is literal text", PATH("^/f/pre{x}")},
    {WRONG, "endpoints[0].endpoint", "the parameter {x} is there twice", PATH("^'/{x}/a/{x}'")},
    {WRONG, "endpoints[0].endpoint", "has a brace that is no parameter", PATH("^'/{x.y}'")},
    {WRONG, "endpoints[0].endpoint", "has a brace that is no parameter", PATH("^'/{}'")},
    {WRONG, "endpoints[0].endpoint", "a parameter is written {id}, not \":id\"", PATH("^/u/:id")},
    {WRONG, "endpoints[0].endpoint", "has no '?'", PATH("^/u?x=1")},
    {WRONG, "endpoints[0].endpoint", "two slashes in a row", PATH("^/u//x")},
    {WRONG, "endpoints[0].endpoint", "a \"..\" segment", PATH("^/u/../x")},
    {WARNS, "endpoints[0].endpoint", "after percent-decoding", PATH("^/u%20x")},
    {WRONG, "endpoints[0].endpoint", "the path of the health check",
     SERVICE("extra_config: {router: {health_path: /alive}}\nendpoints:\n- endpoint: ^/alive\n  backend: [{host: h, "
             "url_pattern: /y}]")},
    {WRONG, "endpoints[1].endpoint", "the same method and path as endpoints[0] in line 3 column 13",
     SERVICE("endpoints:\n- endpoint: /x\n  backend: [{host: h, url_pattern: /y}]\n- endpoint: ^x\n  method: get\n  "
             "backend: [{host: h, url_pattern: /y}]")},
    {WRONG, "endpoints[1].endpoint",
     "the parameter {b} is called {a} at the same place of endpoints[0] in line 3 column 13",
     SERVICE("endpoints:\n- endpoint: /u/{a}\n  backend: [{host: h, url_pattern: /y}]\n- endpoint: ^/u/{b}/z\n  "
             "backend: [{host: h, url_pattern: /y}]")},
    {WRONG, "endpoints[0].method", "found the text \"HEAD\", allowed is one of GET, POST, PUT, PATCH, DELETE",
     ENDPOINT("method: ^HEAD")},
    {WRONG, "endpoints[0].method", "found the number 1, allowed is one of GET", ENDPOINT("method: ^1")},
    {WRONG, "endpoints[0].timeout", "found the number 500, which has no unit", ENDPOINT("timeout: ^500")},
    {WRONG, "endpoints[0].cache_ttl", "the text \"forever\" is no duration", ENDPOINT("cache_ttl: ^forever")},
    {WRONG, "endpoints[0].concurrent_calls", "allowed is a whole number from 1 to 100",
     ENDPOINT("concurrent_calls: ^101")},
    {WRONG, "endpoints[0].input_headers[1]", "\"X One\" is no header name", ENDPOINT("input_headers: [X-A, ^X One]")},
    {WRONG, "endpoints[0].input_headers", "found false, allowed is a list of strings",
     ENDPOINT("input_headers: ^false")},
    {WRONG, "endpoints[0].input_query_strings[0]", "found the number 5, allowed is a string: put it in quotes",
     ENDPOINT("input_query_strings: [^5]")},
    {WARNS, "endpoints[0].querystring_params", "the old name of \"input_query_strings\"",
     ENDPOINT("^querystring_params: [a]")},
    {WARNS, "endpoints[0].headers_to_pass", "the old name of \"input_headers\"", ENDPOINT("^headers_to_pass: [a]")},
    {WRONG, "endpoints[0].headers_to_pass", "\"input_headers\" is given too",
     ENDPOINT("input_headers: [b]\n  ^headers_to_pass: [a]")},
    {WARNS, "endpoints[0].output_encoding", "unknown encoding \"JSON\": json is used",
     ENDPOINT("output_encoding: ^JSON")},
    {WRONG, "endpoints[0].output_encoding", "no-op passes one backend's answer through, but there are 2 backends",
     SERVICE("endpoints:\n- endpoint: /x\n  output_encoding: ^no-op\n  backend: [{host: h, url_pattern: /y}, {host: h, "
             "url_pattern: /z}]")},
    {WRONG, "endpoints[0].output_encoding", "no-op passes one backend's answer through, but there are 2 backends",
     SERVICE("output_encoding: no-op\nendpoints:\n- ^endpoint: /x\n  backend: [{host: h, url_pattern: /y}, {host: h, "
             "url_pattern: /z}]")},
    {WRONG, "endpoints[0].backend", "is missing", SERVICE("endpoints:\n- ^endpoint: /x")},
    {WRONG, "endpoints[0].backend", "at least one backend", SERVICE("endpoints:\n- endpoint: /x\n  backend: ^[]")},
    {WRONG, "endpoints[0].backend", "found the text \"none\", allowed is a list of backends",
     SERVICE("endpoints:\n- endpoint: /x\n  backend: ^none")},
    {WRONG, "endpoints[0].backend[0]", "found the text \"none\", allowed is an object",
     SERVICE("endpoints:\n- endpoint: /x\n  backend: [^none]")},
    {UNKNOWN, "endpoints[0].backends", "did you mean \"backend\"?", ENDPOINT("^backends: []")},
    {WARNS, "endpoints[0].output_encoding", "extra_config.proxy.static has no effect",
     ENDPOINT("output_encoding: ^no-op\n  extra_config: {proxy: {static: {data: {a: 1}}}}")},
    {WRONG, "endpoints[0].backend[0]", "found null, allowed is an object",
     SERVICE("endpoints:\n- endpoint: /x\n  backend: [^~]")},
};

static const struct bad_case bad_backends[] = {
    {WRONG, "endpoints[0].backend[0].allow", "found the number 5, allowed is a list of strings", BACKEND("allow: ^5")},
    {WRONG, "endpoints[0].backend[0].deny[1]", "found a list, allowed is a string", BACKEND("deny: [a, ^[b]]")},
    {WARNS, "endpoints[0].backend[0].whitelist", "the old name of \"allow\"", BACKEND("^whitelist: [a]")},
    {WARNS, "endpoints[0].backend[0].blacklist", "the old name of \"deny\"", BACKEND("^blacklist: [a]")},
    {WRONG, "endpoints[0].backend[0].blacklist", "\"deny\" is given too", BACKEND("deny: a\n    ^blacklist: [a]")},
    {WARNS, "endpoints[0].backend[0].deny", "no effect beside \"allow\"", BACKEND("allow: a\n    ^deny: b")},
    {WRONG, "endpoints[0].backend[0].mapping", "found a list, allowed is an object", BACKEND("mapping: ^[a]")},
    {WRONG, "endpoints[0].backend[0].mapping.a", "found the number 1, allowed is a string",
     BACKEND("mapping: {a: ^1}")},
    {WRONG, "endpoints[0].backend[0].group", "found a list, allowed is a string", BACKEND("group: ^[a]")},
    {WRONG, "endpoints[0].backend[0].method", "found the text \"FETCH\"", BACKEND("method: ^FETCH")},
    {WRONG, "endpoints[0].backend[0].is_collection", "found the text \"maybe\", allowed is true or false",
     BACKEND("is_collection: ^maybe")},
    {WARNS, "endpoints[0].backend[0].encoding", "unknown encoding \"atom\": json is used instead",
     BACKEND("encoding: ^atom")},
    {WARNS, "endpoints[0].backend[0].encoding",
     "unknown encoding \"jsn\": json is used instead; did you mean \"json\"?", BACKEND("encoding: ^jsn")},
    {WARNS, "endpoints[0].backend[0].encoding", "the answer is thrown away", BACKEND("encoding: ^no-op")},
    {WRONG, "endpoints[0].backend[0].sd", "unknown service discovery \"statc\", allowed is static",
     BACKEND("sd: ^statc")},
    {WRONG, "endpoints[0].backend[0].sd", "did you mean \"static\"?", BACKEND("sd: ^statc")},
    {WRONG, "endpoints[0].backend[0].host", "takes an SRV name, whose records say hosts and ports, and no URL",
     HOST("^http://shop.test:8080\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "takes an SRV name", HOST("^shop.test:8080\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "2 names: \"sd\": \"dns\" takes one SRV name",
     HOST("^[_http._tcp.a, _http._tcp.b]\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "needs the SRV name here", HOST("^[]\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "needs the SRV name here",
     SERVICE("host: a\nendpoints:\n- endpoint: /x\n  backend:\n  - ^url_pattern: /y\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "\"a b\" is no host name", HOST("^a b\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "an address has no SRV records", HOST("^10.0.0.1\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].host", "found an object, allowed is a list of strings",
     HOST("^{a: b}\n    sd: dns")},
    {WRONG, "endpoints[0].backend[0].sd", "unknown service discovery \"etcd\"", BACKEND("sd: ^etcd")},
    {WRONG, "endpoints[0].backend[0].host", "\"Cart\" is no Service", HOST("^Cart\n    sd: kubernetes")},
    {WRONG, "endpoints[0].backend[0].host", "\"cart.shop.example.org\" is no Service",
     HOST("^cart.shop.example.org\n    sd: k8s")},
    {WRONG, "endpoints[0].backend[0].host", "\"70000\" is no port", HOST("^'cart:70000'\n    sd: kubernetes")},
    {WRONG, "endpoints[0].backend[0].host", "finds the hosts of one Service, but 2 hosts are named",
     HOST("^[cart, basket]\n    sd: kubernetes")},
    {WRONG, "endpoints[0].backend[0].host", "a path belongs to url_pattern",
     HOST("^'http://cart/v1'\n    sd: kubernetes")},
    {WRONG, "endpoints[0].backend[0].sd_scheme", "found \"ftp\", allowed is http or https", BACKEND("sd_scheme: ^ftp")},
    {WARNS, "endpoints[0].backend[0].timeout", "no effect: a backend's own timeout is extra_config.remora.timeout",
     BACKEND("^timeout: 1s")},
    {UNKNOWN, "endpoints[0].backend[0].gruop", "did you mean \"group\"?", BACKEND("^gruop: g")},
    {WARNS, "endpoints[0].backend[0].url_pattern", "is missing: \"/\" is called",
     SERVICE("endpoints:\n- endpoint: /x\n  backend:\n  - ^host: h")},
    {WARNS, "endpoints[0].backend[0].host", "no host, neither here nor at the service",
     SERVICE("endpoints:\n- endpoint: /x\n  backend:\n  - ^url_pattern: /y")},
    {WRONG, "endpoints[0].backend[0].host[0]", "the host \"\" is empty", HOST("[^'']")},
    {WRONG, "endpoints[0].backend[0].host[1]", "\"1.2.3.400\" is no IPv4 address", HOST("[a, ^'http://1.2.3.400:80']")},
    {WRONG, "endpoints[0].backend[0].host[0]", "\"a..b\" is no host name", HOST("[^a..b]")},
    {WRONG, "host", "\"127.1\" is no IPv4 address", SERVICE("host: ^'127.1'")},
    {WRONG, "endpoints[0].backend[0].host", "the host \"http://a b\" has characters that a host name cannot have",
     HOST("^http://a b")},
    {WRONG, "endpoints[0].backend[0].host[1]", "neither http:// nor https://", HOST("[a, ^ftp://b]")},
    {WRONG, "endpoints[0].backend[0].host", "the host \"http://***@h\" has credentials", HOST("^http://user:secret@h")},
    {WRONG, "endpoints[0].backend[0].host", "IPv6 address", HOST("^http://[::1]:80")},
    {WRONG, "endpoints[0].backend[0].host", "no valid port", HOST("^h:99999")},
    {WRONG, "endpoints[0].backend[0].host", "no valid port", HOST("^'h:'")},
    {WRONG, "endpoints[0].backend[0].host", "has no name", HOST("^http://:80")},
    {WRONG, "endpoints[0].backend[0].host", "does not begin with http://",
     HOST("^h:80\n    disable_host_sanitize: true")},
    {WRONG, "endpoints[0].backend[0].host", "does not begin with http://",
     HOST("^kafka://h\n    disable_host_sanitize: true")},
    {WRONG, "endpoints[0].backend[0].host", "query or a fragment",
     HOST("^http://h/a?b\n    disable_host_sanitize: true")},
    {WRONG, "endpoints[0].backend[0].host", "percent-encoded", HOST("^http://h/a b\n    disable_host_sanitize: true")},
    {WRONG, "endpoints[0].backend[0].host", "has credentials", HOST("^http://u@h/a\n    disable_host_sanitize: true")},
    {WRONG, "endpoints[0].backend[0].host", "no valid address in its brackets",
     HOST("^'http://[::z]/a'\n    disable_host_sanitize: true")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "{b} is not defined: the endpoint's path has {a}, {user-id}",
     PATTERN("^/y/{b}")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "did you mean {user-id}?", PATTERN("^'/y?u={user_id}'")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "{A} is not defined", PATTERN("^/y/{A}")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "{resp0} is not defined", PATTERN("^/y/{resp0}")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "set extra_config.proxy.sequential to true",
     PATTERN("^/y/{resp0_id}")},
    {WRONG, "endpoints[0].backend[0].url_pattern",
     "{resp0_id} names a backend that is not called before this one, which is number 0",
     PATTERN("^/y/{resp0_id}\n  extra_config: {proxy: {sequential: true}}")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "not called before this one",
     PATTERN("^/y/{resp99999999999999999999_id}\n  extra_config: {proxy: {sequential: true}}")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "KrakenD Enterprise", PATTERN("^/y/{input_headers.X-A}")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "a '#' begins a fragment", PATTERN("^'/y#z'")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "a '%' without two hexadecimal digits", PATTERN("^/y%zz")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "a '%' without two hexadecimal digits", PATTERN("^/y%2")},
    {WRONG, "endpoints[0].backend[0].url_pattern", "found a list", PATTERN("^[a]")},
    {WARNS, "endpoints[0].backend[0].target", "no effect: the encoding no-op does not look into the answer",
     BACKEND("^target: a\n  output_encoding: no-op")},
    {WARNS, "endpoints[0].concurrent_calls", "no effect: one body cannot be passed through twice",
     ENDPOINT("output_encoding: no-op\n  ^concurrent_calls: 2")},
    {WARNS, "endpoints[0].backend[0].extra_config",
     "backend/http has no effect: the encoding no-op passes every status",
     BACKEND("^extra_config: {backend/http: {return_error_code: true}}\n  output_encoding: no-op")},
    {WARNS, "endpoints[0].backend[0].extra_config", "backend/http has no effect",
     BACKEND("encoding: no-op\n    ^extra_config: {backend/http: {return_error_details: a}}")},
    {WARNS, "endpoints[0].backend[0].encoding", "passes the answer through",
     BACKEND("encoding: ^string\n  output_encoding: no-op")},
    {WARNS, "endpoints[0].backend[0].extra_config", "longer than the endpoint's, which ends the call first",
     SERVICE("endpoints:\n- endpoint: /x\n  timeout: 1s\n  backend:\n  - ^host: h\n    url_pattern: /\n    "
             "extra_config: {remora: {timeout: 1001ms}}")},
    {WRONG, "endpoints[0].backend[0].host", "no valid port", HOST("^h:8o")},
    {WRONG, "endpoints[0].backend[0].host", "no valid port", HOST("^h:0")},
    {WRONG, "endpoints[0].backend[0].host", "no valid port", HOST("^h:000080")},
    {WRONG, "endpoints[0].backend[0].host[0]", "found null, allowed is a string", HOST("[^~]")},
    {WRONG, "endpoints[0].backend[0].host", "no valid address in its brackets",
     HOST("^'http://[::1'\n    disable_host_sanitize: true")},
    {WARNS, "endpoints[0].backend[0].host", "no host, neither here nor at the service", HOST("^~")},
    {WARNS, "endpoints[0].backend[0].host", "no host, neither here nor at the service", HOST("^[]")},
};

static const struct bad_case bad_extra[] = {
    {WRONG, "extra_config.auth/revoker", "not in this version of remora", SERVICE_EXTRA("^auth/revoker: {}")},
    {WRONG, "extra_config.github_com/devopsfaith/bloomfilter", "not in this version of remora",
     SERVICE_EXTRA("^github_com/devopsfaith/bloomfilter: {}")},
    {WRONG, "extra_config.plugin/http-server", "Go plugins cannot be loaded",
     SERVICE_EXTRA("^plugin/http-server: {name: [a]}")},
    {WRONG, "extra_config.server/virtualhost", "KrakenD Enterprise", SERVICE_EXTRA("^server/virtualhost: {}")},
    {WRONG, "endpoints[0].extra_config[\"github.com/devopsfaith/krakend-cel\"]", "not in this version",
     ENDPOINT_EXTRA("^github.com/devopsfaith/krakend-cel: []")},
    {WRONG, "endpoints[0].backend[0].extra_config.auth/client-credentials.client_secret", "is missing",
     BACKEND_EXTRA("auth/client-credentials: ^{client_id: a, token_url: 'https://a/t'}")},
    {WRONG, "endpoints[0].backend[0].extra_config.auth/client-credentials.token_url", "is no URL",
     BACKEND_EXTRA("auth/client-credentials: {client_id: a, client_secret: b, token_url: ^id}")},
    {WRONG, "endpoints[0].backend[0].extra_config.auth/client-credentials.endpoint_params.a", "found the number 1",
     BACKEND_EXTRA("auth/client-credentials: {client_id: a, client_secret: b, token_url: 'https://a/t', endpoint_params: {a: ^1}}")},
    {UNKNOWN, "endpoints[0].backend[0].extra_config.auth/client-credentials.scope", "did you mean \"scopes\"?",
     BACKEND_EXTRA("auth/client-credentials: {client_id: a, client_secret: b, token_url: 'https://a/t', ^scope: c}")},
    {WRONG, LAMBDA_AT ".function_param_name", "the endpoint has no parameter {function}",
     BACKEND_EXTRA("^backend/lambda: {region: eu-west-1}")},
    {WRONG, LAMBDA_AT ".region", "found \"eu west\", allowed is a region",
     BACKEND_EXTRA("^backend/lambda: {function_name: f, region: eu west}")},
    {WRONG, LAMBDA_AT ".endpoint", "is no URL", BACKEND_EXTRA("^backend/lambda: {function_name: f, region: eu-west-1, endpoint: aws}")},
    {WRONG, LAMBDA_AT ".max_retries", "from 0 to 10", BACKEND_EXTRA("backend/lambda: {function_name: f, region: r, max_retries: ^11}")},
    {UNKNOWN, LAMBDA_AT ".functionname", "did you mean \"function_name\"?",
     BACKEND_EXTRA("backend/lambda: {function_name: f, region: r, ^functionname: g}")},
    {WRONG, LAMBDA_AT, "not with the output_encoding no-op",
     SERVICE("endpoints:\n- endpoint: /x\n  output_encoding: no-op\n  backend:\n  - {host: h, url_pattern: /y, extra_config: "
             "{^backend/lambda: {function_name: f, region: r}}}")},
    {WRONG, "endpoints[0].backend[0].extra_config.remora.lambda.answer", "allowed is one of payload, api_gateway",
     BACKEND_EXTRA("remora: {lambda: {answer: ^http}}")},
    {WRONG, "extra_config.security/bot-detector.patterns[1]", "missing closing parenthesis",
     SERVICE_EXTRA("security/bot-detector: {patterns: [a, ^'(b']}")},
    {WRONG, "endpoints[0].extra_config.security/bot-detector.patterns", "missing closing parenthesis",
     ENDPOINT_EXTRA("security/bot-detector: {patterns: ^'(b'}")},
    {UNKNOWN, "extra_config.security/bot-detector.pattern", "did you mean \"patterns\"?",
     SERVICE_EXTRA("security/bot-detector: {^pattern: [a]}")},
    {WARNS, "extra_config.security/bot-detector.cache_size", "no effect", SERVICE_EXTRA("security/bot-detector: {^cache_size: 9}")},
    {WRONG, "endpoints[0].backend[0].extra_config.qos/http-cache.max_size", "allowed is a size from 4KiB",
     BACKEND_EXTRA("qos/http-cache: {max_size: ^100}")},
    {WRONG, "endpoints[0].backend[0].extra_config.qos/http-cache.shared", "found the text \"yes\"",
     BACKEND_EXTRA("qos/http-cache: {shared: ^'yes'}")},
    {UNKNOWN, "endpoints[0].backend[0].extra_config.qos/http-cache.max_item", "did you mean \"max_items\"?",
     BACKEND_EXTRA("qos/http-cache: {^max_item: 3}")},
    {WRONG, "endpoints[0].backend[0].extra_config.modifier/lua-backend", "runs Lua on a call",
     BACKEND_EXTRA("^modifier/lua-backend: {pre: x}")},
    {UNKNOWN, "extra_config.vendor/thing", "unknown namespace", SERVICE_EXTRA("^vendor/thing: [1]")},
    {UNKNOWN, "extra_config.security/corse", "did you mean \"security/cors\"?", SERVICE_EXTRA("^security/corse: {}")},
    {WARNS, "extra_config.telemetry/metrics.listen_address", "at extra_config.remora.admin.listen",
     SERVICE_EXTRA("telemetry/metrics: {^listen_address: ':8090', collection_time: 60s, proxy_disabled: false}")},
    {WARNS, "endpoints[0].extra_config.router", "ignored here: it belongs to the extra_config of the service",
     ENDPOINT_EXTRA("^router: {}")},
    {WARNS, "extra_config.proxy", "ignored here: it belongs to the extra_config of an endpoint or a backend",
     SERVICE_EXTRA("^proxy: {}")},
    {WARNS, "extra_config.documentation/openapi", "documentation only", SERVICE_EXTRA("^documentation/openapi: {}")},
    {WRONG, "extra_config.router", "found true, allowed is an object", SERVICE_EXTRA("router: ^true")},
    {WRONG, "extra_config.github_com/luraproject/lura/router/gin", "\"router\" is given too",
     SERVICE_EXTRA("router: {}, ^github_com/luraproject/lura/router/gin: {}")},
    {WRONG, "extra_config.router.return_error_msg", "found the text \"true\", allowed is true or false",
     SERVICE_EXTRA("router: {return_error_msg: ^'true'}")},
    {UNKNOWN, "extra_config.router.retrun_error_msg", "did you mean \"return_error_msg\"?",
     SERVICE_EXTRA("router: {^retrun_error_msg: true}")},
    {WRONG, "extra_config.router.health_path", "\"alive\" is no path", SERVICE_EXTRA("router: {health_path: ^alive}")},
    {WRONG, "extra_config.router.trusted_proxies[1]", "\"10.0.0.0/33\" is no IP address and no network",
     SERVICE_EXTRA("router: {trusted_proxies: [10.0.0.0/8, ^10.0.0.0/33]}")},
    {WRONG, "extra_config.router.trusted_proxies", "\"proxy\" is no IP address",
     SERVICE_EXTRA("router: {trusted_proxies: ^proxy}")},
    {UNKNOWN, "extra_config.router.error_body.500", "unknown status",
     SERVICE_EXTRA("router: {error_body: {^500: {}}}")},
    {WRONG, "extra_config.router.max_payload", "client_body_bytes", SERVICE_EXTRA("router: {^max_payload: 1000}")},
    {WRONG, "extra_config.telemetry/logging.level",
     "found the text \"LOUD\", allowed is one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
     SERVICE_EXTRA("telemetry/logging: {level: ^LOUD}")},
    {WRONG, "extra_config.telemetry/logging.syslog", "not in this version",
     SERVICE_EXTRA("telemetry/logging: {level: INFO, ^syslog: true}")},
    {WRONG, "extra_config.telemetry/logging.format", "found the text \"custom\", allowed is one of default, logstash",
     SERVICE_EXTRA("telemetry/logging: {format: ^custom}")},
    {WRONG, "extra_config.remora.workers", "allowed is a whole number from 0 to 1024",
     SERVICE_EXTRA("remora: {workers: ^2000}")},
    {WRONG, "extra_config.remora.workers", "found the text \"2\", allowed is a whole number",
     SERVICE_EXTRA("remora: {workers: ^'2'}")},
    {WRONG, "extra_config.remora.drain.mode", "allowed is one of at_once, sidecar, standalone",
     SERVICE_EXTRA("remora: {drain: {mode: ^slowly}}")},
    {WRONG, "extra_config.remora.drain.max", "allowed is a duration from 0s to 10m",
     SERVICE_EXTRA("remora: {drain: {mode: sidecar, max: ^1h}}")},
    {WRONG, "extra_config.remora.discovery.ready_wait", "has no unit",
     SERVICE_EXTRA("remora: {discovery: {ready_wait: ^5}}")},
    {WRONG, "extra_config.remora.admin", "found the text \"127.0.0.1:8091\", allowed is an object",
     SERVICE_EXTRA("remora: {admin: ^'127.0.0.1:8091'}")},
    {UNKNOWN, "extra_config.remora.admin.lisen", "did you mean \"listen\"?",
     SERVICE_EXTRA("remora: {admin: {^lisen: false}}")},
    {WRONG, "extra_config.remora.admin.listen", "found the text \":1\", allowed is \"ADDRESS:PORT\"",
     SERVICE_EXTRA("remora: {admin: {listen: ^':1'}}")},
    {WRONG, "extra_config.remora.admin.listen", "found the number 8091, allowed is \"ADDRESS:PORT\"",
     SERVICE_EXTRA("remora: {admin: {listen: ^8091}}")},
    {WRONG, "extra_config.remora.admin.listen", "found true", SERVICE_EXTRA("remora: {admin: {listen: ^true}}")},
    {WRONG, "extra_config.remora.admin.listen", "found the text \"::1:8091\"",
     SERVICE_EXTRA("remora: {admin: {listen: ^'::1:8091'}}")},
    {WRONG, "extra_config.remora.probes.listen", "found the text \"localhost:8090\"",
     SERVICE_EXTRA("remora: {probes: {listen: ^'localhost:8090'}}")},
    {WRONG, "extra_config.remora.probes.listen", "found the text \"0.0.0.0:0\"",
     SERVICE_EXTRA("remora: {probes: {listen: ^'0.0.0.0:0'}}")},
    {WRONG, "extra_config.remora.probes.listen", "found the text \"0.0.0.0:65536\"",
     SERVICE_EXTRA("remora: {probes: {listen: ^'0.0.0.0:65536'}}")},
    {WRONG, "extra_config.remora.probes.listen", "found the text \"0.0.0.0:8e3\"",
     SERVICE_EXTRA("remora: {probes: {listen: ^'0.0.0.0:8e3'}}")},
    {WRONG, "extra_config.remora.probes.listen", "is the admin listener's address, too",
     SERVICE_EXTRA("remora: {probes: {listen: ^'[::1]:9'}, admin: {listen: '[::1]:9'}}")},
    {WRONG, "extra_config.remora.probes.listen", "the port is the admin listener's",
     SERVICE_EXTRA("remora: {probes: {listen: ^'0.0.0.0:8091'}}")},
    {WRONG, "extra_config.remora.probes.listen", "the port is the endpoints' own",
     SERVICE_EXTRA("remora: {probes: {listen: ^'0.0.0.0:8080'}}")},
    {WRONG, "extra_config.remora.admin.listen", "the port is the endpoints' own",
     SERVICE("port: 81\nlisten_ip: 127.0.0.1\nextra_config: {remora: {admin: {listen: ^'127.0.0.1:81'}}}")},
    {WRONG, "extra_config.remora.kubernetes.api_server", "\"10.0.0.300\" is no IPv4 address",
     SERVICE_EXTRA("remora: {kubernetes: {api_server: ^'https://10.0.0.300'}}")},
    {UNKNOWN, "extra_config.remora.retry", "unknown key of remora at the service",
     SERVICE_EXTRA("remora: {^retry: false}")},
    {UNKNOWN, "extra_config.remora.balancer", "it is a key of remora at a backend",
     SERVICE_EXTRA("remora: {^balancer: random}")},
    {UNKNOWN, OWN "kubernetes", "it is a key of remora at the service",
     BACKEND_EXTRA("remora: {^kubernetes: {zone: a}}")},
    {WRONG, "extra_config.remora.limits.json_depth", "allowed is a whole number from 1 to",
     SERVICE_EXTRA("remora: {limits: {json_depth: ^0}}")},
    {WRONG, "extra_config.remora.limits.bodies_bytes", "the text \"1 GB\" is no size",
     SERVICE_EXTRA("remora: {limits: {bodies_bytes: ^1 GB}}")},
    {WRONG, "extra_config.remora.limits", "found the number 1, allowed is an object",
     SERVICE_EXTRA("remora: {limits: ^1}")},
    {WRONG, "extra_config.remora.kubernetes.api_server", "does not begin with http:// or https://",
     SERVICE_EXTRA("remora: {kubernetes: {api_server: ^10.96.0.1}}")},
    {WRONG, "extra_config.remora.kubernetes.api_server", "has credentials in it",
     SERVICE_EXTRA("remora: {kubernetes: {api_server: ^'https://me:secret@10.96.0.1'}}")},
    {WRONG, "extra_config.remora.kubernetes.namespace", "\"Shop\" is no namespace",
     SERVICE_EXTRA("remora: {kubernetes: {namespace: ^Shop}}")},
    {WRONG, "extra_config.remora.kubernetes.addresses", "one of both, ipv4, ipv6",
     SERVICE_EXTRA("remora: {kubernetes: {addresses: ^all}}")},
    {UNKNOWN, "extra_config.remora.kubernetes.apiserver", "did you mean \"api_server\"?",
     SERVICE_EXTRA("remora: {kubernetes: {^apiserver: 'https://10.96.0.1'}}")},
    {WRONG, "endpoints[0].extra_config.remora.merge", "allowed is one of last, first, deep, append",
     ENDPOINT_EXTRA("remora: {merge: ^shallow}")},
    {WARNS, "endpoints[0].extra_config.remora.merge", "no effect: there is one answer", ENDPOINT_EXTRA("remora: {^merge: deep}")},
    {WRONG, "endpoints[0].extra_config.remora.status", "allowed is one of krakend, honest",
     ENDPOINT_EXTRA("remora: {status: ^502}")},
    {WRONG, "endpoints[0].extra_config.remora.soft_deadline", "is not before the endpoint's timeout, 2s",
     ENDPOINT_EXTRA("remora: {soft_deadline: ^2s}")},
    {WARNS, "endpoints[0].extra_config.remora.soft_deadline", "no effect: it is for backends that are asked at once",
     ENDPOINT_EXTRA("remora: {^soft_deadline: 1s}")},
    {WRONG, "endpoints[0].backend[0]", "return_error_details would make data of it",
     SERVICE("endpoints:\n- endpoint: /x\n  backend:\n  - ^{host: h, url_pattern: /y, extra_config: {backend/http: "
             "{return_error_details: a}, remora: {required: true}}}")},
    {WARNS, "endpoints[0].extra_config.proxy.sequential", "found the text \"true\", which is ignored, as in KrakenD",
     ENDPOINT_EXTRA("proxy: {sequential: ^'true'}")},
    {WARNS, "endpoints[0].extra_config.proxy.strategy", "found the text \"fast\", which is ignored",
     ENDPOINT_EXTRA("proxy: {strategy: ^fast}")},
    {WARNS, "endpoints[0].extra_config.proxy.strategy", "parallel wins",
     ENDPOINT_EXTRA("proxy: {strategy: ^parallel, sequential: true}")},
    {WARNS, "endpoints[0].extra_config.proxy.combiner", "which is ignored", ENDPOINT_EXTRA("proxy: {combiner: ^mine}")},
    {WRONG, "endpoints[0].extra_config.proxy.force_sandboxed_request", "found the number 1, allowed is true or false",
     ENDPOINT_EXTRA("proxy: {force_sandboxed_request: ^1}")},
    {WARNS, "endpoints[0].extra_config.proxy.sequential_propagated_params", "no effect",
     ENDPOINT_EXTRA("proxy: {^sequential_propagated_params: [resp0_a]}")},
    {WRONG, GRAPHQL ".query", "is missing: the GraphQL text", BACKEND_EXTRA("backend/graphql: ^{type: query}")},
    {WRONG, GRAPHQL ".query", "found a list, allowed is a string",
     BACKEND_EXTRA("backend/graphql: {type: query, query: ^[a]}")},
    {WRONG, GRAPHQL ".type", "is missing: query or mutation", BACKEND_EXTRA("backend/graphql: ^{query: a}")},
    {WRONG, GRAPHQL ".type", "allowed is one of query, mutation",
     BACKEND_EXTRA("backend/graphql: {type: ^subscription, query: a}")},
    {WRONG, GRAPHQL ".method", "allowed is one of GET, POST",
     BACKEND_EXTRA("backend/graphql: {type: query, query: a, method: ^PUT}")},
    {WRONG, GRAPHQL ".query_path", "write the text under \"query\"",
     BACKEND_EXTRA("backend/graphql: {type: query, ^query_path: a}")},
    {WRONG, GRAPHQL ".variables", "found a list, allowed is an object",
     BACKEND_EXTRA("backend/graphql: {type: query, query: a, variables: ^[a]}")},
    {WRONG, GRAPHQL ".variables.v", "the text \"{b}\" is no parameter of the endpoint",
     BACKEND_EXTRA("backend/graphql: {type: query, query: a, variables: {v: ^'{b}', w: '{a}', x: '{}'}}")},
    {UNKNOWN, GRAPHQL ".variable", "did you mean \"variables\"?",
     BACKEND_EXTRA("backend/graphql: {type: query, query: a, ^variable: {}}")},
    {WRONG, FLATMAP_ENDPOINT, "found an object, allowed is a list of operations",
     ENDPOINT_EXTRA("proxy: {flatmap_filter: ^{type: del, args: [a]}}")},
    {WRONG, FLATMAP_BACKEND "[0]", "found the text \"del\", allowed is an object",
     BACKEND_EXTRA("proxy: {flatmap_filter: [^del]}")},
    {WRONG, FLATMAP_ENDPOINT "[0].type", "is missing: del, move or append",
     ENDPOINT_EXTRA("proxy: {flatmap_filter: [^{args: [a]}]}")},
    {WRONG, FLATMAP_ENDPOINT "[0].type", "found the number 1, allowed is a string", FLATMAP("type: ^1, args: [a]")},
    {UNKNOWN, FLATMAP_ENDPOINT "[0].type",
     "unknown operation \"mov\", which is left out: del, move and append are known; did "
     "you mean \"move\"?",
     FLATMAP("type: ^mov, args: [a, b]")},
    {UNKNOWN, FLATMAP_ENDPOINT "[0].argz", "did you mean \"args\"?", FLATMAP("type: del, args: [a], ^argz: [b]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args", "is missing: del takes a list of paths",
     ENDPOINT_EXTRA("proxy: {flatmap_filter: [^{type: del}]}")},
    {WRONG, FLATMAP_ENDPOINT "[0].args", "found the text \"a\", del takes a list of paths",
     FLATMAP("type: del, args: ^a")},
    {WRONG, FLATMAP_ENDPOINT "[0].args", "found 0 paths, del takes a list of paths", FLATMAP("type: del, args: ^[]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args", "found 1 paths, move takes a list of two paths: from where, and where to",
     FLATMAP("type: move, args: ^[a]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args", "found 3 paths, append takes a list of two paths",
     FLATMAP("type: append, args: ^[a, b, c]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "found the number 5, allowed is a string",
     FLATMAP("type: move, args: [a, ^5]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "an empty path names nothing", FLATMAP("type: move, args: [a, ^'']")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[0]", "the last name of what is moved cannot be *",
     FLATMAP("type: move, args: [^'a.*', a.b]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "the last name of where it goes cannot be *",
     FLATMAP("type: move, args: [a.b, ^'a.*']")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "all names up to it must be the same in both",
     FLATMAP("type: move, args: ['a.*.b.c', ^'x.*.c']")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "all names up to it must be the same in both",
     FLATMAP("type: move, args: [a.b, ^'a.*.c']")},
    {WARNS, FLATMAP_ENDPOINT "[0].args[1]",
     "stays in the object that it is in, as in KrakenD: only what stands behind the "
     "first 1 names counts",
     FLATMAP("type: move, args: [a.b, ^c.d]")},
    {WARNS, FLATMAP_ENDPOINT "[0].args[1]", "stays in the object that it is in",
     FLATMAP("type: move, args: [b.x, ^n.d.x]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "a list cannot be appended to itself",
     FLATMAP("type: append, args: [a, ^a]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "or to what is in it", FLATMAP("type: append, args: ['a.*', ^a.b.c]")},
    {WRONG, FLATMAP_ENDPOINT "[0].args[1]", "append adds to one list", FLATMAP("type: append, args: [a, ^'b.*.c']")},
    {WARNS, "endpoints[0].backend[0].mapping", "no effect beside \"flatmap_filter\"",
     BACKEND("^mapping: {a: b}\n    extra_config: {proxy: {flatmap_filter: [{type: del, args: [a]}]}}")},
    {WARNS, "endpoints[0].backend[0].deny", "no effect beside \"flatmap_filter\"",
     BACKEND("^deny: [b]\n    extra_config: {proxy: {flatmap_filter: [{type: del, args: [a]}]}}")},
    {WARNS, "endpoints[0].backend[0].extra_config", "flatmap_filter has no effect: the encoding no-op",
     BACKEND("encoding: no-op\n    ^extra_config: {proxy: {flatmap_filter: [{type: del, args: [a]}]}}")},
    {WARNS, "endpoints[0].output_encoding", "extra_config.proxy.flatmap_filter has no effect",
     ENDPOINT("output_encoding: ^no-op\n  extra_config: {proxy: {flatmap_filter: [{type: del, args: [a]}]}}")},
    {WRONG, "endpoints[0].extra_config.proxy.static.data", "found a list, allowed is an object",
     ENDPOINT_EXTRA("proxy: {static: {data: ^[1]}}")},
    {WRONG, "endpoints[0].extra_config.proxy.static.data", "is missing",
     ENDPOINT_EXTRA("proxy: {static: ^{strategy: always}}")},
    {WARNS, "endpoints[0].extra_config.proxy.static.strategy", "found the text \"whenever\", which is ignored",
     ENDPOINT_EXTRA("proxy: {static: {data: {a: 1}, strategy: ^whenever}}")},
    {WRONG, "endpoints[0].backend[0].extra_config.proxy.shadow", "found the text \"yes\", allowed is true or false",
     BACKEND_EXTRA("proxy: {shadow: ^yes}")},
    {WRONG, "endpoints[0].backend[0].extra_config.proxy.shadow_timeout", "found the number 5, which has no unit",
     BACKEND_EXTRA("proxy: {shadow: true, shadow_timeout: ^5}")},
    {WARNS, "endpoints[0].backend[0].extra_config", "shadow_timeout has no effect without \"shadow\": true",
     BACKEND("^extra_config: {proxy: {shadow_timeout: 5s}}")},
    {WARNS, "endpoints[0].backend", "only shadow backends, which are not asked then",
     SERVICE("endpoints:\n- endpoint: /x\n  backend: ^[{host: h, url_pattern: /y, extra_config: {proxy: {shadow: true}}}]")},
    {WRONG, "endpoints[0].backend", "a shadow's is not passed",
     SERVICE("endpoints:\n- endpoint: /x\n  output_encoding: no-op\n  backend: ^[{host: h, url_pattern: /y, extra_config: "
             "{proxy: {shadow: true}}}]")},
    {WRONG, "endpoints[0].output_encoding", "no-op passes one backend's answer through, but there are 2 backends",
     SERVICE("endpoints:\n- endpoint: /x\n  output_encoding: ^no-op\n  backend: [{host: h, url_pattern: /y}, {host: h, url_pattern: /y, "
              "extra_config: {proxy: {shadow: true}}}]")},
    {WRONG, "endpoints[0].backend[1].url_pattern", "{resp0_a}: a shadow backend is asked before others have answered",
     SERVICE("endpoints:\n- endpoint: /x\n  extra_config: {proxy: {sequential: true}}\n  backend: [{host: h, url_pattern: "
             "/y}, {host: h, url_pattern: ^'/{resp0_a}', extra_config: {proxy: {shadow: true}}}]")},
    {WRONG, "endpoints[0].backend[1].url_pattern", "{resp0_a} names a backend that is not called before this one",
     SERVICE("endpoints:\n- endpoint: /x\n  extra_config: {proxy: {sequential: true}}\n  backend: [{host: h, url_pattern: "
             "/y, extra_config: {proxy: {shadow: true}}}, {host: h, url_pattern: ^'/{resp0_a}'}]")},
    {WRONG, "endpoints[0].backend[0].extra_config.backend/http.return_error_code", "found the text \"yes\"",
     BACKEND_EXTRA("backend/http: {return_error_code: ^yes}")},
    {WRONG, "endpoints[0].backend[0].extra_config.backend/http.return_error_details", "found true, allowed is a string",
     BACKEND_EXTRA("backend/http: {return_error_details: ^true}")},
    {WRONG, "endpoints[0].backend[0].extra_config.backend/http/client.no_redirect", "found the number 1",
     BACKEND_EXTRA("backend/http/client: {no_redirect: ^1}")},
    {WRONG, OWN "when.value", "is missing: what is looked at", BACKEND_EXTRA("remora: {when: ^{equals: a}}")},
    {WRONG, OWN "when.value", "allowed is param:NAME, header:NAME, query:NAME or resp0_field",
     BACKEND_EXTRA("remora: {when: {value: ^cookie}}")},
    {WRONG, OWN "when.value", "did you mean \"customer\"?",
     SERVICE("endpoints:\n- endpoint: /x/{customer}\n  backend:\n  - url_pattern: /y\n    host: h\n    extra_config: "
             "{remora: {when: {value: ^'param:custmer'}}}")},
    {WRONG, OWN "when.value", "set extra_config.proxy.sequential to true",
     BACKEND_EXTRA("remora: {when: {value: ^resp0_a}}")},
    {WRONG, OWN "when.matches", "no regular expression", BACKEND_EXTRA("remora: {when: {value: 'query:a', matches: ^'('}}")},
    {WRONG, OWN "when.matches", "there is \"equals\" already",
     BACKEND_EXTRA("remora: {when: {value: 'query:a', equals: b, matches: ^c}}")},
    {UNKNOWN, OWN "when.equal", "did you mean \"equals\"?", BACKEND_EXTRA("remora: {when: {value: 'query:a', ^equal: b}}")},
    {WRONG, OWN "when", "not with the output_encoding no-op",
     SERVICE("endpoints:\n- endpoint: /x\n  output_encoding: no-op\n  backend:\n  - url_pattern: /y\n    host: h\n    "
             "extra_config: {remora: {^when: {value: 'query:a'}}}")},
    {WRONG, OWN "response_headers", "\"Content-Type\" is of one connection", BACKEND_EXTRA("remora: {response_headers: ^[Content-Type]}")},
    {WRONG, "endpoints[0].backend[0].extra_config.backend/http/client.client_tls.min_version", "allowed is one of TLS10",
     BACKEND_EXTRA("backend/http/client: {client_tls: {min_version: ^SSL3}}")},
    {WRONG, "endpoints[0].backend[0].extra_config.backend/http/client.client_tls.client_certs[0]", "needs both",
     BACKEND_EXTRA("backend/http/client: {client_tls: {client_certs: [^{certificate: a}]}}")},
    {UNKNOWN, "endpoints[0].backend[0].extra_config.backend/http/client.client_tls.ca_cert", "did you mean \"ca_certs\"?",
     BACKEND_EXTRA("backend/http/client: {client_tls: {^ca_cert: a}}")},
    {WRONG, "endpoints[0].backend[0].extra_config.remora.timeout", "found the number 5, which has no unit",
     BACKEND_EXTRA("remora: {timeout: ^5}")},
    {WRONG, "endpoints[0].backend[0].extra_config.remora.transport", "the transport \"h1\" is not in this version",
     BACKEND_EXTRA("remora: {transport: ^h1}")},
    {WRONG, OWN "balancer", "found the text \"fastest\", allowed is one of round_robin, least_request, random, hash",
     BACKEND_EXTRA("remora: {balancer: ^fastest}")},
    {WRONG, OWN "balancer", "hash needs \"hash_on\": header:NAME", BACKEND_EXTRA("remora: {balancer: ^hash}")},
    {WRONG, OWN "hash_on", "found \"cookie:x\", allowed is header:NAME, param:NAME or client_ip",
     BACKEND_EXTRA("remora: {balancer: hash, hash_on: ^'cookie:x'}")},
    {WRONG, OWN "hash_on", "found \"header:a b\"", BACKEND_EXTRA("remora: {balancer: hash, hash_on: ^'header:a b'}")},
    {WRONG, OWN "hash_on", "found \"header:\"", BACKEND_EXTRA("remora: {balancer: hash, hash_on: ^'header:'}")},
    {WRONG, OWN "hash_on", "the endpoint has no parameter {tenant}",
     BACKEND_EXTRA("remora: {balancer: hash, hash_on: ^'param:tenant'}")},
    {WRONG, OWN "hash_on", "did you mean \"customer\"?",
     SERVICE("endpoints:\n- endpoint: /x/{customer}\n  backend:\n  - url_pattern: /y\n    host: h\n    extra_config: "
             "{remora: {balancer: hash, hash_on: ^'param:custmer'}}")},
    {WRONG, OWN "hash_on", "needs \"balancer\": \"hash\"", BACKEND_EXTRA("remora: {^hash_on: client_ip}")},
    {WRONG, OWN "zone", "allowed is one of hints, prefer, off", BACKEND_EXTRA("remora: {zone: ^local}")},
    {WRONG, OWN "zone_min_percent", "a whole number from 0 to 100", BACKEND_EXTRA("remora: {zone_min_percent: ^101}")},
    {WRONG, OWN "subset", "the number -1 is negative", BACKEND_EXTRA("remora: {subset: ^-1}")},
    {WRONG, OWN "retry", "found the number 2, allowed is an object, true or false",
     BACKEND_EXTRA("remora: {retry: ^2}")},
    {WRONG, OWN "retry.attempts", "a whole number from 1 to 10", BACKEND_EXTRA("remora: {retry: {attempts: ^0}}")},
    {UNKNOWN, OWN "retry.atempts", "did you mean \"attempts\"?", BACKEND_EXTRA("remora: {retry: {^atempts: 2}}")},
    {WRONG, OWN "retry.attempt_timeout", "has no unit", BACKEND_EXTRA("remora: {retry: {attempt_timeout: ^300}}")},
    {WRONG, OWN "retry.attempt_timeout", "allowed is a duration from 1ms to",
     BACKEND_EXTRA("remora: {retry: {attempt_timeout: ^1us}}")},
    {WARNS, OWN "zone", "our zone is not known", BACKEND_EXTRA("remora: {zone: ^prefer}")},
    {WRONG, OWN "eject", "found an empty list, allowed is an object, true or false",
     BACKEND_EXTRA("remora: {eject: ^[]}")},
    {WRONG, OWN "eject", "base is longer than max", BACKEND_EXTRA("remora: {eject: ^{base: 40s}}")},
    {WRONG, OWN "eject.max_percent", "a whole number from 1 to 100",
     BACKEND_EXTRA("remora: {eject: {max_percent: ^0}}")},
    {WRONG, "extra_config.remora.discovery.hold", "has no unit", SERVICE_EXTRA("remora: {discovery: {hold: ^60}}")},
    {UNKNOWN, "endpoints[0].extra_config.remora.timeout", "unknown key of remora at an endpoint",
     ENDPOINT_EXTRA("remora: {^timeout: 1s}")},
    {WRONG, "extra_config.router.trusted_proxies", "\"10.0.0.0/\" is no IP address",
     SERVICE_EXTRA("router: {trusted_proxies: ^10.0.0.0/}")},
    {WRONG, "extra_config.router.trusted_proxies", "\"10.0.0.0/0x8\" is no IP address",
     SERVICE_EXTRA("router: {trusted_proxies: ^10.0.0.0/0x8}")},
    {WRONG, "extra_config.router.trusted_proxies", "\"::1/129\" is no IP address",
     SERVICE_EXTRA("router: {trusted_proxies: ^'::1/129'}")},
    {WRONG, "extra_config.router.remote_ip_headers", "\"X Y\" is no header name",
     SERVICE_EXTRA("router: {remote_ip_headers: ^X Y}")},
    {WRONG, "extra_config.router.trusted_proxies", "\"10.0.0.0/:\" is no IP address",
     SERVICE_EXTRA("router: {trusted_proxies: ^'10.0.0.0/:'}")},
    {WRONG, "extra_config.router.trusted_proxies", "\"10.0.0.0/0008\" is no IP address",
     SERVICE_EXTRA("router: {trusted_proxies: ^10.0.0.0/0008}")},
};

static void bad_run(const struct bad_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct bad_case *bad = &cases[i];
        struct conf_case marks, c;
        rm_arena_init(&marks.arena, NULL);
        struct rm_place place;
        const char *text = conf_case_unmark(&marks, bad->text, '^', &place);
        const char *file = text[0] == '{' ? "t.json" : "t.yaml";
        for (int strict = 0; strict < 2; strict++) {
            struct rm_conf_options options = {.strict = strict > 0};
            bool is_error = bad->kind == WRONG || (bad->kind == UNKNOWN && strict > 0);
            conf_case_load(&c, file, text, &options);
            const struct rm_finding *found = conf_case_find(&c, place, bad->path, bad->phrase);
            // Nothing else is wrong: one mistake is one error.
            if (!found || found->is_error != is_error || c.found.n_errors != (is_error ? 1 : 0)) {
                conf_case_print(&c);
                fail_msg("%s\nwanted %s at %u:%u: %s: %s%s", text, is_error ? "an error" : "a warning", place.line,
                         place.column, bad->path, bad->phrase, strict > 0 ? " (strict)" : "");
            }
            conf_case_free(&c);
        }
        rm_arena_fini(&marks.arena);
    }
}

static void test_documents(void **state)
{
    (void)state;
    bad_run(bad_documents, RM_COUNT(bad_documents));
}

static void test_service(void **state)
{
    (void)state;
    bad_run(bad_service, RM_COUNT(bad_service));
    bad_run(bad_dns, RM_COUNT(bad_dns));
}

static void test_endpoints(void **state)
{
    (void)state;
    bad_run(bad_endpoints, RM_COUNT(bad_endpoints));
}

static void test_backends(void **state)
{
    (void)state;
    bad_run(bad_backends, RM_COUNT(bad_backends));
}

static void test_extra(void **state)
{
    (void)state;
    bad_run(bad_extra, RM_COUNT(bad_extra));
}

static void test_policies(void **state)
{
    (void)state;
    bad_run(bad_policies, RM_COUNT(bad_policies));
    bad_run(bad_breaker, RM_COUNT(bad_breaker));
    bad_run(bad_martian, RM_COUNT(bad_martian));
    bad_run(bad_schemas, RM_COUNT(bad_schemas));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents), cmocka_unit_test(test_service), cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_backends),  cmocka_unit_test(test_extra),   cmocka_unit_test(test_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
