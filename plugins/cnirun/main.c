/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun: CNI networks without a container runtime.
 *
 *   run.c ── holder.c ── idmap.c            a COMMAND with a network: its namespaces,
 *     └── command.c ── resolv.c, signals.c  and the COMMAND itself
 *   add.c, del.c, check.c, gc.c, status.c   cnitool's jobs
 *     └── job.c, options.c ── publish.c     what was asked for
 *           ├── list.c ── trust.c           which plugins, and whether others could change that
 *           ├── chain.c ── program.c        calling them
 *           └── results.c ── trust.c        libcni's cache of results (common/cache.h)
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "commands.h"
#include "error.h"
#include "prepare.h"
#include "version.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *usage;
} cnirun_commands[] = {
	{"add", add_main, "NETWORK NETNS"},     {"del", del_main, "NETWORK NETNS"},
	{"check", check_main, "NETWORK NETNS"}, {"gc", gc_main, "NETWORK"},
	{"status", status_main, "NETWORK"},
};

#define N_COMMANDS (sizeof(cnirun_commands) / sizeof(cnirun_commands[0]))

static int cnirun_help(void)
{
	printf("cnirun " USERNET_VERSION ": CNI networks without a container runtime\n\n"
	       "  cnirun [OPTION...] -- COMMAND [ARGUMENT...]\n"
	       "  cnirun --pid PID [OPTION...]\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  cnirun %-7s[OPTION...] %s\n", cnirun_commands[i].name,
		       cnirun_commands[i].usage);
	printf("\n"
	       "  -n, --network NAME|PATH   the network (default: slirp)\n"
	       "  -p, --publish [ADDRESS:]HOSTPORT[-LAST][:PORT[-LAST]][/tcp|/udp|/sctp]\n"
	       "      --ip ADDRESS          the container's address; --mac ADDRESS: its "
	       "hardware's\n"
	       "      --netns PATH          in this network namespace\n"
	       "      --pid PID             in the network namespace of this process\n"
	       "  -i, --ifname NAME         the interface (default: eth0)\n"
	       "  -k, --keep                leave the network when COMMAND has ended\n"
	       "      --container-id ID     instead of a random one, or one made of NETNS\n"
	       "      --cache-dir DIR       where results are remembered\n"
	       "      --timeout SECONDS     for each plugin (default: 60)\n"
	       "      --all                 of gc: every attachment, also those that are alive\n"
	       "  -v, --verbose             say what is executed; --version: the version\n"
	       "\n"
	       "Exit status: COMMAND's, 128 and the number of the signal that killed it; of "
	       "cnirun\n"
	       "itself 125, 126 (COMMAND is not executable), 127 (there is none). Of the other\n"
	       "forms 0, 1, or 2 for wrong usage. In full: cnirun(8).\n");
	return output_end("cnirun");
}

int main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : "--help";
	struct cni_error err;

	prepare_descriptors();
	prepare_runtime_dir();
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
		return cnirun_help();
	if (strcmp(first, "--version") == 0)
		return version_print("cnirun");
	if (*first == '-')
		return run_main(argc, argv);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(first, cnirun_commands[i].name) == 0)
			return cnirun_commands[i].main(argc - 1, argv + 1);
	}
	/* The text of an error has no characters that a terminal would obey. */
	cni_error(&err, 0, "there is no subcommand \"%.40s\"; to run a command: cnirun -- %.40s",
		  first, first);
	fprintf(stderr, "cnirun: %s\n", err.msg);
	return EXIT_USAGE;
}
