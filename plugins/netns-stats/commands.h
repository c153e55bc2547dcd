/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands, one file each. */
#ifndef NETNS_STATS_COMMANDS_H
#define NETNS_STATS_COMMANDS_H

#include <cjson/cJSON.h>

#include "error.h"

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

#endif
