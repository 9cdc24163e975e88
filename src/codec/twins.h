// Members of one name in an object that is being built, for formats whose elements repeat.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_TWINS_H
#define CODEC_TWINS_H

#include <remora/value.h>

// Puts a member at the end of an opened object or list, whatever is there already.
void rm_twins_put(struct rm_value *object, struct rm_str name, struct rm_value *member);

// Makes the names of an object unique: each later member of a name is given to `join`, in order, with the first of that name, which stays
// in its place; `join` may change anything of it but its key and next. n log n, as a peer chooses the names.
void rm_twins_join(struct rm_arena *, struct rm_value *object,
                   void (*join)(struct rm_arena *, struct rm_value *first, struct rm_value *twin));
void rm_twins_last(struct rm_arena *, struct rm_value *first,
                   struct rm_value *twin); // for strings: the last one counts

#endif
