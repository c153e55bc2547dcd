/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that are timed: plugins above all, as a runtime calls them. */
#ifndef USERNET_BENCH_COMMAND_H
#define USERNET_BENCH_COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OUTPUT_MAX 65536

/* A program to run: its environment, and what it reads. */
struct command {
	const char *const *argv;
	const char *const *envp;
	const char *input; /* NULL: none */
};

double command_now(void); /* microseconds */

/* A descriptor to read @input from; NULL: nothing. */
int command_input(const char *input);

/*
 * Run it to its end, reading its standard output into @output (terminated; NULL: dropped).
 * Return: microseconds from before spawning until it has been reaped; negative when it failed.
 */
double command_run(const struct command *cmd, char *output, size_t size);

/* Start it with /dev/null as its output, and @ready_fd (-1: none) as descriptor 9. Return: pid. */
pid_t command_start(const struct command *cmd, int ready_fd);

/* Peak resident memory of a run, in KiB, read as it exits; negative when it failed. */
long command_peak_memory(const struct command *cmd);

/* A call of a plugin, in storage of its own: what @text takes. */
struct call {
	const char *argv[2];
	const char *envp[7];
	char text[6][256];
	struct command command;
};

/* Fill @call: operation @operation of the plugin at @path for interface eth0 of @container. */
const struct command *call_plugin(struct call *call, const char *path, const char *operation,
				  const char *container, const char *netns, const char *input);

#endif
