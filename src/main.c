// The command line: reads arguments, loads a configuration, and hands over to what the command is. Prints for a person
// on a terminal and for a CI job: findings on standard error, one a line, exit codes as --help says.
// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "admin/admin.h"
#include "admin/graph.h"
#include "front/front.h"
#include "front/mhd.h"
#include "front/tls.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char main_usage[] =
    "remora finds an application's backends and merges their answers.\n"
    "\n"
    "usage: remora COMMAND [OPTION ...]\n"
    "\n"
    "  run -c FILE [-p PORT] [-d]        serve the endpoints of a configuration\n"
    "  check -c FILE [-t] [-d] [--strict]  say what is wrong with a configuration\n"
    "  graph -c FILE [--format FORMAT]   draw the endpoints, their backends and where these find hosts\n"
    "  keys [--format FORMAT]            explain every key of a configuration\n"
    "  version                           print the version\n"
    "  COMMAND --help                    explain a command\n"
    "\n"
    "exit codes: 0 fine, 1 configuration, 2 usage, 3 cannot start\n";

static const char main_run_usage[] =
    "usage: remora run -c FILE [-p PORT] [-d]\n"
    "\n"
    "Serves the endpoints of FILE until SIGTERM or SIGINT: then what runs is finished (max_shutdown_wait_time bounds "
    "it), a second\n"
    "signal ends at once.\n"
    "\n"
    "  -c, --config FILE  KrakenD's configuration format, version 3: YAML (.yaml, .yml) or JSON\n"
    "  -p, --port PORT    listen here, whatever the file and the environment say\n"
    "  -d, --debug        log everything, serve /__debug/\n"
    "  -h, --help\n"
    "\n"
    "environment: KRAKEND_KEY and REMORA_KEY override a root key of the file (REMORA_ wins), for example "
    "REMORA_PORT=9000\n"
    "exit codes: 0 ended by a signal, 1 configuration, 2 usage, 3 cannot start (the port is taken, …)\n";

static const char main_check_usage[] =
    "usage: remora check -c FILE [-t] [-d] [--strict]\n"
    "\n"
    "Reads FILE and prints every error and warning in it, as FILE:LINE:COLUMN: error: KEY: TEXT, to standard error.\n"
    "\n"
    "  -c, --config FILE  the configuration\n"
    "  -t, --test         also open the files that it names, and the ports\n"
    "  -d, --debug        print what was understood, defaults included and secrets masked, as JSON\n"
    "      --strict       unknown keys are errors\n"
    "  -h, --help\n"
    "\n"
    "exit codes: 0 no error, 1 an error in the configuration, 2 usage, 3 a port cannot be opened (-t)\n";

static const char main_graph_usage[] =
    "usage: remora graph -c FILE [--format FORMAT]\n"
    "\n"
    "Prints the endpoints of FILE, the backends of each, and the sources that find their hosts, as a graph: the order "
    "of a "
    "sequence, and\n"
    "which backend needs a field of an earlier one's answer. The same text for the same configuration; secrets "
    "masked.\n"
    "\n"
    "  -c, --config FILE    the configuration\n"
    "      --format FORMAT  mermaid (default): a flowchart, as GitHub and GitLab show it in Markdown\n"
    "                       dot: for Graphviz, for example: remora graph -c FILE --format dot | dot -Tsvg\n"
    "  -h, --help\n"
    "\n"
    "exit codes: 0 fine, 1 an error in the configuration, 2 usage\n";

static const char main_keys_usage[] =
    "usage: remora keys [--format FORMAT]\n"
    "\n"
    "Prints every key that a configuration may have: what is allowed, the default, what it does.\n"
    "\n"
    "      --format FORMAT  markdown (default): tables\n"
    "                       schema: a JSON Schema, for editors, for example in the first line of a YAML file:\n"
    "                       # yaml-language-server: $schema=remora.schema.json\n"
    "  -h, --help\n"
    "\n"
    "exit codes: 0 fine, 2 usage\n";

struct main_args {
    const char *config;
    int port; // 0: not given
    bool debug, strict, test;
    const char *format; // NULL: not given
};

static int main_misused(const char *usage, const char *what)
{
    fprintf(stderr, "remora: %s\n%s", what, usage);
    return RM_EXIT_USAGE;
}

static bool main_parse_port(const char *text, int *port)
{
    char *end;
    long n = strtol(text, &end, 10);
    *port = (int)n;
    return *text >= '0' && *text <= '9' && !*end && n >= 1 && n <= 65535;
}

