/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of slirp4netns's API socket (slirp4netns(1), "API SOCKET"): a connection carries one
 * JSON object each way.
 */
#ifndef USERNET_SLIRP_API_H
#define USERNET_SLIRP_API_H

#include <cjson/cJSON.h>

#include "error.h"

/**
 * slirp_api_call() - send one request and receive its reply, on a connection of its own.
 * @socket_path: absolute
 * @request:     e.g. {"execute": "list_hostfwd"}; not kept
 * @timeout_ms:  for connecting, sending and receiving together: the daemon serves one client at a
 *               time
 * @reply:       receives the object, owned by the caller; an {"error": ...} is a reply too
 *
 * Return: 0; or -1 CNI_ERR_IO with errno (ECONNREFUSED or ENOENT when nobody listens, ETIMEDOUT
 * when no reply comes in time, ECONNRESET or EPIPE when the daemon hangs up; all else means that we
 * are short of memory or descriptors); or -1 CNI_ERR_DECODE (the reply is not a JSON object, or is
 * larger than a megabyte).
 */
int slirp_api_call(const char *socket_path, const cJSON *request, int timeout_ms, cJSON **reply,
		   struct cni_error *err);

/* Return: the daemon's description of the error in a reply, part of @reply, or NULL when the reply
 * is not an error. */
const char *slirp_api_error(const cJSON *reply);

#endif
