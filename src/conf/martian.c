// extra_config["modifier/martian"] of backends: objects of one modifier each, in each other. What a modifier cannot do at the side that its
// scope names, and what remora has not, is an error (KrakenD logs it and goes on without any).
// SPDX-License-Identifier: Apache-2.0
#include "conf/martian_keys.h"
#include "value/base64.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct rm_martian *martian_one(struct rm_reader *, const struct rm_path *, struct rm_value *object);

static struct rm_place martian_place(struct rm_reader *r, struct rm_value *object, struct rm_str name)
{
    const struct rm_value *member = rm_value_get(r->arena, object, name);
    return rm_doc_place(member ? member : object);
}

// ---- what its keys mean together ------------------------------------------------------------------------------------

static void martian_scope(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                          const struct martian_known *known, struct martian_in *in)
{
    static const char *const names[] = {"request", "response"};
    const struct rm_path at = {.up = path, .name = RM_STR("scope")};
    struct rm_value *scope = rm_value_get(r->arena, object, at.name);
    in->out.sides = !scope || scope->type == RM_NULL ? known->sides : 0;
    for (size_t i = 0; i < in->scope.n; i++) {
        uint32_t side = 0;
        for (size_t k = 0; k < RM_COUNT(names); k++)
            side |= rm_str_eq(in->scope.v[i], rm_str_of(names[k])) ? 1U << k : 0;
        if (side == 0)
            rm_reader_error(r, &at, rm_doc_place(scope), "%s is no scope: request and response are",
                            rm_text_quote(r->found->arena, in->scope.v[i]));
        else if (!(known->sides & side))
            rm_reader_error(r, &at, rm_doc_place(scope), "%s does nothing to a %s", known->name,
                            names[side == RM_MARTIAN_RESPONSE]);
        in->out.sides |= side;
    }
}

// Those that the transport says, and those that end at the next hop.
static bool martian_is_settable(struct rm_str name)
{
    static const char *const theirs[] = {"host",       "content-length", "transfer-encoding",
                                         "connection", "keep-alive",     "upgrade",
                                         "te",         "trailer",        "expect"};
    for (size_t i = 0; i < RM_COUNT(theirs); i++) {
        if (rm_str_eq_nocase(name, rm_str_of(theirs[i])))
            return false;
    }
    return true;
}

static void martian_header(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, const char *key,
                           struct rm_str name)
{
    const struct rm_path at = {.up = path, .name = rm_str_of(key)};
    struct rm_place place = martian_place(r, object, at.name);
    if (name.n == 0)
        rm_reader_error(r, &at, place, "is missing: the name of a header");
    else if (!rm_is_token(name))
        rm_reader_error(r, &at, place, "%s is no header name", rm_text_quote(r->found->arena, name));
    else if (!martian_is_settable(name))
        rm_reader_error(r, &at, place, "%s is the connection's own: no modifier has it",
                        rm_text_quote(r->found->arena, name));
}

// Of a target, as it goes on the wire.
static void martian_target(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, const char *key,
                           struct rm_str text)
{
    const struct rm_path at = {.up = path, .name = rm_str_of(key)};
    struct rm_place place = martian_place(r, object, at.name);
    bool is_path = key[0] == 'p', fits = true;
    for (size_t i = 0; i < text.n; i++)
        fits = fits && text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '#' && !(is_path && text.p[i] == '?');
    if (!fits)
        rm_reader_error(r, &at, place, "%s has characters that must be percent-encoded here",
                        rm_text_quote(r->found->arena, text));
    else if (is_path && text.n > 0 && text.p[0] != '/')
        rm_reader_error(r, &at, place, "a path begins with /");
}

static void martian_regex(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                          struct martian_in *in)
{
    const struct rm_path at = {.up = path, .name = RM_STR("regex")};
    struct rm_err err;
    if (in->regex.n == 0)
        rm_reader_error(r, &at, rm_doc_place(object), "is missing: a regular expression");
    else if (rm_regex_compile(r->arena, in->regex, &in->out.regex, &err) != RM_OK)
        rm_reader_error(r, &at, martian_place(r, object, at.name), "no regular expression: %s", err.text);
}

static bool martian_is_cookie_text(struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f || strchr("\",;\\", text.p[i]))
            return false;
    }
    return true;
}

