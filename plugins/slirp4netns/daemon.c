/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon of an attachment.
 *
 * Its life:  fork | record written | gate opened | exec | ready ...... stopped | socket, log,
 * record removed
 *
 * The record is written before anything that lasts is made, and removed after all of that has been
 * removed. So a plugin that is killed anywhere in between leaves a record from which DEL or GC
 * undoes the rest.
 *
 * slirp4netns is not asked to configure the interface (-c): we do that over netlink, in one batch
 * together with what it could not do, an address of the user's choice and IPv6 without duplicate
 * address detection. To do that after the ready byte would be simplest. But slirp4netns makes the
 * interface early, and then takes most of its time to confine itself; so we wait for the kernel's
 * notification of the interface and for the ready byte at once, and the configuration adds nothing
 * to the time of ADD.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "hostdns.h"
#include "plugin.h"

#define READY_LIMIT_MS 10000
#define CLOSED_GRACE_MS 500
#define LOCK_LIMIT_MS 5000
#define LOG_TAIL_LINES 5
#define LOG_TAIL_BYTES 2048
#define ARGS_MAX 24

/* The command line: strings in one buffer, so that nothing needs freeing. */
struct command_line {
	const char *argv[ARGS_MAX];
	size_t n;
	char text[PATH_MAX + 1024];
	size_t used;
};

static void __attribute__((format(printf, 2, 3)))
add_arg(struct command_line *cmd, const char *format, ...)
{
	char *arg = cmd->text + cmd->used;
	va_list args;

	va_start(args, format);
	cmd->used += (size_t)vsnprintf(arg, sizeof(cmd->text) - cmd->used, format, args) + 1;
	va_end(args);
	cmd->argv[cmd->n++] = arg;
}

/* The error of a key that needs an option which the binary does not have. Return: always -1. */
static int lacks(const struct binary *binary, const char *key, const char *option,
		 struct cni_error *err)
{
	return cni_error(err, ERR_BINARY,
			 "\"%s\" needs a slirp4netns with %s, which %.200s does not offer; install "
			 "a newer one",
			 key, option, binary->path);
}

/* The sandbox needs user 0, which slirp4netns always is, in our user namespace or in its own. */
static int decide_sandbox(const struct config *config, const struct binary *binary, bool *sandbox,
			  struct cni_error *err)
{
	*sandbox = config->sandbox.on && binary->options & HAS_SANDBOX;
	if (*sandbox || !config->sandbox.on)
		return 0;
	if (config->sandbox.asked)
		return lacks(binary, "enableSandbox", "--enable-sandbox", err);
	fputs(PLUGIN_NAME ": not sandboxed: this slirp4netns has no --enable-sandbox\n", stderr);
	return 0;
}

/*
 * In its sandbox the daemon must find the host's DNS servers: if /etc/resolv.conf leads out of the
 * sandbox, the file's directory is mounted in it. Where that is not possible, the daemon has no
 * sandbox, unless the configuration asks for one: names are worth more.
 */
static int decide_dns(const struct state *state, const struct config *config, bool own_userns,
		      struct process_spec *spec, struct host_dns *dns, struct cni_error *err)
{
	struct cni_error why = {0};

	if (!spec->slave_mounts || !config->built_in_dns)
		return 0;
	switch (hostdns_find(state, own_userns, dns, &why)) {
	case 0:
		return 0;
	case 1:
		spec->mount_more = hostdns_mount;
		spec->mount_arg = dns;
		return 0;
	default:
		break;
	}
	if (config->sandbox.asked) {
		*err = why;
		return cni_error_wrap(err, "enableSandbox: slirp4netns could not read "
					   "/etc/resolv.conf in its sandbox and so resolve no "
					   "name; set it to false, or \"disableDNS\" to true");
	}
	fprintf(stderr,
		PLUGIN_NAME ": not sandboxed: /etc/resolv.conf cannot be read from there: %s%s%s\n",
		why.msg, why.details[0] != '\0' ? ": " : "", why.details);
	spec->slave_mounts = false;
	return 0;
}

