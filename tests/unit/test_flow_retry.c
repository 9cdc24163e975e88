// Retries: which failures are asked again, of which methods, on which host, until when, how often; and that nothing is sent twice that
// must not be. The scripted transport, virtual time.
// SPDX-License-Identifier: Apache-2.0
#include "conf/conf.h"
#include "flow_rig.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS UINT64_C(1000)
#define THREE "'host': ['http://10.0.0.1:81', 'http://10.0.0.2:82', 'http://10.0.0.3:83']"
#define ONE_HOST "'host': ['http://10.0.0.1:81']"
#define CONF(hosts, method, own, more)                                                                                 \
    "'timeout': '2s', 'endpoints': [{'endpoint': '/e', 'method': '" method "', " more                                  \
    "'backend': [{'url_pattern': '/x', " hosts ", 'extra_config': {'remora': {" own "}}}]}]"

static const char *const confs[] = {CONF(THREE, "GET", "", ""), CONF(THREE, "PUT", "", ""),
                                    CONF(THREE, "DELETE", "", ""), CONF(THREE, "POST", "", ""),
                                    CONF(THREE, "PATCH", "", "")};
enum { REPEATABLE = 3 }; // of them

static bool differ(const struct flow_rig *rig, size_t a, size_t b)
{
    return rig->net.seen[a].port != rig->net.seen[b].port;
}

static void what_was_not_sent_is_asked_again(void **state)
{
    (void)state;
    static const struct fake_answer failures[] = {{.code = RM_ECONNECT},
                                                  {.code = RM_ETLS},
                                                  {.code = RM_ERESET, .unsent = true},
                                                  {.code = RM_ETIMEOUT, .unsent = true}};
    for (size_t m = 0; m < RM_COUNT(confs); m++) {
        for (size_t f = 0; f < RM_COUNT(failures); f++) {
            struct fake_answer answers[] = {failures[f], {.body = "{\"a\":1}"}};
            answers[0].times = 1;
            struct flow_rig rig;
            flow_rig_start(&rig, confs[m], answers, RM_COUNT(answers));
            const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.body = "b"});
            assert_int_equal(client->status, 200);
            assert_int_equal(client->n_whole, 1);
            assert_int_equal(rig.net.n_seen, 2);
            assert_true(differ(&rig, 0, 1));
            assert_string_equal(rig.net.seen[1].body, "b");
            assert_int_equal(rig.net.seen[1].deadline_us, rig.net.seen[0].deadline_us);
            flow_rig_stop(&rig);
        }
    }
}

static void what_was_sent_only_where_the_method_allows(void **state)
{
    (void)state;
    for (size_t m = 0; m < RM_COUNT(confs); m++) {
        struct fake_answer answers[] = {{.code = RM_ERESET, .times = 1}, {.body = "{\"a\":1}"}};
        struct flow_rig rig;
        flow_rig_start(&rig, confs[m], answers, RM_COUNT(answers));
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.body = "b"});
        assert_int_equal(client->status, m < REPEATABLE ? 200 : 500);
        assert_int_equal(rig.net.n_seen, m < REPEATABLE ? 2 : 1);
        flow_rig_stop(&rig);
    }
}

static void what_is_an_answer_is_final(void **state)
{
    (void)state;
    static const struct fake_answer finals[] = {
        {.status = 500}, {.status = 503},      {.status = 429},      {.body = "{"},     {.code = RM_EPROTO},
        {.status = 302}, {.code = RM_ETOOBIG}, {.code = RM_EMEMORY}, {.code = RM_ESYS},
    };
    for (size_t i = 0; i < RM_COUNT(finals); i++) {
        struct fake_answer answers[] = {finals[i], {.body = "{}"}};
        answers[0].times = 1;
        struct flow_rig rig;
        flow_rig_start(&rig, confs[0], answers, RM_COUNT(answers));
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        assert_true(client->status >= 500);
        assert_int_equal(rig.net.n_seen, 1);
        flow_rig_stop(&rig);
    }
}

static void three_attempts_on_three_hosts(void **state)
{
    (void)state;
    struct fake_answer refused[] = {{.code = RM_ECONNECT}};
    struct flow_rig rig;
    flow_rig_start(&rig, confs[0], refused, 1);
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->status, 500);
    assert_int_equal(client->err.code, RM_ECONNECT);
    assert_int_equal(rig.net.n_seen, 3);
    assert_true(differ(&rig, 0, 1) && differ(&rig, 1, 2) && differ(&rig, 0, 2));
    flow_rig_stop(&rig);
    static const char *const fewer[] = {CONF(THREE, "GET", "'retry': false", ""),
                                        CONF(THREE, "GET", "'retry': {'attempts': 1}", ""),
                                        CONF(THREE, "GET", "'retry': {'attempts': 2}", "")};
    for (size_t i = 0; i < RM_COUNT(fewer); i++) {
        flow_rig_start(&rig, fewer[i], refused, 1);
        (void)flow_run(&rig, &(struct flow_ask){0});
        assert_int_equal(rig.net.n_seen, i < 2 ? 1 : 2);
        flow_rig_stop(&rig);
    }
}

