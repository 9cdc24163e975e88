// See api_script.h. A call that is over is taken off before its `done` runs, as that may start the next one.
// SPDX-License-Identifier: Apache-2.0
#include "api_script.h"

#include <stdio.h>

static void script_start(struct rm_api *api, struct rm_api_call *call, struct rm_str target)
{
    struct api_script *script = (struct api_script *)api;
    RM_ASSERT(!call->impl && script->n < API_ASKED_MOST);
    struct api_asked *asked = &script->asked[script->n++];
    *asked = (struct api_asked){.call = call, .at_us = rm_loop_now_us(script->loop)};
    (void)snprintf(asked->target, sizeof(asked->target), "%.*s", (int)target.n, target.p);
    call->impl = asked;
    call->status = 0;
    call->retry_after_us = 0;
    call->err = (struct rm_err){0};
    script->running++;
}

static struct rm_api_call *script_take(struct api_script *script, struct api_asked *asked)
{
    struct rm_api_call *call = asked->call;
    RM_ASSERT(call && call->impl == asked);
    call->impl = NULL;
    asked->call = NULL;
    script->running--;
    return call;
}

static void script_cancel(struct rm_api *api, struct rm_api_call *call)
{
    struct api_asked *asked = call->impl;
    if (!asked)
        return;
    asked->cancelled = true;
    (void)script_take((struct api_script *)api, asked);
}

void api_script_init(struct api_script *script, struct rm_loop *loop)
{
    memset(script, 0, sizeof(*script));
    script->api = (struct rm_api){script_start, script_cancel};
    script->loop = loop;
}

bool api_script_is(const struct api_script *script, unsigned i, const char *part)
{
    return i < script->n && strstr(script->asked[i].target, part) != NULL;
}

unsigned api_script_count(const struct api_script *script, const char *part)
{
    unsigned n = 0;
    for (unsigned i = 0; i < script->n; i++)
        n += api_script_is(script, i, part);
    return n;
}

void api_script_head(struct api_script *script, unsigned i, int status)
{
    struct rm_api_call *call = script->asked[i].call;
    RM_ASSERT(call);
    call->status = status;
    call->head(call);
}

int api_script_data(struct api_script *script, unsigned i, const char *text)
{
    struct rm_api_call *call = script->asked[i].call;
    RM_ASSERT(call);
    int code = call->data(call, rm_str_of(text));
    if (code != RM_OK)
        api_script_fail(script, i, code);
    return code;
}

void api_script_end(struct api_script *script, unsigned i)
{
    struct rm_api_call *call = script_take(script, &script->asked[i]);
    call->done(call);
}

void api_script_fail(struct api_script *script, unsigned i, int code)
{
    struct rm_api_call *call = script_take(script, &script->asked[i]);
    (void)rm_fail(&call->err, code, "scripted");
    call->done(call);
}

void api_script_answer(struct api_script *script, unsigned i, int status, uint64_t retry_after_us, const char *text)
{
    api_script_head(script, i, status);
    script->asked[i].call->retry_after_us = retry_after_us;
    if (api_script_data(script, i, text) == RM_OK)
        api_script_end(script, i);
}
