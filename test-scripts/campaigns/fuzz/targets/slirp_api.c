/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon that has gone mad may answer: every request of netns-portmap's, and CHECK's, over a
 * real socket. An input is a byte, the size of the pieces in which the answer comes, and the
 * answer.
 */
#include "plugins/netns-portmap/slirp.c"

#include <pthread.h>
#include <stdlib.h>
#include <sys/un.h>

#include "fuzz.h"

static struct {
	int fd;
	struct daemon daemon;
	const uint8_t *answer;
	size_t len;
	size_t piece;
} server;

/* One client after the other, each with the same answer, as long as the process lives. */
static void *serve(void *unused)
{
	(void)unused;
	for (;;) {
		cleanup_close int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
		char request[5000];

		if (fd < 0)
			abort();
		while (recv(fd, request, sizeof(request), 0) > 0)
			;
		for (size_t at = 0; at < server.len;) {
			const size_t left = server.len - at;
			const size_t n = server.piece && server.piece < left ? server.piece : left;

			if (send(fd, server.answer + at, n, MSG_NOSIGNAL) < 0)
				break;
			at += n;
		}
	}
	return NULL;
}

static void start_server(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	pthread_t thread;
	struct cni_error err;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", fuzz_dir());
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(server.fd, 16) < 0 || pthread_create(&thread, NULL, serve, NULL) != 0 ||
	    set_socket(&server.daemon, address.sun_path, &err) != 1)
		abort();
}

static void check_requests(struct recorded *r)
{
	static const struct cni_request req = {.attachment = {"net", "c", "eth0"}};
	const struct config config = {.state_dir = fuzz_dir()};
	const struct call call = {.req = &req, .config = &config};
	cleanup_json cJSON *answer = NULL;
	const cJSON *entries = NULL;
	struct cni_error err = {0};
	bool unsure = false;

	clock_gettime(CLOCK_MONOTONIC, &server.daemon.start);
	r->daemon = server.daemon;
	if (slirp_list(&server.daemon, &answer, &entries, &err) == 0) {
		cleanup_free int64_t *ids = find_ids(r, entries, &err);

		for (size_t i = 0; ids != NULL && i < r->n; i++)
			PROMISE(ids[i] >= 0 && ids[i] <= INT32_MAX);
		PROMISE(ids || err.code);
		err = (struct cni_error){0};
		fuzz_check_outcome(slirp_compare(r, entries, &err), &err);
	} else {
		fuzz_check_error(&err);
	}
	err = (struct cni_error){0};
	if (add_one(&call, &server.daemon, &r->mappings[0], r->guest, &unsure, &err) < 0)
		fuzz_check_error(&err);
	else
		PROMISE(r->mappings[0].id >= 1 && r->mappings[0].id <= INT32_MAX);
	err = (struct cni_error){0};
	if (remove_one(&server.daemon, 1, &err) < 0)
		fuzz_check_error(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mapping mappings[] = {
		/* A port that may be bound, so that a refusal is explained without a side effect.
		 */
		{.protocol = IPPROTO_TCP, .host_port = 38080, .container_port = 80},
		{.protocol = IPPROTO_UDP,
		 .host_port = 53,
		 .container_port = 53,
		 .host_family = AF_INET,
		 .one_host = true,
		 .host = {.family = AF_INET, .bytes = {127, 0, 0, 1}},
		 .id = 2},
	};
	struct recorded r = {.guest = "10.0.2.100", .mappings = mappings, .n = 2};
	struct input input = {data, size};

	if (server.fd == 0)
		start_server();
	server.piece = input_byte(&input);
	server.answer = input.at;
	server.len = input.left;
	/* The smaller the pieces the more there are of them. */
	if (server.piece && server.len / server.piece > 64)
		server.piece = 0;
	check_requests(&r);
	return 0;
}
