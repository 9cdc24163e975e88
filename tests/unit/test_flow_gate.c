// The gate and admissions: who is let through, what a refusal looks like, checks that wait, and every way in which that ends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/conf.h"
#include "flow/backend.h"
#include "flow_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CONF(more)                                                                                                     \
    "'timeout': '2s', 'extra_config': {'router': {'return_error_msg': true}}, 'endpoints': [{'endpoint': '/e/{id}', "  \
    "'input_headers': ['X-User'], 'backend': [{'url_pattern': '/x', 'host': ['http://10.0.0.1:81']" more "}]}]"

// A check, or an admission, that does what the test says.
struct script {
    int says[3];       // one after the other
    uint64_t waits_us; // its wait takes so long; 0: it ends at once, badly
    struct rm_refusal refusal;
    int n_asked, n_waits, n_cancelled, n_left, left_with;
};

struct script_wait {
    struct rm_call call;
    struct rm_timer timer;
    struct script *script;
};

static void wait_fire(struct rm_timer *timer)
{
    rm_call_done(&rm_container_of(timer, struct script_wait, timer)->call);
}

static void wait_start(struct rm_call *call)
{
    struct script_wait *wait = (struct script_wait *)call;
    wait->timer.fire = wait_fire;
    if (wait->script->waits_us > 0) {
        rm_timer_start(call->loop, &wait->timer, rm_loop_now_us(call->loop) + wait->script->waits_us);
        return;
    }
    (void)rm_fail(&call->err, RM_ECONNECT, "nobody there");
    rm_call_done(call);
}

static void wait_cancel(struct rm_call *call)
{
    struct script_wait *wait = (struct script_wait *)call;
    wait->script->n_cancelled++;
    rm_timer_stop(&wait->timer);
}

static const struct rm_call_ops wait_ops = {"script", wait_start, wait_cancel};

static struct rm_call *script_wait_new(struct script *script, struct rm_loop *loop, struct rm_arena *arena,
                                       struct rm_call *up, void (*on_done)(struct rm_call *))
{
    struct script_wait *wait = RM_NEW(arena, struct script_wait);
    rm_call_init(&wait->call, &wait_ops, loop, arena, up, on_done);
    wait->script = script;
    script->n_waits++;
    return &wait->call;
}

static int script_apply(const void *self, struct rm_visit *visit)
{
    struct script *script = *(struct script *const *)self;
    assert_string_equal(rm_arena_cstr(visit->arena, visit->params[0]), "7");
    visit->refusal = script->refusal;
    rm_headers_add(visit->arena, visit->headers, RM_STR("X-User"), RM_STR("ann"));
    return script->says[script->n_asked++];
}

static struct rm_call *script_wait(const void *self, struct rm_visit *visit, struct rm_call *up,
                                   void (*on_done)(struct rm_call *))
{
    return script_wait_new(*(struct script *const *)self, visit->loop, visit->arena, up, on_done);
}

static int script_enter(const void *self, struct rm_departure *departure, uint64_t *ticket, struct rm_err *err)
{
    struct script *script = *(struct script *const *)self;
    *ticket = 40 + (uint64_t)script->n_asked;
    rm_headers_add(departure->arena, departure->headers, RM_STR("X-Added"), RM_STR("yes"));
    int said = script->says[script->n_asked++];
    return said == RM_OK || said == RM_AGAIN ? said : rm_fail(err, said, "%s", script->refusal.err.text);
}

static struct rm_call *script_enter_wait(const void *self, struct rm_departure *departure, struct rm_call *up,
                                         void (*on_done)(struct rm_call *))
{
    return script_wait_new(*(struct script *const *)self, departure->loop, departure->arena, up, on_done);
}

static void script_leave(const void *self, uint64_t ticket, uint64_t now_us, int code)
{
    struct script *script = *(struct script *const *)self;
    (void)now_us;
    script->n_left++;
    script->left_with = code;
    assert_int_equal(ticket, 40 + script->n_asked - 1);
}

static const struct rm_check_ops check_ops = {"script", script_apply, script_wait};
static const struct rm_admission_ops admission_ops = {"script", script_enter, script_enter_wait, script_leave};

static void start(struct flow_rig *rig, struct fake_answer *answers, size_t n)
{
    flow_rig_start(rig, CONF(""), answers, n);
}

