// The two clocks and the one way to write a time. No locks: gmtime_r() takes one, so the calendar is computed here.
// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <remora/base.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_read_us(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);
    RM_ASSERT(rc == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t rm_clock_us(void)
{
    return (uint64_t)clock_read_us(CLOCK_MONOTONIC);
}

int64_t rm_clock_wall_us(void)
{
    return clock_read_us(CLOCK_REALTIME);
}

void rm_clock_format(int64_t wall_us, char *out, unsigned long size)
{
    RM_ASSERT(size >= 25);
    const int64_t day_ms = INT64_C(86400000);
    int64_t ms = wall_us / 1000 - (wall_us % 1000 < 0);
    int64_t days = ms / day_ms - (ms % day_ms < 0);
    unsigned of_day = (unsigned)(ms - days * day_ms);

    // Counted from 0000-03-01 a leap day is the last of its year, and 400 years (an era) always have 146097 days.
    int64_t from_march = days + 719468;
    int64_t era = from_march / 146097 - (from_march % 146097 < 0);
    unsigned of_era = (unsigned)(from_march - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153; // 0: March
    unsigned day = of_year - (153 * shifted + 2) / 5 + 1;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    int64_t year = (int64_t)year_of_era + era * 400 + (month <= 2);

    if (year < 0 || year > 9999) // does not fit the form; only a clock that was never set says so
        year = 0;
    snprintf(out, size, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000, month, day, of_day / 3600000,
             of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
}
