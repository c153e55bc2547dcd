/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping a node in a state. */
#ifndef USERNET_INSTALL_KEEP_H
#define USERNET_INSTALL_KEEP_H

#include "error.h"
#include "options.h"

/*
 * Call settle(), and again whenever something changes, until a signal comes or an error. With
 * --once it ends after the first time; a removal then only waits for the signal. Return: the exit
 * status.
 */
int install_keep(const struct install_options *options);

/* Change nothing, and say what is not as it should be. Return: the exit status. */
int install_check(const struct install_options *options);

#endif
