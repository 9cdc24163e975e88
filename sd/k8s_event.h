// What the API server writes, taken apart: the lines of a watch, the pages of a list, the Status of a refusal. Pure functions; the
// owner of jansson's header. Everything that they do not know is passed over.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_EVENT_H
#define SD_K8S_EVENT_H

#include "sd/k8s_slice.h"

// A line or a page is no longer than this. 57 KB have been seen (1,000 bare endpoints), 250 KB are ordinary in large clusters.
#define RM_K8S_TEXT_MOST ((size_t)16 << 20)

// ---- bytes to lines ----------------------------------------------------------------------------------------------------

struct rm_k8s_lines {
    struct rm_buf rest; // of a line that has not ended
};
void rm_k8s_lines_init(struct rm_k8s_lines *, size_t most); // of one line
void rm_k8s_lines_free(struct rm_k8s_lines *);
// Calls `line` for each whole line (without its end, empty ones left out) as long as that returns RM_OK. RM_ETOOBIG, or what `line` returned.
int rm_k8s_lines_feed(struct rm_k8s_lines *, struct rm_str data, int (*line)(void *arg, struct rm_str), void *arg);

// ---- one event ---------------------------------------------------------------------------------------------------------

struct rm_k8s_status {
    int code;             // 410; 0: it has none
    bool is_future;       // cause ResourceVersionTooLarge: this server does not know that version yet
    struct rm_str reason; // "Expired"
    struct rm_str message;
};

enum rm_k8s_event_kind {
    RM_K8S_PUT,      // ADDED or MODIFIED
    RM_K8S_DELETE,   // DELETED
    RM_K8S_BOOKMARK, // only the version counts
    RM_K8S_ERROR,
    RM_K8S_OTHER, // a type that is not known: nothing to do
};

struct rm_k8s_event {
    enum rm_k8s_event_kind kind;
    struct rm_str version;      // metadata.resourceVersion; in the arena
    struct rm_k8s_slice *slice; // PUT, DELETE: the caller's now
    struct rm_k8s_status error; // ERROR; texts in the arena
};
// RM_EDECODE: not JSON, or an object that no EndpointSlice can be (no name, no version).
int rm_k8s_event_parse(struct rm_arena *, struct rm_str line, struct rm_k8s_event *out,
                       struct rm_err *err) RM_MUST_CHECK;

// ---- a page of a list --------------------------------------------------------------------------------------------------

struct rm_k8s_page {
    struct rm_str version;
    struct rm_str more;           // metadata.continue; "": the last page
    struct rm_k8s_slice **slices; // the caller's now
    size_t n;
};
int rm_k8s_page_parse(struct rm_arena *, struct rm_str text, struct rm_k8s_page *out, struct rm_err *err) RM_MUST_CHECK;

// A refusal's body. Zeroed where it is no Status object: some refusals are plain text.
void rm_k8s_status_parse(struct rm_arena *, struct rm_str text, struct rm_k8s_status *out);

#endif