static void martian_set_cookie(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                               struct martian_in *in)
{
    const struct rm_path name = {.up = path, .name = RM_STR("name")};
    struct rm_martian *m = &in->out;
    if (!rm_is_token(m->name) || !martian_is_cookie_text(m->value) || !martian_is_cookie_text(m->path) ||
        !martian_is_cookie_text(in->domain)) {
        rm_reader_error(r, &name, martian_place(r, object, name.name), "the name and values are not those of a cookie");
        return;
    }
    struct rm_str text = rm_arena_printf(r->arena, "%.*s=%.*s", (int)m->name.n, m->name.p, (int)m->value.n, m->value.p);
    m->value = text;
    if (m->path.n > 0)
        text = rm_arena_printf(r->arena, "%.*s; Path=%.*s", (int)text.n, text.p, (int)m->path.n, m->path.p);
    if (in->domain.n > 0)
        text = rm_arena_printf(r->arena, "%.*s; Domain=%.*s", (int)text.n, text.p, (int)in->domain.n, in->domain.p);
    if (in->max_age > 0)
        text = rm_arena_printf(r->arena, "%.*s; Max-Age=%" PRIu32, (int)text.n, text.p, in->max_age);
    m->set_cookie = rm_arena_printf(r->arena, "%.*s%s%s", (int)text.n, text.p, in->http_only ? "; HttpOnly" : "",
                                    in->secure ? "; Secure" : "");
}

// ---- groups and filters ---------------------------------------------------------------------------------------------

// Of an item of priority.Group; its modifier is in in->then.
static int64_t martian_priority(struct rm_reader *r, const struct rm_path *path, struct rm_value *item,
                                struct martian_in *in)
{
    const struct rm_path at = {.up = path, .name = RM_STR("priority")};
    char text[24] = "0", *end = text;
    rm_fields_read(r, &rm_martian_item_fields, path, item, in);
    const struct rm_value *value = in->priority;
    if (value && value->type == RM_NUMBER && value->raw.n < sizeof text) {
        memcpy(text, value->raw.p, value->raw.n);
        text[value->raw.n] = '\0';
    }
    int64_t priority = strtoll(text, &end, 10);
    if (value && (value->type != RM_NUMBER || *end != '\0'))
        rm_reader_error(r, &at, rm_doc_place(value), "found %s, allowed is a whole number",
                        rm_value_describe(r->found->arena, value));
    return priority;
}

static void martian_items(struct rm_reader *r, const struct rm_path *path, bool by_priority, struct martian_in *in)
{
    const struct rm_path list = {.up = path, .name = RM_STR("modifiers")};
    if (!in->modifiers)
        return;
    if (in->modifiers->type != RM_ARRAY) {
        rm_reader_error(r, &list, rm_doc_place(in->modifiers), "found %s, allowed is a list of modifiers",
                        rm_value_describe(r->found->arena, in->modifiers));
        return;
    }
    int64_t *priorities = RM_NEW_ARRAY(r->arena, int64_t, in->modifiers->n + 1);
    const struct rm_martian **items = RM_NEW_ARRAY(r->arena, const struct rm_martian *, in->modifiers->n + 1);
    uint32_t n = 0, index = 0;
    for (struct rm_value *item = in->modifiers->first; item; item = item->next, index++) {
        struct rm_path at = {.up = &list, .index = index};
        const struct rm_path inner = {.up = &at, .name = RM_STR("modifier")};
        struct martian_in of = {.then = item};
        if (!rm_object_expect(r, &at, item))
            continue;
        int64_t priority = 0;
        if (by_priority) {
            of.then = NULL;
            priority = martian_priority(r, &at, item, &of);
        }
        const struct rm_martian *one = martian_one(r, by_priority ? &inner : &at, of.then ? of.then : item);
        uint32_t to = by_priority ? 0 : n; // of two equals the later one comes first, as in KrakenD
        while (to < n && priorities[to] > priority)
            to++;
        memmove(items + to + 1, items + to, (n - to) * sizeof(*items));
        memmove(priorities + to + 1, priorities + to, (n - to) * sizeof(*priorities));
        items[to] = one;
        priorities[to] = priority;
        n += one ? 1 : 0;
    }
    in->out.items = items;
    in->out.n_items = n;
}

static void martian_branches(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                             struct martian_in *in)
{
    const struct rm_path then = {.up = path, .name = RM_STR("modifier")},
                         otherwise = {.up = path, .name = RM_STR("else")};
    if (in->then)
        in->out.then = martian_one(r, &then, in->then);
    else
        rm_reader_error(r, &then, rm_doc_place(object), "is missing: what is done where it fits");
    if (in->otherwise)
        in->out.otherwise = martian_one(r, &otherwise, in->otherwise);
}

// ---- one modifier ---------------------------------------------------------------------------------------------------

