// The walk through an answer. A record that is whole but of no use is left out; a message that is not whole is no answer.
// SPDX-License-Identifier: Apache-2.0
#include "sd/dns_answer.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum {
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    CLASS_IN = 1,
    ALIASES_MAX = 16, // of one chain: more are a loop, or a joke
};

struct reader {
    const unsigned char *p;
    size_t n, at;
    bool failed; // a read went past the end, or a name is none
};

// A name as text in lower case; n 0 is the root. `is_host` is false where it has characters that no host name has.
struct name {
    char text[RM_DNS_NAME_MAX + 1];
    size_t n;
    bool is_host;
};

struct record {
    struct name owner;
    unsigned type, class;
    uint32_t ttl_s;
    size_t at, n; // of its data
};

struct alias {
    struct rm_str from, to;
    uint32_t ttl_s;
};

// What was found of interest, before it is known which of it belongs to the name.
struct found {
    struct rm_arena *arena;
    struct alias *aliases;
    size_t n_aliases;
    struct srv {
        struct rm_str owner;
        uint32_t ttl_s;
        bool is_usable, is_root;
        struct rm_dns_srv data;
    } *srv;
    size_t n_srv;
    struct rm_dns_address *addresses;
    size_t n_addresses;
};

// ---- bytes ---------------------------------------------------------------------------------------------------------------

static unsigned read_u8(struct reader *r)
{
    if (r->at >= r->n) {
        r->failed = true;
        return 0;
    }
    return r->p[r->at++];
}

static unsigned read_u16(struct reader *r)
{
    unsigned high = read_u8(r);
    return high << 8 | read_u8(r);
}

static uint32_t read_u32(struct reader *r)
{
    uint32_t high = read_u16(r);
    return high << 16 | read_u16(r);
}

static void skip(struct reader *r, size_t n)
{
    if (n > r->n - r->at)
        r->failed = true;
    else
        r->at += n;
}

static bool is_host_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// RFC 1035 4.1.4. A pointer must lead to what stands before the name so far, so that there is an end.
static void read_name(struct reader *r, struct name *name)
{
    size_t at = r->at, before = r->at, end = 0; // end: where reading goes on, once a pointer was followed
    name->n = 0;
    name->is_host = true;
    for (;;) {
        unsigned length = at < r->n ? r->p[at] : 0x80; // 0x80: no kind of label there is
        if (length >= 0xc0) {
            size_t to = at + 1 < r->n ? (size_t)(length & 0x3f) << 8 | r->p[at + 1] : before;
            if (to >= before)
                break;
            end = end ? end : at + 2;
            at = before = to;
            continue;
        }
        if (length == 0) {
            r->at = end ? end : at + 1;
            return;
        }
        if (length > 0x3f || length > r->n - at - 1 || name->n + (name->n > 0) + length > RM_DNS_NAME_MAX)
            break;
        if (name->n > 0)
            name->text[name->n++] = '.';
        for (size_t i = 1; i <= length; i++) {
            unsigned char c = r->p[at + i];
            c = c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
            name->is_host &= is_host_char(c);
            name->text[name->n++] = (char)c;
        }
        at += 1 + length;
    }
    r->failed = true;
    name->n = 0;
}

static struct rm_str name_str(const struct name *name)
{
    return (struct rm_str){name->text, name->n};
}

// The reader stands behind its data afterwards.
static void read_record(struct reader *r, struct record *record)
{
    read_name(r, &record->owner);
    record->type = read_u16(r);
    record->class = read_u16(r);
    record->ttl_s = read_u32(r);
    if (record->ttl_s > INT32_MAX) // RFC 2181 8
        record->ttl_s = 0;
    record->n = read_u16(r);
    record->at = r->at;
    skip(r, record->n);
}

// ---- records -------------------------------------------------------------------------------------------------------------

// A reader of the record's data, which may point into the message before it but ends with the data.
static struct reader data_of(const struct reader *r, const struct record *record)
{
    return (struct reader){.p = r->p, .n = record->at + record->n, .at = record->at};
}

