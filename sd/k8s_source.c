// Reading the one host of a backend whose discovery is "kubernetes". Pure functions.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_source.h"

#define LABEL_MOST 63
#define PORT_NAME_MOST 15 // RFC 6335 5.1
#define FORMS "write service:port, service.namespace:port or service.namespace.svc.cluster.local:port"

static bool source_is_label(struct rm_str text, size_t most)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool inner = c == '-' && i > 0 && i + 1 < text.n;
        if (!inner && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return text.n > 0 && text.n <= most;
}

static size_t source_find(struct rm_str text, char what)
{
    const char *at = text.n > 0 ? memchr(text.p, what, text.n) : NULL;
    return at ? (size_t)(at - text.p) : text.n;
}

// Cuts off and gives back what stands before the next dot.
static struct rm_str source_label(struct rm_str *rest)
{
    size_t dot = source_find(*rest, '.');
    struct rm_str label = rm_str_sub(*rest, 0, dot);
    *rest = rm_str_sub(*rest, dot < rest->n ? dot + 1 : dot, rest->n);
    return label;
}

static int source_port(struct rm_str text, struct rm_k8s_source *out, struct rm_err *err)
{
    uint32_t number = 0;
    bool is_number = text.n > 0;
    for (size_t i = 0; i < text.n && is_number; i++) {
        is_number = text.p[i] >= '0' && text.p[i] <= '9';
        number = number > UINT16_MAX ? number : number * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (is_number && number > 0 && number <= UINT16_MAX) {
        out->port_number = (uint16_t)number;
        return RM_OK;
    }
    out->port = text;
    if (!is_number && source_is_label(text, PORT_NAME_MOST))
        return RM_OK;
    return rm_fail(err, RM_ECONF,
                   "\"%.*s\" is no port: a Service's port name (at most 15 of a-z, 0-9 and -), or 1 to 65535",
                   (int)(text.n < 40 ? text.n : 40), text.n ? text.p : "");
}

int rm_k8s_source_parse(const struct rm_source *source, struct rm_k8s_source *out, struct rm_err *err)
{
    *out = (struct rm_k8s_source){0};
    if (source->n_hosts != 1)
        return rm_fail(err, RM_ECONF, "sd \"kubernetes\" finds the hosts of one Service, but %zu hosts are named",
                       source->n_hosts);
    struct rm_str text = source->hosts[0];
    int shown = (int)(text.n < 100 ? text.n : 100);
    if (rm_str_starts(text, RM_STR("http://")) || rm_str_starts(text, RM_STR("https://"))) {
        out->scheme = rm_str_sub(text, 0, source_find(text, ':'));
        text = rm_str_sub(text, out->scheme.n + 3, text.n);
    }
    if (text.n > 0 && text.p[text.n - 1] == '/')
        text.n--;
    if (source_find(text, '/') < text.n)
        return rm_fail(err, RM_ECONF, "\"%.*s\" is no Service: " FORMS "; a path belongs to url_pattern", shown,
                       source->hosts[0].p);
    size_t colon = source_find(text, ':');
    out->name = rm_str_sub(text, 0, colon);
    struct rm_str rest = out->name;
    if (rest.n > 0 && rest.p[rest.n - 1] == '.')
        rest.n--;
    bool has_namespace = source_find(rest, '.') < rest.n;
    out->service = source_label(&rest);
    out->namespace_ = source_label(&rest);
    struct rm_str svc = source_label(&rest); // what follows it is the cluster's domain
    if (!source_is_label(out->service, LABEL_MOST) ||
        (has_namespace && !source_is_label(out->namespace_, LABEL_MOST)) ||
        (svc.n > 0 && !rm_str_eq(svc, RM_STR("svc"))))
        return rm_fail(err, RM_ECONF, "\"%.*s\" is no Service: " FORMS, shown,
                       source->hosts[0].n ? source->hosts[0].p : "");
    return colon < text.n ? source_port(rm_str_sub(text, colon + 1, text.n), out, err) : RM_OK;
}
