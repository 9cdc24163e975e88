// Status line and field lines, one at a time. Owns nothing: texts go into the exchange's arena. Anything that two readers could
// understand in two ways is refused, not mended.
// SPDX-License-Identifier: Apache-2.0
#include "net/answer_head.h"

#include "net/hop.h"
#include "net/text.h"

void rm_answer_head_init(struct rm_answer_head *head, struct rm_arena *arena, size_t max_bytes)
{
    *head = (struct rm_answer_head){.arena = arena, .max_bytes = max_bytes, .length = -1};
}

// Counts the line and takes its CRLF off. A bare LF is no line end here: whoever fills in a header from data guards against
// CRLF, if at all.
static int head_take(struct rm_answer_head *head, struct rm_str *line, struct rm_err *err)
{
    if (line->n > head->max_bytes - head->bytes)
        return rm_fail(err, RM_ETOOBIG, "answer head of more than %zu bytes", head->max_bytes);
    head->bytes += line->n;
    if (++head->lines > RM_HEAD_LINES_MOST)
        return rm_fail(err, RM_ETOOBIG, "answer head of more than %d lines", RM_HEAD_LINES_MOST);
    if (line->n < 2 || line->p[line->n - 1] != '\n' || line->p[line->n - 2] != '\r')
        return rm_fail(err, RM_EPROTO, "answer head line without CRLF");
    line->n -= 2;
    return RM_OK;
}

static int head_status(struct rm_answer_head *head, struct rm_str line, struct rm_err *err)
{
    // "HTTP/1.1 200 OK"; the space before an empty reason is often left out.
    if (line.n < 12 || !rm_str_starts(line, RM_STR("HTTP/1.")) || (line.p[7] != '0' && line.p[7] != '1') ||
        line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' '))
        return rm_fail(err, RM_EPROTO, "not an HTTP/1 status line");
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return rm_fail(err, RM_EPROTO, "not an HTTP/1 status line");
        status = status * 10 + (line.p[i] - '0');
    }
    if (!rm_text_is_value(rm_str_sub(line, 12, line.n)))
        return rm_fail(err, RM_EPROTO, "control character in a status line");
    if (status < 100)
        return rm_fail(err, RM_EPROTO, "status below 100");
    if (status == 101)
        return rm_fail(err, RM_EPROTO, "status 101 that nobody asked for");
    head->status = status;
    head->minor = line.p[7] - '0';
    head->interim = status < 200;
    head->close = head->minor == 0;
    head->in_fields = true;
    return RM_OK;
}

static int head_length(struct rm_answer_head *head, struct rm_str value, struct rm_err *err)
{
    int64_t length = 0;
    for (size_t i = 0; i < value.n; i++) {
        int digit = value.p[i] - '0';
        if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10)
            return rm_fail(err, RM_EPROTO, "malformed Content-Length");
        length = length * 10 + digit;
    }
    if (value.n == 0)
        return rm_fail(err, RM_EPROTO, "malformed Content-Length");
    if (head->length >= 0 && head->length != length)
        return rm_fail(err, RM_EPROTO, "differing Content-Lengths");
    head->length = length;
    return RM_OK;
}

static int head_coding(struct rm_answer_head *head, struct rm_str value, struct rm_err *err)
{
    if (head->chunked || !rm_str_eq_nocase(value, RM_STR("chunked")))
        return rm_fail(err, RM_EPROTO, "Transfer-Encoding other than chunked");
    if (head->minor == 0)
        return rm_fail(err, RM_EPROTO, "Transfer-Encoding in an HTTP/1.0 answer");
    head->chunked = true;
    return RM_OK;
}

static void head_connection(struct rm_answer_head *head, struct rm_str value)
{
    struct rm_str member;
    while (rm_text_next_member(&value, &member)) {
        if (rm_str_eq_nocase(member, RM_STR("close")))
            head->close = true;
        else if (head->minor == 0 && rm_str_eq_nocase(member, RM_STR("keep-alive")))
            head->close = false;
    }
}

// "Name: value" into name and value, without the white space around the value. They point into the line.
static int head_split(struct rm_str line, struct rm_str *name, struct rm_str *value, struct rm_err *err)
{
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon)
        return rm_fail(err, RM_EPROTO, "header line without a colon");
    *name = rm_str_sub(line, 0, (size_t)(colon - line.p));
    // A folded line, white space before the colon and an empty name are all no token (RFC 9112 5.1, 5.2).
    if (!rm_text_is_token(*name))
        return rm_fail(err, RM_EPROTO, "malformed header name");
    *value = rm_text_trim(rm_str_sub(line, name->n + 1, line.n));
    if (!rm_text_is_value(*value))
        return rm_fail(err, RM_EPROTO, "control character in a header value");
    return RM_OK;
}

static int head_field(struct rm_answer_head *head, struct rm_str line, struct rm_err *err)
{
    struct rm_str name = {NULL, 0}, value = {NULL, 0};
    int code = head_split(line, &name, &value, err);
    if (code != RM_OK)
        return code;
    if (rm_str_eq_nocase(name, RM_STR("content-length")))
        code = head_length(head, value, err);
    else if (rm_str_eq_nocase(name, RM_STR("transfer-encoding")))
        code = head_coding(head, value, err);
    else if (rm_str_eq_nocase(name, RM_STR("connection")))
        head_connection(head, value);
    if (code != RM_OK || head->interim)
        return code;
    // One copy for both; the line itself is the engine's.
    struct rm_str copy = rm_arena_dup(head->arena, line);
    rm_headers_add(head->arena, &head->fields, rm_str_sub(copy, 0, name.n),
                   (struct rm_str){copy.p + (value.p - line.p), value.n});
    return RM_OK;
}

static int head_end(struct rm_answer_head *head, struct rm_err *err)
{
    if (head->chunked && head->length >= 0)
        return rm_fail(err, RM_EPROTO, "Transfer-Encoding beside Content-Length");
    if (!head->interim) {
        head->whole = true;
        return RM_OK;
    }
    head->in_fields = head->interim = head->chunked = head->close = false;
    head->status = 0;
    head->length = -1;
    return RM_AGAIN;
}

int rm_answer_head_line(struct rm_answer_head *head, struct rm_str line, struct rm_err *err)
{
    RM_ASSERT(!head->whole);
    int code = head_take(head, &line, err);
    if (code != RM_OK)
        return code;
    if (head->in_fields && line.n == 0)
        return head_end(head, err);
    code = head->in_fields ? head_field(head, line, err) : head_status(head, line, err);
    return code == RM_OK ? RM_AGAIN : code;
}

int rm_answer_trailer_line(struct rm_answer_head *head, struct rm_str line, struct rm_headers *out, struct rm_err *err)
{
    static const char *const refused[] = {"content-length", "content-encoding", "content-type", "content-range",
                                          "host",           "set-cookie",       "location",     "authorization"};
    RM_ASSERT(head->whole);
    int code = head_take(head, &line, err);
    if (code != RM_OK || line.n == 0)
        return code;
    struct rm_str name = {NULL, 0}, value = {NULL, 0};
    code = head_split(line, &name, &value, err);
    if (code != RM_OK)
        return code;
    for (size_t i = 0; i < RM_COUNT(refused); i++) {
        if (rm_str_eq_nocase(name, rm_str_of(refused[i])))
            return RM_OK;
    }
    if (rm_hop_is(name))
        return RM_OK;
    struct rm_str copy = rm_arena_dup(head->arena, line);
    rm_headers_add(head->arena, out, rm_str_sub(copy, 0, name.n),
                   (struct rm_str){copy.p + (value.p - line.p), value.n});
    return RM_OK;
}
