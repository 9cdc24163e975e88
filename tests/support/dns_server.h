// A DNS server on loopback, UDP and TCP, that says what the test tells it, in a thread of its own. A, AAAA, CNAME and SRV; a name
// without records does not exist. What does not fit into a UDP answer is left out, and the answer marked so (TC). Functions may be
// called from the test's thread at any time.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_DNS_SERVER_H
#define SUPPORT_DNS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rm_dns;

struct rm_dns *rm_dns_start(void);
void rm_dns_stop(struct rm_dns *);
const char *rm_dns_address(const struct rm_dns *); // "127.0.0.1:40053"

// "10.0.0.1 10.0.0.2 fd00::1": replaces the name's addresses of both families; NULL: the name exists no more.
void rm_dns_set(struct rm_dns *, const char *name, const char *addresses, uint32_t ttl_s);
void rm_dns_alias(struct rm_dns *, const char *name, const char *target, uint32_t ttl_s); // CNAME
// "priority weight port target, …", target "." for none: replaces the name's SRV records; NULL: the name exists no more.
void rm_dns_srv(struct rm_dns *, const char *name, const char *records, uint32_t ttl_s);
void rm_dns_additionals(struct rm_dns *, bool give);   // addresses of SRV targets, where there are some
void rm_dns_aliases_last(struct rm_dns *, bool last);  // the order of an answer: records before the CNAMEs that lead to them
void rm_dns_negative(struct rm_dns *, uint32_t ttl_s); // not 0: an SOA record beside "there is nothing"
enum rm_dns_mood { RM_DNS_ANSWERS, RM_DNS_SILENT, RM_DNS_SERVFAIL, RM_DNS_REFUSED, RM_DNS_NO_TCP };
void rm_dns_be(struct rm_dns *, enum rm_dns_mood);
// Has the last word on each answer: may change its bytes (room for 65535) and its length; 0: nothing is said. NULL: none. On the
// server's thread.
typedef size_t rm_dns_mangle_fn(unsigned char *answer, size_t n, unsigned type, bool tcp);
void rm_dns_mangle(struct rm_dns *, rm_dns_mangle_fn *);
unsigned rm_dns_edns_bytes(struct rm_dns *); // what the last query said it takes by UDP; 0: it had no EDNS
int rm_dns_tcp_queries(struct rm_dns *);
// Queries of this name so far, of any type and whatever was said; "" counts all.
int rm_dns_queries(struct rm_dns *, const char *name);

#endif
