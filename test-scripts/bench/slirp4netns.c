/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ADD against a bare slirp4netns that reaches ready with the same options; VERSION against Go
 * plugins; CHECK, DEL and memory. Runs in network, mount and pid namespaces of its own.
 *
 * usage: build/bench/slirp4netns BINDIR [ROUNDS]
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"

#define DAEMON "/usr/bin/slirp4netns"
#define GO_PLUGINS "/usr/lib/cni"

static char netns_path[64];
static char plugin_path[4096];
static char result[16384];
static char check_input[20000];

static const char conf[] = "{\"cniVersion\":\"1.1.0\",\"name\":\"bench\",\"type\":\"slirp4netns\","
			   "\"slirp4netnsPath\":\"" DAEMON "\"}";
static char netns_variable[100];
static const char *operation_env[] = {"CNI_COMMAND=",
				      "CNI_CONTAINERID=bench",
				      "CNI_IFNAME=tap0",
				      netns_variable,
				      "CNI_PATH=" GO_PLUGINS,
				      "PATH=/usr/bin:/bin",
				      NULL};

static struct command plugin_command(const char *command, const char *input)
{
	static const char *argv[] = {plugin_path, NULL};

	operation_env[0] = command;
	return (struct command){.argv = argv, .envp = operation_env, .input = input};
}

/* Start the daemon bare, time until it is ready, end it. */
static double run_bare(void *arg)
{
	const char *const *options = arg;
	const char *argv[24] = {DAEMON, "-c", "-r", "9", "--netns-type=path"};
	const char *const envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	size_t n = 5;
	int ready[2];
	double start, us = -1;
	char byte;
	pid_t pid;

	while (*options != NULL)
		argv[n++] = *options++;
	argv[n++] = netns_path;
	argv[n++] = "tap0";
	if (pipe2(ready, O_CLOEXEC) < 0)
		bench_die("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ready[1], 9);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	start = bench_now();
	errno = posix_spawn(&pid, DAEMON, &actions, NULL, (char **)(uintptr_t)argv,
			    (char **)(uintptr_t)envp);
	if (errno != 0)
		bench_die("cannot start " DAEMON ": %s", strerror(errno));
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1)
		us = bench_now() - start;
	close(ready[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	posix_spawn_file_actions_destroy(&actions);
	return us;
}

static double run_del(void *arg)
{
	const struct command del = plugin_command("CNI_COMMAND=DEL", conf);

	(void)arg;
	return bench_run(&del, NULL, 0);
}

static double run_add(void *arg)
{
	const struct command add = plugin_command("CNI_COMMAND=ADD", conf);
	const double us = bench_run(&add, result, sizeof(result));

	if (us < 0)
		fprintf(stderr, "%s", result);
	return run_del(arg) < 0 ? -1 : us;
}

/* ADD, then time just CHECK, or just DEL. */
static double run_after_add(void *arg)
{
	const struct command add = plugin_command("CNI_COMMAND=ADD", conf);
	struct command other;
	double us;

	if (bench_run(&add, result, sizeof(result)) < 0)
		return -1;
	if (strcmp(arg, "DEL") == 0)
		return run_del(NULL);
	snprintf(check_input, sizeof(check_input), "%.*s,\"prevResult\":%s}", (int)strlen(conf) - 1,
		 conf, result);
	other = plugin_command("CNI_COMMAND=CHECK", check_input);
	us = bench_run(&other, NULL, 0);
	return run_del(NULL) < 0 ? -1 : us;
}

static double run_version(void *arg)
{
	static const char *const env[] = {"CNI_COMMAND=VERSION", NULL};
	const char *const argv[] = {arg, NULL};
	const struct command version = {
		.argv = argv, .envp = env, .input = "{\"cniVersion\":\"1.0.0\"}"};

	return bench_run(&version, NULL, 0);
}

/* A host of our own: nothing of the machine's is seen or touched. */
static void make_host(void)
{
	struct cni_error err;
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
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
		bench_die("cannot make a host: %s", strerror(errno));
	if (netns_create("/run/netns", "bench", netns_path, sizeof(netns_path), &err) < 0)
		bench_die("%s: %s", err.msg, err.details);
	snprintf(netns_variable, sizeof(netns_variable), "CNI_NETNS=%s", netns_path);
}

static void report_size(void)
{
	const struct command add = plugin_command("CNI_COMMAND=ADD", conf);
	const long kib = bench_peak_memory(&add);
	struct stat st;

	run_del(NULL);
	if (kib < 0 || stat(plugin_path, &st) < 0)
		bench_die("cannot measure memory and size");
	printf("\nSize\n");
	printf("  %-44s %8ld KiB   (goal: at most 3072: %s)\n", "peak memory of ADD", kib,
	       kib <= 3072 ? "reached" : "NOT reached");
	printf("  %-44s %8ld bytes (goal: under 150000: %s)\n", "stripped plugin", (long)st.st_size,
	       st.st_size < 150000 ? "reached" : "NOT reached");
}

int main(int argc, char **argv)
{
	static const char *const same[] = {"--mtu=65520",
					   "--cidr=10.0.2.0/24",
					   "--api-socket=/run/bench.sock",
					   "--disable-host-loopback",
					   "--enable-sandbox",
					   "--enable-seccomp",
					   NULL};
	static const char *const none[] = {NULL};
	struct candidate add[] = {
		{.name = "bare slirp4netns -c -r, same options, ready",
		 .run = run_bare,
		 .arg = (void *)(uintptr_t)same},
		{.name = "slirp4netns plugin, ADD", .run = run_add},
		{.name = "bare slirp4netns -c -r, unconfined, ready",
		 .run = run_bare,
		 .arg = (void *)(uintptr_t)none},
	};
	static const struct goal add_goals[] = {{"ADD / bare, same options", 1, 0, 1.8}};
	struct candidate version[] = {
		{.name = "slirp4netns plugin, VERSION", .run = run_version, .arg = plugin_path},
		{.name = "Go plugin loopback, VERSION",
		 .run = run_version,
		 .arg = (void *)(uintptr_t)GO_PLUGINS "/loopback"},
		{.name = "Go plugin portmap, VERSION",
		 .run = run_version,
		 .arg = (void *)(uintptr_t)GO_PLUGINS "/portmap"},
	};
	static const struct goal version_goals[] = {{"VERSION / loopback", 0, 1, 0.6},
						    {"VERSION / portmap", 0, 2, 0.6}};
	struct candidate rest[] = {
		{.name = "slirp4netns plugin, CHECK",
		 .run = run_after_add,
		 .arg = (void *)(uintptr_t) "CHECK"},
		{.name = "slirp4netns plugin, DEL",
		 .run = run_after_add,
		 .arg = (void *)(uintptr_t) "DEL"},
	};
	const int rounds = argc > 2 ? atoi(argv[2]) : 60;

	if (argc < 2 || rounds < 1 || rounds > BENCH_MAX_ROUNDS)
		bench_die("usage: build/bench/slirp4netns BINDIR [ROUNDS]");
	snprintf(plugin_path, sizeof(plugin_path), "%s/slirp4netns", argv[1]);
	make_host();
	bench_compare("ADD", add, 3, rounds, add_goals, 1);
	bench_compare("VERSION", version, 3, rounds, version_goals, 2);
	bench_compare("CHECK and DEL", rest, 2, rounds, NULL, 0);
	report_size();
	return 0;
}
