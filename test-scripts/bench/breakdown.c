/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a call's time goes, in phases: starting the program, dynamic linking, reading and parsing,
 * and what the operation does.
 *
 * A phase begins at a system call that the plugin makes for it, so system calls with their times
 * are all that is needed. Two ways to have them:
 *
 *   ptrace (strace)     needs nothing, and stops the plugin twice at each of 150 calls: the call
 *                       takes several times as long, and not in proportion
 *   the tracepoint      raw_syscalls:sys_enter, through perf_event_open(2) into a ring buffer that
 *                       is read afterwards; needs root and tracefs; some 0.3 us each
 *
 * The second it is. The plugin is not built in another way for it, and what watching costs is
 * measured here too: each round is also run unwatched, and both totals are printed.
 *
 * Watched is the plugin's own thread alone, from fork to reaping; what its daemon does at the same
 * time counts where the plugin waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"

#define TRACING "/run/tracing"
#define RING_PAGES 64
#define CALLS_MAX 4096
#define PHASES_MAX 16

struct entered {
	double at; /* us */
	unsigned long nr;
	unsigned long args[6];
};

/* A phase and the call that it begins with: the first number @nr with args[@arg] & @mask == @value,
 * after the phase before it has begun. */
struct phase {
	const char *name;
	unsigned long nr;
	int arg;
	unsigned long mask, value;
	bool may_lack; /* where things come in another order; it takes no time then */
};

#define STARTED ~0UL /* any call: the program runs */
#define ANY(number) .nr = (number)
#define WHERE(number, a, m, v) .nr = (number), .arg = (a), .mask = (m), .value = (v)
#define MAYBE(number, a, m, v) WHERE(number, a, m, v), .may_lack = true
/* The dynamic linker opens close-on-exec; cni_main() is the first that does not. */
#define STARTING                                                                       \
	{"starting the program", ANY(STARTED)}, {"dynamic linking", ANY(STARTED)},     \
	{                                                                              \
		"configuration: read and parsed", WHERE(SYS_openat, 2, ~0UL, O_RDONLY) \
	}
#define ENDING                                            \
	{                                                 \
		"exit, until reaped", ANY(SYS_exit_group) \
	}

/* What the chained plugins find: an interface behind a bridge, two ports to publish. */
#define CHAINED                                                                                    \
	",\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,"           \
	"\"protocol\":\"tcp\"},{\"hostPort\":8081,\"containerPort\":81,\"protocol\":\"tcp\"}]},"   \
	"\"prevResult\":{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":" \
	"\"/run/netns/bench\"}],\"ips\":[{\"address\":\"10.22.0.2/16\",\"gateway\":\"10.22.0.1\"," \
	"\"interface\":0}]}"

struct operation {
	const char *name;
	const char *type;    /* the plugin */
	const char *members; /* of its configuration */
	const char *command;
	struct phase phases[PHASES_MAX];
};

static const struct operation operations[] = {
	{"slirp4netns ADD",
	 "slirp4netns",
	 "",
	 "ADD",
	 {STARTING,
	  {"namespace: opened and examined", WHERE(SYS_openat, 2, O_PATH, O_PATH)},
	  {"state directory, the daemon's abilities", ANY(SYS_openat2)},
	  {"namespace: a socket in it, the name is free", ANY(SYS_socketpair)},
	  {"fork, record", ANY(SYS_mkdirat)},
	  {"daemon: its preparation, exec", ANY(SYS_sendto)},
	  {"daemon: until the interface is there", WHERE(SYS_poll, 1, ~0UL, 4)},
	  {"netlink: address, route, up", ANY(SYS_sendto)},
	  {"daemon: until it is ready", MAYBE(SYS_poll, 1, ~0UL, 3)},
	  {"answer", WHERE(SYS_write, 0, ~0UL, 1)},
	  ENDING}},
	{"slirp4netns DEL",
	 "slirp4netns",
	 "",
	 "DEL",
	 {STARTING,
	  {"state directory, record", ANY(SYS_openat2)},
	  {"daemon: found", ANY(SYS_openat)},
	  {"daemon: until it has ended", ANY(SYS_pidfd_send_signal)},
	  {"socket, log, record removed", ANY(SYS_waitid)},
	  ENDING}},
	{"netns-portmap ADD, nf_tables",
	 "netns-portmap",
	 CHAINED,
	 "ADD",
	 {STARTING,
	  {"state directory, lock", ANY(SYS_openat2)},
	  {"route: the way to the container", ANY(SYS_socket)},
	  {"record", ANY(SYS_socket)},
	  {"netlink: what there is", ANY(SYS_sendto)},
	  {"netlink: the transaction", ANY(SYS_sendto)},
	  {"answer", WHERE(SYS_write, 0, ~0UL, 1)},
	  ENDING}},
	{"netns-portmap DEL, nf_tables",
	 "netns-portmap",
	 CHAINED,
	 "DEL",
	 {STARTING,
	  {"state directory, lock, record", ANY(SYS_openat2)},
	  {"records of the others", ANY(SYS_socket)},
	  {"netlink: what there is", ANY(SYS_sendto)},
	  {"netlink: which elements", ANY(SYS_sendto)},
	  {"netlink: the transaction", ANY(SYS_sendto)},
	  {"record removed", ANY(SYS_unlinkat)},
	  {"exit: the kernel frees what was deleted", ANY(SYS_exit_group)}}},
	{"netns-stats ADD",
	 "netns-stats",
	 CHAINED,
	 "ADD",
	 {STARTING,
	  {"state directory", ANY(SYS_openat2)},
	  {"counters, read in the namespace", ANY(SYS_openat)},
	  {"record", ANY(SYS_flock)},
	  {"answer", WHERE(SYS_write, 0, ~0UL, 1)},
	  ENDING}},
	{"netns-stats DEL",
	 "netns-stats",
	 CHAINED,
	 "DEL",
	 {STARTING,
	  {"state directory, record", ANY(SYS_openat2)},
	  {"record removed", ANY(SYS_unlinkat)},
	  ENDING}},
	{0},
};

