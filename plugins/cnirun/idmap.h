/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_IDMAP_H
#define CNIRUN_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/**
 * idmap_write() - give a process's new user namespace its users and groups.
 * @pid:     the process that has made it, a child of ours and of our user
 * @verbose: say on standard error if a helper refuses, so that only our own ids are mapped
 *
 * We are user and group 0 in it. If /etc/subuid and /etc/subgid name ranges for us, newuidmap(1)
 * and newgidmap(1) map them to 1 and up; if they name none, or the helpers are not installed or
 * refuse, nobody else is mapped.
 *
 * Return: 0, or -1 CNI_ERR_IO.
 */
int idmap_write(pid_t pid, bool verbose, struct cni_error *err);

/* The parts of idmap_write(), which unit tests call. */

#define IDMAP_RANGES_MAX 32 /* that newuidmap is asked for */
#define IDMAP_NUMBER_MAX 12 /* an id, as text */

/* What differs between users and groups. */
struct idmap_kind {
	const char *helper; /* newuidmap */
	const char *ranges; /* /etc/subuid */
	const char *map;    /* uid_map */
	unsigned int own;
};

/* newuidmap PID 0 OWN 1 [1 START COUNT]... */
struct idmap_arguments {
	char numbers[4 + 3 * IDMAP_RANGES_MAX][IDMAP_NUMBER_MAX];
	const char *argv[2 + 4 + 3 * IDMAP_RANGES_MAX];
	int n;
};

/* Our name in /etc/passwd; if it has none, USER's value. */
void idmap_own_name(char *name, size_t size);

/* Append our ranges, one after the other from id 1 on. Return: how many. */
int idmap_add_ranges(const struct idmap_kind *kind, const char *name, struct idmap_arguments *args);

/* Find a program in PATH that belongs to us or to root. Return: 0, or -1 if there is none. */
int idmap_find_program(const char *name, char *out, size_t size);

/* Let the helper write the map. Return: 0, or -1 if it has not been written. */
int idmap_map_ranges(pid_t pid, const struct idmap_kind *kind, const char *name, bool verbose);

/* Write to /proc/@pid/@name. Return: 0, or -1 with errno. */
int idmap_write_file(pid_t pid, const char *name, const char *text);

#endif
