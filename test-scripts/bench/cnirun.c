/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun -- true against what it stands for: namespaces as unshare -Urn makes them, a bare
 * slirp4netns that reaches ready, true, and the end of both. And add and del, against libcni.
 *
 * The other side of add and del is a compiled Go program that calls libcni and little else, one
 * process per operation, as cnitool and cnirun have it. Both find a shipped list by its name in one
 * directory, execute the same plugins on the same namespace, print the result, and write, read and
 * remove an entry of the same result cache. What both must wait for is the plugins, so they are
 * measured alone as well: what each side adds to them is the rest. Where that is the kernel that
 * takes an interface away, 20 ms, the rest is lost in it; so there is also the list of the
 * reference plugin loopback, which does next to nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "command.h"
#include "slirp.h"

#define USER 1000
#define PLUGINS "/run/plugins"
#define CLIENT "/run/client"
#define NETNS "/run/netns/bench"
#define API_SOCKET "/run/user/1000/bench.sock"

static const char *const environment[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "CNI_PATH=" PLUGINS,
					  "XDG_RUNTIME_DIR=/run/user/1000",
					  "NETCONFPATH=/run/net.d", NULL};

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
	const struct command daemon_command = {.argv = daemon_argv, .envp = environment};
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
		die("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, go[0], 0);
	posix_spawn_file_actions_adddup2(&actions, there[1], 1);
	start = command_now();
	errno = posix_spawn(&pid, unshare_argv[0], &actions, NULL, (char **)(uintptr_t)unshare_argv,
			    (char **)(uintptr_t)environment);
	if (errno != 0 || read(there[0], &byte, 1) != 1)
		die("unshare did not start");
	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	daemon = command_start(&daemon_command, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1 || write(go[1], "\n", 1) != 1)
		die("slirp4netns did not become ready");
	waitpid(pid, NULL, 0);
	kill(daemon, SIGTERM);
	waitpid(daemon, NULL, 0);
	us = command_now() - start;
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

	return command_run(&command, NULL, 0);
}

/* A program that knows add and del, and the network. */
struct runner {
	const char *path;
	const char *network;
};

static double run_add_del(void *arg)
{
	const struct runner *runner = arg;
	const char *argv[] = {runner->path, "add", runner->network, NETNS, NULL};
	const struct command command = {.argv = argv, .envp = environment};
	double add_us, del_us;

	add_us = command_run(&command, NULL, 0);
	argv[1] = "del";
	del_us = add_us < 0 ? -1 : command_run(&command, NULL, 0);
	return del_us < 0 ? -1 : add_us + del_us;
}

/* A list of plugins, as a runtime walks it. */
struct chain {
	const char *const *plugins; /* ends with NULL */
	const char *network;
};

static double call(const struct chain *chain, const char *type, const char *operation, char *result)
{
	const bool add = strcmp(operation, "ADD") == 0;
	char path[64], input[OUTPUT_MAX + 256];
	struct call c;

	snprintf(path, sizeof(path), PLUGINS "/%s", type);
	snprintf(input, sizeof(input),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"%s\",\"type\":\"%s\"%s%s}", chain->network,
		 type, *result ? ",\"prevResult\":" : "", result);
	return command_run(call_plugin(&c, path, operation, "bench", NETNS, input),
			   add ? result : NULL, OUTPUT_MAX);
}

/* The plugins alone, without a caller between that takes time. */
static double run_plugins(void *arg)
{
	static char result[OUTPUT_MAX];
	const struct chain *chain = arg;
	double total = 0, us = 0;
	int n = 0;

	result[0] = '\0';
	for (; chain->plugins[n] != NULL && us >= 0; n++)
		total += us = call(chain, chain->plugins[n], "ADD", result);
	while (n-- > 0 && us >= 0)
		total += us = call(chain, chain->plugins[n], "DEL", result);
	return us < 0 ? -1 : total;
}

