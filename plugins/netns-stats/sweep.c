// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sampling many namespaces.
 *
 * A namespace is entered by a thread (setns(2) moves only the calling thread), and a thread that
 * is about to end need not come back. So short-lived threads do the visiting, as many as there are
 * processors, up to four; the main thread stays at home, and an exporter that answers for weeks
 * cannot get lost. A thread costs about 30 us, a namespace about 15; the threads also halve the
 * time for a thousand. The plugin role visits one namespace in a call and goes there itself, where
 * it may come back: a thread has a stack to be mapped and must get a processor first, which made a
 * quarter of ADD on an idle machine and most of it on a busy one.
 *
 * An unprivileged user's namespaces belong to user namespaces that must be joined first, and a
 * thread that has joined one cannot leave it (nor can a process with several threads join one). Of
 * these the threads only find out that they may not enter (EPERM). Then a child process per user
 * namespace joins it and reads all of its network namespaces, and hands the samples back through a
 * pipe. Grouped so, a hundred rootless containers under one user namespace cost one fork. The child
 * is out of reach of that namespace's root (netns.c), and believed no more than that root would be.
 *
 * Descriptors of namespaces live from the visit's beginning to its end and no longer: one that is
 * kept would keep the namespace, with its interfaces, long after its container.
 */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "netns.h"

#define THREADS_MAX 4
#define JOBS_PER_THREAD 8 /* fewer do not pay for another thread */
#define LONE_LIMIT (5 * NS_PER_S)
#define DETAIL_MAX_BYTES (16u << 20)
#define ENTRIES_MAX (1u << 20) /* links or addresses of one namespace */

struct sweep {
	struct sweep_job *jobs;
	size_t n;
	unsigned int what;
	int64_t deadline;
	_Atomic size_t next;
};

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

static int late(struct cni_error *err)
{
	return cni_error(err, CNI_ERR_AGAIN,
			 "not read: the time limit was reached before its turn");
}

static void cannot_enter(struct sweep_job *job)
{
	cni_error_errno(&job->err, CNI_ERR_IO,
			"cannot enter the network namespace %s, which takes CAP_SYS_ADMIN",
			job->path);
}

static int another_namespace(const struct sweep_job *job, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_CONTAINER,
			 "no network namespace of this container at %s: the path leads to another "
			 "one now",
			 job->path);
}

/*
 * Open the namespace of a job, if it is the one that the job is about as far as that shows from
 * outside: by boot, device and inode, or at least in not being ours. What proves it, the cookie, is
 * read with the sample, see is_sampled().
 */
static int open_job(const struct sweep_job *job, struct netns *ns, struct cni_error *err)
{
	struct netns_identity identity;

	if (!job->identity)
		return netns_open(job->path, ns, err);
	identity = *job->identity;
	identity.cookie = 0;
	switch (cached_netns_open(job->path, &identity, ns, err)) {
	case CACHED_NETNS_THERE:
		return 0;
	case CACHED_NETNS_OURS_NOW:
		/* An exporter in a container's namespace counts that one as well. */
		if (job->identity->cookie)
			return 0;
		break;
	case CACHED_NETNS_ANOTHER:
		break;
	default:
		return -1; /* with err filled */
	}
	netns_close(ns);
	return another_namespace(job, err);
}

/* Whether a sample was read, and of the namespace that the job is about. */
static bool is_sampled(struct sweep_job *job)
{
	const struct netns_identity *identity = job->identity;

	if (job->err.code)
		return false;
	if (!identity || !identity->cookie || !job->sample.cookie ||
	    identity->cookie == job->sample.cookie)
		return true;
	another_namespace(job, &job->err);
	return false;
}

static void visit(struct sweep_job *job, unsigned int what)
{
	cleanup_netns struct netns ns = NETNS_NONE;

	if (open_job(job, &ns, &job->err))
		return;
	job->foreign = ns.userns_fd >= 0;
	if (job->foreign)
		return;
	if (setns(ns.fd, CLONE_NEWNET) < 0) {
		job->foreign = errno == EPERM;
		cannot_enter(job);
	} else if (sample_here(&job->sample, what, &job->err)) {
		cni_error_wrap(&job->err, "%s", job->path);
	} else {
		is_sampled(job);
	}
}