static void use_checks(struct flow_rig *rig, struct script **scripts, uint32_t n)
{
    struct rm_checks *checks = RM_NEW(&rig->arena, struct rm_checks);
    checks->v = RM_NEW_ARRAY(&rig->arena, struct rm_checkpoint, n);
    for (uint32_t i = 0; i < n; i++)
        checks->v[checks->n++] = (struct rm_checkpoint){.ops = &check_ops, .self = &scripts[i]};
    rig->plan->endpoints[0].checks = checks;
}

static void use_admissions(struct flow_rig *rig, struct script **scripts, uint32_t n)
{
    struct rm_admissions *all = RM_NEW(&rig->arena, struct rm_admissions);
    all->v = RM_NEW_ARRAY(&rig->arena, struct rm_admission, n);
    for (uint32_t i = 0; i < n; i++)
        all->v[all->n++] = (struct rm_admission){.ops = &admission_ops, .self = &scripts[i]};
    rig->plan->endpoints[0].backends[0].admissions = all;
}

static const struct flow_ask ask = {.params = {"7"}};

static void all_are_asked_in_order(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct script a = {0}, b = {.says = {RM_AGAIN, RM_OK}, .waits_us = RM_SEC}, c = {.says = {RM_AGAIN}, .waits_us = 5};
    struct script *scripts[] = {&a, &b, &c};
    struct flow_rig rig;
    start(&rig, answers, RM_COUNT(answers));
    use_checks(&rig, scripts, 3);
    struct flow_client *client = flow_run(&rig, &ask);
    assert_int_equal(client->status, 200);
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(a.n_asked, 1);
    assert_int_equal(b.n_asked, 2);
    assert_int_equal(c.n_asked, 2);
    assert_int_equal(client->over_us - client->started_us, RM_SEC + 5);
    assert_non_null(strstr(rig.net.seen[0].headers, "X-User: ann\n"));
    flow_rig_stop(&rig);
}

static void a_refusal_is_the_policys_own_answer(void **state)
{
    (void)state;
    struct script first = {0}, second = {.says = {RM_EDENIED}}, third = {0};
    struct script *scripts[] = {&first, &second, &third};
    struct flow_rig rig;
    start(&rig, NULL, 0);
    use_checks(&rig, scripts, 3);
    second.refusal = (struct rm_refusal){.status = 401, .type = RM_STR("text/plain"), .body = RM_STR("who?")};
    rm_headers_add(&rig.arena, &second.refusal.headers, RM_STR("WWW-Authenticate"), RM_STR("Bearer"));
    (void)rm_fail(&second.refusal.err, RM_EDENIED, "no token");
    struct flow_client *client = flow_run(&rig, &ask);
    assert_int_equal(client->status, 401);
    assert_int_equal(client->n_whole, 1);
    assert_memory_equal(client->body, "who?", 4);
    assert_string_equal(client->headers, "WWW-Authenticate: Bearer\nContent-Type: text/plain\n");
    assert_int_equal(client->err.code, RM_EDENIED);
    assert_int_equal(third.n_asked, 0);
    assert_int_equal(rig.net.n_seen, 0);
    flow_rig_stop(&rig);
}

static void or_the_endpoints_failure(void **state)
{
    (void)state;
    struct script script = {.says = {RM_EREQUEST}};
    struct script *scripts[] = {&script};
    struct flow_rig rig;
    start(&rig, NULL, 0);
    use_checks(&rig, scripts, 1);
    (void)rm_fail(&script.refusal.err, RM_EPARAM, "age is no number");
    script.refusal.err.status = 400;
    struct flow_client *client = flow_run(&rig, &ask);
    assert_int_equal(client->status, 400);
    assert_memory_equal(client->body, "age is no number", 16);
    assert_string_equal(flow_header(client, "X-Krakend-Completed"), "false");
    flow_rig_stop(&rig);
}

static void what_waits_for_nothing_fails(void **state)
{
    (void)state;
    struct script bad = {.says = {RM_AGAIN, RM_AGAIN}}, slow = {.says = {RM_AGAIN, RM_AGAIN}, .waits_us = 1};
    struct script late = {.says = {RM_AGAIN}, .waits_us = 60 * RM_SEC};
    struct script *scripts[] = {&bad, &slow, &late};
    static const char *const texts[] = {"no connection to the backend", "internal error", "context deadline exceeded"};
    static const uint64_t times[] = {0, 1, 2 * RM_SEC};
    for (int i = 0; i < 3; i++) {
        struct flow_rig rig;
        start(&rig, NULL, 0);
        use_checks(&rig, &scripts[i], 1);
        struct flow_client *client = flow_run(&rig, &ask);
        assert_int_equal(client->status, 500);
        assert_memory_equal(client->body, texts[i], strlen(texts[i]));
        assert_int_equal(client->over_us - client->started_us, times[i]);
        assert_int_equal(scripts[i]->n_cancelled, i == 2);
        flow_rig_stop(&rig);
    }
}

