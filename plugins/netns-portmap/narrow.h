/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a request is to be published, and what is left out of it. */
#ifndef PORTMAP_NARROW_H
#define PORTMAP_NARROW_H

#include "backend.h"

/**
 * portmap_narrow() - take out of @config what does not concern this attachment.
 * @call: with the container's addresses
 * @say:  with a line on standard error where somebody may miss it
 *
 * Kubernetes asks for host addresses of both families, also where the container has one: a mapping
 * of the other is left out, as by the reference plugin, but not the last one; then the backend says
 * why it cannot. The backend's own narrow() comes behind it.
 *
 * Return: 0, or -1 with @err filled.
 */
int portmap_narrow(const struct call *call, struct config *config, const struct backend *backend,
		   bool say, struct cni_error *err);

/* Say that a mapping of the request is not published: "host port tcp [::]:80 is left out: WHY". */
void portmap_say_left_out(const struct mapping *m, const char *why);

#endif
