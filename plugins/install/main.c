// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usernet-cni-install: what the image's container does on a node of Kubernetes.
 *
 * It brings the node into a state, and keeps it there: `present`, the plugins of the image in
 * /opt/cni/bin and then its lists in /etc/cni/net.d; or `absent`. Installing, upgrading, mending
 * and removing are one function, settle(), with different lists of what is wanted.
 *
 * How to remove: two designs.
 *
 * - On SIGTERM, or by a preStop hook. Nothing to learn; but a rolling update ends the old pod in
 * the same way as the removal of the DaemonSet, so each upgrade would take the network's list away,
 * the node would become NotReady, and pods that end meanwhile would find no plugin for their DEL.
 * To tell the two apart needs the API server, and so a token and rights.
 * - A state that the pod template asks for: USERNET_CNI=absent, rolled out like an upgrade, then
 * the DaemonSet is deleted. Costs one command before `kubectl delete`, and who forgets it leaves
 * files behind (which work: plugins without a DaemonSet are plugins).
 *
 * The second. SIGTERM ends the program and leaves everything as it is. There is one pod of a
 * DaemonSet on a node at a time, so the one that installs and the one that removes do not meet; if
 * they do, by another DaemonSet, a lock makes them go one after the other.
 *
 * Then it sleeps. inotify wakes it when the directories change (a distribution's package that
 * cleans up, a ConfigMap with another list), a signal ends it: no polling. What it cannot set right
 * ends it with a reason, and kubelet starts it again, in ever longer intervals, until it can.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "node.h"
#include "place.h"
#include "version.h"

#define BIN_DIR "/opt/cni/bin"
#define NET_DIR "/etc/cni/net.d"
#define STATE_VARIABLE "USERNET_CNI"

struct options {
	const char *host; /* where the node's root is */
	const char *from; /* what to install: bin/ and net.d/ in it */
	bool absent;
	bool once;
	bool check;
};

static int wanted_files(const struct options *options, struct items *plugins, struct items *lists,
			struct cni_error *err)
{
	char path[4096];

