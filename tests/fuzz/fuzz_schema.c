// Any JSON against any JSON Schema: no crash, no hang, the same result twice, and the opposite of it under "not". The input: the schema, a line
// that is empty, the document.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_STEPS 100000

static const struct rm_json_limits fuzz_limits = {RM_SCHEMA_DEPTH, 5000};

static void fuzz_unknown(void *arg, const struct rm_value *where, struct rm_str name, const char *kind)
{
    (void)arg, (void)name, (void)kind;
    RM_ASSERT(where);
}

static const struct rm_schema *fuzz_compile(struct rm_arena *arena, struct rm_value *root)
{
    struct rm_schema_report report = {.unknown = fuzz_unknown};
    struct rm_err err = {.text = ""};
    const struct rm_schema *schema = NULL;
    if (rm_schema_compile(arena, root, &schema, &report, &err) == RM_OK)
        return schema;
    RM_ASSERT(report.where && err.text[0]);
    return NULL;
}

static int fuzz_check(struct rm_arena *arena, const struct rm_schema *schema, struct rm_value *document)
{
    struct rm_err err = {.text = ""};
    int rc = rm_schema_check(schema, arena, rm_matcher_new(arena, FUZZ_STEPS), document, &err);
    RM_ASSERT(rc == RM_OK || (err.code == rc && err.text[0]));
    for (const char *p = err.text; *p; p++)
        RM_ASSERT((unsigned char)*p >= 0x20);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    const char *text = (const char *)data, *gap = size > 0 ? memmem(text, size, "\n\n", 2) : NULL;
    size_t at = gap ? (size_t)(gap - text) : size;
    struct rm_value *root = NULL, *document = NULL;
    static const struct rm_json_limits schema_limits = {100, 5000}; // a configuration's
    if (gap &&
        rm_json_parse(&arena, (struct rm_str){text, at}, UINT32_MAX, &schema_limits, &root, NULL, NULL) == RM_OK &&
        rm_json_parse(&arena, (struct rm_str){text + at, size - at}, UINT32_MAX, &fuzz_limits, &document, NULL, NULL) ==
            RM_OK) {
        const struct rm_schema *schema = fuzz_compile(&arena, root);
        int rc = schema ? fuzz_check(&arena, schema, document) : RM_ETOOBIG;
        RM_ASSERT(!schema || fuzz_check(&arena, schema, document) == rc);
        struct rm_value *not_ = rm_value_new(&arena, RM_OBJECT);
        bool refers = memmem(text, at, "$", 1) != NULL ||
                      memmem(text, at, "\\", 1) != NULL; // from the root, which is another one then
        rm_value_set(&arena, not_, RM_STR("not"), root);
        const struct rm_schema *opposite = refers || rc == RM_ETOOBIG ? NULL : fuzz_compile(&arena, not_);
        int other = opposite ? fuzz_check(&arena, opposite, document) : RM_ETOOBIG;
        RM_ASSERT(other == RM_ETOOBIG || (other == RM_OK) != (rc == RM_OK));
    }
    rm_arena_fini(&arena);
    return 0;
}
