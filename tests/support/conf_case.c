// Configurations in tests: loads a text, keeps what was found, and finds one finding among it.
// SPDX-License-Identifier: Apache-2.0
#include "conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

void conf_case_load(struct conf_case *c, const char *file, const char *text, const struct rm_conf_options *options)
{
    struct rm_conf_options with = options ? *options : (struct rm_conf_options){.strict = false};
    with.providers = rm_sd_providers;
    *c = (struct conf_case){.rc = 0};
    rm_arena_init(&c->arena, NULL);
    c->found.arena = &c->arena;
    c->rc = rm_conf_parse(rm_str_of(file), rm_str_of(text), &with, &c->conf, &c->found, &c->arena);
    assert_int_equal(c->rc, c->found.n_errors > 0 ? RM_ECONF : RM_OK);
    assert_int_equal(c->conf == NULL, c->rc != RM_OK);
}

void conf_case_good(struct conf_case *c, const char *file, const char *text, bool warnings)
{
    conf_case_load(c, file, text, NULL);
    if (c->rc != RM_OK || (c->found.n > 0 && !warnings)) {
        conf_case_print(c);
        fail_msg("%s: not accepted as it should be:\n%s", file, text);
    }
}

void conf_case_free(struct conf_case *c)
{
    rm_conf_free(c->conf);
    rm_arena_fini(&c->arena);
}

void conf_case_print(const struct conf_case *c)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < c->found.n; i++) {
        struct rm_str line = rm_finding_format(&arena, rm_str_of("test"), &c->found.v[i]);
        print_error("%.*s\n", (int)line.n, line.p);
    }
    rm_arena_fini(&arena);
}

static bool conf_case_is(const struct rm_finding *f, const char *path, const char *phrase)
{
    return rm_str_eq(f->path, rm_str_of(path)) && memmem(f->text.p, f->text.n, phrase, strlen(phrase));
}

const struct rm_finding *conf_case_find(const struct conf_case *c, struct rm_place place, const char *path,
                                        const char *phrase)
{
    for (size_t i = 0; i < c->found.n; i++) {
        const struct rm_finding *f = &c->found.v[i];
        if (f->place.line == place.line && f->place.column == place.column && conf_case_is(f, path, phrase))
            return f;
    }
    return NULL;
}

const struct rm_finding *conf_case_says(const struct conf_case *c, const char *path, const char *phrase)
{
    for (size_t i = 0; i < c->found.n; i++) {
        if (conf_case_is(&c->found.v[i], path, phrase))
            return &c->found.v[i];
    }
    return NULL;
}

const char *conf_case_unmark(struct conf_case *c, const char *text, char mark, struct rm_place *place)
{
    const char *at = strchr(text, mark);
    assert_non_null(at);
    *place = (struct rm_place){1, 1};
    for (const char *p = text; p < at; p++) {
        if (*p == '\n')
            *place = (struct rm_place){place->line + 1, 1};
        else if ((*p & 0xc0) != 0x80)
            place->column++;
    }
    return rm_arena_printf(&c->arena, "%.*s%s", (int)(at - text), text, at + 1).p;
}
