/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tracer.
 *
 * Two ways were open. strace(1) injects errors at the n-th call, but starts anew for every point
 * (10 ms), cannot tell the children before exec from the daemon after it (with -f it waits for the
 * daemon, without it misses the children), and kills only with a signal that is delivered after the
 * call. A preloaded library sees the calls that go through the C library's exported names only:
 * not its own, nor syscall(2). So ptrace(2) itself, in a few hundred lines: a stop before and one
 * after each call, some microseconds each, every process of the program's own, either side of the
 * call. It costs a dependence on the architecture: registers are changed in three places.
 *
 * A call that is to fail is replaced by one that does not exist (-1), and its result by the error.
 * Where even a failing call takes effect, close(2), it is executed.
 *
 * The program's calls are counted from its entry point on, found in the auxiliary vector and marked
 * by a breakpoint: what is before is the dynamic loader's. Children count for themselves, so that
 * which of two processes runs first does not change a point's name. One that executes something
 * else is let go at that.
 */
#include "tracer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "../../lib/host.h"
#include "calls.h"
#include "cleanup.h"
#include "failing_alloc.h"
#include "inventory.h"

#ifndef __x86_64__
#error "the tracer knows the registers of x86-64 only"
#endif

#define CALLS_MAX 1024 /* numbers of system calls are below */
#define TRACEES_MAX 64
#define BREAKPOINT 0xccUL /* int3 */
#define SHARED_FD 100     /* where the preloaded library finds its memory */
#define HELD_LIMIT_MS 2000

struct tracee {
	pid_t pid;
	int process;
	bool fresh;   /* before the SIGSTOP that it begins with */
	bool entered; /* between the stops of a call */
	bool failing; /* the call that it is in is to fail */
	bool killed;  /* after the call that it is in */
	bool asked;   /* brk(2): for its end instead */
	unsigned long long argument;
	unsigned int counts[CALLS_MAX];
};

struct tracing {
	const struct fault *fault;
	struct trace *trace;
	struct outcome *outcome;
	struct tracee tracees[TRACEES_MAX];
	size_t n;
	int processes; /* how many there have been */
	pid_t latest;  /* the youngest of them: pids grow */
	pid_t root;
	bool executed; /* the root is the program */
	uintptr_t entry;
	long entry_word; /* what the breakpoint stands in for */
};

static struct tracee *find(struct tracing *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->tracees[i].pid == pid)
			return &t->tracees[i];
	return NULL;
}

static struct tracee *appear(struct tracing *t, pid_t pid)
{
	struct tracee *tracee = &t->tracees[t->n];

	if (t->n == TRACEES_MAX)
		die("more than %d processes at once", TRACEES_MAX);
	t->n++;
	t->latest = pid;
	*tracee = (struct tracee){.pid = pid, .process = t->processes++, .fresh = true};
	return tracee;
}

static void disappear(struct tracing *t, const struct tracee *tracee)
{
	const size_t i = (size_t)(tracee - t->tracees);

	t->tracees[i] = t->tracees[--t->n];
}

/* A process that has just been killed gives ESRCH; wait(2) tells of its end. */
static void go_on(enum __ptrace_request how, pid_t pid, int sig)
{
	if (ptrace(how, pid, NULL, (long)sig) < 0 && errno != ESRCH)
		die("ptrace: %s", strerror(errno));
}

static void let_go(struct tracing *t, const struct tracee *tracee)
{
	go_on(PTRACE_DETACH, tracee->pid, 0);
	disappear(t, tracee);
}

static void set_call(pid_t pid, unsigned long long number)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return;
	regs.orig_rax = number;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

/* The call's first argument. Return: what it was. */
static unsigned long long set_argument(pid_t pid, unsigned long long value)
{
	struct user_regs_struct regs;
	unsigned long long before;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return 0;
	before = regs.rdi;
	regs.rdi = value;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	return before;
}

static void set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return;
	regs.rax = (unsigned long long)result;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

static void remember(struct tracing *t, const struct seen *seen)
{
	struct trace *trace = t->trace;

	if (trace == NULL)
		return;
	if (trace->n == trace->size) {
		trace->size = trace->size == 0 ? 256 : trace->size * 2;
		trace->seen = reallocarray(trace->seen, trace->size, sizeof(*trace->seen));
		if (trace->seen == NULL)
			die("out of memory");
	}
	trace->seen[trace->n++] = *seen;
}

