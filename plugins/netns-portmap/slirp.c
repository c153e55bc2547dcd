/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publishing through slirp4netns: its API's add_hostfwd, list_hostfwd and remove_hostfwd.
 *
 * The daemon numbers forwards from one when it starts, and forgets them when it ends. So a number
 * alone does not tell a forward of ours from one that somebody made in a daemon started since: DEL
 * lists first, and removes by number what still is what the record says. The record is written
 * without numbers before the first request, and again with them after the last one; what was added
 * in between, by a plugin that was killed or did not get its reply in time, is recognized by its
 * content, which is unique: two forwards cannot have the same port.
 *
 * A daemon replies in the order of requests. So after an add_hostfwd without a reply, the reply to
 * a list tells whether the forward is there, and ADD takes it back. If there is no list either, the
 * record stays, for DEL. A DEL that gets no reply must go on without one. What it leaves makes
 * slirp4netns refuse the next ADD of the attachment, which takes it over if it is exactly the
 * forward that was asked for, in the attachment's own daemon: nobody else's can be there.
 *
 * The network's lock is never held while a daemon is waited for. So a record is removed only if it
 * still is the one that was undone.
 *
 * slirp4netns's API says that add_hostfwd failed, but not why. slirp4netns binds a socket, so the
 * plugin tries to bind the same address and port, and the kernel tells why. slirp4netns is in our
 * network namespace, or our records would not be here.
 *
 * slirp4netns serves one client at a time, from the loop that moves packets. Each request has two
 * seconds, an operation ten. In DEL a daemon that does not reply, or not sensibly, is not an error:
 * what it holds ends with it, and the interface plugin's DEL, which ends it, comes after ours; an
 * error here would keep the runtime from ever calling that. Our own lack of memory or descriptors
 * is an error: the record stays, and the next DEL withdraws the ports.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "backend.h"
#include "cleanup.h"
#include "conf.h"
#include "narrow.h"
#include "record.h"
#include "slirp_api.h"

#define REQUEST_MS 2000
#define OPERATION_MS 10000

#define INTERFACE_PLUGIN "slirp4netns"
#define SOCKET_PATH_MAX 108 /* sun_path's */

struct daemon {
	char socket[SOCKET_PATH_MAX];
	struct timespec start;
};

static int left_ms(const struct daemon *d)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = OPERATION_MS - (now.tv_sec - d->start.tv_sec) * 1000 -
	       (now.tv_nsec - d->start.tv_nsec) / 1000000;
	return left > REQUEST_MS ? REQUEST_MS : left > 0 ? (int)left : 0;
}

static int set_socket(struct daemon *d, const char *path, struct cni_error *err)
{
	clock_gettime(CLOCK_MONOTONIC, &d->start);
	if (path[0] != '/' || strlen(path) >= sizeof(d->socket))
		return cni_error(
			err, CNI_ERR_CONFIG,
			"\"%.120s\" is not an absolute path of a socket, of at most %d bytes", path,
			SOCKET_PATH_MAX - 1);
	strcpy(d->socket, path);
	return 1;
}

/* The interface plugin's record tells where the socket is, too. Return: 1, 0 if it does not, or -1.
 */
static int find_in_record(const struct cni_request *req, const struct config *config,
			  struct daemon *d, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	const char *path = NULL;
	int found;

	if (state_open(config->state_dir, INTERFACE_PLUGIN, req->attachment.network, false, &state,
		       err) < 0)
		return -1;
	found = state.fd < 0 ? 0 : state_read(&state, &req->attachment, &record, err);
	if (found <= 0)
		return found;
	found = conf_get_string(record, "", "socket", &path, err);
	if (found < 0)
		return cni_error_wrap(err, "slirp4netns's record");
	return found == 0 ? 0 : set_socket(d, path, err);
}

