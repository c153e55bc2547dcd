/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun -- true against what it stands for: namespaces as unshare -Urn makes them, a bare
 * slirp4netns that reaches ready, true, and the end of both. And add and del, against libcni.
 *
 * The other side of add and del is test-scripts/libcni/client.go, a compiled Go program that calls
 * libcni and little else, one process per operation, as cnitool and cnirun have it. Both find a
 * shipped list by its name in one directory, execute the same plugins on the same namespace, print
 * the result, and write, read and remove an entry of the same result cache. What both must wait for
 * is the plugins, so they are measured alone as well: what each side adds to them is the rest. With
 * slirp4netns nearly all of that is one thing: the kernel takes 15 to 30 ms to unregister a tap,
 * whoever closes it. So the two are compared once more over a plugin that does nothing but answer,
 * which is this program.
 *
 * Runs in network, mount and pid namespaces of its own, as an ordinary user where it says so.
 *
 * usage: build/bench/cnirun BINDIR CLIENT CONFDIR [ROUNDS]
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
#define CNIRUN "/run/plugins/cnirun"
#define CLIENT "/run/client"
#define API_SOCKET "/run/user/1000/bench.sock"

static char netns_path[64];
static const char *const environment[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin",
					  "CNI_PATH=/run/plugins", "XDG_RUNTIME_DIR=/run/user/1000",
					  "NETCONFPATH=/run/net.d", NULL};

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

/* A program that knows add and del, and the network. */
struct runner {
	const char *path;
	const char *network;
};

static double run_add_del(void *arg)
{
	const struct runner *runner = arg;
	const char *argv[] = {runner->path, "add", runner->network, netns_path, NULL};
	const struct command command = {.argv = argv, .envp = environment};
	double add_us, del_us;

	add_us = bench_run(&command, NULL, 0);
	argv[1] = "del";
	del_us = add_us < 0 ? -1 : bench_run(&command, NULL, 0);
	return del_us < 0 ? -1 : add_us + del_us;
}

/* What a runtime gives to the plugins of a list, the last result apart. */
struct chain {
	const char *const *plugins; /* ends with NULL */
	const char *network;
};

static double call_plugin(const struct chain *chain, const char *plugin, const char *operation,
			  char *result, size_t size)
{
	char path[64], command_variable[32], netns_variable[100], input[8192];
	const char *const argv[] = {path, NULL};
	const char *const envp[] = {command_variable,
				    "CNI_CONTAINERID=bench",
				    "CNI_IFNAME=eth0",
				    netns_variable,
				    environment[0],
				    environment[1],
				    NULL};
	const struct command command = {.argv = argv, .envp = envp, .input = input};
	const bool add = strcmp(operation, "ADD") == 0;

	snprintf(path, sizeof(path), "/run/plugins/%s", plugin);
	snprintf(command_variable, sizeof(command_variable), "CNI_COMMAND=%s", operation);
	snprintf(netns_variable, sizeof(netns_variable), "CNI_NETNS=%s", netns_path);
	snprintf(input, sizeof(input),
		 "{\"cniVersion\":\"1.1.0\",\"name\":\"%s\",\"type\":\"%s\"%s%s}", chain->network,
		 plugin, *result ? ",\"prevResult\":" : "", result);
	return bench_run(&command, add ? result : NULL, add ? size : 0);
}

/* The plugin that does nothing: what it is asked, it must read. */
static int be_plugin(const char *operation)
{
	char dropped[4096];

	while (read(0, dropped, sizeof(dropped)) > 0)
		;
	return strcmp(operation, "ADD") == 0 &&
	       puts("{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"192.0.2.1/24\"}]}") < 0;
}

/* The plugins, executed by nobody that would take time for it. */
static double run_plugins(void *arg)
{
	const struct chain *chain = arg;
	char result[4096] = "";
	double total = 0, us = 0;
	int n = 0;

	for (; chain->plugins[n] != NULL && us >= 0; n++)
		total += us = call_plugin(chain, chain->plugins[n], "ADD", result, sizeof(result));
	while (n-- > 0 && us >= 0)
		total += us = call_plugin(chain, chain->plugins[n], "DEL", result, sizeof(result));
	return us < 0 ? -1 : total;
}

