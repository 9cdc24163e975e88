// Watch lines, list pages and refusals by jansson. A JSON tree lives only within one of these functions: what is kept is copied
// into a slice's own arena.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_event.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>

#define SERVICE_LABEL "kubernetes.io/service-name"
#define LINES_KEPT ((size_t)64 << 10) // a larger buffer is given back after its line

// ---- lines -----------------------------------------------------------------------------------------------------------

void rm_k8s_lines_init(struct rm_k8s_lines *lines, size_t most)
{
    rm_buf_init(&lines->rest, most, NULL);
}

void rm_k8s_lines_free(struct rm_k8s_lines *lines)
{
    rm_buf_free(&lines->rest);
}

static int lines_give(struct rm_str text, int (*line)(void *, struct rm_str), void *arg)
{
    if (text.n > 0 && text.p[text.n - 1] == '\r')
        text.n--;
    return text.n > 0 ? line(arg, text) : RM_OK;
}

int rm_k8s_lines_feed(struct rm_k8s_lines *lines, struct rm_str data, int (*line)(void *, struct rm_str), void *arg)
{
    int code = RM_OK;
    while (data.n > 0 && code == RM_OK) {
        const char *end = memchr(data.p, '\n', data.n);
        struct rm_str part = rm_str_sub(data, 0, end ? (size_t)(end - data.p) : data.n);
        data = rm_str_sub(data, part.n + (end ? 1 : 0), data.n);
        if (end && lines->rest.n == 0 && part.n <= lines->rest.max) { // whole in what came: no copy
            code = lines_give(part, line, arg);
            continue;
        }
        code = rm_buf_append(&lines->rest, part);
        if (code != RM_OK || !end)
            break;
        code = lines_give(rm_buf_str(&lines->rest), line, arg);
        lines->rest.n = 0;
        if (lines->rest.cap > LINES_KEPT)
            rm_buf_free(&lines->rest);
    }
    return code;
}

// ---- JSON ------------------------------------------------------------------------------------------------------------

static struct rm_str json_text(struct rm_arena *arena, const json_t *value)
{
    return json_is_string(value)
               ? rm_arena_dup(arena, (struct rm_str){json_string_value(value), json_string_length(value)})
               : (struct rm_str){"", 0};
}

static struct rm_str json_member(struct rm_arena *arena, const json_t *object, const char *name)
{
    return json_text(arena, json_object_get(object, name));
}

static bool json_flag(const json_t *object, const char *name, bool absent)
{
    const json_t *value = json_object_get(object, name);
    return json_is_boolean(value) ? json_is_true(value) : absent;
}

