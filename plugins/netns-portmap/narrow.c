/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "narrow.h"

#include <stdio.h>

void portmap_say_left_out(const struct mapping *m, const char *why)
{
	char text[MAPPING_TEXT_MAX];

	fprintf(stderr, PLUGIN_NAME ": host port %s is left out: %s\n", mapping_format(m, text),
		why);
}

static bool is_lacking(const struct call *call, const struct mapping *m)
{
	return m->host_family != AF_UNSPEC &&
	       call->address[m->host_family == AF_INET6].family == AF_UNSPEC;
}

struct narrowing {
	const struct call *call;
	bool say;
};

static int is_of_no_use(const struct mapping_group *group, size_t index, void *arg,
			struct cni_error *err)
{
	const struct narrowing *narrowing = arg;
	const struct mapping *m = group->members[index];

	(void)err;
	if (!is_lacking(narrowing->call, m))
		return 0;
	if (narrowing->say)
		portmap_say_left_out(m, m->host_family == AF_INET6
						? "the container has no IPv6 address"
						: "the container has no IPv4 address");
	return 1;
}

int portmap_narrow(const struct call *call, struct config *config, const struct backend *backend,
		   bool say, struct cni_error *err)
{
	struct narrowing narrowing = {.call = call, .say = say};
	bool any = false;

	for (size_t i = 0; i < config->n_mappings && !any; i++)
		any = !is_lacking(call, &config->mappings[i]);
	if (any && mappings_leave_out(config->mappings, &config->n_mappings, is_of_no_use,
				      &narrowing, err) < 0)
		return -1;
	return backend->narrow != NULL ? backend->narrow(config, say, err) : 0;
}