/* Return: 1 with the daemon's socket, 0 if it is not slirp4netns's attachment, or -1. */
static int slirp_find_daemon(const struct cni_request *req, const struct config *config,
			     struct daemon *d, struct cni_error *err)
{
	const int index = result_find_interface(&req->prev, req->attachment.ifname, req->netns);
	const char *path = NULL;

	if (index >= 0) {
		path = req->prev.interfaces[index].socket_path;
		if (result_require(&req->prev, "interfaces", index, "socketPath", err) < 0)
			return -1;
	}
	if (path != NULL)
		return set_socket(d, path, err);
	return find_in_record(req, config, d, err);
}

static int slirp_claims(const struct cni_request *req, const struct config *config,
			struct cni_error *err)
{
	struct daemon d;

	return slirp_find_daemon(req, config, &d, err);
}

/*
 * Requests
 */

static int slirp_ask(const struct daemon *d, const char *command, cJSON *arguments, cJSON **reply,
		     struct cni_error *err)
{
	cleanup_json cJSON *owned = arguments;
	cleanup_json cJSON *request = cJSON_CreateObject();
	const int limit = left_ms(d);

	*reply = NULL;
	errno = ENOMEM;
	if (cJSON_AddStringToObject(request, "execute", command) == NULL)
		return cni_error_nomem(err);
	if (owned != NULL) {
		if (!cJSON_AddItemToObject(request, "arguments", owned))
			return cni_error_nomem(err);
		take_ptr(owned);
	}
	if (limit == 0) {
		errno = ETIMEDOUT;
		return cni_error_errno(err, CNI_ERR_AGAIN,
				       "slirp4netns took more than %d seconds for all mappings",
				       OPERATION_MS / 1000);
	}
	return slirp_api_call(d->socket, request, limit, reply, err);
}

static const char *host_text(const struct mapping *m, char *buf)
{
	return m->host_family == AF_UNSPEC ? "0.0.0.0" : mapping_host(m, buf);
}

/* net.ipv4.ip_unprivileged_port_start; 1024 where it cannot be read. */
static int unprivileged_start(void)
{
	cleanup_close int fd =
		open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 1024;
	return atoi(text);
}

