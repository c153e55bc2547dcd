/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Child processes: what they start with, and that each of them ends and is reaped. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "handover.h"
#include "isolated.h"

static int nothing_is_left(void **state)
{
	(void)state;
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : -1;
}

static int returns_its_argument(void *arg)
{
	return *(int *)arg;
}

static int waits(void *arg)
{
	(void)arg;
	while (pause() < 0)
		;
	return 0;
}

static int sleeps_deaf(void *arg)
{
	sigset_t all;

	(void)arg;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (raise(SIGSTOP) == 0)
		;
	return 0;
}

static void start(const struct child_spec *spec, struct child *child)
{
	struct cni_error err = {0};

	if (child_start(spec, child, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

static void a_function_ends_with_its_value(void **state)
{
	int value = 42;
	cleanup_child struct child child = CHILD_NONE;
	int status;

	(void)state;
	start(&(struct child_spec){.purpose = "try",
				   .fn = returns_its_argument,
				   .arg = &value,
				   .deadline = monotonic_ms() + 10000},
	      &child);
	assert_int_equal(child.pidfd, -1); /* a child with a deadline needs no descriptor */
	status = child_reap(&child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void a_deadline_ends_what_is_deaf_and_stopped(void **state)
{
	cleanup_child struct child child = CHILD_NONE;
	const int64_t begin = monotonic_ms();
	int status;

	(void)state;
	start(&(struct child_spec){.purpose = "try",
				   .fn = sleeps_deaf,
				   .deadline = monotonic_ms() + 300},
	      &child);
	status = child_reap(&child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_in_range(monotonic_ms() - begin, 250, 5000);
}

/* A timer is a signal that waits, of which a user may have no more left. */
static void a_deadline_holds_where_no_signal_may_wait(void **state)
{
	int value = 42;
	cleanup_child struct child child = CHILD_NONE;
	void (*was)(int) = signal(SIGALRM, SIG_IGN);
	sigset_t alarm_only;
	struct rlimit limit, none;
	int status;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	assert_int_equal(setrlimit(RLIMIT_SIGPENDING, &none), 0);
	start(&(struct child_spec){.purpose = "try",
				   .fn = returns_its_argument,
				   .arg = &value,
				   .deadline = monotonic_ms() + 10000},
	      &child);
	status = child_reap(&child);
	start(&(struct child_spec){.purpose = "try", .fn = waits, .deadline = monotonic_ms() + 300},
	      &child);
	assert_true(WIFSIGNALED(child_reap(&child)));
	/* Its deadline has been. */
	start(&(struct child_spec){.purpose = "try", .fn = waits, .deadline = 1}, &child);
	assert_true(WIFSIGNALED(child_reap(&child)));
	assert_int_equal(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	signal(SIGALRM, was);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static int stops_once(void *arg)
{
	(void)arg;
	raise(SIGSTOP);
	return 3;
}

static void who_is_stopped_is_made_to_go_on(void **state)
{
	cleanup_child struct child child = CHILD_NONE;

	(void)state;
	start(&(struct child_spec){.purpose = "try",
				   .fn = stops_once,
				   .deadline = monotonic_ms() + 10000},
	      &child);
	assert_int_equal(WEXITSTATUS(child_reap(&child)), 3);
}

static void the_end_of_a_scope_ends_and_reaps(void **state)
{
	const int before = count_descriptors();
	pid_t pid;

	(void)state;
	need_pidfd();
	{
		cleanup_child struct child child = CHILD_NONE;

		start(&(struct child_spec){.purpose = "try", .fn = waits}, &child);
		pid = child.pid;
		assert_int_equal(child_wait(child.pidfd, 0), 0);
		assert_int_equal(child_wait(child.pidfd, 20), 0);
	}
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(count_descriptors(), before);
	child_end(&CHILD_NONE); /* of none there is nothing to end */
}

static void who_is_left_lives_on(void **state)
{
	struct child child = CHILD_NONE;
	const int before = count_descriptors();
	pid_t pid;

	(void)state;
	need_pidfd();
	start(&(struct child_spec){.purpose = "try", .fn = waits}, &child);
	pid = child.pid;
	child_leave(&child);
	child_end(&child);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	end_child(pid);
}

/* Tells the pid of a child of its own over a channel. */
static int has_a_child(void *arg)
{
	const pid_t pid = fork();

	if (pid == 0)
		waits(NULL);
	(void)!write(*(int *)arg, &pid, sizeof(pid));
	return waits(NULL);
}

/* The child has told the pid of its own child, which ends with it. */
static void assert_grandchild_ends(int channel, struct child *child)
{
	cleanup_close int grandchild = -1;
	pid_t pid;

	assert_int_equal(read(channel, &pid, sizeof(pid)), sizeof(pid));
	grandchild = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(grandchild >= 0);
	child_end(child);
	assert_int_equal(child_wait(grandchild, 5000), 1);
}

static void a_group_ends_whole(void **state)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	struct child child = CHILD_NONE;
	struct cni_error err;

	(void)state;
	need_pidfd();
	assert_int_equal(handover_pair(&ours, &theirs, &err), 0);
	start(
		&(struct child_spec){
			.purpose = "try", .fn = has_a_child, .arg = &theirs, .own_group = true},
		&child);
	assert_int_equal(getpgid(child.pid), child.pid);
	assert_grandchild_ends(ours, &child);
}

/* A child whose own child is to end with it; it tells that one's pid. */
static int dies_early(void *arg)
{
	struct child child;
	struct cni_error err;

	if (child_start(&(struct child_spec){.purpose = "try",
					     .fn = waits,
					     .death_signal = SIGKILL,
					     .deadline = monotonic_ms() + 20000},
			&child, &err) < 0)
		return 1;
	(void)!write(*(int *)arg, &child.pid, sizeof(child.pid));
	return waits(NULL);
}

static void who_is_to_die_with_its_parent_does(void **state)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	struct child child = CHILD_NONE;
	struct cni_error err;

	(void)state;
	need_pidfd();
	assert_int_equal(handover_pair(&ours, &theirs, &err), 0);
	start(&(struct child_spec){.purpose = "try", .fn = dies_early, .arg = &theirs}, &child);
	assert_grandchild_ends(ours, &child);
}

static int has_default_signals(void *arg)
{
	struct sigaction action;
	sigset_t mask;

	(void)arg;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	if (sigaction(SIGPIPE, NULL, &action) < 0 || action.sa_handler != SIG_DFL ||
	    sigismember(&mask, SIGUSR1))
		return 0;
	return 1;
}

static void signals_are_ours_or_the_default(void **state)
{
	void (*was)(int) = signal(SIGPIPE, SIG_IGN);
	sigset_t usr1, before;

	(void)state;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	for (int i = 0; i < 2; i++) {
		cleanup_child struct child child = CHILD_NONE;

		start(&(struct child_spec){.purpose = "try",
					   .fn = has_default_signals,
					   .deadline = monotonic_ms() + 10000,
					   .default_signals = i == 1},
		      &child);
		assert_int_equal(WEXITSTATUS(child_reap(&child)), i);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, was);
}

/*
 * Programs
 */

/* Run a shell's script, its output to @out, at most so many bytes. Return: its status. */
static int run_script(const char *script, const char *const *envp, char *out, size_t size)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	cleanup_child struct child child = CHILD_NONE;
	struct cni_error err = {0};
	size_t have = 0;
	int ends[2];
	ssize_t n;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	if (child_exec(&(struct child_spec){.own_group = true, .default_signals = true},
		       &(struct child_program){.path = "/bin/sh",
					       .argv = argv,
					       .envp = envp,
					       .stdio = (const int[]){-1, ends[1], -1},
					       .limit_ms = 10000},
		       &child, NULL, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
	close(ends[1]);
	while (have < size - 1 && (n = read(ends[0], out + have, size - 1 - have)) > 0)
		have += (size_t)n;
	out[have] = '\0';
	close(ends[0]);
	assert_int_equal(child_wait(child.pidfd, 10000), 1);
	return child_reap(&child);
}

static void a_program_has_its_three_descriptors_and_no_other(void **state)
{
	/* Not close-on-exec: as one that a runtime has left open. */
	const int inherited = open("/dev/null", O_RDONLY);
	char out[256];

	(void)state;
	need_pidfd();
	assert_true(inherited > 2);
	/* The fourth is the directory that ls reads. */
	assert_int_equal(run_script("readlink /proc/$$/fd/0 /proc/$$/fd/2; exec ls /proc/self/fd",
				    NULL, out, sizeof(out)),
			 0);
	close(inherited);
	assert_string_equal(out, "/dev/null\n/dev/null\n0\n1\n2\n3\n");
}

static void a_program_has_the_environment_that_is_given(void **state)
{
	static const char *const envp[] = {"A=b", NULL};
	char out[64];

	(void)state;
	need_pidfd();
	assert_int_equal(setenv("OURS", "yes", 1), 0);
	run_script("echo $A.$OURS", envp, out, sizeof(out));
	assert_string_equal(out, "b.\n");
	run_script("echo $A.$OURS", NULL, out, sizeof(out));
	assert_string_equal(out, ".yes\n");
	assert_int_equal(WEXITSTATUS(run_script("echo; exit 7", NULL, out, sizeof(out))), 7);
}

static const char *fails(void *arg)
{
	errno = *(int *)arg;
	return "do what it must";
}

/* None of them leaves a child, as the test's end sees. */
static void what_cannot_be_executed_is_told(void **state)
{
	static const char *const argv[] = {"x", NULL};
	static int busy = EBUSY;
	static const struct {
		struct child_program program;
		int exec_errno;
		const char *msg, *details;
	} rows[] = {
		{{.path = "/nowhere/x", .argv = argv},
		 ENOENT,
		 "cannot execute /nowhere/x",
		 "No such file or directory"},
		{{.path = "/etc/passwd", .argv = argv},
		 EACCES,
		 "cannot execute /etc/passwd",
		 "Permission denied"},
		{{.path = "no-such-program", .argv = argv, .search = true},
		 ENOENT,
		 "cannot execute no-such-program",
		 "No such file or directory"},
		{{.path = "true", .argv = argv}, /* not looked up */
		 ENOENT,
		 "cannot execute true",
		 "No such file or directory"},
		{{.path = "/bin/true", .argv = argv, .prepare = fails, .arg = &busy},
		 0,
		 "cannot do what it must",
		 "Device or resource busy"},
	};

	(void)state;
	need_pidfd();
	for (size_t i = 0; i < ROWS(rows); i++) {
		const int before = count_descriptors();
		struct child_program program = rows[i].program;
		struct cni_error err = {0};
		struct child child;
		int exec_errno = -1;

		program.limit_ms = 10000;
		assert_int_equal(
			child_exec(&(struct child_spec){0}, &program, &child, &exec_errno, &err),
			-1);
		assert_int_equal(exec_errno, rows[i].exec_errno);
		assert_int_equal(err.code, CNI_ERR_IO);
		assert_string_equal(err.msg, rows[i].msg);
		assert_string_equal(err.details, rows[i].details);
		assert_int_equal(child.pid, 0);
		assert_int_equal(count_descriptors(), before);
	}
}

static void a_program_is_looked_up_where_that_is_asked_for(void **state)
{
	static const char *const argv[] = {"true", NULL};
	struct child child = CHILD_NONE;
	struct cni_error err = {0};

	(void)state;
	need_pidfd();
	assert_int_equal(
		child_exec(&(struct child_spec){0},
			   &(struct child_program){
				   .path = "true", .argv = argv, .search = true, .limit_ms = 10000},
			   &child, NULL, &err),
		0);
	assert_int_equal(child_reap(&child), 0);
	child_end(&child);
}

static const char *hangs(void *arg)
{
	waits(arg);
	return NULL;
}

static void who_does_not_come_to_exec_is_ended(void **state)
{
	static const char *const argv[] = {"true", NULL};
	struct cni_error err = {0};
	struct child child;

	(void)state;
	need_pidfd();
	assert_int_equal(child_exec(&(struct child_spec){0},
				    &(struct child_program){.path = "/bin/true",
							    .argv = argv,
							    .prepare = hangs,
							    .limit_ms = 100},
				    &child, NULL, &err),
			 -1);
	assert_string_equal(err.msg, "the process that is to execute /bin/true hangs");
}

static void a_report_that_is_none_is_an_error(void **state)
{
	struct child_report report = {.errnum = ENOENT};
	struct cni_error err;
	int ours, theirs, fd;

	(void)state;
	memset(report.step, 'x', sizeof(report.step)); /* a text that does not end */
	assert_int_equal(handover_pair(&ours, &theirs, &err), 0);
	assert_int_equal(handover_send(theirs, &report, sizeof(report), ours), 0);
	assert_int_equal(handover_send(theirs, "x", 1, -1), 0);
	assert_int_equal(child_hear(ours, 1000, &report, &fd), 1);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(strlen(report.step), sizeof(report.step) - 1);
	assert_int_equal(child_hear(ours, 1000, &report, NULL), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(child_hear(ours, 10, &report, NULL), -1);
	assert_int_equal(errno, ETIME);
	close(theirs);
	assert_int_equal(child_hear(ours, 1000, &report, NULL), 0);
	close(ours);
}

#define test(name) cmocka_unit_test_teardown(name, nothing_is_left)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_function_ends_with_its_value),
		test(a_deadline_ends_what_is_deaf_and_stopped),
		test(a_deadline_holds_where_no_signal_may_wait),
		test(who_is_stopped_is_made_to_go_on),
		test(the_end_of_a_scope_ends_and_reaps),
		test(who_is_left_lives_on),
		test(a_group_ends_whole),
		test(who_is_to_die_with_its_parent_does),
		test(signals_are_ours_or_the_default),
		test(a_program_has_its_three_descriptors_and_no_other),
		test(a_program_has_the_environment_that_is_given),
		test(what_cannot_be_executed_is_told),
		test(a_program_is_looked_up_where_that_is_asked_for),
		test(who_does_not_come_to_exec_is_ended),
		test(a_report_that_is_none_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
