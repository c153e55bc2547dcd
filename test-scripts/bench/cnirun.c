/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun -- true against what it stands for: namespaces as unshare -Urn makes them, a bare
 * slirp4netns that reaches ready, true, and the end of both. And add and del, alone.
 *
 * Runs in network, mount and pid namespaces of its own, as an ordinary user where it says so.
 *
 * usage: build/bench/cnirun BINDIR [ROUNDS]
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"

#define DAEMON "/usr/bin/slirp4netns"
#define USER 1000
#define API_SOCKET "/run/user/1000/bench.sock"

static char cnirun_path[4096];
static char netns_path[64];
static const char *const environment[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin",
					  "CNI_PATH=/run/plugins", "XDG_RUNTIME_DIR=/run/user/1000",
					  "NETCONFPATH=/run/none", NULL};

static pid_t spawn(const char *const *argv, int ready_fd)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (ready_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, ready_fd, 9);
	errno = posix_spawn(&pid, argv[0], &actions, NULL, (char **)(uintptr_t)argv,
			    (char **)(uintptr_t)environment);
	if (errno != 0)
		bench_die("cannot start %s: %s", argv[0], strerror(errno));
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/*
 * By hand: unshare runs a program that says that it is there, and then, told that the network is
 * ready, becomes true. Its standard output and input are the two ways.
 */
