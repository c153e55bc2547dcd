/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exporter's HTTP side, on libmicrohttpd. serve.c tells what it withstands, and how.
 *
 * Connections are accepted here and handed to libmicrohttpd, which has its own limits: it would
 * leave a connection beyond them in the backlog, behind those that only wait (connections.c).
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "accept.h"
#include "address.h"
#include "cleanup.h"
#include "connections.h"
#include "lazy.h"
#include "serve.h"

#define CONNECTIONS_MAX 1200
#define CONNECTIONS_PER_CLIENT 128
#define ACCEPT_BATCH 64
#define DEAF_TIME (100 * NS_PER_MS)
#define IDLE_SECONDS 10
#define REQUEST_MAX_BYTES 16384
#define RESPONSES_MAX 32 /* different ones in flight */
#define BACKLOG 1024
#define DESCRIPTORS_OF_OURS (64 + ACCEPT_BATCH)

/* clang-format off */
#define HTTP_SYMBOLS(X) \
	X(MHD_start_daemon) X(MHD_stop_daemon) X(MHD_run) X(MHD_get_timeout) \
	X(MHD_add_connection) \
	X(MHD_get_daemon_info) X(MHD_get_connection_info) \
	X(MHD_get_connection_values) X(MHD_create_response_from_buffer) \
	X(MHD_create_response_from_buffer_with_free_callback_cls) \
	X(MHD_add_response_header) X(MHD_queue_response) X(MHD_destroy_response)
/* clang-format on */

LAZY_LIBRARY(http, HTTP_SYMBOLS)
#define HTTP_SYMBOL(name) LAZY_SYMBOL(http, name)

/* The exposition as it was at one moment, in one of the two formats. */
struct made_response {
	struct MHD_Response *response;
	int64_t made;
	unsigned long generation; /* of the registry */
};

struct http_server {
	struct exporter *exporter;
	struct MHD_Daemon *daemon;
	struct connections connections;
	struct connection *arriving; /* handed over, but not begun yet */
	struct made_response responses[FORMS];
	unsigned int live_responses;
	int listen_fd;
	int epoll_fd;       /* watches libmicrohttpd's own, and listen_fd */
	int64_t next_due;   /* when a connection's time is over */
	int64_t deaf_until; /* no descriptors are left: nothing is accepted until then */
	char address[160];
	char *socket_path; /* unix: removed at the end, if it is still ours */
	ino_t socket_ino;
};

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;

	(void)mhd;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = take_ptr(server->arriving);
	} else if (*context != NULL) {
		connections_remove(&server->connections, *context);
		*context = NULL;
	}
}

/* Watch the listening socket, except while there is no descriptor for what it would accept. */
static void listen_again(struct http_server *server, bool yes)
{
	struct epoll_event event = {.events = yes ? EPOLLIN : 0};

	epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listen_fd, &event);
	server->deaf_until = yes ? 0 : monotonic_ns() + DEAF_TIME;
}

/* Accept what has come, up to a number at a time: requests are served in between. */
static void accept_some(struct http_server *server)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t len = sizeof(peer);
		const int fd = accept4(server->listen_fd, (void *)&peer, &len,
				       SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			connections_end_one(&server->connections);
			listen_again(server, false);
		}
		if (fd < 0 && errno != ECONNABORTED)
			return;
		if (fd < 0)
			continue;
		server->arriving = connections_add(&server->connections, &peer, fd);
		if (server->arriving == NULL) {
			close(fd);
			return;
		}
		/* libmicrohttpd closes the descriptor, also when this fails. */
		http.MHD_add_connection(server->daemon, fd, (void *)&peer, len);
		if (server->arriving != NULL)
			connections_remove(&server->connections, take_ptr(server->arriving));
	}
}

struct body {
	struct http_server *server;
	char *data;
};

static void free_body(void *arg)
{
	struct body *body = arg;

	body->server->live_responses--;
	free(body->data);
	free(body);
}

static void headers(struct MHD_Response *response, const char *type)
{
	http.MHD_add_response_header(response, "Content-Type", type);
	/* One request per connection: so the time of the connection is that of its request. */
	http.MHD_add_response_header(response, "Connection", "close");
}

