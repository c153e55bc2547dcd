/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Visiting network namespaces, one or a thousand, and bringing back what was found there.
 *
 * Who may enter one. setns(2) wants CAP_SYS_ADMIN in the user namespace that owns the network
 * namespace and in the caller's own. Root has both. An ordinary user has neither, until he joins
 * the owning user namespace, which he may if he created it. That cannot be undone, and from inside
 * there is no way back to the namespace that he came from. So there are three ways to enter:
 *
 * - The calling thread itself enters a single namespace, if entering its own namespace anew
 *   succeeds: that changes nothing, but needs the same rights as coming back. A thread for it would
 *   need a stack to be mapped and would have to get a processor first, which made a quarter of a
 *   plugin's ADD on an idle machine and most of it on a busy one.
 * - Threads enter many namespaces: setns(2) moves only the calling thread, and a thread that is
 *   about to end need not come back. As many short-lived threads as there are processors, up to
 *   four, do the visits; the caller stays in its namespace, so an exporter that runs for weeks
 *   cannot get lost. A thread costs about 30 us and a namespace about 15; the threads also halve
 *   the time for a thousand.
 * - When a user namespace must be joined first, a child enters and never returns (a process with
 *   several threads cannot join one). One child for each such user namespace visits all network
 *   namespaces that it owns: a hundred rootless containers under one user namespace cost one fork,
 *   of about 0.1 ms.
 *
 * Descriptors of namespaces are open from the beginning of a visit to its end and no longer: one
 * that is kept would keep the namespace, with its interfaces, long after its container. So when a
 * thread finds that a child must do a visit, it closes the namespace, and it is opened once more
 * for the child.
 *
 * How a child hands its results back. There are two designs:
 *
 * - A pipe that is read while the child writes. Nothing is held twice. But the reader sees half a
 *   reply of a process that may still do anything, every read has to keep the deadline, and a child
 *   that somebody has stopped (below) is noticed only at the deadline, because neither a pipe nor a
 *   pidfd reports that.
 * - A file in memory (memfd_create(2)) that is read after the end of the child. The results are
 *   held twice for a moment, and the caller is idle meanwhile. But the wait is one waitpid(2),
 *   which reports stops; what is read does not change any more; a child that was killed in its
 *   tenth visit leaves nine whole replies; and the same protocol serves one namespace and many. The
 *   limit of the size of files (RLIMIT_FSIZE) applies to it, which a pipe does not have.
 *
 * The second is used. The file has a header for each visit (that it is done, the value, the error,
 * the length of what follows), which is written after what it describes: without a header there is
 * no reply. If the child shared our memory, as with vfork, the results would be there without a
 * copy at half the cost, but no tool that watches memory (valgrind, the sanitizers) follows that.
 *
 * Who may look into a process that has joined a user namespace. The process has our user, our
 * mounts and our descriptors, and is in a user namespace that somebody else may be root of. Where
 * that root sees its pid (a shared pid namespace, a /proc of the host's), the kernel requires
 * (ptrace(2), "Ptrace access mode checking"; the same for /proc/PID/mem, fd, root, cwd, ns, for
 * pidfd_getfd(2), process_vm_readv(2) and setns(2) on a pidfd):
 *
 *   1. the same user and group ids in all places, or CAP_SYS_PTRACE in the user namespace that the
 *      process is in now;
 *   2. that its memory is "dumpable", or CAP_SYS_PTRACE in the user namespace that the memory
 *      belongs to;
 *   3. no fewer capabilities in the same user namespace, or CAP_SYS_PTRACE as in 1.
 *
 * The root of the namespace meets 1 and 3, whatever ids it maps. So all depends on 2. A setns(2) to
 * a user namespace of our own leaves a process dumpable. But it keeps its memory too, and memory
 * belongs to the user namespace in which its program was executed (fork copies that): the one
 * outside. So a process that is not dumpable is out of reach from the moment in which it joins.
 * Exec undoes both: the new memory belongs to the namespace inside and is dumpable, and there even
 * "not dumpable" would not protect it. Therefore nothing that needs protection is executed inside,
 * and only a child of ours that runs one function joins, never a program.
 *
 * The pid itself cannot be hidden, and ptrace's rules do not hold for signals: CAP_KILL in the
 * namespace can stop or kill the child. Then there is no reply, and nobody waits longer for it.
 *
 * A namespace's root may have made what the child has seen inside; and if something above were
 * wrong, that root could have written the child's reply. So a reply is treated as hostile: no
 * length leads beyond its end, texts are terminated, a socket is proved to be of the kind that was
 * asked for. It is copied before it is read, and that only after the end of the child. After the
 * first reply that is not valid, no further one is trusted.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "process.h"

#define OWN_NETNS "/proc/self/ns/net"
#define THREADS_MAX 4
#define VISITS_PER_THREAD 8 /* fewer visits are not worth another thread */
#define GROUP_MAX 128       /* namespaces that are open at the same time, with their owners */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* linux/memfd.h of Linux 6.3 */
#endif

/* Move bytes between memory and the file. Return: whether all of them were moved. */
static bool reply_move(struct netns_reply *reply, char *p, size_t size, bool give)
{
	if (size > reply->left)
		return false;
	reply->left -= size;
	while (size > 0) {
		const ssize_t n = TEMP_FAILURE_RETRY(give ? pwrite(reply->fd, p, size, reply->at)
							  : pread(reply->fd, p, size, reply->at));

		if (n <= 0)
			return false;
		p += n;
		reply->at += n;
		size -= (size_t)n;
	}
	return true;
}

bool netns_reply_give(struct netns_reply *reply, const void *data, size_t size)
{
	return reply_move(reply, (char *)(uintptr_t)data, size, true);
}

bool netns_reply_take(struct netns_reply *reply, void *data, size_t size)
{
	return reply_move(reply, data, size, false);
}

/* It stands before what a child hands back of a visit. */
struct visit_header {
	int done; /* 1 */
	int value;
	size_t size;
	struct cni_error err;
};

static void visit_name_path(const struct netns_visit *visit, struct cni_error *err)
{
	if (visit->path != NULL)
		cni_error_wrap(err, "%s", visit->path);
}

/* The visit fails with a message of its own. */
static void visit_failed(struct netns_visit *visit)
{
	visit->value = -1;
	visit_name_path(visit, visit->err);
}

/* The error of setns(2), which is EPERM unless the kernel runs out of something. */
static int not_allowed(struct cni_error *err)
{
	return cni_error_errno(err, CNI_ERR_IO,
			       "cannot enter the network namespace; it must belong to a user "
			       "namespace of this user, or the caller must have CAP_SYS_ADMIN");
}

/* Return: the namespace of the visit, or NULL. @opened: receives it, to be closed, when it was not
 * open yet. */
static const struct netns *open_visit(const struct netns_work *work, struct netns_visit *visit,
				      struct netns *opened)
{
	if (visit->ns != NULL || work->open == NULL)
		return visit->ns;
	visit->value = work->open(visit->arg, opened, visit->err);
	return visit->value < 0 ? NULL : opened;
}

/* Visit in this thread, which can enter as it is. The caller sees to the way back. */
static void visit_here(const struct netns_work *work, struct netns_visit *visit)
{
	cleanup_netns struct netns opened = NETNS_NONE;
	const struct netns *ns = open_visit(work, visit, &opened);
	struct stat st;

	if (ns == NULL)
		return;
	if (ns->userns_fd >= 0 && fstat(ns->userns_fd, &st) == 0) {
		visit->foreign = true;
		visit->owner_dev = st.st_dev;
		visit->owner_ino = st.st_ino;
	} else if (setns(ns->fd, CLONE_NEWNET) < 0) {
		not_allowed(visit->err);
		visit_failed(visit);
	} else {
		visit->value = work->fn(visit->arg, visit->err);
	}
}

static void visit_too_late(struct netns_visit *visit)
{
	cni_error(visit->err, CNI_ERR_AGAIN,
		  "not visited: the time limit was reached before its turn");
	visit_failed(visit);
}

/* Visits that threads share. */
struct visit_shared {
	const struct netns_work *work;
	struct netns_visit *visits;
	size_t n;
	int64_t deadline;
	_Atomic size_t next;
};

static void *visitor(void *arg)
{
	struct visit_shared *s = arg;
	size_t i;

	while ((i = atomic_fetch_add(&s->next, 1)) < s->n) {
		if (monotonic_ms() > s->deadline)
			visit_too_late(&s->visits[i]);
		else
			visit_here(s->work, &s->visits[i]);
	}
	return NULL;
}

static void visit_by_threads(struct visit_shared *s)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = s->n / VISITS_PER_THREAD + 1, started = 0;
	pthread_t threads[THREADS_MAX];

	if (n > THREADS_MAX)
		n = THREADS_MAX;
	if (cpus > 0 && n > (size_t)cpus)
		n = (size_t)cpus;
	while (started < n && pthread_create(&threads[started], NULL, visitor, s) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; started == 0 && i < s->n; i++) {
		cni_error(s->visits[i].err, CNI_ERR_AGAIN,
			  "not visited: no thread could be started; the limit of processes is "
			  "reached");
		visit_failed(&s->visits[i]);
	}
}

