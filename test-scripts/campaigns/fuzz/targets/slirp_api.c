/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon that has gone mad may reply: to every request of netns-portmap's ADD, CHECK and
 * DEL, over a real socket. An input is a byte, the size of the pieces in which a reply comes, and
 * the reply; behind a NUL, the one to the next request of the operation, and so on. The last one is
 * the reply to all that follow.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "conf.h"
#include "fuzz.h"
#include "plugins/netns-portmap/backend.h"
#include "plugins/netns-portmap/record.h"

static const struct cni_request req = {.attachment = {"net", "c", "eth0"}};

static struct {
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct state interface_state; /* of the plugin slirp4netns, whose record has the path */
	const uint8_t *reply, *next;
	size_t len, piece;
} server;

/* The next reply, and how long it is. */
static size_t take_reply(const uint8_t **reply)
{
	const uint8_t *end = server.reply + server.len;
	const uint8_t *nul = NULL;

	if (server.next != end) /* an empty input has no address */
		nul = memchr(server.next, '\0', (size_t)(end - server.next));
	*reply = server.next;
	if (nul == NULL)
		return (size_t)(end - server.next);
	server.next = nul + 1;
	return (size_t)(nul - *reply);
}

/* One client after the other, as long as the process lives. */
static void *serve(void *unused)
{
	(void)unused;
	for (;;) {
		cleanup_close int fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
		const uint8_t *reply;
		char request[5000];
		size_t len;

		if (fd < 0)
			abort();
		while (recv(fd, request, sizeof(request), 0) > 0)
			;
		len = take_reply(&reply);
		for (size_t at = 0; at < len;) {
			const size_t left = len - at;
			const size_t n = server.piece && server.piece < left ? server.piece : left;

			if (send(fd, reply + at, n, MSG_NOSIGNAL) < 0)
				break;
			at += n;
		}
	}
	return NULL;
}

static void start_server(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_json cJSON *record = cJSON_CreateObject();
	pthread_t thread;
	struct cni_error err;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", fuzz_dir());
	memcpy(server.path, address.sun_path, sizeof(server.path));
	cJSON_AddStringToObject(record, "socket", server.path);
	server.interface_state = STATE_NONE;
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(server.fd, 16) < 0 || pthread_create(&thread, NULL, serve, NULL) != 0 ||
	    state_open(fuzz_dir(), BACKEND_SLIRP4NETNS, "net", true, &server.interface_state,
		       &err) < 0 ||
	    state_write(&server.interface_state, &req.attachment, record, true, &err) < 0)
		abort();
}

/* A new operation: its first request gets the first reply. */
static struct call begin(const struct config *config, const struct state *state)
{
	server.next = server.reply;
	return (struct call){
		.req = &req,
		.attachment = req.attachment,
		.config = config,
		.state = state,
		.lock = -1,
		.address = {{.family = AF_INET, .bytes = {10, 0, 2, 100}}},
	};
}

/* The record of two mappings, the first without a number yet. */
static cJSON *make_record(const struct mapping *mappings, size_t n)
{
	cJSON *record = portmap_record_new(BACKEND_SLIRP4NETNS, mappings, n);

	cJSON_AddStringToObject(record, "socket", server.path);
	cJSON_AddStringToObject(record, "address4", "10.0.2.100");
	return record;
}

static void check_add(const struct config *config, const struct state *state)
{
	struct call call = begin(config, state);
	cleanup_json cJSON *record = NULL;
	struct cni_error err = {0};
	const int value = backend_slirp4netns.add(&call, &err);
	int64_t id = 0;

	portmap_unlock(&call);
	fuzz_check_outcome(value, &err);
	err = (struct cni_error){0};
	PROMISE(state_read(state, &req.attachment, &record, &err) >= 0);
	if (value == 0)
		PROMISE(conf_get_int(json_get(record, "mappings")->child, "", "id", 1, INT32_MAX,
				     &id, &err) == 1);
	state_remove(state, &req.attachment, &err);
}

static void check_requests(const struct mapping *mappings, size_t n)
{
	struct mapping first = mappings[0];
	const struct config config = {.state_dir = fuzz_dir(), .mappings = &first, .n_mappings = 1};
	cleanup_json cJSON *record = make_record(mappings, n);
	cleanup_state struct state state = STATE_NONE;
	struct call call;
	struct cni_error err = {0};

	PROMISE(record != NULL);
	PROMISE(state_open(fuzz_dir(), PLUGIN_NAME, "net", true, &state, &err) == 0);
	call = begin(&config, &state);
	fuzz_check_outcome(backend_slirp4netns.check(&call, record, &err), &err);
	check_add(&config, &state);
	call = begin(&config, &state);
	err = (struct cni_error){0};
	/* What the daemon does wrong is not an error of DEL's, and stands in err all the same. */
	if (backend_slirp4netns.del(&call, record, &err) < 0)
		fuzz_check_error(&err);
	portmap_unlock(&call);
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
	struct input input = {data, size};

	if (server.fd == 0)
		start_server();
	server.piece = input_byte(&input);
	server.reply = input.at;
	server.len = input.left;
	/* The smaller the pieces the more there are of them. */
	if (server.piece && server.len / server.piece > 64)
		server.piece = 0;
	check_requests(mappings, 2);
	return 0;
}
