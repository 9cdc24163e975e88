// An SRV answer taken apart: what is used, what is left out, and what is no answer. Messages are put together byte by byte.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sd/dns_answer.h"

#include <stdio.h>
#include <stdlib.h>

enum { A = 1, CNAME = 5, SOA = 6, AAAA = 28, SRV = 33 };

static struct rm_arena arena;
static struct rm_dns_answer answer;
static struct rm_err err;

static unsigned char message[65535];
static size_t length, section;

static void put(const void *bytes, size_t n)
{
    memcpy(message + length, bytes, n);
    length += n;
}

static void put_u16(unsigned value)
{
    message[length++] = (unsigned char)(value >> 8);
    message[length++] = (unsigned char)value;
}

// "a.b" in labels; "@12" is a pointer to that place.
static void put_name(const char *name)
{
    while (*name && *name != '@') {
        size_t label = strcspn(name, ".@");
        message[length++] = (unsigned char)label;
        put(name, label);
        name += label + (name[label] == '.');
    }
    if (*name == '@')
        put_u16(0xc000u | (unsigned)strtoul(name + 1, NULL, 10));
    else
        message[length++] = 0;
}

static void begin(unsigned flags, const char *question, unsigned type)
{
    memset(message, 0, 12);
    length = 2;
    section = 0;
    put_u16(flags);
    put_u16(1);
    length = 12;
    put_name(question);
    put_u16(type);
    put_u16(1);
}

// Returns where its data begins; the data's length is filled in by end_record().
static size_t begin_record(const char *owner, unsigned type, uint32_t ttl_s)
{
    unsigned count = message[7 + 2 * section] + 1u;
    message[7 + 2 * section] = (unsigned char)count;
    put_name(owner);
    put_u16(type);
    put_u16(1);
    put_u16(ttl_s >> 16);
    put_u16(ttl_s & 0xffff);
    put_u16(0);
    return length;
}

static void end_record(size_t data)
{
    message[data - 2] = (unsigned char)((length - data) >> 8);
    message[data - 1] = (unsigned char)(length - data);
}

static void put_srv(const char *owner, uint32_t ttl_s, unsigned priority, unsigned weight, unsigned port, const char *target)
{
    size_t data = begin_record(owner, SRV, ttl_s);
    put_u16(priority);
    put_u16(weight);
    put_u16(port);
    put_name(target);
    end_record(data);
}

static void put_data(const char *owner, unsigned type, uint32_t ttl_s, const void *bytes, size_t n)
{
    size_t data = begin_record(owner, type, ttl_s);
    put(bytes, n);
    end_record(data);
}

static void put_alias(const char *owner, uint32_t ttl_s, const char *target)
{
    size_t data = begin_record(owner, CNAME, ttl_s);
    put_name(target);
    end_record(data);
}

static int parse(void)
{
    // On the heap and exactly as long: the sanitizers see a read behind it.
    char *copy = rm_arena_alloc(&arena, length + 1);
    memcpy(copy, message, length);
    return rm_dns_answer_parse(&arena, (struct rm_str){copy, length}, RM_STR("_http._tcp.shop.test"), &answer, &err);
}

// "priority weight port target, …"
static const char *srv_text(void)
{
    static char text[1024];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < answer.n_srv; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u %u %u %.*s", i ? ", " : "", answer.srv[i].priority,
                              answer.srv[i].weight, answer.srv[i].port, (int)answer.srv[i].target.n,
                              answer.srv[i].target.p);
    return text;
}

#define NAME "_http._tcp.shop.test"

static int setup(void **state)
{
    (void)state;
    rm_arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_arena_fini(&arena);
    return 0;
}

static void records_are_sorted(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 30, 20, 0, 9000, "c.test");
    put_srv("@12", 20, 10, 2, 8081, "B.Test");
    put_srv("@12", 40, 10, 1, 8080, "a@23"); // compressed: RFC 2782 forbids it, servers do it
    assert_int_equal(parse(), RM_OK);
    assert_string_equal(srv_text(), "10 1 8080 a.shop.test, 10 2 8081 b.test, 20 0 9000 c.test");
    assert_int_equal(answer.records, 3);
    assert_int_equal(answer.ttl_s, 20);
    assert_true(answer.has_ttl);
    assert_false(answer.is_unavailable);
}

static void additionals(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 30, 0, 0, 80, "a.test");
    section = 2;
    put_data("b.test", A, 5, "\1\2\3\4", 4);
    put_data("A.test", AAAA, 6, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    put_data("a.test", A, 7, "\1\2\3\5", 4);
    put_data("a.test", A, 7, "\1\2\3", 3); // no address
    put_data("", 41, 0, "", 0);            // OPT
    assert_int_equal(parse(), RM_OK);
    assert_int_equal(answer.n_addresses, 3);
    static const char *const texts[] = {"1.2.3.5", "fd00::1", "1.2.3.4"};
    for (size_t i = 0; i < 3; i++)
        assert_true(rm_str_eq(answer.addresses[i].text, rm_str_of(texts[i])));
    assert_true(answer.addresses[1].is_v6);
    assert_int_equal(answer.addresses[1].ttl_s, 6);
    assert_true(rm_str_eq(answer.addresses[1].name, RM_STR("a.test")));
}

