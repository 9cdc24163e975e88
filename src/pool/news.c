// What the log says of a source. Owns what was said last, and compares.
// SPDX-License-Identifier: Apache-2.0
#include "pool/news.h"

#include "base/map.h"
#include "pool/snapshot.h"

#include <remora/log.h>

// A name for a place that is the same for the same place (rm_host_same) only.
static struct rm_str news_place(struct rm_arena *arena, const struct rm_host *host)
{
    return rm_arena_printf(arena, "%.*s %u %.*s", (int)host->address.n, host->address.p, host->port, (int)host->name.n,
                           host->name.p);
}

// How many places of `a` are not in `b`. Lists may have thousands of hosts.
static size_t news_missing(const struct rm_snapshot *a, const struct rm_snapshot *b)
{
    struct rm_arena scratch;
    struct rm_map places;
    size_t missing = 0;
    rm_arena_init(&scratch, NULL);
    rm_map_init(&places, &scratch);
    for (uint32_t i = 0; b && i < b->n; i++)
        *rm_map_put(&places, news_place(&scratch, &b->host[i])) = &places;
    for (uint32_t i = 0; a && i < a->n; i++)
        missing += rm_map_get(&places, news_place(&scratch, &a->host[i])) == NULL;
    rm_arena_fini(&scratch);
    return missing;
}

static bool news_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// But for digits: "after 3 ms" and "after 4 ms" are no two pieces of news.
static bool news_same_text(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (news_is_digit(*a))
            a++;
        while (news_is_digit(*b))
            b++;
        if (*a != *b || !*a)
            return *a == *b;
    }
}

static bool news_is_old(const struct rm_news *news, const struct rm_snapshot *list, const struct rm_err *outcome)
{
    return news->is_told && news->list == list && news->outcome.code == outcome->code &&
           news->outcome.status == outcome->status && news_same_text(news->outcome.text, outcome->text);
}

static const char *news_word(const struct rm_news *news, const struct rm_snapshot *list, const struct rm_err *outcome)
{
    if (list != news->list)
        return news->list ? "changed" : "answered";
    return outcome->code != RM_OK ? "failing" : "recovered";
}

void rm_news_tell(struct rm_news *news, const char *source, struct rm_snapshot *list, const struct rm_err *outcome,
                  bool quiet)
{
    if (news_is_old(news, list, outcome))
        return;
    bool failed = outcome->code != RM_OK;
    enum rm_level level = failed ? RM_WARNING : quiet && !news->list ? RM_DEBUG : RM_INFO;
    if (rm_log_on(level))
        rm_log(level, "source %s source=\"%s\" hosts=%u added=%zu removed=%zu outcome=%s%s%s%s",
               news_word(news, list, outcome), source, list ? list->n : 0, news_missing(list, news->list),
               news_missing(news->list, list), rm_code_name(outcome->code), failed ? " error=\"" : "", outcome->text,
               failed ? "\"" : "");
    struct rm_snapshot *old = news->list;
    *news = (struct rm_news){.list = list ? rm_snapshot_ref(list) : NULL, .outcome = *outcome, .is_told = true};
    rm_snapshot_unref(old);
}

void rm_news_fini(struct rm_news *news)
{
    rm_snapshot_unref(news->list);
    news->list = NULL;
}
