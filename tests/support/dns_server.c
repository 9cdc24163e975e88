// The scripted DNS server (RFC 1035, 2782, 6891).
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

enum {
    NAMES = 512,
    ADDRESSES = 16,
    CONNECTIONS = 16,
    UDP_BYTES = 512, // without EDNS
    ALIASES = 8,     // that are followed: a loop ends
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_OPT = 41,
};

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
    char *srv; // as rm_dns_srv() was told
    uint32_t ttl_s;
    int queries;
};

struct dns_connection {
    struct rm_fd watch;
    struct rm_dns *dns;
    unsigned char query[1500];
    size_t n;
};

struct rm_dns {
    struct rm_loop *loop;
    struct rm_thread *thread;
    struct rm_fd socket, listener;
    struct dns_connection connections[CONNECTIONS];
    char address[32];
    struct rm_lock lock; // what follows
    enum rm_dns_mood mood;
    bool additionals, aliases_last;
    uint32_t negative_ttl_s;
    rm_dns_mangle_fn *mangle;
    unsigned edns_bytes; // of the last query
    int tcp_queries;
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
    unsigned char b[65535];
    size_t n;
    size_t most;           // bytes that fit
    unsigned counts[3];    // answer, authority, additional
    unsigned section;      // that records go to
    bool is_full;          // a record did not fit: those after it are left out
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
    size_t length = encode_name(owner, name);
    if (packet->is_full || packet->n + length + 10 + n > packet->most) {
        packet->is_full = true;
        return;
    }
    put(packet, name, length);
    put_u16(packet, type);
    put_u16(packet, 1);
    put_u16(packet, ttl_s >> 16);
    put_u16(packet, ttl_s & 0xffff);
    put_u16(packet, (unsigned)n);
    put(packet, data, n);
    packet->counts[packet->section]++;
}

static void put_addresses(struct packet *packet, const struct dns_name *name, bool is_v6)
{
    for (size_t i = 0; i < name->n && name->exists; i++)
        if (name->addresses[i].is_v6 == is_v6)
            put_record(packet, name->name, is_v6 ? TYPE_AAAA : TYPE_A, name->ttl_s, name->addresses[i].bytes,
                       is_v6 ? 16u : 4u);
}

// One word of "10 20 8080 a.test, 10 0 8081 b.test".
static const char *srv_word(const char *text, char *out, size_t size)
{
    size_t n = strcspn(text, " ,");
    snprintf(out, size, "%.*s", (int)n, text);
    return text + n + (text[n] == ' ');
}

// The records of a name; with `additionals`, only what belongs into that section.
static void put_srv(struct rm_dns *dns, struct packet *packet, const struct dns_name *name, bool additionals)
{
    for (const char *text = name->srv; text && *text;) {
        unsigned char data[262];
        char word[256];
        for (size_t i = 0; i < 3; i++) {
            text = srv_word(text, word, sizeof(word));
            unsigned long number = strtoul(word, NULL, 10);
            data[2 * i] = (unsigned char)(number >> 8);
            data[2 * i + 1] = (unsigned char)number;
        }
        text = srv_word(text, word, sizeof(word));
        text += strspn(text, " ,");
        if (additionals) {
            put_addresses(packet, dns_name(dns, word), false);
            put_addresses(packet, dns_name(dns, word), true);
        } else {
            put_record(packet, name->name, TYPE_SRV, name->ttl_s, data, 6 + encode_name(strcmp(word, ".") ? word : "", data + 6));
        }
    }
}

static void put_records(struct rm_dns *dns, struct packet *packet, const struct dns_name *name, unsigned type)
{
    if (type == TYPE_A || type == TYPE_AAAA)
        put_addresses(packet, name, type == TYPE_AAAA);
    else if (type == TYPE_SRV && name->exists)
        put_srv(dns, packet, name, false);
}

// The records for a name and type; follows aliases.
static void put_answer(struct rm_dns *dns, struct packet *packet, const char *asked, unsigned type)
{
    const struct dns_name *chain[ALIASES + 1] = {dns_name(dns, asked)};
    size_t n = 0;
    while (n < ALIASES && chain[n]->exists && chain[n]->target[0]) {
        chain[n + 1] = dns_name(dns, chain[n]->target);
        n++;
    }
    if (dns->aliases_last)
        put_records(dns, packet, chain[n], type);
    for (size_t i = 0; i < n; i++) {
        unsigned char target[256];
        put_record(packet, chain[i]->name, TYPE_CNAME, chain[i]->ttl_s, target, encode_name(chain[i]->target, target));
    }
    if (!dns->aliases_last)
        put_records(dns, packet, chain[n], type);
    if (packet->counts[0] == 0 && dns->negative_ttl_s > 0) {
        unsigned char soa[22] = {0}; // both names are the root
        for (size_t i = 0; i < 4; i++)
            soa[18 + i] = (unsigned char)(dns->negative_ttl_s >> (24 - 8 * i));
        packet->section = 1;
        put_record(packet, asked, TYPE_SOA, dns->negative_ttl_s, soa, sizeof(soa));
    }
    packet->section = 2;
    if (type == TYPE_SRV && dns->additionals && chain[n]->exists) {
        bool was_full = packet->is_full; // additionals may be missing without being missed
        put_srv(dns, packet, chain[n], true);
        packet->is_full = was_full;
    }
}

