/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats top: rates, live.
 *
 * The loop waits for whichever comes first: a key, a container that comes or goes (inotify), a
 * signal (the terminal's size, an end), or the next reading. Without a terminal it takes two
 * readings, prints the rates between them, and ends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "complain.h"
#include "options.h"
#include "top.h"

#define READING_LIMIT (5 * NS_PER_S)

struct top {
	struct registry registry;
	struct rows rows;
	struct view view;
	struct sweep_job *jobs;
	int interval_ms;
};

static int read_rows(struct top *top, struct cni_error *err)
{
	if (rows_read(&top->rows, &top->registry, top->jobs, monotonic_ns() + READING_LIMIT, err) <
	    0)
		return -1;
	return rows_arrange(&top->rows, err);
}

static void top_add_amount(struct text *out, double value, bool exact)
{
	char human[TEXT_HUMAN_MAX];

	if (exact)
		text_printf(out, " %14.0f", value);
	else
		text_printf(out, " %8s", text_human((uint64_t)value, human));
}

static int print_rows(const struct top *top, struct cni_error *err)
{
	const int w = top->view.exact ? 14 : 8;
	cleanup_text struct text out = {0};

	text_printf(&out, "%-12s %-15s %-12s %*s %*s %*s %*s %*s\n", "CONTAINER", "INTERFACE",
		    "NETWORK", w, "RX/s", w, "TX/s", w, "PKT/s", w, "RX", w, "TX");
	for (size_t i = 0; i < top->rows.n_shown; i++) {
		const struct row *row = top->rows.shown[i];
		cleanup_text struct text name = {0};

		text_add_printable(&name, row->name);
		text_printf(&out, "%-12.12s %-15s %-12.12s", row->id,
			    name.data != NULL ? name.data : "",
			    row->network[0] ? row->network : "-");
		top_add_amount(&out, row->rx, top->view.exact);
		top_add_amount(&out, row->tx, top->view.exact);
		top_add_amount(&out, row->packets, top->view.exact);
		top_add_amount(&out, (double)row->counters.rx.bytes, top->view.exact);
		top_add_amount(&out, (double)row->counters.tx.bytes, top->view.exact);
		text_add(&out, "\n");
	}
	return text_write(&out, STDOUT_FILENO, err);
}

static int top_once(struct top *top, struct cni_error *err)
{
	if (read_rows(top, err) < 0)
		return -1;
	poll(NULL, 0, top->interval_ms);
	if (read_rows(top, err) < 0)
		return -1;
	return print_rows(top, err);
}

static int top_open_signals(struct cni_error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? cni_error_errno(err, CNI_ERR_IO, "cannot wait for signals") : fd;
}

static void take_signals(struct top *top, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			screen_resized();
		else
			top->view.quit = true;
	}
}

static int top_milliseconds_until(int64_t when)
{
	const int64_t left = when - monotonic_ns();

	return left <= 0 ? 0 : (int)(left / NS_PER_MS) + 1;
}

static int top_live(struct top *top, struct cni_error *err)
{
	cleanup_close int signals = top_open_signals(err);
	int64_t next = 0;

	if (signals < 0 || screen_open(err) < 0)
		return -1;
	while (!top->view.quit) {
		struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				       {.fd = top->registry.inotify, .events = POLLIN},
				       {.fd = signals, .events = POLLIN}};
		bool came_or_went = false;

		if (poll(fds, 3, top_milliseconds_until(next)) < 0 && errno != EINTR)
			return cni_error_errno(err, CNI_ERR_IO, "cannot wait for keys");
		/* The terminal is gone. */
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return 0;
		if (fds[1].revents) {
			const unsigned long before = top->registry.generation;

			registry_update(&top->registry, err);
			came_or_went = top->registry.generation != before;
		}
		if (fds[2].revents)
			take_signals(top, signals);
		screen_keys(&top->rows, &top->view);
		if (monotonic_ns() >= next || (came_or_went && !top->view.paused)) {
			next = monotonic_ns() + top->interval_ms * NS_PER_MS;
			if (!top->view.paused && read_rows(top, err) < 0)
				return -1;
		}
		if (rows_arrange(&top->rows, err) < 0)
			return -1;
		screen_draw(&top->rows, &top->view);
	}
	return 0;
}

int top_main(int argc, char **argv)
{
	struct top top = {.registry = REGISTRY_NONE};
	struct top_options options;
	struct cni_error err = {0};
	int ret;

	if (options_of_top(argc, argv, &options) != 0)
		return EXIT_USAGE;
	top.interval_ms = options.interval_ms;
	top.rows.sort = options.sort;
	top.view.exact = options.exact;
	top.jobs = calloc(SWEEP_BLOCK, sizeof(*top.jobs));
	ret = top.jobs != NULL ? registry_watch(&top.registry, &options.where, NULL, &err)
			       : cni_error_nomem(&err);
	if (!ret)
		ret = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? top_live(&top, &err)
								    : top_once(&top, &err);
	screen_close();
	rows_free(&top.rows);
	registry_free(&top.registry);
	if (top.jobs != NULL)
		sweep_jobs_free(top.jobs, SWEEP_BLOCK);
	return ret ? complain_error(&err) : 0;
}
