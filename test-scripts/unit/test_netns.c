/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces, from within a mount and a network namespace of the test's own; and as a user
 * without privileges who has a user namespace with a network namespace in it, as rootless
 * containers have.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "handover.h"
#include "isolated.h"
#include "netns.h"
#include "process.h"

/*
 * The two calls that decide where we are and what comes out of where we were. setns(2) to a network
 * namespace fails at the call that is told; a socket comes out as another kind of descriptor.
 */
static int setns_fails_at;           /* 1: the next; 0: none */
static int other_domain, other_type; /* 0: none */

int setns(int fd, int type)
{
	if (type == CLONE_NEWNET && setns_fails_at > 0 && --setns_fails_at == 0) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_setns, fd, type);
}

int socket(int domain, int type, int protocol)
{
	if (other_domain != 0)
		return (int)syscall(SYS_socket, other_domain, other_type | SOCK_CLOEXEC, 0);
	return (int)syscall(SYS_socket, domain, type, protocol);
}

#define DIR_ "/run/netns"
#define OWN "/proc/self/ns/net"

static int fresh(void **state)
{
	(void)state;
	if (!isolated)
		return 0;
	return mount("test", "/run", "tmpfs", 0, "size=1m,mode=755");
}

/* No test leaves a child, or comes back from another namespace by halves. */
static ino_t home;

static int stale(void **state)
{
	(void)state;
	if (isolated && umount2("/run", MNT_DETACH) < 0)
		return -1;
	if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
		print_message("# a child is left\n");
		return -1;
	}
	return inode(OWN) == home ? 0 : -1;
}

static int setup(void **state)
{
	const int value = isolate(state);

	home = inode(OWN);
	return value;
}

#define need()                    \
	do {                      \
		(void)state;      \
		need_isolation(); \
	} while (0)

static void assert_error(const struct cni_error *err, int code, const char *part)
{
	if (err->code != code || strstr(err->msg, part) == NULL)
		fail_msg("should be %d \"%s\": %d %s (%s)", code, part, err->code, err->msg,
			 err->details);
}