static void compare_add_del(struct bench *b, const char *network, const char *const *plugins)
{
	struct chain chain = {.plugins = plugins, .network = network};
	struct runner cnirun = {.path = PLUGINS "/cnirun", .network = network};
	struct runner client = {.path = CLIENT, .network = network};
	struct candidate c[] = {
		{.name = "the plugins alone", .run = run_plugins, .arg = &chain},
		{.name = "cnirun add and cnirun del", .run = run_add_del, .arg = &cnirun},
		{.name = "add and del by libcni", .run = run_add_del, .arg = &client},
	};
	const bool with_client = access(CLIENT, X_OK) == 0;

	bench_compare(b, host_format("cnirun: add and del of the network %s, as root", network),
		      UNIT_MS, bench_rounds(b, 60), c, with_client ? 3 : 2);
	if (!with_client) {
		bench_note(b, "no %s/libcni-client was built: not compared with libcni", b->build);
		return;
	}
	if (strcmp(network, "loopback") == 0)
		bench_figure(b, "cnirun / libcni, loopback", c[1].median / c[2].median, "x");
	else
		bench_goal(b, host_format("cnirun / libcni, %s", network),
			   c[1].median / c[2].median, "x", AT_MOST, 0.6);
	bench_figure(b, host_format("the plugins alone / libcni, %s", network),
		     c[0].median / c[2].median, "x");
}

/* What an ordinary user can execute and read, and a tun device that he can open. */
static void prepare(const struct bench *b)
{
	if (mkdir("/run/user", 0755) < 0 || mkdir("/run/user/1000", 0700) < 0 ||
	    chown("/run/user/1000", USER, USER) < 0 || mkdir(PLUGINS, 0755) < 0 ||
	    mkdir("/run/net.d", 0755) < 0 ||
	    mknod("/run/tun", S_IFCHR | 0666, makedev(10, 200)) < 0 ||
	    chmod("/run/tun", 0666) < 0 ||
	    mount("/run/tun", "/dev/net/tun", NULL, MS_BIND, NULL) < 0)
		die("cannot make a host for a user: %s", strerror(errno));
	host_make("bench");
	host_run("cp %s/slirp4netns %s/netns-portmap %s/netns-stats %s/cnirun " PLUGINS, b->bin,
		 b->bin, b->bin, b->bin);
	host_run("cp " PEERS "/loopback " PLUGINS);
	host_run("cp conf/10-slirp4netns.conflist conf/40-all.conflist /run/net.d");
	host_feed("{\"cniVersion\":\"1.0.0\",\"name\":\"loopback\",\"plugins\":[{\"type\":"
		  "\"loopback\"}]}",
		  "cp /dev/stdin /run/net.d/50-loopback.conflist");
	if (access(host_format("%s/libcni-client", b->build), X_OK) == 0)
		host_run("cp %s/libcni-client " CLIENT, b->build);
}

static void become_user(void)
{
	if (setgroups(0, NULL) < 0 || setgid(USER) < 0 || setuid(USER) < 0)
		die("cannot become an ordinary user: %s", strerror(errno));
}

static void run(struct bench *b)
{
	static const char *const one[] = {"slirp4netns", NULL};
	static const char *const loopback[] = {"loopback", NULL};
	static const char *const all[] = {"slirp4netns", "netns-portmap", "netns-stats", NULL};
	static const char *const run_argv[] = {PLUGINS "/cnirun", "--", "/bin/true", NULL};
	static const char *const same[] = {SAME_OPTIONS(API_SOCKET), NULL};
	static const char *const none[] = {NULL};
	struct candidate c[] = {
		{.name = "unshare -Urn, slirp4netns, same options, true",
		 .run = run_by_hand,
		 .arg = (void *)(uintptr_t)same},
		{.name = "cnirun -- true", .run = run_cnirun, .arg = (void *)(uintptr_t)run_argv},
		{.name = "unshare -Urn, slirp4netns, unconfined, true",
		 .run = run_by_hand,
		 .arg = (void *)(uintptr_t)none},
	};

	prepare(b);
	compare_add_del(b, "slirp", one);
	compare_add_del(b, "usernet", all);
	compare_add_del(b, "loopback", loopback);
	become_user();
	bench_compare(b, "cnirun: a command with a network, as an ordinary user", UNIT_MS,
		      bench_rounds(b, 60), c, 3);
	bench_goal(b, "cnirun -- true / by hand, same options", c[1].median / c[0].median, "x",
		   AT_MOST, 1.6);
	bench_goal(b, "cnirun -- true / by hand, unconfined", c[1].median / c[2].median, "x",
		   AT_MOST, 1.6);
}

const struct subject subject_cnirun = {
	.name = "cnirun",
	.about = "cnirun beside the same by hand, and beside a client of libcni",
	.run = run,
};
