/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages on standard error, a line each. They have names of files and containers in them, and
 * parts of the command line. All of it passes through a struct cni_error, which has nothing in it
 * that a terminal would obey.
 */
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>

#include "plugin.h"

int complain_error(const struct cni_error *err)
{
	fprintf(stderr, PLUGIN_NAME ": %s%s%s\n", err->msg, err->details[0] ? ": " : "",
		err->details);
	return err->code == CNI_ERR_CONTAINER ? EXIT_NO_CONTAINER : EXIT_FAILED;
}

int complain_usage(const char *fmt, ...)
{
	struct cni_error err;
	char text[sizeof(err.msg)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* This cleans what comes from the command line, as it does for every message. */
	cni_error(&err, CNI_ERR_CONFIG, "%s", text);
	fprintf(stderr, PLUGIN_NAME ": %s\nTry `" PLUGIN_NAME " --help`.\n", err.msg);
	return EXIT_USAGE;
}