static void a_client_that_goes_away_ends_the_wait(void **state)
{
    (void)state;
    struct script script = {.says = {RM_AGAIN}, .waits_us = RM_SEC}, refuses = {.says = {RM_EDENIED}};
    struct script *scripts[] = {&script, &refuses};
    refuses.refusal.status = 403;
    for (uint32_t i = 0; i < 2; i++) {
        struct flow_rig rig;
        start(&rig, NULL, 0);
        use_checks(&rig, &scripts[i], 1);
        struct flow_client *client = flow_start(&rig, &ask);
        assert_int_equal(client->n_whole, 0); // never before it returns
        flow_hang_up(client);
        rm_vloop_run(rig.loop);
        assert_int_equal(script.n_cancelled, 1);
        flow_rig_stop(&rig);
    }
}

// ---- admissions ----------------------------------------------------------------------------------------------------

static void calls_enter_and_leave(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1}", .times = 1}, {.status = 404}};
    for (int i = 0; i < 2; i++) {
        struct script a = {0}, b = {.says = {RM_AGAIN, RM_OK}, .waits_us = RM_SEC};
        struct script *scripts[] = {&a, &b};
        struct flow_rig rig;
        start(&rig, &answers[i], 1);
        use_admissions(&rig, scripts, 2);
        struct flow_client *client = flow_run(&rig, &ask);
        assert_int_equal(client->status, i == 0 ? 200 : 500);
        assert_int_equal(rig.net.seen[0].at_us - client->started_us, RM_SEC);
        assert_non_null(strstr(rig.net.seen[0].headers, "X-Added: yes\n"));
        assert_int_equal(a.n_left, 1);
        assert_int_equal(b.n_left, 1);
        assert_int_equal(a.left_with, i == 0 ? RM_OK : RM_ESTATUS);
        assert_int_equal(b.left_with, a.left_with);
        flow_rig_stop(&rig);
    }
}

static void a_refused_call_asks_nobody(void **state)
{
    (void)state;
    struct script a = {0}, b = {.says = {RM_ERATE}};
    struct script *scripts[] = {&a, &b};
    struct flow_rig rig;
    start(&rig, NULL, 0);
    use_admissions(&rig, scripts, 2);
    struct flow_client *client = flow_run(&rig, &ask);
    assert_int_equal(client->status, 500);
    assert_memory_equal(client->body, "rate limit exceeded", 19);
    assert_int_equal(rig.net.n_seen, 0);
    assert_int_equal(a.left_with, RM_ERATE);
    assert_int_equal(a.n_left, 1);
    assert_int_equal(b.n_left, 0);
    flow_rig_stop(&rig);
}

static void calls_that_nobody_wants_any_more_leave_too(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.after_us = FAKE_WAITS}};
    for (int i = 0; i < 3; i++) {
        struct script script = {.says = {i == 2 ? RM_AGAIN : RM_OK}, .waits_us = 60 * RM_SEC};
        struct script *scripts[] = {&script};
        struct flow_rig rig;
        start(&rig, answers, 1);
        use_admissions(&rig, scripts, 1);
        struct flow_client *client = flow_start(&rig, &ask);
        if (i == 0)
            flow_hang_up(client);
        rm_vloop_run(rig.loop); // the others' deadline
        assert_int_equal(script.n_left, i < 2);
        assert_int_equal(script.left_with, i == 0 ? RM_ECANCEL : i == 1 ? RM_ETIMEOUT : 0);
        assert_int_equal(script.n_cancelled, i == 2);
        flow_rig_stop(&rig);
    }
}

// ---- what the configuration makes of it ------------------------------------------------------------------------------

