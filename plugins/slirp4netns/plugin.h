/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slirp4netns plugin: one file per operation, and what they share.
 *
 *   config.c   what the network configuration and the runtime ask for
 *   binary.c   which slirp4netns there is, and what it can do
 *   hostdns.c  the host's /etc/resolv.conf, in the daemon's sandbox
 *   daemon.c   the daemon of an attachment: start, wait until ready, stop
 *   apart.c    where an ordinary user's daemon lives
 *   record.c   the attachment's record
 *   orphan.c   a daemon whose record is lost
 */
#ifndef SLIRP4NETNS_PLUGIN_H
#define SLIRP4NETNS_PLUGIN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "address.h"
#include "cni.h"
#include "error.h"
#include "netns.h"
#include "process.h"
#include "state.h"

#define PLUGIN_NAME "slirp4netns"

#define STOP_GRACE_MS 1000 /* from SIGTERM to SIGKILL */

/* The plugin's own error codes; slirp4netns-cni(8) lists them. */
enum {
	ERR_DAEMON = CNI_ERR_PLUGIN, /* slirp4netns did not start, or not become ready */
	ERR_BINARY,                  /* no usable slirp4netns */
	ERR_EXISTS,                  /* the interface, or the attachment, is there already */
	ERR_CHECK,                   /* CHECK: something is not as it was added */
};

/* A request for confinement: what was said, and whether it was said. */
struct confinement {
	bool on;
	bool asked; /* explicitly: not to be had is then an error */
};

struct config {
	uint32_t mtu; /* bytes */
	struct ip_prefix network;
	struct ip_address gateway;
	struct ip_address nameserver;
	struct ip_prefix address;
	bool ipv6;
	struct ip_address gateway6;
	struct ip_address nameserver6;
	struct ip_prefix address6;
	bool has_mac;
	uint8_t mac[6];
	bool allow_host_loopback;
	bool disable_dns;
	char outbound[INET6_ADDRSTRLEN]; /* an address; empty: not asked for */
	char outbound6[INET6_ADDRSTRLEN];
	struct confinement sandbox;
	struct confinement seccomp;
	const char *daemon_path; /* NULL: search PATH */
	const char *state_dir;   /* NULL: the default */
	const cJSON *dns;        /* the configuration's own `dns`, or NULL */
	bool built_in_dns;       /* the container is told to ask the daemon's own name server */
};

/**
 * config_read() - what the configuration, runtimeConfig, args and CNI_ARGS ask for.
 *
 * Strings point into the request. Return: 0, or -1: CNI_ERR_CONFIG, CNI_ERR_FIELD (ipam),
 * CNI_ERR_ENVIRONMENT (CNI_ARGS).
 */
int config_read(const struct cni_request *req, struct config *config, struct cni_error *err);

/* Just stateDir (NULL: the default): what DEL and GC need, however wrong the rest has become. */
int config_read_state_dir(const struct cni_request *req, const char **state_dir,
			  struct cni_error *err);

/* Options of slirp4netns that not every version has. */
enum {
	HAS_NETNS_TYPE = 1 << 0, /* 0.4.0; without it, it is not usable */
	HAS_API_SOCKET = 1 << 1,
	HAS_CIDR = 1 << 2,
	HAS_IPV6 = 1 << 3,
	HAS_HOST_LOOPBACK = 1 << 4,
	HAS_SANDBOX = 1 << 5,
	HAS_SECCOMP = 1 << 6,
	HAS_OUTBOUND = 1 << 7,
	HAS_OUTBOUND6 = 1 << 8,
	HAS_DISABLE_DNS = 1 << 9,
};

struct binary {
	char path[PATH_MAX];
	unsigned int options; /* HAS_* */
};

/**
 * binary_find() - the daemon to start, and its options.
 * @configured: slirp4netnsPath, or NULL for the first in PATH that is not this plugin
 * @state:      where options are remembered; without a directory they are asked anew
 *
 * Return: 0, or -1 ERR_BINARY.
 */
int binary_find(const char *configured, const struct state *state, struct binary *binary,
		struct cni_error *err);

/* How to the host's /etc/resolv.conf where the way leads out of /etc and /run. */
struct host_dns {
	char file[PATH_MAX];            /* where it ends, without links; "": it stays inside */
	char spot[STATE_ROOT_MAX + 16]; /* directory inside, to mount on */
};

/**
 * hostdns_find() - whether the daemon, in its sandbox, can read the host's /etc/resolv.conf.
 * @own_userns: whether the daemon is to live in a user namespace of its own
 *
 * Return: 1 with @dns filled when it can after hostdns_mount(), 0 when it can as it is, -1 when it
 * cannot: @why says so of "it", the file.
 */
int hostdns_find(const struct state *state, bool own_userns, struct host_dns *dns,
		 struct cni_error *why);

/*
 * For struct process_spec: in the mount namespace that will be the daemon's. Return: NULL, or what
 * it failed at, with errno.
 */
const char *hostdns_mount(void *dns);

/*
 * Open a file as the daemon could, which has no capability to open any. Return: a descriptor, or -1
 * with errno.
 */
int open_as_daemon(const char *path, int flags);

/*
 * Whether the daemon sees the /etc/resolv.conf that the host has now. Return: 0, also where that
 * cannot be found out; -1 ERR_CHECK.
 */
int hostdns_check(pid_t daemon, struct cni_error *err);

/* Say on standard error what keeps the daemon's name server from resolving any name. */
void hostdns_warn(const struct config *config);

/* The parts of these, which the tests ask one by one. */

