/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of each subcommand. A parser that returns EXIT_USAGE has written to stderr what
 * is wrong. Strings point into argv.
 */
#ifndef NETNS_STATS_OPTIONS_H
#define NETNS_STATS_OPTIONS_H

#include <stdbool.h>

#include "registry.h"
#include "show.h"
#include "top.h"

struct show_options {
	struct registry_options where;
	const struct show_form *form;
	bool detail;
	bool loopback;
	bool exact; /* numbers as they are, not 1.5K */
	bool paths; /* rest are paths of namespaces, not container ids */
	char **rest;
	int n_rest;
};

struct inspect_options {
	struct registry_options where;
	char **rest; /* at least one */
	int n_rest;
};

struct top_options {
	struct registry_options where;
	enum sort sort;
	int interval_ms;
	bool exact;
};

struct serve_options {
	struct registry_options where;
	const char *address;
	int limit_ms; /* of a scrape */
	bool loopback;
	bool quiet;
};

/* Return: 0, or EXIT_USAGE. */
int options_of_show(int argc, char **argv, struct show_options *out);
int options_of_inspect(int argc, char **argv, struct inspect_options *out);
int options_of_top(int argc, char **argv, struct top_options *out);
int options_of_serve(int argc, char **argv, struct serve_options *out);

/* A time in seconds ("2", "0.5") as milliseconds, from min to max. Return: 0, or -1. */
int options_seconds(const char *s, int min_ms, int max_ms, int *out);

#endif
