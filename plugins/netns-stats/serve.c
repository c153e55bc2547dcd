/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats serve: the exporter.
 *
 * One thread, one loop: libmicrohttpd in its external mode offers an epoll descriptor, and poll(2)
 * waits for that, for inotify (containers that come and go) and for signals. So nothing runs
 * between scrapes, and the reading of namespaces (sweep.c) has no other thread of ours to mind.
 *
 * A scrape reads every namespace and enters none of them for longer than that: no descriptor into
 * one is kept. It has a limit (--limit, 8 seconds, Prometheus gives up after 10), after which the
 * namespaces that are left are counted as errors and the rest is served.
 *
 * What clients can do to it:
 *
 *   many at once     share one reading: a response is sent again for 100 ms, or as long as the
 *                    reading took if that is longer, unless a container came or went
 *   slow, half-open  a connection serves one request and ends: its request must be whole within 5
 *                    seconds, and the response taken within 10 more
 *   too many         1,200 at a time, 128 of a client; one more ends the one that has been waiting
 *                    longest for its request's end, so idle ones cannot keep a scraper out
 *   hoarding memory  responses that are still being sent are counted; beyond 32 of them, those of
 *                    the client that has most are ended
 *   long requests    16 KB for request line and headers together, then 414 or 431
 *
 * What root of a container can do to it is limited as well: 1,024 of its interfaces are read, and
 * 256 are served beside those of its attachments; netns_stats_containers_cut counts the containers
 * that have more. Names of pods longer than 511 bytes are left out; the grammar of the other labels
 * limits them.
 *
 * The exporter notes counters in the records, for a DEL that finds the namespace gone: every 30
 * seconds if they have changed, while no scrape is waiting, and when the exporter ends.
 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "complain.h"
#include "options.h"
#include "plugin.h"
#include "state.h"

#define REUSE_MIN (100 * NS_PER_MS)
#define REMEMBER_EVERY (30 * NS_PER_S)
#define LINKS_READ_MAX 1024
#define LINKS_SERVED_MAX 256
#define ERROR_LINES_MAX 10 /* of one scrape, on stderr */

/* Note the counters of one namespace in its records. */
static void remember(struct exporter *x, const struct container *c, const struct sweep_job *job)
{
	struct cni_error err = {0};

	for (size_t i = 0; i < c->n; i++) {
		const struct registry_entry *a = &c->attachments[i];

		if (a->source == SOURCE_RECORD &&
		    plugin_remember(x->where.state_dir, &a->key, &job->sample, &err) < 0)
			complain_error(&err);
	}
}

/* A container's traffic as one number, which tells whether anything has changed since it was noted.
 */
static uint64_t fingerprint(const struct sample *s)
{
	uint64_t sum = s->n_links;

	for (size_t i = 0; i < s->n_links; i++) {
		const struct rtnl_link_stats64 *st = &s->links[i].stats;

		if (!(s->links[i].flags & IFF_LOOPBACK))
			sum = sum * 31 + st->rx_bytes + st->tx_bytes + st->rx_packets +
			      st->tx_packets + st->rx_dropped + st->tx_dropped;
	}
	return sum;
}

/* Room for what is noted per container; it starts anew when containers have come or gone. */
static bool prepare_notes(struct exporter *x, size_t n)
{
	if (x->notes != NULL && x->notes_generation == x->registry.generation)
		return true;
	free(x->notes);
	x->notes = calloc(n ? n : 1, sizeof(*x->notes));
	x->notes_generation = x->registry.generation;
	return x->notes != NULL;
}

/*
 * Read every namespace, by blocks. @note: the counters go into the records, not into the
 * exposition. Return: how many could not be read, or -1 out of memory.
 */
static int read_all_namespaces(struct exporter *x, const struct container_list *list, bool note,
			       struct cni_error *err)
{
	const int64_t deadline = monotonic_ns() + x->limit_ms * NS_PER_MS;
	int failed = 0;

	for (size_t i = 0; i < list->n; i += SWEEP_BLOCK) {
		const size_t left = list->n - i, n = left < SWEEP_BLOCK ? left : SWEEP_BLOCK;
		const struct container *c = &list->all[i];

		for (size_t k = 0; k < n; k++) {
			x->jobs[k].path = c[k].netns;
			x->jobs[k].identity = c[k].identity;
			x->jobs[k].sample.links_max = LINKS_READ_MAX;
		}
		sweep(x->jobs, n, 0, deadline);
		for (size_t k = 0; k < n; k++) {
			const struct sweep_job *job = &x->jobs[k];
			uint64_t print;

			if (job->err.code) {
				if (!note && failed < ERROR_LINES_MAX && !x->quiet)
					fprintf(stderr, PLUGIN_NAME ": %s: %s\n", c[k].id,
						job->err.msg);
				failed++;
				continue;
			}
			if (!note) {
				if (exposition_add(&x->exposition, &c[k], &job->sample, x->loopback,
						   err) < 0)
					return -1;
				continue;
			}
			print = fingerprint(&job->sample);
			if (x->notes[i + k] != print)
				remember(x, &c[k], job);
			x->notes[i + k] = print;
		}
	}
	return failed;
}

static void print_complaints(struct exporter *x)
{
	if (x->complaints.len)
		fputs(x->complaints.data, stderr);
	text_reset(&x->complaints);
}

