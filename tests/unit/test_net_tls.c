// TLS towards backends: whom the engine trusts, what it says when it does not, client certificates, and that all of plain HTTP works
// the same. Certificates are made here.
// SPDX-License-Identifier: Apache-2.0
#include "certs.h"
#include "net_rig.h"

#include "base/clock.h"
#include "net/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "backend.example"
#define SEND(text)                                                                                                     \
    {                                                                                                                  \
        BACKEND_SEND, text, sizeof(text) - 1                                                                           \
    }
#define OK "HTTP/1.1 200 OK\r\n"

static struct rig rig;
static struct cert *ca, *other_ca, *good;
static struct rm_str files[4];

static const struct backend_step answers_hello[] = {
    {BACKEND_REQUEST, 0, 0}, SEND(OK "Content-Length: 5\r\n\r\nhello"), {BACKEND_AGAIN, 0, 0}};

static int set_up_all(void **state)
{
    (void)state;
    certs_begin();
    ca = cert_new(NULL, "the authority", true, 30);
    other_ca = cert_new(NULL, "another authority", true, 30);
    good = cert_new(ca, NAME, false, 30);
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    certs_end();
    return 0;
}

// A rig whose backend has this certificate and whose engine trusts `ca` alone.
static void begin(const struct backend_tls *tls)
{
    rig_set_up(&rig, tls);
    files[0] = rm_str_of(cert_file(ca));
    rig.conf.tls_ca_files = files;
    rig.conf.n_tls_ca_files = 1;
    rig.conf.tls_no_system_ca = true;
    backend_script(&rig.backend, answers_hello);
}

static int tear_down(void **state)
{
    (void)state;
    rig_tear_down(&rig);
    return 0;
}

static void expect_tls_failure(const char *text)
{
    struct rig_call *call = rig_get(&rig, "/");
    if (call->code != RM_ETLS || strcmp(call->err.text, text) != 0)
        fail_msg("%s (%s) instead of %s", rm_code_name(call->code), call->err.text, text);
    assert_false(call->x->sent);
}

static void a_private_authority(void **state)
{
    (void)state;
    begin(certs_tls(good, NULL, 0));
    rig_open(&rig);
    for (int i = 0; i < 5; i++) {
        struct rig_call *call = rig_get(&rig, "/x");
        assert_int_equal(call->code, RM_OK);
        assert_string_equal(rig_body(call), "hello");
    }
    assert_int_equal(rig.backend.accepted, 1);
    assert_string_equal(certs_sni(), NAME);
    assert_string_equal(certs_alpn(), "http/1.1");
    char host[64];
    (void)snprintf(host, sizeof(host), NAME ":%u", rig.backend.port);
    assert_string_equal(backend_field(&rig.backend, "host"), host);
}

static void both_versions(void **state)
{
    (void)state;
    for (int version = 12; version <= 13; version++) {
        begin(certs_tls(good, NULL, version));
        rig_open(&rig);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        if (version == 12)
            rig_tear_down(&rig);
    }
}

static void a_name_that_is_an_address(void **state)
{
    (void)state;
    begin(certs_tls(cert_new(ca, "127.0.0.1", false, 30), NULL, 0));
    rig.host.name = RM_STR("127.0.0.1");
    rig_open(&rig);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    assert_string_equal(certs_sni(), "");
}

static void another_name(void **state)
{
    (void)state;
    begin(certs_tls(cert_new(ca, "other.example", false, 30), NULL, 0));
    rig_open(&rig);
    expect_tls_failure("TLS: certificate is for another name");
    rig.host.name = RM_STR("127.0.0.1");
    expect_tls_failure("TLS: certificate is for another name");
    rig.host.name = RM_STR("other.example");
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
}

static void expired(void **state)
{
    (void)state;
    begin(certs_tls(cert_new(ca, NAME, false, -2), NULL, 0));
    rig_open(&rig);
    expect_tls_failure("TLS: certificate has expired");
}

static void another_authority(void **state)
{
    (void)state;
    begin(certs_tls(cert_new(other_ca, NAME, false, 30), NULL, 0));
    rig_open(&rig);
    expect_tls_failure("TLS: certificate of an unknown authority");
}