/* Whether it is the fault's turn at this call. */
static bool is_due(const struct tracing *t, const struct seen *now)
{
	const struct fault *fault = t->fault;

	if (fault->kind == FAULT_NONE || fault->process != now->process || fault->call != now->call)
		return false;
	return now->nth == fault->nth || (fault->kind == FAULT_ERRNO_ON && now->nth > fault->nth);
}

static bool is_asking(int number, const __u64 *args)
{
	return (number == SYS_recvfrom && args[3] & MSG_DONTWAIT) ||
	       (number == SYS_recvmsg && args[2] & MSG_DONTWAIT);
}

static void before_call(struct tracing *t, struct tracee *tracee, int number, const __u64 *args)
{
	const bool loading = tracee->process == 0 && t->entry != 0;
	struct seen now = {.process = loading ? PROCESS_LOADER : tracee->process, .call = number};
	const struct call *call = call_by_number(number);

	if (number < 0 || number >= CALLS_MAX)
		return;
	now.nth = ++tracee->counts[number];
	now.asks = is_asking(number, args);
	remember(t, &now);
	if (!is_due(t, &now))
		return;
	t->outcome->reached = true;
	switch (t->fault->kind) {
	case FAULT_KILL_BEFORE:
		set_call(tracee->pid, -1ULL);
		kill(tracee->pid, SIGKILL);
		break;
	case FAULT_KILL_AFTER:
		tracee->killed = true;
		break;
	default:
		tracee->failing = true;
		/* It tells of a failure by the old end; a question for that, brk(0), has that
		 * answer. */
		if (number == SYS_brk) {
			tracee->asked = true;
			tracee->argument = set_argument(tracee->pid, 0);
			break;
		}
		if (call == NULL || !call->takes_effect)
			set_call(tracee->pid, -1ULL);
		break;
	}
}

static void after_call(const struct tracing *t, struct tracee *tracee)
{
	if (tracee->asked)
		set_argument(tracee->pid, tracee->argument);
	else if (tracee->failing)
		set_result(tracee->pid, -t->fault->errnum);
	if (tracee->killed)
		kill(tracee->pid, SIGKILL);
	tracee->failing = tracee->killed = tracee->asked = false;
}

/* At the exec of the program: mark where the loader will hand over to it. */
static void mark_entry(struct tracing *t)
{
	Elf64_auxv_t vector[64];
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)t->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, vector, sizeof(vector));
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(vector[0]); i++)
		if (vector[i].a_type == AT_ENTRY)
			t->entry = vector[i].a_un.a_val;
	if (t->entry == 0)
		die("no entry point in %s", path);
	errno = 0;
	t->entry_word = ptrace(PTRACE_PEEKTEXT, t->root, (void *)t->entry, NULL);
	if (errno != 0 ||
	    ptrace(PTRACE_POKETEXT, t->root, (void *)t->entry,
		   (void *)(((unsigned long)t->entry_word & ~0xffUL) | BREAKPOINT)) < 0)
		die("no breakpoint at the entry point: %s", strerror(errno));
}

/* Return: whether it was the breakpoint: the program begins, and its calls count from one. */
static bool at_entry(struct tracing *t, struct tracee *tracee)
{
	struct user_regs_struct regs;

	if (tracee->process != 0 || t->entry == 0 ||
	    ptrace(PTRACE_GETREGS, tracee->pid, NULL, &regs) < 0 || regs.rip != t->entry + 1)
		return false;
	regs.rip = t->entry;
	if (ptrace(PTRACE_POKETEXT, tracee->pid, (void *)t->entry, (void *)t->entry_word) < 0 ||
	    ptrace(PTRACE_SETREGS, tracee->pid, NULL, &regs) < 0)
		die("cannot pass the entry point: %s", strerror(errno));
	t->entry = 0;
	memset(tracee->counts, 0, sizeof(tracee->counts));
	return true;
}

/* Let go before the entry point, the loader hands over to the program's own first byte. */
static void unmark_entry(const struct tracing *t, const struct tracee *tracee)
{
	if (tracee->process == 0 && t->entry != 0)
		ptrace(PTRACE_POKETEXT, tracee->pid, (void *)t->entry, (void *)t->entry_word);
}

/* Nothing more to do in any process. */
static bool is_over(const struct tracing *t, const struct tracee *tracee)
{
	return t->outcome->reached && t->fault->kind != FAULT_ERRNO_ON && !tracee->entered;
}

