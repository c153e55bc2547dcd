/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The installer's command line, and USERNET_CNI in its environment. */
#ifndef USERNET_INSTALL_OPTIONS_H
#define USERNET_INSTALL_OPTIONS_H

#include <stdbool.h>

struct install_options {
	const char *host; /* where the node's root is */
	const char *from; /* bin/ and net.d/ in it have the files to install */
	bool absent;
	bool once;
	bool check;
};

/**
 * install_options_parse() - read argv and USERNET_CNI.
 *
 * Errors are said on standard error. Return: -1 to go on, or the exit status.
 */
int install_options_parse(struct install_options *options, int argc, char **argv);

#endif