static void take_alias(struct found *found, const struct reader *r, const struct record *record)
{
    struct reader data = data_of(r, record);
    struct name to;
    read_name(&data, &to);
    if (data.failed || to.n == 0 || !to.is_host)
        return;
    found->aliases[found->n_aliases++] = (struct alias){rm_arena_dup(found->arena, name_str(&record->owner)),
                                                        rm_arena_dup(found->arena, name_str(&to)), record->ttl_s};
}

static void take_srv(struct found *found, const struct reader *r, const struct record *record)
{
    struct reader data = data_of(r, record);
    struct srv *srv = &found->srv[found->n_srv++];
    struct name target;
    srv->owner = rm_arena_dup(found->arena, name_str(&record->owner));
    srv->ttl_s = record->ttl_s;
    srv->data.priority = (uint16_t)read_u16(&data);
    srv->data.weight = (uint16_t)read_u16(&data);
    srv->data.port = (uint16_t)read_u16(&data);
    read_name(&data, &target);
    srv->is_root = !data.failed && target.n == 0;
    srv->is_usable = !data.failed && target.n > 0 && target.is_host && srv->data.port > 0;
    srv->data.target = rm_arena_dup(found->arena, name_str(&target));
}

static void take_address(struct found *found, const struct reader *r, const struct record *record)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v6 = record->type == TYPE_AAAA;
    if (record->n != (is_v6 ? 16 : 4) || record->owner.n == 0 ||
        !inet_ntop(is_v6 ? AF_INET6 : AF_INET, r->p + record->at, text, sizeof(text)))
        return;
    found->addresses[found->n_addresses++] = (struct rm_dns_address){
        .name = rm_arena_dup(found->arena, name_str(&record->owner)),
        .text = rm_arena_dup(found->arena, rm_str_of(text)),
        .is_v6 = is_v6,
        .ttl_s = record->ttl_s,
    };
}

static void take_record(struct found *found, const struct reader *r, const struct record *record, bool is_answer)
{
    if (record->class != CLASS_IN || !record->owner.is_host)
        return;
    if (is_answer && record->type == TYPE_CNAME)
        take_alias(found, r, record);
    else if (is_answer && record->type == TYPE_SRV)
        take_srv(found, r, record);
    else if (!is_answer && (record->type == TYPE_A || record->type == TYPE_AAAA))
        take_address(found, r, record);
}

// How long it may be believed that there is nothing (RFC 2308 5).
static void take_authority(struct rm_dns_answer *out, const struct reader *r, const struct record *record)
{
    struct reader data = data_of(r, record);
    struct name name;
    if (record->class != CLASS_IN || record->type != TYPE_SOA)
        return;
    read_name(&data, &name);
    read_name(&data, &name);
    skip(&data, 16); // serial, refresh, retry, expire
    uint32_t minimum_s = read_u32(&data);
    if (data.failed)
        return;
    out->ttl_s = minimum_s < record->ttl_s ? minimum_s : record->ttl_s;
    out->has_ttl = true;
}

// ---- order ---------------------------------------------------------------------------------------------------------------

static int srv_order(const void *a, const void *b)
{
    const struct rm_dns_srv *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    int target = rm_str_cmp(x->target, y->target);
    if (target != 0)
        return target;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    return x->weight < y->weight ? -1 : x->weight > y->weight;
}

static int address_order(const void *a, const void *b)
{
    const struct rm_dns_address *x = a, *y = b;
    int name = rm_str_cmp(x->name, y->name);
    if (name != 0)
        return name;
    if (x->is_v6 != y->is_v6)
        return x->is_v6 ? 1 : -1;
    return rm_str_cmp(x->text, y->text);
}

// ---- the answer ----------------------------------------------------------------------------------------------------------

