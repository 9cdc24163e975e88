// `check -d`: the configuration as understood, by the same field tables that read it, as a configuration that can be read again.
// Credentials in URLs are masked; files are named, never opened.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"
#include "conf/unit.h"

#include <stdio.h>
#include <stdlib.h>

struct dumper {
    struct rm_arena arena;
    const struct rm_conf *conf;
};

static void dump_set(struct dumper *d, struct rm_value *object, const char *name, struct rm_value *value)
{
    if (value)
        rm_value_set(&d->arena, object, rm_str_of(name), value);
}

static struct rm_value *dump_text(struct dumper *d, struct rm_str text)
{
    return rm_value_string(&d->arena, rm_url_mask(&d->arena, text));
}

static struct rm_value *dump_strings(struct dumper *d, const struct rm_strs *list)
{
    struct rm_value *array = rm_value_new(&d->arena, RM_ARRAY);
    for (size_t i = 0; i < list->n; i++)
        rm_value_append(array, dump_text(d, list->v[i]));
    return array;
}

// The shortest text that reads as the same.
static struct rm_value *dump_decimal(struct dumper *d, double n)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, n);
        double again = strtod(text, NULL);
        if (again >= n && again <= n)
            break;
    }
    struct rm_value *value = rm_value_new(&d->arena, RM_NUMBER);
    value->raw = rm_arena_dup(&d->arena, rm_str_of(text));
    return value;
}

static struct rm_value *dump_fields(struct dumper *d, const struct rm_fields *fields, const void *base);

// NULL: there is nothing to show.
static struct rm_value *dump_field(struct dumper *d, const struct rm_field *field, const void *base)
{
    const void *at = field->offset == RM_NOWHERE ? NULL : (const char *)base + field->offset;
    struct rm_arena *arena = &d->arena;
    if (field->type == RM_FIELD_SWITCH && at && !*(const bool *)at)
        return rm_value_new(arena, RM_FALSE);
    if (field->type == RM_FIELD_NESTED || field->type == RM_FIELD_SWITCH)
        return dump_fields(d, field->nested, rm_field_nested_base(field, base));
    if (!at)
        return NULL;
    switch (field->type) {
    case RM_FIELD_STRING:
        if (field->is_secret && ((const struct rm_str *)at)->n > 0)
            return dump_text(d, RM_STR("***"));
        return dump_text(d, *(const struct rm_str *)at);
    case RM_FIELD_BOOL:
        return rm_value_new(arena, *(const bool *)at ? RM_TRUE : RM_FALSE);
    case RM_FIELD_U16:
        return rm_value_integer(arena, *(const uint16_t *)at);
    case RM_FIELD_U32:
        return rm_value_integer(arena, *(const uint32_t *)at);
    case RM_FIELD_SIZE:
        return rm_value_string(arena, rm_size_format(arena, *(const size_t *)at));
    case RM_FIELD_SIZE32:
        return rm_value_string(arena, rm_size_format(arena, *(const uint32_t *)at));
    case RM_FIELD_DURATION:
        return rm_value_string(arena, rm_duration_format(arena, *(const uint64_t *)at));
    case RM_FIELD_STRINGS:
        return dump_strings(d, at);
    case RM_FIELD_DECIMAL:
        return dump_decimal(d, *(const double *)at);
    case RM_FIELD_CHOICE:
        return rm_value_string(arena, rm_str_of(field->choices[*(const int *)at]));
    case RM_FIELD_OBJECT:
    case RM_FIELD_ANY:
    case RM_FIELD_STEP_STRING:
    case RM_FIELD_STEP_STRINGS:
    case RM_FIELD_STEP_NAMES: {
        const struct rm_value *value = *(struct rm_value *const *)at;
        return value ? rm_value_copy(arena, value) : NULL;
    }
    case RM_FIELD_LISTEN:
        return dump_text(d, rm_listen_format(arena, at));
    case RM_FIELD_NESTED:
    case RM_FIELD_SWITCH:
    case RM_FIELD_CUSTOM:
    case RM_FIELD_LATER:
        break;
    }
    return NULL;
}

static struct rm_value *dump_fields(struct dumper *d, const struct rm_fields *fields, const void *base)
{
    struct rm_value *object = rm_value_new(&d->arena, RM_OBJECT);
    for (size_t i = 0; i < fields->n; i++)
        dump_set(d, object, fields->v[i].name, dump_field(d, &fields->v[i], base));
    return object;
}

static void dump_extra(struct dumper *d, struct rm_value *object, enum rm_extra_level level, const void *owner)
{
    struct rm_value *extra = rm_value_new(&d->arena, RM_OBJECT);
    struct rm_extra_space known;
    for (size_t i = 0; rm_extra_space(level, i, &known); i++) {
        const struct rm_fields *fields = known.fields;
        if (fields->is_optional && !*(const bool *)((const char *)owner + fields->given))
            continue;
        struct rm_value *space = dump_fields(d, fields, owner);
        if (space->n > 0 || fields->is_optional)
            dump_set(d, extra, known.name, space);
    }
    dump_set(d, object, "extra_config", extra);
}

// In place: values whose `name` beside them is that of a credential.
static void dump_hide(struct dumper *d, struct rm_value *v)
{
    const struct rm_value *name = v->type == RM_OBJECT ? rm_value_get(&d->arena, v, RM_STR("name")) : NULL;
    if (name && name->type == RM_STRING && rm_value_get(&d->arena, v, RM_STR("value")) &&
        rm_is_secret_name(rm_value_text(&d->arena, name)))
        rm_value_set(&d->arena, v, RM_STR("value"), rm_value_string(&d->arena, RM_STR("***")));
    for (struct rm_value *child = v->first; child; child = child->next)
        dump_hide(d, child);
}

