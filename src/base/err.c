// Errors as values, and the end of the program when remora itself is wrong. Writes nothing but the panic line.
// SPDX-License-Identifier: Apache-2.0
#include <remora/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void rm_panic(const char *file, int line, const char *what)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "remora: %s:%d: %s\n", file, line, what);
    if (n > 0) {
        size_t size = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
        text[size - 1] = '\n';
        // No stdio: the process may be in any state. A failed write changes nothing any more.
        if (write(STDERR_FILENO, text, size) < 0)
            abort();
    }
    abort();
}

// A text cut in the middle of a UTF-8 sequence would make the line that shows it invalid.
static void err_trim(char *text)
{
    size_t n = strlen(text);
    size_t tail = n;
    while (tail > 0 && n - tail < 4 && ((unsigned char)text[tail - 1] & 0xC0) == 0x80)
        tail--;
    if (tail == 0)
        return;
    unsigned char lead = (unsigned char)text[tail - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (want > n - tail + 1)
        text[tail - 1] = '\0';
}

int rm_fail(struct rm_err *err, int code, const char *fmt, ...)
{
    RM_ASSERT(code < 0);
    if (!err)
        return code;
    err->code = code;
    err->status = 0;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    if (n < 0)
        err->text[0] = '\0';
    if (n >= (int)sizeof(err->text))
        err_trim(err->text);
    // One line, whatever a peer's text holds.
    for (char *c = err->text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
    }
    return code;
}

const char *rm_code_name(int code)
{
    switch ((enum rm_code)code) {
    case RM_OK:
        return "ok";
    case RM_AGAIN:
        return "again";
    case RM_ECONF:
        return "configuration";
    case RM_ENOHOST:
        return "no_host";
    case RM_ECONNECT:
        return "connect";
    case RM_ETLS:
        return "tls";
    case RM_ERESET:
        return "reset";
    case RM_EPROTO:
        return "protocol";
    case RM_ETIMEOUT:
        return "timeout";
    case RM_ETOOBIG:
        return "too_big";
    case RM_EMEMORY:
        return "memory";
    case RM_ESTATUS:
        return "status";
    case RM_EDECODE:
        return "decode";
    case RM_EPARAM:
        return "parameter";
    case RM_ECANCEL:
        return "cancelled";
    case RM_EREQUEST:
        return "request";
    case RM_EREDIRECT:
        return "redirect";
    case RM_EPART:
        return "partial";
    case RM_ERATE:
        return "rate_limit";
    case RM_EOPEN:
        return "circuit_open";
    case RM_EDENIED:
        return "denied";
    case RM_ESYS:
        return "system";
    }
    return "unknown";
}
