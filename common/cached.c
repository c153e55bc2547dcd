/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cached.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"

#define PF_KTHREAD 0x00200000 /* in the flags of /proc/PID/stat: proc_pid_stat(5) */

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Return: the namespace's unique number, or 0 when the kernel does not have such numbers or we
 * cannot enter. */
static uint64_t read_cookie(const struct netns *ns)
{
	struct cni_error ignored;
	cleanup_close int fd = netns_socket(ns, AF_UNIX, SOCK_DGRAM, 0, &ignored);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

int cached_netns_note(const struct netns *ns, cJSON *cached, struct cni_error *err)
{
	char boot[PROCESS_BOOT_ID], text[24];
	uint64_t cookie;
	cJSON *identity;

	if (process_boot_id(boot) < 0)
		return 0;
	cookie = read_cookie(ns);
	snprintf(text, sizeof(text), "%" PRIu64, cookie);
	identity = cJSON_AddObjectToObject(cached, CACHED_NETNS_IDENTITY);
	if (cJSON_AddStringToObject(identity, "boot", boot) == NULL ||
	    cJSON_AddNumberToObject(identity, "dev", (double)ns->dev) == NULL ||
	    cJSON_AddNumberToObject(identity, "inode", (double)ns->ino) == NULL ||
	    (cookie != 0 && cJSON_AddStringToObject(identity, "cookie", text) == NULL))
		return cni_error_nomem(err);
	return 0;
}

/* Read a number, or the decimal digits of one in a string. Return: 1 present, 0 absent, -1 when it
 * is neither. */
static int get_number(const cJSON *object, const char *key, uint64_t *out)
{
	const cJSON *item = json_get(object, key);
	struct cni_error ignored;
	int64_t number = 0;
	char *end;
	int present;

	if (!cJSON_IsString(item)) {
		present = conf_get_int(object, "", key, 0, INT64_MAX, &number, &ignored);
		*out = (uint64_t)number;
		return present;
	}
	errno = 0;
	*out = strtoull(item->valuestring, &end, 10);
	return errno == 0 && *item->valuestring >= '0' && *item->valuestring <= '9' && *end == '\0'
		       ? 1
		       : -1;
}

struct netns_identity cached_netns_identity(const cJSON *cached)
{
	const cJSON *object = json_get(cached, CACHED_NETNS_IDENTITY);
	const char *boot = cJSON_GetStringValue(json_get(object, "boot"));
	struct netns_identity identity = {0};
	uint64_t dev, ino, cookie = 0;

	if (boot == NULL || strlen(boot) != PROCESS_BOOT_ID - 1 ||
	    get_number(object, "dev", &dev) <= 0 || get_number(object, "inode", &ino) <= 0 ||
	    get_number(object, "cookie", &cookie) < 0)
		return (struct netns_identity){0};
	strcpy(identity.boot, boot);
	identity.dev = (dev_t)dev;
	identity.ino = (ino_t)ino;
	identity.cookie = cookie;
	return identity;
}

/* Return: 1 when it is the namespace that is noted, 0 when it is another, -1 when none is noted. */
static int cached_compare(const struct netns_identity *identity, const struct netns *ns)
{
	char boot[PROCESS_BOOT_ID];
	uint64_t cookie;

	if (identity == NULL || identity->boot[0] == '\0')
		return -1;
	if (identity->dev != ns->dev || identity->ino != ns->ino ||
	    (process_boot_id(boot) == 0 && strcmp(identity->boot, boot) != 0))
		return 0;
	if (identity->cookie == 0)
		return 1;
	/* The cookie comes last, because reading it means entering the namespace. Without it, what
	 * has been compared so far decides. */
	cookie = read_cookie(ns);
	return cookie == 0 || cookie == identity->cookie;
}

bool cached_netns_proves(const struct netns_identity *identity, const struct netns *ns)
{
	return cached_compare(identity, ns) == 1;
}

/* Whether process 2 is a kernel thread, which stays in the machine's own namespace. */
static bool is_kernel_thread_2(void)
{
	FILE *file = fopen("/proc/2/stat", "re");
	unsigned int flags = 0;

	if (file == NULL)
		return false;
	if (fscanf(file, "2 (%*[^)]) %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		flags = 0;
	fclose(file);
	return flags & PF_KTHREAD;
}

/*
 * Whether it is the namespace that the machine, or the container that we are in, was started in. A
 * root that has fewer capabilities than process 1 may not look at process 1, but may look at a
 * kernel thread. An ordinary user may look at neither, and could not change anything in that
 * namespace.
 */
static bool is_of_pid_1(const struct netns *ns)
{
	struct stat st;

	if (stat("/proc/1/ns/net", &st) < 0 &&
	    (!is_kernel_thread_2() || stat("/proc/2/ns/net", &st) < 0))
		return false;
	return st.st_dev == ns->dev && st.st_ino == ns->ino;
}

/*
 * Find out why /proc/PID/... refuses us (EACCES). A process of our own may do so as well, when it
 * has changed its user or is not dumpable. So its user decides, which everybody can read.
 */
static enum cached_netns_state judge_process(const char *path)
{
	unsigned int real, effective;
	bool found = false;
	char status[64], line[256];
	int pid, end = 0;
	FILE *file;

	if (sscanf(path, "/proc/%d/%n", &pid, &end) != 1 || end == 0)
		return CACHED_NETNS_UNKNOWN;
	snprintf(status, sizeof(status), "/proc/%d/status", pid);
	file = fopen(status, "re");
	if (file == NULL)
		return errno == ENOENT ? CACHED_NETNS_GONE : CACHED_NETNS_UNKNOWN;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = sscanf(line, "Uid: %u %u", &real, &effective) == 2;
	fclose(file);
	/* User 0, even of a user namespace, may have had more rights at ADD than now. */
	return found && geteuid() != 0 && real != geteuid() && effective != geteuid()
		       ? CACHED_NETNS_ANOTHER
		       : CACHED_NETNS_UNKNOWN;
}

enum cached_netns_state cached_netns_open(const char *path, const struct netns_identity *identity,
					  struct netns *ns, struct cni_error *err)
{
	*ns = NETNS_NONE;
	if (path == NULL) {
		cni_error(err, CNI_ERR_CONTAINER, "it does not say which network namespace");
		return CACHED_NETNS_UNKNOWN;
	}
	if (netns_open(path, ns, err) < 0) {
		if (err->code != CNI_ERR_IO)
			return CACHED_NETNS_GONE;
		return errno == EACCES ? judge_process(path) : CACHED_NETNS_UNKNOWN;
	}
	if (netns_is_own(ns) || is_of_pid_1(ns))
		return CACHED_NETNS_OURS_NOW;
	return cached_compare(identity, ns) == 0 ? CACHED_NETNS_ANOTHER : CACHED_NETNS_THERE;
}

int cached_netns_is_another(const char *path, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_CONTAINER,
			 "no network namespace of this container at %s: the path leads to another "
			 "one now",
			 path);
}

int cached_netns_reopen(const char *path, const struct netns_identity *identity, struct netns *ns,
			struct cni_error *err)
{
	struct netns_identity outside = *identity;

	outside.cookie = 0; /* to compare it means to enter the namespace */
	switch (cached_netns_open(path, &outside, ns, err)) {
	case CACHED_NETNS_THERE:
		return 0;
	case CACHED_NETNS_OURS_NOW:
		if (identity->cookie != 0)
			return 0;
		break;
	case CACHED_NETNS_ANOTHER:
		break;
	default:
		return -1; /* cached_netns_open() has filled err */
	}
	netns_close(ns);
	return cached_netns_is_another(path, err);
}
