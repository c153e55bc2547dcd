/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sampling many namespaces: what is read in each, and how a child hands it back. The top of
 * common/netns_visit.c tells how they are entered, and what a child's reply is worth.
 */
#include "sweep.h"

#include <stdlib.h>
#include <time.h>

#define LONE_LIMIT (5 * NS_PER_S)

int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

void sweep_jobs_free(struct sweep_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sample_free(&jobs[i].sample);
	free(jobs);
}

/* A job, and what is read. */
struct sweep_reading {
	struct sweep_job *job;
	unsigned int what;
};

static int sweep_open(const void *arg, struct netns *ns, struct cni_error *err)
{
	const struct sweep_job *job = ((const struct sweep_reading *)arg)->job;

	return job->identity == NULL ? netns_open(job->path, ns, err)
				     : cached_netns_reopen(job->path, job->identity, ns, err);
}

/*
 * The cookie proves that it was the namespace of the job, which from outside can be told by device
 * and inode only. It comes with the sample, from the socket that reads it.
 */
static int sweep_read(void *arg, struct cni_error *err)
{
	const struct sweep_reading *r = arg;
	struct sweep_job *job = r->job;
	const uint64_t cookie = job->identity == NULL ? 0 : job->identity->cookie;

	if (sample_here(&job->sample, r->what, err) < 0)
		return cni_error_wrap(err, "%s", job->path);
	if (cookie != 0 && job->sample.cookie != 0 && job->sample.cookie != cookie)
		return cached_netns_is_another(job->path, err);
	return 0;
}

/* What comes before a sample's arrays. */
struct sample_head {
	size_t n_links, n_addresses, detail_len;
	uint64_t cookie;
};

bool sweep_give(const struct sample *s, struct netns_reply *reply)
{
	const struct sample_head head = {s->n_links, s->n_addresses, s->detail.len, s->cookie};

	return netns_reply_give(reply, &head, sizeof(head)) &&
	       netns_reply_give(reply, s->links, s->n_links * sizeof(*s->links)) &&
	       netns_reply_give(reply, s->addresses, s->n_addresses * sizeof(*s->addresses)) &&
	       netns_reply_give(reply, s->detail.data, s->detail.len);
}

static bool sweep_take_detail(struct text *detail, size_t len, struct netns_reply *reply)
{
	char buf[4096];

	while (len > 0) {
		const size_t part = len < sizeof(buf) ? len : sizeof(buf);

		if (!netns_reply_take(reply, buf, part))
			return false;
		text_add_bytes(detail, buf, part);
		len -= part;
	}
	return !detail->failed;
}

bool sweep_take(struct sample *s, struct netns_reply *reply)
{
	const size_t links_max = s->links_max != 0 ? s->links_max : SWEEP_ENTRIES_MAX;
	struct sample_head head;

	s->n_links = s->n_addresses = 0;
	text_reset(&s->detail);
	if (!netns_reply_take(reply, &head, sizeof(head)) || head.n_links > links_max ||
	    head.n_addresses > SWEEP_ENTRIES_MAX || head.detail_len > SWEEP_DETAIL_MAX_BYTES ||
	    head.n_links * sizeof(*s->links) + head.n_addresses * sizeof(*s->addresses) +
			    head.detail_len !=
		    reply->left ||
	    !sample_reserve_links(s, head.n_links) ||
	    !sample_reserve_addresses(s, head.n_addresses) ||
	    !netns_reply_take(reply, s->links, head.n_links * sizeof(*s->links)) ||
	    !netns_reply_take(reply, s->addresses, head.n_addresses * sizeof(*s->addresses)) ||
	    !sweep_take_detail(&s->detail, head.detail_len, reply))
		return false;
	s->n_links = head.n_links;
	s->n_addresses = head.n_addresses;
	s->cookie = head.cookie;
	return sample_is_sane(s);
}

static bool sweep_give_job(const void *arg, struct netns_reply *reply)
{
	return sweep_give(&((const struct sweep_reading *)arg)->job->sample, reply);
}

/* Nothing is kept of a reply that is not well-formed. */
static bool sweep_take_job(void *arg, struct netns_reply *reply)
{
	struct sample *s = &((const struct sweep_reading *)arg)->job->sample;
	const bool sane = sweep_take(s, reply);

	if (!sane)
		sample_free(s);
	return sane;
}

static const struct netns_work sweep_work = {
	.open = sweep_open, .fn = sweep_read, .give = sweep_give_job, .take = sweep_take_job};

static void sweep_prepare(struct sweep_job *job, unsigned int what, struct sweep_reading *reading,
			  struct netns_visit *visit)
{
	job->err.code = 0;
	*reading = (struct sweep_reading){.job = job, .what = what};
	*visit = (struct netns_visit){.arg = reading, .path = job->path, .err = &job->err};
}

void sweep(struct sweep_job *jobs, size_t n, unsigned int what, int64_t deadline)
{
	struct sweep_reading readings[SWEEP_BLOCK];
	struct netns_visit visits[SWEEP_BLOCK];

	for (size_t first = 0, block; first < n; first += block) {
		block = n - first < SWEEP_BLOCK ? n - first : SWEEP_BLOCK;
		for (size_t i = 0; i < block; i++)
			sweep_prepare(&jobs[first + i], what, &readings[i], &visits[i]);
		netns_visit(&sweep_work, visits, block, deadline / NS_PER_MS);
	}
}

int sweep_one(const char *path, const struct netns_identity *identity, unsigned int what,
	      struct sample *sample, struct cni_error *err)
{
	struct sweep_job job = {.path = path, .identity = identity, .sample = *sample};
	struct sweep_reading reading;
	struct netns_visit visit;

	sweep_prepare(&job, what, &reading, &visit);
	netns_visit_one(&sweep_work, &visit, (monotonic_ns() + LONE_LIMIT) / NS_PER_MS);
	*sample = job.sample;
	*err = job.err;
	return err->code != 0 ? -1 : 0;
}
