/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client of slirp4netns's API socket (slirp4netns(1), "API SOCKET"): one JSON object a connection
 * each way.
 */
#ifndef USERNET_SLIRP_API_H
#define USERNET_SLIRP_API_H

#include <cjson/cJSON.h>

#include "error.h"

/**
 * slirp_api_call() - one request, one answer, on a connection of its own.
 * @socket_path: absolute
 * @request:     e.g. {"execute": "list_hostfwd"}; not kept
 * @timeout_ms:  for connecting, sending and receiving together: the daemon serves one client at a
 * time
 * @answer:      the object, owned by the caller; an {"error": ...} of the daemon's comes back as an
 * answer too
 *
 * Return: 0, or -1: CNI_ERR_IO with errno (nobody listens: ECONNREFUSED or ENOENT; no answer in
 * time: ETIMEDOUT; it hangs up: ECONNRESET or EPIPE; all else is our own want, of memory or
 * descriptors) or CNI_ERR_DECODE (the answer is no JSON object, or larger than a megabyte).
 */
int slirp_api_call(const char *socket_path, const cJSON *request, int timeout_ms, cJSON **answer,
		   struct cni_error *err);

/* The daemon's own description of its error in an answer, or NULL when it is none. Points into
 * @answer. */
const char *slirp_api_error(const cJSON *answer);

#endif