/* A new response in this format. Return: NULL out of memory. */
static struct MHD_Response *make_response(struct http_server *server, bool openmetrics)
{
	cleanup_text struct text text = {0};
	struct cni_error err = {0};
	struct MHD_Response *response;
	struct body *body;

	server->exporter->ended = server->connections.ended;
	if (exporter_scrape(server->exporter, openmetrics, &text, &err) < 0)
		return NULL;
	body = malloc(sizeof(*body));
	if (body == NULL)
		return NULL;
	*body = (struct body){server, text.data};
	response = http.MHD_create_response_from_buffer_with_free_callback_cls(text.len, text.data,
									       free_body, body);
	if (response == NULL) {
		free(body);
		return NULL;
	}
	server->live_responses++;
	text = (struct text){0};
	headers(response, openmetrics ? CONTENT_TYPE_OPENMETRICS : CONTENT_TYPE_TEXT);
	return response;
}

/* Queue a response. The request is whole, so its connection is not idle. */
static enum MHD_Result queue(struct http_server *server, struct MHD_Connection *mhd,
			     unsigned int status, struct MHD_Response *response)
{
	const union MHD_ConnectionInfo *info =
		http.MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	if (info != NULL && info->socket_context != NULL)
		connections_respond(&server->connections, info->socket_context);
	return http.MHD_queue_response(mhd, status, response);
}