// How large a UDP answer may be: the OPT record of the query, which stands last.
static unsigned query_edns(const unsigned char *query, size_t n, size_t question_end)
{
    bool has_opt = query[11] == 1 && n >= question_end + 11 && query[question_end] == 0 &&
                   query[question_end + 2] == TYPE_OPT;
    return has_opt ? (unsigned)(query[question_end + 3] << 8 | query[question_end + 4]) : 0;
}

// The answer to a query; nothing (n 0) where the script says so.
static void dns_answer(struct rm_dns *dns, const unsigned char *query, size_t n, bool tcp, struct packet *packet)
{
    char asked[256] = "";
    size_t at = 12, length = 0;
    packet->n = 0;
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
    *packet = (struct packet){.most = sizeof(packet->b)};
    put(packet, query, at + 5); // header and question
    rm_lock_take(&dns->lock);
    struct dns_name *name = dns_name(dns, asked);
    name->queries++;
    dns->queries++;
    dns->tcp_queries += tcp;
    dns->edns_bytes = query_edns(query, n, at + 5);
    if (!tcp)
        packet->most = dns->edns_bytes > UDP_BYTES ? dns->edns_bytes : UDP_BYTES;
    static const unsigned codes[] = {[RM_DNS_SERVFAIL] = 2, [RM_DNS_REFUSED] = 5};
    enum rm_dns_mood mood = dns->mood;
    rm_dns_mangle_fn *mangle = dns->mangle;
    unsigned code = mood < RM_COUNT(codes) && codes[mood] ? codes[mood] : name->exists ? 0 : 3;
    if (code == 0 || code == 3)
        put_answer(dns, packet, asked, type);
    rm_lock_give(&dns->lock);
    bool truncated = packet->is_full;
    packet->b[2] = (unsigned char)(0x84 | (truncated ? 0x02 : 0) | (query[2] & 0x01)); // a response, authoritative
    packet->b[3] = (unsigned char)(0x80 | code);
    memset(packet->b + 4, 0, 8);
    packet->b[5] = 1;
    for (size_t i = 0; i < 3; i++) {
        packet->b[6 + 2 * i] = (unsigned char)(packet->counts[i] >> 8);
        packet->b[7 + 2 * i] = (unsigned char)packet->counts[i];
    }
    if (mood == RM_DNS_SILENT || (mood == RM_DNS_NO_TCP && tcp))
        packet->n = 0;
    if (mangle && packet->n > 0)
        packet->n = mangle(packet->b, packet->n, type, tcp);
}

static void dns_on_query(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    static _Thread_local struct packet packet;
    struct rm_dns *dns = rm_container_of(watch, struct rm_dns, socket);
    unsigned char query[1500];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(watch->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (n <= 0)
        return;
    dns_answer(dns, query, (size_t)n, false, &packet);
    if (packet.n > 0)
        (void)!sendto(watch->fd, packet.b, packet.n, 0, (const struct sockaddr *)&from, sizeof(from));
}

// ---- TCP -------------------------------------------------------------------------------------------------------------------

static void connection_close(struct dns_connection *connection)
{
    if (!connection->dns)
        return;
    rm_fd_del(&connection->watch);
    close(connection->watch.fd);
    connection->dns = NULL;
}

static void connection_on_event(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    static _Thread_local struct packet packet;
    struct dns_connection *connection = rm_container_of(watch, struct dns_connection, watch);
    ssize_t n = recv(watch->fd, connection->query + connection->n, sizeof(connection->query) - connection->n, MSG_DONTWAIT);
    if (n <= 0) {
        connection_close(connection);
        return;
    }
    connection->n += (size_t)n;
    for (;;) {
        size_t length = connection->n < 2 ? SIZE_MAX : (size_t)(connection->query[0] << 8 | connection->query[1]);
        if (connection->n < 2 || connection->n - 2 < length)
            return;
        dns_answer(connection->dns, connection->query + 2, length, true, &packet);
        connection->n -= 2 + length;
        memmove(connection->query, connection->query + 2 + length, connection->n);
        unsigned char prefix[2] = {(unsigned char)(packet.n >> 8), (unsigned char)packet.n};
        if (packet.n > 0 && (send(watch->fd, prefix, 2, MSG_NOSIGNAL | MSG_MORE) != 2 ||
                             send(watch->fd, packet.b, packet.n, MSG_NOSIGNAL) != (ssize_t)packet.n)) {
            connection_close(connection);
            return;
        }
    }
}

static void dns_on_connection(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct rm_dns *dns = rm_container_of(watch, struct rm_dns, listener);
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < CONNECTIONS; i++) {
        struct dns_connection *connection = &dns->connections[i];
        if (connection->dns)
            continue;
        *connection = (struct dns_connection){
            .watch = {.fd = fd, .events = EPOLLIN, .on_event = connection_on_event}, .dns = dns};
        RM_ASSERT(rm_fd_add(dns->loop, &connection->watch, NULL) == RM_OK);
        return;
    }
    if (fd >= 0)
        close(fd);
}