static void *visitor(void *arg)
{
	struct sweep *s = arg;
	size_t i;

	while ((i = atomic_fetch_add(&s->next, 1)) < s->n) {
		if (monotonic_ns() > s->deadline)
			late(&s->jobs[i].err);
		else
			visit(&s->jobs[i], s->what);
	}
	return NULL;
}

static void visit_all(struct sweep *s)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = s->n / JOBS_PER_THREAD + 1, started = 0;
	pthread_t threads[THREADS_MAX];

	if (n > THREADS_MAX)
		n = THREADS_MAX;
	if (cpus > 0 && n > (size_t)cpus)
		n = (size_t)cpus;
	while (started < n && !pthread_create(&threads[started], NULL, visitor, s))
		started++;
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; !started && i < s->n; i++)
		cni_error(
			&s->jobs[i].err, CNI_ERR_AGAIN,
			"not read: no thread could be started; the limit of processes is reached");
}

/* What a child writes for each of its jobs, followed by the sample's arrays. */
struct answer {
	struct cni_error err;
	size_t n_links, n_addresses, detail_len;
	uint64_t cookie;
};

static bool write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		const ssize_t n = TEMP_FAILURE_RETRY(write(fd, p, len));

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_answer(int fd, const struct sweep_job *job)
{
	const struct sample *s = &job->sample;
	const struct answer a = {job->err, s->n_links, s->n_addresses, s->detail.len, s->cookie};

	return write_all(fd, &a, sizeof(a)) &&
	       write_all(fd, s->links, s->n_links * sizeof(*s->links)) &&
	       write_all(fd, s->addresses, s->n_addresses * sizeof(*s->addresses)) &&
	       write_all(fd, s->detail.data, s->detail.len);
}

/* The jobs of one user namespace, open. */
struct owned {
	struct netns *ns;
	struct sweep_job **jobs;
	size_t n;
};