/* The namespaces of one user namespace, open, and the child that visits them. */
struct visit_group {
	const struct netns_work *work;
	struct netns_visit *visits[GROUP_MAX];
	const struct netns *ns[GROUP_MAX];
	struct netns opened[GROUP_MAX];
	size_t n;
	pid_t parent;
	int fd;
};

static void visit_group_close(struct visit_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		netns_close(&g->opened[i]);
	cleanup_close_(&g->fd);
}

/* Write a reply. Return: the offset of the next one, or -1 when this one could not be written. */
static off_t visit_reply(const struct netns_work *work, const struct netns_visit *visit,
			 struct visit_header *header, int fd, off_t at)
{
	struct netns_reply reply = {fd, at + (off_t)sizeof(*header), NETNS_REPLY_MAX_BYTES};
	struct netns_reply head = {fd, at, sizeof(*header)};

	if (!work->give(visit->arg, &reply))
		return -1;
	header->size = NETNS_REPLY_MAX_BYTES - reply.left;
	header->done = 1;
	return netns_reply_give(&head, header, sizeof(*header)) ? reply.at : -1;
}

static int visit_group_main(void *arg)
{
	struct visit_group *g = arg;
	const int owner = g->ns[0]->userns_fd;
	const bool joined = owner < 0 || process_join_userns(owner) == 0;
	const int errnum = errno;
	off_t at = 0;

	child_die_with(g->parent, SIGKILL); /* again: joining has undone it */
	for (size_t i = 0; i < g->n && at >= 0; i++) {
		struct visit_header header = {.value = -1};

		errno = errnum;
		if (!joined || setns(g->ns[i]->fd, CLONE_NEWNET) < 0) {
			not_allowed(&header.err);
			visit_name_path(g->visits[i], &header.err);
		} else {
			header.value = g->work->fn(g->visits[i]->arg, &header.err);
		}
		at = visit_reply(g->work, g->visits[i], &header, g->fd, at);
	}
	return at < 0;
}

