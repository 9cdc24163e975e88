// Which host a call gets, over many picks: weights, priorities, zones, hints, subsets, hashing, chance and load.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "pool/view.h"

#include <stdio.h>
#include <stdlib.h>

enum { PICKS = 10000, MOST = 64 };

static struct rm_host hosts[MOST];
static size_t n_hosts;

// A host of port 1, 2, …
static struct rm_host *add(uint32_t weight, uint16_t priority, const char *zone)
{
    struct rm_host *host = &hosts[n_hosts++];
    *host = (struct rm_host){.scheme = RM_STR("http"), .address = RM_STR("10.0.0.1"), .name = RM_STR("h")};
    host->port = (uint16_t)n_hosts;
    host->weight = weight;
    host->priority = priority;
    host->zone = rm_str_of(zone);
    return host;
}

static int begin(void **state)
{
    (void)state;
    n_hosts = 0;
    return 0;
}

// The list stays as long as the view.
static const struct rm_snapshot *view_of(struct rm_pool_view *view, const struct rm_balance *balance)
{
    struct rm_snapshot *list = rm_snapshot_new(hosts, n_hosts);
    rm_pool_view_init(view, balance);
    rm_pool_view_set(view, list);
    return list;
}

static uint16_t pick(struct rm_pool_view *view, uint64_t hash)
{
    const struct rm_pick_ask ask = {.now_us = 1, .hash = hash};
    struct rm_pick pick;
    const struct rm_host *host = rm_pool_pick(view, &ask, &pick);
    uint16_t port = host ? host->port : 0;
    rm_pool_release(&pick);
    return port;
}

static void spread(const struct rm_balance *balance, uint32_t *counts)
{
    struct rm_pool_view view;
    view_of(&view, balance);
    memset(counts, 0, (n_hosts + 1) * sizeof(*counts));
    for (int i = 0; i < PICKS; i++)
        counts[pick(&view, 0)]++;
    rm_pool_view_fini(&view);
}

// Within 3 % of all picks.
static void near(uint32_t count, double share)
{
    assert_in_range(count + PICKS, (uint32_t)(PICKS * (1 + share - 0.03)), (uint32_t)(PICKS * (1 + share + 0.03)));
}

static void set_out(const struct rm_snapshot *list, uint16_t port, uint64_t until_us)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (list->host[i].port == port)
            atomic_store(&list->cell[i]->out_until_us, until_us);
    }
}

static const enum rm_balancer by_weight[] = {RM_ROUND_ROBIN, RM_LEAST_REQUEST, RM_RANDOM, RM_HASH};

// ---- weights and tiers -----------------------------------------------------------------------------------------------

static void weights_1_2_0(void **state)
{
    (void)state;
    uint32_t counts[MOST];
    add(1, 0, "");
    add(2, 0, "");
    add(0, 0, "");
    for (size_t i = 0; i < RM_COUNT(by_weight); i++) {
        const struct rm_balance balance = {.balancer = by_weight[i]}; // hash without a key: by chance
        spread(&balance, counts);
        near(counts[1], 1.0 / 3);
        near(counts[2], 2.0 / 3);
        assert_int_equal(counts[3], 0);
    }
}

static void hash_spreads_by_weight(void **state)
{
    (void)state;
    for (int equal = 0; equal < 2; equal++) {
        n_hosts = 0;
        add(1, 0, "");
        add(equal ? 1 : 2, 0, "");
        add(equal ? 1 : 0, 0, "");
        struct rm_pool_view view;
        view_of(&view, &(struct rm_balance){.balancer = RM_HASH});
        uint32_t counts[MOST] = {0};
        for (uint64_t key = 1; key <= PICKS; key++)
            counts[pick(&view, rm_hash_mix(key))]++;
        near(counts[1], 1.0 / 3);
        near(counts[2], equal ? 1.0 / 3 : 2.0 / 3);
        near(counts[3], equal ? 1.0 / 3 : 0);
        rm_pool_view_fini(&view);
    }
}