/* The loader's calls are stopped at only when they matter. */
static enum __ptrace_request how_on(const struct tracing *t, const struct tracee *tracee)
{
	const bool loading = tracee->process == 0 && t->entry != 0;

	if (loading && t->fault->kind != FAULT_NONE && t->fault->process != PROCESS_LOADER)
		return PTRACE_CONT;
	return PTRACE_SYSCALL;
}

static void on_stop(struct tracing *t, pid_t pid, int status)
{
	struct tracee *tracee = find(t, pid);
	const int event = status >> 16;
	int sig = WSTOPSIG(status);
	struct ptrace_syscall_info info;
	unsigned long child;

	/* A child may stop before its parent tells of it. */
	if (tracee == NULL)
		tracee = appear(t, pid);
	if (tracee->fresh && event == 0 && sig == SIGSTOP) {
		tracee->fresh = false;
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		sig = 0;
		if (pid != t->root) {
			let_go(t, tracee);
			return;
		}
		if (!t->executed)
			mark_entry(t);
		t->executed = true;
	} else if (event != 0) {
		sig = 0;
		if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0 && (pid_t)child > t->latest)
			appear(t, (pid_t)child);
		tracee = find(t, pid);
	} else if (sig == (SIGTRAP | 0x80)) {
		sig = 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 && t->executed) {
			tracee->entered = info.op == PTRACE_SYSCALL_INFO_ENTRY;
			if (tracee->entered)
				before_call(t, tracee, (int)info.entry.nr, info.entry.args);
			else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
				after_call(t, tracee);
		}
	} else if (sig == SIGTRAP && at_entry(t, tracee)) {
		sig = 0;
	}
	if (is_over(t, tracee) && pid != t->root) {
		/* To its exec or its end, so that afterwards it is clear what it has become. */
		go_on(PTRACE_CONT, pid, sig);
	} else if (is_over(t, tracee) && sig == 0) {
		unmark_entry(t, tracee);
		let_go(t, tracee);
	} else {
		go_on(how_on(t, tracee), pid, sig);
	}
}

static volatile sig_atomic_t time_is_up;

static void on_alarm(int sig)
{
	(void)sig;
	time_is_up = 1;
}

static void set_limit(int seconds)
{
	const struct sigaction interrupt = {.sa_handler = on_alarm};
	/* It repeats, for the case that it fires just before the wait begins. */
	const struct itimerval timer = {.it_value = {seconds, 0}, .it_interval = {0, 20000}};

	time_is_up = 0;
	sigaction(SIGALRM, &interrupt, NULL);
	setitimer(ITIMER_REAL, seconds == 0 ? &(struct itimerval){0} : &timer, NULL);
}

/* Everything of the program's has hung: its end. */
static void give_up(struct tracing *t)
{
	t->outcome->hung = true;
	for (size_t i = 0; i < t->n; i++)
		kill(t->tracees[i].pid, SIGKILL);
	kill(t->root, SIGKILL);
}

static void follow(struct tracing *t)
{
	bool root_ended = false;
	int status;

	set_limit(RUN_LIMIT_S);
	while (!root_ended || t->n > 0) {
		const pid_t pid = waitpid(-1, &status, __WALL);
		const struct tracee *tracee;

		if (pid < 0 && errno == EINTR) {
			if (time_is_up && !t->outcome->hung)
				give_up(t);
			continue;
		}
		if (pid < 0)
			die("lost the processes: %s", strerror(errno));
		if (WIFSTOPPED(status)) {
			on_stop(t, pid, status);
			continue;
		}
		tracee = find(t, pid);
		if (tracee != NULL)
			disappear(t, tracee);
		if (pid == t->root) {
			root_ended = true;
			t->outcome->status = status;
		}
	}
	set_limit(0);
}

/* Standard input, output and error of a run, and the memory that its allocations are counted in. */
struct streams {
	int in[2];
	int out[2];
	int words;
	int shared;
	struct failing_alloc *alloc;
};

static void streams_open(const struct program *program, const struct fault *fault,
			 struct streams *s)
{
	const size_t len = program->input == NULL ? 0 : strlen(program->input);

