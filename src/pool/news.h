// What the log says of a source: one line for each change of its list or its outcome, however often a provider reports the same. On
// the discovery thread.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_NEWS_H
#define POOL_NEWS_H

#include <remora/sd.h>

// What was said last. Zero-initialised: nothing.
struct rm_news {
    struct rm_snapshot *list; // a reference
    struct rm_err outcome;
    bool is_told;
};

// `list` may be NULL. `quiet`: a first answer that needed nobody's help is told at DEBUG.
void rm_news_tell(struct rm_news *, const char *source, struct rm_snapshot *list, const struct rm_err *outcome,
                  bool quiet);
void rm_news_fini(struct rm_news *);

#endif
