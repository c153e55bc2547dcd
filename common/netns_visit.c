/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going into network namespaces, one or a thousand, and coming back with what is there.
 *
 * Who may enter one: setns(2) wants CAP_SYS_ADMIN in the user namespace that owns the network
 * namespace and in the caller's own. Root has both. An ordinary user has neither, until he joins
 * the owning user namespace, which he may if he created it; that cannot be undone, and from inside
 * there is no way back to the namespace he came from. So there are three ways:
 *
 * - One namespace is entered by the calling thread itself, where entering our own anew succeeds: a
 *   no-op that needs just the rights that coming back needs. A thread for it has a stack to be
 *   mapped and must get a processor first, which made a quarter of a plugin's ADD on an idle
 * machine and most of it on a busy one.
 * - Many are entered by threads: setns(2) moves only the calling thread, and one that is about to
 * end need not come back. So short-lived threads do the visiting, as many as there are processors,
 * up to four; the caller stays at home, and an exporter that answers for weeks cannot get lost. A
 *   thread costs about 30 us, a namespace about 15; the threads also halve the time for a thousand.
 * - Behind a user namespace that is to be joined, a child goes in and never returns (nor can a
 *   process with several threads join one). There is one for each such user namespace, which visits
 *   all that it owns: a hundred rootless containers under one cost one fork, of about 0.1 ms.
 *
 * Descriptors of namespaces live from the visit's beginning to its end and no longer: one that is
 * kept would keep the namespace, with its interfaces, long after its container. So what a thread
 * finds to be a child's is closed, and opened once more for the child.
 *
 * What a child hands back. Two designs:
 *
 *   A pipe, read while it writes. Nothing is held twice. But what is read is half an answer of a
 *   process that may still do anything, every read has the deadline to keep, and a child that
 *   somebody has stopped (below) is only noticed by the deadline: a pipe and a pidfd do not tell.
 *   Measured: 0.16 ms for one namespace, and 10 s for a child that was stopped.
 *   A file in memory (memfd_create(2)), read after the child's end. It is held twice for a moment,
 *   and the caller is idle meanwhile. But the wait is one waitpid(2), which hears of stops; what is
 *   looked at does not change any more; a child that was killed in its tenth visit has nine whole
 *   answers; and one protocol serves one namespace and many.
 *
 * The second it is. The file has a header for each visit (that it is done, the value, the error,
 * the length of what follows), written behind what it is a header of: without it there is no
 * answer. vfork-like sharing of memory would bring the results along by itself at half the cost,
 * but no tool that watches memory (valgrind, the sanitizers) follows it.
 *
 * Who may look into a process that has joined. It has our user, our mounts and our descriptors, and
 * is in a user namespace that somebody else may be root of. Where that one sees its pid (a shared
 * pid namespace, a /proc of the host's), the kernel asks (ptrace(2), "Ptrace access mode
 * checking"; the same for /proc/PID/mem, fd, root, cwd, ns, for pidfd_getfd(2), process_vm_readv(2)
 * and setns(2) on a pidfd):
 *
 *   1. the same user and group ids in all places, or CAP_SYS_PTRACE in the user namespace that the
 *      process is in now;
 *   2. that its memory is "dumpable", or CAP_SYS_PTRACE in the user namespace that the memory
 *      belongs to;
 *   3. no fewer capabilities in the same user namespace, or CAP_SYS_PTRACE as in 1.
 *
 * The root of the namespace passes 1 and 3, whatever ids it maps. So all hangs on 2. setns(2) to a
 * user namespace of our own leaves a process dumpable. But it leaves its memory too, and memory
 * belongs to the user namespace in which its program was executed (fork copies that): the one
 * outside. So a process that is not dumpable is out of reach, from the moment in which it joins.
 * Exec undoes both: the new memory belongs to the namespace inside, and is dumpable; not even "not
 * dumpable" would help it then. Therefore nothing is executed inside that has anything to lose, and
 * what joins here is a child of ours for one function, never a program.
 *
 * The pid itself cannot be hidden, and signals are not a matter of ptrace: CAP_KILL in the
 * namespace can stop or kill the child. Then there is no answer, and nobody waits longer for it.
 *
 * What the child has seen inside, a namespace's root may have made; and if all of the above were
 * not so, its answer would be that root's. So it is taken as such: no length leads beyond what
 * there is, texts are ended, a socket is proved to be the kind that was asked for. It is copied
 * before it is looked at, and after the child's end; behind the first answer that is not as it must
 * be, no other is believed.
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
#define VISITS_PER_THREAD 8 /* fewer do not pay for another thread */
#define GROUP_MAX 128       /* namespaces that are open at a time, with their owners */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* linux/memfd.h of Linux 6.3 */
#endif