	*s = (struct streams){.shared = -1};
	s->words = memfd_create("words", MFD_CLOEXEC);
	/* A runtime's pipes; the input fits into one. */
	if (s->words < 0 || pipe2(s->in, O_CLOEXEC) < 0 || pipe2(s->out, O_CLOEXEC) < 0 ||
	    fcntl(s->in[1], F_SETPIPE_SZ, OUTCOME_MAX) < (int)len ||
	    fcntl(s->out[1], F_SETPIPE_SZ, OUTCOME_MAX) < 0 ||
	    (len > 0 && write(s->in[1], program->input, len) != (ssize_t)len))
		die("cannot prepare a run: %s", strerror(errno));
	close(s->in[1]);
	if (fault->kind != FAULT_ALLOC && fault->kind != FAULT_ALLOC_ON)
		return;
	s->shared = memfd_create("shared", 0);
	if (s->shared < 0 || ftruncate(s->shared, sizeof(*s->alloc)) < 0 ||
	    (s->alloc = mmap(NULL, sizeof(*s->alloc), PROT_READ | PROT_WRITE, MAP_SHARED, s->shared,
			     0)) == MAP_FAILED)
		die("cannot prepare a run: %s", strerror(errno));
	s->alloc->failing = fault->nth;
	s->alloc->lasting = fault->kind == FAULT_ALLOC_ON;
}

static void streams_read(struct streams *s, struct outcome *o)
{
	struct pollfd event = {.fd = s->out[0], .events = POLLIN};
	ssize_t n = 1;

	close(s->out[1]);
	close(s->in[0]);
	/* To the end that every holder's end makes. */
	while (o->out_len < OUTCOME_MAX && n > 0) {
		if (poll(&event, 1, HELD_LIMIT_MS) <= 0) {
			o->held = true;
			break;
		}
		n = read(s->out[0], o->out + o->out_len, OUTCOME_MAX - o->out_len);
		if (n > 0)
			o->out_len += (size_t)n;
	}
	o->out[o->out_len] = '\0';
	n = pread(s->words, o->words, sizeof(o->words) - 1, 0);
	o->words[n < 0 ? 0 : n] = '\0';
	close(s->out[0]);
	close(s->words);
	if (s->alloc != NULL) {
		o->allocations = s->alloc->count;
		o->reached = s->alloc->failed;
		munmap(s->alloc, sizeof(*s->alloc));
		close(s->shared);
	}
}

static void __attribute__((noreturn))
execute(const struct program *program, const struct streams *s, bool traced)
{
	static const char *envp[64];
	size_t n = 0;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (program->envp[n] != NULL && n < 60) {
		envp[n] = program->envp[n];
		n++;
	}
	if (s->alloc != NULL) {
		envp[n++] = "LD_PRELOAD=" HOST_LIBRARY "/failing_alloc.so";
		envp[n++] = FAILING_ALLOC_VARIABLE "=100";
		dup2(s->shared, SHARED_FD);
		close(s->shared);
	}
	dup2(s->in[0], 0);
	dup2(s->out[1], 1);
	dup2(s->words, 2);
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	execve(program->argv[0], (char *const *)(uintptr_t)program->argv,
	       (char *const *)(uintptr_t)envp);
	_exit(127);
}

void run_traced(const struct program *program, const struct fault *fault, struct trace *trace,
		struct outcome *outcome)
{
	struct tracing t = {.fault = fault, .trace = trace, .outcome = outcome};
	struct streams streams;
	int status;

	*outcome = (struct outcome){0};
	streams_open(program, fault, &streams);
	t.root = fork();
	if (t.root == 0)
		execute(program, &streams, true);
	if (t.root < 0 || TEMP_FAILURE_RETRY(waitpid(t.root, &status, 0)) != t.root ||
	    !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, t.root, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
			   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) < 0)
		die("cannot trace: %s", strerror(errno));
	appear(&t, t.root)->fresh = false;
	go_on(PTRACE_CONT, t.root, 0);
	follow(&t);
	streams_read(&streams, outcome);
}

void run_plain(const struct program *program, const struct fault *fault, struct outcome *outcome)
{
	struct streams streams;
	pid_t pid;

	*outcome = (struct outcome){0};
	streams_open(program, fault, &streams);
	pid = fork();
	if (pid == 0)
		execute(program, &streams, false);
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	set_limit(RUN_LIMIT_S);
	while (waitpid(pid, &outcome->status, 0) < 0) {
		if (errno != EINTR)
			die("lost a process: %s", strerror(errno));
		if (time_is_up && !outcome->hung) {
			outcome->hung = true;
			kill(pid, SIGKILL);
		}
	}
	set_limit(0);
	streams_read(&streams, outcome);
}
