// The graph of endpoints, their backends and the sources of these backends' hosts: as text for people (`remora graph`) and as JSON for
// the status page. What is drawn is the plan: sources that are one for discovery are one node. Credentials are masked as in the dump.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_GRAPH_H
#define ADMIN_GRAPH_H

#include "flow/plan.h"

enum rm_graph_format { RM_GRAPH_MERMAID, RM_GRAPH_DOT };

// The same text for the same configuration; `out` has no cap but memory.
void rm_graph_write(const struct rm_plan *, enum rm_graph_format, struct rm_buf *out);
// One JSON object: endpoints with their backends, by the names of the configuration's keys; sources by index.
void rm_graph_write_json(const struct rm_plan *, struct rm_arena *, struct rm_buf *out);

// The fields of earlier answers that a backend's URL names: "id, a.b" of the backend number `of`; empty: none.
struct rm_str rm_graph_fields(struct rm_arena *, const struct rm_conf_backend *, uint32_t of);

#endif
