// JSON Schema: each keyword of draft-07, formats, references, exact numbers, what is no schema, and the bound on the work.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_number.h"
#include "value/json_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct schema_seen {
    char unknown[200]; // "keyword:name "
};

static void note_unknown(void *arg, const struct rm_value *where, struct rm_str name, const char *kind)
{
    struct schema_seen *seen = arg;
    size_t n = strlen(seen->unknown);
    assert_non_null(where);
    snprintf(seen->unknown + n, sizeof seen->unknown - n, "%s:%.*s ", kind, (int)name.n, name.p);
}

// ' stands for ".
static struct rm_value *parse(struct rm_arena *arena, const char *text)
{
    static const struct rm_json_limits limits = {.max_depth = 512, .max_nodes = 200000};
    struct rm_str json = rm_arena_dup(arena, rm_str_of(text));
    struct rm_value *v = NULL;
    struct rm_err err;
    for (size_t i = 0; i < json.n; i++) {
        if (json.p[i] == '\'')
            ((char *)(uintptr_t)json.p)[i] = '"';
    }
    if (rm_json_parse(arena, json, UINT32_MAX, &limits, &v, NULL, &err) != RM_OK)
        fail_msg("%s: %s", text, err.text);
    return v;
}

static const struct rm_schema *compile(struct rm_arena *arena, const char *schema, struct schema_seen *seen)
{
    struct rm_schema_report report = {.unknown = note_unknown, .arg = seen};
    const struct rm_schema *out = NULL;
    struct rm_err err;
    if (rm_schema_compile(arena, parse(arena, schema), &out, &report, &err) != RM_OK)
        fail_msg("%s: %s", schema, err.text);
    return out;
}

struct schema_case {
    const char *schema;
    const char *fits[6], *misfits[6];
};

static void run(const struct schema_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct schema_seen seen = {""};
        const struct rm_schema *schema = compile(&arena, cases[i].schema, &seen);
        assert_string_equal(seen.unknown, "");
        for (size_t k = 0; k < 12; k++) {
            const char *text = k < 6 ? cases[i].fits[k] : cases[i].misfits[k - 6];
            struct rm_err err = {0};
            if (!text)
                continue;
            int rc =
                rm_schema_check(schema, &arena, rm_matcher_new(&arena, RM_MATCHER_STEPS), parse(&arena, text), &err);
            if (rc != (k < 6 ? RM_OK : RM_EDENIED) || (k >= 6 && err.code != RM_EDENIED))
                fail_msg("%s with %s: %d %s", cases[i].schema, text, rc, err.text);
        }
        rm_arena_fini(&arena);
    }
}

