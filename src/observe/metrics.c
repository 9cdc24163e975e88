// The text format of Prometheus. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.h"

#include "value/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define METRICS_NUMBER 40 // bytes of a number's text

static void metrics_put(struct rm_metrics *m, struct rm_str text)
{
    if (m->code == RM_OK)
        m->code = rm_buf_append(m->out, text);
}

static void metrics_say(struct rm_metrics *m, const char *text)
{
    metrics_put(m, rm_str_of(text));
}

// [a-zA-Z_][a-zA-Z0-9_]*: colons are for recording rules.
static bool metrics_is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return *name && !(*name >= '0' && *name <= '9') && name[strspn(name, letters)] == '\0';
}

static bool metrics_ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

// Backslash and line feed, and in a label the quotation mark.
static void metrics_escape(struct rm_metrics *m, struct rm_str text)
{
    const char *end = text.p + text.n;
    for (size_t i = 0; i < text.n;) {
        size_t size = rm_utf8_size(text.p + i, end);
        char c = text.p[i];
        if (size == 0)
            metrics_say(m, RM_UTF8_REPLACEMENT);
        else if (c == '\n')
            metrics_say(m, "\\n");
        else if (c == '\\' || c == '"')
            metrics_say(m, c == '"' ? "\\\"" : "\\\\");
        else
            metrics_put(m, rm_str_sub(text, i, i + size));
        i += size > 0 ? size : 1;
    }
}

void rm_metrics_init(struct rm_metrics *m, struct rm_buf *out)
{
    *m = (struct rm_metrics){.out = out};
}

void rm_metric(struct rm_metrics *m, enum rm_metric_kind kind, const char *name, const char *help)
{
    static const char *const kinds[] = {" counter\n", " gauge\n", " histogram\n"};
    RM_ASSERT(metrics_is_name(name) && strlen(name) < sizeof(m->name) && *help && !strpbrk(help, "\\\n"));
    RM_ASSERT(metrics_ends(name, "_total") == (kind == RM_COUNTER));
    snprintf(m->name, sizeof(m->name), "%s", name);
    metrics_say(m, "# HELP ");
    metrics_say(m, name);
    metrics_say(m, " ");
    metrics_say(m, help);
    metrics_say(m, "\n# TYPE ");
    metrics_say(m, name);
    metrics_say(m, kinds[kind]);
}

// The shortest text that reads as the same number.
static void metrics_format(double value, char text[METRICS_NUMBER])
{
    if (isnan(value) || isinf(value))
        snprintf(text, METRICS_NUMBER, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
    else
        snprintf(text, METRICS_NUMBER, "%.15g", value);
    if (isfinite(value) && strtod(text, NULL) != value) // NOLINT: the same number, bit by bit
        snprintf(text, METRICS_NUMBER, "%.17g", value);
}

static void metrics_sample(struct rm_metrics *m, const char *suffix, const struct rm_label *labels, size_t n, double value)
{
    char text[METRICS_NUMBER];
    RM_ASSERT(m->name[0]);
    metrics_say(m, m->name);
    metrics_say(m, suffix);
    for (size_t i = 0; i < n; i++) {
        RM_ASSERT(metrics_is_name(labels[i].name));
        metrics_say(m, i > 0 ? "," : "{");
        metrics_say(m, labels[i].name);
        metrics_say(m, "=\"");
        metrics_escape(m, labels[i].value);
        metrics_say(m, "\"");
    }
    metrics_say(m, n > 0 ? "} " : " ");
    metrics_format(value, text);
    metrics_say(m, text);
    metrics_say(m, "\n");
}

void rm_sample(struct rm_metrics *m, const struct rm_label *labels, size_t n, double value)
{
    metrics_sample(m, "", labels, n, value);
}

void rm_sample_histogram(struct rm_metrics *m, const struct rm_label *labels, size_t n, const struct rm_histogram *h)
{
    struct rm_label all[RM_METRIC_LABELS + 1];
    char bound[METRICS_NUMBER];
    uint64_t below = 0;
    RM_ASSERT(n <= RM_METRIC_LABELS);
    if (n > 0)
        memcpy(all, labels, n * sizeof(*all));
    for (size_t i = 0; i <= h->n; i++) {
        metrics_format(i < h->n ? h->bounds[i] : (double)INFINITY, bound);
        below += h->counts[i];
        all[n] = (struct rm_label){"le", rm_str_of(bound)};
        metrics_sample(m, "_bucket", all, n + 1, (double)below);
    }
    metrics_sample(m, "_sum", labels, n, h->sum);
    metrics_sample(m, "_count", labels, n, (double)below);
}
