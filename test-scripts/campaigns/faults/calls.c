/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a system call may fail though its arguments are right: for want of memory, space, descriptors
 * or privileges, for a broken device or an interruption. From the calls' manual pages, and, for
 * what works on files and sockets, from what file systems, security modules and seccomp filters
 * return besides. Each is a fault of its own.
 */
#include "calls.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#define CALL(name, ...)                   \
	{                                 \
		SYS_##name, #name, false, \
		{                         \
			__VA_ARGS__       \
		}                         \
	}
#define CALL_WITH_EFFECT(name, ...)      \
	{                                \
		SYS_##name, #name, true, \
		{                        \
			__VA_ARGS__      \
		}                        \
	}
#define CANNOT_FAIL(name)                 \
	{                                 \
		SYS_##name, #name, false, \
		{                         \
			0                 \
		}                         \
	}

static const struct call calls[] = {
	/* descriptors and files */
	CALL(openat, ENOMEM, EMFILE, EIO, EINTR, ENOSPC, EPERM),
	CALL(openat2, ENOMEM, EMFILE, EIO, EINTR, ENOSPC, EAGAIN, EPERM),
	CALL(read, EIO, EINTR, EAGAIN),
	CALL(pread64, EIO, EINTR, EAGAIN),
	CALL(write, EIO, ENOSPC, EINTR, EAGAIN, EPERM),
	CALL_WITH_EFFECT(close, EIO, EINTR, ENOSPC),
	CALL(close_range, ENOMEM, EMFILE),
	CALL(lseek, EIO),
	CALL(newfstatat, ENOMEM, EIO),
	CALL(fstatfs, ENOMEM, EIO, EINTR),
	CALL(access, ENOMEM, EIO),
	CALL(faccessat, ENOMEM, EIO),
	CALL(faccessat2, ENOMEM, EIO, EPERM),
	CALL(readlink, ENOMEM, EIO),
	CALL(readlinkat, ENOMEM, EIO),
	CALL(getdents64, ENOMEM, EIO),
	CALL(mkdir, ENOMEM, EIO, ENOSPC, EPERM),
	CALL(mkdirat, ENOMEM, EIO, ENOSPC, EPERM),
	CALL(linkat, ENOMEM, EIO, ENOSPC, EPERM),
	CALL(unlink, ENOMEM, EIO, EPERM),
	CALL(unlinkat, ENOMEM, EIO, EPERM),
	CALL(rename, ENOMEM, EIO, ENOSPC, EPERM),
	CALL(renameat, ENOMEM, EIO, ENOSPC, EPERM),
	CALL(renameat2, ENOMEM, EIO, ENOSPC, EPERM),
	CALL(flock, ENOMEM, EINTR, EAGAIN),
	CALL(ftruncate, EIO, EINTR, EPERM),
	CALL(fchmod, EIO, EPERM),
	CALL(fchown, EIO, EPERM),
	CALL(dup, EMFILE),
	CALL(dup2, EMFILE, EINTR),
	CALL(fcntl, EMFILE, EINTR, EAGAIN, EPERM),
	CALL(ioctl, ENOMEM, EIO, EPERM),
	CALL(pipe2, ENOMEM, EMFILE),
	CALL(poll, ENOMEM, EINTR),
	CALL(ppoll, ENOMEM, EINTR),
	CALL(memfd_create, ENOMEM, EMFILE),
	CALL(signalfd4, ENOMEM, EMFILE),
	CALL(chdir, ENOMEM, EIO),
	CANNOT_FAIL(umask),
	CANNOT_FAIL(getcwd),
	CANNOT_FAIL(fadvise64),

	/* sockets */
	CALL(socket, ENOMEM, EMFILE, EPERM),
	CALL(socketpair, ENOMEM, EMFILE, EPERM),
	CALL(bind, ENOMEM, EPERM),
	CALL(connect, ENOMEM, EINTR, EAGAIN, EPERM),
	CALL(sendto, ENOMEM, EINTR, EAGAIN, EPERM),
	CALL(sendmsg, ENOMEM, EINTR, EAGAIN, EMFILE, EPERM),
	CALL(recvfrom, ENOMEM, EINTR, EAGAIN),
	CALL(recvmsg, ENOMEM, EINTR, EAGAIN),
	CALL(setsockopt, ENOMEM, EPERM),
	CALL(getsockopt, ENOMEM),
	CALL(getsockname, ENOMEM),
	CALL(getpeername, ENOMEM),
	CALL(shutdown, ENOMEM),

	/* memory */
	CALL(brk, ENOMEM),
	CALL(mmap, ENOMEM, EAGAIN, EPERM),
	CALL(mprotect, ENOMEM),
	CALL(mremap, ENOMEM, EAGAIN),
	CALL(munmap, ENOMEM),
	CANNOT_FAIL(madvise),

	/* processes */
	CALL(clone, ENOMEM, EAGAIN, EPERM),
	CALL(clone3, ENOMEM, EAGAIN, EPERM),
	CALL(vfork, ENOMEM, EAGAIN),
	CALL(execve, ENOMEM, EIO, EMFILE, EAGAIN, EPERM),
	CALL(wait4, EINTR),
	CALL(waitid, EINTR),
	CALL(pidfd_open, ENOMEM, EMFILE, EPERM),
	CALL(pidfd_send_signal, ENOMEM, EPERM),
	CALL(kill, EPERM),
	CALL(setsid, EPERM),
	CALL(setpgid, EPERM),
	CALL(prctl, EPERM),
	CALL(prlimit64, EPERM),
	CALL(getrandom, EINTR, EAGAIN),
	CALL(clock_nanosleep, EINTR),
	CALL(setitimer, EPERM),
	CALL(pause, EINTR),
	CANNOT_FAIL(uname),
	CANNOT_FAIL(alarm),
	CANNOT_FAIL(getpid),
	CANNOT_FAIL(getppid),
	CANNOT_FAIL(gettid),
	CANNOT_FAIL(getpgrp),
	CANNOT_FAIL(getpgid),
	CANNOT_FAIL(getuid),
	CANNOT_FAIL(geteuid),
	CANNOT_FAIL(getgid),
	CANNOT_FAIL(getegid),
	CANNOT_FAIL(rt_sigaction),
	CANNOT_FAIL(rt_sigprocmask),
	CANNOT_FAIL(rt_sigreturn),
	CANNOT_FAIL(sched_yield),
	CANNOT_FAIL(exit),
	CANNOT_FAIL(exit_group),
	CANNOT_FAIL(clock_gettime),
	CANNOT_FAIL(sysinfo),

	/* privileges, namespaces, mounts */
	CALL(capget, EPERM),
	CALL(capset, EPERM),
	CALL(setuid, EAGAIN, EPERM),
	CALL(setgid, EPERM),
	CALL(setresuid, ENOMEM, EAGAIN, EPERM),
	CALL(setresgid, ENOMEM, EPERM),
	CALL(setgroups, ENOMEM, EPERM),
	CALL(getgroups, EPERM),
	CALL(setns, ENOMEM, EPERM),
	CALL(unshare, ENOMEM, ENOSPC, EPERM),
	CALL(mount, ENOMEM, EPERM),
	CALL(umount2, ENOMEM, EPERM, EAGAIN),

	/* the loader's */
	CANNOT_FAIL(arch_prctl),
	CANNOT_FAIL(set_tid_address),
	CANNOT_FAIL(set_robust_list),
	CANNOT_FAIL(rseq),
	CANNOT_FAIL(futex),
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

const struct call *call_by_number(int number)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

const struct call *call_by_name(const char *name)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	return NULL;
}
