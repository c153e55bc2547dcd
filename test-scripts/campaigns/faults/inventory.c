/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host.
 *
 * The driver is its process 1. So every orphan becomes the driver's child, its end is an event to
 * wait for, and whatever a run leaves is seen in /proc. All that changes lies in tmpfs mounts of
 * the host's own. A namespace's interfaces are asked for through a socket that was made in it.
 *
 * Not counted as left, by design: the directories of the state, the options of slirp4netns that are
 * remembered, and nf_tables' table itself, its chains and maps.
 */
#include "inventory.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/host.h"
#include "cleanup.h"
#include "clock.h"
#include "netns.h"
#include "tracer.h"

#define SETTLE_LIMIT_S 10
#define ECHO_LIMIT_S 5
#define NAMESPACES_MAX 8
#define TABLE "usernet_portmap"

static struct {
	char name[32];
	struct mnl_socket *links;
} namespaces[NAMESPACES_MAX];
static struct mnl_socket *host_links, *host_tables;

static int bin_fd, library_fd;

void faults_host_make(const char *bin, const char *library)
{
	host_enter(0);
	bin_fd = open(bin, O_PATH | O_DIRECTORY | O_CLOEXEC);
	host_must(bin_fd, bin);
	library_fd = open(library, O_PATH | O_DIRECTORY | O_CLOEXEC);
	host_must(library_fd, library);
}

/* What is executed may be in a place that is hidden from here on. */
static void show_directory(int fd, const char *where)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	host_must(mkdir(where, 0755), where);
	host_must(mount(path, where, NULL, MS_BIND, NULL), where);
}

static struct mnl_socket *open_netlink(int bus)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		die("cannot open a netlink socket: %s", strerror(errno));
	return socket;
}

static void close_netlink(struct mnl_socket **socket)
{
	if (*socket != NULL)
		mnl_socket_close(*socket);
	*socket = NULL;
}

static void end_processes(void)
{
	if (getpid() != 1)
		die("not the first process of a host");
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

void faults_host_prepare(void)
{
	static const char *const fresh[] = {"/run", "/tmp", "/dev/shm"};
	static bool prepared;

	end_processes();
	for (size_t i = 0; i < NAMESPACES_MAX; i++) {
		close_netlink(&namespaces[i].links);
		namespaces[i].name[0] = '\0';
	}
	close_netlink(&host_links);
	close_netlink(&host_tables);
	for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++) {
		if (prepared)
			host_must(umount2(fresh[i], MNT_DETACH), fresh[i]);
		host_tmpfs(fresh[i], "mode=755");
	}
	prepared = true;
	host_must(mkdir("/run/netns", 0755), "/run/netns");
	host_must(mkdir("/run/t", 0755), "/run/t");
	show_directory(bin_fd, HOST_BIN);
	show_directory(library_fd, HOST_LIBRARY);
	host_new_network();
	host_run("ip address add " HOST_ADDRESS "/32 dev lo");
	host_write("/proc/sys/net/ipv4/ip_forward", "1");
	host_links = open_netlink(NETLINK_ROUTE);
	host_tables = open_netlink(NETLINK_NETFILTER);
}

/*
 * Namespaces
 */

void faults_netns_make(const char *name)
{
	size_t i = 0;

	host_make(name);
	while (namespaces[i].name[0] != '\0' && strcmp(namespaces[i].name, name) != 0)
		if (++i == NAMESPACES_MAX)
			die("too many namespaces");
	snprintf(namespaces[i].name, sizeof(namespaces[i].name), "%s", name);
	close_netlink(&namespaces[i].links);
	host_switch(name);
	namespaces[i].links = open_netlink(NETLINK_ROUTE);
	host_switch(NULL);
}

void faults_netns_unmake(const char *name)
{
	struct cni_error err;
	char path[64];

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	if (netns_remove(path, &err) < 0)
		die("%s: %s", err.msg, err.details);
	for (size_t i = 0; i < NAMESPACES_MAX; i++)
		if (strcmp(namespaces[i].name, name) == 0)
			close_netlink(&namespaces[i].links);
}

/*
 * Echoes
 */

static struct sockaddr_in address_of(const char *address, unsigned short port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, address, &to.sin_addr);
	return to;
}

static void __attribute__((noreturn)) echo_forever(int listener)
{
	static char buf[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "echo");
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		ssize_t n;

		while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
			if (write(fd, buf, (size_t)n) != n)
				break;
		if (fd >= 0)
			close(fd);
	}
}

