// Requests before they are sent: what is refused, and which lines an engine writes. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "net/request.h"

#include "net/hop.h"
#include "net/text.h"

static bool request_is_target(struct rm_str target)
{
    for (size_t i = 0; i < target.n; i++) {
        unsigned char c = (unsigned char)target.p[i];
        if (c <= ' ' || c == 0x7f || c == '#')
            return false;
    }
    return target.n > 0 && target.p[0] == '/';
}

int rm_request_check(const struct rm_exchange *x, struct rm_err *err)
{
    if (!rm_str_eq(x->host->scheme, RM_STR("http")) && !rm_str_eq(x->host->scheme, RM_STR("https")))
        return rm_fail(err, RM_EREQUEST, "scheme other than http and https");
    if (!rm_text_is_token(x->method) || rm_str_eq(x->method, RM_STR("CONNECT")))
        return rm_fail(err, RM_EREQUEST, "malformed request method");
    if (!request_is_target(x->target))
        return rm_fail(err, RM_EREQUEST, "malformed request target");
    // Nothing that a URL parser could take for another part.
    if (!rm_text_is_host(x->host->name) || x->host->name.n > 255 || !rm_text_is_host(x->host->address) ||
        x->host->address.n > 63)
        return rm_fail(err, RM_EREQUEST, "malformed host name");
    for (uint32_t i = 0; i < x->headers.n; i++) {
        if (!rm_text_is_token(x->headers.v[i].name))
            return rm_fail(err, RM_EREQUEST, "malformed request header name");
        if (!rm_text_is_value(x->headers.v[i].value))
            return rm_fail(err, RM_EREQUEST, "control character in a request header");
    }
    return RM_OK;
}

bool rm_request_skips(struct rm_str name)
{
    switch (name.n) {
    case 4:
        return rm_str_eq_nocase(name, RM_STR("host"));
    case 6:
        return rm_str_eq_nocase(name, RM_STR("expect"));
    case 14:
        if (rm_str_eq_nocase(name, RM_STR("content-length")))
            return true;
        break;
    default:
        break;
    }
    return rm_hop_is(name);
}

static bool request_is_one_of(struct rm_str method, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (rm_str_eq(method, rm_str_of(names[i])))
            return true;
    }
    return false;
}

enum rm_request_body rm_request_body_of(const struct rm_exchange *x)
{
    static const char *const always[] = {"POST", "PUT", "PATCH"};
    if (rm_str_eq(x->method, RM_STR("HEAD")))
        return RM_REQUEST_NO_BODY; // a body there has no meaning (RFC 9110 9.3.2)
    if (x->source)
        return RM_REQUEST_SOURCE;
    if (x->has_body || x->body.n > 0 || request_is_one_of(x->method, always, RM_COUNT(always)))
        return RM_REQUEST_BUFFER;
    return RM_REQUEST_NO_BODY;
}

bool rm_request_is_repeatable(const struct rm_exchange *x)
{
    static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    return request_is_one_of(x->method, idempotent, RM_COUNT(idempotent));
}

bool rm_request_asks_gzip(const struct rm_exchange *x)
{
    return x->gzip == RM_GZIP_ASK && !rm_str_eq(x->method, RM_STR("HEAD")) &&
           !rm_headers_find(&x->headers, RM_STR("accept-encoding")) && !rm_headers_find(&x->headers, RM_STR("range"));
}

// ---- text ------------------------------------------------------------------------------------------------------------

static int request_put(struct rm_buf *out, struct rm_str name, struct rm_str between, struct rm_str value)
{
    int code = rm_buf_reserve(out, name.n + between.n + value.n + 1);
    if (code == RM_OK)
        code = rm_buf_append(out, name);
    if (code == RM_OK)
        code = rm_buf_append(out, between);
    if (code == RM_OK)
        code = rm_buf_append(out, value);
    if (code == RM_OK)
        code = rm_buf_append(out, (struct rm_str){"", 1});
    return code;
}

static int request_put_line(struct rm_buf *out, size_t *n, struct rm_str name, struct rm_str value)
{
    const struct rm_str nothing = {"", 0};
    value = rm_text_trim(value);
    ++*n;
    return value.n > 0 ? request_put(out, name, RM_STR(": "), value) : request_put(out, name, RM_STR(";"), nothing);
}

static int request_put_raw(struct rm_buf *out, size_t *n, const char *line)
{
    const struct rm_str nothing = {"", 0};
    ++*n;
    return request_put(out, rm_str_of(line), nothing, nothing);
}