bool netns_reply_give(struct netns_reply *reply, const void *data, size_t size)
{
	const char *p = data;

	if (size > reply->left)
		return false;
	reply->left -= size;
	while (size > 0) {
		const ssize_t n = TEMP_FAILURE_RETRY(pwrite(reply->fd, p, size, reply->at));

		if (n <= 0)
			return false;
		p += n;
		reply->at += n;
		size -= (size_t)n;
	}
	return true;
}

bool netns_reply_take(struct netns_reply *reply, void *data, size_t size)
{
	char *p = data;

	if (size > reply->left)
		return false;
	reply->left -= size;
	while (size > 0) {
		const ssize_t n = TEMP_FAILURE_RETRY(pread(reply->fd, p, size, reply->at));

		if (n <= 0)
			return false;
		p += n;
		reply->at += n;
		size -= (size_t)n;
	}
	return true;
}

/* Before what a child hands back of a visit. */
struct visit_header {
	int done; /* 1 */
	int value;
	size_t size;
	struct cni_error err;
};

/* A message of the visit's own. */
static void visit_failed(struct netns_visit *visit)
{
	visit->value = -1;
	if (visit->path != NULL)
		cni_error_wrap(visit->err, "%s", visit->path);
}

/* setns(2) failed: EPERM, but for a kernel that runs out of something. */
static int not_allowed(struct cni_error *err)
{
	return cni_error_errno(err, CNI_ERR_IO,
			       "cannot enter the network namespace; it must belong to a user "
			       "namespace of this user's, or the caller have CAP_SYS_ADMIN");
}

int netns_join_owner(struct netns *ns, struct cni_error *err)
{
	if (ns->userns_fd < 0)
		return 0;
	if (process_join_userns(ns->userns_fd) < 0)
		return not_allowed(err);
	close(ns->userns_fd);
	ns->userns_fd = -1;
	return 0;
}

/* Open what is not open yet. @opened: receives it then, to be closed. Return: it, or NULL. */
static const struct netns *open_visit(const struct netns_work *work, struct netns_visit *visit,
				      struct netns *opened)
{
	if (visit->ns != NULL)
		return visit->ns;
	visit->value = work->open(visit->arg, opened, visit->err);
	return visit->value < 0 ? NULL : opened;
}

/* In a thread or process that can enter it as it is; whether it comes back is the caller's affair.
 */
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

/* Return: where the next answer is to be, or -1: this one could not be written. */
static off_t visit_answer(const struct netns_work *work, const struct netns_visit *visit,
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

	child_die_with(g->parent, SIGKILL); /* joining has undone it */
	for (size_t i = 0; i < g->n && at >= 0; i++) {
		struct visit_header header = {.value = -1};

		errno = errnum;
		if (!joined || setns(g->ns[i]->fd, CLONE_NEWNET) < 0)
			not_allowed(&header.err);
		else
			header.value = g->work->fn(g->visits[i]->arg, &header.err);
		at = visit_answer(g->work, g->visits[i], &header, g->fd, at);
	}
	return at < 0;
}

/* Return: whether there is an answer, and it is as it must be. */
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

	/* Older kernels do not know that flag; newer ones may insist on it (vm.memfd_noexec). */
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
				  "in time, or not as it must");
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

/* The next foreign visit, and those that share its owner. Return: whether there is any. */
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
				  "another network namespace came in its place");
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

/* Where it can come back. Return: whether that is so. */
static bool visit_and_return(const struct netns_work *work, struct netns_visit *visit)
{
	cleanup_close int home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);

	if (home < 0) {
		cni_error_errno(visit->err, CNI_ERR_IO,
				"cannot open " OWN_NETNS "; is /proc mounted?");
		visit_failed(visit);
		return true;
	}
	/* Entering where we are changes nothing and fails just when coming back would. */
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

/* The visit of a function, whose argument is so many bytes. */
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
