/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Daemons. The daemon is this very program, told by its first argument what to do; a file per
 * promise would need an executable each.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "isolated.h"
#include "process.h"

static char program[512];
static char directory[] = "/tmp/test_process.XXXXXX";
static int log_dirfd = -1;

/* What the daemon does. */
static int be_daemon(const char *what)
{
	alarm(CHILD_LIMIT_S); /* whatever becomes of the test, it ends */
	if (strcmp(what, "wait") == 0) {
		(void)!write(1, "ready\n", 6);
		pause();
	} else if (strcmp(what, "ignore") == 0) {
		signal(SIGTERM, SIG_IGN);
		(void)!write(1, "ready\n", 6);
		for (;;)
			pause();
	} else if (strcmp(what, "orderly") == 0) {
		sigset_t set;
		int sig;

		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		(void)!write(1, "ready\n", 6);
		sigwait(&set, &sig);
		(void)!write(1, "bye\n", 4);
	} else if (strcmp(what, "speak") == 0) {
		(void)!write(1, "to output\n", 10);
		(void)!write(2, "to error\n", 9);
	} else if (strcmp(what, "chatter") == 0) {
		static char text[65537];

		memset(text, 'x', sizeof(text));
		for (int i = 0; i < 1600; i++) /* 100 MB, if it were let */
			(void)!write(2, text, sizeof(text));
		pause();
	} else if (strncmp(what, "father", 6) == 0) {
		const pid_t child = fork();

		signal(SIGTERM, child == 0 ? SIG_IGN : SIG_DFL);
		if (child == 0) {
			alarm(CHILD_LIMIT_S);
			dprintf(1, "child %d\n", (int)getpid());
		}
		while (child == 0 || what[6] == '\0')
			pause();
	}
	return 0;
}

static int make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	log_dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return log_dirfd < 0 || chmod(directory, 0777) < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"log", "taken", "link", "empty"}; /* of a failed test */

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++)
		unlinkat(log_dirfd, names[i], 0);
	close(log_dirfd);
	return rmdir(directory);
}