static json_t *json_read(struct rm_str text, struct rm_err *err)
{
    json_error_t why;
    json_t *root = json_loadb(text.p, text.n, 0, &why);
    if (!root)
        (void)rm_fail(err, RM_EDECODE, "not JSON: %s", why.text);
    else if (!json_is_object(root)) {
        (void)rm_fail(err, RM_EDECODE, "not a JSON object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

// ---- slices ----------------------------------------------------------------------------------------------------------

void rm_k8s_slice_free(struct rm_k8s_slice *slice)
{
    if (!slice)
        return;
    struct rm_arena arena = slice->arena;
    rm_arena_fini(&arena);
}

// [{"name":"zone-a"}]
static struct rm_k8s_names slice_hints(struct rm_arena *arena, const json_t *hints, const char *which)
{
    const json_t *list = json_object_get(hints, which);
    struct rm_k8s_names names = {0};
    names.v = RM_NEW_ARRAY(arena, struct rm_str, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct rm_str name = json_member(arena, json_array_get(list, i), "name");
        if (name.n > 0)
            names.v[names.n++] = name;
    }
    return names;
}

// Only what the kernel may be given: the API server refuses all else.
static bool slice_is_address(enum rm_k8s_family family, struct rm_str text)
{
    unsigned char address[16];
    char z[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof(z))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    return inet_pton(family == RM_K8S_IPV6 ? AF_INET6 : AF_INET, z, address) == 1;
}

static void slice_endpoints(struct rm_k8s_slice *slice, const json_t *list)
{
    struct rm_arena *arena = &slice->arena;
    slice->endpoints = RM_NEW_ARRAY(arena, struct rm_k8s_endpoint, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *conditions = json_object_get(item, "conditions");
        const json_t *hints = json_object_get(item, "hints");
        struct rm_k8s_endpoint endpoint = {
            .address = json_text(arena, json_array_get(json_object_get(item, "addresses"), 0)),
            .uid = json_member(arena, json_object_get(item, "targetRef"), "uid"),
            .zone = json_member(arena, item, "zone"),
            .node = json_member(arena, item, "nodeName"),
            .hint_zones = slice_hints(arena, hints, "forZones"),
            .hint_nodes = slice_hints(arena, hints, "forNodes"),
            .ready = json_flag(conditions, "ready", true),
            .serving = json_flag(conditions, "serving", true),
            .terminating = json_flag(conditions, "terminating", false),
        };
        if (slice_is_address(slice->family, endpoint.address))
            slice->endpoints[slice->n_endpoints++] = endpoint;
    }
}

static void slice_ports(struct rm_k8s_slice *slice, const json_t *list)
{
    struct rm_arena *arena = &slice->arena;
    slice->ports = RM_NEW_ARRAY(arena, struct rm_k8s_port, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *protocol = json_string_value(json_object_get(item, "protocol")); // NULL: TCP
        json_int_t number = json_integer_value(json_object_get(item, "port"));       // 0 when absent: no port
        if (number < 1 || number > UINT16_MAX || (protocol && strcmp(protocol, "TCP") != 0))
            continue;
        slice->ports[slice->n_ports++] = (struct rm_k8s_port){
            .name = json_member(arena, item, "name"),
            .app_protocol = json_member(arena, item, "appProtocol"),
            .port = (uint16_t)number,
        };
    }
}

// NULL: it has no name.
static struct rm_k8s_slice *slice_new(const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    if (json_string_length(json_object_get(metadata, "name")) == 0)
        return NULL;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_k8s_slice *slice = RM_NEW(&arena, struct rm_k8s_slice);
    slice->arena = arena;
    rm_list_init(&slice->link);
    slice->name = json_member(&slice->arena, metadata, "name");
    slice->namespace_ = json_member(&slice->arena, metadata, "namespace");
    slice->service = json_member(&slice->arena, json_object_get(metadata, "labels"), SERVICE_LABEL);
    const char *family = json_string_value(json_object_get(object, "addressType"));
    slice->family = family && strcmp(family, "IPv6") == 0   ? RM_K8S_IPV6
                    : family && strcmp(family, "FQDN") == 0 ? RM_K8S_FQDN
                                                            : RM_K8S_IPV4;
    // Both may be null: a service without pods.
    slice_ports(slice, json_object_get(object, "ports"));
    if (slice->family != RM_K8S_FQDN)
        slice_endpoints(slice, json_object_get(object, "endpoints"));
    return slice;
}

// ---- what an answer is made of -----------------------------------------------------------------------------------------

static void status_read(struct rm_arena *arena, const json_t *object, struct rm_k8s_status *out)
{
    json_int_t code = json_integer_value(json_object_get(object, "code"));
    const json_t *causes = json_object_get(json_object_get(object, "details"), "causes");
    *out = (struct rm_k8s_status){
        .code = code > 0 && code < 1000 ? (int)code : 0,
        .reason = json_member(arena, object, "reason"),
        .message = json_member(arena, object, "message"),
    };
    for (size_t i = 0; i < json_array_size(causes); i++) {
        const char *reason = json_string_value(json_object_get(json_array_get(causes, i), "reason"));
        out->is_future |= reason && strcmp(reason, "ResourceVersionTooLarge") == 0;
    }
}

static enum rm_k8s_event_kind event_kind(const char *type)
{
    static const struct {
        const char *type;
        enum rm_k8s_event_kind kind;
    } kinds[] = {{"ADDED", RM_K8S_PUT},
                 {"MODIFIED", RM_K8S_PUT},
                 {"DELETED", RM_K8S_DELETE},
                 {"BOOKMARK", RM_K8S_BOOKMARK},
                 {"ERROR", RM_K8S_ERROR}};
    for (size_t i = 0; i < RM_COUNT(kinds); i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].kind;
    return RM_K8S_OTHER;
}

static int event_read(struct rm_arena *arena, const json_t *root, struct rm_k8s_event *out, struct rm_err *err)
{
    const char *type = json_string_value(json_object_get(root, "type"));
    const json_t *object = json_object_get(root, "object");
    if (!type || !json_is_object(object))
        return rm_fail(err, RM_EDECODE, "an event without type or object");
    out->kind = event_kind(type);
    if (out->kind == RM_K8S_ERROR) {
        status_read(arena, object, &out->error);
        return RM_OK;
    }
    if (out->kind == RM_K8S_OTHER)
        return RM_OK;
    out->version = json_member(arena, json_object_get(object, "metadata"), "resourceVersion");
    if (out->version.n == 0)
        return rm_fail(err, RM_EDECODE, "an event without resourceVersion");
    if (out->kind != RM_K8S_BOOKMARK && !(out->slice = slice_new(object)))
        return rm_fail(err, RM_EDECODE, "an EndpointSlice without name");
    return RM_OK;
}

int rm_k8s_event_parse(struct rm_arena *arena, struct rm_str line, struct rm_k8s_event *out, struct rm_err *err)
{
    *out = (struct rm_k8s_event){.kind = RM_K8S_OTHER};
    json_t *root = json_read(line, err);
    if (!root)
        return RM_EDECODE;
    int code = event_read(arena, root, out, err);
    json_decref(root);
    return code;
}

static int page_read(struct rm_arena *arena, const json_t *root, struct rm_k8s_page *out, struct rm_err *err)
{
    const json_t *metadata = json_object_get(root, "metadata"), *items = json_object_get(root, "items");
    const char *kind = json_string_value(json_object_get(root, "kind"));
    if (!kind || strcmp(kind, "EndpointSliceList") != 0)
        return rm_fail(err, RM_EDECODE, "the answer is no EndpointSliceList");
    // The list's own: an item's is the version of that item.
    out->version = json_member(arena, metadata, "resourceVersion");
    out->more = json_member(arena, metadata, "continue");
    if (out->version.n == 0)
        return rm_fail(err, RM_EDECODE, "a list without resourceVersion");
    out->slices = RM_NEW_ARRAY(arena, struct rm_k8s_slice *, json_array_size(items));
    for (size_t i = 0; i < json_array_size(items); i++) {
        struct rm_k8s_slice *slice = slice_new(json_array_get(items, i));
        if (slice)
            out->slices[out->n++] = slice;
    }
    return RM_OK;
}

int rm_k8s_page_parse(struct rm_arena *arena, struct rm_str text, struct rm_k8s_page *out, struct rm_err *err)
{
    *out = (struct rm_k8s_page){0};
    json_t *root = json_read(text, err);
    if (!root)
        return RM_EDECODE;
    int code = page_read(arena, root, out, err);
    json_decref(root);
    return code;
}

void rm_k8s_status_parse(struct rm_arena *arena, struct rm_str text, struct rm_k8s_status *out)
{
    *out = (struct rm_k8s_status){0};
    json_t *root = json_read(text, NULL);
    const char *kind = json_string_value(json_object_get(root, "kind"));
    if (kind && strcmp(kind, "Status") == 0)
        status_read(arena, root, out);
    json_decref(root);
}