/* Read a reply. Return: whether there is one, and it is valid. */
static bool visit_hear(const struct netns_work *work, struct netns_visit *visit, int fd, off_t *at)
{
	struct netns_reply reply = {fd, *at, sizeof(struct visit_header)};
	struct visit_header header;

	if (!netns_reply_take(&reply, &header, sizeof(header)) || header.done != 1 ||
	    header.size > NETNS_REPLY_MAX_BYTES)
		return false;
	reply.left = header.size;
	if (!work->take(visit->arg, &reply) || reply.left != 0)
		return false;
	*at = reply.at;
	visit->value = header.value;
	if (visit->value < 0)
		cni_error_copy(visit->err, &header.err);
	return true;
}

static int make_memory(void)
{
	const int fd = memfd_create("visit", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	/* Older kernels do not know the flag; newer ones may insist on it (vm.memfd_noexec). */
	return fd < 0 && errno == EINVAL ? memfd_create("visit", MFD_CLOEXEC) : fd;
}

static void visit_by_child(struct visit_group *g, int64_t deadline)
{
	const struct child_spec spec = {.purpose = "enter the network namespace",
					.fn = visit_group_main,
					.arg = g,
					.deadline = deadline,
					.death_signal = SIGKILL};
	cleanup_child struct child child = CHILD_NONE;
	struct cni_error err = {0};
	bool heard;
	off_t at = 0;

	g->parent = getpid();
	g->fd = make_memory();
	if (g->fd < 0)
		cni_error_errno(&err, CNI_ERR_IO, "cannot make a file in memory");
	else if (child_start(&spec, &child, &err) == 0)
		child_reap(&child);
	heard = err.code == 0;
	for (size_t i = 0; i < g->n; i++) {
		heard = heard && visit_hear(g->work, g->visits[i], g->fd, &at);
		if (heard)
			continue;
		if (err.code == 0)
			cni_error(&err, monotonic_ms() < deadline ? CNI_ERR_IO : CNI_ERR_AGAIN,
				  "the process that entered the network namespace did not answer "
				  "in time, or its reply is not valid");
		*g->visits[i]->err = err;
		visit_failed(g->visits[i]);
	}
}

static bool is_owner(const struct netns_visit *visit, const struct netns *ns)
{
	struct stat st;

	return fstat(ns->userns_fd, &st) == 0 && st.st_dev == visit->owner_dev &&
	       st.st_ino == visit->owner_ino;
}

static bool same_owner(const struct netns_visit *a, const struct netns_visit *b)
{
	return a->owner_dev == b->owner_dev && a->owner_ino == b->owner_ino;
}

/* Collect the next visit that needs a child, and those that share its owner. Return: whether there
 * is any. */
static bool next_group(struct visit_group *g, struct netns_visit *visits, size_t n)
{
	g->n = 0;
	for (size_t i = 0; i < n && g->n < GROUP_MAX; i++) {
		struct netns_visit *visit = &visits[i];
		struct netns *opened = &g->opened[g->n];
		const struct netns *ns;

		if (!visit->foreign || (g->n > 0 && !same_owner(g->visits[0], visit)))
			continue;
		visit->foreign = false;
		*opened = NETNS_NONE;
		ns = open_visit(g->work, visit, opened);
		if (ns == NULL)
			continue;
		if (ns->userns_fd < 0 || !is_owner(visit, ns)) {
			cni_error(visit->err, CNI_ERR_CONTAINER,
				  "another network namespace has taken its place");
			visit_failed(visit);
			netns_close(opened);
			continue;
		}
		g->ns[g->n] = ns;
		g->visits[g->n++] = visit;
	}
	return g->n > 0;
}

static void visit_foreign(const struct netns_work *work, struct netns_visit *visits, size_t n,
			  int64_t deadline)
{
	struct visit_group g = {.work = work, .fd = -1};

	while (next_group(&g, visits, n)) {
		if (monotonic_ms() < deadline)
			visit_by_child(&g, deadline);
		else
			for (size_t i = 0; i < g.n; i++)
				visit_too_late(g.visits[i]);
		visit_group_close(&g);
		g.fd = -1;
	}
}

static bool any_foreign(const struct netns_visit *visits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (visits[i].foreign)
			return true;
	}
	return false;
}