static void keywords(void **state)
{
    (void)state;
    static const struct schema_case cases[] = {
        {"{}", {"1", "null", "{}", "[]"}, {0}},
        {"true", {"1"}, {0}},
        {"false", {0}, {"1", "null"}},
        {"{'type':'integer'}", {"1", "1.0", "-1e2", "1.50e1"}, {"1.5", "'1'", "null", "1e-1"}},
        {"{'type':'number'}", {"1", "1.5"}, {"'1'", "true"}},
        {"{'type':['string','null']}", {"'a'", "null"}, {"1", "{}"}},
        {"{'type':'boolean'}", {"true", "false"}, {"0", "'true'"}},
        {"{'type':'array'}", {"[]"}, {"{}"}},
        {"{'type':'object'}", {"{}"}, {"[]"}},
        {"{'enum':[1,'a',{'a':[1],'b':2},null]}",
         {"1.0", "'\\u0061'", "{'b':2.0,'a':[1e0]}", "null"},
         {"2", "'b'", "{'a':[1]}", "[1]", "{'a':[1],'c':2}"}},
        {"{'const':[1,{'a':'x'}]}", {"[1.0,{'a':'x'}]"}, {"[1]", "[1,{'a':'y'}]", "[{'a':'x'},1]"}},
        {"{'minimum':1.1}", {"1.1", "1.10", "2", "'a'", "11e-1"}, {"1.09", "-2", "1.0999999999999999999999"}},
        {"{'maximum':100}", {"100", "1e2", "-1e400", "0"}, {"100.00000000000000000000001", "1e400"}},
        {"{'exclusiveMinimum':0}", {"1e-400"}, {"0", "-0.0", "-1"}},
        {"{'exclusiveMaximum':-1}", {"-1.1", "-2"}, {"-1", "0"}},
        {"{'minimum':0,'exclusiveMinimum':true}", {"1"}, {"0"}}, // draft-04
        {"{'minimum':0,'exclusiveMinimum':false}", {"0"}, {"-1"}},
        {"{'maximum':0,'exclusiveMaximum':true}", {"-1"}, {"0"}},
        {"{'multipleOf':0.01}", {"4.02", "0", "1e9", "0.010"}, {"0.001", "4.025", "1e-3"}},
        {"{'multipleOf':7}", {"21", "7e30", "7000000000000000000000000000000", "-14"}, {"1", "1e30", "7.5"}},
        {"{'multipleOf':1e2}", {"300", "1e300"}, {"350", "1"}},
        {"{'minLength':2,'maxLength':3}",
         {"'ab'", "'\xc3\xa4\xc3\xb6\xc3\xbc'", "'\\ud83d\\ude00a'", "1"},
         {"'a'", "'abcd'", "''"}},
        {"{'pattern':'^a+$'}", {"'aa'", "1"}, {"'ab'", "''", "'a\\n'"}},
        {"{'items':{'type':'integer'}}", {"[]", "[1,2]", "{}"}, {"[1,'a']"}},
        {"{'items':[{'type':'integer'},{'type':'string'}]}", {"[1,'a',true]", "[1]", "[]"}, {"['a']", "[1,2]"}},
        {"{'items':[{'type':'integer'}],'additionalItems':false}", {"[1]", "[]"}, {"[1,2]"}},
        {"{'items':[true],'additionalItems':{'type':'null'}}", {"[1,null]"}, {"[1,2]"}},
        {"{'items':{},'additionalItems':false}", {"[1,2]"}, {0}},
        {"{'additionalItems':false}", {"[1,2]"}, {0}},
        {"{'items':[]}", {"[1]"}, {0}},
        {"{'items':false}", {"[]"}, {"[1]"}},
        {"{'contains':{'minimum':5}}", {"[1,5]", "'a'"}, {"[1]", "[]"}},
        {"{'minItems':1,'maxItems':2}", {"[1]", "[1,2]", "'abc'"}, {"[]", "[1,2,3]"}},
        {"{'uniqueItems':true}",
         {"[1,2,'1']", "[{'a':1},{'a':2}]", "[[1],[2]]", "[0,false,null,'']", "[]"},
         {"[1,1.0]", "[{'a':1,'b':2},{'b':2,'a':1}]", "[[1,'a'],[1,'\\u0061']]", "[null,1,null]"}},
        {"{'uniqueItems':false}", {"[1,1]"}, {0}},
        {"{'required':['a','b']}", {"{'a':1,'b':null}", "[]"}, {"{'a':1}", "{}", "{'b':1,'c':1}"}},
        {"{'properties':{'a':{'type':'integer'},'b':false}}", {"{'a':1}", "{'c':'x'}", "1"}, {"{'a':'x'}", "{'b':1}"}},
        {"{'properties':{'a\\u00e4\\n':{'type':'integer'}}}", {"{'a\xc3\xa4\\n':1}"}, {"{'a\\u00e4\\u000a':'x'}"}},
        {"{'properties':{'a':{}},'additionalProperties':false}", {"{'a':1}", "{}"}, {"{'b':1}"}},
        {"{'properties':{'a':{}},'patternProperties':{'^x':{'type':'integer'}},'additionalProperties':{'type':'null'}}",
         {"{'a':1,'x':2,'b':null}"},
         {"{'x':'a'}", "{'b':1}"}},
        {"{'patternProperties':{'^x':{'minimum':2},'y$':{'maximum':3}}}",
         {"{'xy':2}", "{'z':9}"},
         {"{'xy':1}", "{'xy':4}"}},
        {"{'properties':{'xa':{'minimum':1}},'patternProperties':{'^x':{'maximum':3}}}",
         {"{'xa':2}"},
         {"{'xa':0}", "{'xa':4}"}},
        {"{'propertyNames':{'maxLength':2}}", {"{'ab':1}", "{}", "[]"}, {"{'abc':1}"}},
        {"{'minProperties':1,'maxProperties':2}", {"{'a':1}"}, {"{}", "{'a':1,'b':1,'c':1}"}},
        {"{'dependencies':{'a':['b','c'],'d':{'required':['e']},'f':false,'g':[]}}",
         {"{'a':1,'b':1,'c':1}", "{'b':1}", "{'d':1,'e':1}", "{'g':1}", "[]"},
         {"{'a':1,'b':1}", "{'d':1}", "{'f':1}"}},
        {"{'allOf':[{'minimum':1},{'maximum':3}]}", {"2", "'a'"}, {"0", "4"}},
        {"{'anyOf':[{'type':'string'},{'minimum':3}]}", {"'a'", "3", "null"}, {"2"}},
        {"{'oneOf':[{'multipleOf':2},{'multipleOf':3},{'multipleOf':5}]}", {"2", "9", "25"}, {"6", "7", "30"}},
        {"{'not':{'type':'integer'}}", {"1.5", "'a'"}, {"1"}},
        {"{'not':{}}", {0}, {"1"}},
        {"{'if':{'minimum':10},'then':{'multipleOf':2},'else':{'multipleOf':3}}", {"10", "9", "'a'"}, {"11", "8"}},
        {"{'if':{'minimum':10},'else':{'multipleOf':3}}", {"11", "9"}, {"8"}},
        {"{'then':false,'else':false}", {"1"}, {0}},
        {"{'title':1,'description':{},'default':[],'examples':0,'$comment':1,'readOnly':1,'writeOnly':1,'"
         "contentEncoding':1,'contentMediaType':1,'_note':1,'$x':1,'x-y':1}",
         {"1"},
         {0}},
        {"{'$schema':'http://json-schema.org/draft-07/schema#','type':'null'}", {"null"}, {"1"}},
    };
    run(cases, RM_COUNT(cases));
}

