// The scripted DNS server (RFC 1035; the OPT record of a query is ignored).
// SPDX-License-Identifier: Apache-2.0
#include "dns_server.h"

#include "loop/thread.h"

#include <arpa/inet.h>
#include <remora/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAMES = 256, ADDRESSES = 16, TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };

struct dns_address {
    bool is_v6;
    unsigned char bytes[16];
};

struct dns_name {
    char name[256];
    bool exists;
    char target[256]; // of an alias
    struct dns_address addresses[ADDRESSES];
    size_t n;
    uint32_t ttl_s;
    int queries;
};

struct rm_dns {
    struct rm_loop *loop;
    struct rm_thread *thread;
    struct rm_fd socket;
    char address[32];
    struct rm_lock lock; // what follows
    enum rm_dns_mood mood;
    struct dns_name names[NAMES];
    int queries;
};

static struct dns_name *dns_name(struct rm_dns *dns, const char *name)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (dns->names[i].name[0] == '\0')
            snprintf(dns->names[i].name, sizeof(dns->names[i].name), "%s", name);
        if (strcasecmp(dns->names[i].name, name) == 0)
            return &dns->names[i];
    }
    rm_panic(__FILE__, __LINE__, "too many names");
}

// ---- one answer ------------------------------------------------------------------------------------------------------------

struct packet {
    unsigned char b[4096];
    size_t n;
};

static void put(struct packet *packet, const void *bytes, size_t n)
{
    RM_ASSERT(packet->n + n <= sizeof(packet->b));
    memcpy(packet->b + packet->n, bytes, n);
    packet->n += n;
}

static void put_u16(struct packet *packet, unsigned value)
{
    unsigned char bytes[2] = {(unsigned char)(value >> 8), (unsigned char)value};
    put(packet, bytes, sizeof(bytes));
}

