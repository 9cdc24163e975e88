// The part of the string scanner that is not plain ASCII: escapes, UTF-8 and what is wrong. Validates only.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_scan.h"

#include <remora/value.h>

#include "value/utf8.h"

int rm_json_hex4(const char *p, const char *end)
{
    int code = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

// p is at a backslash. The byte behind the escape (or behind both of a surrogate pair); NULL: wrong.
static const char *scan_escape(const char *p, const char *end, unsigned *flags, struct rm_json_fault *fault)
{
    *flags |= RM_V_ESCAPED;
    if (end - p < 2)
        return rm_json_wrong(fault, end, "a string that does not end");
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;
    case 'u':
        break;
    default:
        return rm_json_wrong(fault, p, "an unknown escape in a string");
    }
    int code = rm_json_hex4(p + 2, end);
    if (code < 0)
        return rm_json_wrong(fault, p, "\\u without four hexadecimal digits");
    p += 6;
    if (code < 0xD800 || code > 0xDFFF)
        return p;
    bool pair =
        code < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' && (rm_json_hex4(p + 2, end) & ~0x3FF) == 0xDC00;
    if (pair)
        return p + 6;
    *flags |= RM_V_REWRITE;
    return p;
}

const char *rm_json_string_rest(const char *p, const char *end, unsigned *flags, struct rm_json_fault *fault)
{
    for (;;) {
        p = rm_json_plain(p, end);
        if (p == end)
            return rm_json_wrong(fault, p, "a string that does not end");
        if (*p == '"')
            return p;
        if (*p == '\\') {
            p = scan_escape(p, end, flags, fault);
            if (!p)
                return NULL;
        } else if ((unsigned char)*p < 0x20) {
            return rm_json_wrong(fault, p, "a control character in a string");
        } else {
            do {
                size_t size = rm_utf8_size(p, end);
                if (size == 0) {
                    *flags |= RM_V_REWRITE;
                    size = 1;
                }
                p += size;
            } while (p < end && (unsigned char)*p >= 0x80);
        }
    }
}
