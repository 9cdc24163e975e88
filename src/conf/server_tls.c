// tls: TLS towards clients. Opens no file: see check_files.c. KrakenD numbers cipher suites and curves as IANA does; what remora serves of
// them are the two tables here.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"
#include "conf/unit.h"

#define AT(member) offsetof(struct rm_conf, tls.member)

// ---- numbers ---------------------------------------------------------------------------------------------------------

struct tls_name {
    uint16_t number;
    bool is_tls13;
    const char *name; // as OpenSSL calls it
};

// With forward secrecy and authenticated encryption; what else there is is what attacks on TLS live on (RFC 9325 4.2).
static const struct tls_name tls_ciphers[] = {
    {4865, true, "TLS_AES_128_GCM_SHA256"},           {4866, true, "TLS_AES_256_GCM_SHA384"},
    {4867, true, "TLS_CHACHA20_POLY1305_SHA256"},     {49195, false, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {49196, false, "ECDHE-ECDSA-AES256-GCM-SHA384"},  {49199, false, "ECDHE-RSA-AES128-GCM-SHA256"},
    {49200, false, "ECDHE-RSA-AES256-GCM-SHA384"},    {52392, false, "ECDHE-RSA-CHACHA20-POLY1305"},
    {52393, false, "ECDHE-ECDSA-CHACHA20-POLY1305"},
};
static const struct tls_name tls_curves[] = {{29, true, "X25519"}, {23, true, "P-256"}, {24, true, "P-384"}, {25, true, "P-521"}};

// All of a table where the list is empty; TLS 1.3's where `of_tls13`, else the others'. In the list's order, which is the preference.
static const char *tls_join(struct rm_arena *arena, const struct rm_value *list, const struct tls_name *names, size_t n,
                            bool of_tls13)
{
    struct rm_str all = {"", 0};
    bool any = false;
    bool is_list = list && list->type == RM_ARRAY;
    for (const struct rm_value *item = is_list ? list->first : NULL; item; item = item->next) {
        uint64_t number = 0;
        if (item->type != RM_NUMBER || rm_whole_parse(item->raw, &number))
            continue; // there is a finding
        for (size_t i = 0; i < n; i++) {
            if (names[i].number == number && names[i].is_tls13 == of_tls13) {
                all = rm_arena_printf(arena, "%.*s%s%s", (int)all.n, all.p, any ? ":" : "", names[i].name);
                any = true;
            }
        }
    }
    for (size_t i = 0; !any && i < n; i++) {
        if (names[i].is_tls13 == of_tls13)
            all = rm_arena_printf(arena, "%.*s%s%s", (int)all.n, all.p, all.n ? ":" : "", names[i].name);
    }
    return rm_arena_cstr(arena, all);
}

// Every item must be in the table: else what the configuration asks for would be left out in silence.
static void tls_numbers(struct rm_reader *r, const struct rm_path *path, const struct rm_value *list,
                        const struct tls_name *names, size_t n)
{
    if (!list)
        return;
    if (list->type != RM_ARRAY) {
        rm_reader_error(r, path, rm_doc_place(list), "found %s, allowed is a list of numbers",
                        rm_value_describe(r->found->arena, list));
        return;
    }
    size_t index = 0;
    for (const struct rm_value *item = list->first; item; item = item->next, index++) {
        struct rm_path at = {.up = path, .index = index};
        uint64_t number = 0;
        bool is_number = item->type == RM_NUMBER && !rm_whole_parse(item->raw, &number);
        bool is_known = false;
        for (size_t i = 0; i < n; i++)
            is_known |= is_number && names[i].number == number;
        if (is_known)
            continue;
        struct rm_str allowed = {"", 0};
        for (size_t i = 0; i < n; i++)
            allowed = rm_arena_printf(r->found->arena, "%.*s%s%u (%s)", (int)allowed.n, allowed.p, i ? ", " : "",
                                      names[i].number, names[i].name);
        rm_reader_error(r, &at, rm_doc_place(item), "found %s, allowed is %.*s",
                        rm_value_describe(r->found->arena, item), (int)allowed.n, allowed.p);
    }
}

static void tls_read_ciphers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    (void)value;
    tls_numbers(r, path, ((struct rm_conf *)base)->tls.ciphers, tls_ciphers, RM_COUNT(tls_ciphers));
}

static void tls_read_curves(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    (void)value;
    tls_numbers(r, path, ((struct rm_conf *)base)->tls.curves, tls_curves, RM_COUNT(tls_curves));
}

// ---- certificates ----------------------------------------------------------------------------------------------------

static const struct rm_field tls_key_rows[] = {
    {.name = "public_key",
     .type = RM_FIELD_STRING,
     .offset = offsetof(struct rm_conf_key, certificate),
     .doc = "PEM file of a certificate, with its chain"},
    {.name = "private_key",
     .type = RM_FIELD_STRING,
     .offset = offsetof(struct rm_conf_key, key),
     .doc = "PEM file of its key, without a password"},
};
static const struct rm_fields tls_key_fields = {
    .v = tls_key_rows, .n = RM_COUNT(tls_key_rows), .what = "key of a certificate"};

