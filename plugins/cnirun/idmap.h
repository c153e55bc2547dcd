/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_IDMAP_H
#define CNIRUN_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/**
 * idmap_write() - give a process's new user namespace its users and groups.
 * @pid:     the process that has made it, a child of ours and of our user
 * @verbose: say it when there is less than could be hoped for
 *
 * We are user and group 0 in it. Where /etc/subuid and /etc/subgid name ranges for us, newuidmap(1)
 * and newgidmap(1) map them to 1 and up; where they do not, or the helpers are not installed or
 * refuse, nobody else is mapped.
 *
 * Return: 0, or -1 CNI_ERR_IO.
 */
int idmap_write(pid_t pid, bool verbose, struct cni_error *err);

#endif