void echo_serve(const char *netns, const char *address, unsigned short port)
{
	const struct sockaddr_in at = address_of(address, port);
	cleanup_close int listener = -1;
	pid_t pid;

	host_switch(netns);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	host_switch(NULL);
	if (listener < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
	    bind(listener, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 8) < 0)
		die("cannot listen on %s:%u: %s", address, port, strerror(errno));
	pid = fork();
	host_must(pid, "cannot fork");
	if (pid == 0)
		echo_forever(listener);
}

bool echo_comes_back(const char *netns, const char *address, unsigned short port)
{
	const struct sockaddr_in to = address_of(address, port);
	const struct timeval limit = {.tv_sec = ECHO_LIMIT_S};
	cleanup_close int fd = -1;
	char buf[8] = "";

	host_switch(netns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	host_switch(NULL);
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	       connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
	       write(fd, "hello", 5) == 5 && recv(fd, buf, 5, MSG_WAITALL) == 5 &&
	       memcmp(buf, "hello", 5) == 0;
}

/*
 * The inventory
 */

static void __attribute__((format(printf, 2, 3)))
note(struct inventory *inventory, const char *format, ...)
{
	va_list args;
	char *line;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		die("out of memory");
	va_end(args);
	if (inventory->n == inventory->size) {
		inventory->size = inventory->size == 0 ? 128 : inventory->size * 2;
		inventory->lines =
			reallocarray(inventory->lines, inventory->size, sizeof(*inventory->lines));
		if (inventory->lines == NULL)
			die("out of memory");
	}
	inventory->lines[inventory->n++] = line;
}

static ssize_t read_file(const char *path, char *buf, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t have = 0;
	ssize_t n = 1;

	while (fd >= 0 && have < size - 1 && (n = read(fd, buf + have, size - 1 - have)) > 0)
		have += (size_t)n;
	buf[have] = '\0';
	return fd < 0 || n < 0 ? -1 : (ssize_t)have;
}

static bool is_pid(const char *name)
{
	return name[0] >= '1' && name[0] <= '9';
}

/* "PID (comm)" and the state, from /proc/PID/stat; empty: it has gone. */
static char process_line(const char *pid, char line[96])
{
	char path[300], buf[512];
	const char *end;

	line[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if (read_file(path, buf, sizeof(buf)) <= 0)
		return 'X';
	end = strrchr(buf, ')');
	if (end == NULL)
		return 'X';
	snprintf(line, 96, "process %.*s", (int)(end + 1 - buf), buf);
	return end[2];
}

static void note_processes(struct inventory *inventory)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	char line[96];

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (is_pid(entry->d_name) && process_line(entry->d_name, line) != 'X')
			note(inventory, "%s", line);
	closedir(dir);
}

static struct inventory *walked;

static uint64_t hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t value = 0xcbf29ce484222325; /* FNV-1a */

	while (len-- > 0)
		value = (value ^ *p++) * 0x100000001b3;
	return value;
}

static int note_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	static char text[65536];
	const char *dot = strrchr(path, '.');
	ssize_t n = 0;

	(void)st;
	if (type == FTW_D || strncmp(path + at->base, ".options-", 9) == 0 ||
	    strcmp(path, ACCOUNT_FILE) == 0)
		return 0;
	/* Records and cache entries with what is in them; logs and sockets change. */
	if (S_ISREG(st->st_mode) && (dot == NULL || strcmp(dot, ".log") != 0))
		n = read_file(path, text, sizeof(text));
	note(walked, "file %s %016llx", path,
	     (unsigned long long)hash(text, n < 0 ? 0 : (size_t)n));
	return 0;
}

static void note_files(struct inventory *inventory)
{
	walked = inventory;
	nftw("/run", note_file, 16, FTW_PHYS | FTW_MOUNT);
	nftw("/tmp", note_file, 16, FTW_PHYS);
	nftw("/dev/shm", note_file, 16, FTW_PHYS);
}

static void note_mounts(struct inventory *inventory)
{
	static char text[65536];
	char *rest = text, *line;

	if (read_file("/proc/self/mountinfo", text, sizeof(text)) < 0)
		die("no /proc/self/mountinfo");
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char where[4096];

		if (sscanf(line, "%*s %*s %*s %*s %4095s", where) == 1)
			note(inventory, "mount %s", where);
	}
}