static void signed_by_itself(void **state)
{
    (void)state;
    begin(certs_tls(cert_new(NULL, NAME, false, 30), NULL, 0));
    rig_open(&rig);
    expect_tls_failure("TLS: certificate is self-signed");
}

static void by_default_the_system_is_trusted_and_nobody_else(void **state)
{
    (void)state;
    begin(certs_tls(good, NULL, 0));
    rig.conf.n_tls_ca_files = 0;
    rig.conf.tls_no_system_ca = false;
    rig_open(&rig);
    struct rig_call *call = rig_get(&rig, "/");
    assert_int_equal(call->code, RM_ETLS);
}

static void without_any_authority_nobody_is_trusted(void **state)
{
    (void)state;
    begin(certs_tls(good, NULL, 0));
    rig.conf.n_tls_ca_files = 0;
    rig_open(&rig);
    expect_tls_failure("TLS: certificate of an unknown authority");
}

static void several_authorities(void **state)
{
    (void)state;
    // Alone, and beside the system's.
    for (int with_system = 0; with_system < 2; with_system++) {
        for (int first = 0; first < 2; first++) {
            begin(certs_tls(first ? good : cert_new(other_ca, NAME, false, 30), NULL, 0));
            files[1] = rm_str_of(cert_file(other_ca));
            rig.conf.n_tls_ca_files = 2;
            rig.conf.tls_no_system_ca = !with_system;
            rig_open(&rig);
            assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
            rig_tear_down(&rig);
        }
    }
    begin(certs_tls(good, NULL, 0));
    rig.conf.tls_no_system_ca = false;
    rig_open(&rig);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
}

// The joined file holds the configured one and the system's, unless that is left out or does not exist.
static void the_systems_authorities_are_joined_in(void **state)
{
    (void)state;
    begin(NULL);
    rig.conf.tls_no_system_ca = false;
    struct rm_trust trust;
    static char text[100000];
    assert_int_equal(rm_trust_open(&trust, &rig.arena, &rig.conf, cert_file(other_ca), NULL), RM_OK);
    FILE *file = fopen(trust.ca_file, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    assert_int_equal(fclose(file), 0);
    text[n] = '\0';
    char *first = strstr(text, "-----BEGIN CERTIFICATE-----");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "-----BEGIN CERTIFICATE-----"));
    rm_trust_close(&trust);

    assert_int_equal(rm_trust_open(&trust, &rig.arena, &rig.conf, "no/such/store.pem", NULL), RM_OK);
    assert_string_equal(trust.ca_file, trust.store.path); // a copy of the one that is there
    rm_trust_close(&trust);
    rig.conf.tls_no_system_ca = true;
    assert_int_equal(rm_trust_open(&trust, &rig.arena, &rig.conf, cert_file(other_ca), NULL), RM_OK);
    assert_string_equal(trust.ca_file, trust.store.path); // a copy of the one that is there
    rm_trust_close(&trust);
    rig.conf.tls_no_system_ca = false;
    rig.conf.n_tls_ca_files = 0;
    assert_int_equal(rm_trust_open(&trust, &rig.arena, &rig.conf, cert_file(other_ca), NULL), RM_OK);
    assert_string_equal(trust.ca_file, cert_file(other_ca));
    rm_trust_close(&trust);
}

static void insecure_trusts_everybody(void **state)
{
    (void)state;
    begin(certs_tls(cert_new(NULL, "who knows", false, -2), NULL, 0));
    rig.conf.n_tls_ca_files = 0;
    rig.conf.tls_insecure = true;
    rig_open(&rig);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
}

static void client_certificates(void **state)
{
    (void)state;
    struct cert *client = cert_new(ca, "remora", false, 30);
    for (int version = 12; version <= 13; version++) {
        begin(certs_tls(good, ca, version));
        rig.conf.tls_cert_file = rm_str_of(cert_file(client));
        rig.conf.tls_key_file = rm_str_of(cert_key_file(client));
        rig_open(&rig);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        assert_string_equal(certs_client_name(), "remora");
        rig_tear_down(&rig);

        begin(certs_tls(good, ca, version)); // none, where one is required
        rig_open(&rig);
        struct rig_call *call = rig_get(&rig, "/");
        if (call->code != RM_ETLS)
            fail_msg("%s: %s", rm_code_name(call->code), call->err.text);
        assert_int_equal(rig.backend.requests, 0);
        if (version == 12)
            rig_tear_down(&rig);
    }
}