/* A new namespace, in "/run/netns/NAME". */
static void create(const char *name, char *path, size_t size)
{
	struct cni_error err = {0};

	if (netns_create(DIR_, name, path, size, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

static void open_path(const char *path, struct netns *ns)
{
	struct cni_error err = {0};

	if (netns_open(path, ns, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

static void a_network_namespace_is_opened_by_any_path_to_it(void **state)
{
	char path[64], proc[64];
	const char *const paths[] = {path, "/run/link", "/run/netns/../netns//x", proc};
	struct cni_error err = {0};
	struct stat st;

	need();
	create("x", path, sizeof(path));
	assert_int_equal(symlink(path, "/run/link"), 0);
	assert_int_equal(stat(path, &st), 0);

	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < ROWS(paths); i++) {
		cleanup_netns struct netns ns = NETNS_NONE;

		open_path(paths[i], &ns);
		assert_true(ns.dev == st.st_dev && ns.ino == st.st_ino);
		assert_int_equal(ns.userns_fd, -1); /* root needs to join nothing */
		assert_int_equal(fcntl(ns.fd, F_GETFD), FD_CLOEXEC);
	}
	assert_int_equal(netns_remove(path, &err), 0);
}

/* Nothing of all this may block, be created, or be read from. */
static void a_path_to_anything_else_is_refused(void **state)
{
	static const struct {
		const char *path;
		int code;
	} rows[] = {
		{"/run/nothing", CNI_ERR_CONTAINER},
		{"/run/nothing/x", CNI_ERR_CONTAINER},
		{"/run/file/x", CNI_ERR_CONTAINER},
		{"/run/dangling", CNI_ERR_CONTAINER},
		{"/run/loop", CNI_ERR_CONTAINER},
		{"/proc/4194304/ns/net", CNI_ERR_CONTAINER},
		{"", CNI_ERR_CONTAINER},
		{"/run/file", CNI_ERR_ENVIRONMENT},
		{"/run/fifo", CNI_ERR_ENVIRONMENT},
		{"/run/to_fifo", CNI_ERR_ENVIRONMENT},
		{"/run/socket", CNI_ERR_ENVIRONMENT},
		{"/run/device", CNI_ERR_ENVIRONMENT},
		{"/run", CNI_ERR_ENVIRONMENT},
		{"/", CNI_ERR_ENVIRONMENT},
		{"/proc/self/ns", CNI_ERR_ENVIRONMENT},
		{"/proc/self/ns/mnt", CNI_ERR_ENVIRONMENT},
		{"/proc/self/ns/user", CNI_ERR_ENVIRONMENT},
		{"/proc/self/ns/pid", CNI_ERR_ENVIRONMENT},
		{"/proc/self/status", CNI_ERR_ENVIRONMENT},
		{"/dev/null", CNI_ERR_ENVIRONMENT},
	};
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/socket"};
	cleanup_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int before = count_descriptors();

	need();
	assert_true(make_file("/run/file", "text"));
	assert_int_equal(mkfifo("/run/fifo", 0600), 0);
	assert_int_equal(symlink("/run/fifo", "/run/to_fifo"), 0);
	assert_int_equal(symlink("/run/nothing", "/run/dangling"), 0);
	assert_int_equal(symlink("/run/loop", "/run/loop"), 0);
	/* A number without a driver: opening it is another error. */
	assert_int_equal(mknod("/run/device", S_IFCHR | 0600, makedev(60, 1)), 0);
	assert_int_equal(bind(sock, (const struct sockaddr *)&address, sizeof(address)), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct cni_error err = {0};
		struct netns ns;

		alarm(5); /* a hang ends the program */
		if (netns_open(rows[i].path, &ns, &err) == 0)
			fail_msg("%s was opened", rows[i].path);
		alarm(0);
		assert_error(&err, rows[i].code, rows[i].path);
		assert_int_equal(ns.fd, -1);
		assert_int_equal(ns.userns_fd, -1);
	}
	assert_false(exists("/run/nothing"));
	assert_int_equal(count_descriptors(), before);
}

static void a_path_that_is_too_long_is_an_error(void **state)
{
	cleanup_free char *path = NULL;
	struct cni_error err = {0};
	struct netns ns;

	need();
	path = calloc(1, 5001);
	memset(path, '/', 5000);
	assert_int_equal(netns_open(path, &ns, &err), -1);
	assert_error(&err, CNI_ERR_IO, "cannot open the network namespace");
	assert_string_equal(err.details, "File name too long");
}

static void as_nobody_open_a_closed_path(void)
{
	struct cni_error err = {0};
	struct netns ns;

	become_nobody();
	check(netns_open("/run/closed/x", &ns, &err) == -1);
	check(err.code == CNI_ERR_IO);
	check(strcmp(err.details, "Permission denied") == 0);
}

static void a_path_that_we_may_not_see_is_an_error(void **state)
{
	need();
	assert_int_equal(mkdir("/run/closed", 0700), 0);
	assert_int_equal(run_child(as_nobody_open_a_closed_path), 0);
}

static void a_closed_namespace_is_none(void **state)
{
	struct netns ns = NETNS_NONE;
	int before;

	need();
	before = count_descriptors();
	open_path(OWN, &ns);
	netns_close(&ns);
	netns_close(&ns);
	assert_int_equal(ns.fd, -1);
	assert_int_equal(ns.userns_fd, -1);
	assert_int_equal(count_descriptors(), before);
}

static void our_own_namespace_is_known_by_any_name(void **state)
{
	cleanup_netns struct netns own = NETNS_NONE;
	cleanup_netns struct netns mounted = NETNS_NONE;
	cleanup_netns struct netns other = NETNS_NONE;
	struct cni_error err = {0};
	char path[64];

	need();
	open_path(OWN, &own);
	assert_true(netns_is_own(&own));
	assert_int_equal(netns_persist(getpid(), DIR_, "own", path, sizeof(path), &err), 0);
	open_path(path, &mounted);
	assert_true(netns_is_own(&mounted));
	assert_int_equal(netns_remove(path, &err), 0);
	create("x", path, sizeof(path));
	open_path(path, &other);
	assert_false(netns_is_own(&other));
}

/* What a function inside saw, and what it is to do. */
struct visit {
	int value;
	bool crash;
	bool stop;
	bool endless; /* a text */
	int dumpable;
	pid_t pid;
	ino_t ino;
	char padding[5000]; /* more than a page comes back too */
	int last;
};

static int visit(void *arg, struct cni_error *err)
{
	struct visit *v = arg;

	v->pid = getpid();
	v->ino = inode("/proc/thread-self/ns/net");
	v->last = 77;
	v->dumpable = prctl(PR_GET_DUMPABLE);
	if (v->crash)
		raise(SIGKILL);
	for (int i = 0; v->stop && i < 3; i++)
		raise(SIGSTOP);
	if (v->endless) {
		memset(err, '\033', sizeof(*err));
		err->code = 0;
		return -1;
	}
	if (v->value < 0) {
		cni_error(err, 142, "inside");
		cni_error_details(err, "the cause");
	}
	return v->value;
}

static void a_function_runs_inside_and_we_come_back(void **state)
{
	static const int values[] = {0, 1, 42, -1, -7};
	cleanup_netns struct netns ns = NETNS_NONE;
	char path[64];

	need();
	create("x", path, sizeof(path));
	open_path(path, &ns);
	for (size_t i = 0; i < ROWS(values); i++) {
		struct visit v = {.value = values[i]};
		const int before = count_descriptors();
		struct cni_error err = {0};

		assert_int_equal(netns_run(&ns, visit, &v, sizeof(v), &err), values[i]);
		assert_int_equal(v.ino, ns.ino);
		assert_int_equal(v.pid, getpid()); /* root needs no child */
		assert_int_equal(v.last, 77);
		assert_int_equal(inode(OWN), home);
		assert_int_equal(count_descriptors(), before);
		assert_int_equal(err.code, values[i] < 0 ? 142 : 0);
		assert_string_equal(err.msg, values[i] < 0 ? "inside" : "");
	}
}

/* Of three: whether we could come back, there, and back. */
static void lost_inside(void)
{
	struct cni_error err = {0};
	struct visit v = {0};
	struct netns ns;

	check(netns_open(DIR_ "/x", &ns, &err) == 0);
	setns_fails_at = 3;
	check(netns_run(&ns, visit, &v, sizeof(v), &err) == -1);
	check(setns_fails_at == 0 && v.ino == ns.ino && inode(OWN) == ns.ino);
	check(err.code == CNI_ERR_IO);
	check(strcmp(err.msg, "cannot come back from the network namespace") == 0);
	_exit(0);
}

static void who_cannot_come_back_is_told(void **state)
{
	char path[64];

	need();
	create("x", path, sizeof(path));
	assert_int_equal(run_child(lost_inside), 0);
}

static void running_in_our_own_namespace_works(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};
	struct visit v = {0};

	need();
	open_path(OWN, &ns);
	assert_int_equal(netns_run(&ns, visit, &v, sizeof(v), &err), 0);
	assert_int_equal(v.ino, home);
}

/*
 * A container: a process in a user namespace of its own, with a network namespace that this one
 * owns. What it returns is a path.
 */
static const char *make_container(char path[64])
{
	int told[2];
	char c;
	pid_t pid;

	check(pipe2(told, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		check(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
		check(write(told[1], "", 1) == 1);
		for (;;)
			pause();
	}
	check(pid > 0);
	close(told[1]);
	check(read(told[0], &c, 1) == 1);
	close(told[0]);
	snprintf(path, 64, "/proc/%d/ns/net", (int)pid);
	return path;
}

/* A user without privileges, and a container of his. */
static const char *rootless_container(void)
{
	static char path[64];

	become_nobody();
	return make_container(path);
}

/* The same, opened. */
static void open_rootless(struct netns *ns)
{
	struct cni_error err = {0};

	check(netns_open(rootless_container(), ns, &err) == 0);
}

/* @fn in a process of its own, since it gives its privileges up for good. */
#define run_rootless(fn)                            \
	do {                                        \
		need();                             \
		need_pidfd();                       \
		assert_int_equal(run_child(fn), 0); \
	} while (0)

static void rootless_run(void)
{
	struct cni_error err = {0};
	struct netns ns;
	const int before = count_descriptors();
	const ino_t own = inode(OWN);

	open_rootless(&ns);
	check(ns.userns_fd >= 0);
	check(fcntl(ns.userns_fd, F_GETFD) == FD_CLOEXEC);
	check(!netns_is_own(&ns));

	static const int values[] = {0, 5, -3};

	for (size_t i = 0; i < ROWS(values); i++) {
		struct visit v = {.value = values[i]};

		err = (struct cni_error){0};
		check(netns_run(&ns, visit, &v, sizeof(v), &err) == values[i]);
		check(v.pid != getpid());
		/* The root of its user namespace cannot look into it; of ours, who could before. */
		check(v.dumpable == 0);
		check(prctl(PR_GET_DUMPABLE) == 1);
		check(v.ino == ns.ino);
		check(v.last == 77);
		check(err.code == (values[i] < 0 ? 142 : 0));
		check(strcmp(err.msg, values[i] < 0 ? "inside" : "") == 0);
		check(strcmp(err.details, values[i] < 0 ? "the cause" : "") == 0);
		check(inode(OWN) == own);
	}
	netns_close(&ns);
	check(count_descriptors() == before);
	_exit(0);
}

static void an_unprivileged_user_runs_in_a_child_whose_bytes_come_back(void **state)
{
	run_rootless(rootless_run);
}

/* Over a namespace that a user below made, root has every capability. */
static void root_joins_no_owner(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};
	struct visit v = {0};
	char path[64];
	int told[2];
	char c;
	pid_t pid;

	need();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		check(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
		check(write(told[1], "", 1) == 1);
		for (;;)
			pause();
	}
	close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	close(told[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (netns_open(path, &ns, &err) < 0)
		print_message("# %s (%s)\n", err.msg, err.details);
	end_child(pid);
	assert_true(ns.fd >= 0);
	assert_int_equal(ns.userns_fd, -1);
	assert_int_equal(netns_run(&ns, visit, &v, sizeof(v), &err), 0);
	assert_int_equal(v.pid, getpid());
	assert_int_equal(v.ino, ns.ino);
}

static int no_argument(void *arg, struct cni_error *err)
{
	(void)err;
	return arg == NULL ? 11 : -1;
}

static void rootless_run_without_argument(void)
{
	struct cni_error err = {0};
	struct netns ns;

	open_rootless(&ns);
	check(netns_run(&ns, no_argument, NULL, 0, &err) == 11);
	netns_close(&ns);
	_exit(0);
}

static void a_child_needs_no_argument(void **state)
{
	run_rootless(rootless_run_without_argument);
}

static void rootless_crash(void)
{
	struct visit v = {.crash = true};
	struct cni_error err = {0};
	struct netns ns;

	open_rootless(&ns);
	check(netns_run(&ns, visit, &v, sizeof(v), &err) == -1);
	check(err.code == CNI_ERR_IO);
	check(strstr(err.msg, "did not answer") != NULL);
	netns_close(&ns);
	_exit(0);
}

static void a_child_that_crashes_is_an_error(void **state)
{
	run_rootless(rootless_crash);
}

/* As anyone may who has CAP_KILL in the container's user namespace. */
static void rootless_stop(void)
{
	struct visit v = {.stop = true, .value = 5};
	struct cni_error err = {0};
	struct netns ns;

	open_rootless(&ns);
	check(netns_run(&ns, visit, &v, sizeof(v), &err) == 5);
	netns_close(&ns);
	_exit(0);
}

static void a_child_that_is_stopped_goes_on(void **state)
{
	run_rootless(rootless_stop);
}

static void rootless_lie(void)
{
	struct visit v = {.endless = true};
	struct cni_error err = {0};
	struct netns ns;

	open_rootless(&ns);
	check(netns_run(&ns, visit, &v, sizeof(v), &err) == -1);
	check(err.code == CNI_ERR_IO);
	check(strnlen(err.msg, sizeof(err.msg)) == sizeof(err.msg) - 1);
	check(strnlen(err.details, sizeof(err.details)) == sizeof(err.details) - 1);
	check(strchr(err.msg, '\033') == NULL && strchr(err.details, '\033') == NULL);
	netns_close(&ns);
	_exit(0);
}

static void an_error_of_a_child_ends_and_has_a_code(void **state)
{
	run_rootless(rootless_lie);
}

static void in_the_hosts_namespace(void)
{
	struct cni_error err = {0};
	struct visit v = {0};
	struct netns ns;

	become_nobody();
	check(netns_open("/run/netns/x", &ns, &err) == 0);
	check(netns_run(&ns, visit, &v, sizeof(v), &err) == -1);
	check(err.code == CNI_ERR_IO);
	check(err.details[0] != '\0');
	check(v.last == 0);
	_exit(0);
}

static void a_namespace_of_somebody_else_is_an_error(void **state)
{
	char path[64];

	need();
	need_pidfd();
	create("x", path, sizeof(path));
	assert_int_equal(run_child(in_the_hosts_namespace), 0);
}

/*
 * Many of them.
 */
struct stop {
	const char *path;
	int value;
	void (*inside)(void);
	pid_t pid, tid;
	ino_t ino;
	int dumpable, death_signal;
	size_t answer; /* bytes that are handed back behind it */
	struct cni_error err;
};

static int stop_open(const void *arg, struct netns *ns, struct cni_error *err)
{
	return netns_open(((const struct stop *)arg)->path, ns, err);
}

static int stop_look(void *arg, struct cni_error *err)
{
	struct stop *stop = arg;

	stop->pid = getpid();
	stop->tid = gettid();
	stop->ino = inode("/proc/thread-self/ns/net");
	stop->dumpable = prctl(PR_GET_DUMPABLE);
	prctl(PR_GET_PDEATHSIG, &stop->death_signal);
	if (stop->inside != NULL)
		stop->inside();
	return stop->value < 0 ? cni_error(err, 142, "inside") : stop->value;
}

static bool stop_give(const void *arg, struct netns_reply *reply)
{
	static const char more[4096];
	const struct stop *stop = arg;

	return netns_reply_give(reply, stop, sizeof(*stop)) &&
	       netns_reply_give(reply, more, stop->answer);
}

static bool stop_take(void *arg, struct netns_reply *reply)
{
	return netns_reply_take(reply, arg, sizeof(struct stop));
}

static const struct netns_work stopping = {
	.open = stop_open, .fn = stop_look, .give = stop_give, .take = stop_take};

static void visit_stops(struct stop *stops, struct netns_visit *visits, size_t n, int limit_ms)
{
	for (size_t i = 0; i < n; i++)
		visits[i] = (struct netns_visit){
			.arg = &stops[i], .path = stops[i].path, .err = &stops[i].err};
	netns_visit(&stopping, visits, n, monotonic_ms() + limit_ms);
}

static void many_namespaces_are_visited_and_the_caller_stays(void **state)
{
	enum { N = 20 };
	char paths[N][64];
	struct stop stops[N + 1] = {{0}};
	struct netns_visit visits[N + 1];
	int before;

	need();
	for (size_t i = 0; i < N; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%zu", i);
		create(name, paths[i], sizeof(paths[i]));
		stops[i].path = paths[i];
		stops[i].value = i == 5 ? -1 : (int)i;
	}
	stops[N].path = "/run/nothing";
	before = count_descriptors();
	visit_stops(stops, visits, N + 1, 10000);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(visits[i].value, i == 5 ? -1 : (int)i);
		assert_int_equal(stops[i].ino, inode(paths[i]));
		assert_int_equal(stops[i].pid, getpid());
		assert_int_not_equal(stops[i].tid, gettid());
	}
	assert_error(&stops[5].err, 142, "inside");
	assert_int_equal(visits[N].value, -1);
	assert_error(&stops[N].err, CNI_ERR_CONTAINER, "/run/nothing");
	assert_int_equal(inode(OWN), home);
	assert_int_equal(count_descriptors(), before);
}

static void what_is_too_late_is_not_visited(void **state)
{
	struct stop stop = {.path = DIR_ "/x"};
	struct netns_visit visit;
	char path[64];

	need();
	create("x", path, sizeof(path));
	visit_stops(&stop, &visit, 1, -1);
	assert_int_equal(visit.value, -1);
	assert_int_equal(stop.ino, 0);
	assert_error(&stop.err, CNI_ERR_AGAIN, "/run/netns/x: not visited: the time limit");
}

/* Two containers in user namespaces of their own, and the second by another path as well. */
static void rootless_visits(void)
{
	char other[64], again[80];
	const char *path = rootless_container();
	struct stop stops[4] = {{.path = path, .value = 1},
				{.path = make_container(other), .value = 2}};
	struct netns_visit visits[4];
	const ino_t own = inode(OWN);
	int before;

	snprintf(again, sizeof(again), "/../%s", other);
	stops[2] = (struct stop){.path = again, .value = -3};
	stops[3] = (struct stop){.path = "/run/nothing"};
	before = count_descriptors();
	visit_stops(stops, visits, ROWS(stops), 10000);
	check(visits[0].value == 1 && visits[1].value == 2 && visits[2].value == -1);
	check(visits[3].value == -1 && stops[3].err.code == CNI_ERR_CONTAINER);
	check(stops[2].err.code == 142 && strcmp(stops[2].err.msg, "inside") == 0);
	for (size_t i = 0; i < 3; i++) {
		check(stops[i].ino == inode(stops[i].path));
		check(stops[i].dumpable == 0);
		check(stops[i].death_signal == SIGKILL);
	}
	/* One child for each user namespace. */
	check(stops[0].pid != getpid() && stops[1].pid != getpid());
	check(stops[0].pid != stops[1].pid && stops[1].pid == stops[2].pid);
	check(inode(OWN) == own);
	check(count_descriptors() == before);
}

static void one_child_visits_what_a_user_namespace_owns(void **state)
{
	run_rootless(rootless_visits);
}

static void crash(void)
{
	raise(SIGKILL);
}

/* The second of three in one user namespace. */
static void rootless_crash_among_others(void)
{
	const char *path = rootless_container();
	struct stop stops[3] = {{.path = path, .value = 1},
				{.path = path, .value = 2, .inside = crash},
				{.path = path, .value = 3}};
	struct netns_visit visits[3];

	visit_stops(stops, visits, ROWS(stops), 10000);
	check(visits[0].value == 1 && stops[0].err.code == 0);
	for (size_t i = 1; i < 3; i++) {
		check(visits[i].value == -1 && stops[i].err.code == CNI_ERR_IO);
		check(strncmp(stops[i].err.msg, path, strlen(path)) == 0);
		check(strstr(stops[i].err.msg, "did not answer") != NULL);
	}
}

static void what_a_child_has_answered_before_it_crashes_counts(void **state)
{
	run_rootless(rootless_crash_among_others);
}

/* Nothing that a process can do to itself, or a namespace's root to it, keeps it from its end. */
static void hang(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		raise(SIGSTOP);
}

static void rootless_hang(void)
{
	const char *path = rootless_container();
	struct stop stops[2] = {{.path = path, .value = 1},
				{.path = path, .value = 2, .inside = hang}};
	struct netns_visit visits[2];
	const int64_t begin = milliseconds();

	visit_stops(stops, visits, ROWS(stops), 500);
	check(milliseconds() - begin >= 400 && milliseconds() - begin < 5000);
	check(visits[0].value == 1);
	check(visits[1].value == -1 && stops[1].err.code == CNI_ERR_AGAIN);
}

static void a_child_ends_at_the_deadline(void **state)
{
	run_rootless(rootless_hang);
}

/* As visit_header of netns_visit.c, and what stands behind it. */
static struct {
	int done;
	int value;
	size_t size;
	struct cni_error err;
} lie;
static size_t lie_bytes;

/* A process that controls a child may write anything to us. */
static void answer_with_a_lie(void)
{
	static const char bytes[8192];
	char path[64], target[64] = "";

	for (int fd = 3; fd < 100; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    strncmp(target, "/memfd:", 7) == 0) {
			check(write(fd, &lie, sizeof(lie)) == sizeof(lie));
			check(write(fd, bytes, lie_bytes) == (ssize_t)lie_bytes);
			_exit(0);
		}
		memset(target, 0, sizeof(target));
	}
}

static void rootless_lies(void)
{
	static const struct {
		int done;
		size_t size, bytes;
		int value;
	} rows[] = {
		{1, sizeof(struct stop), sizeof(struct stop), 7}, /* as it must be */
		{0, sizeof(struct stop), sizeof(struct stop), -1},
		{2, sizeof(struct stop), sizeof(struct stop), -1},
		{1, sizeof(struct stop) - 1, sizeof(struct stop), -1},
		{1, sizeof(struct stop) + 1, sizeof(struct stop) + 1, -1},
		{1, sizeof(struct stop), sizeof(struct stop) - 1, -1},
		{1, 0, sizeof(struct stop), -1},
		{1, 0, 0, -1},
		{1, SIZE_MAX, sizeof(struct stop), -1},
		{1, NETNS_REPLY_MAX_BYTES + 1, sizeof(struct stop), -1},
		{1, NETNS_REPLY_MAX_BYTES, sizeof(struct stop), -1},
	};
	const char *path = rootless_container();

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct stop stops[1] = {{.path = path, .inside = answer_with_a_lie}};
		struct netns_visit visits[1];

		lie.done = rows[i].done;
		lie.value = 7;
		lie.size = rows[i].size;
		lie_bytes = rows[i].bytes;
		visits[0] = (struct netns_visit){
			.arg = &stops[0], .path = path, .err = &(struct cni_error){0}};
		netns_visit(&stopping, visits, 1, monotonic_ms() + 10000);
		if (visits[0].value != rows[i].value) {
			fprintf(stderr, "row %zu: %d\n", i, visits[0].value);
			_exit(1);
		}
		check(rows[i].value >= 0 ||
		      strstr(visits[0].err->msg, "its reply is not valid") != NULL);
	}
}

static void a_childs_answer_is_checked_in_every_length(void **state)
{
	run_rootless(rootless_lies);
}

/* The first says more than it should; the second is as it must be. */
static void rootless_too_much(void)
{
	const char *path = rootless_container();
	struct stop stops[2] = {{.path = path, .value = 1, .answer = 1},
				{.path = path, .value = 2}};
	struct netns_visit visits[2];

	visit_stops(stops, visits, ROWS(stops), 10000);
	for (size_t i = 0; i < 2; i++)
		check(visits[i].value == -1);
}

static void behind_an_answer_that_is_not_as_it_must_be_none_is_believed(void **state)
{
	run_rootless(rootless_too_much);
}

static void rootless_visit_of_the_host(void)
{
	struct stop stop = {.path = DIR_ "/x"};
	struct netns_visit visit;

	become_nobody();
	visit_stops(&stop, &visit, 1, 10000);
	check(visit.value == -1 && stop.ino == 0 && stop.err.code == CNI_ERR_IO);
	check(strcmp(stop.err.details, "Operation not permitted") == 0);
}

static void a_namespace_of_somebody_else_is_not_visited(void **state)
{
	char path[64];

	need();
	create("x", path, sizeof(path));
	assert_int_equal(run_child(rootless_visit_of_the_host), 0);
}

/* A user namespace that may be looked at, and not joined: its message names the path, too. */
static void rootless_visit_of_another_users(void)
{
	struct stop stop = {.path = DIR_ "/other"};
	struct netns_visit visit;
	struct cni_error err;
	char from[64], path[64];

	pid_t container, visitor;
	int status;

	check(setresuid(1, 1, 0) == 0);
	make_container(from);
	check(setresuid(0, 0, 0) == 0);
	container = atoi(from + strlen("/proc/"));
	check(netns_persist(container, DIR_, "other", path, sizeof(path), &err) == 0);
	visitor = fork();
	if (visitor == 0) {
		become_nobody();
		visit_stops(&stop, &visit, 1, 10000);
		check(visit.value == -1 && stop.err.code == CNI_ERR_IO);
		check(strncmp(stop.err.msg, DIR_ "/other: cannot enter", strlen(DIR_) + 20) == 0);
		check(strcmp(stop.err.details, "Operation not permitted") == 0);
		_exit(0);
	}
	status = -1;
	waitpid(visitor, &status, 0);
	kill(container, SIGKILL); /* another user's: our end would not be its */
	check(status == 0);
}

static void a_namespace_of_another_user_is_not_visited(void **state)
{
	need();
	assert_int_equal(run_child(rootless_visit_of_another_users), 0);
}

static void rootless_join(void)
{
	struct cni_error err = {0};
	struct visit v = {0};
	struct netns ns;
	ino_t owner;

	open_rootless(&ns);
	owner = inode("/proc/self/ns/user");
	check(process_join_userns(ns.userns_fd) == 0);
	check(inode("/proc/self/ns/user") != owner);
	close(ns.userns_fd);
	ns.userns_fd = -1; /* as netns_open() says it to who is inside */
	check(prctl(PR_GET_DUMPABLE) == 0);
	check(setns(ns.fd, CLONE_NEWNET) == 0);
	check(netns_is_own(&ns));
	/* A function now runs here or in a child, and in both cases in the namespace. */
	check(netns_run(&ns, visit, &v, sizeof(v), &err) == 0);
	check(v.ino == ns.ino);
	_exit(0);
}

static void the_owner_is_joined_for_good(void **state)
{
	need();
	assert_int_equal(run_child(rootless_join), 0);
}

/* The namespace's cookie, from a socket that lives in it. */
static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

static int read_cookie(void *arg, struct cni_error *err)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)err;
	*(uint64_t *)arg = cookie_of(fd);
	close(fd);
	return 0;
}

static void a_socket_lives_in_the_namespace(void **state)
{
	cleanup_close int here = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_close int fd = -1;
	struct cni_error err = {0};
	uint64_t cookie = 0;
	socklen_t len = sizeof(int);
	char path[64];
	int before, value = 0;

	need();
	create("x", path, sizeof(path));
	open_path(path, &ns);
	assert_int_equal(netns_run(&ns, read_cookie, &cookie, sizeof(cookie), &err), 0);
	assert_true(cookie != 0 && cookie != cookie_of(here));

	before = count_descriptors();
	fd = netns_socket(&ns, AF_INET6, SOCK_STREAM, IPPROTO_TCP, &err);
	assert_true(fd >= 0);
	assert_int_equal(count_descriptors(), before + 1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(cookie_of(fd) == cookie);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len), 0);
	assert_int_equal(value, AF_INET6);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len), 0);
	assert_int_equal(value, SOCK_STREAM);
	assert_int_equal(inode(OWN), home);
}

