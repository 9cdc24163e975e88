// What the unit tests of providers stand on: a loop, a scripted DNS server, and a sink that notes what is published. Real time, but
// nothing waits for a clock: each test runs the loop until something is so.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_SD_RIG_H
#define SUPPORT_SD_RIG_H

#include "dns_server.h"

#include <remora/sd.h>

extern struct rm_loop *loop;
extern struct rm_dns *dns;

// What the pool would be.
struct pool {
    struct rm_sd_sink sink;
    struct rm_snapshot *list;
    int published, failed;
    struct rm_err err;
    const struct rm_sd_ops *ops;
    void *provider;
    struct rm_source source;
    struct rm_str hosts[8];
};

void pool_open(struct pool *, const struct rm_sd_ops *, size_t n, const char *const *hosts);
void pool_close(struct pool *);
// "10.0.0.1:80 [fd00::1]:8080*5/10": address, port, weight unless it is 1, and priority unless it is 0, of each host.
const char *pool_text(const struct pool *);

// False: it did not become so in a long time.
bool run_until(bool (*is_so)(void *), void *arg);
void wait_for(const struct pool *, const char *text); // pool_text()
void wait_for_failure(const struct pool *, int more_than);
void wait_for_query(const char *name, int more_than);

// cmocka's. The records' TTL of 0 becomes 10 ms. A server's time-out is long, so that a slow machine does not make the resolver ask
// twice; the impatient one is for tests of silence.
int sd_setup(void **state);
int sd_setup_impatient(void **state);
int sd_teardown(void **state);
void set_up_resolver(uint64_t timeout_us);

#endif
