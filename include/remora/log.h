// Log lines: level, message, key=value fields; one line a call, to stdout or stderr. Secrets never go in (mask first).
// base, value, codec, step and net return errors instead of logging; sd, flow, front, admin and main log; pool logs the changes of sources
// (pool/news.h) and nothing else, policy what a configuration's operation_debug asks for.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_LOG_H
#define REMORA_LOG_H

#include <remora/base.h>

// KrakenD's telemetry/logging levels.
enum rm_level { RM_DEBUG, RM_INFO, RM_WARNING, RM_ERROR, RM_CRITICAL };

// KrakenD's formats: text, or a JSON object a line.
enum rm_log_format { RM_LOG_DEFAULT, RM_LOG_LOGSTASH };

// Set once before threads start, and again by a reload. `prefix` is copied (64 bytes at most).
void rm_log_setup(enum rm_level least, struct rm_str prefix, bool to_stdout, enum rm_log_format);
bool rm_log_on(enum rm_level);
int rm_level_of(struct rm_str name); // case-insensitive; -1: no such level

// "2026-01-02T03:04:05.678Z INFO [prefix] message key=value …": one write(2), never blocks on a lock. Control characters in the
// text are escaped, so that a peer cannot forge a line. `fmt` yields the message and its fields. As logstash:
// {"@timestamp":"…","@version":1,"level":"INFO","module":"prefix","message":"message key=value …"}; what is no UTF-8 is replaced.
// A reader who is slow holds a thread up for 10 ms at most, once; then lines are dropped, and counted, until it reads again.
uint64_t rm_log_dropped(void); // any thread
void rm_log(enum rm_level, const char *fmt, ...) RM_PRINTF(2, 3);

#endif
