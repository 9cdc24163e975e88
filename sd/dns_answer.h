// A DNS server's answer to an SRV question (RFC 1035, 2782), taken apart. Pure functions on a peer's bytes: every read is bounds-checked,
// and what comes out can be used as a host name as it is.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_DNS_ANSWER_H
#define SD_DNS_ANSWER_H

#include <remora/base.h>

#define RM_DNS_NAME_MAX 253 // characters of a name without the root's dot (RFC 1035 2.3.4)

struct rm_dns_srv {
    struct rm_str target; // in lower case, without the last dot
    uint16_t priority, weight, port;
};

// Of the additional section (RFC 2782): addresses of targets that the server gives unasked.
struct rm_dns_address {
    struct rm_str name; // as in rm_dns_srv
    struct rm_str text; // IPv4 or IPv6 literal
    bool is_v6;
    uint32_t ttl_s;
};

struct rm_dns_answer {
    unsigned rcode;              // RFC 1035 4.1.1
    uint32_t records;            // of type SRV for the name, usable or not
    const struct rm_dns_srv *srv; // those that can be called: sorted by priority, target, port, weight
    size_t n_srv;
    const struct rm_dns_address *addresses; // sorted by name, then IPv4 before IPv6, then text
    size_t n_addresses;
    bool is_unavailable;     // the only record's target is the root: decidedly no such service (RFC 2782)
    uint32_t ttl_s;          // the smallest of the records and of the aliases that lead to them; without records the negative TTL
    bool has_ttl;            // false: there is neither
};

// `name` is what was asked for, without its last dot. RM_EPROTO: no whole answer to this question; RM_OK also for an rcode other than 0
// and for no record at all. All that `out` points to lies in the arena.
int rm_dns_answer_parse(struct rm_arena *, struct rm_str message, struct rm_str name, struct rm_dns_answer *out,
                        struct rm_err *err) RM_MUST_CHECK;

#endif
