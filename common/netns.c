/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces: how one is identified, what is made in one, and how one is made and removed.
 * The top of netns_visit.c says how one is entered, and who can look into a process that has
 * entered.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "handover.h"
#include "process.h"

#define OWN_NETNS "/proc/self/ns/net"

/* Whether this process has CAP_SYS_ADMIN in its own user namespace, and so in those below it. */
static bool have_sys_admin(void)
{
	return process_capabilities() >> CAP_SYS_ADMIN & 1;
}

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The user namespace that must be joined before the namespace can be entered, or -1. */
static int owner_to_join(int netns_fd)
{
	cleanup_close int owner = -1;

	if (have_sys_admin())
		return -1;
	owner = ioctl(netns_fd, NS_GET_USERNS);
	if (owner < 0 || same_file(owner, "/proc/self/ns/user"))
		return -1;
	fcntl(owner, F_SETFD, FD_CLOEXEC);
	return take_fd(&owner);
}

int netns_open(const char *path, struct netns *ns, struct cni_error *err)
{
	cleanup_close int where = -1;
	cleanup_close int fd = -1;
	char proc[32];
	struct statfs fs;
	struct stat st;
	int type;

	*ns = NETNS_NONE;
	/* O_PATH does not open the file itself: no FIFO blocks, and no device is touched. */
	where = open(path, O_PATH | O_CLOEXEC);
	if (where < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return cni_error_errno(err, CNI_ERR_CONTAINER, "no network namespace at %s", path);
	if (where < 0 && errno == EACCES && strncmp(path, "/proc/", 6) == 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot open the network namespace %s; for a process of "
				       "another user, or with more capabilities than this one, "
				       "that needs CAP_SYS_PTRACE",
				       path);
	if (where < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the network namespace %s",
				       path);
	if (fstatfs(where, &fs) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine %s", path);
	if (fs.f_type != NSFS_MAGIC)
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "%s is not a network namespace (nor any other namespace)", path);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", where);
	fd = open(proc, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the network namespace %s",
				       path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0 && errno != ENOTTY)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine %s", path);
	if (type != CLONE_NEWNET)
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "%s is a namespace, but not a network namespace", path);
	ns->dev = st.st_dev;
	ns->ino = st.st_ino;
	ns->userns_fd = owner_to_join(fd);
	ns->fd = take_fd(&fd);
	return 0;
}

void netns_close(struct netns *ns)
{
	cleanup_close_(&ns->fd);
	cleanup_close_(&ns->userns_fd);
	*ns = NETNS_NONE;
}

bool netns_is_own(const struct netns *ns)
{
	return same_file(ns->fd, OWN_NETNS);
}

bool netns_is_at(const struct netns *ns, const char *path)
{
	return same_file(ns->fd, path);
}

struct socket_call {
	int domain;
	int type;
	int protocol;
	int channel; /* the socket is sent over it, with and without a child process */
};

static int hand_over(int channel, int fd)
{
	return handover_send(channel, "", 1, fd);
}

/* Return: the descriptor that came, or -1. */
static int take_over(int channel)
{
	char byte;
	int fd;

	if (handover_receive(channel, &byte, 1, MSG_DONTWAIT, &fd) >= 0)
		errno = EPROTO;
	return fd;
}

static int send_socket(void *arg, struct cni_error *err)
{
	const struct socket_call *call = arg;
	cleanup_close int fd = socket(call->domain, call->type | SOCK_CLOEXEC, call->protocol);

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot make a socket in the network namespace");
	if (hand_over(call->channel, fd) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot hand a socket over");
	return 0;
}

static bool has_option(int fd, int option, int expected)
{
	socklen_t size = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

/* Return: a socket of the kind that was asked for, or -1. */
static int receive_socket(const struct socket_call *call, int channel, struct cni_error *err)
{
	cleanup_close int fd = take_over(channel);

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "no socket came out of the network namespace");
	if (!has_option(fd, SO_DOMAIN, call->domain) || !has_option(fd, SO_TYPE, call->type) ||
	    (call->protocol != 0 && !has_option(fd, SO_PROTOCOL, call->protocol)))
		return cni_error(err, CNI_ERR_IO,
				 "what came out of the network namespace is not the socket that "
				 "was asked for");
	return take_fd(&fd);
}

int netns_socket(const struct netns *ns, int domain, int type, int protocol, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	const struct socket_call wanted = {.domain = domain, .type = type, .protocol = protocol};
	struct socket_call call = wanted;

	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	call.channel = theirs;
	if (netns_run(ns, send_socket, &call, sizeof(call), err) < 0)
		return -1;
	return receive_socket(&wanted, ours, err);
}

struct tap_call {
	char name[IFNAMSIZ];
	int channel;
};

static int send_tap(void *arg, struct cni_error *err)
{
	const struct tap_call *call = arg;
	/* Nobody inherits it; a process that it is sent to may clear O_CLOEXEC. */
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	/* IFF_TUN_EXCL: do not use a device that the container's root has made under that name. */
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL)};

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot open /dev/net/tun; load the module tun, or let this "
				       "user read and write the device");
	memcpy(request.ifr_name, call->name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the tap device %.*s",
				       IFNAMSIZ - 1, call->name);
	if (hand_over(call->channel, fd) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot hand the tap device over");
	return 0;
}

