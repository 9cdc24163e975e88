// Dates as feeds write them. Pure.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_FEED_DATE_H
#define CODEC_FEED_DATE_H

#include <remora/base.h>

// RFC 822 with its descendants ("Mon, 02 Jan 2006 15:04:05 GMT", with or without the day's name and the seconds, years of two digits) and
// RFC 3339 with what ISO 8601 allows beside it (a date alone, a space for the T, no zone: UTC). The moment in UTC as RFC 3339, or an empty
// text for anything else.
struct rm_str rm_feed_date(struct rm_arena *, struct rm_str text);

#endif