static void a_socket_that_is_none_is_an_error(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};
	char path[64];
	int before;

	need();
	create("x", path, sizeof(path));
	open_path(path, &ns);
	before = count_descriptors();
	assert_int_equal(netns_socket(&ns, AF_INET, SOCK_STREAM, IPPROTO_UDP, &err), -1);
	assert_error(&err, CNI_ERR_IO, "cannot make a socket in the network namespace");
	assert_string_equal(err.details, "Protocol not supported");
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(inode(OWN), home);
}

static void rootless_socket(void)
{
	struct cni_error err = {0};
	uint64_t cookie = 0;
	struct netns ns;
	int fd, before;

	open_rootless(&ns);
	check(netns_run(&ns, read_cookie, &cookie, sizeof(cookie), &err) == 0);
	before = count_descriptors();
	fd = netns_socket(&ns, AF_INET, SOCK_DGRAM, 0, &err);
	check(fd >= 0);
	check(count_descriptors() == before + 1);
	check(cookie != 0 && cookie_of(fd) == cookie);
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	check(netns_socket(&ns, AF_INET, SOCK_STREAM, IPPROTO_UDP, &err) == -1);
	check(strcmp(err.details, "Protocol not supported") == 0);
	_exit(0);
}

static void an_unprivileged_user_gets_a_socket_too(void **state)
{
	run_rootless(rootless_socket);
}