/* The way to a file, as the kernel goes it. */
struct hostdns_way {
	char done[PATH_MAX]; /* where it is now, without links; "" is the root */
	char rest[PATH_MAX]; /* what is still to go: "", or it begins with a slash */
	unsigned int links;
	bool outside; /* it has touched what the sandbox does not have */
	bool missing; /* it ends at something that is not there */
};

/* Go the way to @path, as far as there is one. Return: 0, or -1 with errno. */
int hostdns_go(struct hostdns_way *way, const char *path);

/* Whether a path, without links, is in what the daemon's sandbox has. */
bool hostdns_is_in_sandbox(const char *path);

/* The families of the name servers that libslirp finds in a resolv.conf: 1 IPv4, 2 IPv6. */
unsigned int hostdns_families(FILE *file);

/* An attachment, and the names in the state directory of what belongs to it. */
struct slirp_attachment {
	struct attachment key;            /* the caller's strings */
	char socket[STATE_ROOT_MAX + 28]; /* absolute path; just fits sun_path */
	char socket_name[22];             /* in sock/ */
	char log_name[22];                /* in log/ */
};

void slirp_attachment_init(struct slirp_attachment *a, const struct state *state,
			   const struct attachment *key);

/* Write the record of an attachment. Return: 1; 0 there is one; -1 CNI_ERR_IO. */
int record_write(const struct state *state, const struct slirp_attachment *a, const char *netns,
		 const struct process_id *daemon, struct cni_error *err);

/* The daemon's identity of a record. Return: 1; 0 no record; -1 unreadable, or not a record. */
int record_read(const struct state *state, const struct slirp_attachment *a,
		struct process_id *daemon, struct cni_error *err);

/*
 * What there is to do while a daemon starts: @fn, whenever @fd, a socket in the network namespace,
 * is readable, as long as it says so.
 */
struct meanwhile {
	int fd;
	bool (*fn)(void *arg);
	void *arg;
};

/* The user namespace that an ordinary user's daemon lives in, and the interface that it is given.
 */
struct apart {
	int tap_fd; /* -1: the daemon lives in ours, and makes the interface */
	bool taken; /* the daemon has asked for the tap device and got it */
};

#define APART_NONE ((struct apart){.tap_fd = -1})

/* Make both. Return: 0, or -1: CNI_ERR_IO, ERR_DAEMON. apart_close() it in any case. */
int apart_make(const struct netns *ns, const char *ifname, struct apart *apart,
	       struct cni_error *err);
void apart_close(struct apart *apart);
#define cleanup_apart __attribute__((cleanup(apart_close)))

/* The system calls of a daemon that apart_answer() answers, one at a time. */
extern const struct sock_fprog apart_filter;
void apart_answer(struct apart *apart, int listener);

/**
 * daemon_start() - start the daemon of an attachment and wait until it is ready.
 * @netns:     path of the namespace, for the record
 * @meanwhile: called between exec and ready; its socket's namespace is the one that is served
 * @apart:     where the daemon lives, or APART_NONE; the tap device is closed when it is ready
 *
 * Writes the record between fork and exec. After a failure nothing is left: no process, socket, log
 * or record.
 *
 * Return: 0 with @daemon filled, or -1: ERR_DAEMON with the daemon's last words as details,
 * ERR_EXISTS when the attachment's daemon runs already, CNI_ERR_*.
 */
int daemon_start(const struct state *state, const struct slirp_attachment *a,
		 const struct config *config, const struct binary *binary, const char *netns,
		 const struct meanwhile *meanwhile, struct apart *apart, struct process *daemon,
		 struct cni_error *err);

/* Stop the daemon that was just started and remove what belongs to it; @err keeps its content. */
void daemon_abort(const struct state *state, const struct slirp_attachment *a,
		  const struct process *daemon, struct cni_error *err);

/* The last lines of the daemon's log that say something, as details of the error. */
void daemon_last_words(const struct state *state, const struct slirp_attachment *a,
		       struct cni_error *err);

/**
 * slirp_attachment_remove() - stop the recorded daemon, remove its socket, log and record.
 * @had_ended: set to whether the recorded process ran no more
 *
 * Return: 1, 0 there is no record, -1 with the record still there, so that it can be tried again.
 */
int slirp_attachment_remove(const struct state *state, const struct slirp_attachment *a,
			    bool *had_ended, struct cni_error *err);

/**
 * orphan_find() - the daemon of an attachment that has no record, by the interface that it holds.
 * @netns:   path of the container's namespace
 * @suspect: a process that may be it, and is not proved to be; 0: there is none
 *
 * Return: 1 with @daemon (process_close() it), 0 no such interface, -1 there is a tun device of
 * that name, and nobody is proved to be our daemon: @suspect is set.
 */
int orphan_find(const char *netns, const struct slirp_attachment *a, struct process *daemon,
		pid_t *suspect);

/**
 * daemon_can_start() - what keeps daemon_start() from succeeding and is known without a namespace.
 *
 * Return: 0, or -1 as daemon_start().
 */
int daemon_can_start(const struct state *state, const struct config *config,
		     const struct binary *binary, struct cni_error *err);

int plugin_add(const struct cni_request *req, struct cni_result *result, struct cni_error *err);
int plugin_del(const struct cni_request *req, struct cni_error *err);
int plugin_check(const struct cni_request *req, struct cni_error *err);
int plugin_gc(const struct cni_request *req, struct cni_error *err);
int plugin_status(const struct cni_request *req, struct cni_error *err);

#endif
