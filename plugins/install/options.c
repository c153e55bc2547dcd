/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"

#define STATE_VARIABLE "USERNET_CNI"

static void usage(FILE *to)
{
	fputs("usage: usernet-cni-install [--check | --once] [--host DIR] [--from DIR]\n"
	      "\n"
	      "Installs CNI plugins and network configuration lists on a node, and keeps them in "
	      "place.\n"
	      "\n"
	      "  --once       end when that is done\n"
	      "  --check      change nothing; exit status 0 if everything is in place\n"
	      "  --host DIR   where the node's root is (/host): DIR/opt/cni/bin and "
	      "DIR/etc/cni/net.d\n"
	      "               are changed, DIR/usr and DIR/run/usernet-cni are looked at\n"
	      "  --from DIR   what to install (/cni): DIR/bin/* and DIR/net.d/*.conflist\n"
	      "  --version\n"
	      "\n"
	      "USERNET_CNI=absent in the environment: removes what it has installed instead\n"
	      "(USERNET_CNI=present is the default).\n",
	      to);
}

int install_options_parse(struct install_options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"check", no_argument, NULL, 'c'},
		{"once", no_argument, NULL, 'o'},
		{"host", required_argument, NULL, 'H'},
		{"from", required_argument, NULL, 'f'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *state = getenv(STATE_VARIABLE);
	int option;

	*options = (struct install_options){.host = "/host", .from = "/cni"};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->check = true;
			break;
		case 'o':
			options->once = true;
			break;
		case 'H':
			options->host = optarg;
			break;
		case 'f':
			options->from = optarg;
			break;
		case 'v':
			return version_print("usernet-cni-install");
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	options->absent = state != NULL && strcmp(state, "absent") == 0;
	if (optind < argc || (options->check && options->once)) {
		usage(stderr);
		return 2;
	}
	if (state != NULL && !options->absent && strcmp(state, "present") != 0) {
		fprintf(stderr,
			"usernet-cni-install: " STATE_VARIABLE
			" is \"%.40s\", but must be present or absent\n",
			state);
		return 2;
	}
	return -1;
}
