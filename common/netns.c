/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network namespaces.
 *
 * Who may enter one: setns(2) wants CAP_SYS_ADMIN in the user namespace that owns the network
 * namespace and in the caller's own. Root has both. An ordinary user has neither, until he joins
 * the owning user namespace, which he may if he created it; that cannot be undone, and from inside
 * there is no way back to the namespace he came from. So netns_run() has two ways. Where entering
 * our own namespace anew succeeds (a no-op that needs just the rights that coming back needs), it
 * enters and comes back in this process; elsewhere the function runs in a child that goes in and
 * never returns.
 *
 * The child costs about 0.1 ms. The other design, vfork-like sharing of memory, would cost half
 * and bring the results along by itself, but no tool that watches memory (valgrind, the
 * sanitizers) follows it, so plain fork it is, and the caller says which bytes come back.
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
 * not so, its answer would be that root's. So it is taken as such: lengths are the caller's, texts
 * are ended, a socket is proved to be the kind that was asked for. It is copied before it is looked
 * at, and after the child's end.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "handover.h"
#include "process.h"

#define CHILD_LIMIT_S 10
#define OWN_NETNS "/proc/self/ns/net"

/* Whether this process has CAP_SYS_ADMIN in its own user namespace, and so in those below it. */
static bool have_sys_admin(void)
{
	return process_capabilities() >> CAP_SYS_ADMIN & 1;
}

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The user namespace to join before @ns can be entered, or -1 when none is to be joined. */
static int owner_to_join(int netns_fd)
{
	cleanup_close int owner = -1;

	if (have_sys_admin())
		return -1;
	owner = ioctl(netns_fd, NS_GET_USERNS);
	if (owner < 0 || same_file(owner, "/proc/self/ns/user"))
		return -1;
	fcntl(owner, F_SETFD, FD_CLOEXEC);
	return take_fd(&owner);
}

int netns_open(const char *path, struct netns *ns, struct cni_error *err)
{
	cleanup_close int where = -1;
	cleanup_close int fd = -1;
	char proc[32];
	struct statfs fs;
	struct stat st;
	int type;

	*ns = NETNS_NONE;
	/* O_PATH touches nothing: a FIFO does not block, a device is not opened. */
	where = open(path, O_PATH | O_CLOEXEC);
	if (where < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return cni_error_errno(err, CNI_ERR_CONTAINER, "no network namespace at %s", path);
	if (where < 0 && errno == EACCES && strncmp(path, "/proc/", 6) == 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot open the network namespace %s; of a process that is "
				       "another user's or may more than this one, it takes "
				       "CAP_SYS_PTRACE",
				       path);
	if (where < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the network namespace %s",
				       path);
	if (fstatfs(where, &fs) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine %s", path);
	if (fs.f_type != NSFS_MAGIC)
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "%s is not a network namespace (nor any other)", path);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", where);
	fd = open(proc, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the network namespace %s",
				       path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0 && errno != ENOTTY)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine %s", path);
	if (type != CLONE_NEWNET)
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "%s is a namespace, but not a network namespace", path);
	ns->dev = st.st_dev;
	ns->ino = st.st_ino;
	ns->userns_fd = owner_to_join(fd);
	ns->fd = take_fd(&fd);
	return 0;
}

void netns_close(struct netns *ns)
{
	cleanup_close_(&ns->fd);
	cleanup_close_(&ns->userns_fd);
	*ns = NETNS_NONE;
}

bool netns_is_own(const struct netns *ns)
{
	return same_file(ns->fd, OWN_NETNS);
}