/*
 * Checked here since slirp4netns would only name the system call that failed. We have entered the
 * namespace by now, so that much is possible. In a user namespace apart it has every capability.
 */
static int check_capabilities(bool sandbox, struct cni_error *err)
{
	static const struct {
		const char *name;
		const char *what;
		unsigned int cap;
		bool for_sandbox;
	} needed[] = {
		{"CAP_SYS_ADMIN", "to enter the network namespace", CAP_SYS_ADMIN, false},
		{"CAP_NET_ADMIN", "to make the interface", CAP_NET_ADMIN, false},
		{"CAP_SETPCAP", "to drop its privileges", CAP_SETPCAP, true},
		{"CAP_NET_BIND_SERVICE", "as the one that it keeps", CAP_NET_BIND_SERVICE, true},
	};
	const uint64_t have = process_capabilities();

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (have >> needed[i].cap & 1 || (needed[i].for_sandbox && !sandbox))
			continue;
		return cni_error(
			err, ERR_DAEMON,
			"slirp4netns needs %s %s, and this plugin does not have it; give it "
			"to the caller%s",
			needed[i].name, needed[i].what,
			needed[i].for_sandbox ? ", or set enableSandbox to false" : "");
	}
	return 0;
}

static int check_options(const struct config *config, const struct binary *binary,
			 struct cni_error *err)
{
	if (!(binary->options & HAS_API_SOCKET) || !(binary->options & HAS_CIDR))
		return lacks(binary, "type", "--api-socket and --cidr", err);
	if (config->ipv6 && !(binary->options & HAS_IPV6))
		return lacks(binary, "enableIPv6", "--enable-ipv6", err);
	if (!config->allow_host_loopback && !(binary->options & HAS_HOST_LOOPBACK))
		return lacks(binary, "allowHostLoopback", "--disable-host-loopback", err);
	if (config->disable_dns && !(binary->options & HAS_DISABLE_DNS))
		return lacks(binary, "disableDNS", "--disable-dns", err);
	if (config->outbound[0] != '\0' && !(binary->options & HAS_OUTBOUND))
		return lacks(binary, "outboundAddr", "--outbound-addr", err);
	if (config->outbound6[0] != '\0' && !(binary->options & HAS_OUTBOUND6))
		return lacks(binary, "outboundAddr6", "--outbound-addr6", err);
	if (config->seccomp.asked && !(binary->options & HAS_SECCOMP))
		return lacks(binary, "enableSeccomp", "--enable-seccomp", err);
	return 0;
}

int daemon_can_start(const struct state *state, const struct config *config,
		     const struct binary *binary, struct cni_error *err)
{
	struct process_spec spec = {.slave_mounts =
					    config->sandbox.on && binary->options & HAS_SANDBOX};
	const bool own_userns = geteuid() != 0; /* as ADD has it */
	struct host_dns dns;

	if (check_options(config, binary, err) < 0)
		return -1;
	/* A sandbox that was not asked for is no condition: ADD does without it, and says so. */
	if (config->sandbox.asked && (decide_sandbox(config, binary, &spec.slave_mounts, err) < 0 ||
				      decide_dns(state, config, own_userns, &spec, &dns, err) < 0))
		return -1;
	if (!own_userns)
		return check_capabilities(spec.slave_mounts, err);
	/* In a user namespace apart the daemon has every capability, if one can be made. */
	spec.own_userns = true;
	spec.filter = &apart_filter;
	if (process_try(&spec, err) < 0)
		return cni_error_wrap(err, "slirp4netns (%.200s) could not be started",
				      binary->path);
	return 0;
}