static void versions_out_of_range(void **state)
{
    (void)state;
    begin(certs_tls(good, NULL, 12));
    rig.conf.tls_min_version = RM_STR("TLS13");
    rig_open(&rig);
    assert_int_equal(rig_get(&rig, "/")->code, RM_ETLS);
    rig_tear_down(&rig);
    begin(certs_tls(good, NULL, 13));
    rig.conf.tls_max_version = RM_STR("TLS12");
    rig_open(&rig);
    assert_int_equal(rig_get(&rig, "/")->code, RM_ETLS);
}

static void expect_no_opening(const char *part)
{
    struct rm_err err;
    assert_int_equal(rig.net->open(&rig.engine, &rig.conf, rig.loop, &err), RM_ECONF);
    assert_non_null(strstr(err.text, part));
    rig.engine = NULL;
}

static void what_cannot_be_opened(void **state)
{
    (void)state;
    begin(certs_tls(good, NULL, 0));
    files[0] = RM_STR("does/not/exist.pem");
    expect_no_opening("exist.pem");
    files[0] = rm_str_of(certs_empty_file());
    expect_no_opening("no certificate");
    files[0] = RM_STR(".");
    expect_no_opening("not a file");
    rig.conf.n_tls_ca_files = 0;
    rig.conf.tls_min_version = RM_STR("TLS14");
    expect_no_opening("TLS14");
    rig.conf.tls_min_version = RM_STR("");
    rig.conf.tls_cert_file = RM_STR("no/such.pem");
    expect_no_opening("no/such.pem");
}

static void plain_text_on_the_port(void **state)
{
    (void)state;
    begin(NULL);
    rig.host.scheme = RM_STR("https");
    static const struct backend_step plain[] = {
        {BACKEND_TAKE, 0, 1}, SEND("HTTP/1.1 400 Bad\r\n\r\n"), {BACKEND_CLOSE, 0, 0}};
    rig.backend.n_scripts = 0;
    backend_script(&rig.backend, plain);
    rig_open(&rig);
    expect_tls_failure("TLS: handshake failed");
}

static void a_handshake_that_never_ends(void **state)
{
    (void)state;
    static const struct backend_step silent[] = {{BACKEND_TAKE, 0, 1 << 20}, {BACKEND_END, 0, 0}};
    begin(NULL);
    rig.host.scheme = RM_STR("https");
    rig.backend.n_scripts = 0;
    backend_script(&rig.backend, silent);
    rig_open(&rig);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_deadline(call, 30 * RM_MS);
    assert_int_equal(rig_do(call), RM_ETIMEOUT);
    assert_string_equal(call->err.text, "timeout while connecting");
    assert_false(call->x->sent);
}

// A body without a length ends with the connection; libcurl does not ask for TLS's own end before it. All others are counted.
static void a_cut_is_a_cut(void **state)
{
    (void)state;
    static const struct backend_step polite[] = {{BACKEND_REQUEST, 0, 0}, SEND(OK "\r\nall"), {BACKEND_CLOSE, 0, 0}};
    static const struct backend_step length[] = {
        {BACKEND_REQUEST, 0, 0}, SEND(OK "Content-Length: 5\r\n\r\npart"), {BACKEND_SHUT, 0, 0}, {BACKEND_END, 0, 0}};
    static const struct backend_step chunked[] = {{BACKEND_REQUEST, 0, 0},
                                                  SEND(OK "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"),
                                                  {BACKEND_SHUT, 0, 0},
                                                  {BACKEND_END, 0, 0}};
    static const struct backend_step reset[] = {{BACKEND_REQUEST, 0, 0}, SEND(OK "\r\npart"), {BACKEND_RESET, 0, 0}};
    begin(certs_tls(good, NULL, 0));
    rig.backend.n_scripts = 0;
    backend_script(&rig.backend, polite);
    backend_script(&rig.backend, length);
    backend_script(&rig.backend, chunked);
    backend_script(&rig.backend, reset);
    rig_open(&rig);
    struct rig_call *call = rig_get(&rig, "/");
    assert_int_equal(call->code, RM_OK);
    assert_string_equal(rig_body(call), "all");
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_get(&rig, "/")->code, RM_ERESET);
}