/* Bind what slirp4netns could not. Return: 0, or the errno. */
static int try_bind(const struct mapping *m)
{
	const bool tcp = m->protocol == IPPROTO_TCP;
	cleanup_close int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(m->host_port),
		.sin_addr = m->one_host ? m->host.v4 : (struct in_addr){INADDR_ANY},
	};
	const int one = 1;

	if (fd < 0)
		return errno;
	/* As libslirp does for TCP: connections in TIME_WAIT are not an obstacle. */
	if (tcp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int slirp_explain(const struct mapping *m, const char *reason, struct cni_error *err)
{
	const int error = try_bind(m);
	char text[MAPPING_TEXT_MAX];
	char host[INET6_ADDRSTRLEN];

	mapping_format(m, text);
	if (error == EADDRINUSE)
		cni_error(err, ERR_TAKEN,
			  "host port %s is taken by another program or container: publish another "
			  "port (`ss -lntup` shows who has it)",
			  text);
	else if (error == EADDRNOTAVAIL)
		cni_error(err, ERR_REFUSED, "cannot publish %s: %s is not an address of this host",
			  text, host_text(m, host));
	else if (error == EACCES || (error == 0 && m->host_port < unprivileged_start()))
		cni_error(
			err, ERR_REFUSED,
			"cannot publish %s: ports below %d are for privileged programs; publish a "
			"higher one, or as root: sysctl net.ipv4.ip_unprivileged_port_start=%u",
			text, unprivileged_start(), m->host_port);
	else
		cni_error(err, ERR_REFUSED, "slirp4netns refuses to publish %s", text);
	if (error)
		return cni_error_details(err, "%s; slirp4netns: %s", strerrordesc_np(error),
					 reason);
	return cni_error_details(err, "slirp4netns: %s", reason);
}

/* *entries points into *reply. */
static int slirp_list(const struct daemon *d, cJSON **reply, const cJSON **entries,
		      struct cni_error *err)
{
	const char *reason;

	if (slirp_ask(d, "list_hostfwd", NULL, reply, err) < 0)
		return -1;
	reason = slirp_api_error(*reply);
	*entries = json_get(*reply, "entries");
	if (reason != NULL || !cJSON_IsArray(*entries)) {
		errno = EPROTO;
		return cni_error(err, ERR_REFUSED, "slirp4netns does not list its forwards: %.200s",
				 reason != NULL ? reason : "no `entries` in its reply");
	}
	return 0;
}

static bool has_text(const cJSON *entry, const char *key, const char *text)
{
	const cJSON *value = json_get(entry, key);

	return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

static bool has_number(const cJSON *entry, const char *key, double number)
{
	const cJSON *value = json_get(entry, key);

	return cJSON_IsNumber(value) && value->valuedouble == number;
}

static bool is_it(const cJSON *entry, const struct mapping *m, const char *guest)
{
	char host[INET6_ADDRSTRLEN];

	return has_number(entry, "host_port", m->host_port) &&
	       has_text(entry, "proto", mapping_protocol(m)) &&
	       has_text(entry, "host_addr", host_text(m, host)) &&
	       has_text(entry, "guest_addr", guest) &&
	       has_number(entry, "guest_port", m->container_port) &&
	       (m->id == 0 || has_number(entry, "id", (double)m->id));
}

/* Whether the attachment's own daemon, as the interface plugin recorded it, has exactly this
 * forward. */
static bool is_left_over(const struct call *call, const struct daemon *d, struct mapping *m,
			 const char *guest)
{
	cleanup_json cJSON *reply = NULL;
	const cJSON *entries;
	const cJSON *entry;
	struct daemon own;
	struct cni_error ignored;

	if (find_in_record(call->req, call->config, &own, &ignored) != 1 ||
	    strcmp(own.socket, d->socket) != 0 || slirp_list(d, &reply, &entries, &ignored) < 0)
		return false;
	cJSON_ArrayForEach (entry, entries)
		if (is_it(entry, m, guest))
			return conf_get_int(entry, "", "id", 1, INT32_MAX, &m->id, &ignored) == 1;
	return false;
}

/* Whether a request failed because nobody listens (errno is only set with CNI_ERR_IO). */
static bool is_nobody(const struct cni_error *err)
{
	return err->code == CNI_ERR_IO && (errno == ECONNREFUSED || errno == ENOENT);
}

/* Whether a request failed because of the daemon: it hangs, hangs up, or does not reply sensibly.
 */
static bool is_its_fault(const struct cni_error *err)
{
	return err->code != CNI_ERR_IO || errno == ETIMEDOUT || errno == ECONNRESET ||
	       errno == EPIPE;
}

/* @unsure: set when a failure need not mean that the forward is not there. */
static int add_one(const struct call *call, const struct daemon *d, struct mapping *m,
		   const char *guest, bool *unsure, struct cni_error *err)
{
	cleanup_json cJSON *reply = NULL;
	cleanup_json cJSON *arguments = cJSON_CreateObject();
	char text[MAPPING_TEXT_MAX];
	char host[INET6_ADDRSTRLEN];
	const char *reason;

	if (cJSON_AddStringToObject(arguments, "proto", mapping_protocol(m)) == NULL ||
	    cJSON_AddStringToObject(arguments, "host_addr", host_text(m, host)) == NULL ||
	    cJSON_AddNumberToObject(arguments, "host_port", m->host_port) == NULL ||
	    cJSON_AddStringToObject(arguments, "guest_addr", guest) == NULL ||
	    cJSON_AddNumberToObject(arguments, "guest_port", m->container_port) == NULL)
		return cni_error_nomem(err);
	if (slirp_ask(d, "add_hostfwd", take_ptr(arguments), &reply, err) < 0) {
		*unsure = !is_nobody(err);
		return cni_error_wrap(err, "cannot publish %s", mapping_format(m, text));
	}
	reason = slirp_api_error(reply);
	if (reason != NULL)
		return is_left_over(call, d, m, guest) ? 0 : slirp_explain(m, reason, err);
	*unsure = true;
	if (conf_get_int(json_get(reply, "return"), "return.", "id", 1, INT32_MAX, &m->id, err) !=
	    1)
		return cni_error(err, ERR_REFUSED,
				 "slirp4netns's reply about %s through %s has no id",
				 mapping_format(m, text), d->socket);
	return 0;
}

static int remove_one(const struct daemon *d, int64_t id, struct cni_error *err)
{
	cleanup_json cJSON *reply = NULL;
	cleanup_json cJSON *arguments = cJSON_CreateObject();
	const char *reason;

	if (cJSON_AddNumberToObject(arguments, "id", (double)id) == NULL)
		return cni_error_nomem(err);
	if (slirp_ask(d, "remove_hostfwd", take_ptr(arguments), &reply, err) < 0)
		return -1;
	reason = slirp_api_error(reply);
	if (reason == NULL || strstr(reason, "bad arguments.id") != NULL) /* gone already */
		return 0;
	cni_error(err, ERR_REFUSED, "slirp4netns does not withdraw forward %d", (int)id);
	return cni_error_details(err, "%s", reason);
}

/*
 * The record
 */

struct recorded {
	struct daemon daemon;
	char guest[INET_ADDRSTRLEN];
	struct mapping *mappings; /* owned */
	size_t n;
};

static void recorded_free(struct recorded *r)
{
	free(r->mappings);
}
#define cleanup_recorded __attribute__((cleanup(recorded_free)))

/* NULL out of memory. */
static cJSON *print_record(const struct recorded *r)
{
	cleanup_json cJSON *record = portmap_record_new(BACKEND_SLIRP4NETNS, r->mappings, r->n);

	if (cJSON_AddStringToObject(record, "socket", r->daemon.socket) == NULL ||
	    cJSON_AddStringToObject(record, "address4", r->guest) == NULL)
		return NULL;
	return take_ptr(record);
}

static int slirp_read_record(const cJSON *record, struct recorded *r, struct cni_error *err)
{
	const cJSON *array = NULL;
	const char *path = "";
	const char *guest = "";
	struct ip_address address;

	if (conf_get_string(record, "", "socket", &path, err) < 0 ||
	    conf_get_string(record, "", "address4", &guest, err) < 0 ||
	    conf_get_array(record, "", "mappings", &array, err) < 0 ||
	    mappings_read_record(array, &r->mappings, &r->n, err) < 0 ||
	    set_socket(&r->daemon, path, err) < 0) {
		if (err->code != CNI_ERR_IO) /* out of memory */
			err->code = CNI_ERR_DECODE;
		return cni_error_wrap(err, "the record");
	}
	if (ip_address_parse(guest, &address) < 0 || address.family != AF_INET)
		return cni_error(err, CNI_ERR_DECODE,
				 "the record's address4 is not an IPv4 address");
	ip_address_format(&address, r->guest);
	return 0;
}

/*
 * The daemon binds a socket for a forward: a socket on every address, which here means every IPv4
 * address, has the port of each of them.
 */
static int is_bound_by_another(const struct mapping_group *group, size_t index, void *arg,
			       struct cni_error *err)
{
	const bool *say = arg;
	const struct mapping *m = group->members[index];
	const struct mapping *first = group->members[0];

	if (m->host_family == AF_INET6) {
		if (!mapping_group_has_ipv4(group, m->container_port))
			return 0;
		if (*say)
			portmap_say_left_out(
				m, "slirp4netns forwards from IPv4 addresses only, and does "
				   "so for this port");
		return 1;
	}
	if (!m->one_host || first->one_host || first->host_family == AF_INET6)
		return 0;
	if (first->container_port == m->container_port)
		return 1;
	mapping_conflict(first, m, "runtimeConfig.portMappings", err);
	return cni_error_details(err, "slirp4netns cannot have a port on every address and on one");
}

static int slirp_narrow(struct config *config, bool say, struct cni_error *err)
{
	return mappings_leave_out(config->mappings, &config->n_mappings, is_bound_by_another, &say,
				  err);
}

static int refuse_what_it_lacks(const struct call *call, struct cni_error *err)
{
	char text[MAPPING_TEXT_MAX];

	if (call->address[0].family == AF_UNSPEC)
		return cni_error(err, CNI_ERR_CONFIG,
				 "prevResult has no IPv4 address of %s, to which slirp4netns could "
				 "forward",
				 call->attachment.ifname);
	for (size_t i = 0; i < call->config->n_mappings; i++) {
		const struct mapping *m = &call->config->mappings[i];

		if (m->protocol == IPPROTO_SCTP)
			return cni_error(err, CNI_ERR_FIELD,
					 "cannot publish %s: slirp4netns forwards tcp and udp only",
					 mapping_format(m, text));
		if (m->host_family == AF_INET6)
			return cni_error(err, CNI_ERR_FIELD,
					 "cannot publish %s: slirp4netns forwards from IPv4 "
					 "addresses only; leave hostIP out or give one of them",
					 mapping_format(m, text));
	}
	return 0;
}

/*
 * The numbers of what the record says, in its order, 0 for what is not listed; NULL with @err. The
 * daemon lists in the order of addition, and so does the record: the search goes on where the last
 * one ended.
 */
static int64_t *find_ids(const struct recorded *r, const cJSON *entries, struct cni_error *err)
{
	cleanup_free int64_t *ids = calloc(r->n + 1, sizeof(*ids));
	const cJSON *next = entries->child;

	if (ids == NULL) {
		cni_error_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < r->n; i++) {
		const cJSON *entry = next;

		while (entry != NULL && !is_it(entry, &r->mappings[i], r->guest))
			entry = entry->next;
		for (const cJSON *e = entries->child; entry == NULL && e != NULL && e != next;
		     e = e->next)
			if (is_it(e, &r->mappings[i], r->guest))
				entry = e;
		if (entry == NULL)
			continue;
		switch (conf_get_int(entry, "entries.", "id", 1, INT32_MAX, &ids[i], err)) {
		case 0:
			cni_error(err, CNI_ERR_DECODE, "entries has one without an id");
			__attribute__((fallthrough));
		case -1:
			err->code = CNI_ERR_DECODE; /* it is not the configuration's fault */
			cni_error_wrap(err, "slirp4netns's reply through %s", r->daemon.socket);
			return NULL;
		}
		next = entry->next;
	}
	return take_ptr(ids);
}

/* Remove the last one first: libslirp finds it at once, but the first one only behind all others.
 */
static int slirp_withdraw(const struct recorded *r, const cJSON *entries, struct cni_error *err)
{
	cleanup_free int64_t *ids = find_ids(r, entries, err);

	if (ids == NULL)
		return -1;
	for (size_t i = r->n; i-- > 0;)
		if (ids[i] && remove_one(&r->daemon, ids[i], err) < 0)
			return -1;
	return 0;
}

/*
 * After a failure: withdraw the first @n, which are there or may be. The record is kept if that
 * cannot be done, unless there is no daemon any more that could forward.
 */
static void slirp_undo(struct call *call, struct recorded *r, size_t n, const cJSON *record)
{
	cleanup_json cJSON *reply = NULL;
	const cJSON *entries;
	struct cni_error ignored;

	clock_gettime(CLOCK_MONOTONIC, &r->daemon.start);
	r->n = n;
	if (n > 0 && slirp_list(&r->daemon, &reply, &entries, &ignored) < 0) {
		if (!is_nobody(&ignored))
			return;
	} else if (n > 0 && slirp_withdraw(r, entries, &ignored) < 0) {
		return;
	}
	portmap_record_remove(call, record, &ignored);
}

static int slirp_add(struct call *call, struct cni_error *err)
{
	cleanup_recorded struct recorded r = {0};
	cleanup_json cJSON *record = NULL;
	cleanup_json cJSON *numbered = NULL;
	size_t added = 0;

	if (refuse_what_it_lacks(call, err) < 0)
		return -1;
	switch (slirp_find_daemon(call->req, call->config, &r.daemon, err)) {
	case 0:
		return cni_error(
			err, CNI_ERR_CONFIG,
			"backend slirp4netns: prevResult has no socketPath, and there is no "
			"record of slirp4netns's; put this plugin behind slirp4netns in the "
			"list, with the same stateDir");
	case -1:
		return -1;
	}
	r.mappings = calloc(call->config->n_mappings, sizeof(*r.mappings));
	if (r.mappings == NULL)
		return cni_error_nomem(err);
	memcpy(r.mappings, call->config->mappings, call->config->n_mappings * sizeof(*r.mappings));
	r.n = call->config->n_mappings;
	ip_address_format(&call->address[0], r.guest);
	record = print_record(&r);
	if (record == NULL)
		return cni_error_nomem(err);
	if (portmap_record_write(call, record, err) < 0)
		return -1;
	portmap_unlock(call);
	for (; added < r.n; added++) {
		bool unsure = false;

		if (add_one(call, &r.daemon, &r.mappings[added], r.guest, &unsure, err) < 0) {
			slirp_undo(call, &r, added + unsure, record);
			return -1;
		}
	}
	numbered = print_record(&r);
	if (numbered != NULL && portmap_record_write(call, numbered, err) == 0)
		return 0;
	if (numbered == NULL)
		cni_error_nomem(err);
	slirp_undo(call, &r, added, record);
	return -1;
}

static int slirp_del(struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_recorded struct recorded r = {0};
	cleanup_json cJSON *reply = NULL;
	const cJSON *entries;

	if (slirp_read_record(record, &r, err) < 0)
		return -1;
	portmap_unlock(call);
	if (slirp_list(&r.daemon, &reply, &entries, err) < 0 ||
	    slirp_withdraw(&r, entries, err) < 0) {
		const bool nobody = is_nobody(err);

		if (!nobody && !is_its_fault(err))
			return -1;
		if (!nobody)
			fprintf(stderr, "ports stay published until slirp4netns ends: %s\n",
				err->msg);
	}
	return portmap_record_remove(call, record, err);
}

static int slirp_compare(const struct recorded *r, const cJSON *entries, struct cni_error *err)
{
	cleanup_free int64_t *ids = find_ids(r, entries, err);
	char text[MAPPING_TEXT_MAX];

	if (ids == NULL)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (ids[i] == 0)
			return cni_error(
				err, ERR_CHECK,
				"host port %s is not published: slirp4netns does not list it",
				mapping_format(&r->mappings[i], text));
	return 0;
}

static int slirp_check(const struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_recorded struct recorded r = {0};
	cleanup_json cJSON *reply = NULL;
	const cJSON *entries;

	(void)call;
	if (slirp_read_record(record, &r, err) < 0)
		return -1;
	if (slirp_list(&r.daemon, &reply, &entries, err) < 0) {
		err->code = ERR_CHECK;
		return cni_error_wrap(err, "no port of this container is published");
	}
	return slirp_compare(&r, entries, err);
}

const struct backend backend_slirp4netns = {
	.name = BACKEND_SLIRP4NETNS,
	.claims = slirp_claims,
	.narrow = slirp_narrow,
	.add = slirp_add,
	.del = slirp_del,
	.check = slirp_check,
};
