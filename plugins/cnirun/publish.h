/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_PUBLISH_H
#define CNIRUN_PUBLISH_H

#include <cjson/cJSON.h>

#include "error.h"

/* The most entries: they are in the result cache, whose files have at most a megabyte. */
#define PUBLISH_MAX 8192

/**
 * publish_parse() - [HOSTADDRESS:]HOSTPORT[-LAST][:PORT[-LAST]][/PROTOCOL]
 * @mappings: array that entries of the capability portMappings are appended to
 *
 * An IPv6 address stands in brackets. Without PORT the container's port is the host's. Ranges must
 * be equally long. PROTOCOL is tcp (the default), udp or sctp.
 *
 * Return: 0, or -1 CNI_ERR_CONFIG.
 */
int publish_parse(const char *text, cJSON *mappings, struct cni_error *err);

#endif
