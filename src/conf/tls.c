// client_tls: TLS towards backends. Opens no file: see check_files.c.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_tls, member)

static const char *const tls_versions[] = {"TLS10", "TLS11", "TLS12", "TLS13"};

static void tls_version(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value,
                        struct rm_str version)
{
    for (size_t i = 0; i < RM_COUNT(tls_versions); i++) {
        if (version.n == 0 || rm_str_eq(version, rm_str_of(tls_versions[i])))
            return;
    }
    rm_reader_error(r, path, rm_doc_place(value), "found %s, allowed is one of TLS10, TLS11, TLS12, TLS13",
                    rm_value_describe(r->found->arena, value));
}

static void tls_min(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    if (value->type == RM_STRING)
        tls_version(r, path, value, ((struct rm_conf_tls *)base)->min_version);
}

static void tls_max(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    if (value->type == RM_STRING)
        tls_version(r, path, value, ((struct rm_conf_tls *)base)->max_version);
}

static const struct rm_field tls_cert_rows[] = {
    {.name = "certificate",
     .type = RM_FIELD_STRING,
     .offset = AT(cert_file),
     .doc = "PEM file of the certificate, with its chain"},
    {.name = "private_key", .type = RM_FIELD_STRING, .offset = AT(key_file), .doc = "PEM file of its key"},
};
static const struct rm_fields tls_cert_fields = {
    .v = tls_cert_rows, .n = RM_COUNT(tls_cert_rows), .what = "key of a client certificate"};

static void tls_certs(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_tls *tls = base;
    if (value->type != RM_ARRAY) {
        rm_reader_error(r, path, rm_doc_place(value),
                        "found %s, allowed is a list of one object with certificate and private_key",
                        rm_value_describe(r->found->arena, value));
        return;
    }
    if (value->n > 1)
        rm_reader_error(r, path, rm_doc_place(value), "%u certificates, but remora shows the same one to every host",
                        value->n);
    if (value->n == 0)
        return;
    struct rm_path at = {.up = path, .index = 0};
    if (!rm_object_expect(r, &at, value->first))
        return;
    rm_fields_read(r, &tls_cert_fields, &at, value->first, tls);
    if (tls->cert_file.n == 0 || tls->key_file.n == 0)
        rm_reader_error(r, &at, rm_doc_place(value->first), "needs both certificate and private_key");
}

static const struct rm_field tls_rows[] = {
    {.name = "allow_insecure_connections",
     .type = RM_FIELD_BOOL,
     .offset = AT(insecure),
     .doc = "take any certificate of a backend"},
    {.name = "disable_system_ca_pool",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_system_ca_pool),
     .doc = "trust ca_certs only"},
    {.name = "ca_certs", .type = RM_FIELD_STRINGS, .offset = AT(ca_certs), .doc = "PEM files of authorities to trust"},
    {.name = "client_certs",
     .type = RM_FIELD_CUSTOM,
     .offset = RM_NOWHERE,
     .read = tls_certs,
     .doc = "the certificate shown to backends: a list of one"},
    {.name = "min_version",
     .type = RM_FIELD_STRING,
     .offset = AT(min_version),
     .read = tls_min,
     .doc = "TLS10, TLS11, TLS12 or TLS13; without it the library's"},
    {.name = "max_version", .type = RM_FIELD_STRING, .offset = AT(max_version), .read = tls_max, .doc = "the same"},
    {.name = "cipher_suites",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "the library's own choice is used: remove it",
     .doc = "not in this version"},
    {.name = "curve_preferences",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "the library's own choice is used: remove it",
     .doc = "not in this version"},
};

static void tls_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_tls *tls = base;
    tls->value = object;
    // The names sort as the versions do.
    if (tls->min_version.n > 0 && tls->max_version.n > 0 && rm_str_cmp(tls->min_version, tls->max_version) > 0)
        rm_reader_error(r, path, rm_doc_place(object), "min_version %s is above max_version %s",
                        rm_text_quote(r->found->arena, tls->min_version),
                        rm_text_quote(r->found->arena, tls->max_version));
}

const struct rm_fields rm_client_tls_fields = {
    .v = tls_rows, .n = RM_COUNT(tls_rows), .what = "key of client_tls", .weak = true, .finish = tls_finish};