// Refused at once by the only host: it may be starting anew. Whatever else it does is its answer.
static void the_only_host_is_asked_again_after_a_pause(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.code = RM_ECONNECT, .times = 2}, {.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, CONF(ONE_HOST, "POST", "", ""), answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.body = "b"});
    assert_int_equal(client->status, 200);
    assert_int_equal(rig.net.n_seen, 3);
    assert_int_equal(rig.net.seen[2].at_us - rig.net.seen[0].at_us, 100 * MS);
    flow_rig_stop(&rig);
    static const struct fake_answer finals[] = {{.code = RM_ERESET}, {.code = RM_ECONNECT, .after_us = 150 * MS}};
    for (size_t i = 0; i < RM_COUNT(finals); i++) {
        struct fake_answer final[] = {finals[i]};
        flow_rig_start(&rig, CONF(ONE_HOST, "GET", "", ""), final, 1);
        (void)flow_run(&rig, &(struct flow_ask){0});
        assert_int_equal(rig.net.n_seen, 1);
        flow_rig_stop(&rig);
    }
    // Gone during the pause: nothing is asked any more.
    struct fake_answer refused[] = {{.code = RM_ECONNECT}};
    flow_rig_start(&rig, CONF(ONE_HOST, "GET", "", ""), refused, 1);
    struct flow_client *gone = flow_start(&rig, &(struct flow_ask){0});
    rm_vloop_run_until(rig.loop, rm_loop_now_us(rig.loop) + 10 * MS);
    assert_false(gone->over);
    flow_hang_up(gone);
    rm_vloop_run(rig.loop);
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

static void the_deadline_is_everybodys(void **state)
{
    (void)state;
    struct fake_answer slow[] = {{.code = RM_ERESET, .after_us = 900 * MS}};
    struct flow_rig rig;
    flow_rig_start(&rig, confs[0], slow, 1);
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->status, 500);
    assert_int_equal(client->over_us - client->started_us, 2000 * MS);
    assert_int_equal(rig.net.n_seen, 3); // at 0, 0.9 and 1.8 s
    flow_rig_stop(&rig);
    // A part of it for each attempt but the last, of what may be repeated.
    struct fake_answer frozen[] = {{.after_us = FAKE_WAITS, .times = 2}, {.body = "{}", .after_us = 700 * MS}};
    flow_rig_start(&rig, CONF(THREE, "GET", "'retry': {'attempt_timeout': '300ms'}", ""), frozen, RM_COUNT(frozen));
    client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->status, 200);
    assert_int_equal(client->over_us - client->started_us, 1300 * MS);
    flow_rig_stop(&rig);
    frozen[0].used = frozen[1].used = 0;
    flow_rig_start(&rig, CONF(THREE, "POST", "'retry': {'attempt_timeout': '300ms'}", ""), frozen, RM_COUNT(frozen));
    client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->over_us - client->started_us, 2000 * MS);
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

// A host that is gone without a word: half of the time, and a second at most, then another one; with one host all of it.
static void a_connection_that_never_comes(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.after_us = FAKE_WAITS, .unsent = true, .times = 1}, {.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, confs[3], answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.body = "b"});
    assert_int_equal(client->status, 200);
    assert_int_equal(client->over_us - client->started_us, 1000 * MS);
    assert_int_equal(rig.net.n_seen, 2);
    uint16_t gone = rig.net.seen[0].port;
    for (size_t i = 0; i < 20; i++)
        (void)flow_run(&rig, &(struct flow_ask){.body = "b"});
    for (size_t i = 2; i < 22; i++)
        assert_int_not_equal(rig.net.seen[i].port, gone);
    flow_rig_stop(&rig);
    answers[0].used = 0;
    flow_rig_start(&rig, CONF(ONE_HOST, "GET", "", ""), answers, RM_COUNT(answers));
    client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->over_us - client->started_us, 2000 * MS);
    flow_rig_stop(&rig);
}

// ---- streams -----------------------------------------------------------------------------------------------------------

struct letters {
    struct rm_body_source source;
    size_t left;
};

static int64_t letters_read(struct rm_body_source *source, char *to, size_t n)
{
    struct letters *letters = rm_container_of(source, struct letters, source);
    n = n < letters->left ? n : letters->left;
    memset(to, 'x', n);
    letters->left -= n;
    return (int64_t)n;
}