// RM_EXIT_FINE: go on with *args; otherwise *exit_code is the process's.
static bool main_parse(int argc, char **argv, const char *allowed, const char *usage, struct main_args *args,
                       int *exit_code)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"port", required_argument, NULL, 'p'},
        {"debug", no_argument, NULL, 'd'},        {"test", no_argument, NULL, 't'},
        {"strict", no_argument, NULL, 's'},       {"format", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    *exit_code = RM_EXIT_USAGE;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":c:p:dth", longs, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            *exit_code = RM_EXIT_FINE;
            return false;
        }
        if (c == ':' || c == '?' || !strchr(allowed, c)) {
            char text[128];
            const char letter[] = {'-', (char)c, '\0'};
            // What is an option, but not of this command, may have had its value behind it.
            const char *option = c == ':' || c == '?' ? argv[optind - 1]
                                 : c == 's'           ? "--strict"
                                 : c == 'f'           ? "--format"
                                                      : letter;
            snprintf(text, sizeof text, c == ':' ? "the option %s wants a value" : "no such option: %s", option);
            *exit_code = main_misused(usage, text);
            return false;
        }
        switch (c) {
        case 'c':
            args->config = optarg;
            break;
        case 'p':
            if (!main_parse_port(optarg, &args->port)) {
                *exit_code = main_misused(usage, "-p wants a port from 1 to 65535");
                return false;
            }
            break;
        case 'f':
            args->format = optarg;
            break;
        case 'd':
            args->debug = true;
            break;
        case 't':
            args->test = true;
            break;
        default: // 's'
            args->strict = true;
            break;
        }
    }
    if (optind < argc) {
        *exit_code = main_misused(usage, "there is an argument too many");
        return false;
    }
    if (!args->config && strchr(allowed, 'c')) {
        *exit_code = main_misused(usage, "the option -c FILE is missing");
        return false;
    }
    return true;
}

static struct rm_conf_options main_options(const struct main_args *args, bool debug)
{
    return (struct rm_conf_options){.strict = args->strict,
                                    .port = args->port,
                                    .debug = debug,
                                    .environ = (const char *const *)environ,
                                    .providers = rm_sd_providers};
}

// Which of two formats; the first where none is given. Negative: another, and that was said.
static int main_format(const char *usage, const char *given, const char *first, const char *second)
{
    char text[64];
    if (!given || strcmp(given, first) == 0)
        return 0;
    if (strcmp(given, second) == 0)
        return 1;
    snprintf(text, sizeof(text), "--format wants %s or %s", first, second);
    main_misused(usage, text);
    return -1;
}

// Loads and prints what was found. NULL: there were errors.
static struct rm_conf *main_load(const struct main_args *args, bool debug)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_findings found = {.arena = &arena};
    struct rm_conf_options options = main_options(args, debug);
    struct rm_conf *conf = NULL;
    int rc = rm_conf_load(args->config, &options, &conf, &found, &arena);
    if (rc == RM_OK && args->test)
        rm_conf_check_files(conf, &found, rm_tls_check_pair);
    for (size_t i = 0; i < found.n; i++) {
        struct rm_str line = rm_finding_format(&arena, rm_str_of(args->config), &found.v[i]);
        fprintf(stderr, "%.*s\n", (int)line.n, line.p);
    }
    if (found.n_errors) {
        fprintf(stderr, "%s: %zu error%s\n", args->config, found.n_errors, found.n_errors == 1 ? "" : "s");
        rm_conf_free(conf);
        conf = NULL;
    }
    rm_arena_fini(&arena);
    return conf;
}

static int main_run(int argc, char **argv)
{
    struct main_args args = {0};
    int exit_code;
    if (!main_parse(argc, argv, "cpd", main_run_usage, &args, &exit_code))
        return exit_code;
    rm_run_hold_signals();
    struct rm_conf *conf = main_load(&args, args.debug);
    struct rm_conf_options options = main_options(&args, args.debug);
    return conf ? rm_run(conf, args.config, &options) : RM_EXIT_CONF;
}

