/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_RESOLV_H
#define CNIRUN_RESOLV_H

#include <cjson/cJSON.h>

#include "error.h"

/**
 * resolv_text() - resolv.conf(5) from a result's dns.
 * @text: receives it, owned by the caller; NULL if the result names no DNS server
 *
 * Return: 0, or -1 CNI_ERR_DECODE if a value would break out of its line.
 */
int resolv_text(const cJSON *result, char **text, struct cni_error *err);

/**
 * resolv_mount() - show a text as /etc/resolv.conf.
 *
 * The caller must be in a mount namespace of its own. If there is no /etc/resolv.conf to mount
 * over, a line on standard error says so, and nothing is mounted.
 *
 * Return: 0, or -1 with errno.
 */
int resolv_mount(const char *text);

#endif
