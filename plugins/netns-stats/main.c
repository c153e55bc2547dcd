/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats: what each attachment sent and received.
 *
 * One executable in two roles. With CNI_COMMAND in the environment it is a chained CNI plugin that
 * opens and closes an account per attachment (plugin.c). Without, it is a tool over the same
 * registrations:
 *
 *   plugin.c ── account.c ── counters.c     ADD, CHECK, DEL, GC; the closing line
 *   show.c ── show_table.c, show_json.c     ┐
 *   inspect.c                               ├─ registry.c ── entry.c        who is attached
 *   top.c ── top_rows.c, top_screen.c       ├─ sweep.c ── sample.c          what they count
 *   serve.c ── http.c, exposition.c         ┘             └─ detail*.c      and what more there is
 *   options.c                               the command line of each
 *
 * Starting up is most of what the plugin role costs, so it loads nothing but libc and cJSON. The
 * two libraries that single subcommands need (libmicrohttpd, which brings all of GnuTLS and takes
 * longer to load than an ADD takes; ncurses) are loaded by those, see lazy.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "complain.h"
#include "plugin.h"
#include "registry.h"
#include "version.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *usage;
} stats_commands[] = {
	{"show", show_main, "[-f FORM] [--detail] [CONTAINER... | --netns PATH...]"},
	{"inspect", inspect_main, "CONTAINER..."},
	{"top", top_main, "[--interval SECONDS] [--sort total|rx|tx|packets|name]"},
	{"serve", serve_main, "--listen ADDRESS:PORT | unix:PATH"},
};

#define N_COMMANDS (sizeof(stats_commands) / sizeof(stats_commands[0]))

/* Return: the exit status. */
static int stats_help(void)
{
	struct cni_error err = {0};

	printf("netns-stats " USERNET_VERSION ": what containers send and receive\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  netns-stats %-8s%s\n", stats_commands[i].name, stats_commands[i].usage);
	printf("\n"
	       "CONTAINER is a container id, or a beginning of one that no other shares.\n"
	       "\n"
	       "  -f, --format FORM    of show: table (default), json, prometheus\n"
	       "  -d, --detail         of show: ethtool, netdev, tcp_metrics, protocol counters\n"
	       "  -n, --netns          of show: the arguments are paths of namespaces\n"
	       "  -l, --loopback       of show, serve: loopback too\n"
	       "  -b, --bytes          of show, top: exact numbers, not 1.5K\n"
	       "      --state-dir DIR  where the plugin's records are\n"
	       "      --cni-cache DIR  where libcni's results are (" DEFAULT_CNI_CACHE ")\n"
	       "  -h, --help           this; --version: the version\n"
	       "\n"
	       "Exit status: 0 fine, 1 something could not be read or done (the rest was),\n"
	       "2 wrong usage, 3 no such container.\n"
	       "As a CNI plugin (with CNI_COMMAND set) and in full: netns-stats(8).\n");
	if (fflush(stdout) == 0)
		return 0;
	cni_error_errno(&err, CNI_ERR_IO, "cannot write the output");
	return complain_error(&err);
}

int main(int argc, char **argv)
{
	/* Called by hand without arguments, the plugin says what it is. */
	if (getenv("CNI_COMMAND") != NULL || argc < 2)
		return cni_main(&stats_plugin, argc, argv);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return stats_help();
	if (strcmp(argv[1], "--version") == 0)
		return version_print(PLUGIN_NAME);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], stats_commands[i].name) != 0)
			continue;
		for (int k = 2; k < argc && strcmp(argv[k], "--") != 0; k++) {
			if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0)
				return stats_help();
		}
		return stats_commands[i].main(argc - 1, argv + 1);
	}
	return complain_usage("no command \"%.80s\"", argv[1]);
}
