// The graph as a Mermaid flowchart or in Graphviz's DOT language. What a node says is decided once; a format is how its text is escaped
// and how nodes and edges are put down.
// SPDX-License-Identifier: Apache-2.0
#include "admin/graph.h"

#include "conf/finding.h"
#include "conf/unit.h"
#include "flow/backend.h"

#include <stdio.h>

// A source may have a thousand hosts.
#define GRAPH_HOSTS 4

enum graph_shape { GRAPH_ENDPOINT, GRAPH_BACKEND, GRAPH_SOURCE };

struct graph;

struct graph_format {
    const char *begin, *end, *line; // the document's first and last lines, and what begins a new line of a label
    const char *shapes[3][2];       // around a label
    const char *edge, *edge_label[2], *need[2];
    // What stands for this byte of a label; NULL: itself.
    const char *(*escape)(char c, char scratch[8]);
};

struct graph {
    const struct rm_plan *plan;
    const struct graph_format *format;
    struct rm_arena arena;
    struct rm_buf *out;
};

static void graph_put(struct graph *g, const char *text)
{
    int code = rm_buf_append(g->out, rm_str_of(text));
    RM_ASSERT(code == RM_OK); // no cap but memory
}

// ---- formats -----------------------------------------------------------------------------------------------------------

static bool graph_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

// Mermaid knows #NN; in quoted text. A colon is among them, as it takes "style" with a later one for a line of styles.
static const char *graph_escape_mermaid(char c, char scratch[8])
{
    if (graph_is_control(c))
        return "\xEF\xBF\xBD";
    if (!strchr("\"#<>&`\\;:", c))
        return NULL;
    snprintf(scratch, 8, "#%d;", c);
    return scratch;
}

// A quoted string ends at the quote; in a label the backslash begins \n, and & an HTML entity.
static const char *graph_escape_dot(char c, char scratch[8])
{
    (void)scratch;
    if (graph_is_control(c))
        return "\xEF\xBF\xBD";
    return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '&' ? "&amp;" : NULL;
}

static const struct graph_format graph_formats[] = {
    [RM_GRAPH_MERMAID] = {.begin = "flowchart LR\n",
                          .end = "",
                          .line = "<br/>",
                          .shapes = {{"([\"", "\"])\n"}, {"[\"", "\"]\n"}, {"[(\"", "\")]\n"}},
                          .edge = " --> ",
                          .edge_label = {" -- \"", "\" --> "},
                          .need = {" -. \"", "\" .-> "},
                          .escape = graph_escape_mermaid},
    [RM_GRAPH_DOT] = {.begin = "digraph remora {\n"
                               "  rankdir=LR\n"
                               "  node [shape=box fontname=\"sans-serif\"]\n"
                               "  edge [fontname=\"sans-serif\"]\n",
                      .end = "}\n",
                      .line = "\\n",
                      .shapes = {{" [style=rounded label=\"", "\"]\n"},
                                 {" [label=\"", "\"]\n"},
                                 {" [shape=cylinder label=\"", "\"]\n"}},
                      .edge = " -> ",
                      .escape = graph_escape_dot},
};

static void graph_label(struct graph *g, struct rm_str text)
{
    char scratch[8];
    for (size_t i = 0; i < text.n; i++) {
        const char one[] = {text.p[i], '\0'};
        const char *escaped = text.p[i] == '\n' ? g->format->line : g->format->escape(text.p[i], scratch);
        graph_put(g, escaped ? escaped : one);
    }
}

static void graph_node(struct graph *g, struct rm_str id, enum graph_shape shape, struct rm_str label)
{
    graph_put(g, "  ");
    graph_put(g, id.p);
    graph_put(g, g->format->shapes[shape][0]);
    graph_label(g, label);
    graph_put(g, g->format->shapes[shape][1]);
}

// `needs`: `to` cannot be asked without `from`'s answer.
static void graph_edge(struct graph *g, struct rm_str from, struct rm_str to, struct rm_str label, bool needs)
{
    const struct graph_format *f = g->format;
    graph_put(g, "  ");
    graph_put(g, from.p);
    if (label.n > 0 && f->edge_label[0]) {
        graph_put(g, needs ? f->need[0] : f->edge_label[0]);
        graph_label(g, label);
        graph_put(g, needs ? f->need[1] : f->edge_label[1]);
    } else {
        graph_put(g, f->edge);
    }
    graph_put(g, to.p);
    if (label.n > 0 && !f->edge_label[0]) {
        graph_put(g, needs ? " [style=dashed constraint=false label=\"" : " [label=\"");
        graph_label(g, label);
        graph_put(g, "\"]");
    }
    graph_put(g, "\n");
}

// ---- what nodes say ----------------------------------------------------------------------------------------------------

static void graph_add(struct graph *g, struct rm_str *label, const char *between, const char *name, struct rm_str text)
{
    struct rm_str line = rm_url_mask(&g->arena, text);
    *label = rm_arena_printf(&g->arena, "%.*s%s%s%.*s", (int)label->n, label->p, label->n > 0 ? between : "", name,
                             (int)line.n, line.p);
}