static unsigned long tracepoint_id;
static struct entered calls[CALLS_MAX];
static size_t n_calls;

static unsigned long read_tracepoint_id(void)
{
	static const char path[] = TRACING "/events/raw_syscalls/sys_enter/id";
	unsigned long id = 0;
	FILE *f;

	if (mkdir(TRACING, 0700) < 0 || mount("tracefs", TRACING, "tracefs", 0, NULL) < 0)
		return 0;
	f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%lu", &id) != 1)
		id = 0;
	if (f != NULL)
		fclose(f);
	return id;
}

static int watch(pid_t pid, struct perf_event_mmap_page **ring)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = tracepoint_id,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.disabled = 1,
		.enable_on_exec = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	const long fd = syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		die("cannot watch a process: %s", strerror(errno));
	*ring = mmap(NULL, (size_t)(RING_PAGES + 1) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		     (int)fd, 0);
	if (*ring == MAP_FAILED)
		die("cannot map the events: %s", strerror(errno));
	return (int)fd;
}

/* A record of the ring, which may go around its end. */
static void copy_out(const struct perf_event_mmap_page *ring, uint64_t from, void *to, size_t len)
{
	const char *data = (const char *)ring + ring->data_offset;

	for (size_t i = 0; i < len; i++)
		((char *)to)[i] = data[(from + i) % ring->data_size];
}

/* In a raw sample of sys_enter: 8 bytes that all tracepoints have, the number, six arguments. */
struct sample {
	struct perf_event_header header;
	uint64_t time;
	uint32_t size;
	char common[8];
	uint64_t nr;
	uint64_t args[6];
} __attribute__((packed));

static void collect(const struct perf_event_mmap_page *ring)
{
	struct sample sample;

	n_calls = 0;
	for (uint64_t at = 0; at < ring->data_head; at += sample.header.size) {
		copy_out(ring, at, &sample.header, sizeof(sample.header));
		if (sample.header.type == PERF_RECORD_LOST || n_calls == CALLS_MAX)
			die("a call makes more system calls than can be watched");
		if (sample.header.type != PERF_RECORD_SAMPLE)
			continue;
		copy_out(ring, at, &sample, sizeof(sample));
		calls[n_calls].at = (double)sample.time / 1e3;
		calls[n_calls].nr = sample.nr;
		for (size_t i = 0; i < 6; i++)
			calls[n_calls].args[i] = sample.args[i];
		n_calls++;
	}
}

/*
 * As command_run(), but by fork: the process must be known before it executes the program.
 * Return: microseconds, from @start.
 */