bool netns_is_at(const struct netns *ns, const char *path)
{
	return same_file(ns->fd, path);
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

/* What a child hands back, followed by the caller's bytes. */
struct child_answer {
	int done;
	int value;
	struct cni_error err;
};

struct call {
	int (*fn)(void *arg, struct cni_error *err);
	void *arg;
	size_t size;
};

static int enter(const struct netns *ns, struct cni_error *err)
{
	if (ns->userns_fd >= 0 && process_join_userns(ns->userns_fd) < 0)
		return not_allowed(err);
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return not_allowed(err);
	return 0;
}

/* The limit of a child is its own, so that waiting for it takes no descriptor and cannot hang. */
static void limit_self(void)
{
	sigset_t alarm_only;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	alarm(CHILD_LIMIT_S);
}

static void __attribute__((noreturn))
child_main(const struct netns *ns, const struct call *call, struct child_answer *answer)
{
	limit_self();
	answer->value = enter(ns, &answer->err);
	if (answer->value == 0)
		answer->value = call->fn(call->arg, &answer->err);
	if (call->size > 0)
		memcpy(answer + 1, call->arg, call->size);
	answer->done = 1;
	_exit(0);
}

/*
 * Its end. Whoever stops it has its alarm wait, and us with it, so it is made to go on: a signal
 * that ends it comes before one that stops it again.
 */
static void wait_for_child(pid_t pid)
{
	int status;

	while (TEMP_FAILURE_RETRY(waitpid(pid, &status, WUNTRACED)) == pid && WIFSTOPPED(status))
		kill(pid, SIGCONT);
}

static void take_answer(const struct child_answer *answer, const struct call *call, int *value,
			struct cni_error *err)
{
	*value = answer->value;
	if (call->size > 0)
		memcpy(call->arg, answer + 1, call->size);
	if (*value >= 0)
		return;
	cni_error_copy(err, &answer->err);
}

static int run_in_child(const struct netns *ns, const struct call *call, struct cni_error *err)
{
	const size_t size = sizeof(struct child_answer) + call->size;
	struct child_answer *answer;
	int value = -1;
	pid_t pid;

	answer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED)
		return cni_error_nomem(err);
	pid = fork();
	if (pid == 0)
		child_main(ns, call, answer);
	if (pid < 0) {
		cni_error_errno(err, CNI_ERR_IO, "cannot fork to enter the network namespace");
	} else {
		wait_for_child(pid);
		if (answer->done)
			take_answer(answer, call, &value, err);
		else
			cni_error(err, CNI_ERR_IO,
				  "the process that entered the network namespace did not answer");
	}
	munmap(answer, size);
	return value;
}

int netns_run(const struct netns *ns, int (*fn)(void *arg, struct cni_error *err), void *arg,
	      size_t size, struct cni_error *err)
{
	const struct call call = {.fn = fn, .arg = arg, .size = size};
	cleanup_close int home = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	int value;

	if (home < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot open " OWN_NETNS "; is /proc mounted?");
	/* Entering where we are changes nothing and fails just when coming back would. */
	if (ns->userns_fd >= 0 || setns(home, CLONE_NEWNET) < 0)
		return run_in_child(ns, &call, err);
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return not_allowed(err);
	value = fn(arg, err);
	if (setns(home, CLONE_NEWNET) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot come back from the network namespace");
	return value;
}

struct socket_call {
	int domain;
	int type;
	int protocol;
	int channel; /* the socket travels over it: the way is the same with and without a child */
};

static int hand_over(int channel, int fd)
{
	return handover_send(channel, "", 1, fd);
}

/* Return: a descriptor, or -1. */
static int take_over(int channel)
{
	char byte;
	int fd;

	if (handover_receive(channel, &byte, 1, MSG_DONTWAIT, &fd) >= 0)
		errno = EPROTO;
	return fd;
}

static int send_socket(void *arg, struct cni_error *err)
{
	const struct socket_call *call = arg;
	cleanup_close int fd = socket(call->domain, call->type | SOCK_CLOEXEC, call->protocol);

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot make a socket in the network namespace");
	if (hand_over(call->channel, fd) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot hand a socket over");
	return 0;
}

static bool has_option(int fd, int option, int expected)
{
	socklen_t size = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

/* Return: a socket as it was asked for, or -1. */
static int receive_socket(const struct socket_call *call, int channel, struct cni_error *err)
{
	cleanup_close int fd = take_over(channel);

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "no socket came out of the network namespace");
	if (!has_option(fd, SO_DOMAIN, call->domain) || !has_option(fd, SO_TYPE, call->type) ||
	    (call->protocol != 0 && !has_option(fd, SO_PROTOCOL, call->protocol)))
		return cni_error(err, CNI_ERR_IO,
				 "what came out of the network namespace is not the socket that "
				 "was asked for");
	return take_fd(&fd);
}

int netns_socket(const struct netns *ns, int domain, int type, int protocol, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	const struct socket_call wanted = {.domain = domain, .type = type, .protocol = protocol};
	struct socket_call call = wanted;

	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	call.channel = theirs;
	if (netns_run(ns, send_socket, &call, sizeof(call), err) < 0)
		return -1;
	return receive_socket(&wanted, ours, err);
}

struct tap_call {
	char name[IFNAMSIZ];
	int channel;
};

static int send_tap(void *arg, struct cni_error *err)
{
	const struct tap_call *call = arg;
	/* Inherited by nobody; whom it is handed on to has it without O_CLOEXEC if he likes. */
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	/* A device that the container's root has made under that name is not ours to use. */
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL)};

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot open /dev/net/tun; load the module tun, or let this "
				       "user read and write the device");
	memcpy(request.ifr_name, call->name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the tap device %.*s",
				       IFNAMSIZ - 1, call->name);
	if (hand_over(call->channel, fd) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot hand the tap device over");
	return 0;
}

static bool is_tap(int fd, const char *name)
{
	struct ifreq request = {0};

	return ioctl(fd, TUNGETIFF, &request) == 0 && request.ifr_flags & IFF_TAP &&
	       strncmp(request.ifr_name, name, IFNAMSIZ) == 0;
}

int netns_tap(const struct netns *ns, const char *name, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	cleanup_close int fd = -1;
	struct tap_call call = {0};

	snprintf(call.name, sizeof(call.name), "%s", name);
	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	call.channel = theirs;
	if (netns_run(ns, send_tap, &call, sizeof(call), err) < 0)
		return -1;
	fd = take_over(ours);
	if (fd < 0 || !is_tap(fd, name))
		return cni_error(err, CNI_ERR_IO,
				 "no tap device %s came out of the network namespace", name);
	return take_fd(&fd);
}

/* Make dir/name, a file to mount on. Its name goes to @path. */
static int make_mount_point(const char *dir, const char *name, char *path, size_t size,
			    struct cni_error *err)
{
	char random_name[24];
	cleanup_close int fd = -1;
	uint64_t number;

	if (name == NULL) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return cni_error_errno(err, CNI_ERR_IO, "cannot get a random name");
		snprintf(random_name, sizeof(random_name), "cni-%016llx",
			 (unsigned long long)number);
		name = random_name;
	}
	if ((size_t)snprintf(path, size, "%s/%s", dir, name) >= size)
		return cni_error(err, CNI_ERR_IO, "the path %s/%s is too long", dir, name);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the directory %s", dir);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make %s to mount a namespace on",
				       path);
	return 0;
}

