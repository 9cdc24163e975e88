// JSON numbers as exact decimals, however long: for comparing them, never for arithmetic. Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JSON_NUMBER_H
#define VALUE_JSON_NUMBER_H

#include <remora/base.h>

// 0.DIGITS times ten to the power of `point`; no zero begins or ends the digits. Zero has none.
struct rm_number {
    bool negative;
    struct rm_str digits;
    int64_t point;
};

// `text` is a JSON number. The digits are its slice, or in the arena. Exponents beyond 10^15 count as that.
struct rm_number rm_number_of(struct rm_arena *, struct rm_str text);
int rm_number_cmp(const struct rm_number *a, const struct rm_number *b); // below, equal to or above 0
bool rm_number_is_integer(const struct rm_number *);
// `m` is above zero and has at most 18 digits.
bool rm_number_is_multiple(const struct rm_number *, const struct rm_number *m);

#endif