static void references(void **state)
{
    (void)state;
    static const struct schema_case cases[] = {
        {"{'definitions':{'i':{'type':'integer'}},'items':{'$ref':'#/definitions/i'}}", {"[1]"}, {"['a']"}},
        {"{'properties':{'a':{'$ref':'#'}},'additionalProperties':false}", {"{'a':{'a':{}}}"}, {"{'a':{'a':{'b':1}}}"}},
        {"{'definitions':{'a/b':{'type':'integer'},'c~d':{'$ref':'#/definitions/a~1b'},'e "
         "f':{'$ref':'#/definitions/c~0d'}},'$ref':'#/definitions/e%20f'}",
         {"1"},
         {"'a'"}},
        {"{'items':[{'type':'integer'},{'$ref':'#/items/0'}]}", {"[1,2]"}, {"[1,'a']"}},
        {"{'definitions':{'i':{'type':'integer'}},'properties':{'a':{'$ref':'#/definitions/i','maximum':0}}}",
         {"{'a':5}"},
         {"{'a':'x'}"}}, // what is beside it does not count
        {"{'$id':'http://example.test/s.json','definitions':{'i':{'type':'integer'}},'items':{'$ref':'http://"
         "example.test/s.json#/definitions/i'}}",
         {"[1]"},
         {"['a']"}},
        {"{'definitions':{'i':{'$id':'#int','type':'integer'}},'items':{'$ref':'#int'}}", {"[1]"}, {"['a']"}},
        {"{'x-more':{'y':{'type':'integer','items':{'$ref':'#/x-more/z'}},'z':{'$ref':'#/x-more/"
         "y'}},'items':{'$ref':'#/x-more/z'}}",
         {"[1]"},
         {"['a']"}},
        {"{'properties':{'$ref':{'type':'string'}}}", {"{'$ref':'a'}"}, {"{'$ref':1}"}},
        {"{'anyOf':[{'type':'null'},{'properties':{'next':{'$ref':'#'}},'required':['v']}]}",
         {"{'v':1,'next':{'v':2,'next':null}}"},
         {"{'v':1,'next':{}}"}},
    };
    run(cases, RM_COUNT(cases));
}