struct dump {
	struct inventory *inventory;
	const char *where;
	unsigned int elements;
	uint64_t sum; /* of hashes: in any order */
	char sets[16][32];
	size_t n_sets;
};

static void dump(struct mnl_socket *socket, struct nlmsghdr *request,
		 int (*take)(const struct nlmsghdr *answer, void *arg), struct dump *d)
{
	static unsigned int seq;
	char buf[32768];
	int n, more = 1;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = ++seq;
	host_must((int)mnl_socket_sendto(socket, request, request->nlmsg_len), "netlink");
	while (more > 0) {
		n = (int)mnl_socket_recvfrom(socket, buf, sizeof(buf));
		host_must(n, "netlink");
		more = mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(socket), take, d);
		if (more < 0 && errno != ENOENT)
			die("netlink: %s", strerror(errno));
	}
}

static int take_link(const struct nlmsghdr *answer, void *arg)
{
	const struct nlattr *attribute;
	struct dump *d = arg;

	mnl_attr_for_each(attribute, answer,
			  sizeof(struct ifinfomsg)) if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
		note(d->inventory, "interface %s in %s", mnl_attr_get_str(attribute), d->where);
	return MNL_CB_OK;
}

static void note_links(struct inventory *inventory, struct mnl_socket *socket, const char *where)
{
	struct dump d = {.inventory = inventory, .where = where};
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);

	request->nlmsg_type = RTM_GETLINK;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	dump(socket, request, take_link, &d);
}

static struct nlmsghdr *table_request(char *buf, unsigned int type)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *family;

	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	family = mnl_nlmsg_put_extra_header(request, sizeof(*family));
	family->nfgen_family = NFPROTO_INET;
	family->version = NFNETLINK_V0;
	return request;
}

static int take_set(const struct nlmsghdr *answer, void *arg)
{
	const struct nlattr *attribute;
	const char *table = "", *name = "";
	struct dump *d = arg;

	mnl_attr_for_each(attribute, answer, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attribute) == NFTA_SET_TABLE)
			table = mnl_attr_get_str(attribute);
		if (mnl_attr_get_type(attribute) == NFTA_SET_NAME)
			name = mnl_attr_get_str(attribute);
	}
	if (strcmp(table, TABLE) == 0 && d->n_sets < 16)
		snprintf(d->sets[d->n_sets++], 32, "%s", name);
	return MNL_CB_OK;
}

static int take_elements(const struct nlmsghdr *answer, void *arg)
{
	const struct nlattr *attribute, *element;
	struct dump *d = arg;

	mnl_attr_for_each(attribute, answer, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(element, attribute)
		{
			d->elements++;
			d->sum += hash(mnl_attr_get_payload(element),
				       mnl_attr_get_payload_len(element));
		}
	}
	return MNL_CB_OK;
}

static void note_tables(struct inventory *inventory)
{
	struct dump d = {.inventory = inventory};
	char buf[512];

	dump(host_tables, table_request(buf, NFT_MSG_GETSET), take_set, &d);
	for (size_t i = 0; i < d.n_sets; i++) {
		struct nlmsghdr *request = table_request(buf, NFT_MSG_GETSETELEM);

		mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, TABLE);
		mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, d.sets[i]);
		d.elements = 0;
		d.sum = 0;
		dump(host_tables, request, take_elements, &d);
		note(inventory, "%u elements of %s %016llx", d.elements, d.sets[i],
		     (unsigned long long)d.sum);
	}
}

/* Ask a daemon for its forwards. Return: whether it has answered. */
static bool list_forwards(const char *path, char *answer, size_t size)
{
	static const char request[] = "{\"execute\":\"list_hostfwd\"}";
	const struct timeval limit = {.tv_sec = ECHO_LIMIT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t have = 0;
	ssize_t n = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    write(fd, request, strlen(request)) == (ssize_t)strlen(request) &&
	    shutdown(fd, SHUT_WR) == 0)
		while (have < size - 1 && (n = read(fd, answer + have, size - 1 - have)) > 0)
			have += (size_t)n;
	answer[have] = '\0';
	return n == 0;
}

