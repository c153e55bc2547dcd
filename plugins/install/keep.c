/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop: settle, sleep until something changes, settle again. inotify wakes it when the
 * directories change (a distribution's package that cleans up, a ConfigMap with another list), a
 * signal ends it: no polling.
 */
#include "keep.h"

#include <errno.h>
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
#include "settle.h"
#include "version.h"

/* Return: a descriptor, or -1: then later changes are not mended, but everything is in place. */
static int watch_node(const struct install_options *options)
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
		fprintf(stderr, "note: changes on the node are not watched: %s\n", strerror(errno));
		return -1;
	}
	return take_fd(&fd);
}

static void drain_events(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Sleep until a signal, or until something has changed. Return: whether to go on. */
static bool sleep_until_change(int signals, int changes)
{
	/* A change of one file is often followed by others, so they get a second. */
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
		events[1].fd = -1; /* what follows is read after that second */
	}
	drain_events(changes);
	return true;
}

static int install_complain(const struct cni_error *err)
{
	fprintf(stderr, "usernet-cni-install: %s%s%s\n", err->msg, *err->details ? ": " : "",
		err->details);
	return EXIT_FAILURE;
}

int install_keep(const struct install_options *options)
{
	cleanup_close int signals = -1;
	cleanup_close int changes = -1;
	struct cni_error err = {0};
	sigset_t ends;

	/* Signals are blocked from the beginning: they wait until the files are whole. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signals = signalfd(-1, &ends, SFD_CLOEXEC);
	/*
	 * The watch begins before the first look, so that no change after that is missed. A removal
	 * does not watch: it is done once.
	 */
	changes = options->once || options->absent ? -1 : watch_node(options);
	if (settle(options, true, &err) < 0)
		return install_complain(&err);
	fprintf(stderr, "usernet-cni " USERNET_VERSION " is %s\n",
		options->absent ? "removed" : "in place");
	while (!options->once && sleep_until_change(signals, changes)) {
		if (settle(options, false, &err) < 0)
			return install_complain(&err);
	}
	return EXIT_SUCCESS;
}

int install_check(const struct install_options *options)
{
	struct cni_error err = {0};

	return settle(options, false, &err) < 0 ? install_complain(&err) : EXIT_SUCCESS;
}