static size_t read_path(const char *path, char *buf, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	size_t len = 0;

	while (fd >= 0 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	if (fd >= 0)
		close(fd);
	return len;
}

static bool write_path(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* After each test: no log, and no child, not even an unreaped one. */
static int nothing_left(void **state)
{
	(void)state;
	char children[256];
	char *p = children;
	pid_t child;

	unlinkat(log_dirfd, "log", 0);
	if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
		return 0;
	read_path("/proc/thread-self/children", children, sizeof(children));
	print_message("# children are left: %s\n", children);
	while ((child = (pid_t)strtol(p, &p, 10)) > 0)
		end_child(child);
	return -1;
}

#define need()                \
	do {                  \
		(void)state;  \
		need_pidfd(); \
	} while (0)

static const char *const environment[] = {"COLOUR=blue", NULL};

/* Arguments live as long as the test program. */
static struct process_spec spec_of(const char *what)
{
	static const char *argv[3];

	argv[0] = "the daemon";
	argv[1] = what;
	argv[2] = NULL;
	return (struct process_spec){.path = program,
				     .argv = argv,
				     .envp = environment,
				     .log_dirfd = log_dirfd,
				     .log_name = "log"};
}

static void start(const struct process_spec *spec, struct process *p)
{
	struct cni_error err = {0};

	if (process_start(spec, p, &err) < 0 || process_release(p, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

static void stop(struct process *p)
{
	struct cni_error err = {0};

	if (process_stop(p, 0, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
	process_close(p);
}

static size_t read_log(char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/log", directory);
	return read_path(path, buf, size);
}

static bool log_exists(void)
{
	return faccessat(log_dirfd, "log", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool log_becomes(const char *text)
{
	char log[256] = "";

	for (int i = 0; i < 1000; i++) {
		read_log(log, sizeof(log));
		if (strcmp(log, text) == 0)
			return true;
		sleep_ms(2);
	}
	return false;
}

static void wait_for_log(const char *text)
{
	char log[256] = "";

	if (log_becomes(text))
		return;
	read_log(log, sizeof(log));
	fail_msg("the log is \"%s\", should be \"%s\"", log, text);
}

/* One that says when it may be signalled. */
static void start_ready(const struct process_spec *spec, struct process *p)
{
	start(spec, p);
	wait_for_log("ready\n");
}

/* Return: how many milliseconds it took. */
static int64_t time_of_stop(const struct process *p, int grace_ms)
{
	const int64_t begin = milliseconds();
	struct cni_error err = {0};

	assert_int_equal(process_stop(p, grace_ms, &err), 0);
	return milliseconds() - begin;
}

static const char *proc(const struct process *p, const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)p->id.pid, name);
	return path;
}

/* A line of /proc/PID/status, as a number in a base. */
static uint64_t status_value(pid_t pid, const char *key, int base)
{
	char path[64], text[8192];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	read_path(path, text, sizeof(text));
	line = strstr(text, key);
	return line == NULL ? UINT64_MAX : strtoull(line + strlen(key), NULL, base);
}

static bool ends_within(pid_t pid, int ms)
{
	for (; ms > 0; ms -= 2) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		sleep_ms(2);
	}
	return false;
}

static void before_the_gate_nothing_has_happened(void **state)
{
	const struct process_spec spec = spec_of("speak");
	struct cni_error err = {0};
	struct process p;
	char path[256] = "";

	need();
	assert_int_equal(process_start(&spec, &p, &err), 0);
	assert_true(p.id.pid > 1 && p.pidfd >= 0 && p.gate >= 0);
	sleep_ms(30);
	assert_false(log_exists());
	assert_true(readlink(proc(&p, "exe"), path, sizeof(path) - 1) > 0);
	assert_string_equal(path, program);
	assert_int_equal(process_wait(&p, 0, &err), 0);
	process_cancel(&p);
}

static void a_cancelled_process_ends_without_a_trace(void **state)
{
	const struct process_spec spec = spec_of("speak");
	struct cni_error err = {0};
	struct process p;
	pid_t pid;
	int before;

	need();
	before = count_descriptors();
	assert_int_equal(process_start(&spec, &p, &err), 0);
	pid = p.id.pid;
	process_cancel(&p);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_false(log_exists());
	assert_int_equal(p.pidfd, -1);
	assert_int_equal(p.gate, -1);
	assert_int_equal(count_descriptors(), before);
}

/* kill -9 of a plugin between fork and its record. */
static void a_process_whose_parent_died_before_the_gate_ends_without_a_trace(void **state)
{
	const struct process_spec spec = spec_of("speak");
	struct process p;
	struct cni_error err = {0};
	pid_t parent, child = -1;
	int told[2];

	need();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	/* Orphans come to us, so that their end can be seen. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	parent = fork_child();
	if (parent == 0) {
		check(process_start(&spec, &p, &err) == 0);
		check(write(told[1], &p.id.pid, sizeof(p.id.pid)) == sizeof(p.id.pid));
		pause();
		_exit(0);
	}
	assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(kill(child, 0), 0);
	end_child(parent);
	assert_int_equal(wait_child(child), 127);
	assert_false(log_exists());
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(told[0]);
	close(told[1]);
}

/* The second child does not hold an end of the first one's gate, which would keep it waiting. */
static void two_processes_at_their_gates_are_independent(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process first, second;
	pid_t pid;

	need();
	assert_int_equal(process_start(&spec, &first, &err), 0);
	assert_int_equal(process_start(&spec, &second, &err), 0);
	assert_int_equal(process_release(&second, &err), 0);
	pid = first.id.pid;
	process_cancel(&first);
	assert_true(ends_within(pid, 2000));
	assert_int_equal(process_wait(&second, 0, &err), 0);
	stop(&second);
}

static void past_the_gate_it_is_the_daemon(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct process p;
	char text[256];
	size_t len;

	need();
	start_ready(&spec, &p);
	assert_int_equal(p.gate, -1);
	len = read_path(proc(&p, "cmdline"), text, sizeof(text));
	assert_int_equal(len, sizeof("the daemon\0wait"));
	assert_memory_equal(text, "the daemon\0wait", len);
	len = read_path(proc(&p, "environ"), text, sizeof(text));
	assert_int_equal(len, sizeof("COLOUR=blue"));
	assert_string_equal(text, "COLOUR=blue");
	stop(&p);
}

static void it_has_a_session_of_its_own_and_stands_in_the_root(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct process p;
	char path[64] = "";

	need();
	start(&spec, &p);
	assert_int_equal(getsid(p.id.pid), p.id.pid);
	assert_int_equal(getpgid(p.id.pid), p.id.pid);
	assert_int_equal(readlink(proc(&p, "cwd"), path, sizeof(path)), 1);
	assert_string_equal(path, "/");
	assert_int_equal(status_value(p.id.pid, "Umask:", 8), 077);
	stop(&p);
}

static void it_inherits_no_descriptor_but_those_it_is_to_keep(void **state)
{
	cleanup_close int null = open("/dev/null", O_RDONLY);
	const int keep[] = {null, fcntl(null, F_DUPFD_CLOEXEC, 40), fcntl(null, F_DUPFD, 60)};
	const int lose[] = {fcntl(null, F_DUPFD, 30), fcntl(null, F_DUPFD, 41),
			    fcntl(null, F_DUPFD, 70)};
	struct process_spec spec = spec_of("wait");
	struct process p;
	char name[16];

	need();
	for (size_t n = 0; n <= ROWS(keep); n++) {
		spec.keep_fds = keep;
		spec.n_keep_fds = n;
		start_ready(&spec, &p); /* the loader has closed what it opened */
		assert_int_equal(count_entries(proc(&p, "fd")), 3 + n);
		for (size_t i = 0; i < n; i++) {
			snprintf(name, sizeof(name), "fd/%d", keep[i]);
			assert_true(exists(proc(&p, name)));
		}
		stop(&p);
		unlinkat(log_dirfd, "log", 0);
	}
	/* Ours are as they were. */
	assert_int_equal(fcntl(keep[1], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(lose[0], F_GETFD), 0);
	for (size_t i = 0; i < ROWS(lose); i++)
		close(lose[i]);
	close(keep[1]);
	close(keep[2]);
}

static void neighbouring_descriptors_are_kept_too(void **state)
{
	cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int keep[] = {fcntl(null, F_DUPFD_CLOEXEC, 50), fcntl(null, F_DUPFD_CLOEXEC, 51)};
	struct process_spec spec = spec_of("wait");
	struct process p;

	need();
	assert_int_equal(keep[1], keep[0] + 1);
	spec.keep_fds = keep;
	spec.n_keep_fds = 2;
	start_ready(&spec, &p);
	assert_int_equal(count_entries(proc(&p, "fd")), 5);
	assert_true(exists(proc(&p, "fd/50")) && exists(proc(&p, "fd/51")));
	stop(&p);
	close(keep[0]);
	close(keep[1]);
}

static void its_output_goes_to_the_log_for_us_alone(void **state)
{
	const struct process_spec spec = spec_of("speak");
	struct cni_error err = {0};
	struct process p;
	char path[64] = "";
	struct stat st;

	need();
	umask(0);
	start(&spec, &p);
	umask(022);
	assert_int_equal(process_wait(&p, 5000, &err), 1);
	process_close(&p);
	wait_for_log("to output\nto error\n");
	assert_int_equal(fstatat(log_dirfd, "log", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);

	unlinkat(log_dirfd, "log", 0);

	const struct process_spec waiting = spec_of("wait");

	start(&waiting, &p);
	assert_true(readlink(proc(&p, "fd/0"), path, sizeof(path) - 1) > 0);
	assert_string_equal(path, "/dev/null");
	stop(&p);
}

/* Ignored signals and masks survive exec, and slirp4netns does not expect them. */
static void it_has_default_signals_and_an_empty_mask(void **state)
{
	static const int signals[] = {SIGPIPE, SIGINT, SIGHUP, SIGTERM, SIGCHLD, SIGUSR1};
	const struct process_spec spec = spec_of("wait");
	struct process p;
	sigset_t all, before;

	need();
	for (size_t i = 0; i < ROWS(signals); i++)
		signal(signals[i], SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	start(&spec, &p);
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; i < ROWS(signals); i++)
		signal(signals[i], SIG_DFL);
	assert_int_equal(status_value(p.id.pid, "SigBlk:", 16), 0);
	/* A full log must not end it. */
	assert_int_equal(status_value(p.id.pid, "SigIgn:", 16), 1 << (SIGXFSZ - 1));
	stop(&p);
}

/* By name, wherever the kernel puts the line. */
static void soft_limit_is_hard_limit(pid_t pid)
{
	unsigned long soft = 0, hard = 1;
	char path[64], text[4096];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	read_path(path, text, sizeof(text));
	line = strstr(text, "Max open files");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "Max open files %lu %lu", &soft, &hard), 2);
	assert_int_equal(soft, hard);
}

static void it_may_open_as_many_descriptors_as_there_are(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct rlimit before, low;
	struct process p;

	need();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	start(&spec, &p);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	soft_limit_is_hard_limit(p.id.pid);
	stop(&p);
}

static void its_log_has_a_limit_that_does_not_end_it(void **state)
{
	const struct process_spec spec = spec_of("chatter");
	struct process p;
	struct stat st;

	need();
	start(&spec, &p);
	for (int i = 0; i < 2500; i++) {
		assert_int_equal(fstatat(log_dirfd, "log", &st, 0), 0);
		if (st.st_size == 1 << 20)
			break;
		sleep_ms(2);
	}
	assert_int_equal(st.st_size, 1 << 20);
	assert_int_equal(kill(p.id.pid, 0), 0);
	stop(&p);
}

static long read_score(const char *path)
{
	char text[32];

	return read_path(path, text, sizeof(text)) == 0 ? LONG_MIN : strtol(text, NULL, 10);
}

/* A runtime's own score: the machine needs it. What one container can make grow does not inherit
 * it. */
static void to_an_oom_killer_it_is_worth_no_more_than_any(void **state)
{
	static const struct {
		const char *ours;
		long its;
	} rows[] = {{"-999", 0}, {"0", 0}, {"300", 300}};
	const struct process_spec spec = spec_of("wait");
	char before[16];

	need();
	need_isolation();
	read_path("/proc/self/oom_score_adj", before, sizeof(before));
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct process p;

		/* Less than zero takes CAP_SYS_RESOURCE; common-privileges.bats does without. */
		if (!write_path("/proc/self/oom_score_adj", rows[i].ours) && rows[i].ours[0] == '-')
			continue;
		start(&spec, &p);
		assert_true(write_path("/proc/self/oom_score_adj", before));
		assert_int_equal(read_score(proc(&p, "oom_score_adj")), rows[i].its);
		stop(&p);
		unlinkat(log_dirfd, "log", 0);
	}
}

static void a_step_that_fails_is_named_with_its_cause(void **state)
{
	static const struct {
		const char *path;
		const char *log_name;
		const char *part;
		int errnum;
	} rows[] = {
		{"/nonexistent/daemon", "log", "cannot execute it", ENOENT},
		{"/", "log", "cannot execute it", EACCES},
		{"/dev/null", "log", "cannot execute it", EACCES},
		{NULL, "log", "cannot execute it", ENOEXEC},
		{"/bin/true", "no/log", "cannot make its log", ENOENT},
		{"/bin/true", "taken", "cannot make its log", EEXIST},
		{"/bin/true", "link", "cannot make its log", EEXIST},
	};
	char empty[64];

	need();
	snprintf(empty, sizeof(empty), "%s/empty", directory);
	assert_true(make_file(empty, "no program\n"));
	assert_int_equal(chmod(empty, 0755), 0);
	close(openat(log_dirfd, "taken", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlinkat("log", log_dirfd, "link"), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct process_spec spec = spec_of("wait");
		struct cni_error err = {0};
		struct process p;

		spec.path = rows[i].path == NULL ? empty : rows[i].path;
		spec.log_name = rows[i].log_name;
		assert_int_equal(process_start(&spec, &p, &err), 0);
		if (process_release(&p, &err) == 0)
			fail_msg("row %zu was started", i);
		assert_int_equal(errno, rows[i].errnum);
		assert_int_equal(err.code, CNI_ERR_IO);
		assert_non_null(strstr(err.msg, rows[i].part));
		assert_string_equal(err.details, strerrordesc_np(rows[i].errnum));
		assert_int_equal(p.gate, -1);
		/* It ends by itself. */
		assert_int_equal(process_wait(&p, 1000, &err), 1);
		process_close(&p);
		unlinkat(log_dirfd, "log", 0);
	}
	unlinkat(log_dirfd, "taken", 0);
	unlinkat(log_dirfd, "link", 0);
	unlinkat(log_dirfd, "empty", 0);
}

static void releasing_a_process_that_was_killed_fails(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process p;

	need();
	assert_int_equal(process_start(&spec, &p, &err), 0);
	assert_int_equal(kill(p.id.pid, SIGKILL), 0);
	assert_int_equal(process_wait(&p, 1000, &err), 1);
	assert_int_equal(process_release(&p, &err), -1);
	assert_int_equal(err.code, CNI_ERR_AGAIN);
	assert_int_equal(p.gate, -1);
	process_close(&p);
	assert_false(log_exists());
}

static void stopping_lets_it_end_in_order(void **state)
{
	const struct process_spec spec = spec_of("orderly");
	struct process p;

	need();
	start_ready(&spec, &p);
	assert_true(time_of_stop(&p, 5000) < 2000);
	wait_for_log("ready\nbye\n");
	assert_true(time_of_stop(&p, 5000) < 2000); /* twice is fine */
	assert_true(time_of_stop(&p, 0) < 2000);
	process_close(&p);
}

static void one_that_ignores_sigterm_is_killed_after_its_grace(void **state)
{
	const struct process_spec spec = spec_of("ignore");
	struct process p;

	need();
	start_ready(&spec, &p);
	assert_in_range(time_of_stop(&p, 100), 99, 3000);
	assert_true(ends_within(p.id.pid, 2000));
	process_close(&p);
}

static void without_grace_it_is_killed_at_once(void **state)
{
	const struct process_spec spec = spec_of("orderly");
	struct process p;

	need();
	start_ready(&spec, &p);
	assert_true(time_of_stop(&p, 0) < 2000);
	process_close(&p);
	wait_for_log("ready\n");
}

/* The pid of the child that a daemon "father..." has told of in its log. */
static pid_t told_child(void)
{
	char log[256];
	int pid;

	for (int i = 0; i < 1000; i++) {
		read_log(log, sizeof(log));
		if (sscanf(log, "child %d\n", &pid) == 1)
			return pid;
		sleep_ms(2);
	}
	fail_msg("no child: %s", log);
	return -1;
}

/* What a script starts and leaves behind; before Linux 6.9 a group cannot be reached after its
 * leader. */
static void what_it_started_is_killed_behind_it(void **state)
{
	static const char *const kinds[] = {"father", "father that ends"};
	struct cni_error err = {0};

	need();
	for (size_t i = 0; i < ROWS(kinds); i++) {
		const struct process_spec spec = spec_of(kinds[i]);
		struct process p;
		pid_t child;

		start(&spec, &p);
		if (p.id.inode == 0) {
			child = told_child();
			stop(&p);
			kill(child, SIGKILL);
			skip_because("needs Linux 6.9");
		}
		child = told_child();
		if (i == 1)
			assert_int_equal(process_wait(&p, 5000, &err), 1);
		assert_int_equal(kill(child, 0), 0);
		assert_int_equal(process_stop(&p, 1000, &err), 0);
		process_close(&p);
		assert_true(ends_within(child, 2000));
		unlinkat(log_dirfd, "log", 0);
	}
}

/* The process that listens is found by the connection, also when others have the socket open. */
static void the_listener_of_a_socket_is_found_until_it_ends(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct process p;
	pid_t listener, heir;
	int told[2], fd;

	need();
	assert_int_equal(pipe(told), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/empty", directory);
	listener = fork_child();
	if (listener == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		check(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
		check(listen(fd, 5) == 0);
		heir = fork();
		if (heir != 0)
			check(write(told[1], &heir, sizeof(heir)) == sizeof(heir));
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &heir, sizeof(heir)), sizeof(heir));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(process_of_peer(fd, &p), 1);
	assert_int_equal(p.id.pid, listener);
	process_close(&p);
	/* The pid is free for anybody, the socket stays open in its heir. */
	end_child(listener);
	assert_int_equal(process_of_peer(fd, &p), 0);
	assert_int_equal(p.pidfd, -1);
	close(fd);
	kill(heir, SIGKILL);
	close(told[0]);
	close(told[1]);
	unlink(address.sun_path);
}

/* SIGSTOP by a debugger or a freezer's leftovers: SIGTERM alone would stay pending. */
static void a_stopped_one_is_continued_to_end_in_order(void **state)
{
	const struct process_spec spec = spec_of("orderly");
	struct process p;
	int status;

	need();
	start_ready(&spec, &p);
	assert_int_equal(kill(p.id.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(p.id.pid, &status, WUNTRACED), p.id.pid);
	assert_true(time_of_stop(&p, 3000) < 2000);
	process_close(&p);
	wait_for_log("ready\nbye\n");
}

static void waiting_has_a_limit(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process p;
	int64_t took;

	need();
	start(&spec, &p);
	took = milliseconds();
	assert_int_equal(process_wait(&p, 60, &err), 0);
	took = milliseconds() - took;
	assert_in_range(took, 59, 3000);
	stop(&p);
}

/* The plugin that started it has ended, so it is not a child that we could wait for. */
static void another_processes_daemon_is_stopped_as_well(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process_id id;
	struct process p;
	pid_t parent;
	int told[2];

	need();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	parent = fork_child();
	if (parent == 0) {
		check(process_start(&spec, &p, &err) == 0);
		check(process_release(&p, &err) == 0);
		check(write(told[1], &p.id, sizeof(p.id)) == sizeof(p.id));
		_exit(0);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &id, sizeof(id)), sizeof(id));
	close(told[0]);
	assert_int_equal(wait_child(parent), 0);
	assert_int_equal(process_open(&id, &p, &err), 1);
	assert_int_equal(p.id.pid, id.pid);
	assert_int_equal(p.gate, -1);
	assert_int_equal(fcntl(p.pidfd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(process_wait(&p, 0, &err), 0);
	assert_int_equal(process_stop(&p, 1000, &err), 0);
	assert_int_equal(process_wait(&p, 0, &err), 1);
	process_close(&p);
	assert_int_equal(process_open(&id, &p, &err), 0);
}

static void assert_not_opened(const struct process_id *id)
{
	struct cni_error err = {0};
	struct process p;
	const int opened = process_open(id, &p, &err);

	if (opened != 0)
		fail_msg("%d: pid %d: %s (%s)", opened, (int)id->pid, err.msg, err.details);
	assert_int_equal(p.pidfd, -1);
}

static void only_the_very_process_of_a_record_is_opened(void **state)
{
	const struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process p, again;
	struct process_id id;
	int before;

	need();
	start(&spec, &p);
	before = count_descriptors();
	assert_int_equal(process_open(&p.id, &again, &err), 1);
	assert_int_equal(again.id.start_time, p.id.start_time);
	process_close(&again);

	id = p.id;
	id.start_time++;
	assert_not_opened(&id);
	id.start_time = 0;
	assert_not_opened(&id);

	id = p.id;
	id.boot_id[0] = id.boot_id[0] == '0' ? '1' : '0';
	assert_not_opened(&id);
	id.boot_id[0] = '\0';
	assert_not_opened(&id);

	static const pid_t pids[] = {0, -1, 1, -1000, INT32_MIN, INT32_MAX};

	for (size_t i = 0; i < ROWS(pids); i++) {
		id = p.id;
		id.pid = pids[i];
		assert_not_opened(&id);
	}
	/* The pid is another process's now. */
	id = p.id;
	id.pid = getpid();
	assert_not_opened(&id);
	/* And that began in the same tick of the clock: with Linux 6.9 a pidfd's inode tells. */
	id = p.id;
	if (id.inode != 0) {
		id.inode++;
		assert_not_opened(&id);
	}
	id.inode = 0; /* a record of an older kernel */
	assert_int_equal(process_open(&id, &again, &err), 1);
	process_close(&again);
	assert_int_equal(count_descriptors(), before);

	/* An ended process that its parent has not reaped. */
	assert_int_equal(kill(p.id.pid, SIGKILL), 0);
	while (status_value(p.id.pid, "State:\tZ", 10) == UINT64_MAX)
		sleep_ms(1);
	assert_not_opened(&p.id);
	assert_int_equal(process_wait(&p, 1000, &err), 1);
	assert_not_opened(&p.id);
	process_close(&p);
}

static int wait_in_thread(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

/* Threads and processes share one space of numbers. */
static void a_pid_that_is_now_a_threads_is_not_opened(void **state)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct process_id id = {.start_time = 1};
	pid_t leader, thread = 0;
	int told[2];

	need();
	read_path("/proc/sys/kernel/random/boot_id", id.boot_id, sizeof(id.boot_id));
	assert_int_equal(strlen(id.boot_id), 36);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	leader = fork_child();
	if (leader == 0) {
		thread = clone(wait_in_thread, stack + sizeof(stack),
			       CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, NULL);
		check(write(told[1], &thread, sizeof(thread)) == sizeof(thread));
		for (;;)
			pause();
	}
	close(told[1]);
	assert_int_equal(read(told[0], &thread, sizeof(thread)), sizeof(thread));
	close(told[0]);

	struct cni_error err = {0};
	struct process p;
	int opened;

	id.pid = thread;
	opened = process_open(&id, &p, &err);
	end_child(leader);
	if (opened != 0)
		fail_msg("%d: %s (%s)", opened, err.msg, err.details);
}

/* The name in /proc/PID/stat is the program's own choice. */
static void start_times_are_read_behind_any_name(void **state)
{
	static const char *const names[] = {") R 1 1 1", "a b", "((", "))", ")\n) S 2"};
	struct cni_error err = {0};

	need();
	for (size_t i = 0; i < ROWS(names); i++) {
		const pid_t pid = fork_child();
		struct process p;

		if (pid == 0) {
			const struct process_spec spec = spec_of("wait");
			struct process_id id;

			check(process_start(&spec, &p, &err) == 0);
			id = p.id;
			process_cancel(&p);
			prctl(PR_SET_NAME, names[i]);
			/* Within ten seconds of the one before. */
			check(process_start(&spec, &p, &err) == 0);
			check(p.id.start_time - id.start_time < 1000);
			process_cancel(&p);
			_exit(0);
		}
		assert_int_equal(wait_child(pid), 0);
	}
}

/* Where it is built for coverage, exec writes that, and says in the log that it may not. */
static void send_coverage_elsewhere(void)
{
	check(mkdir("/run/gcov", 0777) == 0 || errno == EEXIST);
	check(chmod("/run/gcov", 0777) == 0);
	check(setenv("GCOV_PREFIX", "/run/gcov", 1) == 0);
}

static void become_nobody_with(uint64_t mask)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	send_coverage_elsewhere();
	check(prctl(PR_SET_KEEPCAPS, 1) == 0);
	become_nobody();
	data[0].permitted = data[0].effective = (uint32_t)mask;
	data[1].permitted = data[1].effective = (uint32_t)(mask >> 32);
	check(syscall(SYS_capset, &head, data) == 0);
}

#define NET_ADMIN (UINT64_C(1) << CAP_NET_ADMIN)
#define BPF (UINT64_C(1) << CAP_BPF) /* in the second word */

/* An ordinary user's, in a user namespace in which it is root. */
static void have_net_admin_and_bpf_apart(void)
{
	const ino_t user = inode("/proc/self/ns/user");
	struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process p;
	char path[64], map[64];

	send_coverage_elsewhere();
	become_nobody();
	spec.own_userns = true;
	spec.capabilities = NET_ADMIN | BPF;
	check(process_start(&spec, &p, &err) == 0);
	check(process_release(&p, &err) == 0);
	check(p.listener == -1);
	check(log_becomes("ready\n"));
	check(status_value(p.id.pid, "CapEff:", 16) == (NET_ADMIN | BPF));
	check(status_value(p.id.pid, "CapBnd:", 16) == (NET_ADMIN | BPF));
	for (int i = 0; i < 2; i++) {
		unsigned int inside, outside, count;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)p.id.pid,
			 i ? "gid_map" : "uid_map");
		read_path(path, map, sizeof(map));
		check(sscanf(map, "%u %u %u", &inside, &outside, &count) == 3);
		check(inside == 0 && outside == NOBODY && count == 1);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)p.id.pid);
	check(inode(path) != user);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)p.id.pid);
	check(inode(path) == inode("/proc/self/ns/net"));
	check(process_stop(&p, 0, &err) == 0);
	/* Not ours. */
	check(status_value(getpid(), "CapEff:", 16) == 0);
	check(inode("/proc/self/ns/user") == user);
}

static void limit_root(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process p;

	/* A runtime's inheritable capabilities would come through exec, too. */
	check(syscall(SYS_capget, &head, data) == 0);
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	check(syscall(SYS_capset, &head, data) == 0);
	spec.capabilities = NET_ADMIN | BPF;
	check(process_start(&spec, &p, &err) == 0);
	check(process_release(&p, &err) == 0);
	check(log_becomes("ready\n"));
	check(status_value(p.id.pid, "CapBnd:", 16) == (NET_ADMIN | BPF));
	check(status_value(p.id.pid, "CapPrm:", 16) == (NET_ADMIN | BPF));
	check(status_value(p.id.pid, "CapInh:", 16) == (NET_ADMIN | BPF));
	check(process_stop(&p, 0, &err) == 0);
	check(status_value(getpid(), "CapBnd:", 16) != (NET_ADMIN | BPF));
}

static void keep_none(void)
{
	const struct process_spec spec = spec_of("wait");
	struct cni_error err = {0};
	struct process p;

	become_nobody_with(NET_ADMIN);
	check(process_start(&spec, &p, &err) == 0);
	check(process_release(&p, &err) == 0);
	check(log_becomes("ready\n"));
	check(status_value(p.id.pid, "CapEff:", 16) == 0);
	check(process_stop(&p, 0, &err) == 0);
}

static void it_keeps_the_capabilities_it_is_to_keep_and_no_others(void **state)
{
	static void (*const rows[])(void) = {have_net_admin_and_bpf_apart, limit_root, keep_none};

	need();
	need_isolation();
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(run_child(rows[i]), 0);
		unlinkat(log_dirfd, "log", 0);
	}
}

/* The child fails before the gate: before we let it go, or while we do. */
static void have_no_user_namespaces(void)
{
	cleanup_close int fd = -1;

	/* The limit of a user namespace, which its owner may set. */
	check(unshare(CLONE_NEWUSER) == 0);
	fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
	check(write(fd, "0", 1) == 1);
	for (int i = 0; i < 40; i++) {
		struct process_spec spec = spec_of("wait");
		struct cni_error err = {0};
		struct process p;

		spec.own_userns = true;
		check(process_start(&spec, &p, &err) == 0);
		if (i % 4 == 0)
			sleep_ms(5);
		check(process_release(&p, &err) == -1);
		check(errno == ENOSPC);
		check(strstr(err.msg, "sysctl user.max_user_namespaces") != NULL);
		check(process_wait(&p, 1000, &err) == 1);
		process_close(&p);
	}
}

/* One at a time in a chain of filters: a second one's listener is refused. */
static void have_a_listener_already(void)
{
	static struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	const struct sock_fprog filter = {.len = 1, .filter = allow};
	struct process_spec spec = {.own_userns = true, .filter = &filter};
	struct cni_error err = {0};

	send_coverage_elsewhere();
	become_nobody();
	check(process_try(&spec, &err) == 0);
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		      &filter) >= 0);
	check(process_try(&spec, &err) == -1);
	check(errno == EBUSY);
	check(strstr(err.msg, "a seccomp listener") != NULL);
	spec.filter = NULL;
	check(process_try(&spec, &err) == 0);
}

static void have_no_user_namespaces_to_try(void)
{
	struct process_spec spec = {.slave_mounts = true};
	const ino_t mounts = inode("/proc/self/ns/mnt");
	struct cni_error err = {0};
	int file;

	check(unshare(CLONE_NEWUSER) == 0);
	file = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
	check(write(file, "0", 1) == 1);
	check(process_try(&spec, &err) == 0);
	check(inode("/proc/self/ns/mnt") == mounts);
	spec.own_userns = true;
	check(process_try(&spec, &err) == -1);
	check(errno == ENOSPC);
	check(strstr(err.msg, "sysctl user.max_user_namespaces") != NULL);
	check(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
}

static void what_a_start_would_fail_at_is_found_out_without_one(void **state)
{
	need();
	need_isolation();
	assert_int_equal(run_child(have_a_listener_already), 0);
	assert_int_equal(run_child(have_no_user_namespaces_to_try), 0);
}

static void a_step_that_fails_before_the_gate_is_named_too(void **state)
{
	need();
	need_isolation();
	assert_int_equal(run_child(have_no_user_namespaces), 0);
}

/* How the mount that was made last, /run, spreads: "master" is a slave, "shared" a peer. */
static bool run_is_slave_only(pid_t pid)
{
	static char text[65536];
	char path[64];
	const char *line = NULL;
	char *end;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	read_path(path, text, sizeof(text));
	/* Ours is the last one: the machine may have a mount there, too. */
	for (const char *at = strstr(text, " /run "); at != NULL; at = strstr(at + 1, " /run "))
		line = at;
	end = line == NULL ? NULL : strchr(line, '\n');
	if (end == NULL)
		return false;
	*end = '\0';
	return strstr(line, "master:") != NULL && strstr(line, "shared:") == NULL;
}

static void its_mounts_are_slaves_of_ours_where_asked(void **state)
{
	struct process_spec spec = spec_of("wait");
	struct process p;

	need();
	need_isolation();
	assert_int_equal(mount("none", "/run", "none", MS_SHARED, NULL), 0);
	start(&spec, &p);
	assert_int_equal(inode(proc(&p, "ns/mnt")), inode("/proc/self/ns/mnt"));
	stop(&p);
	unlinkat(log_dirfd, "log", 0);

	spec.slave_mounts = true;
	start(&spec, &p);
	assert_int_not_equal(inode(proc(&p, "ns/mnt")), inode("/proc/self/ns/mnt"));
	assert_true(run_is_slave_only(p.id.pid));
	/* What is mounted here shows there; when it goes here, it goes there. */
	assert_int_equal(mkdir("/run/m", 0755), 0);
	assert_int_equal(mount("test", "/run/m", "tmpfs", 0, NULL), 0);
	assert_true(make_file("/run/m/f", ""));
	assert_true(exists(proc(&p, "root/run/m/f")));
	assert_int_equal(umount2("/run/m", MNT_DETACH), 0);
	assert_false(exists(proc(&p, "root/run/m/f")));
	stop(&p);
	assert_int_equal(mount("none", "/run", "none", MS_PRIVATE, NULL), 0);
}

static int setup(void **state)
{
	return isolate(state) < 0 ? -1 : make_directory(state);
}

#define test(name) cmocka_unit_test_teardown(name, nothing_left)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(before_the_gate_nothing_has_happened),
		test(a_cancelled_process_ends_without_a_trace),
		test(a_process_whose_parent_died_before_the_gate_ends_without_a_trace),
		test(two_processes_at_their_gates_are_independent),
		test(past_the_gate_it_is_the_daemon),
		test(it_has_a_session_of_its_own_and_stands_in_the_root),
		test(it_inherits_no_descriptor_but_those_it_is_to_keep),
		test(neighbouring_descriptors_are_kept_too),
		test(its_output_goes_to_the_log_for_us_alone),
		test(it_has_default_signals_and_an_empty_mask),
		test(it_may_open_as_many_descriptors_as_there_are),
		test(its_log_has_a_limit_that_does_not_end_it),
		test(to_an_oom_killer_it_is_worth_no_more_than_any),
		test(a_step_that_fails_is_named_with_its_cause),
		test(releasing_a_process_that_was_killed_fails),
		test(stopping_lets_it_end_in_order),
		test(one_that_ignores_sigterm_is_killed_after_its_grace),
		test(without_grace_it_is_killed_at_once),
		test(what_it_started_is_killed_behind_it),
		test(the_listener_of_a_socket_is_found_until_it_ends),
		test(a_stopped_one_is_continued_to_end_in_order),
		test(waiting_has_a_limit),
		test(another_processes_daemon_is_stopped_as_well),
		test(only_the_very_process_of_a_record_is_opened),
		test(a_pid_that_is_now_a_threads_is_not_opened),
		test(start_times_are_read_behind_any_name),
		test(it_keeps_the_capabilities_it_is_to_keep_and_no_others),
		test(a_step_that_fails_before_the_gate_is_named_too),
		test(what_a_start_would_fail_at_is_found_out_without_one),
		test(its_mounts_are_slaves_of_ours_where_asked),
	};

	if (argc == 2)
		return be_daemon(argv[1]);
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, remove_directory);
}
