/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The API of slirp4netns: connect, send one object, half-close, read one object to the end.
 *
 * The daemon reads once, replies once and closes, in the same loop that moves packets. It serves
 * one client at a time, and a request that arrives in two pieces counts as broken. So the request
 * is sent in one write, and everything here has one common deadline.
 */
#include "slirp_api.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "conf.h"
#include "text.h"

#define REPLY_MAX_BYTES (1u << 20)
#define RECEIVE_BYTES 4095     /* at once */
#define REQUEST_MAX_BYTES 4095 /* one less than the daemon's buffer */

/* Wait for an event until the deadline. Return: 0, or -1 with errno. */
static int wait_for(int fd, short events, int64_t until)
{
	struct pollfd event = {.fd = fd, .events = events};
	int n;

	do {
		const int64_t left = until - monotonic_ms();

		n = poll(&event, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

/*
 * When the backlog of a Unix socket is full, a non-blocking connect(2) fails with EAGAIN, and there
 * is no event to wait for. So connect(2) blocks here, with the limit set on the socket.
 */
static int connect_until(int fd, const struct sockaddr_un *address, int64_t until)
{
	const int64_t left = until - monotonic_ms() > 0 ? until - monotonic_ms() : 1;
	const struct timeval limit = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		if (errno == EAGAIN)
			errno = ETIMEDOUT;
		return -1;
	}
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* Receive the whole reply. Return: 0, or -1 with errno, which is EMSGSIZE when it is too large. */
static int receive_all(int fd, int64_t until, struct text *text)
{
	for (;;) {
		char *end = text_reserve(text, RECEIVE_BYTES);
		ssize_t n;

		if (end == NULL || wait_for(fd, POLLIN, until) < 0)
			return -1;
		n = recv(fd, end, RECEIVE_BYTES, MSG_DONTWAIT);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (n > 0)
			text_added(text, (size_t)n);
		if (text->len > REPLY_MAX_BYTES) {
			errno = EMSGSIZE;
			return -1;
		}
	}
}

int slirp_api_call(const char *socket_path, const cJSON *request, int timeout_ms, cJSON **reply,
		   struct cni_error *err)
{
	const int64_t until = monotonic_ms() + timeout_ms;
	cleanup_free char *message = cJSON_PrintUnformatted(request);
	cleanup_text struct text text = {0};
	cleanup_close int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len;

	*reply = NULL;
	if (message == NULL) {
		errno = ENOMEM;
		return cni_error_nomem(err);
	}
	if (strlen(socket_path) >= sizeof(address.sun_path) ||
	    strlen(message) > REQUEST_MAX_BYTES) {
		errno = EMSGSIZE;
		return cni_error_errno(err, CNI_ERR_IO, "cannot ask slirp4netns through %.120s",
				       socket_path);
	}
	strcpy(address.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect_until(fd, &address, until) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot reach slirp4netns through %s",
				       socket_path);
	len = strlen(message);
	if (wait_for(fd, POLLOUT, until) < 0 ||
	    TEMP_FAILURE_RETRY(send(fd, message, len, MSG_NOSIGNAL)) != (ssize_t)len)
		return cni_error_errno(err, CNI_ERR_IO, "cannot ask slirp4netns through %s",
				       socket_path);
	shutdown(fd, SHUT_WR);
	if (receive_all(fd, until, &text) < 0) {
		if (errno == EMSGSIZE)
			return cni_error(err, CNI_ERR_DECODE,
					 "slirp4netns's reply through %s is larger than a megabyte",
					 socket_path);
		return cni_error_errno(err, CNI_ERR_IO, "slirp4netns does not answer through %s",
				       socket_path);
	}
	errno = ENOMEM; /* for a failure that is not the reply's fault */
	return json_parse(text.data, text.len, "slirp4netns's reply", reply, err);
}

const char *slirp_api_error(const cJSON *reply)
{
	const cJSON *error = json_get(reply, "error");
	const cJSON *desc = json_get(error, "desc");

	if (error == NULL)
		return NULL;
	return cJSON_IsString(desc) ? desc->valuestring : "an error without a description";
}
