/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon whose record is lost: /run was cleared, or `stateDir` has another value now.
 *
 * Such a daemon can be found only by its interface. An interface's name proves nothing, and a
 * process that is called slirp4netns may serve somebody else. So four things must be true, and only
 * of a daemon of this attachment all of them are: it executes slirp4netns, as our user; one of its
 * descriptors is a tun device with the interface's name; another one is the network namespace that
 * it was given; and its command line has the API socket of this attachment, whose name is a hash of
 * network, container id and interface. The pidfd is opened first: the proof is then about the very
 * process that will be signalled.
 */
#include "orphan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "link.h"
#include "plugin.h"

#define TUN_MAJOR 10 /* linux/miscdevice.h: MISC_MAJOR, TUN_MINOR */
#define TUN_MINOR 200
#define COMMAND_LINE_MAX_BYTES 16384

struct search {
	const struct netns *ns;
	const struct slirp_attachment *attachment;
	pid_t suspect; /* has the socket's name, but is not proved to be the daemon; 0: none */
};

static void orphan_close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}
#define cleanup_dir __attribute__((cleanup(orphan_close_dir)))

/* Open a directory of /proc/PID. @process: a descriptor of /proc/PID. */
static DIR *open_proc_dir(int process, const char *name)
{
	cleanup_close int fd = openat(process, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir != NULL)
		take_fd(&fd);
	return dir;
}

/* Read a file of /proc/PID into @buf, terminated. Return: bytes read, or -1. */
static ssize_t read_proc_file(int process, const char *name, char *buf, size_t size)
{
	cleanup_close int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n = fd < 0 ? -1 : 0;

	while (fd >= 0 && have < size - 1 &&
	       (n = TEMP_FAILURE_RETRY(read(fd, buf + have, size - 1 - have))) > 0)
		have += (size_t)n;
	if (n < 0)
		return -1;
	buf[have] = '\0';
	return (ssize_t)have;
}

/* Whether its command line is the one that daemon_start() made for the attachment. */
static bool has_our_socket(int process, const struct slirp_attachment *a)
{
	char line[COMMAND_LINE_MAX_BYTES], tail[sizeof(a->socket_name) + 8];
	const ssize_t size = read_proc_file(process, "cmdline", line, sizeof(line));
	const size_t tail_len = (size_t)snprintf(tail, sizeof(tail), "/sock/%s", a->socket_name);

	for (const char *arg = line; arg < line + size; arg += strlen(arg) + 1) {
		const size_t len = strlen(arg);

		if (strncmp(arg, "--api-socket=", 13) == 0 && len > tail_len &&
		    strcmp(arg + len - tail_len, tail) == 0)
			return true;
	}
	return false;
}

/* True also if a distribution has renamed it, as to .slirp4netns-wrapped, or replaced the file. */
static bool runs_slirp4netns(int process)
{
	char path[PATH_MAX];
	const ssize_t n = readlinkat(process, "exe", path, sizeof(path) - 1);
	const char *name;

	if (n <= 0)
		return false;
	path[n] = '\0';
	name = strrchr(path, '/');
	return name != NULL && strstr(name, PLUGIN_NAME) != NULL;
}

static bool is_tap_of(int process, const char *fd, const char *ifname)
{
	char name[24], text[1024];
	const char *at;
	size_t len;

	snprintf(name, sizeof(name), "fdinfo/%.10s", fd);
	if (read_proc_file(process, name, text, sizeof(text)) < 0)
		return false;
	at = strstr(text, "\niff:\t");
	if (at == NULL)
		return false;
	at += 6;
	len = strcspn(at, "\n");
	return len == strlen(ifname) && memcmp(at, ifname, len) == 0;
}

/* Whether it holds the interface, and the namespace that the interface is in. */
static bool holds(int process, const struct search *search)
{
	cleanup_dir DIR *dir = open_proc_dir(process, "fd");
	bool tap = false, netns = false;
	const struct dirent *entry;
	struct stat st;

	while (dir != NULL && !(tap && netns) && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		if (st.st_dev == search->ns->dev && st.st_ino == search->ns->ino)
			netns = true;
		else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(TUN_MAJOR, TUN_MINOR) &&
			 is_tap_of(process, entry->d_name, search->attachment->key.ifname))
			tap = true;
	}
	return tap && netns;
}

/* Whether the process @pid is the daemon; if so, @daemon has a pidfd of it. */
static bool is_daemon(int proc, const char *pid, struct search *search, struct process *daemon)
{
	cleanup_close int process = -1;
	cleanup_close int pidfd = -1;
	struct stat st;

	pidfd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
	process = pidfd < 0 ? -1 : openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process < 0 || !has_our_socket(process, search->attachment))
		return false;
	if (fstat(process, &st) < 0 || st.st_uid != geteuid() || !runs_slirp4netns(process) ||
	    !holds(process, search)) {
		search->suspect = atoi(pid);
		return false;
	}
	daemon->id.pid = atoi(pid);
	daemon->pidfd = take_fd(&pidfd);
	return true;
}

static bool orphan_find_daemon(struct search *search, struct process *daemon)
{
	cleanup_dir DIR *proc = opendir("/proc");
	const struct dirent *entry;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    is_daemon(dirfd(proc), entry->d_name, search, daemon))
			return true;
	}
	return false;
}

int orphan_find(const char *path, const struct slirp_attachment *a, struct process *daemon,
		pid_t *suspect)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_netlink struct netlink *sk = NULL;
	struct search search = {.ns = &ns, .attachment = a};
	struct cni_error ignored;
	struct link link;
	bool found;

	*daemon = PROCESS_NONE;
	/* If we may not enter the namespace, nothing can be found out, and DEL succeeds. */
	if (netns_open(path, &ns, &ignored) < 0 || netns_is_own(&ns))
		return 0;
	sk = netlink_open(&ns, NETLINK_ROUTE, &ignored);
	if (sk == NULL || link_get(sk, a->key.ifname, &link, &ignored) <= 0 ||
	    strcmp(link.kind, "tun") != 0)
		return 0;
	found = orphan_find_daemon(&search, daemon);
	*suspect = search.suspect;
	return found ? 1 : -1;
}
