/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load: many attachments at once, many callers at once, many attachments one after the other.
 * Nothing may be lost, nothing may grow.
 *
 * usage: load BINDIR [--attachments N] [--callers N] [--cycles N] [--list slirp4netns|bridge]
 *
 * In network, mount and process namespaces of its own, as root:
 *
 *   grow, shrink   N attachments are added one by one and deleted one by one: what an operation
 * costs as others come and go at once        the same N, by all callers at once; then every tenth
 * replies through its published port cycles         ADD and DEL of one, over and over, beside one
 * attachment that stays
 *
 * An operation is `cnirun add` or `cnirun del` of a list with all three plugins: with slirp4netns
 * as the interface plugin (ports by its API), or with the reference bridge (ports by nftables).
 * Each publishes a port and is in the result cache, as under a runtime.
 *
 * What is counted is the whole host's, since it is ours: processes, descriptors, mounts, links,
 * namespaces, files of state and cache, elements of the nftables maps. It must be the same before
 * and after. Memory is reported, not judged: the machine's is everybody's.
 *
 * Output: TAP, figures as comments.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/host.h"
#include "cleanup.h"
#include "netns.h"

#define MAX_ATTACHMENTS 1000 /* a bridge has 1,023 ports */
#define MAX_CALLERS 256
#define FIRST_PORT 20000
#define TRAFFIC_LIMIT 10000   /* ms */
#define OPERATION_LIMIT 60000 /* ms: what a caller waits for one operation */

static const char slirp_list[] =
	"{\"cniVersion\":\"1.1.0\",\"name\":\"load\",\"plugins\":[{\"type\":\"slirp4netns\"},"
	"{\"type\":\"netns-portmap\",\"capabilities\":{\"portMappings\":true}},"
	"{\"type\":\"netns-stats\",\"capabilities\":{\"portMappings\":true}}]}";

static const char bridge_list[] =
	"{\"cniVersion\":\"1.0.0\",\"name\":\"load\",\"plugins\":[{\"type\":\"bridge\",\"bridge\":"
	"\"cni0\","
	"\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"/run/"
	"ipam\",\"ranges\":[[{\"subnet\":"
	"\"10.88.0.0/16\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}},"
	"{\"type\":\"netns-portmap\",\"capabilities\":{\"portMappings\":true}},"
	"{\"type\":\"netns-stats\",\"capabilities\":{\"portMappings\":true}}]}";

/* What the callers share: processes, so that one's troubles are not another's. */
struct shared {
	atomic_int present; /* attachments that are there now */
	atomic_int failed;
	struct sample {
		double add_us, del_us;
		int others_at_add, others_at_del;
	} samples[MAX_ATTACHMENTS];
};

/* Everything on this host that could leak. */
struct census {
	long processes, descriptors, mounts, links, namespaces, files, elements;
};

static struct shared *shared;
static char netns_paths[MAX_ATTACHMENTS + 2][64];
static char program[PATH_MAX];
static bool bridged;
static int tests;