static void formats(void **state)
{
    (void)state;
    static const struct schema_case cases[] = {
        {"{'format':'date'}",
         {"'2024-02-29'", "'2000-02-29'", "1"},
         {"'2023-02-29'", "'1900-02-29'", "'2024-13-01'", "'2024-00-10'", "'2024-1-01'", "'2024-04-31'"}},
        {"{'format':'time'}",
         {"'10:20:30'", "'10:20:30Z'", "'10:20:30.5+02:00'"},
         {"'24:00:00'", "'10:20'", "'10:20:30.'", "'10:20:30+2'", "''"}},
        {"{'format':'date-time'}",
         {"'2024-01-31T10:20:30Z'", "'2024-01-31T10:20:30.123-01:30'", "'2024-01-31'", "'10:20:30'"},
         {"'2024-01-31T10:20:30'", "'2024-01-32T10:20:30Z'", "'2024-01-31 10:20:30Z'", "'now'"}},
        {"{'format':'hostname'}", {"'a'", "'a-b.example.com'"}, {"''", "'-a'", "'a_b'", "'a..b'", "'a.'"}},
        {"{'format':'email'}", {"'a@b'", "'a.b+c@example.com'"}, {"'a'", "'@b'", "'a@'", "'a b@c'", "'a@b@c'"}},
        {"{'format':'idn-email'}", {"'\xc3\xa4@\xc3\xb6'"}, {"'\xc3\xa4'"}},
        {"{'format':'ipv4'}", {"'127.0.0.1'"}, {"'256.0.0.1'", "'1.2.3'", "'::1'", "'1.2.3.4\\u0000'", "''"}},
        {"{'format':'ipv6'}", {"'::1'", "'fe80::1:2'"}, {"'127.0.0.1'", "':::'", "'12345::'", "'::1%eth0'"}},
        {"{'format':'uri'}",
         {"'http://a/b?c#d'", "'urn:a:b'"},
         {"'/a'", "'a'", "'http://a b'", "'http:\\\\a'", "'http://a%zz'"}},
        {"{'format':'iri'}", {"'http://\xc3\xa4/'"}, {"'\xc3\xa4'"}},
        {"{'format':'uri-reference'}", {"'/a'", "'a?b'", "''"}, {"'a\\\\b'", "'a b'"}},
        {"{'format':'iri-reference'}", {"'/\xc3\xa4'"}, {"'\\\\'"}},
        {"{'format':'uri-template'}", {"'http://a/{b}/{?c*}'", "'a'"}, {"'a{b'", "'a}b'"}},
        {"{'format':'uuid'}",
         {"'123e4567-e89b-12d3-A456-426614174000'"},
         {"'123e4567e89b12d3a456426614174000'", "'x'"}},
        {"{'format':'regex'}", {"'^a$'", "''"}, {"'('", "'a{2,1}'"}},
        {"{'format':'json-pointer'}", {"''", "'/a~0b/~1'"}, {"'a'", "'/~'", "'/~2'"}},
        {"{'format':'relative-json-pointer'}", {"'0'", "'1/a'", "'2#'"}, {"''", "'/a'", "'01'", "'-1'"}},
    };
    run(cases, RM_COUNT(cases));
}