static void main_close(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

// A default address that is taken is a warning, as when it runs.
static bool main_try_listener(const char *key, const struct rm_conf_listen *listen)
{
    int fds[2];
    size_t n;
    struct rm_err err = {0};
    if (rm_admin_listen(listen, fds, &n, &err) == RM_OK) {
        main_close(fds, n);
        return true;
    }
    fprintf(stderr, "remora: %s%s: %s\n", listen->is_default ? "warning: " : "", key, err.text);
    return listen->is_default;
}

// Can the ports be opened? Prints why not.
static bool main_try_ports(const struct rm_conf *conf)
{
    int fds[2];
    size_t n = 0;
    struct rm_err err = {0};
    bool fine = rm_listen(conf->listen_ip, conf->port, 1, fds, &n, &err) == RM_OK;
    if (!fine)
        fprintf(stderr, "remora: %s\n", err.text);
    fine &= main_try_listener("extra_config.remora.admin.listen", &conf->admin);
    fine &= main_try_listener("extra_config.remora.probes.listen", &conf->probes);
    main_close(fds, n);
    return fine;
}

static int main_check(int argc, char **argv)
{
    struct main_args args = {0};
    int exit_code;
    if (!main_parse(argc, argv, "ctds", main_check_usage, &args, &exit_code))
        return exit_code;
    struct rm_conf *conf = main_load(&args, false);
    if (!conf)
        return RM_EXIT_CONF;
    struct rm_plan *plan = NULL;
    struct rm_err err = {0};
    if (args.test && rm_plan_new(&plan, conf, NULL, NULL, &err) != RM_OK) { // which has taken the configuration
        fprintf(stderr, "%s\n", err.text);
        return RM_EXIT_CONF;
    }
    exit_code = args.test && !main_try_ports(conf) ? RM_EXIT_START : RM_EXIT_FINE;
    if (args.debug) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        puts(rm_conf_dump(conf, &arena).p);
        rm_arena_fini(&arena);
    }
    if (exit_code == RM_EXIT_FINE) {
        uint64_t pools = (uint64_t)conf->limits.connections * rm_mhd_pool_bytes(&conf->limits);
        fprintf(args.debug ? stderr : stdout,
                "%s: fine: %zu endpoint%s on port %u; at most %" PRIu64
                " MiB of connections' pools and %zu MiB of bodies\n",
                args.config, conf->n_endpoints, conf->n_endpoints == 1 ? "" : "s", conf->port, pools >> 20,
                conf->limits.bodies_bytes >> 20);
    }
    if (plan)
        rm_plan_unref(plan);
    else
        rm_conf_free(conf);
    return exit_code;
}

static int main_graph(int argc, char **argv)
{
    struct main_args args = {0};
    int exit_code;
    if (!main_parse(argc, argv, "cf", main_graph_usage, &args, &exit_code))
        return exit_code;
    int format = main_format(main_graph_usage, args.format, "mermaid", "dot");
    if (format < 0)
        return RM_EXIT_USAGE;
    struct rm_conf *conf = main_load(&args, false);
    if (!conf)
        return RM_EXIT_CONF;
    struct rm_plan *plan;
    struct rm_err err = {0};
    if (rm_plan_new(&plan, conf, NULL, NULL, &err) != RM_OK) {
        fprintf(stderr, "%s\n", err.text);
        return RM_EXIT_CONF;
    }
    struct rm_buf text = {.max = SIZE_MAX};
    rm_graph_write(plan, format == 1 ? RM_GRAPH_DOT : RM_GRAPH_MERMAID, &text);
    fwrite(text.p, 1, text.n, stdout);
    rm_buf_free(&text);
    rm_plan_unref(plan);
    return RM_EXIT_FINE;
}

static int main_keys(int argc, char **argv)
{
    struct main_args args = {0};
    int exit_code;
    if (!main_parse(argc, argv, "f", main_keys_usage, &args, &exit_code))
        return exit_code;
    int format = main_format(main_keys_usage, args.format, "markdown", "schema");
    if (format < 0)
        return RM_EXIT_USAGE;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str text = format == 1 ? rm_conf_schema(&arena) : rm_conf_keys(&arena);
    printf("%.*s%s", (int)text.n, text.p, format == 1 ? "\n" : "");
    rm_arena_fini(&arena);
    return RM_EXIT_FINE;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (!strcmp(command, "run"))
        return main_run(argc - 1, argv + 1);
    if (!strcmp(command, "check"))
        return main_check(argc - 1, argv + 1);
    if (!strcmp(command, "graph"))
        return main_graph(argc - 1, argv + 1);
    if (!strcmp(command, "keys"))
        return main_keys(argc - 1, argv + 1);
    if (!strcmp(command, "version") || !strcmp(command, "--version")) {
        puts("remora " RM_VERSION);
        return RM_EXIT_FINE;
    }
    if (!strcmp(command, "help") || !strcmp(command, "--help") || !strcmp(command, "-h")) {
        fputs(main_usage, stdout);
        return RM_EXIT_FINE;
    }
    return main_misused(main_usage, *command ? "no such command" : "a command is missing");
}