static void build_command(struct command_line *cmd, const struct slirp_attachment *a,
			  const struct config *config, const struct binary *binary, int netns_fd,
			  bool sandbox, int ready_fd, int exit_fd)
{
	char cidr[IP_PREFIX_TEXT_MAX];

	*cmd = (struct command_line){0};
	add_arg(cmd, PLUGIN_NAME);
	add_arg(cmd, "--netns-type=path");
	add_arg(cmd, "--ready-fd=%d", ready_fd);
	if (exit_fd >= 0)
		add_arg(cmd, "--exit-fd=%d", exit_fd);
	add_arg(cmd, "--mtu=%u", config->mtu);
	add_arg(cmd, "--cidr=%s", ip_prefix_format(&config->network, cidr));
	add_arg(cmd, "--api-socket=%s", a->socket);
	if (!config->allow_host_loopback)
		add_arg(cmd, "--disable-host-loopback");
	if (config->ipv6)
		add_arg(cmd, "--enable-ipv6");
	if (config->disable_dns)
		add_arg(cmd, "--disable-dns");
	if (config->outbound[0] != '\0')
		add_arg(cmd, "--outbound-addr=%s", config->outbound);
	if (config->outbound6[0] != '\0')
		add_arg(cmd, "--outbound-addr6=%s", config->outbound6);
	if (sandbox)
		add_arg(cmd, "--enable-sandbox");
	if (config->seccomp.on && binary->options & HAS_SECCOMP)
		add_arg(cmd, "--enable-seccomp");
	add_arg(cmd, "--"); /* an interface may be called "-x" */
	add_arg(cmd, "/proc/self/fd/%d", netns_fd);
	add_arg(cmd, "%s", a->key.ifname);
}

/* Return: PID, if the path is /proc/PID/ns/net; 0 for every other path. */
static pid_t pid_of(const char *netns)
{
	int pid, end = 0;

	return sscanf(netns, "/proc/%d/ns/net%n", &pid, &end) == 1 && end > 0 &&
			       netns[end] == '\0' && pid > 0
		       ? pid
		       : 0;
}

/*
 * Where the path is /proc/PID/ns/net, the daemon can know that the container has ended even if
 * nobody calls DEL: it gets a pidfd of PID to watch for a hang-up, which Linux 6.9 and later raise
 * when the process has been reaped. Older kernels never do; then DEL or GC ends the daemon.
 *
 * Return: a pidfd; -1 for every other path, or if there is no such process.
 */