static void martian_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                           const struct martian_known *known, struct martian_in *in)
{
    struct rm_martian *m = &in->out;
    const struct rm_path body = {.up = path, .name = RM_STR("body")}, name = {.up = path, .name = RM_STR("name")},
                         names = {.up = path, .name = RM_STR("names")},
                         status = {.up = path, .name = RM_STR("statusCode")};
    switch (m->kind) {
    case RM_MARTIAN_GROUP:
        martian_items(r, path, known->name[0] == 'p', in);
        break;
    case RM_MARTIAN_HEADER_COPY:
        martian_header(r, path, object, "from", m->name);
        martian_header(r, path, object, "to", m->value);
        break;
    case RM_MARTIAN_HEADER_REMOVE:
        if (m->names.n == 0)
            rm_reader_error(r, &names, rm_doc_place(object), "is missing: the headers that go");
        for (size_t i = 0; i < m->names.n; i++)
            martian_header(r, path, object, "names", m->names.v[i]);
        break;
    case RM_MARTIAN_HEADER_ID:
        if (m->name.n == 0)
            m->name = RM_STR("X-Krakend-Id");
        martian_header(r, path, object, "header", m->name);
        break;
    case RM_MARTIAN_BODY:
        if (rm_base64_decode(r->arena, in->coded_body, &m->body) != RM_OK)
            rm_reader_error(r, &body, martian_place(r, object, body.name), "no Base64");
        break;
    case RM_MARTIAN_URL:
    case RM_MARTIAN_IF_URL:
        martian_target(r, path, object, "path", m->path);
        martian_target(r, path, object, "query", m->query);
        break;
    case RM_MARTIAN_STATUS:
        if (m->status == 0)
            rm_reader_error(r, &status, martian_place(r, object, status.name), "is missing: a status from 200 to 599");
        break;
    case RM_MARTIAN_COOKIE:
        martian_set_cookie(r, path, object, in);
        break;
    case RM_MARTIAN_QUERY:
    case RM_MARTIAN_IF_QUERY:
    case RM_MARTIAN_IF_COOKIE:
        if (m->name.n == 0)
            rm_reader_error(r, &name, martian_place(r, object, name.name), "is missing");
        break;
    case RM_MARTIAN_HEADER_SET:
    case RM_MARTIAN_HEADER_APPEND:
    case RM_MARTIAN_IF_HEADER:
        martian_header(r, path, object, "name", m->name);
        break;
    case RM_MARTIAN_IF_HEADER_REGEX:
        martian_header(r, path, object, "header", m->name);
        martian_regex(r, path, object, in);
        break;
    case RM_MARTIAN_IF_URL_REGEX:
        martian_regex(r, path, object, in);
        break;
    }
    if (m->kind >= RM_MARTIAN_IF_HEADER)
        martian_branches(r, path, object, in);
}

// NULL: there is a finding.
static const struct rm_martian *martian_of(struct rm_reader *r, const struct rm_path *path, struct rm_value *object)
{
    const struct martian_known *known = NULL;
    struct rm_value *value = NULL;
    uint32_t n = 0;
    for (struct rm_value *member = object->first; member; member = member->next) {
        if (rm_key_is_comment(member->key))
            continue;
        known = rm_martian_known(member->key);
        value = member;
        n++;
        if (!known && !(rm_martian_is_absent(member->key) && rm_value_is_off(member)))
            return NULL; // the table has said so
    }
    if (n != 1 || !known) {
        rm_reader_error(r, path, rm_doc_place(object), "allowed is exactly one modifier");
        return NULL;
    }
    struct rm_path at = {.up = path, .name = value->key};
    struct martian_in *in = RM_NEW(r->arena, struct martian_in);
    in->out.kind = known->kind;
    if (!rm_object_expect(r, &at, value))
        return NULL;
    size_t before = r->found->n_errors;
    rm_fields_read(r, known->fields, &at, value, in);
    martian_scope(r, &at, value, known, in);
    if (r->found->n_errors == before)
        martian_finish(r, &at, value, known, in);
    return &in->out;
}

static const struct rm_martian *martian_one(struct rm_reader *r, const struct rm_path *path, struct rm_value *object)
{
    rm_fields_read(r, &rm_martian_one_fields, path, object, NULL);
    return martian_of(r, path, object);
}

void rm_martian_root(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_backend *backend = base;
    backend->martian_value = object;
    backend->martian = martian_of(r, path, object);
}

static bool martian_changes_bodies(const struct rm_martian *m)
{
    bool changes = m && m->kind == RM_MARTIAN_BODY;
    for (uint32_t i = 0; m && i < m->n_items; i++)
        changes = changes || martian_changes_bodies(m->items[i]);
    return changes || (m && m->kind >= RM_MARTIAN_IF_HEADER &&
                       (martian_changes_bodies(m->then) || martian_changes_bodies(m->otherwise)));
}

void rm_martian_check(struct rm_reader *r, const struct rm_path *extra, const struct rm_conf_endpoint *endpoint,
                      const struct rm_conf_backend *backend)
{
    const struct rm_path path = {.up = extra, .name = RM_STR("modifier/martian")};
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")) && martian_changes_bodies(backend->martian))
        rm_reader_error(r, &path, rm_doc_place(backend->martian_value),
                        "body.Modifier not with the output_encoding no-op: it passes bodies through");
}