/* Of the namespace's root, in place of ours. */
static void rootless_other_socket(void)
{
	static const struct {
		int domain, type, protocol;
	} rows[] = {
		{AF_UNIX, SOCK_DGRAM, 0}, {AF_INET, SOCK_STREAM, 0}, {AF_INET, SOCK_DGRAM, 136}};
	struct cni_error err = {0};
	struct netns ns;
	int before;

	open_rootless(&ns);
	before = count_descriptors();
	for (size_t i = 0; i < ROWS(rows); i++) {
		other_domain = rows[i].domain;
		other_type = rows[i].type;
		check(netns_socket(&ns, AF_INET, SOCK_DGRAM, rows[i].protocol, &err) == -1);
		check(strstr(err.msg, "is not the socket that was asked for") != NULL);
	}
	check(count_descriptors() == before);
	_exit(0);
}

/* One is asked for, and the padding of the message has room for two. */
static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(2 * sizeof(int))}};
	struct iovec iov = {.iov_base = (char[1]){'x'}, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int pair[2], before, fd = 77;
	char byte = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = count_descriptors();
	memcpy(CMSG_DATA(&control.head), pair, sizeof(pair));
	assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
	assert_int_equal(handover_receive(pair[1], &byte, 1, 0, &fd), 1);
	assert_int_equal(fd, -1);
	assert_int_equal(byte, 'x');
	assert_int_equal(handover_send(pair[0], "y", 1, -1), 0);
	assert_int_equal(handover_receive(pair[1], &byte, 1, 0, &fd), 1);
	assert_int_equal(fd, -1);
	assert_int_equal(count_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}

static void what_comes_out_is_the_socket_that_was_asked_for(void **state)
{
	run_rootless(rootless_other_socket);
}

/* In our mount namespace, everybody's, as distributions have it. */
static int everybodys_tun(void)
{
	if (mknod("/run/tun", S_IFCHR | 0666, makedev(10, 200)) < 0 || chmod("/run/tun", 0666) < 0)
		return -1;
	return mount("/run/tun", "/dev/net/tun", NULL, MS_BIND, NULL);
}

static void rootless_tap(void)
{
	struct ifreq request = {0};
	struct cni_error err = {0};
	struct netns ns;
	int fd, before;

	open_rootless(&ns);
	before = count_descriptors();
	fd = netns_tap(&ns, "a-tap", &err);
	check(fd >= 0);
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	check(ioctl(fd, TUNGETIFF, &request) == 0 && strcmp(request.ifr_name, "a-tap") == 0);
	check((request.ifr_flags & (IFF_TAP | IFF_NO_PI)) == (IFF_TAP | IFF_NO_PI));
	check(if_nametoindex("a-tap") == 0); /* is not here */
	close(fd);
	fd = netns_tap(&ns, "a-tap", &err);
	check(fd >= 0);
	/* A tap that is there belongs to somebody, also when no process uses it. */
	check(ioctl(fd, TUNSETPERSIST, 1) == 0);
	close(fd);
	check(netns_tap(&ns, "a-tap", &err) == -1);
	check(err.code == CNI_ERR_IO);
	check(strcmp(err.msg, "cannot make the tap device a-tap") == 0);
	check(count_descriptors() == before);
	_exit(0);
}

static void a_tap_device_lives_in_the_namespace_as_long_as_its_descriptor(void **state)
{
	need();
	need_pidfd();
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		skip_because("there is no /dev/net/tun");
	assert_int_equal(mount("test", "/run", "tmpfs", 0, "mode=755"), 0);
	assert_int_equal(everybodys_tun(), 0);
	assert_int_equal(run_child(rootless_tap), 0);
	umount2("/dev/net/tun", MNT_DETACH);
	umount2("/run", MNT_DETACH);
}

static int loopback_flags(void *arg, struct cni_error *err)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};
	const int value = ioctl(fd, SIOCGIFFLAGS, &request);

	(void)err;
	*(int *)arg = request.ifr_flags;
	close(fd);
	return value;
}

