/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an ordinary user's daemon lives.
 *
 * The daemon is a process of the user, with his files, in the host's network. It lives as long as
 * the container, and the container's root must not get power over it; common/netns_visit.c says why
 * that root controls any program that is executed inside the container's user namespace. The
 * daemon's sandbox does not help: the daemon's memory, the host's network and the sockets below
 * /run (the user's D-Bus among them) are all reachable in it. Three designs keep the daemon
 * outside:
 *
 *   slirp4netns's own, --userns-path: its process stays in our user namespace; a child of it enters
 *   the container's, makes the interface and hands the tap device back. We have nothing to make for
 *   it. But the container's root has power over that child while it is inside, for a window of a
 *   millisecond that he can wait for and, with SIGSTOP, hold open; and there is no sandbox, since a
 *   sandbox takes CAP_SYS_ADMIN.
 *
 *   A user namespace apart, with a network namespace of its own. slirp4netns is root of the first,
 *   with its sandbox whatever ids the container maps, and makes its interface in the second, from
 *   which we move it to the container's. No process is in the container's user namespace. But to
 *   move an interface the kernel waits for all its readers, several times, which takes three times
 *   as long as the rest of ADD (measured: 5 ms became 17 and more).
 *
 *   The user namespace apart, and we make the interface: a child that the container's root cannot
 *   look into makes the tap device in its final place (netns_tap()), and hands it to us.
 *   slirp4netns has no option for an existing tap device. So we, who watch its child anyway until
 *   it is ready, answer the system calls by which that child would make one (seccomp_unotify(2),
 *   Linux 5.9): it has entered the namespace, /dev/net/tun is open under this descriptor, the
 *   interface is made.
 *
 * The third is used. The filter is not a barrier: it forbids slirp4netns nothing; the user
 * namespace is the barrier. When this plugin has ended, the three calls fail, and nobody makes them
 * any more. Where no user namespace can be made, or another program answers system calls of ours
 * already, ADD fails and says why; it never falls back to a daemon without this protection. Root's
 * daemon needs none of this: it enters the container's network namespace from our user namespace,
 * in which the container's root has no power.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "apart.h"
#include "cleanup.h"
#include "plugin.h"

#define TUN "/dev/net/tun"
#define NOTICE_ROOM 512 /* of the kernel's structs, which grow; they are some 80 bytes */

/* seccomp(2) calls architectures by the names of <linux/audit.h>; add a new one here. */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#endif

#define LOW_WORD (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4)
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define LOAD_ARG(i) LOAD(offsetof(struct seccomp_data, args[i]) + LOW_WORD)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
/* Unless the call is this one, jump over the next n instructions. */
#define UNLESS_CALL(nr, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, (n))
/* With its argument loaded: we are notified, or the call is allowed. Two more instructions. */
#define TELL_IF(value)                                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), RETURN(SECCOMP_RET_USER_NOTIF), \
		RETURN(SECCOMP_RET_ALLOW)
/* An open for reading and writing without O_CREAT, as of a device: O_CREAT is for files. */
#define OPEN_BOTH_WAYS(arg) \
	LOAD_ARG(arg), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_ACCMODE | O_CREAT), TELL_IF(O_RDWR)

static const struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(offsetof(struct seccomp_data, nr)),
	UNLESS_CALL(__NR_setns, 4),
	LOAD_ARG(1),
	TELL_IF(CLONE_NEWNET),
	UNLESS_CALL(__NR_ioctl, 4),
	LOAD_ARG(1),
	TELL_IF(TUNSETIFF),
	UNLESS_CALL(__NR_openat, 5),
	OPEN_BOTH_WAYS(2),
#ifdef __NR_open
	UNLESS_CALL(__NR_open, 5),
	OPEN_BOTH_WAYS(1),
#endif
	RETURN(SECCOMP_RET_ALLOW),
};

const struct sock_fprog apart_filter = {
	.len = sizeof(filter) / sizeof(filter[0]),
	.filter = (struct sock_filter *)(uintptr_t)filter,
};

int apart_make(const struct netns *ns, const char *ifname, struct apart *apart,
	       struct cni_error *err)
{
	apart->tap_fd = netns_tap(ns, ifname, err);
	if (apart->tap_fd < 0) {
		err->code = ERR_DAEMON; /* as slirp4netns would have found out */
		return -1;
	}
	return 0;
}

void apart_close(struct apart *apart)
{
	cleanup_close_(&apart->tap_fd);
	*apart = APART_NONE;
}

/* Whether it opens the tun device; the kernel handles every other path. */
static bool opens_tun(const struct seccomp_notif *notice)
{
	const int arg = notice->data.nr == __NR_openat ? 1 : 0;
	char path[sizeof(TUN)] = "";
	const struct iovec here = {.iov_base = path, .iov_len = sizeof(path)};
	const struct iovec there = {.iov_base = (void *)(uintptr_t)notice->data.args[arg],
				    .iov_len = sizeof(path)};

	return process_vm_readv((pid_t)notice->pid, &here, 1, &there, 1, 0) ==
		       (ssize_t)sizeof(path) &&
	       memcmp(path, TUN, sizeof(path)) == 0;
}

void apart_answer(struct apart *apart, int listener)
{
	union {
		struct seccomp_notif notice;
		struct seccomp_notif_resp reply;
		char room[NOTICE_ROOM];
	} in = {.room = {0}}, out = {.room = {0}};
	struct seccomp_notif_addfd tap = {.srcfd = (uint32_t)apart->tap_fd};
	int fd;

	/* It may have ended since it asked. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in) < 0)
		return;
	out.reply.id = tap.id = in.notice.id;
	if (in.notice.data.nr == __NR_setns || in.notice.data.nr == __NR_ioctl) {
		out.reply.val = 0;
	} else if (!opens_tun(&in.notice)) {
		out.reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	} else {
		fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &tap);
		out.reply.error = fd < 0 ? -errno : 0;
		out.reply.val = fd < 0 ? 0 : fd;
		apart->taken |= fd >= 0;
	}
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out);
}
