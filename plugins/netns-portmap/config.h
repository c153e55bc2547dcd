/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plugin's keys of a network configuration; netns-portmap(8) describes them. */
#ifndef PORTMAP_CONFIG_H
#define PORTMAP_CONFIG_H

#include "backend.h"

/**
 * portmap_config_read() - everything that ADD, CHECK and STATUS need.
 * @config: filled; strings point into @req, the mappings are freed by portmap_config_free(), also
 *          after a failure
 *
 * Return: 0, or -1 with @err filled (CNI_ERR_FIELD, CNI_ERR_CONFIG).
 */
int portmap_config_read(const struct cni_request *req, struct config *config,
			struct cni_error *err);

/**
 * portmap_config_read_basics() - what every operation needs, even if the rest is wrong.
 *
 * Nothing in it is owned. Return: 0, or -1 with @err filled.
 */
int portmap_config_read_basics(const struct cni_request *req, struct config *config,
			       struct cni_error *err);

/* Free what portmap_config_read() has filled. */
void portmap_config_free(struct config *config);
#define cleanup_portmap_config __attribute__((cleanup(portmap_config_free)))

#endif