static void what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *says;
    } cases[] = {
        {"{'type':'int'}", "allowed is null, boolean"},
        {"{'type':[]}", "no type at all"},
        {"{'type':1}", "allowed is null, boolean"},
        {"{'enum':[]}", "a list of values, one at least"},
        {"{'minimum':'1'}", "allowed is a number"},
        {"{'exclusiveMinimum':'1'}", "allowed is a number"},
        {"{'multipleOf':0}", "a number above 0"},
        {"{'multipleOf':-1}", "a number above 0"},
        {"{'multipleOf':1234567890123456789.1}", "more than 18 digits"},
        {"{'minLength':-1}", "a whole number, 0 or more"},
        {"{'maxItems':1.5}", "a whole number, 0 or more"},
        {"{'maxItems':1e400}", "a whole number, 0 or more"},
        {"{'maxItems':'1'}", "a whole number, 0 or more"},
        {"{'pattern':'('}", "no regular expression: missing closing parenthesis, at its byte 1"},
        {"{'pattern':1}", "allowed is a regular expression"},
        {"{'patternProperties':{'[':{}}}", "no regular expression: "},
        {"{'patternProperties':[]}", "an object of schemas"},
        {"{'format':1}", "the name of a format"},
        {"{'items':1}", "allowed is a schema: an object, true or false"},
        {"{'items':[1]}", "allowed is a schema"},
        {"{'uniqueItems':1}", "allowed is true or false"},
        {"{'required':'a'}", "a list of names"},
        {"{'required':[1]}", "allowed is a name"},
        {"{'required':true}", "a list of names"}, // draft-03
        {"{'properties':[]}", "allowed is an object"},
        {"{'properties':{'a':1}}", "allowed is a schema"},
        {"{'dependencies':{'a':'b'}}", "allowed is a schema"},
        {"{'dependencies':{'a':[1]}}", "allowed is a name"},
        {"{'definitions':1}", "an object of schemas"},
        {"{'definitions':{'a':{'type':'x'}}}", "allowed is null, boolean"},
        {"{'allOf':{}}", "a list of schemas, one at least"},
        {"{'anyOf':[]}", "a list of schemas, one at least"},
        {"{'not':1}", "allowed is a schema"},
        {"{'$ref':1}", "allowed is a reference"},
        {"{'$ref':'#/definitions/a'}", "there is nothing at this reference"},
        {"{'$ref':'#a'}", "there is nothing at this reference"},
        {"{'$ref':'http://json-schema.org/draft-07/schema#'}", "others are not fetched"},
        {"{'$ref':'other.json'}", "others are not fetched"},
        {"{'items':[{}],'not':{'$ref':'#/items/1'}}", "there is nothing at this reference"},
        {"{'items':{'$id':'http://a/b'}}", "allowed below the root is \"#name\""},
        {"{'$schema':'https://json-schema.org/draft/2020-12/schema'}",
         "known are http://json-schema.org/draft-07/schema#"},
        {"{'$ref':'#'}", "no check of it would end"},
        {"{'allOf':[{'$ref':'#'}]}", "no check of it would end"},
        {"{'definitions':{'a':{'$ref':'#/definitions/b'},'b':{'not':{'$ref':'#/definitions/a'}}}}",
         "no check of it would end"},
        {"{'dependencies':{'a':{'$ref':'#'}}}", "no check of it would end"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct schema_seen seen = {""};
        struct rm_schema_report report = {.unknown = note_unknown, .arg = &seen};
        const struct rm_schema *out = NULL;
        struct rm_err err = {0};
        int rc = rm_schema_compile(&arena, parse(&arena, cases[i].schema), &out, &report, &err);
        if (rc != RM_ECONF || !strstr(err.text, cases[i].says) || !report.where)
            fail_msg("%s: %d %s", cases[i].schema, rc, err.text);
        rm_arena_fini(&arena);
    }
}

static void what_means_nothing_is_said(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct schema_seen seen = {""};
    (void)compile(&arena, "{'requird':[],'items':{'minimun':1,'format':'colour'},'default':{'no':1}}", &seen);
    assert_string_equal(seen.unknown, "keyword:requird keyword:minimun format:colour ");
    rm_arena_fini(&arena);
}

static void what_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *document, *says;
    } cases[] = {
        {"{'required':['age']}", "{}", "(root): age is required"},
        {"{'properties':{'a':{'items':{'type':'integer'}}}}", "{'a':[1,'x']}",
         "(root).a.1: Invalid type. Expected: integer, given: string"},
        {"{'type':['string','null']}", "1", "(root): Invalid type. Expected: null/string, given: integer"},
        {"{'additionalProperties':false}", "{'a\\nb':1}", "(root): Additional property a?b is not allowed"},
        {"{'minimum':1.10}", "1", "(root): Must be greater than or equal to 1.10"},
        {"{'pattern':'^a'}", "'b'", "(root): Does not match pattern '^a'"},
        {"{'anyOf':[{'type':'null'}]}", "1", "(root): Must validate at least one schema (anyOf)"},
        {"{'format':'ipv4'}", "'b'", "(root): Does not match format 'ipv4'"},
        {"{'propertyNames':{'maxLength':1}}", "{'ab':1}", "(root): Property name of \"ab\" does not match"},
        {"{'additionalProperties':false}", "{'0123456789012345678901234567890123456789\xc3\xa4':1}",
         "(root): Additional property 0123456789012345678901234567890123456789 is not allowed"},
        {"{'additionalProperties':false}", "{'012345678901234567890123456789012345678\xc3\xa4':1}",
         "(root): Additional property 012345678901234567890123456789012345678 is not allowed"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct schema_seen seen = {""};
        const struct rm_schema *schema = compile(&arena, cases[i].schema, &seen);
        struct rm_err err = {0};
        assert_int_equal(rm_schema_check(schema, &arena, rm_matcher_new(&arena, RM_MATCHER_STEPS),
                                         parse(&arena, cases[i].document), &err),
                         RM_EDENIED);
        assert_string_equal(err.text, cases[i].says);
        rm_arena_fini(&arena);
    }
}

