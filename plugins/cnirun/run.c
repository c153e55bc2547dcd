/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun [OPTION...] -- COMMAND: a COMMAND with a network, and nothing left of it afterwards.
 *
 *   place     where the network goes: namespaces of our own (held by a process, see holder.c, or
 *             mounted if they are to be kept), or those of --netns and --pid
 *   entry     in the result cache, so that gc finds what a killed cnirun leaves
 *   ADD       plugin after plugin, undone when one fails
 *   COMMAND   in the place; without one, --pid waits for the end of its process
 *   DEL, entry, place: the first three steps are undone in reverse, however COMMAND ended
 *
 * Plugins are executed in the host's network and mount namespaces, the view that the spec promises
 * them (CNI_NETNS is not their own namespace). An ordinary user's plugins that know nothing of user
 * namespaces are root of the one that owns the network namespace, as they need to be to enter
 * CNI_NETNS; ours stay outside (where_to_execute() in chain.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "commands.h"
#include "conf.h"
#include "holder.h"
#include "job.h"
#include "resolv.h"

#define NETNS_DIR "/run/netns"

struct place {
	char path[PATH_MAX]; /* CNI_NETNS */
	bool mounted;        /* by us: to be unmounted */
	bool lasting;        /* the path is valid after we have ended */
	struct holder holder;
	int pidfd; /* of --pid; -1 if that is not given */
};

static void run_place_leave(struct place *place)
{
	struct cni_error err;

	if (place->mounted && netns_remove(place->path, &err) < 0)
		chain_complain(NULL, &err);
	holder_stop(&place->holder);
	cleanup_close_(&place->pidfd);
}
#define cleanup_place __attribute__((cleanup(run_place_leave)))

/*
 * Mount a process's namespace where other tools look for one. Root can; a user namespace, or a host
 * without /run, has only the path /proc/PID/ns/net.
 */
static void run_persist(struct place *place, pid_t pid)
{
	struct cni_error ignored;

	if (geteuid() != 0 ||
	    netns_persist(pid, NETNS_DIR, NULL, place->path, sizeof(place->path), &ignored) < 0)
		snprintf(place->path, sizeof(place->path), "/proc/%d/ns/net", (int)pid);
	else
		place->mounted = true;
}

static int place_of_process(const struct options *o, struct place *place, struct cni_error *err)
{
	cleanup_netns struct netns ns = NETNS_NONE;

	place->pidfd = (int)syscall(SYS_pidfd_open, o->pid, 0);
	if (place->pidfd < 0)
		return cni_error_errno(err, CNI_ERR_CONTAINER, "--pid: no process %d", (int)o->pid);
	snprintf(place->path, sizeof(place->path), "/proc/%d/ns/net", (int)o->pid);
	if (netns_open(place->path, &ns, err) < 0)
		return cni_error_wrap(err, "--pid");
	if (ns.userns_fd < 0)
		run_persist(place, o->pid);
	place->lasting = true;
	return 0;
}

static int place_of_our_own(const struct options *o, struct place *place, struct cni_error *err)
{
	cleanup_netns struct netns ns = NETNS_NONE;

	if (holder_start(&place->holder, o->verbose, err) < 0 ||
	    netns_open(place->holder.netns, &ns, err) < 0)
		return -1;
	strcpy(place->path, place->holder.netns);
	if (!o->keep)
		return 0;
	if (ns.userns_fd < 0)
		run_persist(place, place->holder.child.pid);
	place->lasting = true;
	return 0;
}

static int place_find(const struct options *o, struct place *place, struct cni_error *err)
{
	if (o->pid > 0)
		return place_of_process(o, place, err);
	if (o->netns == NULL)
		return place_of_our_own(o, place, err);
	if (strlen(o->netns) >= sizeof(place->path))
		return cni_error(err, CNI_ERR_ENVIRONMENT, "--netns: the path is too long");
	strcpy(place->path, o->netns);
	place->lasting = true;
	return 0;
}

/*
 * A namespace that lasts gets the container id that del computes from its path. The path of one of
 * ours has a pid that another process will get, so its container id is random.
 */
static int make_attachment(struct job *job, const struct place *place, struct cni_error *err)
{
	struct options options = job->options;
	char id[sizeof("cnirun-") + 16];
	uint64_t number;

	if (!place->lasting && options.container_id == NULL) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return cni_error_errno(err, CNI_ERR_IO, "cannot get a random name");
		snprintf(id, sizeof(id), "cnirun-%016llx", (unsigned long long)number);
		options.container_id = id;
	}
	return options_attachment(&options, job->list.name, place->path, &job->attachment, err);
}

static int check_usage(const struct options *o, struct cni_error *err)
{
	if (o->netns != NULL && o->pid > 0)
		return cni_error(err, CNI_ERR_CONFIG, "--netns and --pid exclude each other");
	if (o->n_rest > 0 && strcmp(o->rest[-1], "--") != 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "\"%.40s\" is not an option; put a COMMAND after --, and options "
				 "of a subcommand after its name",
				 o->rest[0]);
	if (o->n_rest == 0 && !o->keep && o->pid == 0)
		return cni_error(err, CNI_ERR_CONFIG, "there is no COMMAND; try cnirun --help");
	return 0;
}