static bool __attribute__((format(printf, 2, 3))) ok(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%s %d - load: ", passed ? "ok" : "not ok", ++tests);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	return passed;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* --- operations --- */

/* What cnirun says goes to a file of the attachment's, to be shown when it failed. */
static double operate(const char *operation, int number)
{
	char capabilities[200], words[64];
	const char *const argv[] = {program, operation, "load", netns_paths[number], NULL};
	const char *const envp[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin",
				    "CNI_PATH=/run/plugins:/usr/lib/cni", "NETCONFPATH=/run/lists",
				    capabilities, NULL};
	posix_spawn_file_actions_t actions;
	struct pollfd ended = {.events = POLLIN};
	cleanup_close int pidfd = -1;
	double start, took;
	int status;
	pid_t pid;

	snprintf(capabilities, sizeof(capabilities),
		 "CAP_ARGS={\"portMappings\":[{\"hostPort\":%d,\"containerPort\":80,\"protocol\":"
		 "\"tcp\"}]}",
		 FIRST_PORT + number);
	snprintf(words, sizeof(words), "/run/words/%d", number);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, words, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	start = now_us();
	errno = posix_spawn(&pid, program, &actions, NULL, (char **)(uintptr_t)argv,
			    (char **)(uintptr_t)envp);
	posix_spawn_file_actions_destroy(&actions);
	if (errno != 0)
		die("cannot start %s: %s", program, strerror(errno));
	ended.fd = pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (poll(&ended, 1, OPERATION_LIMIT) != 1)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	took = now_us() - start;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return took;
	printf("# %s of attachment %d failed (status %#x):\n", operation, number, status);
	fflush(stdout);
	{
		char line[1000];
		FILE *file = fopen(words, "re");

		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			printf("# %s", line);
		if (file != NULL)
			fclose(file);
		fflush(stdout);
	}
	atomic_fetch_add(&shared->failed, 1);
	return -1;
}

static void add(int number)
{
	shared->samples[number].add_us = operate("add", number);
	shared->samples[number].others_at_add = atomic_fetch_add(&shared->present, 1);
}

static void del(int number)
{
	shared->samples[number].del_us = operate("del", number);
	shared->samples[number].others_at_del = atomic_fetch_sub(&shared->present, 1) - 1;
}

/* Everything from 0 to @n - 1, by @callers processes, each every @callers-th. Return: the wall time
 * in s. */
static double by_callers(int callers, int n, void (*operation)(int number))
{
	const double start = now_us();
	pid_t pids[MAX_CALLERS];
	int status;

	fflush(stdout);
	for (int caller = 0; caller < callers; caller++) {
		pids[caller] = fork();
		if (pids[caller] < 0)
			die("cannot fork: %s", strerror(errno));
		if (pids[caller] == 0) {
			for (int number = caller; number < n; number += callers)
				operation(number);
			exit(0);
		}
	}
	for (int caller = 0; caller < callers; caller++) {
		waitpid(pids[caller], &status, 0);
		if (status != 0) {
			printf("# a caller ended with status %#x\n", status);
			atomic_fetch_add(&shared->failed, 1);
		}
	}
	return (now_us() - start) / 1e6;
}

/* --- figures --- */

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_figures(const char *what, double *us, int n)
{
	if (n == 0)
		return;
	qsort(us, (size_t)n, sizeof(*us), compare_doubles);
	printf("#   %-34s p50 %8.2f  p99 %8.2f  max %8.2f ms\n", what, us[n / 2] / 1e3,
	       us[n * 99 / 100] / 1e3, us[n - 1] / 1e3);
}

/* By how many others there were. */
static void print_by_others(int n)
{
	static const int edges[] = {0, 10, 50, 100, 200, 300, 400, 500, MAX_ATTACHMENTS};
	double adds[MAX_ATTACHMENTS], dels[MAX_ATTACHMENTS];

	for (size_t edge = 0; edge + 1 < sizeof(edges) / sizeof(edges[0]); edge++) {
		char name[64];
		int n_adds = 0, n_dels = 0;

		for (int i = 0; i < n; i++) {
			const struct sample *s = &shared->samples[i];

			if (s->others_at_add >= edges[edge] && s->others_at_add < edges[edge + 1])
				adds[n_adds++] = s->add_us;
			if (s->others_at_del >= edges[edge] && s->others_at_del < edges[edge + 1])
				dels[n_dels++] = s->del_us;
		}
		snprintf(name, sizeof(name), "add, %d to %d others", edges[edge],
			 edges[edge + 1] - 1);
		print_figures(name, adds, n_adds);
		snprintf(name, sizeof(name), "del, %d to %d others", edges[edge],
			 edges[edge + 1] - 1);
		print_figures(name, dels, n_dels);
	}
}

static void print_all(int n)
{
	double us[MAX_ATTACHMENTS];

	for (int i = 0; i < n; i++)
		us[i] = shared->samples[i].add_us;
	print_figures("add", us, n);
	for (int i = 0; i < n; i++)
		us[i] = shared->samples[i].del_us;
	print_figures("del", us, n);
}

static long meminfo(const char *key)
{
	char line[200];
	long kib = -1;
	FILE *file = fopen("/proc/meminfo", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			kib = atol(line + strlen(key) + 1);
	if (file != NULL)
		fclose(file);
	return kib;
}

static void print_memory(const char *when)
{
	struct statvfs run;

	statvfs("/run", &run);
	printf("#   memory %s: available %ld MiB, slab %ld MiB; files in /run %lu KiB\n", when,
	       meminfo("MemAvailable") / 1024, meminfo("Slab") / 1024,
	       (unsigned long)(run.f_blocks - run.f_bfree) * run.f_frsize / 1024);
}

/* --- the census --- */

static long count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	long lines = 0;
	int c;

	while (file != NULL && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file != NULL)
		fclose(file);
	return lines;
}

/* Calls visit for each entry but . and .. */
static long each_entry(const char *path, long (*visit)(const char *path, const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	long sum = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			sum += visit(path, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	return sum;
}

static long one(const char *path, const char *name)
{
	(void)path;
	(void)name;
	return 1;
}

static long file_or_tree(const char *path, const char *name)
{
	char below[PATH_MAX];
	struct stat st;

	snprintf(below, sizeof(below), "%s/%s", path, name);
	if (lstat(below, &st) < 0)
		return 0;
	return S_ISDIR(st.st_mode) ? each_entry(below, file_or_tree) : 1;
}

static ino_t seen[4 * MAX_ATTACHMENTS];
static size_t n_seen;

static long process(const char *path, const char *name)
{
	static const char *const kinds[] = {"net", "mnt", "user"};
	char below[PATH_MAX];
	struct stat st;
	size_t k;

	if (strspn(name, "0123456789") != strlen(name))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		snprintf(below, sizeof(below), "%s/%s/ns/%s", path, name, kinds[i]);
		if (stat(below, &st) < 0)
			return 0; /* it has ended: what is left of it is process 1's to reap */
		for (k = 0; k < n_seen && seen[k] != st.st_ino; k++)
			;
		if (k == n_seen && n_seen < sizeof(seen) / sizeof(seen[0]))
			seen[n_seen++] = st.st_ino;
	}
	return 1;
}

static long descriptors_of(const char *path, const char *name)
{
	char below[PATH_MAX];

	if (strspn(name, "0123456789") != strlen(name))
		return 0;
	snprintf(below, sizeof(below), "%s/%s/fd", path, name);
	return each_entry(below, one);
}

static long count_elements(void)
{
	char line[1000];
	long n = 0;
	FILE *nft = popen("nft list ruleset 2>/dev/null", "re");

	/* Each stands on its own line, with the attachment in its comment. */
	while (nft != NULL && fgets(line, sizeof(line), nft) != NULL)
		for (const char *at = line; (at = strstr(at, "comment \"load/")) != NULL; at++)
			n++;
	if (nft != NULL)
		pclose(nft);
	return n;
}

static void reap_all(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static struct census take_census(void)
{
	struct census census;

	reap_all();
	n_seen = 0;
	census.elements = count_elements();
	reap_all();
	census.processes = each_entry("/proc", process);
	census.descriptors = each_entry("/proc", descriptors_of);
	census.mounts = count_lines("/proc/self/mountinfo");
	census.links = each_entry("/sys/class/net", one);
	census.namespaces = (long)n_seen;
	census.files = each_entry("/run/usernet-cni", file_or_tree) +
		       each_entry("/var/lib/cni", file_or_tree) +
		       each_entry("/run/ipam", file_or_tree);
	return census;
}

static void print_census(const char *when, const struct census *c)
{
	printf("#   %s: %ld processes, %ld descriptors, %ld mounts, %ld links, %ld namespaces, %ld "
	       "files, %ld "
	       "elements\n",
	       when, c->processes, c->descriptors, c->mounts, c->links, c->namespaces, c->files,
	       c->elements);
}

/* A daemon that was told to end, and a veth that goes with its namespace, have not quite gone when
 * DEL returns. */
static bool settles_at(const struct census *before, const char *what)
{
	struct census after;

	for (int i = 0; i < 50; i++) {
		after = take_census();
		if (memcmp(before, &after, sizeof(after)) == 0)
			break;
		poll(NULL, 0, 100);
	}
	print_census("before", before);
	print_census("after ", &after);
	return ok(memcmp(before, &after, sizeof(after)) == 0,
		  "%s leave nothing: processes, descriptors, mounts, "
		  "links, namespaces, files, elements",
		  what);
}

/* --- traffic --- */

/* Where the container replies: the list says its address. */
static int listen_in(const char *netns_path)
{
	cleanup_netns struct netns ns = NETNS_NONE;
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct cni_error err;
	int fd;

	if (netns_open(netns_path, &ns, &err) < 0)
		die("%s", err.msg);
	fd = netns_socket(&ns, AF_INET, SOCK_STREAM, 0, &err);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 5) < 0)
		die("cannot listen in %s: %s", netns_path, strerror(errno));
	return fd;
}

/* A byte from the host's published port to the container, and one back. */
static bool answers(int number)
{
	struct sockaddr_in port = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)(FIRST_PORT + number))};
	cleanup_close int listener = listen_in(netns_paths[number]);
	cleanup_close int host = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cleanup_close int container = -1;
	struct pollfd waiting = {.fd = listener, .events = POLLIN};
	char byte = 'x';

	/* slirp4netns forwards what comes to any address; the bridge's is where nftables redirects
	 * from. */
	inet_pton(AF_INET, bridged ? "10.88.0.1" : "127.0.0.1", &port.sin_addr);
	if (connect(host, (struct sockaddr *)&port, sizeof(port)) < 0 && errno != EINPROGRESS)
		return false;
	if (poll(&waiting, 1, TRAFFIC_LIMIT) != 1)
		return false;
	container = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	waiting = (struct pollfd){.fd = host, .events = POLLIN};
	return container >= 0 && write(container, &byte, 1) == 1 &&
	       poll(&waiting, 1, TRAFFIC_LIMIT) == 1 && read(host, &byte, 1) == 1 && byte == 'x';
}