#define NO_OP "'output_encoding': 'no-op', "

static void a_streamed_body_is_sent_once(void **state)
{
    (void)state;
    for (int sent = 0; sent < 2; sent++) {
        struct fake_answer answers[] = {{.code = sent ? RM_ERESET : RM_ECONNECT, .times = 1}, {.body = "fine"}};
        struct letters letters = {.source = {.read = letters_read, .length = 5}, .left = 5};
        struct flow_rig rig;
        flow_rig_start(&rig, CONF(THREE, "PUT", "", NO_OP), answers, RM_COUNT(answers));
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.source = &letters.source});
        assert_int_equal(client->status, sent ? 500 : 200);
        assert_int_equal(rig.net.n_seen, sent ? 1 : 2);
        assert_string_equal(rig.net.seen[sent ? 0 : 1].body, "xxxxx");
        flow_rig_stop(&rig);
    }
}

static void an_answer_that_has_begun_is_not_asked_again(void **state)
{
    (void)state;
    struct fake_answer cut[] = {{.body = "0123456789", .chunk_n = 2, .cut_at = 4, .cut_code = RM_ERESET}};
    struct flow_rig rig;
    flow_rig_start(&rig, CONF(THREE, "GET", "", NO_OP), cut, 1);
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->n_cut, 1);
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

// ---- together ------------------------------------------------------------------------------------------------------------

// One of three is dead: nobody notices, and nobody asks it twice.
static void a_dead_host_is_left_alone(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.port = 82, .code = RM_ECONNECT}, {.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, confs[3], answers, RM_COUNT(answers));
    for (int i = 0; i < 30; i++)
        assert_int_equal(flow_run(&rig, &(struct flow_ask){.body = "b"})->status, 200);
    assert_int_equal(rig.net.n_seen, 31);
    rm_vloop_run_until(rig.loop, rm_loop_now_us(rig.loop) + 2000 * MS); // it is back
    answers[0].code = RM_OK;
    answers[0].body = "{\"back\":1}";
    int back = 0;
    for (int i = 0; i < 30; i++)
        back += flow_run(&rig, &(struct flow_ask){.body = "b"})->body_n > 2;
    assert_in_range(back, 9, 11);
    flow_rig_stop(&rig);
}

// Five timeouts at the deadline are a host's failures, too.
static void what_never_answers_is_left_alone(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.port = 82, .after_us = FAKE_WAITS}, {.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, confs[0], answers, RM_COUNT(answers));
    int failed = 0;
    for (int i = 0; i < 60; i++)
        failed += flow_run(&rig, &(struct flow_ask){0})->status != 200;
    assert_in_range(failed, 5, 6); // the sixth was its trial
    flow_rig_stop(&rig);
}

static void the_budget_holds(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.code = RM_ERESET}};
    struct flow_rig rig;
    flow_rig_start(&rig, confs[0], answers, 1);
    enum { CALLS = 500 };
    for (int i = 0; i < CALLS; i++) // all in one moment
        assert_int_equal(flow_run(&rig, &(struct flow_ask){0})->status, 500);
    assert_in_range(rig.net.n_seen - CALLS, CALLS / 5, CALLS / 5 + 20);
    assert_int_equal(rm_flow_view(rig.flow, 0)->picked, rig.net.n_seen); // what the budget forbids is no call
    flow_rig_stop(&rig);
}

static uint16_t answered_by(struct flow_rig *rig)
{
    return rig->net.seen[rig->net.n_seen - 1].port;
}

static void hashing_looks_at_the_request(void **state)
{
    (void)state;
    static const char *const ons[] = {"header:X-User", "param:user", "client_ip"};
    for (size_t i = 0; i < RM_COUNT(ons); i++) {
        char conf[600];
        snprintf(conf, sizeof(conf),
                 "'endpoints': [{'endpoint': '/e/{other}/{user}', 'backend': [{'url_pattern': '/x', " THREE
                 ", 'extra_config': {'remora': {'balancer': 'hash', 'hash_on': '%s'}}}]}]",
                 ons[i]);
        struct fake_answer answers[] = {{.body = "{}"}};
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, 1);
        uint16_t first_of[10];
        bool differs = false;
        for (int round = 0; round < 3; round++) {
            for (int user = 0; user < 10; user++) {
                char header[20], param[20], other[20];
                snprintf(header, sizeof(header), "x-user: %d", user);
                snprintf(param, sizeof(param), "%d", user);
                snprintf(other, sizeof(other), "%d", round);
                (void)flow_run(&rig, &(struct flow_ask){.params = {other, param}, .headers = {header}});
                if (round == 0)
                    first_of[user] = answered_by(&rig);
                assert_int_equal(answered_by(&rig), first_of[user]);
                differs = differs || first_of[user] != first_of[0];
            }
        }
        assert_int_equal(differs, i < 2); // there is one client
        flow_rig_stop(&rig);
    }
}

