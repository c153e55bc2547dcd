/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "handover.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM CMSG_SPACE(sizeof(int))

int handover_pair(int *ours, int *theirs, struct cni_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a socket pair");
	*ours = pair[0];
	*theirs = pair[1];
	return 0;
}

int handover_send(int channel, const void *data, size_t size, int fd)
{
	char control[ROOM] __attribute__((aligned(__alignof__(struct cmsghdr)))) = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	return TEMP_FAILURE_RETRY(sendmsg(channel, &msg, MSG_NOSIGNAL)) < 0 ? -1 : 0;
}

ssize_t handover_receive(int channel, void *data, size_t size, int flags, int *fd)
{
	char control[ROOM] __attribute__((aligned(__alignof__(struct cmsghdr)))) = {0};
	int came[ROOM / sizeof(int)]; /* a sender may use the padding for a second one */
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	const ssize_t n = TEMP_FAILURE_RETRY(recvmsg(channel, &msg, flags | MSG_CMSG_CLOEXEC));
	const struct cmsghdr *cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	size_t bytes;

	*fd = -1;
	if (cmsg == NULL || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return n;
	bytes = cmsg->cmsg_len - CMSG_LEN(0);
	memcpy(came, CMSG_DATA(cmsg), bytes);
	if (bytes == sizeof(int)) {
		*fd = came[0];
		return n;
	}
	for (size_t i = 0; i < bytes / sizeof(int); i++)
		close(came[i]);
	return n;
}
