/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a subcommand ends: its exit status, and its message about an error. */
#ifndef NETNS_STATS_COMPLAIN_H
#define NETNS_STATS_COMPLAIN_H

#include "error.h"

/* Exit codes, as in the manual page. */
enum {
	EXIT_FAILED = 1,       /* something could not be read or done; the rest was */
	EXIT_USAGE = 2,        /* the command line */
	EXIT_NO_CONTAINER = 3, /* no such container */
};

/* Write an error to stderr, in one line. Return: EXIT_NO_CONTAINER if its code is
 * CNI_ERR_CONTAINER, else EXIT_FAILED. */
int complain_error(const struct cni_error *err);

/* Write to stderr what is wrong with the command line, and where to read on. Return: EXIT_USAGE. */
int complain_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