static void a_created_namespace_is_new_and_persists(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};
	char path[64] = "";
	struct stat st;
	int before, flags = -1;

	need();
	before = count_descriptors();
	create("x", path, sizeof(path));
	assert_string_equal(path, DIR_ "/x");
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(inode(OWN), home); /* we stay where we are */
	assert_int_equal(lstat(DIR_, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(count_entries(DIR_), 1);

	open_path(path, &ns);
	assert_int_not_equal(ns.ino, home);
	assert_int_equal(netns_run(&ns, loopback_flags, &flags, sizeof(flags), &err), 0);
	assert_int_equal(flags & IFF_UP, 0);
	netns_close(&ns);

	assert_int_equal(netns_remove(path, &err), 0);
	assert_false(exists(path));
	assert_int_equal(netns_remove(path, &err), 0);
	assert_int_equal(count_entries(DIR_), 0);
}

static void without_a_name_it_gets_a_random_one(void **state)
{
	struct cni_error err = {0};
	char paths[3][64];

	need();
	for (size_t i = 0; i < ROWS(paths); i++) {
		create(NULL, paths[i], sizeof(paths[i]));
		assert_memory_equal(paths[i], DIR_ "/cni-", strlen(DIR_ "/cni-"));
		assert_int_equal(strlen(paths[i]), strlen(DIR_ "/cni-") + 16);
		assert_int_equal(strspn(paths[i] + strlen(DIR_ "/cni-"), "0123456789abcdef"), 16);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(paths[i], paths[j]);
	}
	for (size_t i = 0; i < ROWS(paths); i++)
		assert_int_equal(netns_remove(paths[i], &err), 0);
	assert_int_equal(count_entries(DIR_), 0);
}

static void a_namespace_of_a_process_persists_after_it(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};
	char path[64], proc[64];
	ino_t theirs;
	int told[2];
	char c;
	pid_t pid;

	need();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		check(unshare(CLONE_NEWNET) == 0);
		check(write(told[1], "", 1) == 1);
		for (;;)
			pause();
	}
	close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	close(told[0]);
	snprintf(proc, sizeof(proc), "/proc/%d/ns/net", (int)pid);
	theirs = inode(proc);
	if (netns_persist(pid, DIR_, "x", path, sizeof(path), &err) < 0)
		print_message("# %s (%s)\n", err.msg, err.details);
	end_child(pid);
	open_path(path, &ns);
	assert_int_equal(ns.ino, theirs);
	assert_int_not_equal(ns.ino, home);
	assert_int_equal(netns_remove(path, &err), 0);
}