// Priority 1 only when all of 0 are out, weight 0 before that; and back.
static void priorities_are_tiers(void **state)
{
    (void)state;
    add(1, 0, "");
    add(1, 1, "");
    add(3, 1, "");
    add(0, 0, "");
    for (size_t i = 0; i < RM_COUNT(by_weight); i++) {
        struct rm_balance balance = {.balancer = by_weight[i], .ejects = true};
        struct rm_pool_view view;
        const struct rm_snapshot *list = view_of(&view, &balance);
        uint32_t counts[3][MOST] = {{0}};
        for (int round = 0; round < 3; round++) {
            for (int k = 0; k < PICKS; k++)
                counts[round][pick(&view, 0)]++;
            set_out(list, round ? 4 : 1, UINT64_MAX);
        }
        assert_int_equal(counts[0][1], PICKS);
        assert_int_equal(counts[1][4], PICKS);
        near(counts[2][2], 0.25);
        near(counts[2][3], 0.75);
        assert_int_equal(counts[2][2] + counts[2][3], PICKS);
        set_out(list, 1, 0);
        assert_int_equal(pick(&view, 0), 1);
        rm_pool_view_fini(&view);
    }
}

static void terminating_hosts_are_the_last_resort(void **state)
{
    (void)state;
    uint32_t counts[MOST];
    add(1, 0, "")->state = RM_HOST_TERMINATING;
    add(1, 7, "");
    spread(&(struct rm_balance){0}, counts);
    assert_int_equal(counts[2], PICKS);
    hosts[1].state = RM_HOST_TERMINATING;
    spread(&(struct rm_balance){0}, counts);
    assert_int_equal(counts[1], PICKS);
}

// ---- zones -----------------------------------------------------------------------------------------------------------

static struct rm_balance zone_rule(enum rm_zone_rule rule, const char *zone)
{
    return (struct rm_balance){.zone_rule = rule, .zone_min_percent = 20, .zone = rm_str_of(zone), .ejects = true};
}

static void hints_first(void **state)
{
    (void)state;
    uint32_t counts[MOST];
    add(1, 0, "a")->hinted = true;
    add(1, 0, "a");
    add(1, 0, "b")->hinted = true;
    add(1, 0, "b");
    static const enum rm_zone_rule rules[] = {RM_ZONE_HINTS, RM_ZONE_PREFER};
    for (size_t i = 0; i < RM_COUNT(rules); i++) {
        const struct rm_balance balance = zone_rule(rules[i], "b");
        spread(&balance, counts);
        near(counts[1], 0.5); // the source's word counts, not the zone's
        near(counts[3], 0.5);
    }
    const struct rm_balance off = zone_rule(RM_ZONE_OFF, "b");
    spread(&off, counts);
    near(counts[2], 0.25);
}

static void our_zone_first_if_it_has_its_share(void **state)
{
    (void)state;
    uint32_t counts[MOST];
    const struct rm_balance prefer = zone_rule(RM_ZONE_PREFER, "b");
    for (int i = 0; i < 8; i++)
        add(1, 0, "a");
    add(1, 0, "b");
    spread(&prefer, counts); // 1 of 9: too few
    near(counts[1], 1.0 / 9);
    near(counts[9], 1.0 / 9);
    add(1, 0, "b");
    spread(&prefer, counts); // 2 of 10: 20 %
    near(counts[9], 0.5);
    near(counts[10], 0.5);
    static const char *const strange[] = {"c", ""};
    for (size_t i = 0; i < RM_COUNT(strange); i++) {
        const struct rm_balance balance = zone_rule(RM_ZONE_PREFER, strange[i]);
        spread(&balance, counts);
        near(counts[1], 0.1);
        near(counts[10], 0.1);
    }
    const struct rm_balance hints = zone_rule(RM_ZONE_HINTS, "b"); // there are none
    spread(&hints, counts);
    near(counts[1], 0.1);
}

