/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mappings of a request are published, and which are left out. */
#ifndef PORTMAP_NARROW_H
#define PORTMAP_NARROW_H

#include "backend.h"

/**
 * portmap_narrow() - take out of @config what does not concern this attachment.
 * @call: with the container's addresses
 * @say:  write a line to standard error where somebody may miss a mapping
 *
 * Kubernetes asks for host addresses of both families, also if the container has only one: a
 * mapping of the other is left out, as by the reference plugin. If none would be left, all stay,
 * and the backend reports why it cannot publish them. The backend's own narrow() follows.
 *
 * Return: 0, or -1 with @err filled.
 */
int portmap_narrow(const struct call *call, struct config *config, const struct backend *backend,
		   bool say, struct cni_error *err);

/* Report that a mapping of the request is not published: "host port tcp [::]:80 is left out: WHY".
 */
void portmap_say_left_out(const struct mapping *m, const char *why);

#endif