static double run_by_hand(void *arg)
{
	static const char *const unshare_argv[] = {
		"/usr/bin/unshare", "-Urn", "/bin/sh", "-c", "echo; read x; exec true", NULL};
	char pid_text[16];
	const char *const *options = arg;
	const char *daemon_argv[24] = {DAEMON, "-c", "-r", "9"};
	size_t n = 4;
	posix_spawn_file_actions_t actions;
	int there[2], go[2], ready[2];
	pid_t pid, daemon;
	double start, us;
	char byte;

	while (*options != NULL)
		daemon_argv[n++] = *options++;
	daemon_argv[n++] = pid_text;
	daemon_argv[n++] = "tap0";
	unlink(API_SOCKET);
	if (pipe2(there, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		bench_die("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, go[0], 0);
	posix_spawn_file_actions_adddup2(&actions, there[1], 1);
	start = bench_now();
	errno = posix_spawn(&pid, unshare_argv[0], &actions, NULL, (char **)(uintptr_t)unshare_argv,
			    (char **)(uintptr_t)environment);
	if (errno != 0 || read(there[0], &byte, 1) != 1)
		bench_die("unshare did not start");
	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	daemon = spawn(daemon_argv, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1 || write(go[1], "\n", 1) != 1)
		bench_die("slirp4netns did not become ready");
	waitpid(pid, NULL, 0);
	kill(daemon, SIGTERM);
	waitpid(daemon, NULL, 0);
	us = bench_now() - start;
	close(there[0]);
	close(there[1]);
	close(go[0]);
	close(go[1]);
	close(ready[0]);
	posix_spawn_file_actions_destroy(&actions);
	return us;
}

static double run_cnirun(void *arg)
{
	const struct command command = {.argv = arg, .envp = environment};

	return bench_run(&command, NULL, 0);
}

static double run_add_del(void *arg)
{
	const char *const add_argv[] = {cnirun_path, "add", "slirp4netns", netns_path, NULL};
	const char *const del_argv[] = {cnirun_path, "del", "slirp4netns", netns_path, NULL};
	const struct command add = {.argv = add_argv, .envp = environment};
	const struct command del = {.argv = del_argv, .envp = environment};
	const double add_us = bench_run(&add, NULL, 0);
	const double del_us = add_us < 0 ? -1 : bench_run(&del, NULL, 0);

	(void)arg;
	return del_us < 0 ? -1 : add_us + del_us;
}

/* The plugin alone, as often: what of add and del is cnirun's. */
static double run_plugin(void *arg)
{
	static char netns[100];
	static const char *const argv[] = {"/run/plugins/slirp4netns", NULL};
	const char *envp[] = {"CNI_COMMAND=ADD",
			      "CNI_CONTAINERID=bench",
			      "CNI_IFNAME=eth0",
			      netns,
			      "CNI_PATH=/run/plugins",
			      environment[0],
			      NULL};
	const struct command command = {
		.argv = argv,
		.envp = envp,
		.input = "{\"cniVersion\":\"1.1.0\",\"name\":\"plain\",\"type\":\"slirp4netns\"}"};
	double add_us, del_us;

	(void)arg;
	snprintf(netns, sizeof(netns), "CNI_NETNS=%s", netns_path);
	add_us = bench_run(&command, NULL, 0);
	envp[0] = "CNI_COMMAND=DEL";
	del_us = add_us < 0 ? -1 : bench_run(&command, NULL, 0);
	return del_us < 0 ? -1 : add_us + del_us;
}

static void copy(const char *from, const char *to)
{
	const char *const argv[] = {"/bin/cp", from, to, NULL};
	int status;

	waitpid(spawn(argv, -1), &status, 0);
	if (status != 0)
		bench_die("cannot copy %s", from);
}

/* A host of our own: nothing of the machine's is seen or touched. */
static void make_host(const char *bin)
{
	struct cni_error err;
	char path[4096 + 16];
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) < 0)
		bench_die("must be run as root: %s", strerror(errno));
	pid = fork(); /* the first process of the new pid namespace; its end ends all others */
	if (pid != 0) {
		waitpid(pid, &status, 0);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0 || mkdir("/run/user", 0755) < 0 ||
	    mkdir("/run/user/1000", 0700) < 0 || chown("/run/user/1000", USER, USER) < 0 ||
	    mkdir("/run/plugins", 0755) < 0 || mkdir("/run/none", 0755) < 0 ||
	    (mkdir("/var/lib/cni", 0700) < 0 && errno != EEXIST) ||
	    mount("tmpfs", "/var/lib/cni", "tmpfs", 0, "mode=700") < 0 ||
	    mknod("/run/tun", S_IFCHR | 0666, makedev(10, 200)) < 0 ||
	    chmod("/run/tun", 0666) < 0 ||
	    mount("/run/tun", "/dev/net/tun", NULL, MS_BIND, NULL) < 0)
		bench_die("cannot make a host: %s", strerror(errno));
	if (netns_create("/run/netns", "bench", netns_path, sizeof(netns_path), &err) < 0)
		bench_die("%s: %s", err.msg, err.details);
	/* An ordinary user can execute them there. */
	snprintf(path, sizeof(path), "%s/slirp4netns", bin);
	copy(path, "/run/plugins/slirp4netns");
	snprintf(path, sizeof(path), "%s/cnirun", bin);
	copy(path, "/run/plugins/cnirun");
	snprintf(cnirun_path, sizeof(cnirun_path), "/run/plugins/cnirun");
}

static void become_user(void)
{
	if (setgroups(0, NULL) < 0 || setgid(USER) < 0 || setuid(USER) < 0)
		bench_die("cannot become an ordinary user: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static const char *const run_argv[] = {cnirun_path, "--", "/bin/true", NULL};
	static const char *const same[] = {"--mtu=65520",
					   "--cidr=10.0.2.0/24",
					   "--api-socket=" API_SOCKET,
					   "--disable-host-loopback",
					   "--enable-sandbox",
					   "--enable-seccomp",
					   NULL};
	static const char *const none[] = {NULL};
	struct candidate run[] = {
		{.name = "unshare -Urn, slirp4netns, same options, true",
		 .run = run_by_hand,
		 .arg = (void *)(uintptr_t)same},
		{.name = "cnirun -- true", .run = run_cnirun, .arg = (void *)(uintptr_t)run_argv},
		{.name = "unshare -Urn, slirp4netns, unconfined, true",
		 .run = run_by_hand,
		 .arg = (void *)(uintptr_t)none},
	};
	static const struct goal run_goals[] = {{"cnirun / by hand, same options", 1, 0, 1.6},
						{"cnirun / by hand, unconfined", 1, 2, 1.6}};
	struct candidate add_del[] = {
		{.name = "slirp4netns plugin alone, ADD and DEL", .run = run_plugin},
		{.name = "cnirun add and cnirun del", .run = run_add_del},
	};
	const int rounds = argc > 2 ? atoi(argv[2]) : 60;

	if (argc < 2 || rounds < 1 || rounds > BENCH_MAX_ROUNDS)
		bench_die("usage: build/bench/cnirun BINDIR [ROUNDS]");
	make_host(argv[1]);
	bench_compare("add and del, as root", add_del, 2, rounds, NULL, 0);
	become_user();
	bench_compare("A command with a network, as an ordinary user", run, 3, rounds, run_goals,
		      2);
	return 0;
}
