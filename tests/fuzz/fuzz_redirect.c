// A backend's Location: whatever it says, the next target is one that may go out, and at the same place. Input: status and flags, the
// base target up to a newline, then the Location.
// SPDX-License-Identifier: Apache-2.0
#include "net/redirect.h"
#include "net/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_has_dots(struct rm_str path)
{
    const char *mark = memchr(path.p, '?', path.n);
    size_t end = mark ? (size_t)(mark - path.p) : path.n;
    for (size_t i = 0; i < end; i++) {
        if (path.p[i] != '/')
            continue;
        size_t n = 0;
        while (i + 1 + n < end && path.p[i + 1 + n] != '/')
            n++;
        if ((n == 1 && path.p[i + 1] == '.') || (n == 2 && path.p[i + 1] == '.' && path.p[i + 2] == '.'))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {301, 302, 303, 307, 308, 200, 304, 300};
    if (size < 1)
        return 0;
    struct rm_host host = {.scheme = data[0] & 8 ? RM_STR("https") : RM_STR("http"),
                           .address = RM_STR("127.0.0.1"),
                           .name = RM_STR("a.example"),
                           .port = data[0] & 16 ? 8080 : 80};
    struct rm_str text = {(const char *)data + 1, size - 1};
    const char *lf = memchr(text.p, '\n', text.n);
    size_t n = lf ? (size_t)(lf - text.p) : 0;
    struct rm_exchange x = {.host = &host, .method = RM_STR("GET"), .target = rm_str_sub(text, 0, n)};
    if (rm_request_check(&x, NULL) != RM_OK)
        x.target = RM_STR("/b/c/d;p?q");
    struct rm_header location = {RM_STR("Location"), rm_str_sub(text, lf ? n + 1 : 0, text.n)};
    struct rm_redirect_in in = {
        .method = x.method, .target = x.target, .host = &host, .status = statuses[data[0] & 7], .location = &location};
    struct rm_redirect out;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    int rc = rm_redirect_next(&arena, &in, &out, NULL);
    RM_ASSERT(rc == 0 || rc == 1 || rc == RM_EREDIRECT);
    if (rc == 1) {
        bool resolved = !rm_str_eq(out.target, x.target); // the base itself may have dots: the caller's own
        x.target = out.target;
        RM_ASSERT(rm_request_check(&x, NULL) == RM_OK);
        RM_ASSERT(!resolved || location.value.n == 0 || location.value.p[0] != '/' || !fuzz_has_dots(out.target));
    }
    rm_arena_fini(&arena);
    return 0;
}