// The name at the end of the aliases, whatever order they stand in; empty: they go round in circles.
static struct rm_str follow(const struct found *found, struct rm_str name, uint32_t *ttl_s)
{
    for (unsigned steps = 0; steps <= ALIASES_MAX; steps++) {
        const struct alias *next = NULL;
        for (size_t i = 0; i < found->n_aliases && !next; i++)
            if (rm_str_eq_nocase(found->aliases[i].from, name))
                next = &found->aliases[i];
        if (!next)
            return name;
        if (next->ttl_s < *ttl_s)
            *ttl_s = next->ttl_s;
        name = next->to;
    }
    return (struct rm_str){0};
}

static void keep_records(const struct found *found, struct rm_str owner, uint32_t ttl_s, struct rm_dns_answer *out)
{
    struct rm_dns_srv *list = RM_NEW_ARRAY(found->arena, struct rm_dns_srv, found->n_srv);
    for (size_t i = 0; i < found->n_srv; i++) {
        const struct srv *srv = &found->srv[i];
        if (!rm_str_eq_nocase(srv->owner, owner))
            continue;
        out->is_unavailable = srv->is_root && out->records == 0;
        out->records++;
        ttl_s = srv->ttl_s < ttl_s ? srv->ttl_s : ttl_s;
        if (srv->is_usable)
            list[out->n_srv++] = srv->data;
    }
    if (out->n_srv > 1)
        qsort(list, out->n_srv, sizeof(*list), srv_order);
    if (found->n_addresses > 1)
        qsort(found->addresses, found->n_addresses, sizeof(*found->addresses), address_order);
    out->srv = list;
    out->addresses = found->addresses;
    out->n_addresses = found->n_addresses;
    if (out->records > 0) {
        out->ttl_s = ttl_s;
        out->has_ttl = true;
    }
}

int rm_dns_answer_parse(struct rm_arena *arena, struct rm_str message, struct rm_str name, struct rm_dns_answer *out,
                        struct rm_err *err)
{
    struct reader r = {.p = (const unsigned char *)message.p, .n = message.n};
    struct record record;
    *out = (struct rm_dns_answer){0};
    skip(&r, 2); // its id
    unsigned flags = read_u16(&r), questions = read_u16(&r);
    size_t counts[3]; // answer, authority, additional
    for (size_t i = 0; i < RM_COUNT(counts); i++)
        counts[i] = read_u16(&r);
    out->rcode = flags & 0xf;
    if (r.failed || !(flags & 0x8000) || (flags & 0x7800) || questions != 1)
        return rm_fail(err, RM_EPROTO, "no answer of a DNS server");
    if (flags & 0x0200)
        return rm_fail(err, RM_EPROTO, "a truncated answer");
    read_name(&r, &record.owner);
    unsigned type = read_u16(&r), class = read_u16(&r);
    if (r.failed || type != TYPE_SRV || class != CLASS_IN || !rm_str_eq_nocase(name_str(&record.owner), name))
        return rm_fail(err, RM_EPROTO, "an answer to another question");

    // Room for as many records as the message can hold, whatever it claims: one takes 11 bytes at the least.
    size_t most = counts[0] + counts[2] < message.n / 11 ? counts[0] + counts[2] : message.n / 11;
    struct found found = {.arena = arena,
                          .aliases = RM_NEW_ARRAY(arena, struct alias, most),
                          .srv = RM_NEW_ARRAY(arena, struct srv, most),
                          .addresses = RM_NEW_ARRAY(arena, struct rm_dns_address, most)};
    for (size_t section = 0; section < RM_COUNT(counts); section++) {
        for (size_t i = 0; i < counts[section]; i++) {
            read_record(&r, &record);
            if (r.failed)
                return rm_fail(err, RM_EPROTO, "an answer that is cut off or garbled");
            if (section == 1)
                take_authority(out, &r, &record);
            else
                take_record(&found, &r, &record, section == 0);
        }
    }
    uint32_t ttl_s = INT32_MAX;
    struct rm_str owner = follow(&found, name, &ttl_s);
    if (owner.n == 0)
        return rm_fail(err, RM_EPROTO, "aliases that go round in circles");
    keep_records(&found, owner, ttl_s, out);
    return RM_OK;
}
