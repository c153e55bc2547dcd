/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps of a user namespace (user_namespaces(7), subuid(5)).
 *
 * An unprivileged process may map one id, its own. More ids take newuidmap and newgidmap, which are
 * privileged and check by themselves what /etc/subuid and /etc/subgid allow: what we read from
 * these files, or from USER, is only a request to them, and is never trusted.
 */
#include "idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "program.h"
#include "trust.h"

#define HELPER_LIMIT_MS 10000

static void idmap_add_number(struct idmap_arguments *args, unsigned long number)
{
	char *text = args->numbers[args->n];

	snprintf(text, IDMAP_NUMBER_MAX, "%lu", number);
	args->argv[1 + args->n++] = text;
}

/* getpwuid(3) would load whatever nsswitch.conf names. */
void idmap_own_name(char *name, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	const char *user = getenv("USER");
	const struct passwd *entry;

	snprintf(name, size, "%s", user ?: "");
	if (file == NULL)
		return;
	while ((entry = fgetpwent(file)) != NULL) {
		if (entry->pw_uid == geteuid()) {
			snprintf(name, size, "%s", entry->pw_name);
			break;
		}
	}
	fclose(file);
}

int idmap_add_ranges(const struct idmap_kind *kind, const char *name, struct idmap_arguments *args)
{
	FILE *file = fopen(kind->ranges, "re");
	unsigned long next = 1;
	char line[256];
	char uid[IDMAP_NUMBER_MAX];
	int n = 0;

	if (file == NULL)
		return 0;
	snprintf(uid, sizeof(uid), "%u", geteuid());
	while (n < IDMAP_RANGES_MAX && fgets(line, sizeof(line), file) != NULL) {
		char *colon = strchr(line, ':');
		unsigned long first, count;

		if (colon == NULL)
			continue;
		*colon = '\0';
		if ((strcmp(line, name) != 0 && strcmp(line, uid) != 0) ||
		    sscanf(colon + 1, "%lu:%lu", &first, &count) != 2 || count == 0 ||
		    count > UINT32_MAX - next || first > UINT32_MAX - count)
			continue;
		idmap_add_number(args, next);
		idmap_add_number(args, first);
		idmap_add_number(args, count);
		next += count;
		n++;
	}
	fclose(file);
	return n;
}

int idmap_find_program(const char *name, char *out, size_t size)
{
	for (const char *dir = getenv("PATH"); dir != NULL; dir = *dir ? dir + 1 : NULL) {
		const size_t len = strcspn(dir, ":");

		if (len > 0 && *dir == '/' &&
		    (size_t)snprintf(out, size, "%.*s/%s", (int)len, dir, name) < size &&
		    access(out, X_OK) == 0 && trust_or_pass_over("program", out))
			return 0;
		dir += len;
	}
	return -1;
}

int idmap_map_ranges(pid_t pid, const struct idmap_kind *kind, const char *name, bool verbose)
{
	cleanup_outcome struct outcome outcome = {0};
	struct idmap_arguments args = {.argv = {kind->helper}};
	struct program program = {
		.argv = args.argv,
		.userns_fd = -1,
		.interrupt_fd = -1,
		.limit_ms = HELPER_LIMIT_MS,
	};
	struct cni_error err = {0};
	char path[4096];
	char status[64];

	idmap_add_number(&args, (unsigned long)pid);
	idmap_add_number(&args, 0);
	idmap_add_number(&args, kind->own);
	idmap_add_number(&args, 1);
	if (idmap_add_ranges(kind, name, &args) == 0 ||
	    idmap_find_program(kind->helper, path, sizeof(path)) < 0)
		return -1;
	program.path = path;
	if (program_run(&program, &outcome, &err) == 0) {
		if (outcome.status == 0)
			return 0;
		program_describe_status(outcome.status, status, sizeof(status));
		cni_error(&err, CNI_ERR_IO, "%s: %s", kind->helper, status);
		cni_error_details(&err, "%.*s", (int)strcspn(outcome.stderr_text ?: "", "\n"),
				  outcome.stderr_text ?: "");
	}
	if (verbose)
		fprintf(stderr, "cnirun: no subordinate ids, only our own: %s: %s\n", err.msg,
			err.details);
	return -1;
}

int idmap_write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	cleanup_close int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int map_own(pid_t pid, const struct idmap_kind *kind)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1\n", kind->own);
	return idmap_write_file(pid, kind->map, text);
}

int idmap_write(pid_t pid, bool verbose, struct cni_error *err)
{
	const struct idmap_kind users = {"newuidmap", "/etc/subuid", "uid_map", geteuid()};
	const struct idmap_kind groups = {"newgidmap", "/etc/subgid", "gid_map", getegid()};
	char name[64];

	idmap_own_name(name, sizeof(name));
	if (idmap_map_ranges(pid, &users, name, verbose) < 0 && map_own(pid, &users) < 0)
		return cni_error_errno(
			err, CNI_ERR_IO,
			"cannot map our user in a new user namespace; this system "
			"does not allow it to ordinary users (see "
			"kernel.apparmor_restrict_unprivileged_userns), root can run "
			"cnirun");
	if (idmap_map_ranges(pid, &groups, name, verbose) == 0)
		return 0;
	/* A process that cannot drop groups may map its own (user_namespaces(7), CVE-2014-8989). */
	if (idmap_write_file(pid, "setgroups", "deny") < 0 || map_own(pid, &groups) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot map our group in a new user namespace");
	return 0;
}
