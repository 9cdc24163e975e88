// The JSON parser: one loop with a stack of its own that validates the whole text and makes nodes of what lies above the depth
// asked for. Below it nothing is made: a container there is one range, and the loop only steps over its tokens.
// SPDX-License-Identifier: Apache-2.0
#include <remora/value.h>

#include "value/json_scan.h"
#include "value/json_text.h"
#include "value/names.h"

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define PARSE_UNSET                                                                                                    \
    __attribute__((uninitialized)) // the build zeroes locals, but these are large and written before they are read
#endif
#endif
#ifndef PARSE_UNSET
#define PARSE_UNSET
#endif

#define PARSE_FRAMES 24 // deep enough for what people write; deeper texts take theirs from the arena
#define PARSE_NAMES 64
#define PARSE_NAME_MAX 256

// A container that is being read.
struct parse_frame {
    struct rm_value *node; // NULL: inside a range
    struct rm_names_object names;
    char close;     // '}' or ']'
    bool duplicate; // opened: a name came twice, perhaps
};

struct parser {
    struct rm_arena *arena;
    struct rm_arena scratch; // empties itself at the end
    struct parse_frame *frames;
    uint32_t frames_cap;
    struct rm_names names;
    uint64_t seed;
    bool rewrite; // of the range that is being read
    struct rm_value *root;
    struct rm_json_fault fault;
};

static struct rm_value *parse_add(struct parser *ps, struct rm_value *parent, struct rm_str key, enum rm_type type,
                                  unsigned flags, const char *from, const char *to)
{
    struct rm_value *node = rm_arena_alloc(ps->arena, sizeof(*node));
    *node = (struct rm_value){
        .type = (uint8_t)type, .flags = (uint8_t)flags, .key = key, .raw = {from, (size_t)(to - from)}};
    if (parent) {
        if (parent->last)
            parent->last->next = node;
        else
            parent->first = node;
        parent->last = node;
        parent->n++;
    } else {
        ps->root = node;
    }
    return node;
}

static void parse_grow(struct parser *ps)
{
    uint32_t cap = ps->frames_cap * 2;
    struct parse_frame *frames = rm_arena_alloc(&ps->scratch, rm_mul_size(cap, sizeof(*frames)));
    memcpy(frames, ps->frames, ps->frames_cap * sizeof(*frames));
    ps->frames = frames;
    ps->frames_cap = cap;
}

// A name inside a range: only whether the range can stay as it is matters.
static void parse_range_name(struct parser *ps, struct parse_frame *frame, struct rm_str raw, unsigned flags)
{
    char decoded[PARSE_NAME_MAX] PARSE_UNSET;
    if ((flags & RM_V_ESCAPED) != 0) {
        if (raw.n > sizeof(decoded)) {
            ps->rewrite = true; // maybe: long names with escapes are too rare to be worth the memory
            return;
        }
        raw = (struct rm_str){decoded, rm_json_decode(raw, decoded)};
    }
    if (rm_names_add(&ps->names, &frame->names, rm_names_hash(ps->seed, raw)))
        ps->rewrite = true;
}

// The members of an opened object in which a name came twice: the last one's content in the place of the first.
static void parse_unique(struct parser *ps, struct rm_value *object)
{
    struct rm_value *list = object->first;
    uint32_t n = object->n;
    object->first = object->last = NULL;
    object->n = 0;
    rm_names_put_all(ps->arena, object, list, n, NULL, NULL);
}