static struct rm_str graph_endpoint_label(struct graph *g, const struct rm_conf_endpoint *conf)
{
    struct rm_str label = {"", 0};
    graph_add(g, &label, "", "", rm_str_of(rm_method_names[conf->method]));
    graph_add(g, &label, " ", "", conf->path);
    graph_add(g, &label, "\n", "timeout ", rm_duration_format(&g->arena, conf->timeout_us));
    if (!rm_str_eq(conf->output_encoding, RM_STR("json")))
        graph_add(g, &label, ", ", "", conf->output_encoding);
    if (conf->sequential && conf->n_backends > 1)
        graph_add(g, &label, ", ", "", RM_STR("sequential"));
    if (conf->concurrent_calls > 1)
        graph_add(g, &label, ", ", "", rm_arena_printf(&g->arena, "%u concurrent calls", conf->concurrent_calls));
    return label;
}

static struct rm_str graph_backend_label(struct graph *g, const struct rm_backend *backend)
{
    const struct rm_conf_backend *conf = backend->conf;
    struct rm_str label = {"", 0};
    graph_add(g, &label, "", "", rm_str_of(rm_method_names[conf->method]));
    graph_add(g, &label, " ", "", conf->url_pattern);
    graph_add(g, &label, "\n", "", conf->encoding);
    if (conf->is_collection)
        graph_add(g, &label, " ", "", RM_STR("collection"));
    if (conf->target)
        graph_add(g, &label, ", ", "target ", rm_value_text(&g->arena, conf->target));
    if (conf->group)
        graph_add(g, &label, ", ", "group ", rm_value_text(&g->arena, conf->group));
    if (backend->timeout_us > 0)
        graph_add(g, &label, ", ", "timeout ", rm_duration_format(&g->arena, backend->timeout_us));
    return label;
}

static struct rm_str graph_source_label(struct graph *g, const struct rm_source *source)
{
    struct rm_str label = {"", 0};
    graph_add(g, &label, "", "", source->provider);
    for (size_t i = 0; i < source->n_hosts && i < GRAPH_HOSTS; i++)
        graph_add(g, &label, "\n", "", source->hosts[i]);
    if (source->n_hosts > GRAPH_HOSTS)
        graph_add(g, &label, "\n", "", rm_arena_printf(&g->arena, "and %zu more", source->n_hosts - GRAPH_HOSTS));
    if (source->n_hosts == 0)
        graph_add(g, &label, "\n", "", RM_STR("no host"));
    return label;
}

struct rm_str rm_graph_fields(struct rm_arena *arena, const struct rm_conf_backend *conf, uint32_t of)
{
    struct rm_str fields = {"", 0};
    for (size_t i = 0; i < conf->n_pieces; i++) {
        const struct rm_piece *piece = &conf->pieces[i];
        if (piece->kind != RM_PIECE_RESP || piece->backend != of)
            continue;
        for (size_t k = 0; k < piece->path.n; k++)
            fields = rm_arena_printf(arena, "%.*s%s%.*s", (int)fields.n, fields.p,
                                     k > 0          ? "."
                                     : fields.n > 0 ? ", "
                                                    : "",
                                     (int)piece->path.v[k].n, piece->path.v[k].p);
    }
    return fields;
}

// ---- the whole -----------------------------------------------------------------------------------------------------------

static struct rm_str graph_backend_id(struct graph *g, uint32_t endpoint, uint32_t backend)
{
    return rm_arena_printf(&g->arena, "e%ub%u", endpoint, backend);
}

static void graph_backends(struct graph *g, const struct rm_endpoint *endpoint, struct rm_str id)
{
    const struct rm_conf_endpoint *conf = endpoint->conf;
    bool ordered = conf->sequential && endpoint->n_backends > 1;
    for (uint32_t i = 0; i < endpoint->n_backends + endpoint->n_shadows; i++) {
        struct rm_str backend = graph_backend_id(g, endpoint->index, i), none = {"", 0};
        uint32_t source = g->plan->views[endpoint->backends[i].view].source;
        graph_node(g, backend, GRAPH_BACKEND, graph_backend_label(g, &endpoint->backends[i]));
        struct rm_str order = ordered ? rm_arena_printf(&g->arena, "%u", i + 1) : none;
        graph_edge(g, id, backend, i < endpoint->n_backends ? order : RM_STR("shadow"), false);
        graph_edge(g, backend, rm_arena_printf(&g->arena, "s%u", source), none, false);
        for (uint32_t k = 0; k < i; k++) {
            struct rm_str fields = rm_graph_fields(&g->arena, &conf->backends[i], k);
            if (fields.n > 0)
                graph_edge(g, graph_backend_id(g, endpoint->index, k), backend, fields, true);
        }
    }
}

void rm_graph_write(const struct rm_plan *plan, enum rm_graph_format format, struct rm_buf *out)
{
    struct graph g = {.plan = plan, .format = &graph_formats[format], .out = out};
    rm_arena_init(&g.arena, NULL);
    graph_put(&g, g.format->begin);
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        struct rm_str id = rm_arena_printf(&g.arena, "e%u", i);
        graph_node(&g, id, GRAPH_ENDPOINT, graph_endpoint_label(&g, plan->endpoints[i].conf));
        graph_backends(&g, &plan->endpoints[i], id);
    }
    for (uint32_t i = 0; i < plan->n_sources; i++)
        graph_node(&g, rm_arena_printf(&g.arena, "s%u", i), GRAPH_SOURCE, graph_source_label(&g, &plan->sources[i]));
    graph_put(&g, g.format->end);
    rm_arena_fini(&g.arena);
}