static struct rig_call *watched;

static bool watched_is_stuck(struct rig *r)
{
    (void)r;
    return watched->again_at > 0 && watched->got >= watched->again_at;
}

static void streams_with_pauses(void **state)
{
    (void)state;
    static const struct backend_step down[] = {{BACKEND_REQUEST, 0, 0},
                                               SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                               {BACKEND_CHUNKS, 0, 16 << 20},
                                               SEND("0\r\n\r\n"),
                                               {BACKEND_AGAIN, 0, 0}};
    begin(certs_tls(good, NULL, 0));
    rig.backend.n_scripts = 0;
    backend_script(&rig.backend, down);
    rig_open(&rig);
    watched = rig_call(&rig, "POST", "/");
    rig_feed_from(watched, 8 << 20, true);
    rig_stream(watched);
    watched->again_at = 1 << 20;
    rig_start(watched);
    for (int i = 0; i < 3; i++) {
        rig_run_until(&rig, watched_is_stuck);
        uint64_t sent, given, turns;
        do { // until the sockets are full
            sent = rig.backend.sent;
            given = watched->given;
            turns = rig.turns;
            rig_turns(&rig, 20);
        } while (rig.backend.sent != sent || watched->given != given);
        assert_true(rig.turns - turns < 10);
        watched->again_at += 1 << 20;
        rig_resume(watched);
    }
    watched->again_at = 0;
    rig_resume(watched);
    rig_run(&rig);
    assert_int_equal(watched->code, RM_OK);
    assert_int_equal(watched->got, 16 << 20);
    assert_int_equal(rig.backend.body_n, 8 << 20);
}

// libcurl may hold more of a record than the descriptor shows, and less than its owner asks for.
static void a_body_read_by_its_owner(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 1000003\r\n\r\nabc"),
                                                 {BACKEND_FILL, 0, 1000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(certs_tls(good, NULL, 0));
    rig.backend.n_scripts = 0;
    backend_script(&rig.backend, script);
    rig_open(&rig);
    static const size_t sizes[] = {1000, 16384, 65536, 2000000};
    for (size_t i = 0; i < RM_COUNT(sizes); i++) {
        struct rig_call *call = rig_call(&rig, "GET", "/");
        rig_reads(call, sizes[i]);
        assert_int_equal(rig_do(call), RM_OK);
        assert_int_equal(call->got, 1000003);
        assert_memory_equal(call->first, "abc", 3);
        assert_int_equal(call->told > 0, rig.net->read != NULL);
    }
    assert_int_equal(rig.backend.accepted, 1);
}

// What follows an answer in the same record lies in TLS's own memory: no socket tells of it, and behind a longer body of known length
// whatever uses the connection next would get it.
static void extra_bytes_never_become_an_answer(void **state)
{
    (void)state;
    static char answer[30000];
    for (int large = 0; large < 2; large++) {
        size_t body = large ? 20000 : 5;
        size_t n = (size_t)snprintf(answer, sizeof(answer), OK "Content-Length: %zu\r\n\r\n", body);
        memset(answer + n, 'x', body);
        n += body;
        n += (size_t)snprintf(answer + n, sizeof(answer) - n, OK "Content-Length: 4\r\n\r\nevil");
        const struct backend_step extra[] = {{BACKEND_REQUEST, 0, 0}, {BACKEND_SEND, answer, n}, {BACKEND_END, 0, 0}};
        begin(certs_tls(good, NULL, 0));
        rig.backend.n_scripts = 0;
        backend_script(&rig.backend, extra);
        backend_script(&rig.backend, answers_hello);
        rig_open(&rig);
        struct rig_call *call = rig_get(&rig, "/one");
        assert_int_equal(call->code, RM_OK);
        assert_int_equal(call->x->body_out.n, body);
        call = rig_get(&rig, "/two");
        assert_int_equal(call->code, RM_OK);
        assert_string_equal(rig_body(call), "hello");
        assert_int_equal(rig.backend.accepted, 2);
        if (!large)
            rig_tear_down(&rig);
    }
}

// More than the socket takes at once: what TLS has begun to send has to stay where it is.
static void a_large_buffered_body(void **state)
{
    (void)state;
    begin(certs_tls(good, NULL, 0));
    rig_open(&rig);
    size_t n = 8 << 20;
    char *body = malloc(n);
    assert_non_null(body);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)('a' + i / 1000 % 26);
    for (int i = 0; i < 2; i++) {
        struct rig_call *call = rig_call(&rig, "POST", "/");
        call->x->body = (struct rm_str){body, n};
        call->x->has_body = true;
        assert_int_equal(rig_do(call), RM_OK);
        assert_int_equal(rig.backend.body_n, n);
        assert_memory_equal(rig.backend.body.p, body, rig.backend.body.n);
    }
    assert_int_equal(rig.backend.accepted, 1);
    free(body);
}

