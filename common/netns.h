/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces: open, enter, visit many, create, persist and unmount them; and join the user
 * namespace that owns one. Sources: setns(2), network_namespaces(7), user_namespaces(7),
 * ioctl_ns(2).
 */
#ifndef USERNET_NETNS_H
#define USERNET_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* An open network namespace. A zero-filled one is not valid: start from NETNS_NONE. */
struct netns {
	int fd;        /* the namespace, close-on-exec; -1: none */
	int userns_fd; /* the owning user namespace, when it must be joined first; else -1 */
	dev_t dev;     /* identity of the namespace, as fstat(2) gives it */
	ino_t ino;
};

#define NETNS_NONE ((struct netns){.fd = -1, .userns_fd = -1})

/**
 * netns_open() - open a path and prove that it is a network namespace.
 * @path: any path; only a namespace is opened, so a FIFO does not block and a device is not touched
 * @ns:   filled; for netns_close()
 *
 * userns_fd is set when the caller has no CAP_SYS_ADMIN over the namespace but may join its owner.
 *
 * Return: 0; or -1 CNI_ERR_CONTAINER when there is nothing at the path, CNI_ERR_ENVIRONMENT when it
 * is not a network namespace, CNI_ERR_IO.
 */
int netns_open(const char *path, struct netns *ns, struct cni_error *err);

void netns_close(struct netns *ns);
#define cleanup_netns __attribute__((cleanup(netns_close)))

/* Whether @ns is the namespace that this process is in. */
bool netns_is_own(const struct netns *ns);

/* Whether a path leads to @ns. While @ns is open, no other namespace has its inode number. */
bool netns_is_at(const struct netns *ns, const char *path);

/*
 * The reply of a child to one visit: a run of bytes whose length is in its header. The reader
 * trusts no other length in it.
 */
struct netns_reply {
	int fd;      /* a file that both processes have open */
	off_t at;    /* the offset of the next bytes */
	size_t left; /* bytes that may still be given or taken */
};

#define NETNS_REPLY_MAX_BYTES ((size_t)1 << 30) /* for one visit */

/* Append exactly @size bytes to a reply, or take the next @size bytes from one. Return: whether
 * there is room for them, or whether there are so many. */
bool netns_reply_give(struct netns_reply *reply, const void *data, size_t size);
bool netns_reply_take(struct netns_reply *reply, void *data, size_t size);

/* What is done in each namespace that is visited; @arg is that of the visit. */
struct netns_work {
	/* Open the namespace, and check from outside, as far as possible, that it is the right one.
	 * Return: 0 with @ns, which the visit closes; or -1 with @err. NULL when all visits have an
	 * open namespace. */
	int (*open)(const void *arg, struct netns *ns, struct cni_error *err);
	/* Called in the namespace. Return: the visit's value; with @err when it is negative. */
	int (*fn)(void *arg, struct cni_error *err);
	/* Called in the child after fn: append to the reply what fn has written into @arg, without
	 * pointers. Return: whether it could. */
	bool (*give)(const void *arg, struct netns_reply *reply);
	/* Called in the caller: take the same from the reply into its own @arg. A container's root
	 * may have written the reply, so every length is checked. Return: whether the reply is
	 * valid. */
	bool (*take)(void *arg, struct netns_reply *reply);
};

struct netns_visit {
	void *arg;
	const struct netns *ns; /* open already, and owned by the caller; NULL: the work opens it */
	const char *path;       /* put before the visit's own messages; may be NULL */
	struct cni_error *err;  /* filled when the value is negative */
	int value;              /* what fn returned, or -1 */

	/* Private: it must be visited by a child that joins this user namespace. */
	bool foreign;
	dev_t owner_dev;
	ino_t owner_ino;
};

/**
 * netns_visit() - visit many namespaces, and bring back what was found there.
 * @deadline: in monotonic_ms(); a visit that has not begun by then gets CNI_ERR_AGAIN
 *
 * The calling thread stays in its namespace. Up to four threads enter the namespaces; when a user
 * namespace must be joined first, a child process does, one for each such user namespace. No
 * descriptor of a namespace is left open by the call. Each visit has its own value and error.
 */
void netns_visit(const struct netns_work *work, struct netns_visit *visits, size_t n,
		 int64_t deadline);

/* The same for one namespace. This thread itself enters it if it can come back. */
void netns_visit_one(const struct netns_work *work, struct netns_visit *visit, int64_t deadline);

/**
 * netns_run() - run a function inside the namespace and come back.
 * @fn:   its return value is passed on; when that is negative it has filled its err
 * @arg:  @size bytes of data without pointers: @fn may run in a child process, and its changes to
 *        them are copied back
 *
 * The function runs in this process when that can both enter and return (CAP_SYS_ADMIN over both
 * namespaces), else in a child, which has ten seconds.
 *
 * Return: what @fn returned, or -1 with @err filled.
 */
int netns_run(const struct netns *ns, int (*fn)(void *arg, struct cni_error *err), void *arg,
	      size_t size, struct cni_error *err);

#define NETNS_LIMIT_MS 10000 /* the time that a child has for one namespace */

/**
 * netns_socket() - make a socket in the namespace, as socket(2) with SOCK_CLOEXEC.
 *
 * Return: a descriptor, or -1 with @err filled.
 */
int netns_socket(const struct netns *ns, int domain, int type, int protocol, struct cni_error *err);

/**
 * netns_tap() - make a tap device (IFF_TAP, IFF_NO_PI) in the namespace.
 * @name: of the interface
 *
 * Return: its descriptor, close-on-exec, or -1 with @err filled. The interface goes when the last
 * copy of the descriptor is closed.
 */
int netns_tap(const struct netns *ns, const char *name, struct cni_error *err);

/**
 * netns_create() - make a network namespace, and bind-mount it in a directory so that it persists.
 * @dir:  made with mode 0755 if it does not exist, e.g. "/run/netns"
 * @name: file to mount it on; NULL: a random one, "cni-" and 16 hex digits
 * @path: receives dir/name, @size bytes
 *
 * This process stays in its namespace. The loopback interface is down in a new namespace. A failure
 * leaves nothing behind. Return: 0, or -1 with @err filled; for a name that exists, CNI_ERR_IO with
 * EEXIST.
 */
int netns_create(const char *dir, const char *name, char *path, size_t size, struct cni_error *err);

/* The same for the namespace that process @pid is in. */
int netns_persist(pid_t pid, const char *dir, const char *name, char *path, size_t size,
		  struct cni_error *err);

/* Unmount and remove what netns_create() or netns_persist() has made. Return: 0, also when nothing
 * is there, or -1 CNI_ERR_IO. */
int netns_remove(const char *path, struct cni_error *err);

#endif