int rm_request_text(const struct rm_exchange *x, bool keep_alive, struct rm_buf *out, size_t *n_lines,
                    struct rm_err *err)
{
    const struct rm_str nothing = {"", 0};
    enum rm_request_body body = rm_request_body_of(x);
    bool has_accept = false, has_type = false;
    int code = request_put(out, x->method, nothing, nothing);
    if (code == RM_OK)
        code = request_put(out, x->target, nothing, nothing);
    *n_lines = 0;
    for (uint32_t i = 0; i < x->headers.n && code == RM_OK; i++) {
        const struct rm_header *header = &x->headers.v[i];
        if (rm_request_skips(header->name))
            continue;
        has_accept = has_accept || rm_str_eq_nocase(header->name, RM_STR("accept"));
        has_type = has_type || rm_str_eq_nocase(header->name, RM_STR("content-type"));
        code = request_put_line(out, n_lines, header->name, header->value);
    }
    if (code == RM_OK && rm_request_asks_gzip(x))
        code = request_put_raw(out, n_lines, "Accept-Encoding: gzip");
    if (code == RM_OK && !keep_alive)
        code = request_put_raw(out, n_lines, "Connection: close");
    if (code == RM_OK && !has_accept)
        code = request_put_raw(out, n_lines, "Accept:");
    if (code == RM_OK && body == RM_REQUEST_BUFFER && !has_type)
        code = request_put_raw(out, n_lines, "Content-Type:");
    if (code == RM_OK && body != RM_REQUEST_NO_BODY)
        code = request_put_raw(out, n_lines, "Expect:");
    return code == RM_OK ? RM_OK : rm_fail(err, RM_EREQUEST, "request head of more than %zu bytes", out->max);
}

// ---- on the wire -----------------------------------------------------------------------------------------------------

#define REQUEST_OWN_BYTES ((size_t)192) // the lines and separators that do not depend on the caller's texts

static char *request_copy(char *to, struct rm_str text)
{
    if (text.n > 0)
        memcpy(to, text.p, text.n);
    return to + text.n;
}

static char *request_copy_number(char *to, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return request_copy(to, (struct rm_str){digits + at, sizeof(digits) - at});
}

static char *request_copy_framing(char *to, const struct rm_exchange *x)
{
    enum rm_request_body body = rm_request_body_of(x);
    if (body == RM_REQUEST_NO_BODY)
        return to;
    if (body == RM_REQUEST_SOURCE && x->source->length < 0)
        return request_copy(to, RM_STR("Transfer-Encoding: chunked\r\n"));
    to = request_copy(to, RM_STR("Content-Length: "));
    to = request_copy_number(to, body == RM_REQUEST_BUFFER ? x->body.n : (uint64_t)x->source->length);
    return request_copy(to, RM_STR("\r\n"));
}

int rm_request_head(const struct rm_exchange *x, struct rm_str host_line, bool keep_alive, struct rm_buf *out,
                    struct rm_err *err)
{
    size_t most = x->method.n + x->target.n + host_line.n + REQUEST_OWN_BYTES;
    for (uint32_t i = 0; i < x->headers.n; i++)
        most += x->headers.v[i].name.n + x->headers.v[i].value.n + 4;
    if (rm_buf_reserve(out, most) != RM_OK)
        return rm_fail(err, RM_EREQUEST, "request head of more than %zu bytes", out->max);
    char *to = request_copy(out->p + out->n, x->method);
    *to++ = ' ';
    to = request_copy(to, x->target);
    to = request_copy(to, RM_STR(" HTTP/1.1\r\n"));
    to = request_copy(to, host_line);
    for (uint32_t i = 0; i < x->headers.n; i++) {
        const struct rm_header *header = &x->headers.v[i];
        if (rm_request_skips(header->name))
            continue;
        to = request_copy(to, header->name);
        to = request_copy(to, RM_STR(": "));
        to = request_copy(to, rm_text_trim(header->value));
        to = request_copy(to, RM_STR("\r\n"));
    }
    if (rm_request_asks_gzip(x))
        to = request_copy(to, RM_STR("Accept-Encoding: gzip\r\n"));
    if (!keep_alive)
        to = request_copy(to, RM_STR("Connection: close\r\n"));
    to = request_copy_framing(to, x);
    to = request_copy(to, RM_STR("\r\n"));
    out->n = (size_t)(to - out->p);
    RM_ASSERT(out->n <= out->cap);
    return RM_OK;
}
