// Buckets of clients: sets of eight places, each a key and a bucket, without a lock. Two threads that meet at one place may lose one token's
// worth of counting between them, never more.
// SPDX-License-Identifier: Apache-2.0
#include "policy/clients.h"

#include <sys/random.h>

#define CLIENTS_WAYS 8

struct clients_place {
    _Atomic uint64_t key; // a hash of limit and client; 0: nobody has had it
    struct rm_bucket bucket;
};

struct rm_clients {
    uint64_t seed[2]; // 0, 0: not made yet
    struct clients_place places[RM_CLIENTS_PLACES];
};

size_t rm_clients_size(void)
{
    return sizeof(struct rm_clients);
}

void rm_clients_seed(struct rm_clients *clients)
{
    if (clients->seed[0] != 0 || clients->seed[1] != 0)
        return;
    if (getrandom(clients->seed, sizeof(clients->seed), 0) != sizeof(clients->seed))
        clients->seed[0] = (uint64_t)(uintptr_t)clients;
    clients->seed[0] |= 1;
}

// ---- SipHash-1-3 (Aumasson, Bernstein: SipHash: a fast short-input PRF) --------------------------------------------

static inline uint64_t sip_turn(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = sip_turn(v[1], 13) ^ v[0];
    v[3] = sip_turn(v[3], 16) ^ v[2];
    v[0] = sip_turn(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = sip_turn(v[3], 21) ^ v[0];
    v[1] = sip_turn(v[1], 17) ^ v[2];
    v[2] = sip_turn(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

// Of the limit's number, then the text.
static uint64_t clients_hash(const uint64_t seed[2], uint64_t limit, struct rm_str text)
{
    uint64_t v[4] = {seed[0] ^ UINT64_C(0x736f6d6570736575), seed[1] ^ UINT64_C(0x646f72616e646f6d),
                     seed[0] ^ UINT64_C(0x6c7967656e657261), seed[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word = 0;
    size_t at = 0;
    sip_word(v, limit);
    for (; text.n - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text.p + at, sizeof(word));
        sip_word(v, word);
    }
    word = 0;
    if (text.n > at)
        memcpy(&word, text.p + at, text.n - at);
    sip_word(v, word | (uint64_t)text.n << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

// ---- places --------------------------------------------------------------------------------------------------------

static struct clients_place *clients_find(struct clients_place *set, uint64_t key)
{
    for (uint32_t i = 0; i < CLIENTS_WAYS; i++)
        if (atomic_load_explicit(&set[i].key, memory_order_acquire) == key)
            return &set[i];
    return NULL;
}

static struct clients_place *clients_poorest(struct clients_place *set, uint64_t *key)
{
    struct clients_place *least = set;
    for (uint32_t i = 1; i < CLIENTS_WAYS; i++)
        if (atomic_load_explicit(&set[i].bucket.full_at_ns, memory_order_relaxed) <
            atomic_load_explicit(&least->bucket.full_at_ns, memory_order_relaxed))
            least = &set[i];
    *key = atomic_load_explicit(&least->key, memory_order_relaxed);
    return least;
}

bool rm_clients_take(struct rm_clients *clients, uint64_t limit, struct rm_str client, const struct rm_rate *rate,
                     uint64_t now_us, uint64_t *wait_us)
{
    uint64_t key = clients_hash(clients->seed, limit, client) | 1; // never 0
    struct clients_place *set = &clients->places[(key >> 32) % (RM_CLIENTS_PLACES / CLIENTS_WAYS) * CLIENTS_WAYS],
                         *place;
    while (!(place = clients_find(set, key))) {
        uint64_t old;
        place = clients_poorest(set, &old);
        if (atomic_compare_exchange_strong_explicit(&place->key, &old, key, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            atomic_store_explicit(&place->bucket.full_at_ns, 0, memory_order_release);
            break;
        }
    }
    return rm_bucket_take(&place->bucket, rate, now_us, wait_us);
}