static void __attribute__((noreturn)) child_main(const struct owned *g, unsigned int what, int fd)
{
	struct cni_error err = {0};

	/* Whoever asked has gone: nobody reads the answer. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	netns_join_owner(&g->ns[0], &err);
	for (size_t i = 0; i < g->n; i++) {
		struct sweep_job *job = g->jobs[i];

		job->err = err;
		if (!err.code && setns(g->ns[i].fd, CLONE_NEWNET) < 0)
			cannot_enter(job);
		else if (!err.code && sample_here(&job->sample, what, &job->err))
			cni_error_wrap(&job->err, "%s", job->path);
		if (!write_answer(fd, job))
			_exit(1);
	}
	_exit(0);
}

/* Exactly len bytes before the deadline. */
static bool read_all(int fd, void *data, size_t len, int64_t deadline)
{
	char *p = data;

	while (len) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		const int64_t left = deadline - monotonic_ns();
		ssize_t n;

		if (left <= 0)
			return false;
		n = poll(&poll_fd, 1, (int)(left / NS_PER_MS) + 1);
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n < 0)
			continue;
		n = TEMP_FAILURE_RETRY(read(fd, p, len));
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_answer(int fd, struct sweep_job *job, int64_t deadline)
{
	struct sample *s = &job->sample;
	struct answer a;

	s->n_links = s->n_addresses = 0;
	text_reset(&s->detail);
	/*
	 * The child is us, but it has been in a container's user namespace: its word is taken for
	 * that of the namespace's root (netns.c says why it should not be).
	 */
	if (!read_all(fd, &a, sizeof(a), deadline) ||
	    a.n_links > (s->links_max ? s->links_max : ENTRIES_MAX) ||
	    a.n_addresses > ENTRIES_MAX || a.detail_len > DETAIL_MAX_BYTES ||
	    !sample_reserve_links(s, a.n_links) || !sample_reserve_addresses(s, a.n_addresses))
		return false;
	if (!read_all(fd, s->links, a.n_links * sizeof(*s->links), deadline) ||
	    !read_all(fd, s->addresses, a.n_addresses * sizeof(*s->addresses), deadline))
		return false;
	while (a.detail_len) {
		char buf[4096];
		const size_t part = a.detail_len < sizeof(buf) ? a.detail_len : sizeof(buf);

		if (!read_all(fd, buf, part, deadline))
			return false;
		text_add_bytes(&s->detail, buf, part);
		a.detail_len -= part;
	}
	s->n_links = a.n_links;
	s->n_addresses = a.n_addresses;
	s->cookie = a.cookie;
	job->err.code = 0;
	if (a.err.code != 0)
		cni_error_copy(&job->err, &a.err);
	return !s->detail.failed && sample_is_sane(s);
}

static void read_group(const struct owned *g, unsigned int what, int64_t deadline)
{
	cleanup_close int in = -1;
	int pipe_fds[2];
	size_t done = 0;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		for (size_t i = 0; i < g->n; i++)
			cni_error_errno(&g->jobs[i]->err, CNI_ERR_IO, "cannot make a pipe");
		return;
	}
	in = pipe_fds[0];
	pid = fork();
	if (pid == 0) {
		close(in);
		child_main(g, what, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	while (pid > 0 && done < g->n && read_answer(in, g->jobs[done], deadline))
		is_sampled(g->jobs[done++]);
	if (pid > 0) {
		kill(pid, SIGKILL); /* unreaped, so its pid is nobody else's */
		TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
	}
	for (; done < g->n; done++) {
		sample_free(&g->jobs[done]->sample);
		cni_error(&g->jobs[done]->err, CNI_ERR_AGAIN,
			  "%s: not read: the process that was to read it did not answer in time, "
			  "or not as it must",
			  g->jobs[done]->path);
	}
}

/* Whether two open namespaces are owned by the same user namespace. */
static bool same_owner(const struct netns *a, const struct netns *b)
{
	struct stat sa, sb;

	if (a->userns_fd < 0 || b->userns_fd < 0)
		return a->userns_fd < 0 && b->userns_fd < 0;
	return !fstat(a->userns_fd, &sa) && !fstat(b->userns_fd, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* The next foreign job and those up to SWEEP_BLOCK that share its owner. Return: whether any. */
static bool next_group(struct sweep *s, struct owned *g)
{
	g->n = 0;
	for (size_t i = 0; i < s->n && g->n < SWEEP_BLOCK; i++) {
		struct sweep_job *job = &s->jobs[i];
		struct netns *ns = &g->ns[g->n];

		if (!job->foreign)
			continue;
		job->err.code = 0;
		if (open_job(job, ns, &job->err)) {
			job->foreign = false;
		} else if (g->n == 0 || same_owner(&g->ns[0], ns)) {
			job->foreign = false;
			g->jobs[g->n++] = job;
			continue;
		}
		netns_close(ns);
	}
	return g->n > 0;
}

static void read_foreign(struct sweep *s)
{
	struct netns ns[SWEEP_BLOCK];
	struct sweep_job *jobs[SWEEP_BLOCK];
	struct owned g = {.ns = ns, .jobs = jobs};

	while (next_group(s, &g)) {
		if (monotonic_ns() > s->deadline)
			for (size_t i = 0; i < g.n; i++)
				late(&g.jobs[i]->err);
		else
			read_group(&g, s->what, s->deadline);
		for (size_t i = 0; i < g.n; i++)
			netns_close(&ns[i]);
	}
}

void sweep(struct sweep_job *jobs, size_t n, unsigned int what, int64_t deadline)
{
	struct sweep s = {.jobs = jobs, .n = n, .what = what, .deadline = deadline};
	bool foreign = false;

	for (size_t i = 0; i < n; i++) {
		jobs[i].err.code = 0;
		jobs[i].foreign = false;
	}
	visit_all(&s);
	for (size_t i = 0; i < n; i++)
		foreign |= jobs[i].foreign;
	if (foreign)
		read_foreign(&s);
}

int sweep_one(const char *path, const struct netns_identity *identity, unsigned int what,
	      struct sample *sample, struct cni_error *err)
{
	struct sweep_job job = {.path = path, .identity = identity, .sample = *sample};
	cleanup_close int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	/* Entering where we are changes nothing and fails just when coming back would. */
	job.foreign = home < 0 || setns(home, CLONE_NEWNET) < 0;
	if (!job.foreign) {
		visit(&job, what);
		if (setns(home, CLONE_NEWNET) < 0)
			cni_error_errno(&job.err, CNI_ERR_IO,
					"cannot come back from the network namespace %s", path);
	}
	if (job.foreign)
		sweep(&job, 1, what, monotonic_ns() + LONE_LIMIT);
	*sample = job.sample;
	*err = job.err;
	return err->code ? -1 : 0;
}