static void rate_limits_of_a_plan(void **state)
{
    (void)state;
    static const char conf[] =
        "'endpoints': [{'endpoint': '/e/{id}', 'extra_config': {'qos/ratelimit/router': {'max_rate': 3, 'every': "
        "'10m', "
        "'capacity': 3, 'client_max_rate': 2, 'client_capacity': 2, 'strategy': 'param', 'key': 'id'}}, "
        "'backend': [{'url_pattern': '/x', 'host': ['http://10.0.0.1:81'], 'extra_config': {'qos/ratelimit/proxy': "
        "{'max_rate': 1, 'every': '10m', 'capacity': 2}}}]}]";
    static const struct {
        const char *id;
        int status;
        int code;
    } calls[] = {{"a", 200, RM_OK},    {"a", 200, RM_OK},    {"a", 429, RM_ERATE},
                 {"b", 500, RM_ERATE}, {"b", 503, RM_ERATE}, {"b", 429, RM_ERATE}};
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, conf, answers, RM_COUNT(answers));
    for (size_t i = 0; i < RM_COUNT(calls); i++) {
        struct flow_client *client = flow_run(&rig, &(struct flow_ask){.params = {calls[i].id}});
        assert_int_equal(client->status, calls[i].status);
        assert_int_equal(client->err.code, calls[i].code);
        const char *again = flow_header(client, "Retry-After");
        if (calls[i].status == 429)
            assert_string_equal(again, "300"); // 2 every 10 minutes
        else if (calls[i].status == 503)
            assert_string_equal(again, "200");
        else
            assert_null(again);
    }
    flow_rig_stop(&rig);
}

// After the limits, so that a body that does not fit counts there; answered as a failure of the endpoint with 400.
static void bodies_of_a_plan(void **state)
{
    (void)state;
    static const char conf[] =
        "'extra_config': {'router': {'return_error_msg': true}}, 'endpoints': [{'endpoint': '/e', 'method': 'POST', "
        "'extra_config': {'validation/json-schema': {'type': 'object', 'required': ['a'], 'properties': {'a': "
        "{'pattern': '^(a+)+$'}}}, 'qos/ratelimit/router': {'max_rate': 9, 'every': '10m', 'capacity': 9}}, 'backend': "
        "[{'url_pattern': '/x', 'host': ['http://10.0.0.1:81']}]}]";
    static char slow[] =
        "{\"a\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}";
    static const struct {
        const char *body;
        int status;
        const char *says;
    } calls[] = {
        {"{\"a\": \"aa\"}", 200, "{\"b\":1}"},
        {" {\"a\": 1.50} \n", 200, "{\"b\":1}"},
        {NULL, 400, "could not validate an empty body"},
        {"{\"a\": ", 400, "byte 6"},
        {"{\"a\": 1} x", 400, "more text behind the JSON"},
        {"[]", 400, "(root): Invalid type. Expected: object, given: array"},
        {"{\"a\": \"b\"}", 400, "(root).a: Does not match pattern '^(a+)+$'"},
        {"{}", 400, "(root): a is required"},
        {slow, 400, "takes too long to check"},
        {"{\"a\": 1}", 503, ""},
    };
    struct fake_answer answers[] = {{.body = "{\"b\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, conf, answers, RM_COUNT(answers));
    for (size_t i = 0; i < RM_COUNT(calls); i++) {
        struct flow_client *client = flow_run(&rig, &(struct flow_ask){.body = calls[i].body});
        if (client->status != calls[i].status || !strstr(client->body, calls[i].says))
            fail_msg("%s: %d %s", calls[i].body, client->status, client->body);
        if (calls[i].status == 400) {
            assert_int_equal(client->err.code, RM_EDENIED);
            assert_string_equal(flow_header(client, "X-Krakend-Completed"), "false");
        }
    }
    assert_int_equal(rig.net.n_seen, 2);
    assert_string_equal(rig.net.seen[1].body, calls[1].body); // as it came
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_asked_in_order),
        cmocka_unit_test(a_refusal_is_the_policys_own_answer),
        cmocka_unit_test(or_the_endpoints_failure),
        cmocka_unit_test(what_waits_for_nothing_fails),
        cmocka_unit_test(a_client_that_goes_away_ends_the_wait),
        cmocka_unit_test(calls_enter_and_leave),
        cmocka_unit_test(a_refused_call_asks_nobody),
        cmocka_unit_test(calls_that_nobody_wants_any_more_leave_too),
        cmocka_unit_test(rate_limits_of_a_plan),
        cmocka_unit_test(bodies_of_a_plan),
    };
    return cmocka_run_group_tests_name("flow_gate", tests, NULL, NULL);
}