void netns_visit(const struct netns_work *work, struct netns_visit *visits, size_t n,
		 int64_t deadline)
{
	struct visit_shared s = {.work = work, .visits = visits, .n = n, .deadline = deadline};

	for (size_t i = 0; i < n; i++)
		visits[i].foreign = false;
	visit_by_threads(&s);
	if (any_foreign(visits, n))
		visit_foreign(work, visits, n, deadline);
}

/* Visit in this thread, if it can come back. Return: whether it could. */
static bool visit_and_return(const struct netns_work *work, struct netns_visit *visit)
{
	cleanup_close int home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (home < 0) {
		cni_error_errno(visit->err, CNI_ERR_IO,
				"cannot open " OWN_NETNS "; is /proc mounted?");
		visit_failed(visit);
		return true;
	}
	/* Entering our own namespace changes nothing, and fails exactly when coming back would. */
	if ((visit->ns != NULL && visit->ns->userns_fd >= 0) || setns(home, CLONE_NEWNET) < 0)
		return false;
	visit_here(work, visit);
	if (setns(home, CLONE_NEWNET) < 0) {
		cni_error_errno(visit->err, CNI_ERR_IO,
				"cannot come back from the network namespace");
		visit_failed(visit);
	}
	return true;
}

void netns_visit_one(const struct netns_work *work, struct netns_visit *visit, int64_t deadline)
{
	struct visit_group g = {.work = work, .visits = {visit}, .opened = {NETNS_NONE}, .fd = -1};

	visit->foreign = false;
	if (visit_and_return(work, visit) && !visit->foreign)
		return;
	g.ns[0] = open_visit(work, visit, &g.opened[0]);
	if (g.ns[0] == NULL)
		return;
	g.n = 1;
	visit_by_child(&g, deadline);
	visit_group_close(&g);
}

/* The visit of netns_run(): a function and its argument of size bytes. */
struct call {
	int (*fn)(void *arg, struct cni_error *err);
	void *arg;
	size_t size;
};

static int run_call(void *arg, struct cni_error *err)
{
	const struct call *call = arg;

	return call->fn(call->arg, err);
}

static bool give_call(const void *arg, struct netns_reply *reply)
{
	const struct call *call = arg;

	return netns_reply_give(reply, call->arg, call->size);
}

static bool take_call(void *arg, struct netns_reply *reply)
{
	const struct call *call = arg;

	return reply->left == call->size && netns_reply_take(reply, call->arg, call->size);
}

int netns_run(const struct netns *ns, int (*fn)(void *arg, struct cni_error *err), void *arg,
	      size_t size, struct cni_error *err)
{
	static const struct netns_work work = {
		.fn = run_call, .give = give_call, .take = take_call};
	struct call call = {.fn = fn, .arg = arg, .size = size};
	struct netns_visit visit = {.arg = &call, .ns = ns, .err = err};

	netns_visit_one(&work, &visit, monotonic_ms() + NETNS_LIMIT_MS);
	return visit.value;
}
