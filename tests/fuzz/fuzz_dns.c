// A DNS server's answer: whatever it holds, what comes out is sorted, bounded, and can be used as host names and addresses as it is. The
// question's name is taken as what was asked for, where it is one.
// SPDX-License-Identifier: Apache-2.0
#include "sd/dns_answer.h"

#include <arpa/inet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_name(struct rm_str name)
{
    RM_ASSERT(name.n > 0 && name.n <= RM_DNS_NAME_MAX);
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        RM_ASSERT((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
    }
}

// The name that the message says was asked for, without regard to compression.
static struct rm_str fuzz_asked(const uint8_t *data, size_t size, char text[RM_DNS_NAME_MAX])
{
    size_t at = 12, n = 0;
    while (at < size && data[at] > 0 && data[at] < 64 && at + data[at] < size && n + data[at] + 1 < RM_DNS_NAME_MAX) {
        if (n > 0)
            text[n++] = '.';
        memcpy(text + n, data + at + 1, data[at]);
        n += data[at];
        at += data[at] + 1u;
    }
    return (struct rm_str){text, n};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena arena;
    struct rm_dns_answer answer;
    struct rm_err err = {0};
    char text[RM_DNS_NAME_MAX];
    rm_arena_init(&arena, NULL);
    struct rm_str message = {(const char *)data, size};
    int code = rm_dns_answer_parse(&arena, message, fuzz_asked(data, size, text), &answer, &err);
    RM_ASSERT(code == RM_OK || (code == RM_EPROTO && err.text[0]));
    RM_ASSERT(arena.bytes < 128 * size + (128 << 10));
    if (code == RM_OK) {
        RM_ASSERT(answer.n_srv <= answer.records && answer.records * 11 <= size && answer.n_addresses * 11 <= size);
        RM_ASSERT(!answer.is_unavailable || (answer.records == 1 && answer.n_srv == 0));
        RM_ASSERT(answer.ttl_s <= INT32_MAX && (answer.records == 0 || answer.has_ttl));
        for (size_t i = 0; i < answer.n_srv; i++) {
            fuzz_name(answer.srv[i].target);
            RM_ASSERT(answer.srv[i].port > 0);
            RM_ASSERT(i == 0 || answer.srv[i - 1].priority <= answer.srv[i].priority);
        }
        for (size_t i = 0; i < answer.n_addresses; i++) {
            unsigned char bytes[16];
            fuzz_name(answer.addresses[i].name);
            RM_ASSERT(inet_pton(answer.addresses[i].is_v6 ? AF_INET6 : AF_INET, answer.addresses[i].text.p, bytes) == 1);
            RM_ASSERT(i == 0 || rm_str_cmp(answer.addresses[i - 1].name, answer.addresses[i].name) <= 0);
        }
    }
    rm_arena_fini(&arena);
    return 0;
}
