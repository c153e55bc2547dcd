/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CNIRUN_RESOLV_H
#define CNIRUN_RESOLV_H

#include <cjson/cJSON.h>

#include "error.h"

/**
 * resolv_text() - resolv.conf(5) from a result's dns.
 * @text: receives it, owned by the caller; NULL where the result names no name server
 *
 * Return: 0, or -1 CNI_ERR_DECODE: a value that would break out of its line.
 */
int resolv_text(const cJSON *result, char **text, struct cni_error *err);

/**
 * resolv_mount() - show a text as /etc/resolv.conf.
 *
 * In a mount namespace of the caller's own, which it must be in. Where there is no /etc/resolv.conf
 * to be mounted over, it says so on standard error, and nothing happens.
 *
 * Return: 0, or -1 with errno.
 */
int resolv_mount(const char *text);

#endif