static void copy(const char *dir, const char *name, const char *to)
{
	char from[4096];
	const char *const argv[] = {"/bin/cp", from, to, NULL};
	int status;

	snprintf(from, sizeof(from), "%s%s%s", dir, *name ? "/" : "", name);
	waitpid(spawn(argv, -1), &status, 0);
	if (status != 0)
		bench_die("cannot copy %s", from);
}

/* A host of our own: nothing of the machine's is seen or touched. */
static void make_host(const char *bin, const char *client, const char *conf)
{
	struct cni_error err;
	FILE *list;
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
	    mkdir("/run/plugins", 0755) < 0 || mkdir("/run/net.d", 0755) < 0 ||
	    (mkdir("/var/lib/cni", 0700) < 0 && errno != EEXIST) ||
	    mount("tmpfs", "/var/lib/cni", "tmpfs", 0, "mode=700") < 0 ||
	    mknod("/run/tun", S_IFCHR | 0666, makedev(10, 200)) < 0 ||
	    chmod("/run/tun", 0666) < 0 ||
	    mount("/run/tun", "/dev/net/tun", NULL, MS_BIND, NULL) < 0)
		bench_die("cannot make a host: %s", strerror(errno));
	if (netns_create("/run/netns", "bench", netns_path, sizeof(netns_path), &err) < 0)
		bench_die("%s: %s", err.msg, err.details);
	/* An ordinary user can execute them there. */
	copy(bin, "slirp4netns", "/run/plugins");
	copy(bin, "netns-portmap", "/run/plugins");
	copy(bin, "netns-stats", "/run/plugins");
	copy(bin, "cnirun", "/run/plugins");
	copy(client, "", CLIENT);
	copy(conf, "10-slirp4netns.conflist", "/run/net.d");
	copy(conf, "40-all.conflist", "/run/net.d");
	copy("/proc/1/exe", "", "/run/plugins/nothing"); /* us */
	list = fopen("/run/net.d/nothing.conflist", "we");
	if (list == NULL ||
	    fputs("{\"cniVersion\":\"1.0.0\",\"name\":\"nothing\",\"plugins\":[{\"type\":"
		  "\"nothing\"}]}",
		  list) < 0 ||
	    fclose(list) != 0)
		bench_die("cannot write a list: %s", strerror(errno));
}

static void become_user(void)
{
	if (setgroups(0, NULL) < 0 || setgid(USER) < 0 || setuid(USER) < 0)
		bench_die("cannot become an ordinary user: %s", strerror(errno));
}

static void compare_add_del(const char *network, const char *const *plugins, int rounds)
{
	struct chain chain = {.plugins = plugins, .network = network};
	struct runner cnirun = {.path = CNIRUN, .network = network};
	struct runner client = {.path = CLIENT, .network = network};
	struct candidate candidates[] = {
		{.name = "the plugins alone", .run = run_plugins, .arg = &chain},
		{.name = "cnirun add and cnirun del", .run = run_add_del, .arg = &cnirun},
		{.name = "add and del by libcni", .run = run_add_del, .arg = &client},
	};
	static const struct goal goals[] = {{"cnirun / libcni", 1, 2, 0.6},
					    {"at best: the plugins / libcni", 0, 2, 0.6}};
	char title[100];

	snprintf(title, sizeof(title), "add and del of the network %s, as root", network);
	bench_compare(title, candidates, 3, rounds, goals, 2);
}

int main(int argc, char **argv)
{
	static const char *const run_argv[] = {CNIRUN, "--", "/bin/true", NULL};
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
	const int rounds = argc > 4 ? atoi(argv[4]) : 60;
	const char *operation = getenv("CNI_COMMAND");

	if (operation != NULL)
		return be_plugin(operation);
	if (argc < 4 || rounds < 1 || rounds > BENCH_MAX_ROUNDS)
		bench_die("usage: build/bench/cnirun BINDIR CLIENT CONFDIR [ROUNDS]");
	make_host(argv[1], argv[2], argv[3]);
	compare_add_del("slirp", (const char *const[]){"slirp4netns", NULL}, rounds);
	compare_add_del("usernet",
			(const char *const[]){"slirp4netns", "netns-portmap", "netns-stats", NULL},
			rounds);
	compare_add_del("nothing", (const char *const[]){"nothing", NULL}, rounds);
	become_user();
	bench_compare("A command with a network, as an ordinary user", run, 3, rounds, run_goals,
		      2);
	return 0;
}