// A namespace that is not made of keys: as it was written.
static void dump_written(struct dumper *d, struct rm_value *owner, const char *name, const struct rm_value *written)
{
    if (!written)
        return;
    struct rm_value *copy = rm_value_copy(&d->arena, written);
    dump_hide(d, copy);
    dump_set(d, rm_value_get(&d->arena, owner, RM_STR("extra_config")), name, copy);
}

static struct rm_value *dump_client_certs(struct dumper *d, const struct rm_conf_tls *tls)
{
    struct rm_value *list = rm_value_new(&d->arena, RM_ARRAY);
    if (tls->cert_file.n > 0) {
        struct rm_value *pair = rm_value_new(&d->arena, RM_OBJECT);
        dump_set(d, pair, "certificate", dump_text(d, tls->cert_file));
        dump_set(d, pair, "private_key", dump_text(d, tls->key_file));
        rm_value_append(list, pair);
    }
    return list;
}

static void dump_backend_tls(struct dumper *d, struct rm_value *backend, const struct rm_conf_tls *tls)
{
    struct rm_value *extra = rm_value_get(&d->arena, backend, RM_STR("extra_config"));
    struct rm_value *client = rm_value_get(&d->arena, extra, RM_STR("backend/http/client"));
    if (!tls->value) // the service's
        rm_value_remove(&d->arena, client, RM_STR("client_tls"));
    else
        dump_set(d, rm_value_get(&d->arena, client, RM_STR("client_tls")), "client_certs", dump_client_certs(d, tls));
}

static struct rm_value *dump_endpoint(struct dumper *d, const struct rm_conf_endpoint *endpoint)
{
    static struct rm_str star[] = {{"*", 1}};
    const struct rm_strs all = {star, 1};
    struct rm_value *object = dump_fields(d, &rm_endpoint_fields, endpoint);
    if (endpoint->all_headers)
        dump_set(d, object, "input_headers", dump_strings(d, &all));
    if (endpoint->all_query_strings)
        dump_set(d, object, "input_query_strings", dump_strings(d, &all));
    dump_extra(d, object, RM_EXTRA_ENDPOINT, endpoint);
    dump_written(d, object, "validation/json-schema", endpoint->schema_value);
    if (!endpoint->static_data) { // a strategy alone is no static data
        struct rm_value *extra = rm_value_get(&d->arena, object, RM_STR("extra_config"));
        rm_value_remove(&d->arena, rm_value_get(&d->arena, extra, RM_STR("proxy")), RM_STR("static"));
    }
    struct rm_value *backends = rm_value_new(&d->arena, RM_ARRAY);
    for (size_t i = 0; i < endpoint->n_backends + endpoint->n_shadows; i++) {
        struct rm_value *backend = dump_fields(d, &rm_backend_fields, &endpoint->backends[i]);
        dump_extra(d, backend, RM_EXTRA_BACKEND, &endpoint->backends[i]);
        if (endpoint->backends[i].graphql.query.n == 0) // defaults alone ask for nothing
            rm_value_remove(&d->arena, rm_value_get(&d->arena, backend, RM_STR("extra_config")),
                            RM_STR("backend/graphql"));
        if (endpoint->backends[i].when.text.n == 0)
            rm_value_remove(
                &d->arena,
                rm_value_get(&d->arena, rm_value_get(&d->arena, backend, RM_STR("extra_config")), RM_STR("remora")),
                RM_STR("when"));
        dump_written(d, backend, "modifier/martian", endpoint->backends[i].martian_value);
        dump_backend_tls(d, backend, &endpoint->backends[i].client_tls);
        rm_value_append(backends, backend);
    }
    dump_set(d, object, "backend", backends);
    return object;
}

static struct rm_value *dump_conf(struct dumper *d)
{
    const struct rm_conf *conf = d->conf;
    struct rm_value *root = rm_value_new(&d->arena, RM_OBJECT);
    dump_set(d, root, "version", rm_value_integer(&d->arena, 3));
    rm_value_merge(&d->arena, root, dump_fields(d, &rm_service_fields, conf));
    dump_set(d, rm_value_get(&d->arena, root, RM_STR("client_tls")), "client_certs",
             dump_client_certs(d, &conf->client_tls));
    if (conf->tls.n_keys == 0) // defaults alone ask for nothing
        rm_value_remove(&d->arena, root, RM_STR("tls"));
    dump_extra(d, root, RM_EXTRA_SERVICE, conf);
    struct rm_value *endpoints = rm_value_new(&d->arena, RM_ARRAY);
    for (size_t i = 0; i < conf->n_endpoints; i++)
        rm_value_append(endpoints, dump_endpoint(d, &conf->endpoints[i]));
    dump_set(d, root, "endpoints", endpoints);
    return root;
}

struct rm_str rm_conf_dump(const struct rm_conf *conf, struct rm_arena *arena)
{
    struct dumper d = {.conf = conf};
    rm_arena_init(&d.arena, NULL);
    struct rm_str text = rm_arena_dup(arena, rm_layout(&d.arena, dump_conf(&d)));
    rm_arena_fini(&d.arena);
    return text;
}
