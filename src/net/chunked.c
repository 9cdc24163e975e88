// The chunked coding, byte by byte where it is framing and slice by slice where it is data. Owns nothing beyond the arena.
// SPDX-License-Identifier: Apache-2.0
#include "net/chunked.h"

#define CHUNKED_EXT_BYTES_MOST ((uint32_t)16 << 10) // of extensions, which nobody uses, in one body
#define CHUNKED_LINE_BYTES_MOST ((uint32_t)8 << 10)

static int chunked_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

// The byte behind the size's digits.
static int chunked_behind_size(struct rm_chunked *chunked, char c)
{
    if (c == '\r')
        chunked->state = RM_CHUNKED_SIZE_LF;
    else if (c == ';')
        chunked->state = RM_CHUNKED_EXT;
    else if (c == ' ' || c == '\t')
        chunked->state = RM_CHUNKED_PAD;
    else
        return RM_EPROTO;
    return RM_OK;
}

static int chunked_size(struct rm_chunked *chunked, char c)
{
    int digit = chunked_digit(c);
    if (digit < 0)
        return chunked->digits > 0 ? chunked_behind_size(chunked, c) : RM_EPROTO;
    // 2^60 bytes are enough; leading zeros count too.
    if (++chunked->digits > 15)
        return RM_EPROTO;
    chunked->left = chunked->left * 16 + (uint64_t)digit;
    return RM_OK;
}

static int chunked_ext(struct rm_chunked *chunked, char c)
{
    if (++chunked->ext_bytes > CHUNKED_EXT_BYTES_MOST)
        return RM_EPROTO;
    if (chunked->state == RM_CHUNKED_PAD || c == '\r')
        return chunked_behind_size(chunked, c);
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f ? RM_EPROTO : RM_OK;
}

static int chunked_framing(struct rm_chunked *chunked, char c)
{
    switch (chunked->state) {
    case RM_CHUNKED_SIZE:
        return chunked_size(chunked, c);
    case RM_CHUNKED_PAD:
    case RM_CHUNKED_EXT:
        return chunked_ext(chunked, c);
    case RM_CHUNKED_SIZE_LF:
        chunked->state = chunked->left > 0 ? RM_CHUNKED_BODY : RM_CHUNKED_TRAILER;
        return c == '\n' ? RM_OK : RM_EPROTO;
    case RM_CHUNKED_BODY_CR:
        chunked->state = RM_CHUNKED_BODY_LF;
        return c == '\r' ? RM_OK : RM_EPROTO;
    case RM_CHUNKED_BODY_LF:
        chunked->state = RM_CHUNKED_SIZE;
        chunked->digits = 0;
        return c == '\n' ? RM_OK : RM_EPROTO;
    case RM_CHUNKED_BODY:
    case RM_CHUNKED_TRAILER:
    case RM_CHUNKED_OVER:
        break;
    }
    return RM_EPROTO;
}

// A line of the trailer section: in place when it comes whole, else collected over as many pieces as it comes in.
static int chunked_trailer(struct rm_chunked *chunked, struct rm_arena *arena, struct rm_str *in, struct rm_str *found,
                           struct rm_err *err)
{
    const char *lf = memchr(in->p, '\n', in->n);
    size_t n = lf ? (size_t)(lf - in->p) + 1 : in->n;
    if (n > CHUNKED_LINE_BYTES_MOST - chunked->line_n)
        return rm_fail(err, RM_ETOOBIG, "trailer line of more than %u bytes", CHUNKED_LINE_BYTES_MOST);
    struct rm_str piece = {in->p, n};
    *in = rm_str_sub(*in, n, in->n);
    if (lf && chunked->line_n == 0) {
        *found = piece;
    } else {
        if (!chunked->line)
            chunked->line = rm_arena_alloc(arena, CHUNKED_LINE_BYTES_MOST);
        memcpy(chunked->line + chunked->line_n, piece.p, n);
        chunked->line_n += (uint32_t)n;
        if (!lf)
            return RM_CHUNKED_MORE;
        *found = (struct rm_str){chunked->line, chunked->line_n};
        chunked->line_n = 0;
    }
    if (!rm_str_eq(*found, RM_STR("\r\n")))
        return RM_CHUNKED_FIELD;
    chunked->state = RM_CHUNKED_OVER;
    return RM_CHUNKED_END;
}

int rm_chunked_next(struct rm_chunked *chunked, struct rm_arena *arena, struct rm_str *in, struct rm_str *found,
                    struct rm_err *err)
{
    *found = (struct rm_str){"", 0};
    while (in->n > 0 && chunked->state != RM_CHUNKED_OVER) {
        if (chunked->state == RM_CHUNKED_BODY) {
            *found = rm_str_sub(*in, 0, in->n < chunked->left ? in->n : (size_t)chunked->left);
            return RM_CHUNKED_DATA;
        }
        if (chunked->state == RM_CHUNKED_TRAILER)
            return chunked_trailer(chunked, arena, in, found, err);
        if (chunked_framing(chunked, in->p[0]) != RM_OK)
            return rm_fail(err, RM_EPROTO, "malformed chunked body");
        *in = rm_str_sub(*in, 1, in->n);
    }
    return chunked->state == RM_CHUNKED_OVER ? RM_CHUNKED_END : RM_CHUNKED_MORE;
}

void rm_chunked_take(struct rm_chunked *chunked, struct rm_str *in, size_t n)
{
    RM_ASSERT(n <= chunked->left);
    *in = rm_str_sub(*in, n, in->n);
    chunked->left -= n;
    if (chunked->left == 0)
        chunked->state = RM_CHUNKED_BODY_CR;
}
