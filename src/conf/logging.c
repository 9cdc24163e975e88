// extra_config["telemetry/logging"] of the service.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf, member)

static const char *const logging_levels[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}; // as enum rm_level

static const char *const logging_formats[] = {"default", "logstash"}; // as enum rm_log_format

static const struct rm_field logging_rows[] = {
    {.name = "level",
     .type = RM_FIELD_CHOICE,
     .offset = AT(log_level),
     .fallback = "INFO",
     .choices = logging_levels,
     .n_choices = RM_COUNT(logging_levels),
     .doc = "the least level that is written"},
    {.name = "prefix", .type = RM_FIELD_STRING, .offset = AT(log_prefix), .doc = "stands before each message"},
    {.name = "stdout",
     .type = RM_FIELD_BOOL,
     .offset = AT(log_stdout),
     .fallback = "true",
     .doc = "write to standard output, else to standard error"},
    {.name = "syslog",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "write to standard output and let the platform collect it",
     .doc = "not in this version"},
    {.name = "syslog_facility", .type = RM_FIELD_STRING, .offset = RM_NOWHERE, .doc = "ignored"},
    {.name = "format",
     .type = RM_FIELD_CHOICE,
     .offset = AT(log_format),
     .fallback = "default",
     .choices = logging_formats,
     .n_choices = RM_COUNT(logging_formats),
     .zero_is_unset = true,
     .doc = "default: text; logstash: a JSON object a line"},
    {.name = "custom_format",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "remove it, or use the format logstash",
     .doc = "not in this version"},
    {.name = "access_log_format",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "remove it",
     .doc = "not in this version"},
};
const struct rm_fields rm_logging_fields = {.v = logging_rows, .n = RM_COUNT(logging_rows), .what = "logging option"};