static enum MHD_Result respond_text(struct http_server *server, struct MHD_Connection *mhd,
				    unsigned int status, const char *message)
{
	struct MHD_Response *response = http.MHD_create_response_from_buffer(
		strlen(message), (void *)(uintptr_t)message, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret;

	if (response == NULL)
		return MHD_NO;
	headers(response, "text/plain; charset=utf-8");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		http.MHD_add_response_header(response, "Allow", "GET, HEAD");
	ret = queue(server, mhd, status, response);
	http.MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result read_accept(void *arg, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	(void)kind;
	if (value != NULL && strcasecmp(key, MHD_HTTP_HEADER_ACCEPT) == 0)
		accept_read(arg, value);
	return MHD_YES;
}

static enum MHD_Result respond_metrics(struct http_server *server, struct MHD_Connection *mhd)
{
	const unsigned long generation = exporter_update(server->exporter);
	struct accept accept = {0};
	struct made_response *a;
	enum form form;

	http.MHD_get_connection_values(mhd, MHD_HEADER_KIND, read_accept, &accept);
	if (accept_choose(&accept, &form))
		return respond_text(server, mhd, MHD_HTTP_NOT_ACCEPTABLE,
				    "there are " CONTENT_TYPE_TEXT " and " CONTENT_TYPE_OPENMETRICS
				    "\n");
	a = &server->responses[form];
	if (a->response != NULL && (a->generation != generation ||
				    a->made + exporter_reuse(server->exporter) < monotonic_ns())) {
		http.MHD_destroy_response(a->response);
		a->response = NULL;
	}
	if (a->response == NULL) {
		/* Clients that read slowly make room for those that ask, and not the other way
		 * round. */
		if (server->live_responses >= RESPONSES_MAX)
			connections_end_readers(&server->connections);
		if (server->live_responses >= 2 * RESPONSES_MAX)
			return respond_text(server, mhd, MHD_HTTP_SERVICE_UNAVAILABLE,
					    "too many slow clients; try again\n");
		a->response = make_response(server, form == FORM_OPENMETRICS);
		a->made = monotonic_ns();
		a->generation = generation;
	}
	if (a->response == NULL)
		return respond_text(server, mhd, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return queue(server, mhd, MHD_HTTP_OK, a->response);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **context)
{
	struct http_server *server = arg;
	static int begun;

	(void)version, (void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(server, mhd, MHD_HTTP_METHOD_NOT_ALLOWED,
				    "only GET and HEAD\n");
	/* The first call is at the end of the headers, the second at the end of the request. */
	if (*context == NULL) {
		*context = &begun;
		return MHD_YES;
	}
	if (*upload_len) {
		*upload_len = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") == 0)
		return respond_metrics(server, mhd);
	if (strcmp(url, "/") == 0)
		return respond_text(server, mhd, MHD_HTTP_OK,
				    "netns-stats: container network counters at /metrics\n");
	return respond_text(server, mhd, MHD_HTTP_NOT_FOUND,
			    "not found; the counters are at /metrics\n");
}

/* The port after the last colon. Return: 0, or -1. */
int http_parse_port(const char *s, uint16_t *port)
{
	unsigned long value;
	char *end;

	if (*s < '0' || *s > '9')
		return -1;
	value = strtoul(s, &end, 10);
	if (*end || value > UINT16_MAX)
		return -1;
	*port = (uint16_t)value;
	return 0;
}

static int bad_address(const char *address, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_CONFIG,
			 "cannot listen on \"%.100s\": give ADDRESS:PORT with a numeric address "
			 "(127.0.0.1:9732, [::1]:9732), :PORT for all addresses, or unix:PATH",
			 address);
}

static int listen_here(int fd, const void *sockaddr, socklen_t len, const char *address,
		       struct cni_error *err)
{
	if (bind(fd, sockaddr, len) == 0 && listen(fd, BACKLOG) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return cni_error_errno(err, CNI_ERR_IO, "cannot listen on %s: another process does",
				       address);
	return cni_error_errno(err, CNI_ERR_IO, "cannot listen on %s", address);
}

int http_listen_inet(const char *address, char *shown, size_t shown_size, struct cni_error *err)
{
	const char *colon = strrchr(address, ':');
	char host[INET6_ADDRSTRLEN + 2];
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct ip_address ip = {.family = AF_INET6};
	cleanup_close int fd = -1;
	bool all, bracketed;
	uint16_t port;
	const int one = 1, zero = 0;
	socklen_t len;

	if (colon == NULL || http_parse_port(colon + 1, &port) ||
	    (size_t)(colon - address) >= sizeof(host))
		return bad_address(address, err);
	all = colon == address;
	bracketed = address[0] == '[' && colon[-1] == ']';
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address) - 2 * bracketed,
		 address + bracketed);
	if (!all && (ip_address_parse(host, &ip) || bracketed != (ip.family == AF_INET6)))
		return bad_address(address, err);
	fd = socket(ip.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && all) {
		ip = (struct ip_address){.family = AF_INET};
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot listen on %s", address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	in.sin_port = in6.sin6_port = htons(port);
	in.sin_addr = ip.v4;
	if (ip.family == AF_INET6) {
		in6.sin6_addr = ip.v6;
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? &zero : &one, sizeof(one));
		if (listen_here(fd, &in6, sizeof(in6), address, err) < 0)
			return -1;
	} else if (listen_here(fd, &in, sizeof(in), address, err) < 0) {
		return -1;
	}
	len = ip.family == AF_INET6 ? sizeof(in6) : sizeof(in);
	getsockname(fd, ip.family == AF_INET6 ? (void *)&in6 : (void *)&in, &len);
	port = ntohs(ip.family == AF_INET6 ? in6.sin6_port : in.sin_port);
	snprintf(shown, shown_size, "%.*s:%u", all ? 9 : (int)(colon - address),
		 all ? "localhost" : address, port);
	return take_fd(&fd);
}

/* A socket file on which nobody listens was left by an exporter that was killed. */
static bool is_abandoned(const struct sockaddr_un *un)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	return fd >= 0 && lstat(un->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       connect(fd, (const void *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED;
}

static int listen_unix(const char *path, struct http_server *server, struct cni_error *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int ret;

	if (!*path || strlen(path) >= sizeof(un.sun_path))
		return cni_error(err, CNI_ERR_CONFIG,
				 "cannot listen on unix:%.100s: the path of a socket has 1 to %zu "
				 "bytes",
				 path, sizeof(un.sun_path) - 1);
	strcpy(un.sun_path, path);
	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a socket");
	if (is_abandoned(&un))
		unlink(path);
	/* Whoever can connect sees every container's traffic: only this user can, until the
	 * administrator changes the mode. */
	mask = umask(0177);
	ret = listen_here(fd, &un, sizeof(un), path, err);
	umask(mask);
	if (ret)
		return -1;
	server->socket_path = strdup(path);
	if (lstat(path, &st) == 0)
		server->socket_ino = st.st_ino;
	snprintf(server->address, sizeof(server->address), "unix:%s", path);
	return take_fd(&fd);
}

static unsigned int connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) ||
	    limit.rlim_cur >= CONNECTIONS_MAX + DESCRIPTORS_OF_OURS)
		return CONNECTIONS_MAX;
	return limit.rlim_cur > 2 * DESCRIPTORS_OF_OURS
		       ? (unsigned int)limit.rlim_cur - DESCRIPTORS_OF_OURS
		       : DESCRIPTORS_OF_OURS;
}

static int http_watch(struct http_server *server, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int start_daemon(struct http_server *server, const char *address, struct cni_error *err)
{
	const unsigned int max = connections_max();
	const union MHD_DaemonInfo *info;

	connections_init(&server->connections, max, CONNECTIONS_PER_CLIENT);
	/* Connections that we have ended stay in the daemon until it runs. */
	server->daemon = http.MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
		max + 2 * ACCEPT_BATCH, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX_BYTES, MHD_OPTION_END);
	info = server->daemon != NULL
		       ? http.MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
		       : NULL;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (info == NULL || server->epoll_fd < 0 || http_watch(server, info->epoll_fd) < 0 ||
	    http_watch(server, server->listen_fd) < 0)
		return cni_error(err, CNI_ERR_IO, "libmicrohttpd cannot serve on %s", address);
	return 0;
}

int http_server_start(const char *address, struct exporter *x, struct http_server **out,
		      struct cni_error *err)
{
	static const struct lazy_symbol symbols[] = {HTTP_SYMBOLS(HTTP_SYMBOL)};
	struct http_server *server;

	if (lazy_load(SONAME_MICROHTTPD, "libmicrohttpd12", "serve", symbols,
		      sizeof(symbols) / sizeof(symbols[0]), &http, err) < 0)
		return -1;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return cni_error_nomem(err);
	server->exporter = x;
	server->epoll_fd = -1;
	server->next_due = INT64_MAX;
	*out = server;
	server->listen_fd =
		strncmp(address, "unix:", 5) != 0
			? http_listen_inet(address, server->address, sizeof(server->address), err)
			: listen_unix(address + 5, server, err);
	return server->listen_fd < 0 ? -1 : start_daemon(server, address, err);
}

void http_server_stop(struct http_server **p)
{
	struct http_server *server = *p;
	struct stat st;

	if (server == NULL)
		return;
	if (server->daemon != NULL)
		http.MHD_stop_daemon(server->daemon);
	for (size_t i = 0; i < FORMS; i++)
		if (server->responses[i].response != NULL)
			http.MHD_destroy_response(server->responses[i].response);
	if (server->socket_path != NULL && lstat(server->socket_path, &st) == 0 &&
	    st.st_ino == server->socket_ino)
		unlink(server->socket_path);
	cleanup_close_(&server->listen_fd);
	cleanup_close_(&server->epoll_fd);
	free(server->socket_path);
	free(server);
	*p = NULL;
}

const char *http_server_address(const struct http_server *server)
{
	return server->address;
}

int http_server_fd(const struct http_server *server)
{
	return server->epoll_fd;
}

int64_t http_server_deadline(const struct http_server *server)
{
	int64_t when = server->next_due;
	MHD_UNSIGNED_LONG_LONG ms;

	if (server->deaf_until && server->deaf_until < when)
		when = server->deaf_until;
	if (http.MHD_get_timeout(server->daemon, &ms) == MHD_YES) {
		const int64_t timeout = monotonic_ns() + (int64_t)ms * NS_PER_MS;

		when = timeout < when ? timeout : when;
	}
	return when;
}

void http_server_run(struct http_server *server)
{
	const int64_t now = monotonic_ns();

	if (server->deaf_until && server->deaf_until <= now)
		listen_again(server, true);
	if (!server->deaf_until)
		accept_some(server);
	http.MHD_run(server->daemon);
	server->next_due = connections_end_overdue(&server->connections, now);
}