	*plugins = *lists = (struct items){0};
	if (options->absent)
		return 0;
	snprintf(path, sizeof(path), "%s/bin", options->from);
	if (items_read(path, NULL, plugins, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/net.d", options->from);
	return items_read(path, ".conflist", lists, err);
}

static int can_use(const struct options *options, const struct place *bin,
		   const struct items *plugins, const struct items *lists, struct cni_error *err)
{
	for (size_t i = 0; i < lists->n; i++) {
		if (node_can_use(options->host, &lists->item[i], bin, plugins, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Lists after the plugins that they name, and plugins that go after the lists that named them.
 * Everything is written before anything is renamed.
 */
static int change(const struct options *options, struct place *bin, const struct items *plugins,
		  struct place *net, const struct items *lists, struct cni_error *err)
{
	if (place_stage(bin, plugins, err) < 0)
		return -1;
	if (place_stage(net, lists, err) < 0) {
		place_unstage(bin, plugins);
		return -1;
	}
	if (place_commit(bin, plugins, err) < 0 || place_commit(net, lists, err) < 0 ||
	    place_retire(net, lists, err) < 0)
		return -1;
	/* A pod may have come while there still was a list. */
	if (options->absent && node_is_unused(options->host, err) < 0)
		return -1;
	return place_retire(bin, plugins, err);
}

static int settle(const struct options *options, bool first, struct cni_error *err)
{
	cleanup_items struct items plugins = {0};
	cleanup_items struct items lists = {0};
	cleanup_place struct place bin = PLACE_NONE;
	cleanup_place struct place net = PLACE_NONE;

	if (wanted_files(options, &plugins, &lists, err) < 0)
		return -1;
	if (options->absent && !options->check && node_is_unused(options->host, err) < 0)
		return -1;
	if (place_open(&bin, options->host, BIN_DIR, 0755, !options->check, err) < 0 ||
	    place_open(&net, options->host, NET_DIR, 0644, !options->check, err) < 0)
		return -1;
	if (can_use(options, &bin, &plugins, &lists, err) < 0)
		return -1;
	if (options->check)
		return place_settled(&bin, &plugins, err) && place_settled(&net, &lists, err) ? 0
											      : -1;
	if (place_lock(&bin, err) < 0 || place_lock(&net, err) < 0 ||
	    place_recover(&bin, err) < 0 || place_recover(&net, err) < 0 ||
	    change(options, &bin, &plugins, &net, &lists, err) < 0)
		return -1;
	if (!options->absent) {
		if (first)
			node_tell_first(&net, &lists);
		return 0;
	}
	return place_leave(&net, err) < 0 || place_leave(&bin, err) < 0 ? -1 : 0;
}

/* Return: a descriptor, or -1: without it nothing is kept in order, but everything is in place. */
static int watch(const struct options *options)
{
	static const char *const on_node[] = {BIN_DIR, NET_DIR};
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_ATTRIB |
			      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
	char path[4096];
	bool failed = fd < 0;

	for (size_t i = 0; !failed && i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", options->host, on_node[i]);
		failed = inotify_add_watch(fd, path, mask) < 0;
	}
	if (!failed) {
		snprintf(path, sizeof(path), "%s/net.d", options->from);
		failed = inotify_add_watch(fd, path, mask) < 0;
	}
	if (failed) {
		fprintf(stderr, "note: changes on the node are not watched for: %s\n",
			strerror(errno));
		return -1;
	}
	return take_fd(&fd);
}

static void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Sleep until a signal, or until something has changed. Return: whether to go on. */
static bool sleep_until_change(int signals, int changes)
{
	/* Who changes one file often changes more: a second for that. */
	const struct itimerspec pause = {.it_value.tv_sec = 1};
	cleanup_close int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct pollfd events[] = {{.fd = signals, .events = POLLIN},
				  {.fd = changes, .events = POLLIN},
				  {.fd = timer, .events = POLLIN}};

	for (;;) {
		if (TEMP_FAILURE_RETRY(poll(events, 3, -1)) < 0 || events[0].revents != 0)
			return false;
		if (events[2].revents != 0)
			break;
		timerfd_settime(timer, 0, &pause, NULL);
		events[1].fd = -1; /* the rest is read together */
	}
	drain(changes);
	return true;
}

static int complain(const struct cni_error *err)
{
	fprintf(stderr, "usernet-cni-install: %s%s%s\n", err->msg, *err->details ? ": " : "",
		err->details);
	return EXIT_FAILURE;
}

static int keep(const struct options *options)
{
	cleanup_close int signals = -1;
	cleanup_close int changes = -1;
	struct cni_error err = {0};
	sigset_t ends;

	/* Blocked from the beginning: a signal waits until the files are whole. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signals = signalfd(-1, &ends, SFD_CLOEXEC);
	/* Before the first look: what changes after it is not missed. Who has gone comes not back.
	 */
	changes = options->once || options->absent ? -1 : watch(options);
	if (settle(options, true, &err) < 0)
		return complain(&err);
	fprintf(stderr, "usernet-cni " USERNET_VERSION " is %s\n",
		options->absent ? "removed" : "in place");
	while (!options->once && sleep_until_change(signals, changes)) {
		if (settle(options, false, &err) < 0)
			return complain(&err);
	}
	return EXIT_SUCCESS;
}

static void usage(FILE *to)
{
	fputs("usage: usernet-cni-install [--check | --once] [--host DIR] [--from DIR]\n"
	      "\n"
	      "Installs CNI plugins and network configuration lists on a node, and keeps them in "
	      "place.\n"
	      "\n"
	      "  --once       end when that is done\n"
	      "  --check      change nothing; exit status 0 when all is as it should be\n"
	      "  --host DIR   where the node's root is (/host): DIR/opt/cni/bin and "
	      "DIR/etc/cni/net.d\n"
	      "               are changed, DIR/usr and DIR/run/usernet-cni are looked at\n"
	      "  --from DIR   what to install (/cni): DIR/bin/* and DIR/net.d/*.conflist\n"
	      "  --version\n"
	      "\n"
	      "USERNET_CNI=absent in the environment: removes what it has installed instead\n"
	      "(USERNET_CNI=present is the default).\n",
	      to);
}

/* Return: -1 to go on, or the exit status. */
static int parse(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"check", no_argument, NULL, 'c'},
		{"once", no_argument, NULL, 'o'},
		{"host", required_argument, NULL, 'H'},
		{"from", required_argument, NULL, 'f'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *state = getenv(STATE_VARIABLE);
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->check = true;
			break;
		case 'o':
			options->once = true;
			break;
		case 'H':
			options->host = optarg;
			break;
		case 'f':
			options->from = optarg;
			break;
		case 'v':
			return version_print("usernet-cni-install");
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	options->absent = state != NULL && strcmp(state, "absent") == 0;
	if (optind < argc || (options->check && options->once)) {
		usage(stderr);
		return 2;
	}
	if (state != NULL && !options->absent && strcmp(state, "present") != 0) {
		fprintf(stderr,
			"usernet-cni-install: " STATE_VARIABLE
			" is \"%.40s\", but must be present or absent\n",
			state);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {.host = "/host", .from = "/cni"};
	struct cni_error err = {0};
	int status = parse(&options, argc, argv);

	if (status >= 0)
		return status;
	if (!options.check)
		return keep(&options);
	return settle(&options, false, &err) < 0 ? complain(&err) : EXIT_SUCCESS;
}
