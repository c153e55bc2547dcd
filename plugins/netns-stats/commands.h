/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands, one file each, and what they share. */
#ifndef NETNS_STATS_COMMANDS_H
#define NETNS_STATS_COMMANDS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "error.h"

/* Exit codes, as in the manual page. */
enum {
	EXIT_FAILED = 1,       /* something could not be read or done; the rest was */
	EXIT_USAGE = 2,        /* the command line */
	EXIT_NO_CONTAINER = 3, /* no such container, or several begin so */
};

/* Each gets its own name as argv[0] and returns the exit status. */
int show_main(int argc, char **argv);
int inspect_main(int argc, char **argv);
int top_main(int argc, char **argv);
int serve_main(int argc, char **argv);

struct container;
struct registry;

/* Append the object of one container to the array that `inspect` prints. Return: 0, or -1. */
int inspect_container(const struct registry *r, const struct container *c, cJSON *out,
		      struct cni_error *err);

/* An error on stderr, in one line. Return: EXIT_NO_CONTAINER or EXIT_FAILED, as its code has it. */
int complain_error(const struct cni_error *err);

/* A wrong command line on stderr, and where to read on. Return: EXIT_USAGE. */
int complain_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Options that every subcommand has: registry's. Return: whether `option` was one of them. */
#define COMMON_OPTIONS                                    \
	{"state-dir", required_argument, NULL, 'S'},      \
	{                                                 \
		"cni-cache", required_argument, NULL, 'C' \
	}
struct registry_options;
bool common_option(int option, const char *value, struct registry_options *options);

/* A time in seconds ("2", "0.5") as milliseconds, from min to max. Return: 0, or -1. */
int parse_seconds(const char *s, int min_ms, int max_ms, int *out);

#endif
