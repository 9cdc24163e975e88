// Signature Version 4 (sigv4.h): the canonical request, the string to sign, the key of the day.
// SPDX-License-Identifier: Apache-2.0
#include "net/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <time.h>

#define HASH_BYTES 32

struct hash {
    unsigned char v[HASH_BYTES];
};

static struct rm_str sigv4_hex(struct rm_arena *arena, const struct hash *hash)
{
    static const char digits[] = "0123456789abcdef";
    char *out = rm_arena_alloc(arena, (size_t)2 * HASH_BYTES);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        out[2 * i] = digits[hash->v[i] >> 4];
        out[2 * i + 1] = digits[hash->v[i] & 15];
    }
    return (struct rm_str){out, (size_t)2 * HASH_BYTES};
}

static struct hash sigv4_hash(struct rm_str text)
{
    struct hash out;
    unsigned n = HASH_BYTES;
    RM_ASSERT(EVP_Digest(text.p ? text.p : "", text.n, out.v, &n, EVP_sha256(), NULL) == 1 && n == HASH_BYTES);
    return out;
}

static struct hash sigv4_hmac(struct rm_str key, struct rm_str text)
{
    struct hash out;
    unsigned n = HASH_BYTES;
    const unsigned char *p = (const unsigned char *)(text.p ? text.p : "");
    RM_ASSERT(HMAC(EVP_sha256(), key.p ? key.p : "", (int)key.n, p, text.n, out.v, &n) && n == HASH_BYTES);
    return out;
}

static struct rm_str hash_str(const struct hash *hash)
{
    return (struct rm_str){(const char *)hash->v, HASH_BYTES};
}

// ---- the canonical request -------------------------------------------------------------------------------------------

static bool sigv4_stands(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static char *sigv4_encode(char *to, struct rm_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (sigv4_stands((char)c)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return to;
}

struct rm_str rm_sigv4_encode(struct rm_arena *arena, struct rm_str text)
{
    char *out = rm_arena_alloc(arena, rm_mul_size(text.n, 3) + 1);
    return (struct rm_str){out, (size_t)(sigv4_encode(out, text) - out)};
}

// Without empty segments, "." and "..", each one encoded once more than on the wire.
static struct rm_str sigv4_path(struct rm_arena *arena, struct rm_str path)
{
    char *out = rm_arena_alloc(arena, rm_mul_size(path.n, 3) + 2), *to = out;
    bool ends = path.n == 0;
    for (size_t at = 0; at < path.n;) {
        size_t from = at;
        while (at < path.n && path.p[at] != '/')
            at++;
        struct rm_str segment = rm_str_sub(path, from, at);
        ends = at < path.n || segment.n == 0 || rm_str_eq(segment, RM_STR(".")) || rm_str_eq(segment, RM_STR(".."));
        at += at < path.n;
        if (rm_str_eq(segment, RM_STR(".."))) {
            while (to > out && *--to != '/') {
            }
        } else if (segment.n > 0 && !rm_str_eq(segment, RM_STR("."))) {
            *to++ = '/';
            to = sigv4_encode(to, segment);
        }
    }
    if (ends || to == out)
        *to++ = '/';
    return (struct rm_str){out, (size_t)(to - out)};
}

static int sigv4_compare(const void *a, const void *b)
{
    const struct rm_header *left = a, *right = b;
    int order = rm_str_cmp(left->name, right->name);
    return order != 0 ? order : rm_str_cmp(left->value, right->value);
}

// Pairs as they are on the wire, sorted, each with its '='.
static struct rm_str sigv4_query(struct rm_arena *arena, struct rm_str query)
{
    struct rm_headers pairs = {0};
    while (query.n > 0) {
        const char *end = memchr(query.p, '&', query.n);
        size_t n = end ? (size_t)(end - query.p) : query.n;
        struct rm_str pair = rm_str_sub(query, 0, n);
        const char *equals = memchr(pair.p, '=', n);
        size_t name = equals ? (size_t)(equals - pair.p) : n;
        query = rm_str_sub(query, end ? n + 1 : n, query.n);
        if (n > 0)
            rm_headers_add(arena, &pairs, rm_str_sub(pair, 0, name), rm_str_sub(pair, equals ? name + 1 : n, n));
    }
    if (pairs.n > 1)
        qsort(pairs.v, pairs.n, sizeof(*pairs.v), sigv4_compare);
    struct rm_buf out = {.max = SIZE_MAX};
    for (uint32_t i = 0; i < pairs.n; i++) {
        const struct rm_header *pair = &pairs.v[i];
        int rc = rm_buf_printf(&out, "%s%.*s=%.*s", i > 0 ? "&" : "", (int)pair->name.n, pair->name.p,
                               (int)pair->value.n, pair->value.p);
        RM_ASSERT(rc == RM_OK);
    }
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&out));
    rm_buf_free(&out);
    return text;
}

static struct rm_str sigv4_lower(struct rm_arena *arena, struct rm_str name)
{
    char *out = rm_arena_cstr(arena, name);
    for (size_t i = 0; i < name.n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + ('a' - 'A'));
    return (struct rm_str){out, name.n};
}

// Without blanks around it, and with one where there are more.
static struct rm_str sigv4_value(struct rm_arena *arena, struct rm_str value)
{
    char *out = rm_arena_alloc(arena, value.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < value.n; i++) {
        bool blank = value.p[i] == ' ' || value.p[i] == '\t';
        if (!blank || (n > 0 && out[n - 1] != ' '))
            out[n++] = blank ? ' ' : value.p[i];
    }
    n -= n > 0 && out[n - 1] == ' ';
    return (struct rm_str){out, n};
}

