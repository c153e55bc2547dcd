/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages with a descriptor between two processes: SCM_RIGHTS of unix(7). */
#ifndef USERNET_HANDOVER_H
#define USERNET_HANDOVER_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Make a channel between this process and its child. The caller owns both ends, which are
 * close-on-exec. Return: 0, or -1 CNI_ERR_IO. */
int handover_pair(int *ours, int *theirs, struct cni_error *err);

/* Send @size bytes, at least one, and with them @fd, unless it is -1. Return: 0, or -1 with
 * errno. */
int handover_send(int channel, const void *data, size_t size, int fd);

/**
 * handover_receive() - receive one message.
 * @flags: of recvmsg(2)
 * @fd:    receives the descriptor that came, close-on-exec, or -1 when not exactly one came. If a
 *         hostile sender sends more, they are closed
 *
 * Return: as recvmsg(2).
 */
ssize_t handover_receive(int channel, void *data, size_t size, int flags, int *fd);

#endif