static double run_watched(const struct command *cmd, double *start)
{
	struct perf_event_mmap_page *ring;
	char dropped[4096];
	const int in = command_input(cmd->input);
	int go[2], out[2], status, fd;
	double us;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(out[1], 1);
		if (read(go[0], dropped, 1) == 1)
			execve(cmd->argv[0], (char **)(uintptr_t)cmd->argv,
			       (char **)(uintptr_t)cmd->envp);
		_exit(127);
	}
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	close(out[1]);
	fd = watch(pid, &ring);
	*start = command_now();
	if (write(go[1], "", 1) != 1)
		die("cannot let the process go: %s", strerror(errno));
	while (read(out[0], dropped, sizeof(dropped)) > 0)
		continue;
	waitpid(pid, &status, 0);
	us = command_now() - *start;
	collect(ring);
	munmap(ring, (size_t)(RING_PAGES + 1) * 4096);
	close(fd);
	close(in);
	close(go[0]);
	close(go[1]);
	close(out[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("%s failed", cmd->argv[0]);
	return us;
}

/* The number of the call that begins @phase, from @i on; n_calls: none does. */
static size_t find_begin(const struct phase *phase, size_t i)
{
	while (i < n_calls && phase->nr != STARTED &&
	       (calls[i].nr != phase->nr ||
		(calls[i].args[phase->arg] & phase->mask) != phase->value))
		i++;
	return i;
}

/* How long each phase took, from its beginning to that of the next; the last one's end is @end. */
static void divide(const struct operation *op, double start, double end, double *took)
{
	double began = start;
	size_t next = 0, current = 0;

	for (size_t p = 1; op->phases[p].name != NULL; p++) {
		const size_t i = find_begin(&op->phases[p], next);

		took[p] = 0;
		if (i == n_calls && op->phases[p].may_lack)
			continue;
		if (i == n_calls)
			die("%s: no system call begins the phase \"%s\"", op->name,
			    op->phases[p].name);
		took[current] = calls[i].at - began;
		began = calls[i].at;
		current = p;
		next = i + 1;
	}
	took[current] = end - began;
}

struct measured {
	const struct operation *op;
	char *path;
	const char *conf;
};

static double call(const struct measured *m, const char *command)
{
	struct call c;

	return command_run(call_plugin(&c, m->path, command, "bench", "/run/netns/bench", m->conf),
			   NULL, 0);
}

static void measure(struct bench *b, const struct operation *op)
{
	const int rounds = bench_rounds(b, 80);
	const size_t n = (size_t)rounds;
	struct candidate watched = {.name = "watched", .samples = bench_alloc(n, sizeof(double))};
	struct candidate alone = {.name = "unwatched", .samples = bench_alloc(n, sizeof(double))};
	struct candidate phases[PHASES_MAX];
	const struct measured m = {
		.op = op,
		.path = host_format("%s/%s", b->bin, op->type),
		.conf = host_format(
			"{\"cniVersion\":\"1.1.0\",\"name\":\"bench\",\"type\":\"%s\"%s}", op->type,
			op->members),
	};
	const bool is_add = strcmp(op->command, "ADD") == 0;
	double took[PHASES_MAX], start, sum = 0;
	struct call c;

	for (size_t p = 0; p < PHASES_MAX; p++)
		phases[p] = (struct candidate){.name = op->phases[p].name,
					       .samples = bench_alloc(n, sizeof(double))};
	for (int round = -1; round < rounds; round++) {
		const size_t r = round < 0 ? 0 : (size_t)round; /* overwritten by round 0 */

		if (!is_add && call(&m, "ADD") < 0)
			die("%s failed", op->name);
		watched.samples[r] = run_watched(
			call_plugin(&c, m.path, op->command, "bench", "/run/netns/bench", m.conf),
			&start);
		divide(op, start, start + watched.samples[r], took);
		for (size_t p = 0; op->phases[p].name != NULL; p++)
			phases[p].samples[r] = took[p];
		if (call(&m, is_add ? "DEL" : "ADD") < 0)
			die("%s failed", op->name);
		alone.samples[r] = call(&m, op->command);
		if (alone.samples[r] < 0 || (is_add && call(&m, "DEL") < 0))
			die("%s failed", op->name);
	}
	bench_begin(b, host_format("breakdown: %s", op->name), UNIT_US, rounds);
	for (size_t p = 0; op->phases[p].name != NULL; p++) {
		bench_row(b, &phases[p], n);
		sum += phases[p].median;
	}
	bench_row(b, &watched, n);
	bench_row(b, &alone, n);
	bench_figure(b, host_format("%s: watched / unwatched", op->name),
		     watched.median / alone.median, "x");
	bench_figure(b, host_format("%s: the phases' sum / watched", op->name),
		     sum / watched.median, "x");
}

static void run(struct bench *b)
{
	tracepoint_id = read_tracepoint_id();
	if (tracepoint_id == 0) {
		bench_note(b, "this kernel has no tracepoint raw_syscalls:sys_enter: no breakdown");
		return;
	}
	host_make("bench");
	host_run("ip link add cni0 type bridge");
	host_run("ip address add 10.22.0.1/16 dev cni0");
	host_run("ip link set cni0 up");
	for (const struct operation *op = operations; op->name != NULL; op++)
		measure(b, op);
}

const struct subject subject_breakdown = {
	.name = "breakdown",
	.about = "where the time of a call goes, phase by phase",
	.run = run,
};