static void tls_read_keys(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_server_tls *tls = &((struct rm_conf *)base)->tls;
    if (value->type != RM_ARRAY) {
        rm_reader_error(r, path, rm_doc_place(value),
                        "found %s, allowed is a list of objects with public_key and private_key",
                        rm_value_describe(r->found->arena, value));
        return;
    }
    tls->keys = RM_NEW_ARRAY(r->arena, struct rm_conf_key, value->n);
    for (struct rm_value *item = value->first; item; item = item->next) {
        struct rm_conf_key *key = &tls->keys[tls->n_keys];
        struct rm_path at = {.up = path, .index = tls->n_keys++};
        if (!rm_object_expect(r, &at, item))
            continue;
        rm_fields_read(r, &tls_key_fields, &at, item, key);
        if (key->certificate.n == 0 || key->key.n == 0)
            rm_reader_error(r, &at, rm_doc_place(item), "needs both public_key and private_key");
    }
}

// ---- tls -------------------------------------------------------------------------------------------------------------

static const char *const tls_versions[] = {"TLS12", "TLS13"}; // enum rm_conf_tls_version

static const struct rm_field tls_rows[] = {
    {.name = "keys",
     .type = RM_FIELD_ANY,
     .offset = AT(keys_value),
     .read = tls_read_keys,
     .doc = "certificates and their keys; the client's server name chooses, the first is the default"},
    {.name = "public_key",
     .type = RM_FIELD_STRING,
     .offset = AT(single.certificate),
     .doc = "old way to say a single one of keys"},
    {.name = "private_key", .type = RM_FIELD_STRING, .offset = AT(single.key), .doc = "the same"},
    {.name = "disabled", .type = RM_FIELD_BOOL, .offset = AT(disabled), .doc = "serve plain HTTP all the same"},
    {.name = "min_version",
     .type = RM_FIELD_CHOICE,
     .offset = AT(min_version),
     .fallback = "TLS13",
     .zero_is_unset = true,
     .choices = tls_versions,
     .n_choices = RM_COUNT(tls_versions),
     .doc = "TLS12 or TLS13"},
    {.name = "max_version",
     .type = RM_FIELD_CHOICE,
     .offset = AT(max_version),
     .fallback = "TLS13",
     .zero_is_unset = true,
     .choices = tls_versions,
     .n_choices = RM_COUNT(tls_versions),
     .doc = "TLS12 or TLS13"},
    {.name = "cipher_suites",
     .type = RM_FIELD_ANY,
     .offset = AT(ciphers),
     .read = tls_read_ciphers,
     .doc = "IANA's numbers of cipher suites; a version of which it names none has its defaults"},
    {.name = "curve_preferences",
     .type = RM_FIELD_ANY,
     .offset = AT(curves),
     .read = tls_read_curves,
     .doc = "IANA's numbers of key exchange groups: 29, 23, 24, 25"},
    {.name = "enable_mtls",
     .type = RM_FIELD_BOOL,
     .offset = AT(enable_mtls),
     .doc = "clients must show a certificate that ca_certs have signed"},
    {.name = "ca_certs",
     .type = RM_FIELD_STRINGS,
     .offset = AT(ca_certs),
     .doc = "PEM files of the authorities that sign clients' certificates"},
    {.name = "disable_system_ca_pool",
     .type = RM_FIELD_BOOL,
     .offset = AT(no_system_ca),
     .fallback = "true",
     .doc = "false: the system's authorities may sign clients' certificates, too"},
};

static void tls_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_server_tls *tls = &((struct rm_conf *)base)->tls;
    bool has_single = tls->single.certificate.n > 0 || tls->single.key.n > 0;
    if (has_single && tls->n_keys > 0)
        rm_reader_error(r, path, rm_doc_place(object), "has public_key and private_key beside keys: leave them out");
    else if (has_single && (tls->single.certificate.n == 0 || tls->single.key.n == 0))
        rm_reader_error(r, path, rm_doc_place(object), "needs both public_key and private_key");
    else if (has_single) {
        tls->keys = &tls->single;
        tls->n_keys = 1;
    }
    if (tls->min_version > tls->max_version)
        rm_reader_error(r, path, rm_doc_place(object), "min_version %s is above max_version %s",
                        tls_versions[tls->min_version], tls_versions[tls->max_version]);
    if (tls->disabled)
        tls->n_keys = 0;
    else if (tls->n_keys == 0 && !has_single && (!tls->keys_value || tls->keys_value->type == RM_ARRAY))
        rm_reader_error(r, path, rm_doc_place(object),
                        "needs keys: a list of objects with public_key and private_key; or disabled: true");
    if (tls->enable_mtls && tls->ca_certs.n == 0 && tls->no_system_ca)
        rm_reader_error(r, path, rm_doc_place(object), "enable_mtls needs ca_certs: nobody could sign a client's certificate");
    if (!tls->enable_mtls && tls->ca_certs.n > 0)
        rm_reader_warn(r, path, rm_doc_place(object), "ca_certs ask nothing of clients without enable_mtls: true");
    tls->ciphers12 = tls_join(r->arena, tls->ciphers, tls_ciphers, RM_COUNT(tls_ciphers), false);
    tls->ciphers13 = tls_join(r->arena, tls->ciphers, tls_ciphers, RM_COUNT(tls_ciphers), true);
    tls->groups = tls_join(r->arena, tls->curves, tls_curves, RM_COUNT(tls_curves), true);
}

const struct rm_fields rm_server_tls_fields = {
    .v = tls_rows, .n = RM_COUNT(tls_rows), .what = "key of tls", .weak = true, .finish = tls_finish};
