// mapping: renames members of the root. All renames are of the names that the answer came with, so that chains and swaps have one
// meaning (in KrakenD their order is random, and a name mapped to itself disappears).
// SPDX-License-Identifier: Apache-2.0
#include <remora/step.h>

#include <stdlib.h>

struct mapping_rule {
    struct rm_str from; // first, so that one comparison orders rules and names
    uint32_t to;        // index into the new names
    uint32_t order;     // in the configuration
};

struct mapping {
    uint32_t n, names_n;
    struct mapping_rule *rules; // sorted by from
    struct rm_str *names;       // the new names, sorted, each once
};

// The member that gets a new name, of those that are mapped to it.
struct mapping_winner {
    struct rm_value *member; // NULL: none is there
    uint32_t order;
};

// Of two names, or of what begins with one.
static int mapping_compare(const void *a, const void *b)
{
    return rm_str_cmp(*(const struct rm_str *)a, *(const struct rm_str *)b);
}

static const struct mapping_rule *mapping_rule_of(const struct mapping *mapping, struct rm_str name)
{
    return bsearch(&name, mapping->rules, mapping->n, sizeof(*mapping->rules), mapping_compare);
}

static const struct rm_str *mapping_name_of(const struct mapping *mapping, struct rm_str name)
{
    return bsearch(&name, mapping->names, mapping->names_n, sizeof(name), mapping_compare);
}

// KrakenD takes what stands before the first dot.
static struct rm_str mapping_new_name(struct rm_arena *arena, const struct rm_value *conf)
{
    struct rm_str text = rm_arena_dup(arena, rm_value_text(arena, conf));
    const char *dot = memchr(text.p, '.', text.n);
    return dot ? rm_str_sub(text, 0, (size_t)(dot - text.p)) : text;
}

static int mapping_open(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err)
{
    rm_value_open(arena, conf);
    if (conf->type != RM_OBJECT)
        return rm_fail(err, RM_ECONF, "expected an object of old and new names");
    if (conf->n == 0)
        return RM_OK;
    struct mapping *mapping = RM_NEW(arena, struct mapping);
    mapping->rules = RM_NEW_ARRAY(arena, struct mapping_rule, conf->n);
    mapping->names = RM_NEW_ARRAY(arena, struct rm_str, conf->n);
    struct rm_str *wanted = RM_NEW_ARRAY(arena, struct rm_str, conf->n);
    for (struct rm_value *member = conf->first; member; member = member->next) {
        if (member->type != RM_STRING)
            return rm_fail(err, RM_ECONF, "the new name of '%.*s' is no text", (int)member->key.n, member->key.p);
        wanted[mapping->n] = mapping_new_name(arena, member);
        mapping->names[mapping->n] = wanted[mapping->n];
        mapping->rules[mapping->n] =
            (struct mapping_rule){.from = rm_arena_dup(arena, member->key), .order = mapping->n};
        mapping->n++;
    }
    qsort(mapping->names, mapping->n, sizeof(*mapping->names), mapping_compare);
    for (uint32_t i = 0; i < mapping->n; i++) {
        if (i == 0 || !rm_str_eq(mapping->names[i], mapping->names[mapping->names_n - 1]))
            mapping->names[mapping->names_n++] = mapping->names[i];
    }
    for (uint32_t i = 0; i < mapping->n; i++)
        mapping->rules[i].to = (uint32_t)(mapping_name_of(mapping, wanted[i]) - mapping->names);
    qsort(mapping->rules, mapping->n, sizeof(*mapping->rules), mapping_compare);
    *self = mapping;
    return RM_OK;
}

// Renames the member if it is to be; false: another one takes its name, or the name that it would get.
static bool mapping_keeps(const struct mapping *mapping, const struct mapping_winner *winners, struct rm_value *member)
{
    const struct mapping_rule *rule = mapping_rule_of(mapping, member->key);
    if (rule) {
        member->key = mapping->names[rule->to];
        return winners[rule->to].member == member;
    }
    const struct rm_str *name = mapping_name_of(mapping, member->key);
    return !name || !winners[name - mapping->names].member;
}

static struct rm_value *mapping_apply(const void *self, struct rm_arena *request, struct rm_value *data)
{
    const struct mapping *mapping = self;
    if (!data)
        return NULL;
    struct mapping_winner *winners = RM_NEW_ARRAY(request, struct mapping_winner, mapping->names_n);
    rm_value_open(request, data);
    for (struct rm_value *member = data->first; member; member = member->next) {
        const struct mapping_rule *rule = mapping_rule_of(mapping, member->key);
        // Two that are mapped to one name: the later rule counts.
        if (rule && (!winners[rule->to].member || winners[rule->to].order < rule->order))
            winners[rule->to] = (struct mapping_winner){member, rule->order};
    }
    struct rm_value *list = data->first;
    struct rm_value **place = &data->first;
    data->last = NULL;
    data->n = 0;
    while (list) {
        struct rm_value *member = list;
        list = list->next;
        if (!mapping_keeps(mapping, winners, member))
            continue;
        *place = member;
        place = &member->next;
        data->last = member;
        data->n++;
    }
    *place = NULL;
    return data;
}

static uint32_t mapping_depth(const void *self)
{
    (void)self;
    return 1;
}

const struct rm_step_ops rm_step_mapping = {"mapping", mapping_open, mapping_apply, mapping_depth};
