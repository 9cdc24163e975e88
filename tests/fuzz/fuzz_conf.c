// A configuration from any text: no crash, findings that are one printable line each, and a dump of what was accepted that is
// accepted again and means the same. Bit 0 of the first byte: YAML or JSON; bit 1: --strict.
// SPDX-License-Identifier: Apache-2.0
#include "conf/conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_DUMP_MAX ((size_t)1 << 20) // aliases make much of little; a document has its own limits

static void fuzz_findings(struct rm_arena *arena, const struct rm_findings *found)
{
    struct rm_place last = {0, 0};
    size_t errors = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct rm_finding *f = &found->v[i];
        struct rm_str line = rm_finding_format(arena, RM_STR("f"), f);
        for (size_t k = 0; k < line.n; k++)
            RM_ASSERT((unsigned char)line.p[k] >= 0x20 && line.p[k] != 0x7f);
        RM_ASSERT(f->text.n > 0);
        RM_ASSERT(f->place.line > last.line || (f->place.line == last.line && f->place.column >= last.column));
        last = f->place;
        errors += f->is_error;
    }
    RM_ASSERT(errors == found->n_errors);
}

// The dump, or NULL where the text is refused.
static char *fuzz_load(struct rm_str file, struct rm_str text, bool strict)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_findings found = {.arena = &arena};
    struct rm_conf_options options = {.strict = strict, .providers = rm_sd_providers};
    struct rm_conf *conf = NULL;
    int rc = rm_conf_parse(file, text, &options, &conf, &found, &arena);
    RM_ASSERT((rc == RM_OK) == (conf != NULL) && (rc == RM_OK) == (found.n_errors == 0));
    fuzz_findings(&arena, &found);
    char *dump = conf ? strdup(rm_conf_dump(conf, &arena).p) : NULL;
    rm_conf_free(conf);
    rm_arena_fini(&arena);
    return dump;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct rm_str text = {(const char *)data + 1, size - 1};
    char *dump = fuzz_load((data[0] & 1) != 0 ? RM_STR("f.json") : RM_STR("f.yaml"), text, (data[0] & 2) != 0);
    if (dump && strlen(dump) < FUZZ_DUMP_MAX) {
        char *again = fuzz_load(RM_STR("f.json"), rm_str_of(dump), true);
        RM_ASSERT(again && strcmp(again, dump) == 0);
        free(again);
    }
    free(dump);
    return 0;
}
