/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_TRUST_H
#define CNIRUN_TRUST_H

#include <stdbool.h>

#include "error.h"

/**
 * trust_check() - whether nobody but root and us decides what is at a path.
 * @path: of a file or a directory; symbolic links are followed
 *
 * The file, and each directory and link on the way to it, must be root's or ours and writable by
 * nobody else, a directory with the sticky bit excepted.
 *
 * Return: 0, or -1: CNI_ERR_CONFIG names the part that is not so, CNI_ERR_IO what cannot be seen.
 */
int trust_check(const char *path, struct cni_error *err);

/**
 * trust_or_pass_over() - the same for one of several places that something is looked for in.
 * @what: "directory", "file", "plugin"
 *
 * One that is not to be trusted is told on standard error, with the reason, once. One that is not
 * there, or cannot be seen, is not told: whoever opens it says so. The directory that our own
 * executable is in, and what is in it, is as good as we are.
 *
 * Return: whether it is to be used.
 */
bool trust_or_pass_over(const char *what, const char *path);

#endif
