/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping a node in a state. */
#ifndef USERNET_INSTALL_KEEP_H
#define USERNET_INSTALL_KEEP_H

#include "error.h"
#include "options.h"

/* Settle, and unless --once or absence ends it, again whenever something changes. Return: the exit
 * status. */
int install_keep(const struct install_options *options);

/* Settle nothing, look. Return: the exit status. */
int install_check(const struct install_options *options);

#endif
