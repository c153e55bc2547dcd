/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sampling many network namespaces, root's and one's own rootless ones, without staying in any. */
#ifndef NETNS_STATS_SWEEP_H
#define NETNS_STATS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cached.h"
#include "error.h"
#include "netns.h"
#include "sample.h"

/* Namespaces that a caller hands over at a time: the memory needed is that of so many samples. */
#define SWEEP_BLOCK 128

struct sweep_job {
	const char *path; /* of the namespace */
	/* The namespace that it must be. If nothing is noted in it: any that a container may be in,
	 * so neither ours nor that of pid 1. NULL: any, since the user has named the path. */
	const struct netns_identity *identity;
	struct sample sample; /* read when err.code is 0 */
	struct cni_error err;
};

/**
 * sweep() - read the namespaces of n jobs.
 * @jobs:     path and identity set; samples zero-filled or from an earlier sweep
 * @what:     SAMPLE_*
 * @deadline: CLOCK_MONOTONIC, in nanoseconds; what is not read by then has CNI_ERR_AGAIN
 *
 * The calling thread never leaves its namespace, and no descriptor into one of theirs outlasts the
 * call. Each job has its own error: CNI_ERR_CONTAINER if the namespace is gone (or its path leads
 * to another one now), CNI_ERR_ENVIRONMENT if there never was one, CNI_ERR_IO.
 */
void sweep(struct sweep_job *jobs, size_t n, unsigned int what, int64_t deadline);

/* One namespace, within five seconds. Return: 0, or -1 with @err filled. */
int sweep_one(const char *path, const struct netns_identity *identity, unsigned int what,
	      struct sample *sample, struct cni_error *err);

/* Free an allocated array of n jobs, with their samples. */
void sweep_jobs_free(struct sweep_job *jobs, size_t n);

/* A sample as a child hands it back: counts, then links, addresses and detail, each at its length
 * and nothing behind them. sweep_take() checks every length. Return: whether it could be given, or
 * is well-formed. */
bool sweep_give(const struct sample *s, struct netns_reply *reply);
bool sweep_take(struct sample *s, struct netns_reply *reply);
#define SWEEP_ENTRIES_MAX (1u << 20) /* links or addresses of one namespace */
#define SWEEP_DETAIL_MAX_BYTES (16u << 20)

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t monotonic_ns(void);
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

#endif
