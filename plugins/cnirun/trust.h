/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_TRUST_H
#define CNIRUN_TRUST_H

#include <stdbool.h>

#include "error.h"

/**
 * trust_check() - whether nobody but root and us can change what is at a path.
 * @path: of a file or a directory; symbolic links are followed
 *
 * Every component of the path, links included, must belong to root or to us and be writable by
 * nobody else; a directory with the sticky bit may be.
 *
 * Return: 0, or -1: CNI_ERR_CONFIG names the component that others can change, CNI_ERR_IO one that
 * is not there or cannot be seen.
 */
int trust_check(const char *path, struct cni_error *err);

/**
 * trust_or_pass_over() - the same for one of several places that something is looked for in.
 * @what: "directory", "file", "plugin"
 *
 * If it cannot be trusted, a line on standard error says so, with the reason, once. If it is not
 * there, or cannot be seen, nothing is said here: whoever opens it says so. The directory of our
 * own executable, and what is in it, is trusted.
 *
 * Return: whether to use it.
 */
bool trust_or_pass_over(const char *what, const char *path);

#endif