static size_t encode_name(const char *name, unsigned char out[256])
{
    size_t n = 0;
    while (*name) {
        size_t label = strcspn(name, ".");
        out[n++] = (unsigned char)label;
        memcpy(out + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    out[n++] = 0;
    return n;
}

static void put_record(struct packet *packet, const char *owner, unsigned type, uint32_t ttl_s, const void *data,
                       size_t n)
{
    unsigned char name[256];
    put(packet, name, encode_name(owner, name));
    put_u16(packet, type);
    put_u16(packet, 1);
    put_u16(packet, ttl_s >> 16);
    put_u16(packet, ttl_s & 0xffff);
    put_u16(packet, (unsigned)n);
    put(packet, data, n);
}

// The records for a name and type; follows aliases.
static unsigned put_answer(struct rm_dns *dns, struct packet *packet, const char *asked, unsigned type)
{
    unsigned records = 0;
    struct dns_name *name = dns_name(dns, asked);
    while (name->exists && name->target[0]) {
        unsigned char target[256];
        put_record(packet, name->name, TYPE_CNAME, name->ttl_s, target, encode_name(name->target, target));
        records++;
        name = dns_name(dns, name->target);
    }
    for (size_t i = 0; i < name->n && name->exists; i++) {
        if (name->addresses[i].is_v6 != (type == TYPE_AAAA) || (type != TYPE_A && type != TYPE_AAAA))
            continue;
        put_record(packet, name->name, type, name->ttl_s, name->addresses[i].bytes,
                   name->addresses[i].is_v6 ? 16u : 4u);
        records++;
    }
    return records;
}

static void dns_answer(struct rm_dns *dns, const unsigned char *query, size_t n, const struct sockaddr_in *from)
{
    char asked[256] = "";
    size_t at = 12, length = 0;
    while (at < n && query[at] != 0 && at + query[at] + 1 < n && length + query[at] + 2 < sizeof(asked)) {
        if (length > 0)
            asked[length++] = '.';
        memcpy(asked + length, query + at + 1, query[at]);
        length += query[at];
        at += query[at] + 1u;
    }
    if (n < 17 || at + 5 > n)
        return;
    unsigned type = (unsigned)(query[at + 1] << 8 | query[at + 2]);
    struct packet packet = {.n = 0};
    put(&packet, query, at + 5); // header and question
    rm_lock_take(&dns->lock);
    struct dns_name *name = dns_name(dns, asked);
    name->queries++;
    dns->queries++;
    bool silent = dns->mood == RM_DNS_SILENT;
    unsigned code = dns->mood == RM_DNS_SERVFAIL ? 2 : name->exists ? 0 : 3;
    unsigned records = code == 0 ? put_answer(dns, &packet, asked, type) : 0;
    rm_lock_give(&dns->lock);
    packet.b[2] = 0x84 | (query[2] & 0x01); // a response, authoritative, recursion as desired
    packet.b[3] = (unsigned char)(0x80 | code);
    memset(packet.b + 4, 0, 8);
    packet.b[5] = 1;
    packet.b[6] = (unsigned char)(records >> 8);
    packet.b[7] = (unsigned char)records;
    if (!silent)
        (void)!sendto(dns->socket.fd, packet.b, packet.n, 0, (const struct sockaddr *)from, sizeof(*from));
}

static void dns_on_query(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct rm_dns *dns = rm_container_of(watch, struct rm_dns, socket);
    unsigned char query[1500];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(watch->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (n > 0)
        dns_answer(dns, query, (size_t)n, &from);
}

// ---- the server ------------------------------------------------------------------------------------------------------------

static void dns_main(void *arg)
{
    rm_loop_run(((struct rm_dns *)arg)->loop);
}

struct rm_dns *rm_dns_start(void)
{
    struct rm_dns *dns = calloc(1, sizeof(*dns));
    RM_ASSERT(dns);
    rm_lock_init(&dns->lock);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    dns->socket = (struct rm_fd){
        .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .events = EPOLLIN, .on_event = dns_on_query};
    RM_ASSERT(dns->socket.fd >= 0);
    RM_ASSERT(bind(dns->socket.fd, (const struct sockaddr *)&address, size) == 0);
    RM_ASSERT(getsockname(dns->socket.fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(dns->address, sizeof(dns->address), "127.0.0.1:%u", ntohs(address.sin_port));
    RM_ASSERT(rm_loop_new(&dns->loop, NULL) == RM_OK);
    RM_ASSERT(rm_fd_add(dns->loop, &dns->socket, NULL) == RM_OK);
    RM_ASSERT(rm_thread_start(&dns->thread, "dns", dns_main, dns, NULL) == RM_OK);
    return dns;
}

void rm_dns_stop(struct rm_dns *dns)
{
    rm_loop_stop(dns->loop);
    rm_thread_join(dns->thread);
    rm_fd_del(&dns->socket);
    close(dns->socket.fd);
    rm_loop_free(dns->loop);
    rm_lock_fini(&dns->lock);
    free(dns);
}

const char *rm_dns_address(const struct rm_dns *dns)
{
    return dns->address;
}

void rm_dns_set(struct rm_dns *dns, const char *name, const char *addresses, uint32_t ttl_s)
{
    rm_lock_take(&dns->lock);
    struct dns_name *entry = dns_name(dns, name);
    entry->exists = addresses != NULL;
    entry->target[0] = '\0';
    entry->n = 0;
    entry->ttl_s = ttl_s;
    while (addresses && *addresses) {
        char text[INET6_ADDRSTRLEN];
        size_t n = strcspn(addresses, " ");
        RM_ASSERT(entry->n < ADDRESSES && n < sizeof(text));
        memcpy(text, addresses, n);
        text[n] = '\0';
        struct dns_address *address = &entry->addresses[entry->n++];
        address->is_v6 = strchr(text, ':') != NULL;
        RM_ASSERT(inet_pton(address->is_v6 ? AF_INET6 : AF_INET, text, address->bytes) == 1);
        addresses += n + strspn(addresses + n, " ");
    }
    rm_lock_give(&dns->lock);
}

void rm_dns_alias(struct rm_dns *dns, const char *name, const char *target, uint32_t ttl_s)
{
    rm_lock_take(&dns->lock);
    struct dns_name *entry = dns_name(dns, name);
    entry->exists = true;
    entry->n = 0;
    entry->ttl_s = ttl_s;
    snprintf(entry->target, sizeof(entry->target), "%s", target);
    rm_lock_give(&dns->lock);
}

void rm_dns_be(struct rm_dns *dns, enum rm_dns_mood mood)
{
    rm_lock_take(&dns->lock);
    dns->mood = mood;
    rm_lock_give(&dns->lock);
}

int rm_dns_queries(struct rm_dns *dns, const char *name)
{
    rm_lock_take(&dns->lock);
    int queries = name[0] ? dns_name(dns, name)->queries : dns->queries;
    rm_lock_give(&dns->lock);
    return queries;
}
