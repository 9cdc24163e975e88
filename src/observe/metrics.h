// Writing metrics: the text format of Prometheus, version 0.0.4. Numbers come from elsewhere; this file owns their form and checks
// what a scraper would refuse (names, order, counters that do not end in _total).
// SPDX-License-Identifier: Apache-2.0
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <remora/base.h>

#define RM_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum rm_metric_kind { RM_COUNTER, RM_GAUGE, RM_HISTOGRAM };

struct rm_label {
    const char *name; // a constant
    struct rm_str value; // any text: it is escaped, and what is no UTF-8 replaced
};

struct rm_metrics {
    struct rm_buf *out;
    char name[96]; // of the family that is open
    int code;      // what the buffer said first: RM_OK, or RM_ETOOBIG or RM_EMEMORY
};

void rm_metrics_init(struct rm_metrics *, struct rm_buf *out);
// Opens a family: all its samples follow before the next one. The name has its unit, and _total where it is a counter.
void rm_metric(struct rm_metrics *, enum rm_metric_kind, const char *name, const char *help);
// One sample of it. No two of a family may have the same labels.
void rm_sample(struct rm_metrics *, const struct rm_label *labels, size_t n, double value);

// All samples of a histogram's one series: `counts` has a number for each bound, not added up, and one more for what lies above them all.
struct rm_histogram {
    const double *bounds; // growing
    const uint64_t *counts;
    size_t n; // of bounds
    double sum;
};
#define RM_METRIC_LABELS 8
void rm_sample_histogram(struct rm_metrics *, const struct rm_label *labels, size_t n, const struct rm_histogram *);

#endif