static void an_ended_idle_connection_does_not_spin(void **state)
{
    (void)state;
    static const struct backend_step ends[] = {{BACKEND_REQUEST, 0, 0},
                                               SEND(OK "Content-Length: 5\r\n\r\nhello"),
                                               {BACKEND_HOLD, 0, 0},
                                               {BACKEND_CLOSE, 0, 0}};
    begin(certs_tls(good, NULL, 0));
    rig.backend.n_scripts = 0;
    backend_script(&rig.backend, ends);
    rig_open(&rig);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    backend_go(&rig.backend);
    rig_turns(&rig, 1);
    uint64_t turns = rig.turns;
    rig_turns(&rig, 30);
    assert_true(rig.turns - turns < 10);
    struct rig_call *call = rig_call(&rig, "POST", "/"); // not on the dead one
    assert_int_equal(rig_do(call), RM_OK);
    assert_int_equal(rig.backend.accepted, 2);
}

static void a_post_is_never_sent_twice(void **state)
{
    (void)state;
    static const struct backend_step eats[] = {{BACKEND_REQUEST, 0, 0},
                                               SEND(OK "Content-Length: 5\r\n\r\nhello"),
                                               {BACKEND_REQUEST, 0, 0},
                                               {BACKEND_CLOSE, 0, 0}};
    for (int post = 0; post < 2; post++) {
        begin(certs_tls(good, NULL, 0));
        rig.backend.n_scripts = 0;
        backend_script(&rig.backend, eats);
        backend_script(&rig.backend, answers_hello);
        rig_open(&rig);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        struct rig_call *call = rig_call(&rig, post ? "POST" : "GET", "/");
        assert_int_equal(rig_do(call), post ? RM_ERESET : RM_OK);
        assert_true(call->x->sent);
        assert_int_equal(rig.backend.requests, post ? 2 : 3);
        if (!post)
            rig_tear_down(&rig);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_private_authority),
        TEST(both_versions),
        TEST(a_name_that_is_an_address),
        TEST(another_name),
        TEST(expired),
        TEST(another_authority),
        TEST(signed_by_itself),
        TEST(by_default_the_system_is_trusted_and_nobody_else),
        TEST(without_any_authority_nobody_is_trusted),
        TEST(several_authorities),
        TEST(the_systems_authorities_are_joined_in),
        TEST(insecure_trusts_everybody),
        TEST(client_certificates),
        TEST(versions_out_of_range),
        TEST(what_cannot_be_opened),
        TEST(plain_text_on_the_port),
        TEST(a_handshake_that_never_ends),
        TEST(a_cut_is_a_cut),
        TEST(streams_with_pauses),
        TEST(a_body_read_by_its_owner),
        TEST(extra_bytes_never_become_an_answer),
        TEST(a_large_buffered_body),
        TEST(an_ended_idle_connection_does_not_spin),
        TEST(a_post_is_never_sent_twice),
    };
    return rig_run_tests(tests, set_up_all, tear_down_all);
}
