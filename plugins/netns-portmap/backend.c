/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend.h"

#include <string.h>

#include "conf.h"

const struct backend *const portmap_backends[] = {&backend_slirp4netns, &backend_nftables, NULL};

const struct backend *portmap_backend_by_name(const char *name)
{
	for (size_t i = 0; portmap_backends[i] != NULL; i++)
		if (strcmp(portmap_backends[i]->name, name) == 0)
			return portmap_backends[i];
	return NULL;
}

const struct backend *portmap_backend_of(const cJSON *record, struct cni_error *err)
{
	const char *name = "";
	const struct backend *backend = NULL;

	if (conf_get_string(record, "", "backend", &name, err) >= 0)
		backend = portmap_backend_by_name(name);
	if (backend == NULL)
		cni_error(err, CNI_ERR_DECODE, "the record has no backend that this plugin knows");
	return backend;
}
