// A DNS server on loopback UDP that says what the test tells it, in a thread of its own. A, AAAA and CNAME; a name without records
// does not exist. Functions may be called from the test's thread at any time.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_DNS_SERVER_H
#define SUPPORT_DNS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct rm_dns;

struct rm_dns *rm_dns_start(void);
void rm_dns_stop(struct rm_dns *);
const char *rm_dns_address(const struct rm_dns *); // "127.0.0.1:40053"

// "10.0.0.1 10.0.0.2 fd00::1": replaces the name's addresses of both families; NULL: the name exists no more.
void rm_dns_set(struct rm_dns *, const char *name, const char *addresses, uint32_t ttl_s);
void rm_dns_alias(struct rm_dns *, const char *name, const char *target, uint32_t ttl_s); // CNAME
enum rm_dns_mood { RM_DNS_ANSWERS, RM_DNS_SILENT, RM_DNS_SERVFAIL };
void rm_dns_be(struct rm_dns *, enum rm_dns_mood);
// Queries of this name so far, of any type and whatever was said; "" counts all.
int rm_dns_queries(struct rm_dns *, const char *name);

#endif