static void a_zone_without_usable_hosts_spills_over(void **state)
{
    (void)state;
    add(1, 0, "a");
    add(1, 0, "b");
    add(1, 0, "b");
    struct rm_pool_view view;
    const struct rm_balance prefer = zone_rule(RM_ZONE_PREFER, "b");
    const struct rm_snapshot *list = view_of(&view, &prefer);
    set_out(list, 2, UINT64_MAX);
    assert_int_equal(pick(&view, 0), 3);
    assert_int_equal(pick(&view, 0), 3);
    set_out(list, 3, UINT64_MAX);
    assert_int_equal(pick(&view, 0), 1);
    rm_pool_view_fini(&view);
}

// ---- subset ----------------------------------------------------------------------------------------------------------

static void a_subset_is_small_stable_and_differs_between_pods(void **state)
{
    (void)state;
    enum { HOSTS = 40, PODS = 100, SUBSET = 5 };
    uint32_t used[MOST] = {0}, counts[MOST], before[MOST];
    for (int i = 0; i < HOSTS; i++)
        add(1, 0, "");
    for (uint64_t pod = 1; pod <= PODS; pod++) {
        const struct rm_balance balance = {.subset = SUBSET, .identity = rm_hash_mix(pod)};
        spread(&balance, counts);
        uint32_t n = 0;
        for (uint32_t port = 1; port <= HOSTS; port++) {
            n += counts[port] > 0;
            used[port] += counts[port] > 0;
            if (counts[port] > 0)
                near(counts[port], 1.0 / SUBSET);
        }
        assert_int_equal(n, SUBSET);
        memcpy(before, counts, sizeof(before));
        // One of them leaves: the others stay, one comes in its place.
        uint32_t gone = 1;
        while (!counts[gone])
            gone++;
        struct rm_host kept = hosts[gone - 1];
        hosts[gone - 1] = hosts[--n_hosts];
        spread(&balance, counts);
        hosts[n_hosts++] = hosts[gone - 1]; // the order of a list does not matter
        hosts[gone - 1] = kept;
        uint32_t stayed = 0;
        for (uint32_t port = 1; port <= HOSTS; port++)
            stayed += before[port] > 0 && counts[port] > 0;
        assert_int_equal(stayed, SUBSET - 1);
        assert_int_equal(counts[gone], 0);
    }
    for (uint32_t port = 1; port <= HOSTS; port++)
        assert_in_range(used[port], 1, 3 * PODS * SUBSET / HOSTS);
}

static void a_dead_subset_gives_way(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        add(1, 0, "");
    struct rm_pool_view view;
    const struct rm_snapshot *list = view_of(&view, &(struct rm_balance){.subset = 1, .identity = 7, .ejects = true});
    uint16_t port = pick(&view, 0);
    assert_int_equal(pick(&view, 0), port);
    set_out(list, port, UINT64_MAX);
    assert_int_not_equal(pick(&view, 0), port);
    rm_pool_view_fini(&view);
}

// ---- hash ------------------------------------------------------------------------------------------------------------

// A key keeps its host, in any order of the list; when a host goes, only its keys move, to all the others alike.
static void hashing_is_consistent(void **state)
{
    (void)state;
    enum { HOSTS = 10 };
    for (int weighted = 0; weighted < 2; weighted++) {
        n_hosts = 0;
        for (uint32_t i = 0; i < HOSTS; i++)
            add(weighted ? 1 + i % 3 : 1, 0, "");
        struct rm_pool_view all, fewer;
        const struct rm_snapshot *list = view_of(&all, &(struct rm_balance){.balancer = RM_HASH, .ejects = true});
        hosts[3] = hosts[--n_hosts]; // the fourth goes, the order changes
        view_of(&fewer, &(struct rm_balance){.balancer = RM_HASH});
        uint32_t moved_to[MOST] = {0}, of_fourth = 0;
        for (uint64_t key = 1; key <= PICKS; key++) {
            uint16_t before = pick(&all, rm_hash_mix(key)), after = pick(&fewer, rm_hash_mix(key));
            assert_int_equal(pick(&all, rm_hash_mix(key)), before);
            of_fourth += before == 4;
            if (before == 4)
                moved_to[after]++;
            else
                assert_int_equal(before, after);
        }
        assert_int_equal(moved_to[4], 0);
        for (uint32_t port = 1; port <= HOSTS; port++) {
            if (port != 4)
                assert_in_range(moved_to[port], 1, of_fourth / 3);
        }
        // One that is out moves its keys to the very same places, and gets them back.
        set_out(list, 4, UINT64_MAX);
        for (uint64_t key = 1; key <= PICKS; key++)
            assert_int_equal(pick(&all, rm_hash_mix(key)), pick(&fewer, rm_hash_mix(key)));
        set_out(list, 4, 0);
        uint32_t back = 0;
        for (uint64_t key = 1; key <= PICKS; key++)
            back += pick(&all, rm_hash_mix(key)) == 4;
        assert_int_equal(back, of_fourth);
        rm_pool_view_fini(&all);
        rm_pool_view_fini(&fewer);
    }
}