static void a_name_that_exists_is_refused_and_left_alone(void **state)
{
	struct cni_error err = {0};
	char path[64];
	ino_t before;

	need();
	create("x", path, sizeof(path));
	before = inode(path);
	errno = 0;
	assert_int_equal(netns_create(DIR_, "x", path, sizeof(path), &err), -1);
	assert_int_equal(errno, EEXIST);
	assert_error(&err, CNI_ERR_IO, DIR_ "/x");
	assert_string_equal(err.details, "File exists");
	assert_int_equal(inode(DIR_ "/x"), before);

	assert_true(make_file(DIR_ "/file", "text"));
	errno = 0;
	assert_int_equal(netns_persist(getpid(), DIR_, "file", path, sizeof(path), &err), -1);
	assert_int_equal(errno, EEXIST);
	assert_true(exists(DIR_ "/file"));

	assert_int_equal(symlink("/run/elsewhere", DIR_ "/link"), 0);
	assert_int_equal(netns_create(DIR_, "link", path, sizeof(path), &err), -1);
	assert_false(exists("/run/elsewhere"));
	assert_int_equal(count_entries(DIR_), 3);
}

static void a_failure_leaves_nothing(void **state)
{
	struct cni_error err = {0};
	char path[64];
	int before;

	need();
	before = count_descriptors();
	/* The process is not there: the mount fails, after its mount point was made. */
	assert_int_equal(netns_persist(4194304, DIR_, "x", path, sizeof(path), &err), -1);
	assert_error(&err, CNI_ERR_IO, DIR_ "/x");
	assert_int_equal(count_entries(DIR_), 0);

	/* No room for the path; no directory to make the directory in; a name that is a path. */
	assert_int_equal(netns_create(DIR_, "x", path, strlen(DIR_ "/x"), &err), -1);
	assert_error(&err, CNI_ERR_IO, "too long");
	assert_int_equal(netns_create("/run/no/netns", "x", path, sizeof(path), &err), -1);
	assert_error(&err, CNI_ERR_IO, "/run/no/netns");
	assert_int_equal(netns_create(DIR_, "no/x", path, sizeof(path), &err), -1);
	assert_error(&err, CNI_ERR_IO, DIR_ "/no/x");
	assert_int_equal(count_entries(DIR_), 0);
	assert_int_equal(count_entries("/run"), 1);
	assert_int_equal(count_descriptors(), before);

	assert_int_equal(netns_create(DIR_, "x", path, strlen(DIR_ "/x") + 1, &err), 0);
}

