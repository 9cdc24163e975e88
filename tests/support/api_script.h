// An API server that does what the test says, for who asks by struct rm_api (sd/api_http.h). Nothing is sent and nothing waits: the
// test looks at what was asked and answers it piece by piece.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_API_SCRIPT_H
#define SUPPORT_API_SCRIPT_H

#include "sd/api_http.h"

#define API_ASKED_MOST 8192

struct api_asked {
    struct rm_api_call *call; // NULL: it is over
    char target[400];         // its beginning
    uint64_t at_us;
    bool cancelled;
};
struct api_script {
    struct rm_api api; // first
    struct rm_loop *loop;
    struct api_asked asked[API_ASKED_MOST];
    unsigned n;
    unsigned running;
};
void api_script_init(struct api_script *, struct rm_loop *);
bool api_script_is(const struct api_script *, unsigned i, const char *part); // the i-th request's target has this part
unsigned api_script_count(const struct api_script *, const char *part);

// The i-th request, which must be under way.
void api_script_head(struct api_script *, unsigned i, int status);
int api_script_data(struct api_script *, unsigned i,
                    const char *text);                // what the caller said to it; it is over unless that is RM_OK
void api_script_end(struct api_script *, unsigned i); // of the answer
void api_script_fail(struct api_script *, unsigned i, int code); // no answer, or no more of it
void api_script_answer(struct api_script *, unsigned i, int status, uint64_t retry_after_us,
                       const char *text); // all of it

#endif
