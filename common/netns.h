/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces: open, enter, visit many, create, persist, unmount; and the user namespace
 * that owns one. Sources: setns(2), network_namespaces(7), user_namespaces(7), ioctl_ns(2).
 */
#ifndef USERNET_NETNS_H
#define USERNET_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* An open network namespace. Zero is not a valid one: start from NETNS_NONE. */
struct netns {
	int fd;        /* the namespace, close-on-exec; -1: none */
	int userns_fd; /* the user namespace that owns it, where it must be joined first; else -1 */
	dev_t dev;     /* identity of the namespace, as fstat(2) gives it */
	ino_t ino;
};

#define NETNS_NONE ((struct netns){.fd = -1, .userns_fd = -1})

/**
 * netns_open() - open a path and prove that it is a network namespace.
 * @path: any; nothing but a namespace is opened, so a FIFO does not hang and a device is not
 * touched
 * @ns:   filled; netns_close() it
 *
 * userns_fd is set when the caller has no CAP_SYS_ADMIN over the namespace but may join its owner.
 *
 * Return: 0, or -1: CNI_ERR_CONTAINER when nothing is there, CNI_ERR_ENVIRONMENT when it is
 * something else, CNI_ERR_IO.
 */
int netns_open(const char *path, struct netns *ns, struct cni_error *err);

void netns_close(struct netns *ns);
#define cleanup_netns __attribute__((cleanup(netns_close)))

/* Whether it is the namespace that this process is in. */
bool netns_is_own(const struct netns *ns);

/* Whether a path leads to it. While it is open, no other namespace has its inode's number. */
bool netns_is_at(const struct netns *ns, const char *path);

/**
 * netns_join_owner() - join the owning user namespace for good, where netns_open() found that
 * needed.
 *
 * For a child that is to end, and executes nothing: it has every capability in the namespace and
 * cannot go back, and is out of reach of the namespace's root until then (see process.h).
 *
 * Return: 0 (also when nothing was to do), or -1 CNI_ERR_IO.
 */
int netns_join_owner(struct netns *ns, struct cni_error *err);

/*
 * What a child has to say of one visit: a run of bytes, as long as its header says. Who reads it
 * takes no length on trust but that.
 */
struct netns_reply {
	int fd;      /* a file of both processes' */
	off_t at;    /* where the next bytes are */
	size_t left; /* that may still be given, or taken */
};

#define NETNS_REPLY_MAX_BYTES ((size_t)1 << 30) /* of one visit */

/* Give, or take, exactly @size bytes, in the order of giving. Return: whether there is room for
 * them, or there are so many. */
bool netns_reply_give(struct netns_reply *reply, const void *data, size_t size);
bool netns_reply_take(struct netns_reply *reply, void *data, size_t size);

/* What is done in each namespace of a visit; @arg is the visit's own. */
struct netns_work {
	/* Open the namespace, and prove that it is the one that is meant, as far as that shows from
	 * outside. Return: 0 with @ns, which the visit closes; or -1 with @err. NULL where they are
	 * open. */
	int (*open)(const void *arg, struct netns *ns, struct cni_error *err);
	/* In the namespace. Return: what the visit's value is to be; with @err when negative. */
	int (*fn)(void *arg, struct cni_error *err);
	/* In the child, behind @fn: what it has made of @arg, flat. Return: whether it could. */
	bool (*give)(const void *arg, struct netns_reply *reply);
	/* In the caller: the same for its own @arg. What it takes may be a container's root's: it
	 * is checked in every length. Return: whether it is as it must be. */
	bool (*take)(void *arg, struct netns_reply *reply);
};

struct netns_visit {
	void *arg;
	const struct netns *ns; /* open already, and the caller's; NULL: the work opens it */
	const char *path;       /* put before messages that are the visit's own; NULL: nothing */
	struct cni_error *err;  /* filled when value is negative */
	int value;              /* what fn returned, or -1 */

	/* Its own: to be visited by a child that joins this user namespace. */
	bool foreign;
	dev_t owner_dev;
	ino_t owner_ino;
};

/**
 * netns_visit() - go into many namespaces, one after the other, and come back with what is there.
 * @deadline: monotonic_ms(); what has not been visited by then has CNI_ERR_AGAIN
 *
 * The calling thread stays where it is: threads go in, up to four at once, and children where a
 * user namespace is to be joined first, one for each such user namespace. No descriptor into a
 * namespace outlasts the call. Each visit has its own value and error.
 */
void netns_visit(const struct netns_work *work, struct netns_visit *visits, size_t n,
		 int64_t deadline);

/* The same for one, by this thread itself where it can come back. */
void netns_visit_one(const struct netns_work *work, struct netns_visit *visit, int64_t deadline);

/**
 * netns_run() - run a function inside the namespace and come back.
 * @fn:   its return value is passed on; when negative it has filled its err
 * @arg:  plain data without pointers to be followed out: @fn may run in a child process, whose
 * changes to these @size bytes are copied back
 *
 * The visit of one namespace, open already: in this process where it can both enter and return
 * (CAP_SYS_ADMIN over both namespaces), else in a child, which has ten seconds.
 *
 * Return: what @fn returned, or -1 with @err filled.
 */
int netns_run(const struct netns *ns, int (*fn)(void *arg, struct cni_error *err), void *arg,
	      size_t size, struct cni_error *err);

#define NETNS_LIMIT_MS 10000 /* that a child has for one namespace */

/**
 * netns_socket() - a socket that lives in the namespace, as socket(2) with SOCK_CLOEXEC.
 *
 * Return: a descriptor, or -1 with @err filled.
 */
int netns_socket(const struct netns *ns, int domain, int type, int protocol, struct cni_error *err);

/**
 * netns_tap() - make a tap device (IFF_TAP, IFF_NO_PI) in the namespace.
 * @name: of the interface
 *
 * Return: its descriptor, close-on-exec; the interface goes with the last copy. Or -1 with @err
 * filled.
 */
int netns_tap(const struct netns *ns, const char *name, struct cni_error *err);

/**
 * netns_create() - make a network namespace that persists, bind-mounted in a directory.
 * @dir:  made (0755) if it is not there, e.g. "/run/netns"
 * @name: file to mount it on; NULL: a random one, "cni-" and 16 hex digits
 * @path: receives dir/name, @size bytes
 *
 * This process stays where it is. Loopback is down in a new namespace. Nothing is left of a
 * failure. Return: 0, or -1 with @err filled (a name that exists: CNI_ERR_IO, EEXIST).
 */
int netns_create(const char *dir, const char *name, char *path, size_t size, struct cni_error *err);

/* The same for the namespace that process @pid is in. */
int netns_persist(pid_t pid, const char *dir, const char *name, char *path, size_t size,
		  struct cni_error *err);

/* Unmount and remove what the two above made. 0 too when nothing is there. */
int netns_remove(const char *path, struct cni_error *err);

#endif
