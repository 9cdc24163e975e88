// Numbers that look random: a hash of bytes, a mixer, and a small generator. For spreading load, never for secrets, and not against
// people who choose the input.
// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <remora/base.h>

static inline uint64_t rm_hash_mix(uint64_t z) // the finaliser of splitmix64: a bijection
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t rm_hash_bytes(uint64_t seed, struct rm_str text) // FNV-1a, mixed; the length counts
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return rm_hash_mix(h ^ ((uint64_t)text.n << 56));
}

static inline uint64_t rm_random_next(uint64_t *state)
{
    return rm_hash_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t rm_random_below(uint64_t *state, uint64_t n) // n > 0
{
    return (uint64_t)(((unsigned __int128)rm_random_next(state) * n) >> 64);
}

#endif
