// What every transport shares: header lists, and the exchange as a call. Owns nothing; frames and lists lie in the request's arena.
// SPDX-License-Identifier: Apache-2.0
#include <remora/transport.h>

#define HEADERS_FIRST 16

void rm_headers_add(struct rm_arena *arena, struct rm_headers *headers, struct rm_str name, struct rm_str value)
{
    if (headers->n == headers->cap) {
        uint32_t cap = headers->cap > 0 ? headers->cap * 2 : HEADERS_FIRST;
        RM_ASSERT(cap > headers->cap);
        struct rm_header *v = rm_arena_alloc(arena, rm_mul_size(cap, sizeof(*v)));
        if (headers->n > 0)
            memcpy(v, headers->v, headers->n * sizeof(*v));
        headers->v = v;
        headers->cap = cap;
    }
    headers->v[headers->n++] = (struct rm_header){name, value};
}

const struct rm_header *rm_headers_find(const struct rm_headers *headers, struct rm_str name)
{
    for (uint32_t i = 0; i < headers->n; i++) {
        if (rm_str_eq_nocase(headers->v[i].name, name))
            return &headers->v[i];
    }
    return NULL;
}

static struct rm_exchange *exchange_of(struct rm_call *call)
{
    return rm_container_of(call, struct rm_exchange, call);
}

static void exchange_start(struct rm_call *call)
{
    struct rm_exchange *x = exchange_of(call);
    x->transport->start(x->self, x);
}

static void exchange_cancel(struct rm_call *call)
{
    struct rm_exchange *x = exchange_of(call);
    x->transport->cancel(x->self, x);
}

static const struct rm_call_ops exchange_ops = {"http", exchange_start, exchange_cancel};

struct rm_exchange *rm_exchange_new(const struct rm_transport_ops *ops, void *self, struct rm_loop *loop,
                                    struct rm_arena *arena, struct rm_call *up, void (*on_done)(struct rm_call *))
{
    RM_ASSERT(ops->exchange_size >= sizeof(struct rm_exchange));
    struct rm_exchange *x = rm_arena_zalloc(arena, ops->exchange_size);
    x->transport = ops;
    x->self = self;
    x->answer_length = -1;
    rm_call_init(&x->call, &exchange_ops, loop, arena, up, on_done);
    return x;
}
