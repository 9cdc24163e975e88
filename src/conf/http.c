// extra_config["backend/http"] and ["backend/http/client"] of backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_backend, member)

static const struct rm_field http_rows[] = {
    {.name = "return_error_details",
     .type = RM_FIELD_STRING,
     .offset = AT(return_error_details),
     .doc = "a failure becomes the member error_<this> of the answer"},
    {.name = "return_error_code",
     .type = RM_FIELD_BOOL,
     .offset = AT(return_error_code),
     .doc = "the client gets the backend's status, where it is the only one"},
};
const struct rm_fields rm_http_fields = {.v = http_rows, .n = RM_COUNT(http_rows), .what = "key of backend/http"};

static const struct rm_field http_client_rows[] = {
    {.name = "send_body_on_redirect",
     .type = RM_FIELD_BOOL,
     .offset = AT(send_body_on_redirect),
     .doc = "follow 307 and 308 with the body"},
    {.name = "no_redirect",
     .type = RM_FIELD_BOOL,
     .offset = AT(no_redirect),
     .doc = "a redirect is the answer; else one to the same host is followed"},
    {.name = "proxy_address",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "backends are called directly",
     .doc = "not in this version"},
    {.name = "client_tls",
     .type = RM_FIELD_NESTED,
     .offset = AT(client_tls),
     .nested = &rm_client_tls_fields,
     .doc = "TLS towards this backend, instead of the service's client_tls"},
};
const struct rm_fields rm_http_client_fields = {
    .v = http_client_rows, .n = RM_COUNT(http_client_rows), .what = "key of backend/http/client"};
