// Dates of feeds: two grammars, one moment. See feed_date.h.
// SPDX-License-Identifier: Apache-2.0
#include "codec/feed_date.h"

struct date_text {
    const char *p, *end;
};

struct date {
    int year, month, day, hour, minute, second;
    struct rm_str fraction; // digits
    int zone_minutes;
};

static void date_spaces(struct date_text *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == ','))
        t->p++;
}

static bool date_char(struct date_text *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

// min to max digits.
static bool date_number(struct date_text *t, int min, int max, int *n)
{
    int digits = 0;
    *n = 0;
    for (; digits < max && t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++, digits++)
        *n = *n * 10 + (*t->p - '0');
    return digits >= min;
}

static struct rm_str date_word(struct date_text *t)
{
    const char *from = t->p;
    while (t->p < t->end && ((*t->p >= 'a' && *t->p <= 'z') || (*t->p >= 'A' && *t->p <= 'Z')))
        t->p++;
    return (struct rm_str){from, (size_t)(t->p - from)};
}

// "+0100", "+01:00", "Z", "GMT", "EST".
static bool date_zone(struct date_text *t, int *minutes)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"Z", 0},    {"UT", 0},   {"GMT", 0},  {"UTC", 0},  {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    if (t->p < t->end && (*t->p == '+' || *t->p == '-')) {
        int sign = *t->p++ == '-' ? -1 : 1, hours, rest;
        if (!date_number(t, 2, 2, &hours))
            return false;
        date_char(t, ':');
        if (!date_number(t, 2, 2, &rest) || hours > 23 || rest > 59)
            return false;
        *minutes = sign * (hours * 60 + rest);
        return true;
    }
    struct rm_str name = date_word(t);
    for (size_t i = 0; i < RM_COUNT(zones); i++) {
        if (rm_str_eq_nocase(name, rm_str_of(zones[i].name))) {
            *minutes = zones[i].hours * 60;
            return true;
        }
    }
    return false;
}

static bool date_clock(struct date_text *t, struct date *d)
{
    if (!date_number(t, 1, 2, &d->hour) || !date_char(t, ':') || !date_number(t, 2, 2, &d->minute))
        return false;
    if (!date_char(t, ':'))
        return true;
    if (!date_number(t, 2, 2, &d->second))
        return false;
    if (date_char(t, '.')) {
        d->fraction.p = t->p;
        while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
            t->p++;
        d->fraction.n = (size_t)(t->p - d->fraction.p);
        return d->fraction.n > 0;
    }
    return true;
}

static bool date_iso(struct date_text *t, struct date *d)
{
    if (!date_number(t, 4, 4, &d->year) || !date_char(t, '-') || !date_number(t, 2, 2, &d->month) ||
        !date_char(t, '-') || !date_number(t, 2, 2, &d->day))
        return false;
    if (t->p == t->end)
        return true;
    if (!date_char(t, 'T') && !date_char(t, 't') && !date_char(t, ' '))
        return false;
    if (!date_clock(t, d))
        return false;
    date_spaces(t);
    return t->p == t->end || date_zone(t, &d->zone_minutes);
}

static bool date_rfc822(struct date_text *t, struct date *d)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    date_word(t); // of the week
    date_spaces(t);
    if (!date_number(t, 1, 2, &d->day))
        return false;
    date_spaces(t);
    date_char(t, '-');
    struct rm_str month = date_word(t);
    if (month.n < 3)
        return false;
    while (d->month < 12 && !rm_str_eq_nocase(rm_str_sub(month, 0, 3), (struct rm_str){months + d->month * 3, 3}))
        d->month++;
    d->month++;
    date_spaces(t);
    date_char(t, '-');
    const char *year = t->p;
    if (!date_number(t, 2, 4, &d->year) || t->p - year == 3)
        return false;
    if (t->p - year == 2)
        d->year += d->year < 69 ? 2000 : 1900;
    date_spaces(t);
    if (!date_clock(t, d))
        return false;
    date_spaces(t);
    return date_zone(t, &d->zone_minutes);
}

static bool date_is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int date_days_of(const struct date *d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return d->month == 2 && date_is_leap(d->year) ? 29 : days[d->month - 1];
}

static bool date_is_valid(const struct date *d)
{
    return d->month >= 1 && d->month <= 12 && d->day >= 1 && d->day <= date_days_of(d) && d->hour < 24 &&
           d->minute < 60 && d->second < 60 && d->year >= 1;
}

// Into UTC; a zone is less than a day away.
static void date_shift(struct date *d)
{
    int minutes = d->hour * 60 + d->minute - d->zone_minutes;
    if (minutes < 0 && --d->day == 0) {
        if (--d->month == 0) {
            d->month = 12;
            d->year--;
        }
        d->day = date_days_of(d);
    } else if (minutes >= 24 * 60 && ++d->day > date_days_of(d)) {
        d->day = 1;
        if (++d->month > 12) {
            d->month = 1;
            d->year++;
        }
    }
    minutes = (minutes + 24 * 60) % (24 * 60);
    d->hour = minutes / 60;
    d->minute = minutes % 60;
}

struct rm_str rm_feed_date(struct rm_arena *arena, struct rm_str text)
{
    if (text.n == 0)
        return RM_STR("");
    struct date d = {0};
    struct date_text t = {text.p, text.p + text.n};
    bool is_iso = text.n >= 5 && text.p[4] == '-';
    if (!(is_iso ? date_iso(&t, &d) : date_rfc822(&t, &d)))
        return RM_STR("");
    date_spaces(&t);
    if (t.p != t.end || !date_is_valid(&d))
        return RM_STR("");
    date_shift(&d);
    d.fraction.n = d.fraction.n < 9 ? d.fraction.n : 9;
    while (d.fraction.n > 0 && d.fraction.p[d.fraction.n - 1] == '0')
        d.fraction.n--;
    return rm_arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d%s%.*sZ", d.year, d.month, d.day, d.hour, d.minute,
                           d.second, d.fraction.n > 0 ? "." : "", (int)d.fraction.n,
                           d.fraction.n > 0 ? d.fraction.p : "");
}