/* Wait until the process of --pid has ended, or a signal ends us. */
static void wait_for_process(const struct job *job, const struct place *place)
{
	struct pollfd events[] = {
		{.fd = place->pidfd, .events = POLLIN},
		{.fd = job->signals.ending, .events = POLLIN},
	};

	while (poll(events, 2, -1) < 0 && errno == EINTR)
		;
}

static int run_command(const struct job *job, const char *resolv_conf, int *status,
		       struct cni_error *err)
{
	const struct command command = {
		.argv = job->options.rest,
		.ns = &job->ns,
		.resolv_conf = resolv_conf,
		.signals = &job->signals,
	};

	return command_run(&command, status, err);
}

/* The network stays: say how to remove it later. */
static void run_keep(const struct job *job, struct place *place)
{
	fprintf(stderr, "cnirun: kept; to remove it: cnirun del %s%s%s %s",
		strcmp(job->attachment.key.ifname, "eth0") == 0 ? "" : "--ifname ",
		strcmp(job->attachment.key.ifname, "eth0") == 0 ? "" : job->attachment.key.ifname,
		job->options.network ?: job->list.name, place->path);
	if (place->mounted)
		fprintf(stderr, " && ip netns delete %s", strrchr(place->path, '/') + 1);
	else if (place->holder.child.pid > 0)
		fprintf(stderr, " && kill %d", (int)place->holder.child.pid);
	fputc('\n', stderr);
	place->mounted = false;
	if (place->holder.child.pid > 0 && strcmp(place->path, place->holder.netns) == 0)
		holder_leave(&place->holder);
}

/* From ADD to DEL. */
static int with_network(struct job *job, struct place *place, int *status, struct cni_error *err)
{
	const struct attachment_parameters *a = &job->attachment;
	cleanup_json cJSON *result = NULL;
	cleanup_free char *resolv_conf = NULL;
	struct cni_error del_err;
	int value;

	if (chain_add(&job->chain, &result, err) < 0) {
		job_forget(job);
		return -1;
	}
	value = job_note(job, result, err) < 0 ? -1 : 0;
	if (value == 0)
		value = resolv_text(result, &resolv_conf, err);
	if (value == 0 && job->options.n_rest > 0)
		value = run_command(job, resolv_conf, status, err);
	else if (value == 0 && !job->options.keep)
		wait_for_process(job, place);
	if (value == 0 && job->options.keep) {
		run_keep(job, place);
		return 0;
	}
	job->chain.interrupt_fd = -1; /* the removal is not interrupted */
	if (chain_del(&job->chain, result, true, &del_err) == 0 &&
	    cache_remove(&job->cache, &a->key, &del_err) < 0)
		chain_complain(NULL, &del_err);
	return value;
}

static int run_in_network(struct job *job, int *status, struct cni_error *err)
{
	const struct options *o = &job->options;
	cleanup_place struct place place = {.holder = HOLDER_NONE, .pidfd = -1};
	const struct attachment_parameters *a = &job->attachment;
	int written;

	if (list_find(o->network, o->publish, &job->list, err) < 0 ||
	    options_check_capabilities(o, &job->list, err) < 0 ||
	    results_open(o->cache_dir, RESULTS_CHANGE, &job->cache, err) < 0 ||
	    place_find(o, &place, err) < 0 || make_attachment(job, &place, err) < 0 ||
	    job_open_netns(job, err) < 0 || job_make_chain(job, err) < 0)
		return -1;
	written = job_note(job, NULL, err);
	if (written == 0)
		cni_error(err, CNI_ERR_CONFIG,
			  "%.200s has the network %.60s on %s already; run cnirun del first",
			  a->netns, job->list.name, a->key.ifname);
	if (written <= 0)
		return -1;
	/* The entry is all that a gc needs to see; a gc may run while COMMAND runs. */
	cleanup_close_(&job->cache.lock_fd);
	job->cache.lock_fd = -1;
	return with_network(job, &place, status, err);
}

int run_main(int argc, char **argv)
{
	cleanup_job struct job job = JOB_NONE;
	struct cni_error err = {0};
	struct signalfd_siginfo info;
	int status = 0;

	if (job_parse(argc, argv, FOR_RUN, 0, INT32_MAX, &job, &err) < 0 ||
	    check_usage(&job.options, &err) < 0) {
		chain_complain(NULL, &err);
		return EXIT_OURS;
	}
	if (run_in_network(&job, &status, &err) == 0)
		return status;
	chain_complain(&job.chain, &err);
	if (status == 0 && read(job.signals.ending, &info, sizeof(info)) == sizeof(info))
		return 128 + (int)info.ssi_signo;
	return status ?: EXIT_OURS;
}
