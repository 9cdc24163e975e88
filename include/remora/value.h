// The JSON value: a lossless tree in an arena. Numbers keep their text, strings are slices of the source and are unescaped only
// when looked at, and below the depth that is asked for a member stays one validated range of bytes. Implemented in src/value.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_VALUE_H
#define REMORA_VALUE_H

#include <remora/base.h>

enum rm_type { RM_NULL, RM_FALSE, RM_TRUE, RM_NUMBER, RM_STRING, RM_ARRAY, RM_OBJECT };

enum {
    RM_V_RANGE = 1 << 0, // array or object that is not opened: `raw` is its whole, validated JSON text
    RM_V_REWRITE =
        1 << 1, // the range must be opened and written anew (duplicate names, invalid UTF-8, lone surrogates inside);
                // string: raw holds invalid UTF-8 or lone surrogates
    RM_V_ESCAPED = 1 << 2, // string: raw holds escapes (source form between the quotes)
    RM_V_PLAIN = 1 << 3,   // string: raw is plain text made by remora, to be escaped when written
};

// Nodes are immutable for all but the step that is applied; `raw` and `key` may point into the source, which must outlive them.
// Children of objects and arrays are a singly linked list in order of appearance; names in one object are unique (the last wins).
struct rm_value {
    uint8_t type;      // enum rm_type
    uint8_t flags;     // RM_V_*
    uint32_t n;        // number of children (opened arrays and objects)
    struct rm_str key; // decoded member name, valid UTF-8; empty outside objects
    struct rm_str raw; // number text; string content without quotes; source text of a range
    struct rm_value *first, *last, *next;
};

struct rm_json_limits {
    uint32_t max_depth; // containers inside each other; 512
    uint32_t max_nodes; // values in the document, opened or not; 200,000
};

// Parses one value from the start of `text` (RFC 8259, white space around it allowed). *used (may be NULL) is the number of bytes
// up to the end of the value and of the white space after it: the caller decides whether more is an error. `open_depth`: containers at depth < open_depth become nodes, deeper ones ranges
// (0: the root itself stays a range; UINT32_MAX: everything is opened). The whole text is validated in any case. A byte sequence that is no
// UTF-8 and a lone surrogate are accepted and become U+FFFD when looked at or written (as KrakenD does). Never recurses.
// Errors: RM_EDECODE (text says what and at which offset), RM_ETOOBIG.
int rm_json_parse(struct rm_arena *, struct rm_str text, uint32_t open_depth, const struct rm_json_limits *,
                  struct rm_value **out, size_t *used, struct rm_err *err) RM_MUST_CHECK;

// Opens a range by one level (its children may be ranges again); no-op on anything else. Cannot fail: ranges are validated.
void rm_value_open(struct rm_arena *, struct rm_value *);

// Making values. `text` and `key` are borrowed: they must outlive the value.
struct rm_value *rm_value_new(struct rm_arena *, enum rm_type); // RM_NULL, RM_FALSE, RM_TRUE, empty RM_ARRAY, RM_OBJECT
struct rm_value *rm_value_string(struct rm_arena *,
                                 struct rm_str text); // plain text; invalid UTF-8 becomes U+FFFD when written
struct rm_value *rm_value_number(struct rm_arena *, struct rm_str text); // text must be a JSON number
struct rm_value *rm_value_integer(struct rm_arena *, int64_t);

// Objects (opened on demand). Get returns NULL when there is none. Set replaces a member of that name in place or appends;
// the value's key and next are overwritten, so it may be in one parent only. rm_value_append is for arrays.
struct rm_value *rm_value_get(struct rm_arena *, struct rm_value *object, struct rm_str name);
void rm_value_set(struct rm_arena *, struct rm_value *object, struct rm_str name, struct rm_value *member);
bool rm_value_remove(struct rm_arena *, struct rm_value *object, struct rm_str name);
void rm_value_append(struct rm_value *array, struct rm_value *item);
// All of src's members set into dst, in order: the shallow merge (a later name wins). Linear in the sizes, not quadratic. src is used up.
void rm_value_merge(struct rm_arena *, struct rm_value *dst, struct rm_value *src);
// The same by another rule, for names that both have. What a deep one goes into should be opened: a range costs its whole length a level.
enum rm_merge_rule {
    RM_MERGE_LAST,  // src's
    RM_MERGE_FIRST, // dst's
    RM_MERGE_DEEP,  // two objects are merged by this rule, else src's
    RM_MERGE_APPEND // and two arrays become one, dst's items first
};
void rm_value_merge_by(struct rm_arena *, enum rm_merge_rule, struct rm_value *dst, struct rm_value *src);
// A deep copy that shares no node with v (slices are shared): for data of the plan put into a request.
struct rm_value *rm_value_copy(struct rm_arena *, const struct rm_value *v);

// The decoded text of a string (valid UTF-8; a slice of the source where that is possible). Empty for other types.
struct rm_str rm_value_text(struct rm_arena *, const struct rm_value *string);
bool rm_value_is_empty_object(struct rm_arena *, struct rm_value *); // {} , opened or not

// Compact JSON text, appended. RM_OK, or rm_buf's RM_ETOOBIG / RM_EMEMORY. Ranges that need no rewriting are copied as they are.
// `scratch` is for decoding what must be rewritten. v NULL writes null.
int rm_json_write(struct rm_arena *scratch, const struct rm_value *v, struct rm_buf *out) RM_MUST_CHECK;

// ---- large slices by reference ---------------------------------------------------------------------------------------

// Slices of the sources that belong into a text and are not copied: v[i].text stands where `at` bytes of the buffer are before it, in
// ascending order. The sources must outlive the text.
#define RM_REFS 16
struct rm_refs {
    size_t least; // shorter slices are copied; set by the caller
    size_t bytes; // of all
    uint32_t n;   // more are copied, too
    struct {
        size_t at;
        struct rm_str text;
    } v[RM_REFS];
};
// False: the text is to be copied. `refs` may be NULL.
bool rm_refs_add(struct rm_refs *, const struct rm_buf *out, struct rm_str text);
// The whole as a row of slices that are not empty; their number. `parts` has room for RM_REFS_PARTS.
#define RM_REFS_PARTS (2 * RM_REFS + 1)
uint32_t rm_refs_parts(const struct rm_refs *, struct rm_str text, struct rm_str *parts);
int rm_json_write_refs(struct rm_arena *scratch, const struct rm_value *v, struct rm_buf *out,
                       struct rm_refs *refs) RM_MUST_CHECK;

#endif