static int open_exit_fd(const char *netns)
{
	const pid_t pid = pid_of(netns);

	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

/*
 * To be called after open_exit_fd(): if the process has ended since its namespace was opened, there
 * is no pidfd, or that of another process that has got its pid.
 */
static int check_exit_fd(const char *netns, int netns_fd, struct cni_error *err)
{
	struct stat now, opened;

	if (pid_of(netns) == 0 || (stat(netns, &now) == 0 && fstat(netns_fd, &opened) == 0 &&
				   now.st_dev == opened.st_dev && now.st_ino == opened.st_ino))
		return 0;
	return cni_error(err, CNI_ERR_ENVIRONMENT,
			 "CNI_NETNS: process %d has ended, or left its network namespace, since "
			 "ADD began",
			 (int)pid_of(netns));
}

/* slirp4netns writes lines that begin so in every run: they do not explain a failure. */
static bool is_routine(const char *line)
{
	static const char *const routine[] = {
		"WARNING: ", "seccomp: ", "sent tapfd=", "received tapfd=", "* ", "Starting slirp"};

	for (size_t i = 0; i < sizeof(routine) / sizeof(routine[0]); i++) {
		if (strncmp(line, routine[i], strlen(routine[i])) == 0)
			return true;
	}
	return false;
}

/* Read the last bytes of the daemon's log into @buf, terminated. Return: whether there are any. */
static bool read_log(const struct state *state, const struct slirp_attachment *a,
		     char buf[LOG_TAIL_BYTES + 1])
{
	cleanup_close int dir = openat(state->root_fd, "log", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;
	struct stat st;
	off_t size;
	ssize_t n;

	if (dir >= 0)
		fd = openat(dir, a->log_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	/* Through a link, another file of ours would be read and shown. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_nlink != 1)
		return false;
	size = st.st_size;
	n = size <= 0 ? 0
		      : pread(fd, buf, LOG_TAIL_BYTES,
			      size > LOG_TAIL_BYTES ? size - LOG_TAIL_BYTES : 0);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * Find the last lines of @buf that are neither empty nor routine, in their order. If there are
 * fewer than @lines has room for, its first ones stay NULL.
 */
static void daemon_find_lines(char *buf, const char *lines[LOG_TAIL_LINES])
{
	char *rest = buf;

	while (rest != NULL) {
		const char *line = strsep(&rest, "\n");

		/* Its usage follows a complaint about the command line. */
		if (strncmp(line, "Usage: ", 7) == 0)
			break;
		if (*line == '\0' || is_routine(line))
			continue;
		memmove(lines, lines + 1, (LOG_TAIL_LINES - 1) * sizeof(lines[0]));
		lines[LOG_TAIL_LINES - 1] = line;
	}
}

void daemon_log_details(const struct state *state, const struct slirp_attachment *a,
			struct cni_error *err)
{
	char buf[LOG_TAIL_BYTES + 1];
	const char *lines[LOG_TAIL_LINES] = {0};
	char text[LOG_TAIL_BYTES + 2] = "";

	if (!read_log(state, a, buf))
		return;
	daemon_find_lines(buf, lines);
	for (size_t i = 0; i < LOG_TAIL_LINES; i++) {
		if (lines[i] == NULL)
			continue;
		strcat(text, "\n"); /* together at most what was read, and one newline */
		strcat(text, lines[i]);
	}
	if (text[0] != '\0')
		cni_error_details(err, "slirp4netns said: %s", text + 1);
}

/*
 * The daemon has started, and has written warnings: they are repeated on our standard error. A
 * warning about DNS is left out if the container does not use the daemon's DNS server.
 */
static void pass_on_warnings(const struct state *state, const struct slirp_attachment *a,
			     const struct config *config)
{
	static const char of_names[] = "sandbox: /etc/resolv.conf ";
	char buf[LOG_TAIL_BYTES + 1];
	const char *lines[LOG_TAIL_LINES] = {0};
	struct cni_error clean; /* its text has no characters that a terminal would obey */

	if (!read_log(state, a, buf))
		return;
	daemon_find_lines(buf, lines);
	for (size_t i = 0; i < LOG_TAIL_LINES; i++) {
		if (lines[i] == NULL || (!config->built_in_dns &&
					 strncmp(lines[i], of_names, sizeof(of_names) - 1) == 0))
			continue;
		cni_error(&clean, 0, "slirp4netns said: %s", lines[i]);
		fprintf(stderr, PLUGIN_NAME ": %s\n", clean.msg);
	}
}

/* Wait for the byte on the ready descriptor, the daemon's end, or the limit. */
static int wait_ready(const struct process *daemon, int ready, const struct meanwhile *meanwhile,
		      struct apart *apart, struct cni_error *err)
{
	struct pollfd events[] = {{.fd = ready, .events = POLLIN},
				  {.fd = daemon->pidfd, .events = POLLIN},
				  {.fd = meanwhile->fd, .events = POLLIN},
				  {.fd = daemon->listener, .events = POLLIN}};
	int64_t until, left = READY_LIMIT_MS;
	char byte;

	until = monotonic_ms() + READY_LIMIT_MS;
	while (left > 0) {
		if (poll(events, 4, (int)left) < 0 && errno != EINTR)
			return cni_error_errno(err, CNI_ERR_IO, "cannot wait for slirp4netns");
		if (events[0].revents & POLLIN && read(ready, &byte, 1) == 1)
			return 0;
		/* A process that ends closes its descriptors a little before it has ended. */
		if (events[1].revents ||
		    (events[0].revents && process_wait(daemon, CLOSED_GRACE_MS, err) > 0))
			return cni_error(err, ERR_DAEMON, "slirp4netns ended before it was ready");
		if (events[0].revents)
			return cni_error(err, ERR_DAEMON,
					 "slirp4netns closed its ready descriptor without being "
					 "ready");
		if (events[2].revents && !meanwhile->fn(meanwhile->arg))
			events[2].fd = -1; /* poll() ignores it */
		if (events[3].revents & POLLIN)
			apart_answer(apart, daemon->listener);
		else if (events[3].revents)
			events[3].fd = -1; /* no process with the filter is left */
		left = until - monotonic_ms();
	}
	return cni_error(err, ERR_DAEMON, "slirp4netns was not ready within %d seconds",
			 READY_LIMIT_MS / 1000);
}

static int remove_files(const struct state *state, const struct slirp_attachment *a,
			struct cni_error *err)
{
	if (state_remove_file(state, "sock", a->socket_name, err) < 0 ||
	    state_remove_file(state, "log", a->log_name, err) < 0)
		return -1;
	return state_remove(state, &a->key, err);
}

/*
 * Find the process that listens on the attachment's socket, which nobody but a daemon of ours can
 * have made. So a daemon is found whose record cannot be read, or whose record names a process that
 * has ended while another one goes on, such as the real daemon that a script started.
 * Return: 1 with @daemon, 0 if nobody listens, -1.
 */
static int find_listener(const struct slirp_attachment *a, struct process *daemon,
			 struct cni_error *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, a->socket, sizeof(a->socket));
	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return process_of_peer(fd, daemon);
	/* Its queue is full: the daemon is there and hangs. Only a connection would tell its pid.
	 */
	if (errno == EAGAIN)
		return cni_error(
			err, CNI_ERR_AGAIN,
			"there is no usable record of the process that listens on %s, and it "
			"takes no connections; end it by hand (`ss -xlp` shows it)",
			a->socket);
	if (errno != ECONNREFUSED && errno != ENOENT)
		return cni_error_errno(err, CNI_ERR_IO, "cannot ask who listens on %s", a->socket);
	return 0;
}

static bool same_process(const struct process_id *a, const struct process_id *b)
{
	return a->pid == b->pid && a->start_time == b->start_time && a->inode == b->inode &&
	       strcmp(a->boot_id, b->boot_id) == 0;
}

/*
 * The record could not be read at first, and can be read now: for a moment there was no memory, or
 * no descriptor. Its daemon was the listener, which has ended, or it is one that nobody has
 * stopped; then the caller must try again.
 */
static int refuse_running(const struct slirp_attachment *a, const struct process_id *id,
			  struct cni_error *err)
{
	cleanup_process struct process daemon = PROCESS_NONE;
	const int running = process_open(id, &daemon, err);

	if (running > 0)
		cni_error(err, CNI_ERR_AGAIN,
			  "the record of %s@%s could not be read at first; try again",
			  a->key.container_id, a->key.ifname);
	return running == 0 ? 0 : -1;
}

/*
 * Remove what belongs to the attachment, unless its record names another daemon by now: an ADD may
 * come while a DEL waits for the old daemon's end. Nobody replaces a record without the lock, and
 * nobody writes a first one while there is one. @daemon has pid 0 if the record could not be read.
 */
static int remove_files_of(const struct state *state, const struct slirp_attachment *a,
			   const struct process_id *daemon, struct cni_error *err)
{
	cleanup_close int lock = state_lock(state, LOCK_LIMIT_MS, err);
	struct process_id now;
	struct cni_error unreadable;
	int present;

	if (lock < 0)
		return -1;
	/* If there is no record, everything has gone, or belongs to another ADD. */
	present = slirp_record_read(state, a, &now, &unreadable);
	if (present == 0 || (present > 0 && daemon->pid != 0 && !same_process(&now, daemon)))
		return 0;
	if (present > 0 && daemon->pid == 0 && refuse_running(a, &now, err) < 0)
		return -1;
	return remove_files(state, a, err);
}

int slirp_attachment_remove(const struct state *state, const struct slirp_attachment *a,
			    bool *had_ended, struct cni_error *err)
{
	cleanup_process struct process daemon = PROCESS_NONE;
	struct process_id id = {0};
	struct cni_error unreadable;
	int present = slirp_record_read(state, a, &id, &unreadable);

	*had_ended = false;
	if (present == 0)
		return 0;
	if (present > 0) {
		present = process_open(&id, &daemon, err);
		*had_ended = present == 0;
	} else {
		present = 0;
	}
	if (present == 0)
		present = find_listener(a, &daemon, err);
	if (present < 0 || (present > 0 && process_stop(&daemon, STOP_GRACE_MS, err) < 0))
		return cni_error_wrap(err, "cannot stop slirp4netns of %s@%s", a->key.container_id,
				      a->key.ifname);
	return remove_files_of(state, a, &id, err) < 0 ? -1 : 1;
}

void daemon_abort(const struct state *state, const struct slirp_attachment *a,
		  const struct process *daemon, struct cni_error *err)
{
	struct cni_error ignored;

	/* If the daemon has ended on its own, that is why ADD fails; but "try again" stays. */
	if (process_wait(daemon, 0, &ignored) > 0 && err->code != CNI_ERR_AGAIN)
		err->code = ERR_DAEMON;
	process_stop(daemon, 0, &ignored); /* and the processes that it started */
	if (err->code == ERR_DAEMON)
		daemon_log_details(state, a, err);
	remove_files_of(state, a, &daemon->id, &ignored);
}

/*
 * The attachment has a record already. If its daemon runs, it is another ADD's; otherwise a killed
 * ADD or DEL left the record, and we remove it. The lock keeps two ADDs from both doing so.
 */
static int replace_record(const struct state *state, const struct slirp_attachment *a,
			  const char *netns, const struct process_id *id, struct cni_error *err)
{
	cleanup_close int lock = state_lock(state, LOCK_LIMIT_MS, err);
	cleanup_process struct process other = PROCESS_NONE;
	struct process_id other_id;
	struct cni_error unreadable;
	int running = 0, written;

	if (lock < 0)
		return -1;
	switch (slirp_record_read(state, a, &other_id, &unreadable)) {
	case 1:
		running = process_open(&other_id, &other, err);
		if (running != 0)
			break;
		__attribute__((fallthrough));
	case -1:
		running = find_listener(a, &other, err);
		break;
	default:
		break;
	}
	if (running < 0)
		return -1;
	if (running > 0)
		return cni_error(
			err, ERR_EXISTS,
			"%s@%s of network %s has its slirp4netns already (process %d); DEL it "
			"first",
			a->key.container_id, a->key.ifname, a->key.network, (int)other.id.pid);
	if (remove_files(state, a, err) < 0)
		return -1;
	written = slirp_record_write(state, a, netns, id, err);
	if (written == 0)
		return cni_error(err, ERR_EXISTS, "another ADD of %s@%s of network %s is running",
				 a->key.container_id, a->key.ifname, a->key.network);
	return written < 0 ? -1 : 0;
}

/*
 * slirp4netns enters the network namespace and makes its sandbox (CAP_SYS_ADMIN), makes the
 * interface (CAP_NET_ADMIN), then drops all capabilities (CAP_SETPCAP) except the one to publish
 * ports below 1024 (CAP_NET_BIND_SERVICE). Without its sandbox it keeps those that it was started
 * with. It gets these four by execve(2) because it is user 0.
 */
#define NEEDED_CAPABILITIES                                            \
	(UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_NET_ADMIN | \
	 UINT64_C(1) << CAP_SETPCAP | UINT64_C(1) << CAP_NET_BIND_SERVICE)

/* The daemon is ready. We close our tap device, so the interface ends with the daemon. */
static int leave_apart(struct apart *apart, struct cni_error *err)
{
	const bool given = apart->tap_fd < 0 || apart->taken;

	apart_close(apart);
	return given ? 0
		     : cni_error(err, ERR_DAEMON,
				 "slirp4netns said that it is ready, but has not taken its tap "
				 "device");
}

/* The descriptors that a daemon is started with, and our end of its ready pipe. */
struct given {
	int exit_fd; /* -1 if there is none */
	int ready;   /* our end */
	int ready_theirs;
	int netns_fd;
	int log_dir;
};

#define GIVEN_NONE ((struct given){-1, -1, -1, -1, -1})

static void given_close(struct given *given)
{
	cleanup_close_(&given->exit_fd);
	cleanup_close_(&given->ready);
	cleanup_close_(&given->ready_theirs);
	cleanup_close_(&given->netns_fd);
	cleanup_close_(&given->log_dir);
}
#define cleanup_given __attribute__((cleanup(given_close)))

/* @socket: a socket in the network namespace that was examined, to which the path @netns led. */
static int open_given(const struct state *state, const char *netns, int socket, struct given *given,
		      struct cni_error *err)
{
	cleanup_close int sock_dir = -1;
	int pipe_fds[2];

	given->log_dir = state_subdir(state, "log", err);
	sock_dir = given->log_dir < 0 ? -1 : state_subdir(state, "sock", err);
	if (sock_dir < 0)
		return -1;
	/* The pidfd first: descriptors in ascending order, as struct process_spec wants them. */
	given->exit_fd = open_exit_fd(netns);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a pipe");
	given->ready = pipe_fds[0];
	given->ready_theirs = pipe_fds[1];
	/*
	 * The daemon gets a descriptor of the namespace that was examined: its path may lead to
	 * another one by now, and may take capabilities that the daemon does not need. We get it
	 * from the socket, since a descriptor that was opened by path keeps a mount in use, which
	 * then cannot be unmounted.
	 */
	given->netns_fd = ioctl(socket, SIOCGSKNS);
	if (given->netns_fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot pass on the network namespace %s",
				       netns);
	return check_exit_fd(netns, given->netns_fd, err);
}

int daemon_start(const struct state *state, const struct slirp_attachment *a,
		 const struct config *config, const struct binary *binary, const char *netns,
		 const struct meanwhile *meanwhile, struct apart *apart, struct process *daemon,
		 struct cni_error *err)
{
	static const char *const envp[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	cleanup_given struct given given = GIVEN_NONE;
	const bool own_userns = apart->tap_fd >= 0;
	struct command_line cmd;
	struct process_spec spec = {
		.path = binary->path,
		.argv = cmd.argv,
		.envp = envp,
		.log_name = a->log_name,
		.own_userns = own_userns,
		.filter = own_userns ? &apart_filter : NULL,
		.capabilities = NEEDED_CAPABILITIES,
	};
	struct host_dns dns;
	int keep[3];
	int written;

	if (decide_sandbox(config, binary, &spec.slave_mounts, err) < 0 ||
	    decide_dns(state, config, own_userns, &spec, &dns, err) < 0 ||
	    (!own_userns && check_capabilities(spec.slave_mounts, err) < 0) ||
	    check_options(config, binary, err) < 0 ||
	    open_given(state, netns, meanwhile->fd, &given, err) < 0)
		return -1;
	build_command(&cmd, a, config, binary, given.netns_fd, spec.slave_mounts,
		      given.ready_theirs, given.exit_fd);
	spec.log_dirfd = given.log_dir;
	if (given.exit_fd >= 0)
		keep[spec.n_keep_fds++] = given.exit_fd;
	keep[spec.n_keep_fds++] = given.ready_theirs;
	keep[spec.n_keep_fds++] = given.netns_fd;
	spec.keep_fds = keep;

	if (process_start(&spec, daemon, err) < 0)
		return -1;
	written = slirp_record_write(state, a, netns, &daemon->id, err);
	if (written == 0)
		written = replace_record(state, a, netns, &daemon->id, err);
	if (written < 0) {
		process_cancel(daemon);
		return -1;
	}
	close(take_fd(&given.ready_theirs));
	if (process_release(daemon, err) < 0) {
		/*
		 * The process has ended, or is about to; the code must not depend on whether
		 * daemon_abort() sees that already.
		 */
		if (err->code != CNI_ERR_AGAIN)
			err->code = ERR_DAEMON;
		cni_error_wrap(err, "cannot start slirp4netns (%.200s)", binary->path);
	} else if (wait_ready(daemon, given.ready, meanwhile, apart, err) == 0 &&
		   leave_apart(apart, err) == 0) {
		pass_on_warnings(state, a, config);
		return 0;
	}
	daemon_abort(state, a, daemon, err);
	process_close(daemon);
	return -1;
}