/* Bind-mount the namespace file @from on dir/name. */
static int persist(const char *from, const char *dir, const char *name, char *path, size_t size,
		   struct cni_error *err)
{
	if (make_mount_point(dir, name, path, size, err) < 0)
		return -1;
	if (mount(from, path, "none", MS_BIND, NULL) < 0) {
		cni_error_errno(err, CNI_ERR_IO, "cannot mount the namespace %s on %s", from, path);
		unlink(path);
		return -1;
	}
	return 0;
}

int netns_persist(pid_t pid, const char *dir, const char *name, char *path, size_t size,
		  struct cni_error *err)
{
	char from[40];

	snprintf(from, sizeof(from), "/proc/%d/ns/net", (int)pid);
	return persist(from, dir, name, path, size, err);
}

int netns_create(const char *dir, const char *name, char *path, size_t size, struct cni_error *err)
{
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	int failure = 0;
	int value = -1;
	int saved;
	pid_t pid;

	if (handover_pair(&ours, &theirs, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot fork to make a namespace");
	if (pid == 0) {
		/* Holds the new namespace until it is mounted, or until the parent is gone. */
		limit_self();
		close(ours);
		failure = unshare(CLONE_NEWNET) < 0 ? errno : 0;
		if (send(theirs, &failure, sizeof(failure), MSG_NOSIGNAL) == sizeof(failure))
			(void)!recv(theirs, &failure, sizeof(failure), 0);
		_exit(0);
	}
	close(take_fd(&theirs));
	if (TEMP_FAILURE_RETRY(recv(ours, &failure, sizeof(failure), 0)) != sizeof(failure)) {
		cni_error(err, CNI_ERR_IO, "the process that makes a namespace ended early");
	} else if (failure != 0) {
		errno = failure;
		cni_error_errno(err, CNI_ERR_IO, "cannot make a network namespace");
	} else {
		value = netns_persist(pid, dir, name, path, size, err);
	}
	saved = errno;
	close(take_fd(&ours));
	TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
	errno = saved;
	return value;
}

int netns_remove(const char *path, struct cni_error *err)
{
	/* EINVAL: not a mount point, so a mount that failed half-way or one that is gone. */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return cni_error_errno(err, CNI_ERR_IO, "cannot unmount the namespace %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return cni_error_errno(err, CNI_ERR_IO, "cannot remove %s", path);
	return 0;
}
