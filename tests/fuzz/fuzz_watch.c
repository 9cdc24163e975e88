// An API server's event stream: bytes to lines to events to a store to hosts, as the watch does it. However the stream is cut into
// pieces, the events are the same. Input: one byte that says how it is cut, then the stream.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_event.h"
#include "sd/k8s_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_LINE_MOST ((size_t)8 << 10)

struct fuzz_run {
    struct rm_k8s_store store;
    unsigned puts, deletes, bookmarks, errors, others, broken;
};

static int fuzz_line(void *arg, struct rm_str line)
{
    struct fuzz_run *run = arg;
    struct rm_arena arena;
    struct rm_k8s_event event;
    struct rm_k8s_slice *old = NULL;
    RM_ASSERT(line.n > 0 && line.n <= FUZZ_LINE_MOST && !memchr(line.p, '\n', line.n));
    rm_arena_init(&arena, NULL);
    if (rm_k8s_event_parse(&arena, line, &event, NULL) != RM_OK) {
        RM_ASSERT(!event.slice);
        run->broken++;
        rm_arena_fini(&arena);
        return RM_OK; // the watch would stop here; more is tried this way
    }
    switch (event.kind) {
    case RM_K8S_PUT:
        run->puts++;
        RM_ASSERT(event.slice && event.slice->name.n > 0 && event.version.n > 0);
        old = rm_k8s_store_put(&run->store, event.slice);
        break;
    case RM_K8S_DELETE:
        run->deletes++;
        RM_ASSERT(event.slice);
        old = rm_k8s_store_take(&run->store, event.slice->namespace_, event.slice->name);
        rm_k8s_slice_free(event.slice);
        break;
    case RM_K8S_BOOKMARK:
        run->bookmarks++;
        RM_ASSERT(!event.slice && event.version.n > 0);
        break;
    case RM_K8S_ERROR:
        run->errors++;
        RM_ASSERT(!event.slice);
        break;
    case RM_K8S_OTHER:
        run->others++;
        RM_ASSERT(!event.slice);
        break;
    }
    rm_k8s_slice_free(old);
    rm_arena_fini(&arena);
    return RM_OK;
}

static void fuzz_find(struct fuzz_run *run)
{
    static const struct rm_k8s_want wants[] = {
        {.service = {"cart", 4}, .port = {"http", 4}, .zone = {"zone-a", 6}, .node = {"node-a", 6}},
        {.service = {"cart", 4}, .port_number = 8080, .addresses = RM_K8S_ONLY_IPV4},
        {.service = {"cart", 4}, .addresses = RM_K8S_ONLY_IPV6, .scheme = {"https", 5}},
        {.service = {"", 0}},
    };
    for (size_t i = 0; i < RM_COUNT(wants); i++) {
        struct rm_arena arena;
        struct rm_k8s_found found;
        rm_arena_init(&arena, NULL);
        rm_k8s_store_find(&run->store, &arena, &wants[i], &found);
        RM_ASSERT(found.n <= found.n_endpoints);
        bool any_ready = false, any_hinted = false;
        for (size_t k = 0; k < found.n; k++) {
            RM_ASSERT(found.hosts[k].port > 0 && found.hosts[k].address.n > 0 && found.hosts[k].weight == 1);
            RM_ASSERT(k == 0 || rm_str_cmp(found.hosts[k - 1].address, found.hosts[k].address) < 0 ||
                      found.hosts[k - 1].port < found.hosts[k].port); // each once, in order
            any_ready |= found.hosts[k].state == RM_HOST_READY;
            any_hinted |= found.hosts[k].hinted;
        }
        RM_ASSERT(!any_hinted || any_ready);
        struct rm_snapshot *list = rm_snapshot_new(found.hosts, found.n);
        rm_snapshot_unref(list);
        rm_arena_fini(&arena);
    }
}

// Pieces of 1 to 64 bytes whose lengths follow from `seed`; 0: all at once.
static void fuzz_feed(struct fuzz_run *run, struct rm_str in, unsigned seed)
{
    struct rm_k8s_lines lines;
    rm_k8s_lines_init(&lines, FUZZ_LINE_MOST);
    rm_k8s_store_init(&run->store);
    while (in.n > 0) {
        size_t n = seed ? 1 + (seed = seed * 1103515245U + 12345U) / 65536U % 64U : in.n;
        n = n < in.n ? n : in.n;
        if (rm_k8s_lines_feed(&lines, rm_str_sub(in, 0, n), fuzz_line, run) != RM_OK)
            break;
        in = rm_str_sub(in, n, in.n);
    }
    fuzz_find(run);
    rm_k8s_store_free(&run->store);
    rm_k8s_lines_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_run whole = {0}, cut = {0};
    if (size == 0)
        return 0;
    struct rm_str in = {(const char *)data + 1, size - 1};
    fuzz_feed(&whole, in, 0);
    fuzz_feed(&cut, in, 1U + data[0]);
    RM_ASSERT(whole.puts == cut.puts && whole.deletes == cut.deletes && whole.bookmarks == cut.bookmarks &&
              whole.errors == cut.errors && whole.others == cut.others && whole.broken == cut.broken);
    return 0;
}
