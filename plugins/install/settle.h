/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing a node into the state that is asked for. */
#ifndef USERNET_INSTALL_SETTLE_H
#define USERNET_INSTALL_SETTLE_H

#include <stdbool.h>

#include "error.h"
#include "options.h"

#define BIN_DIR "/opt/cni/bin"
#define NET_DIR "/etc/cni/net.d"

/**
 * settle() - install, upgrade, mend or remove, as the options ask; with --check, only look.
 * @first: whether to say which list runtimes will use
 *
 * Return: 0 when the node is in the state, or -1 with the reason in @err.
 */
int settle(const struct install_options *options, bool first, struct cni_error *err);

#endif