// The signed ones, sorted by name; of one name in the order in which they are sent.
static struct rm_headers sigv4_headers(struct rm_arena *arena, const struct rm_sigv4_in *in,
                                       const struct rm_headers *sent)
{
    static const struct rm_str amz = {"x-amz-", 6};
    struct rm_headers out = {0};
    rm_headers_add(arena, &out, RM_STR("host"), in->host);
    for (uint32_t i = 0; i < sent->n; i++) {
        struct rm_str name = sigv4_lower(arena, sent->v[i].name);
        if (rm_str_starts(name, amz) || rm_str_eq(name, RM_STR("content-type")))
            rm_headers_add(arena, &out, name, sigv4_value(arena, sent->v[i].value));
    }
    for (uint32_t i = 1; i < out.n; i++) { // few, and the order of equal ones stays
        struct rm_header one = out.v[i];
        uint32_t k = i;
        for (; k > 0 && rm_str_cmp(out.v[k - 1].name, one.name) > 0; k--)
            out.v[k] = out.v[k - 1];
        out.v[k] = one;
    }
    return out;
}

// "host;x-amz-date", and a line for each header in `lines`.
static struct rm_str sigv4_names(struct rm_arena *arena, const struct rm_headers *signed_ones, struct rm_str *lines)
{
    struct rm_str names = {"", 0};
    *lines = (struct rm_str){"", 0};
    for (uint32_t i = 0; i < signed_ones->n; i++) {
        const struct rm_header *one = &signed_ones->v[i];
        bool again = i > 0 && rm_str_eq(signed_ones->v[i - 1].name, one->name);
        if (again)
            *lines =
                rm_arena_printf(arena, "%.*s,%.*s\n", (int)lines->n - 1, lines->p, (int)one->value.n, one->value.p);
        else
            *lines = rm_arena_printf(arena, "%.*s%.*s:%.*s\n", (int)lines->n, lines->p, (int)one->name.n, one->name.p,
                                     (int)one->value.n, one->value.p);
        if (!again)
            names = rm_arena_printf(arena, "%.*s%s%.*s", (int)names.n, names.p, names.n > 0 ? ";" : "",
                                    (int)one->name.n, one->name.p);
    }
    return names;
}

// ---- sigv4.h ---------------------------------------------------------------------------------------------------------

void rm_sigv4_sign(struct rm_arena *arena, const struct rm_sigv4_key *key, const struct rm_sigv4_in *in,
                   struct rm_headers *to)
{
    char date[17];
    struct tm tm;
    time_t at = (time_t)in->unix_s;
    RM_ASSERT(gmtime_r(&at, &tm) && strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm) == 16);
    struct rm_headers sent = {0};
    for (uint32_t i = 0; i < in->headers->n; i++)
        rm_headers_add(arena, &sent, in->headers->v[i].name, in->headers->v[i].value);
    rm_headers_add(arena, &sent, RM_STR("X-Amz-Date"), rm_arena_dup(arena, rm_str_of(date)));
    if (key->token.n > 0)
        rm_headers_add(arena, &sent, RM_STR("X-Amz-Security-Token"), key->token);

    const char *mark = in->target.n > 0 ? memchr(in->target.p, '?', in->target.n) : NULL;
    size_t path_n = mark ? (size_t)(mark - in->target.p) : in->target.n;
    struct rm_str path = sigv4_path(arena, rm_str_sub(in->target, 0, path_n));
    struct rm_str query = sigv4_query(arena, rm_str_sub(in->target, mark ? path_n + 1 : path_n, in->target.n)), lines;
    struct rm_headers signed_ones = sigv4_headers(arena, in, &sent);
    struct rm_str names = sigv4_names(arena, &signed_ones, &lines);
    struct hash payload = sigv4_hash(in->payload);
    struct rm_str hex = sigv4_hex(arena, &payload);
    struct rm_str request =
        rm_arena_printf(arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", (int)in->method.n, in->method.p, (int)path.n,
                        path.p, (int)query.n, query.p, (int)lines.n, lines.p, (int)names.n, names.p, (int)hex.n, hex.p);

    struct rm_str scope = rm_arena_printf(arena, "%.8s/%.*s/%.*s/aws4_request", date, (int)in->region.n, in->region.p,
                                          (int)in->service.n, in->service.p);
    struct hash whole = sigv4_hash(request);
    struct rm_str whole_hex = sigv4_hex(arena, &whole);
    struct rm_str text = rm_arena_printf(arena, "AWS4-HMAC-SHA256\n%s\n%.*s\n%.*s", date, (int)scope.n, scope.p,
                                         (int)whole_hex.n, whole_hex.p);

    struct rm_str secret = rm_arena_printf(arena, "AWS4%.*s", (int)key->secret.n, key->secret.p);
    struct hash step = sigv4_hmac(secret, (struct rm_str){date, 8});
    explicit_bzero((void *)(uintptr_t)secret.p, secret.n);
    const struct rm_str steps[] = {in->region, in->service, RM_STR("aws4_request"), text};
    for (size_t i = 0; i < RM_COUNT(steps); i++)
        step = sigv4_hmac(hash_str(&step), steps[i]);
    struct rm_str signature = sigv4_hex(arena, &step);
    rm_headers_add(arena, &sent, RM_STR("Authorization"),
                   rm_arena_printf(arena, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%.*s",
                                   (int)key->id.n, key->id.p, (int)scope.n, scope.p, (int)names.n, names.p,
                                   (int)signature.n, signature.p));
    *to = sent;
}