// ---- torture -------------------------------------------------------------------------------------------------------------

static uint64_t chance;

static struct fake_answer *any_answer(const struct fake_transport *fake, const struct rm_exchange *x)
{
    (void)x;
    return &fake->answers[rm_random_below(&chance, fake->n_answers)];
}

// Random failures: every request ends once and in time, at most three attempts, no host twice but after it refused, what may not be
// repeated reaches one host at most, and no more is asked again than the budget has.
static void random_failures(void **state)
{
    (void)state;
    enum { CALLS = 300 };
    struct fake_answer answers[] = {
        {.body = "{}"},
        {.body = "{}", .after_us = 40 * MS},
        {.code = RM_ECONNECT},
        {.code = RM_ECONNECT, .at_once = true},
        {.code = RM_ERESET, .after_us = 3 * MS},
        {.code = RM_ETLS, .after_us = 1 * MS},
        {.code = RM_EPROTO},
        {.status = 503},
        {.code = RM_ETIMEOUT, .unsent = true, .after_us = 900 * MS},
        {.after_us = FAKE_WAITS},
    };
    for (uint64_t round = 0; round < 40; round++) {
        chance = round;
        size_t conf = (size_t)rm_random_below(&chance, RM_COUNT(confs));
        struct flow_rig rig;
        flow_rig_start(&rig, confs[conf], answers, RM_COUNT(answers));
        rig.net.choose = any_answer;
        struct flow_client *clients[CALLS];
        char names[CALLS][20];
        uint64_t started_us = rm_loop_now_us(rig.loop);
        bool hung_up[CALLS] = {false};
        for (size_t i = 0; i < CALLS; i++) {
            snprintf(names[i], sizeof(names[i]), "b%zu.", i);
            clients[i] = flow_start(&rig, &(struct flow_ask){.body = names[i]});
            rm_vloop_run_until(rig.loop, rm_loop_now_us(rig.loop) + rm_random_below(&chance, 10 * MS));
            size_t gone = (size_t)rm_random_below(&chance, 8 * CALLS);
            if (gone <= i && !clients[gone]->over) {
                hung_up[gone] = true;
                flow_hang_up(clients[gone]);
            }
        }
        rm_vloop_run(rig.loop);
        uint64_t seconds = (rm_loop_now_us(rig.loop) - started_us) / (1000 * MS) + 1;
        for (size_t i = 0; i < CALLS; i++) {
            size_t attempts = 0, sent = 0;
            const struct fake_seen *of[3] = {NULL};
            assert_int_equal(clients[i]->n_whole, !hung_up[i]);
            assert_true(clients[i]->over_us - clients[i]->started_us <= 2000 * MS);
            for (size_t k = 0; k < rig.net.n_seen; k++) {
                if (strcmp(rig.net.seen[k].body, names[i]) != 0)
                    continue;
                assert_true(attempts < 3);
                for (size_t b = 0; b < attempts; b++)
                    assert_int_not_equal(of[b]->port, rig.net.seen[k].port); // there always is another
                of[attempts++] = &rig.net.seen[k];
                sent += rig.net.seen[k].sent;
            }
            assert_in_range(attempts, 1, 3);
            assert_true(conf < REPEATABLE || sent <= 1);
        }
        assert_true(rig.net.n_seen - CALLS <= CALLS / 5 + 20 + 10 * seconds);
        flow_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_sent_is_asked_again),
        cmocka_unit_test(what_was_sent_only_where_the_method_allows),
        cmocka_unit_test(what_is_an_answer_is_final),
        cmocka_unit_test(three_attempts_on_three_hosts),
        cmocka_unit_test(the_only_host_is_asked_again_after_a_pause),
        cmocka_unit_test(the_deadline_is_everybodys),
        cmocka_unit_test(a_connection_that_never_comes),
        cmocka_unit_test(a_streamed_body_is_sent_once),
        cmocka_unit_test(an_answer_that_has_begun_is_not_asked_again),
        cmocka_unit_test(a_dead_host_is_left_alone),
        cmocka_unit_test(what_never_answers_is_left_alone),
        cmocka_unit_test(the_budget_holds),
        cmocka_unit_test(hashing_looks_at_the_request),
        cmocka_unit_test(random_failures),
    };
    return cmocka_run_group_tests_name("flow_retry", tests, NULL, NULL);
}