// ---- the server ------------------------------------------------------------------------------------------------------------

static void dns_main(void *arg)
{
    rm_loop_run(((struct rm_dns *)arg)->loop);
}

// UDP and TCP at one port; false: the port is taken for TCP.
static bool dns_bind(struct rm_dns *dns)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    dns->socket = (struct rm_fd){
        .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .events = EPOLLIN, .on_event = dns_on_query};
    dns->listener = (struct rm_fd){
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = EPOLLIN, .on_event = dns_on_connection};
    RM_ASSERT(dns->socket.fd >= 0 && dns->listener.fd >= 0);
    RM_ASSERT(bind(dns->socket.fd, (const struct sockaddr *)&address, size) == 0);
    RM_ASSERT(getsockname(dns->socket.fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(dns->address, sizeof(dns->address), "127.0.0.1:%u", ntohs(address.sin_port));
    if (bind(dns->listener.fd, (const struct sockaddr *)&address, size) == 0 && listen(dns->listener.fd, CONNECTIONS) == 0)
        return true;
    close(dns->socket.fd);
    close(dns->listener.fd);
    return false;
}

struct rm_dns *rm_dns_start(void)
{
    struct rm_dns *dns = calloc(1, sizeof(*dns));
    RM_ASSERT(dns);
    rm_lock_init(&dns->lock);
    while (!dns_bind(dns)) {
    }
    RM_ASSERT(rm_loop_new(&dns->loop, NULL) == RM_OK);
    RM_ASSERT(rm_fd_add(dns->loop, &dns->socket, NULL) == RM_OK);
    RM_ASSERT(rm_fd_add(dns->loop, &dns->listener, NULL) == RM_OK);
    RM_ASSERT(rm_thread_start(&dns->thread, "dns", dns_main, dns, NULL) == RM_OK);
    return dns;
}

void rm_dns_stop(struct rm_dns *dns)
{
    rm_loop_stop(dns->loop);
    rm_thread_join(dns->thread);
    for (size_t i = 0; i < CONNECTIONS; i++)
        connection_close(&dns->connections[i]);
    rm_fd_del(&dns->socket);
    rm_fd_del(&dns->listener);
    close(dns->socket.fd);
    close(dns->listener.fd);
    rm_loop_free(dns->loop);
    rm_lock_fini(&dns->lock);
    for (size_t i = 0; i < NAMES; i++)
        free(dns->names[i].srv);
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

void rm_dns_srv(struct rm_dns *dns, const char *name, const char *records, uint32_t ttl_s)
{
    rm_lock_take(&dns->lock);
    struct dns_name *entry = dns_name(dns, name);
    free(entry->srv);
    entry->srv = records ? strdup(records) : NULL;
    entry->exists = records != NULL;
    entry->target[0] = '\0';
    entry->ttl_s = ttl_s;
    rm_lock_give(&dns->lock);
}

void rm_dns_additionals(struct rm_dns *dns, bool give)
{
    rm_lock_take(&dns->lock);
    dns->additionals = give;
    rm_lock_give(&dns->lock);
}

void rm_dns_aliases_last(struct rm_dns *dns, bool last)
{
    rm_lock_take(&dns->lock);
    dns->aliases_last = last;
    rm_lock_give(&dns->lock);
}

void rm_dns_negative(struct rm_dns *dns, uint32_t ttl_s)
{
    rm_lock_take(&dns->lock);
    dns->negative_ttl_s = ttl_s;
    rm_lock_give(&dns->lock);
}

void rm_dns_mangle(struct rm_dns *dns, rm_dns_mangle_fn *mangle)
{
    rm_lock_take(&dns->lock);
    dns->mangle = mangle;
    rm_lock_give(&dns->lock);
}

unsigned rm_dns_edns_bytes(struct rm_dns *dns)
{
    rm_lock_take(&dns->lock);
    unsigned bytes = dns->edns_bytes;
    rm_lock_give(&dns->lock);
    return bytes;
}

int rm_dns_tcp_queries(struct rm_dns *dns)
{
    rm_lock_take(&dns->lock);
    int queries = dns->tcp_queries;
    rm_lock_give(&dns->lock);
    return queries;
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
