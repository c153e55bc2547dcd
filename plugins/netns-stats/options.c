/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command lines of the subcommands. Each parser writes its own messages, because they name the
 * option that is wrong.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"

/* What every subcommand takes: where the registry reads. */
#define COMMON_OPTIONS                                    \
	{"state-dir", required_argument, NULL, 'S'},      \
	{                                                 \
		"cni-cache", required_argument, NULL, 'C' \
	}

/* Return: whether it was one of them. */
static bool common_option(int option, const char *value, struct registry_options *options)
{
	if (option == 'S')
		options->state_dir = value;
	else if (option == 'C')
		options->cni_cache = value;
	return option == 'S' || option == 'C';
}

int options_seconds(const char *s, int min_ms, int max_ms, int *out)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(s, &end);
	if (errno || end == s || *end || !isfinite(seconds) || seconds * 1000 < min_ms ||
	    seconds * 1000 > max_ms)
		return -1;
	*out = (int)(seconds * 1000);
	return 0;
}

int options_of_show(int argc, char **argv, struct show_options *out)
{
	static const struct option options[] = {{"format", required_argument, NULL, 'f'},
						{"detail", no_argument, NULL, 'd'},
						{"netns", no_argument, NULL, 'n'},
						{"loopback", no_argument, NULL, 'l'},
						{"bytes", no_argument, NULL, 'b'},
						COMMON_OPTIONS,
						{NULL, 0, NULL, 0}};
	int option;

	*out = (struct show_options){.form = &show_table};
	while ((option = getopt_long(argc, argv, "f:dnlb", options, NULL)) != -1) {
		if (common_option(option, optarg, &out->where))
			continue;
		switch (option) {
		case 'f':
			out->form = show_find_form(optarg);
			if (out->form == NULL)
				return complain_usage("there is no format \"%.40s\"; use table, "
						      "json or prometheus",
						      optarg);
			break;
		case 'd':
			out->detail = true;
			break;
		case 'n':
			out->paths = true;
			break;
		case 'l':
			out->loopback = true;
			break;
		case 'b':
			out->exact = true;
			break;
		default:
			return complain_usage("show: wrong option");
		}
	}
	out->rest = argv + optind;
	out->n_rest = argc - optind;
	if (out->detail && out->form == &show_prometheus)
		return complain_usage("--detail has no form for Prometheus; use table or json");
	if (out->paths && out->n_rest == 0)
		return complain_usage("--netns needs the path of a namespace");
	return 0;
}

int options_of_inspect(int argc, char **argv, struct inspect_options *out)
{
	static const struct option options[] = {COMMON_OPTIONS, {NULL, 0, NULL, 0}};
	int option;

	*out = (struct inspect_options){0};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!common_option(option, optarg, &out->where))
			return complain_usage("inspect: wrong option");
	}
	out->rest = argv + optind;
	out->n_rest = argc - optind;
	return out->n_rest == 0 ? complain_usage("inspect needs a container id") : 0;
}

int options_of_top(int argc, char **argv, struct top_options *out)
{
	static const struct option options[] = {{"interval", required_argument, NULL, 'i'},
						{"sort", required_argument, NULL, 's'},
						{"bytes", no_argument, NULL, 'b'},
						COMMON_OPTIONS,
						{NULL, 0, NULL, 0}};
	int option;

	*out = (struct top_options){.interval_ms = 1000};
	while ((option = getopt_long(argc, argv, "i:s:b", options, NULL)) != -1) {
		if (common_option(option, optarg, &out->where))
			continue;
		switch (option) {
		case 'i':
			if (options_seconds(optarg, 100, 3600 * 1000, &out->interval_ms) < 0)
				return complain_usage("--interval is \"%.40s\", but must be 0.1 "
						      "to 3600 seconds",
						      optarg);
			break;
		case 's':
			if (sort_parse(optarg, &out->sort) < 0)
				return complain_usage("--sort is \"%.40s\", but must be total, "
						      "rx, tx, packets or name",
						      optarg);
			break;
		case 'b':
			out->exact = true;
			break;
		default:
			return complain_usage("top: wrong option");
		}
	}
	return optind < argc
		       ? complain_usage("top takes no arguments, but got \"%.40s\"", argv[optind])
		       : 0;
}

int options_of_serve(int argc, char **argv, struct serve_options *out)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'L'},
						{"limit", required_argument, NULL, 'T'},
						{"loopback", no_argument, NULL, 'l'},
						{"quiet", no_argument, NULL, 'q'},
						COMMON_OPTIONS,
						{NULL, 0, NULL, 0}};
	int option;

	*out = (struct serve_options){.limit_ms = 8000};
	while ((option = getopt_long(argc, argv, "lq", options, NULL)) != -1) {
		if (common_option(option, optarg, &out->where))
			continue;
		switch (option) {
		case 'L':
			out->address = optarg;
			break;
		case 'T':
			if (options_seconds(optarg, 10, 60000, &out->limit_ms) < 0)
				return complain_usage("--limit is \"%.40s\", but must be 0.01 "
						      "to 60 seconds",
						      optarg);
			break;
		case 'l':
			out->loopback = true;
			break;
		case 'q':
			out->quiet = true;
			break;
		default:
			return complain_usage("serve: wrong option");
		}
	}
	if (out->address == NULL || optind < argc)
		return complain_usage("serve needs --listen ADDRESS:PORT or --listen unix:PATH");
	return 0;
}