static void note_forwards(struct inventory *inventory, const char *path)
{
	char answer[16384];
	const bool answered = list_forwards(path, answer, sizeof(answer));

	/* Numbers of forwards grow; what they are is between the ids. */
	for (char *id = answer; (id = strstr(id, "\"id\":")) != NULL;)
		for (id += 5; strchr(" 0123456789", *id) != NULL && *id != '\0'; id++)
			*id = ' ';
	note(inventory, "forwards of %s: %s", path, answered ? answer : "no answer");
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void inventory_take(struct inventory *inventory, const char *const *sockets)
{
	*inventory = (struct inventory){0};
	note_processes(inventory);
	note_files(inventory);
	note_mounts(inventory);
	note_links(inventory, host_links, "the host");
	for (size_t i = 0; i < NAMESPACES_MAX; i++)
		if (namespaces[i].links != NULL)
			note_links(inventory, namespaces[i].links, namespaces[i].name);
	note_tables(inventory);
	for (; *sockets != NULL; sockets++)
		note_forwards(inventory, *sockets);
	qsort(inventory->lines, inventory->n, sizeof(*inventory->lines), compare_lines);
}

void inventory_free(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->n; i++)
		free(inventory->lines[i]);
	free(inventory->lines);
	*inventory = (struct inventory){0};
}

bool inventory_differs(const struct inventory *before, const struct inventory *after, char *text,
		       size_t size)
{
	size_t i = 0, j = 0, used = 0;

	text[0] = '\0';
	while (i < before->n || j < after->n) {
		int order = i == before->n  ? 1
			    : j == after->n ? -1
					    : strcmp(before->lines[i], after->lines[j]);

		if (order != 0 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s: %s",
						 used == 0 ? "" : "; ", order < 0 ? "lost" : "left",
						 order < 0 ? before->lines[i] : after->lines[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return used > 0;
}

/* A process that is neither of the inventory nor a daemon, and not one that has ended. */
static bool is_stranger(const struct inventory *before, bool daemons, const char *pid,
			char line[96])
{
	char path[300], command[4096];
	const char *key = line;

	if (process_line(pid, line) == 'X' ||
	    (before->n > 0 && bsearch(&key, before->lines, before->n, sizeof(*before->lines),
				      compare_lines) != NULL))
		return false;
	if (!daemons)
		return true;
	/* The daemon shares its name with the plugin: it has arguments. */
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	return read_file(path, command, sizeof(command)) <= 0 ||
	       memmem(command, sizeof(command), "--netns-type", 12) == NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

const char *faults_settle(const struct inventory *before, bool daemons)
{
	const struct sigaction interrupt = {.sa_handler = on_alarm};
	/* Most end, which is an event; that one has executed something, and when, none tells. */
	const struct itimerval look_again = {.it_value = {0, 100000}, .it_interval = {0, 100000}};
	const int64_t until = monotonic_ms() + SETTLE_LIMIT_S * 1000;
	static char stranger[96];
	bool strangers = true;

	sigaction(SIGALRM, &interrupt, NULL);
	setitimer(ITIMER_REAL, &look_again, NULL);
	while (strangers && monotonic_ms() < until) {
		DIR *dir = opendir("/proc");
		const struct dirent *entry;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		strangers = false;
		while (dir != NULL && !strangers && (entry = readdir(dir)) != NULL)
			strangers = is_pid(entry->d_name) &&
				    is_stranger(before, daemons, entry->d_name, stranger);
		closedir(dir);
		/* Each is our child, or becomes it when its parent ends. */
		if (strangers)
			waitpid(-1, NULL, 0);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	return strangers ? stranger : NULL;
}

/* "NUMBER LINK" of each descriptor, sorted. */
static void note_descriptors(struct inventory *inventory, int pid)
{
	char path[32], link[256];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link));

		if (n > 0)
			note(inventory, "%s %.*s", entry->d_name, (int)n, link);
	}
	if (dir != NULL)
		closedir(dir);
	qsort(inventory->lines, inventory->n, sizeof(*inventory->lines), compare_lines);
}

int count_descriptors(int pid, const char *socket)
{
	struct inventory before = {0}, after = {0};
	char answer[16384];
	int n = 0;

	/* Once it has answered, it has begun its work: what it has only to start with is closed. */
	list_forwards(socket, answer, sizeof(answer));
	note_descriptors(&before, pid);
	list_forwards(socket, answer, sizeof(answer));
	note_descriptors(&after, pid);
	for (size_t i = 0; i < before.n && after.n > 0; i++)
		n += bsearch(&before.lines[i], after.lines, after.n, sizeof(*after.lines),
			     compare_lines) != NULL;
	inventory_free(&before);
	inventory_free(&after);
	return n;
}
