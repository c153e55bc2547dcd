/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message with a descriptor, from process to process: SCM_RIGHTS of unix(7). */
#ifndef USERNET_HANDOVER_H
#define USERNET_HANDOVER_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* A channel between this process and a child of its: both ends are close-on-exec, and the caller's.
 * Return: 0, or -1 CNI_ERR_IO. */
int handover_pair(int *ours, int *theirs, struct cni_error *err);

/* Send @size bytes, at least one, and @fd with them; -1: none. Return: 0, or -1 with errno. */
int handover_send(int channel, const void *data, size_t size, int fd);

/**
 * handover_receive() - receive one message.
 * @flags: of recvmsg(2)
 * @fd:    the descriptor that came, close-on-exec; -1 where not exactly one came. What else a
 *         sender, who may be hostile, has sent is closed
 *
 * Return: as recvmsg(2).
 */
ssize_t handover_receive(int channel, void *data, size_t size, int flags, int *fd);

#endif