// ---- load ------------------------------------------------------------------------------------------------------------

// A host that does not answer gathers calls, and is left alone for that.
static void least_request_avoids_the_slow(void **state)
{
    (void)state;
    add(1, 0, "");
    add(1, 0, "");
    add(1, 0, "");
    struct rm_pool_view view;
    view_of(&view, &(struct rm_balance){.balancer = RM_LEAST_REQUEST});
    static struct rm_pick held[PICKS];
    uint32_t counts[4] = {0}, n_held = 0;
    for (int i = 0; i < PICKS; i++) {
        const struct rm_pick_ask ask = {0};
        struct rm_pick pick;
        uint16_t port = rm_pool_pick(&view, &ask, &pick)->port;
        counts[port]++;
        if (port == 1)
            held[n_held++] = pick; // never answers
        else
            rm_pool_release(&pick);
    }
    assert_int_equal(counts[1], 1); // the others are idle whenever they are asked
    struct rm_host_look look[3];
    assert_int_equal(rm_pool_view_look(&view, look, 3), 3);
    assert_int_equal(look[0].in_flight, n_held);
    assert_int_equal(look[1].in_flight, 0);
    assert_int_equal(look[0].picked + look[1].picked + look[2].picked, PICKS);
    rm_pool_view_set(&view, rm_snapshot_new(hosts, n_hosts)); // what runs is known in the next list too
    assert_int_not_equal(pick(&view, 0), 1);
    while (n_held > 0)
        rm_pool_release(&held[--n_held]);
    assert_int_equal(rm_pool_view_look(&view, look, 3), 3);
    assert_int_equal(look[0].in_flight, 0);
    rm_pool_view_fini(&view);
}

// Twice the weight may have twice as many running.
static void least_request_counts_weights(void **state)
{
    (void)state;
    add(1, 0, "");
    add(2, 0, "");
    struct rm_pool_view view;
    view_of(&view, &(struct rm_balance){.balancer = RM_LEAST_REQUEST});
    static struct rm_pick held[300];
    uint32_t counts[3] = {0};
    for (size_t i = 0; i < RM_COUNT(held); i++) {
        const struct rm_pick_ask ask = {0};
        counts[rm_pool_pick(&view, &ask, &held[i])->port]++;
    }
    assert_in_range(counts[1], 98, 102);
    for (size_t i = 0; i < RM_COUNT(held); i++)
        rm_pool_release(&held[i]);
    rm_pool_view_fini(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(weights_1_2_0, begin),
        cmocka_unit_test_setup(hash_spreads_by_weight, begin),
        cmocka_unit_test_setup(priorities_are_tiers, begin),
        cmocka_unit_test_setup(terminating_hosts_are_the_last_resort, begin),
        cmocka_unit_test_setup(hints_first, begin),
        cmocka_unit_test_setup(our_zone_first_if_it_has_its_share, begin),
        cmocka_unit_test_setup(a_zone_without_usable_hosts_spills_over, begin),
        cmocka_unit_test_setup(a_subset_is_small_stable_and_differs_between_pods, begin),
        cmocka_unit_test_setup(a_dead_subset_gives_way, begin),
        cmocka_unit_test_setup(hashing_is_consistent, begin),
        cmocka_unit_test_setup(least_request_avoids_the_slow, begin),
        cmocka_unit_test_setup(least_request_counts_weights, begin),
    };
    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
