// The scripted provider.
// SPDX-License-Identifier: Apache-2.0
#include "sd_script.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCRIPTS = 64, HOSTS = 64 };

struct named_script {
    struct rm_script script;
    struct rm_source source;
    struct rm_str host;
    char name[64];
    const char *publish, *fail;
};

static struct named_script scripts[SCRIPTS];

static struct named_script *script_named(const char *name, size_t n)
{
    for (size_t i = 0; i < SCRIPTS; i++) {
        struct named_script *named = &scripts[i];
        if (named->name[0] == '\0') {
            snprintf(named->name, sizeof(named->name), "%.*s", (int)n, name);
            named->host = rm_str_of(named->name);
            named->source = (struct rm_source){.provider = RM_STR("scripted"), .hosts = &named->host, .n_hosts = 1};
            return named;
        }
        if (strlen(named->name) == n && memcmp(named->name, name, n) == 0)
            return named;
    }
    rm_panic(__FILE__, __LINE__, "too many scripts");
}

const struct rm_source *rm_script_source(const char *name)
{
    return &script_named(name, strlen(name))->source;
}

struct rm_script *rm_script_of(const char *name)
{
    return &script_named(name, strlen(name))->script;
}

void rm_script_on_open(const char *name, const char *publish, const char *fail)
{
    struct named_script *named = script_named(name, strlen(name));
    named->publish = publish;
    named->fail = fail;
}

struct rm_snapshot *rm_script_list(const char *hosts)
{
    struct rm_host list[HOSTS];
    size_t n = 0;
    while (*hosts) {
        size_t word = strcspn(hosts, " "), address = strcspn(hosts, " *");
        RM_ASSERT(n < HOSTS);
        list[n] = (struct rm_host){.scheme = RM_STR("http"), .port = 80, .weight = 1};
        list[n].address = list[n].name = (struct rm_str){hosts, address};
        if (address < word)
            list[n].weight = (uint32_t)strtoul(hosts + address + 1, NULL, 10);
        n++;
        hosts += word + strspn(hosts + word, " ");
    }
    return rm_snapshot_new(list, n);
}

void rm_script_publish(struct rm_script *script, const char *hosts)
{
    RM_ASSERT(script->is_open);
    script->sink->publish(script->sink, rm_script_list(hosts));
}

void rm_script_fail(struct rm_script *script, int code, const char *text)
{
    RM_ASSERT(script->is_open);
    struct rm_err err;
    (void)rm_fail(&err, code, "%s", text);
    script->sink->failed(script->sink, &err);
}

static int script_open(void **self, const struct rm_source *source, struct rm_loop *loop, struct rm_sd_sink *sink,
                       struct rm_err *err)
{
    struct named_script *named = script_named(source->hosts[0].p, source->hosts[0].n);
    if (named->fail)
        return rm_fail(err, RM_ESYS, "%s", named->fail);
    RM_ASSERT(!named->script.is_open);
    named->script.source = source;
    named->script.loop = loop;
    named->script.sink = sink;
    named->script.is_open = true;
    named->script.opened++;
    *self = named;
    if (named->publish)
        rm_script_publish(&named->script, named->publish);
    return RM_OK;
}

static void script_close(void *self)
{
    struct named_script *named = self;
    RM_ASSERT(named->script.is_open);
    named->script.is_open = false;
    named->script.closed++;
}

static const struct rm_sd_ops script_ops = {.name = "scripted", .open = script_open, .close = script_close};
const struct rm_sd_ops *const rm_sd_providers[] = {&script_ops, NULL};

const struct rm_sd_ops *rm_sd_find(struct rm_str name)
{
    return rm_str_eq(name, rm_str_of(script_ops.name)) ? &script_ops : NULL;
}