/* --- the host --- */

static void make_host(const char *bin)
{
	static const char *const names[] = {"slirp4netns", "netns-portmap", "netns-stats",
					    "cnirun"};

	host_enter(CLONE_NEWNET);
	/* What the census counts of links is this network's. */
	host_must(mount("sysfs", "/sys", "sysfs", 0, NULL), "cannot mount /sys");
	host_empty();
	host_must(mkdir("/run/plugins", 0755), "/run/plugins");
	host_must(mkdir("/run/lists", 0755), "/run/lists");
	host_must(mkdir("/run/words", 0700), "/run/words");
	host_run("ip link set lo up");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		host_run("cp %s/%s /run/plugins/", bin, names[i]);
	strcpy(program, "/run/plugins/cnirun");
	host_write("/run/lists/load.conflist", bridged ? bridge_list : slirp_list);
}

/* --- the three parts --- */

static void one_by_one(int n)
{
	struct census before, full;

	/* What stays after the first attachment of a network is its own: locks, directories, the
	 * table, the bridge. */
	add(0);
	del(0);
	before = take_census();
	for (int i = 0; i < n; i++)
		add(i);
	full = take_census();
	ok(atomic_load(&shared->failed) == 0, "%d attachments, one after the other, are there", n);
	print_census("with all of them", &full);
	print_memory("with all of them");
	for (int i = n - 1; i >= 0; i--)
		del(i);
	ok(atomic_load(&shared->failed) == 0, "and go again");
	print_by_others(n);
	settles_at(&before, "they");
	print_memory("afterwards");
}