static void as_nobody_create(void)
{
	struct cni_error err = {0};
	char path[64];

	become_nobody();
	check(netns_create("/run/mine/netns", "x", path, sizeof(path), &err) == -1);
	check(err.code == CNI_ERR_IO);
	check(strcmp(err.details, "Operation not permitted") == 0);
	check(count_entries("/run/mine") == 0);
	check(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

static void who_may_not_make_one_leaves_nothing(void **state)
{
	need();
	assert_int_equal(mkdir("/run/mine", 0777), 0);
	assert_int_equal(chown("/run/mine", NOBODY, NOBODY), 0);
	assert_int_equal(run_child(as_nobody_create), 0);
}

static void removing_what_is_not_there_is_fine(void **state)
{
	static const char *const paths[] = {"/run/netns/x", "/run/nothing"};
	struct cni_error err = {0};

	need();
	for (size_t i = 0; i < ROWS(paths); i++)
		assert_int_equal(netns_remove(paths[i], &err), 0);
	/* A mount point of which the mount is gone. */
	assert_int_equal(mkdir(DIR_, 0755), 0);
	assert_true(make_file(DIR_ "/x", ""));
	assert_int_equal(netns_remove(DIR_ "/x", &err), 0);
	assert_false(exists(DIR_ "/x"));
}

static void removing_follows_no_symbolic_link(void **state)
{
	struct cni_error err = {0};
	char path[64];
	ino_t before;

	need();
	create("x", path, sizeof(path));
	before = inode(path);
	assert_int_equal(symlink(path, "/run/link"), 0);
	netns_remove("/run/link", &err);
	assert_int_equal(inode(path), before);
}

/* A path of the caller's is not always what it should be. */
static void removing_spares_what_was_never_a_namespace(void **state)
{
	struct cni_error err = {0};

	need();
	assert_int_equal(mkdir("/run/d", 0755), 0);
	assert_true(make_file("/run/d/f", "text"));
	assert_int_equal(netns_remove("/run/d", &err), -1);
	assert_error(&err, CNI_ERR_IO, "/run/d");
	assert_true(exists("/run/d/f"));
}

static void a_namespace_in_use_is_removed_all_the_same(void **state)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	struct cni_error err = {0};
	struct visit v = {0};
	char path[64];

	need();
	create("x", path, sizeof(path));
	open_path(path, &ns);
	assert_int_equal(netns_remove(path, &err), 0);
	assert_false(exists(path));
	/* A process that has it open keeps it. */
	assert_int_equal(netns_run(&ns, visit, &v, sizeof(v), &err), 0);
	assert_int_equal(v.ino, ns.ino);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fresh, stale)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_network_namespace_is_opened_by_any_path_to_it),
		test(a_path_to_anything_else_is_refused),
		test(a_path_that_is_too_long_is_an_error),
		test(a_path_that_we_may_not_see_is_an_error),
		test(a_closed_namespace_is_none),
		test(our_own_namespace_is_known_by_any_name),
		test(a_function_runs_inside_and_we_come_back),
		test(who_cannot_come_back_is_told),
		test(running_in_our_own_namespace_works),
		test(an_unprivileged_user_runs_in_a_child_whose_bytes_come_back),
		test(root_joins_no_owner),
		test(a_child_needs_no_argument),
		test(a_child_that_crashes_is_an_error),
		test(a_child_that_is_stopped_goes_on),
		test(an_error_of_a_child_ends_and_has_a_code),
		test(a_namespace_of_somebody_else_is_an_error),
		test(many_namespaces_are_visited_and_the_caller_stays),
		test(what_is_too_late_is_not_visited),
		test(one_child_visits_what_a_user_namespace_owns),
		test(what_a_child_has_answered_before_it_crashes_counts),
		test(a_child_ends_at_the_deadline),
		test(a_childs_answer_is_checked_in_every_length),
		test(behind_an_answer_that_is_not_as_it_must_be_none_is_believed),
		test(a_namespace_of_somebody_else_is_not_visited),
		test(a_namespace_of_another_user_is_not_visited),
		test(the_owner_is_joined_for_good),
		test(a_socket_lives_in_the_namespace),
		test(a_socket_that_is_none_is_an_error),
		test(an_unprivileged_user_gets_a_socket_too),
		test(descriptors_that_nobody_asked_for_are_closed),
		test(what_comes_out_is_the_socket_that_was_asked_for),
		test(a_tap_device_lives_in_the_namespace_as_long_as_its_descriptor),
		test(a_created_namespace_is_new_and_persists),
		test(without_a_name_it_gets_a_random_one),
		test(a_namespace_of_a_process_persists_after_it),
		test(a_name_that_exists_is_refused_and_left_alone),
		test(a_failure_leaves_nothing),
		test(who_may_not_make_one_leaves_nothing),
		test(removing_what_is_not_there_is_fine),
		test(removing_follows_no_symbolic_link),
		test(removing_spares_what_was_never_a_namespace),
		test(a_namespace_in_use_is_removed_all_the_same),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