// A list of `n` times `item`.
static struct rm_value *many(struct rm_arena *arena, const char *item, uint32_t n)
{
    struct rm_value *list = rm_value_new(arena, RM_ARRAY);
    for (uint32_t i = 0; i < n; i++)
        rm_value_append(list, parse(arena, item));
    return list;
}

static void work_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *item;
        uint32_t n;
    } cases[] = {
        {"{'items':{'pattern':'(a+)+$'}}", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'", 10},
        {"{'items':{'enum':[[1,2,3,4],[1,2,3,5],[1,2,3,6],[1,2,3,7],[1,2,3,8],[1,2,3,9],[1,2,3,10]]}}", "[1,2,3,10]",
         150000},
        {"{'items':{'format':'uuid'}}", "'123e4567-e89b-12d3-a456-426614174000'", 150000},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct schema_seen seen = {""};
        struct rm_err err = {0};
        const struct rm_schema *schema = compile(&arena, cases[i].schema, &seen);
        struct rm_value *document = many(&arena, cases[i].item, cases[i].n);
        assert_int_equal(rm_schema_check(schema, &arena, rm_matcher_new(&arena, 1000000), document, &err), RM_ETOOBIG);
        rm_arena_fini(&arena);
    }
}

// Within each other: deeper than a stack takes.
static void depth_is_bounded(void **state)
{
    (void)state;
    for (uint32_t levels = 100; levels <= 500; levels += 400) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct schema_seen seen = {""};
        struct rm_err err = {0};
        const struct rm_schema *schema = compile(&arena, "{'items':{'$ref':'#'}}", &seen);
        struct rm_value *document = rm_value_new(&arena, RM_ARRAY);
        for (uint32_t i = 0; i < levels; i++) {
            struct rm_value *outer = rm_value_new(&arena, RM_ARRAY);
            rm_value_append(outer, document);
            document = outer;
        }
        int rc = rm_schema_check(schema, &arena, rm_matcher_new(&arena, RM_MATCHER_STEPS), document, &err);
        assert_int_equal(rc, levels == 100 ? RM_OK : RM_ETOOBIG);
        rm_arena_fini(&arena);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const char *const ascending[] = {"-1e99999999999999999999",
                                            "-1e400",
                                            "-10.01",
                                            "-10",
                                            "-9.99",
                                            "-1e-400",
                                            "0",
                                            "1e-400",
                                            "0.1",
                                            "0.10000000000000000000000000001",
                                            "0.11",
                                            "1",
                                            "1.0000000000000001",
                                            "9.99",
                                            "10",
                                            "10.01",
                                            "99",
                                            "100",
                                            "1e400",
                                            "1.1e400",
                                            "1e99999999999999999999"};
    static const char *const equal[][2] = {{"0", "-0"},    {"0", "0e5"},      {"1", "1.000"},
                                           {"100", "1e2"}, {"0.001", "1e-3"}, {"1200", "0.12E+4"}};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(ascending); i++) {
        for (size_t k = 0; k < RM_COUNT(ascending); k++) {
            struct rm_number a = rm_number_of(&arena, rm_str_of(ascending[i])),
                             b = rm_number_of(&arena, rm_str_of(ascending[k]));
            int cmp = rm_number_cmp(&a, &b);
            assert_true(i < k ? cmp < 0 : i > k ? cmp > 0 : cmp == 0);
        }
    }
    for (size_t i = 0; i < RM_COUNT(equal); i++) {
        struct rm_number a = rm_number_of(&arena, rm_str_of(equal[i][0])),
                         b = rm_number_of(&arena, rm_str_of(equal[i][1]));
        assert_int_equal(rm_number_cmp(&a, &b), 0);
    }
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords),        cmocka_unit_test(references),
        cmocka_unit_test(formats),         cmocka_unit_test(what_is_none),
        cmocka_unit_test(what_is_said),    cmocka_unit_test(what_means_nothing_is_said),
        cmocka_unit_test(work_is_bounded), cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