int exporter_scrape(struct exporter *x, bool openmetrics, struct text *out, struct cni_error *err)
{
	cleanup_container_list struct container_list list = {0};
	struct exposition_self self = {0};
	const int64_t begin = monotonic_ns();
	int failed;

	exposition_reset(&x->exposition);
	if (container_list_add(&list, &x->registry, 0, x->registry.n, err) < 0)
		return -1;
	failed = read_all_namespaces(x, &list, false, err);
	if (failed < 0)
		return -1;
	x->errors += (uint64_t)failed;
	x->scrapes++;
	x->duration = monotonic_ns() - begin;
	self.duration = (double)x->duration / NS_PER_S;
	self.scrapes = x->scrapes;
	self.errors = x->errors;
	self.containers = list.n;
	self.unreadable = (size_t)failed;
	self.ended = x->ended;
	for (size_t i = 0; i < x->registry.n; i++)
		self.attachments += i == 0 || !registry_same_attachment(&x->registry.all[i],
									&x->registry.all[i - 1]);
	return exposition_print(&x->exposition, openmetrics, &self, out, err);
}

unsigned long exporter_update(struct exporter *x)
{
	struct cni_error err = {0};

	if (registry_update(&x->registry, &err) != 0)
		complain_error(&err);
	print_complaints(x);
	return x->registry.generation;
}

int64_t exporter_reuse(const struct exporter *x)
{
	return x->duration > REUSE_MIN ? x->duration : REUSE_MIN;
}

static void note_all(struct exporter *x)
{
	cleanup_container_list struct container_list list = {0};
	struct cni_error err = {0};

	if (container_list_add(&list, &x->registry, 0, x->registry.n, &err) < 0 ||
	    !prepare_notes(x, list.n) || read_all_namespaces(x, &list, true, &err) < 0)
		complain_error(&err);
}

static int serve_open_signals(struct cni_error *err)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? cni_error_errno(err, CNI_ERR_IO, "cannot wait for signals") : fd;
}

static int serve_milliseconds_until(int64_t when)
{
	const int64_t left = when - monotonic_ns();

	if (left <= 0)
		return 0;
	return left > 3600 * NS_PER_S ? 3600 * 1000 : (int)(left / NS_PER_MS) + 1;
}

static int loop(struct exporter *x, struct http_server *server, int signals, struct cni_error *err)
{
	int64_t note_at = monotonic_ns() + REMEMBER_EVERY;

	for (;;) {
		struct pollfd fds[] = {{.fd = http_server_fd(server), .events = POLLIN},
				       {.fd = x->registry.inotify, .events = POLLIN},
				       {.fd = signals, .events = POLLIN}};
		const int64_t http_at = http_server_deadline(server);
		const int n = poll(fds, 3,
				   serve_milliseconds_until(http_at < note_at ? http_at : note_at));

		if (n < 0 && errno != EINTR)
			return cni_error_errno(err, CNI_ERR_IO, "cannot wait for requests");
		if (n > 0 && fds[2].revents) {
			note_all(x);
			return 0;
		}
		if (n > 0 && fds[1].revents)
			exporter_update(x);
		http_server_run(server);
		if (monotonic_ns() >= note_at) {
			note_all(x);
			note_at = monotonic_ns() + REMEMBER_EVERY;
		}
	}
}

/* Each connection needs a descriptor. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void exporter_free(struct exporter *x)
{
	registry_free(&x->registry);
	exposition_free(&x->exposition);
	text_free(&x->complaints);
	if (x->jobs != NULL)
		sweep_jobs_free(x->jobs, SWEEP_BLOCK);
	free(x->notes);
}

static int serve_run(struct exporter *x, const char *address, struct cni_error *err)
{
	__attribute__((cleanup(http_server_stop))) struct http_server *server = NULL;
	cleanup_state struct state state = STATE_NONE;
	cleanup_close int signals = -1;

	raise_descriptor_limit();
	/* It is made if it is missing, because only a directory that is there can be watched. */
	if (state_open(x->where.state_dir, PLUGIN_NAME, NULL, true, &state, err) < 0)
		return -1;
	state_close(&state);
	x->jobs = calloc(SWEEP_BLOCK, sizeof(*x->jobs));
	if (x->jobs == NULL)
		return cni_error_nomem(err);
	signals = serve_open_signals(err);
	if (signals < 0 || http_server_start(address, x, &server, err) < 0 ||
	    registry_watch(&x->registry, &x->where, &x->complaints, err) != 0)
		return -1;
	print_complaints(x);
	fprintf(stderr, PLUGIN_NAME ": serving http://%s/metrics\n", http_server_address(server));
	return loop(x, server, signals, err);
}

int serve_main(int argc, char **argv)
{
	struct serve_options options;
	struct exporter x = {.registry = REGISTRY_NONE, .exposition.links_max = LINKS_SERVED_MAX};
	struct cni_error err = {0};
	int ret;

	if (options_of_serve(argc, argv, &options) != 0)
		return EXIT_USAGE;
	x.where = options.where;
	x.limit_ms = options.limit_ms;
	x.loopback = options.loopback;
	x.quiet = options.quiet;
	ret = serve_run(&x, options.address, &err);
	exporter_free(&x);
	return ret ? complain_error(&err) : 0;
}