// Reads one value from *at on, and moves *at to its end. RM_OK with ps->root, or a code with ps->fault filled.
static int parse_value(struct parser *ps, const char **at, const char *end, uint32_t open_depth,
                       const struct rm_json_limits *limits)
{
    const char *p = *at;
    struct parse_frame *top = NULL;
    struct rm_value *parent = NULL; // top's node
    struct rm_value *range = NULL;
    struct rm_str key = {NULL, 0};
    uint32_t depth = 0, nodes = 0;
    bool build = true; // this depth has nodes

    p = rm_json_space(p, end);

value:
    if (p == end)
        goto cut;
    if (nodes == limits->max_nodes) {
        rm_json_wrong(&ps->fault, p, "too many values");
        return RM_ETOOBIG;
    }
    nodes++;
    const char *start = p;
    switch (*p) {
    case '"': {
        unsigned flags = 0;
        p = rm_json_string(p + 1, end, &flags, &ps->fault);
        if (!p)
            return RM_EDECODE;
        if (build)
            parse_add(ps, parent, key, RM_STRING, flags, start + 1, p);
        else if ((flags & RM_V_REWRITE) != 0)
            ps->rewrite = true;
        p++;
        break;
    }
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        p = rm_json_number(p, end, &ps->fault);
        if (!p)
            return RM_EDECODE;
        if (build)
            parse_add(ps, parent, key, RM_NUMBER, 0, start, p);
        break;
    case 't':
        if (end - p < 4 || memcmp(p, "true", 4) != 0)
            goto bad_word;
        p += 4;
        if (build)
            parse_add(ps, parent, key, RM_TRUE, 0, NULL, NULL);
        break;
    case 'f':
        if (end - p < 5 || memcmp(p, "false", 5) != 0)
            goto bad_word;
        p += 5;
        if (build)
            parse_add(ps, parent, key, RM_FALSE, 0, NULL, NULL);
        break;
    case 'n':
        if (end - p < 4 || memcmp(p, "null", 4) != 0)
            goto bad_word;
        p += 4;
        if (build)
            parse_add(ps, parent, key, RM_NULL, 0, NULL, NULL);
        break;
    case '{':
    case '[': {
        bool object = *p == '{';
        if (depth == limits->max_depth) {
            rm_json_wrong(&ps->fault, p, "nested too deeply");
            return RM_ETOOBIG;
        }
        struct rm_value *node = NULL;
        if (build) {
            node = parse_add(ps, parent, key, object ? RM_OBJECT : RM_ARRAY, 0, NULL, NULL);
            if (depth >= open_depth) {
                range = node;
                range->raw.p = start;
                node = NULL;
                build = false;
                ps->rewrite = false;
            }
        }
        if (depth == ps->frames_cap)
            parse_grow(ps);
        size_t base = depth > 0 ? ps->frames[depth - 1].names.base + ps->frames[depth - 1].names.n : 0;
        top = &ps->frames[depth++];
        *top = (struct parse_frame){.node = node, .names.base = base, .close = object ? '}' : ']'};
        parent = node;
        p = rm_json_space(p + 1, end);
        if (p == end)
            goto cut;
        if (*p == top->close)
            goto close;
        if (object)
            goto name;
        key = (struct rm_str){NULL, 0};
        goto value;
    }
    default:
        rm_json_wrong(&ps->fault, p, "a character that begins no value");
        return RM_EDECODE;
    }

after:
    if (depth == 0) {
        *at = p;
        return RM_OK;
    }
    p = rm_json_space(p, end);
    if (p == end)
        goto cut;
    if (*p == ',') {
        p = rm_json_space(p + 1, end);
        if (top->close == ']')
            goto value;
        goto name;
    }
    if (*p != top->close) {
        rm_json_wrong(&ps->fault, p,
                      top->close == '}' ? "neither ',' nor '}' behind a member" : "neither ',' nor ']' behind a value");
        return RM_EDECODE;
    }

close:
    p++;
    if (parent && top->duplicate)
        parse_unique(ps, parent);
    depth--;
    if (depth == open_depth) {
        range->raw.n = (size_t)(p - range->raw.p);
        range->flags = ps->rewrite ? RM_V_RANGE | RM_V_REWRITE : RM_V_RANGE;
        build = true;
    }
    if (depth > 0) {
        top = &ps->frames[depth - 1];
        parent = top->node;
        key = (struct rm_str){NULL, 0};
    }
    goto after;

name:
    if (p == end)
        goto cut;
    if (*p != '"') {
        rm_json_wrong(&ps->fault, p, "a member without a name in quotes");
        return RM_EDECODE;
    }
    {
        unsigned flags = 0;
        const char *quote = rm_json_string(p + 1, end, &flags, &ps->fault);
        if (!quote)
            return RM_EDECODE;
        struct rm_str raw = {p + 1, (size_t)(quote - p - 1)};
        if (build) {
            key = rm_json_text(ps->arena, raw, flags);
            if (!top->duplicate)
                top->duplicate = rm_names_add(&ps->names, &top->names, rm_names_hash(ps->seed, key));
        } else if ((flags & RM_V_REWRITE) != 0) {
            ps->rewrite = true;
        } else if (!ps->rewrite) {
            parse_range_name(ps, top, raw, flags);
        }
        p = rm_json_space(quote + 1, end);
    }
    if (p == end)
        goto cut;
    if (*p != ':') {
        rm_json_wrong(&ps->fault, p, "a name without ':' behind it");
        return RM_EDECODE;
    }
    p = rm_json_space(p + 1, end);
    goto value;

cut:
    rm_json_wrong(&ps->fault, end, "the text ends before its value does");
    return RM_EDECODE;
bad_word:
    rm_json_wrong(&ps->fault, p, "a word that is not true, false or null");
    return RM_EDECODE;
}

int rm_json_parse(struct rm_arena *arena, struct rm_str text, uint32_t open_depth, const struct rm_json_limits *limits,
                  struct rm_value **out, size_t *used, struct rm_err *err)
{
    if (text.n == 0)
        return rm_fail(err, RM_EDECODE, "invalid JSON: the text is empty");

    struct parse_frame frames[PARSE_FRAMES] PARSE_UNSET;
    uint64_t list[PARSE_NAMES] PARSE_UNSET;
    struct parser ps = {
        .arena = arena,
        .frames = frames,
        .frames_cap = PARSE_FRAMES,
        .names = {.list = list, .cap = PARSE_NAMES},
        .seed = rm_names_seed(),
    };
    rm_arena_init(&ps.scratch, arena->cache);
    ps.names.scratch = &ps.scratch;

    const char *p = text.p, *end = text.p + text.n;
    int rc = parse_value(&ps, &p, end, open_depth, limits);
    rm_arena_fini(&ps.scratch);
    if (rc == RM_ETOOBIG) {
        return rm_fail(err, rc, "JSON over a limit (%u levels, %u values): %s at byte %zu", limits->max_depth,
                       limits->max_nodes, ps.fault.what, (size_t)(ps.fault.at - text.p));
    }
    if (rc < 0)
        return rm_fail(err, rc, "invalid JSON: %s at byte %zu", ps.fault.what, (size_t)(ps.fault.at - text.p));
    *out = ps.root;
    if (used)
        *used = (size_t)(rm_json_space(p, end) - text.p);
    return RM_OK;
}