static bool is_tap(int fd, const char *name)
{
	struct ifreq request = {0};

	return ioctl(fd, TUNGETIFF, &request) == 0 && request.ifr_flags & IFF_TAP &&
	       strncmp(request.ifr_name, name, IFNAMSIZ) == 0;
}

int netns_tap(const struct netns *ns, const char *name, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	cleanup_close int fd = -1;
	struct tap_call call = {0};

	snprintf(call.name, sizeof(call.name), "%s", name);
	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	call.channel = theirs;
	if (netns_run(ns, send_tap, &call, sizeof(call), err) < 0)
		return -1;
	fd = take_over(ours);
	if (fd < 0 || !is_tap(fd, name))
		return cni_error(err, CNI_ERR_IO,
				 "no tap device %s came out of the network namespace", name);
	return take_fd(&fd);
}

/* Make dir/name, a file to mount on. @path receives its name. */
static int make_mount_point(const char *dir, const char *name, char *path, size_t size,
			    struct cni_error *err)
{
	char random_name[24];
	cleanup_close int fd = -1;
	uint64_t number;

	if (name == NULL) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return cni_error_errno(err, CNI_ERR_IO, "cannot get a random name");
		snprintf(random_name, sizeof(random_name), "cni-%016llx",
			 (unsigned long long)number);
		name = random_name;
	}
	if ((size_t)snprintf(path, size, "%s/%s", dir, name) >= size)
		return cni_error(err, CNI_ERR_IO, "the path %s/%s is too long", dir, name);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the directory %s", dir);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make %s to mount a namespace on",
				       path);
	return 0;
}

/* Bind-mount the namespace file @from on dir/name. */
static int netns_persist_at(const char *from, const char *dir, const char *name, char *path,
			    size_t size, struct cni_error *err)
{
	if (make_mount_point(dir, name, path, size, err) < 0)
		return -1;
	if (mount(from, path, "none", MS_BIND, NULL) < 0) {
		cni_error_errno(err, CNI_ERR_IO, "cannot mount the namespace %s on %s", from, path);
		unlink(path);
		return -1;
	}
	return 0;
}

int netns_persist(pid_t pid, const char *dir, const char *name, char *path, size_t size,
		  struct cni_error *err)
{
	char from[40];

	snprintf(from, sizeof(from), "/proc/%d/ns/net", (int)pid);
	return netns_persist_at(from, dir, name, path, size, err);
}

/* The two ends of a channel. Each process closes the other's end. */
struct creation {
	int ours;
	int theirs;
};

/* Hold the new namespace until it is mounted, or until the parent has ended. */
static int hold_new(void *arg)
{
	const struct creation *c = arg;
	int failure;

	close(c->ours);
	failure = unshare(CLONE_NEWNET) < 0 ? errno : 0;
	if (send(c->theirs, &failure, sizeof(failure), MSG_NOSIGNAL) == sizeof(failure))
		(void)!recv(c->theirs, &failure, sizeof(failure), 0);
	return 0;
}

int netns_create(const char *dir, const char *name, char *path, size_t size, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	cleanup_child struct child child = CHILD_NONE;
	struct creation creation;
	const struct child_spec spec = {.purpose = "make a namespace",
					.fn = hold_new,
					.arg = &creation,
					.deadline = monotonic_ms() + NETNS_LIMIT_MS};
	int failure = 0;

	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	creation = (struct creation){ours, theirs};
	if (child_start(&spec, &child, err) < 0)
		return -1;
	close(take_fd(&theirs));
	if (TEMP_FAILURE_RETRY(recv(ours, &failure, sizeof(failure), 0)) != sizeof(failure))
		return cni_error(err, CNI_ERR_IO, "the process that makes a namespace ended early");
	errno = failure;
	if (failure != 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a network namespace");
	return netns_persist(child.pid, dir, name, path, size, err);
}

int netns_remove(const char *path, struct cni_error *err)
{
	/* EINVAL: it is not a mount point, because the mount failed or is gone. */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return cni_error_errno(err, CNI_ERR_IO, "cannot unmount the namespace %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return cni_error_errno(err, CNI_ERR_IO, "cannot remove %s", path);
	return 0;
}