static void what_cannot_be_called_is_left_out(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 30, 0, 1, 80, "a b.test");
    put_srv("@12", 30, 0, 2, 0, "a.test");
    put_srv("@12", 30, 0, 3, 80, "");
    put_srv("other.test", 1, 0, 4, 80, "a.test"); // not asked for
    put_srv("@12", 30, 0, 5, 80, "a.test");
    put_data("@12", SRV, 30, "\0\0\0\0\0", 5);
    put_data("@12", A, 1, "\1\2\3\4", 4);
    assert_int_equal(parse(), RM_OK);
    assert_string_equal(srv_text(), "0 5 80 a.test");
    assert_int_equal(answer.records, 5);
    assert_int_equal(answer.ttl_s, 30);
    assert_false(answer.is_unavailable);
}

static void a_service_that_says_no(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 30, 0, 0, 0, "");
    assert_int_equal(parse(), RM_OK);
    assert_true(answer.is_unavailable);
    assert_int_equal(answer.n_srv, 0);
    assert_int_equal(answer.records, 1);
}

static void aliases_in_any_order(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("end.test", 30, 0, 0, 80, "a.test");
    put_alias("Middle.test", 9, "END.test");
    put_alias("@12", 20, "middle.test");
    assert_int_equal(parse(), RM_OK);
    assert_string_equal(srv_text(), "0 0 80 a.test");
    assert_int_equal(answer.ttl_s, 9); // the shortest of the chain
    begin(0x8400, NAME, SRV);
    put_alias("@12", 20, "middle.test");
    put_alias("middle.test", 20, NAME);
    assert_int_equal(parse(), RM_EPROTO);
}

static void nothing(void **state)
{
    (void)state;
    unsigned char soa[22] = {0};
    begin(0x8403, NAME, SRV);
    assert_int_equal(parse(), RM_OK);
    assert_int_equal(answer.rcode, 3);
    assert_int_equal(answer.records, 0);
    assert_false(answer.has_ttl);
    section = 1;
    soa[21] = 7;
    put_data("test", SOA, 9, soa, sizeof(soa));
    assert_int_equal(parse(), RM_OK);
    assert_true(answer.has_ttl);
    assert_int_equal(answer.ttl_s, 7); // RFC 2308 5: the smaller one
    begin(0x8400, NAME, SRV);
    section = 1;
    put_data("test", SOA, 3, soa, sizeof(soa));
    assert_int_equal(parse(), RM_OK);
    assert_int_equal(answer.ttl_s, 3);
}

static void a_ttl_that_is_negative_is_none(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 0x80000000, 0, 0, 80, "a.test");
    assert_int_equal(parse(), RM_OK);
    assert_int_equal(answer.ttl_s, 0); // RFC 2181 8
}

static void no_answer_to_this(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        const char *name;
        unsigned type;
    } cases[] = {
        {0x0400, NAME, SRV},          // a query
        {0xa400, NAME, SRV},          // another opcode
        {0x8600, NAME, SRV},          // truncated
        {0x8400, "other.test", SRV},  // another name
        {0x8400, NAME, A},            // another type
        {0x8400, NAME ".", SRV},      // control: see below
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        begin(cases[i].flags, cases[i].name, cases[i].type);
        assert_int_equal(parse(), i + 1 < RM_COUNT(cases) ? RM_EPROTO : RM_OK);
    }
    begin(0x8400, NAME, SRV);
    message[5] = 2; // questions
    assert_int_equal(parse(), RM_EPROTO);
}

// Whatever is cut off: an error, or fewer records than claimed is never taken for all.
static void every_cut(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 30, 0, 0, 80, "a.test");
    put_alias("x.test", 3, "y@12");
    section = 2;
    put_data("a.test", A, 7, "\1\2\3\5", 4);
    size_t whole = length;
    for (length = 0; length < whole; length++)
        assert_int_equal(parse(), RM_EPROTO);
    assert_int_equal(parse(), RM_OK);
}

static void names_that_never_end(void **state)
{
    (void)state;
    char around[8];
    begin(0x8400, NAME, SRV);
    snprintf(around, sizeof(around), "@%zu", length);
    put_srv(around, 30, 0, 0, 80, "a.test"); // points at itself
    assert_int_equal(parse(), RM_EPROTO);
    begin(0x8400, NAME, SRV);
    put_srv("@500", 30, 0, 0, 80, "a.test"); // points ahead
    assert_int_equal(parse(), RM_EPROTO);
    begin(0x8400, NAME, SRV);
    size_t data = begin_record("@12", SRV, 30);
    put("\0\0\0\0\0\x50", 6);
    for (size_t i = 0; i < 5; i++) // 5 labels of 63 bytes
        put("\x3f" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64);
    put("", 1);
    end_record(data);
    assert_int_equal(parse(), RM_OK);
    assert_int_equal(answer.n_srv, 0);
    assert_int_equal(answer.records, 1);
    begin(0x8400, NAME, SRV);
    put("\x40", 1); // a kind of label that does not exist
    message[7] = 1;
    assert_int_equal(parse(), RM_EPROTO);
}

static void more_claimed_than_there_is(void **state)
{
    (void)state;
    begin(0x8400, NAME, SRV);
    put_srv("@12", 30, 0, 0, 80, "a.test");
    for (size_t i = 6; i < 12; i++)
        message[i] = 0xff;
    assert_int_equal(parse(), RM_EPROTO);
    assert_true(arena.bytes < 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_are_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(additionals, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_called_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_service_that_says_no, setup, teardown),
        cmocka_unit_test_setup_teardown(aliases_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ttl_that_is_negative_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(no_answer_to_this, setup, teardown),
        cmocka_unit_test_setup_teardown(every_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_never_end, setup, teardown),
        cmocka_unit_test_setup_teardown(more_claimed_than_there_is, setup, teardown),
    };
    return cmocka_run_group_tests_name("dns_answer", tests, NULL, NULL);
}