static void at_once(int n, int callers)
{
	const struct census before = take_census();
	double took;
	int silent = 0, asked = 0;

	took = by_callers(callers, n, add);
	ok(atomic_load(&shared->failed) == 0, "%d attachments by %d callers at once are there", n,
	   callers);
	printf("#   %d in %.1f s: %.0f a second\n", n, took, n / took);
	for (int i = 0; i < n; i += 10, asked++)
		silent += !answers(i);
	ok(silent == 0, "%d of them, asked through their published ports, answer", asked);
	took = by_callers(callers, n, del);
	ok(atomic_load(&shared->failed) == 0, "and go again, by %d callers at once", callers);
	printf("#   %d in %.1f s: %.0f a second\n", n, took, n / took);
	print_all(n);
	settles_at(&before, "they");
}

static void cycles(int n_cycles, int standing, int number)
{
	double *adds = calloc((size_t)n_cycles, sizeof(*adds)),
	       *dels = calloc((size_t)n_cycles, sizeof(*dels));
	struct census before;

	if (adds == NULL || dels == NULL)
		die("no memory");
	operate("add", standing);
	operate("add", number);
	operate("del", number);
	before = take_census();
	print_memory("before the cycles");
	for (int i = 0; i < n_cycles && atomic_load(&shared->failed) == 0; i++) {
		adds[i] = operate("add", number);
		dels[i] = operate("del", number);
		reap_all();
	}
	ok(atomic_load(&shared->failed) == 0, "%d cycles of add and del", n_cycles);
	/* Flat means also: the last tenth takes no longer than the first. */
	print_figures("add, first tenth", adds, n_cycles / 10);
	print_figures("add, last tenth", adds + n_cycles - n_cycles / 10, n_cycles / 10);
	print_figures("del, first tenth", dels, n_cycles / 10);
	print_figures("del, last tenth", dels + n_cycles - n_cycles / 10, n_cycles / 10);
	settles_at(&before, "they");
	print_memory("after the cycles");
	ok(answers(standing), "the attachment that stood by answers");
	operate("del", standing);
	free(adds);
	free(dels);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"attachments", required_argument, NULL, 'a'},
						{"callers", required_argument, NULL, 'c'},
						{"cycles", required_argument, NULL, 'y'},
						{"list", required_argument, NULL, 'l'},
						{0}};
	int n = 500, callers = 32, n_cycles = 10000, option;
	struct cni_error err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'a')
			n = atoi(optarg);
		else if (option == 'c')
			callers = atoi(optarg);
		else if (option == 'y')
			n_cycles = atoi(optarg);
		else if (option == 'l' &&
			 (strcmp(optarg, "bridge") == 0 || strcmp(optarg, "slirp4netns") == 0))
			bridged = optarg[0] == 'b';
		else
			n = 0;
	}
	if (optind + 1 != argc || n < 1 || n > MAX_ATTACHMENTS || callers < 1 ||
	    callers > MAX_CALLERS || n_cycles < 10)
		die("usage: load BINDIR [--attachments 1..%d] [--callers N] [--cycles 10..] "
		    "[--list slirp4netns|bridge]",
		    MAX_ATTACHMENTS);
	printf("1..10\n# list: %s, netns-portmap, netns-stats\n",
	       bridged ? "bridge" : "slirp4netns");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("no memory");
	make_host(argv[optind]);
	for (int i = 0; i < n + 2; i++)
		if (netns_create("/run/netns", NULL, netns_paths[i], sizeof(netns_paths[i]), &err) <
		    0)
			die("%s: %s", err.msg, err.details);
	one_by_one(n);
	at_once(n, callers);
	cycles(n_cycles, n, n + 1);
	return atomic_load(&shared->failed) == 0 ? 0 : 1;
}
