/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI execution protocol.
 *
 * One call is one process: it reads the environment and standard input to its end, checks both,
 * calls the operation, and prints one JSON object. Whatever happens, a runtime that reads standard
 * output gets a result or an error and never half of one, because the object is printed into memory
 * first and then written at once.
 *
 * DEL is lenient where ADD is strict. Input that does not matter for removing (a prevResult that
 * does not parse, CNI_ARGS) is ignored, because a runtime that gets an error for DEL leaves the
 * rest of the attachment in place. GC and STATUS are not about one attachment: a prevResult means
 * nothing to them, and is not read.
 */
#include "cni.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "conf.h"
#include "text.h"
#include "utf8.h"

#define STDIN_LIMIT_MS 10000
#define STDOUT_LIMIT_MS 10000
#define READ_BYTES 8192 /* read at once; most configurations have less */

/* An operation of the protocol, what it needs, and the version that introduced it. */
struct operation {
	const char *name;
	enum cni_version since;
	bool attachment; /* needs CNI_CONTAINERID and CNI_IFNAME */
	bool netns;      /* needs CNI_NETNS */
	bool strict;     /* input that it does not need must be valid too */
};

static const struct operation operations[] = {
	{"ADD", CNI_0_1_0, true, true, true},      {"DEL", CNI_0_1_0, true, false, false},
	{"CHECK", CNI_0_4_0, true, true, true},    {"GC", CNI_1_1_0, false, false, true},
	{"STATUS", CNI_1_1_0, false, false, true}, {"VERSION", CNI_0_1_0, false, false, false},
};

static const struct operation *find_operation(const char *command)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, command) == 0)
			return &operations[i];
	}
	return NULL;
}

/* Read a variable that must be set and not be empty. */
static int require_variable(const char *name, const char **out, struct cni_error *err)
{
	*out = getenv(name);
	if (*out == NULL || **out == '\0')
		return cni_error(err, CNI_ERR_ENVIRONMENT, "%s is not set; %s needs it", name,
				 getenv("CNI_COMMAND"));
	return 0;
}

static int require_netns(const char **out, struct cni_error *err)
{
	const char *netns;

	if (require_variable("CNI_NETNS", &netns, err) < 0)
		return -1;
	if (netns[0] != '/' || strlen(netns) >= PATH_MAX || !utf8_is_printable(netns))
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "CNI_NETNS is \"%.60s\", but must be an absolute path in UTF-8 "
				 "without control characters",
				 netns);
	*out = netns;
	return 0;
}

/* "K=V;K2=V2"; one ';' at the end is accepted. */
static bool valid_args(const char *args)
{
	while (*args != '\0') {
		const size_t key = strcspn(args, "=;");

		if (key == 0 || args[key] != '=')
			return false;
		args += strcspn(args, ";");
		if (*args == ';')
			args++;
	}
	return true;
}

static int cni_read_environment(const struct operation *op, struct cni_request *req,
				struct cni_error *err)
{
	req->command = op->name;
	req->args = getenv("CNI_ARGS");
	req->path = getenv("CNI_PATH");
	if (op->attachment) {
		if (require_variable("CNI_CONTAINERID", &req->attachment.container_id, err) < 0 ||
		    require_variable("CNI_IFNAME", &req->attachment.ifname, err) < 0)
			return -1;
		if (!cni_valid_container_id(req->attachment.container_id))
			return cni_error(
				err, CNI_ERR_ENVIRONMENT,
				"CNI_CONTAINERID is \"%.60s\", but must be an alphanumeric "
				"followed by alphanumerics, '_', '.' and '-', at most %d "
				"bytes",
				req->attachment.container_id, ATTACHMENT_NAME_MAX);
		if (!cni_valid_ifname(req->attachment.ifname))
			return cni_error(err, CNI_ERR_ENVIRONMENT,
					 "CNI_IFNAME is \"%.60s\", but must be 1 to 15 printable "
					 "characters without '/', ':', '%%' and spaces",
					 req->attachment.ifname);
		req->netns = getenv("CNI_NETNS");
		if (req->netns != NULL && *req->netns == '\0')
			req->netns = NULL;
	}
	if (op->netns && require_netns(&req->netns, err) < 0)
		return -1;
	if (op->strict && req->args != NULL && !valid_args(req->args))
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "CNI_ARGS is \"%.60s\", but must be KEY=VALUE pairs separated by "
				 "';'",
				 req->args);
	return 0;
}

/* Read standard input to its end. */
static int read_stdin(struct text *text, struct cni_error *err)
{
	const int64_t until = monotonic_ms() + STDIN_LIMIT_MS;
	struct pollfd event = {.fd = STDIN_FILENO, .events = POLLIN};

	for (;;) {
		const int64_t left = until - monotonic_ms();
		char *end = text_reserve(text, READ_BYTES);
		ssize_t n;

		if (end == NULL)
			return cni_error_nomem(err);
		if (left <= 0 || poll(&event, 1, (int)left) == 0)
			return cni_error(err, CNI_ERR_IO,
					 "the network configuration on standard input did not end "
					 "within %d seconds",
					 STDIN_LIMIT_MS / 1000);
		n = read(STDIN_FILENO, end, READ_BYTES);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return cni_error_errno(err, CNI_ERR_IO,
					       "cannot read the network configuration from "
					       "standard input");
		if (n == 0)
			return 0;
		if (n > 0)
			text_added(text, (size_t)n);
		if (text->len > JSON_MAX_BYTES)
			return cni_error(err, CNI_ERR_DECODE,
					 "the network configuration is larger than %u MiB",
					 JSON_MAX_BYTES >> 20);
	}
}

static int compare_valid(const void *a, const void *b)
{
	return attachment_compare(a, b);
}

bool cni_is_valid(const struct cni_request *req, const struct attachment *a)
{
	return req->n_valid > 0 &&
	       bsearch(a, req->valid, req->n_valid, sizeof(*a), compare_valid) != NULL;
}

/*
 * Read GC's list. A missing list is an error, not an empty list, because an empty list means
 * "remove everything", and that should be said explicitly.
 */
static int read_valid_attachments(struct cni_request *req, struct cni_error *err)
{
	static const char key[] = "cni.dev/valid-attachments";
	static const char old_key[] = "cni.dev/attachments";
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(req->conf, key);
	const cJSON *item;
	size_t index = 0;

	if (list == NULL)
		list = cJSON_GetObjectItemCaseSensitive(req->conf, old_key);
	if (list == NULL)
		return cni_error(err, CNI_ERR_CONFIG,
				 "GC needs \"%s\"; an empty list means that no attachment is valid",
				 key);
	if (cJSON_IsNull(list))
		return 0; /* Go prints an empty list as null */
	if (!cJSON_IsArray(list))
		return cni_error(err, CNI_ERR_CONFIG, "\"%s\" must be an array", list->string);
	req->valid = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*req->valid));
	if (req->valid == NULL)
		return cni_error_nomem(err);
	cJSON_ArrayForEach (item, list) {
		const cJSON *id = json_get(item, "containerID");
		const cJSON *ifname = json_get(item, "ifname");

		if (!cJSON_IsString(id) || !cJSON_IsString(ifname))
			return cni_error(err, CNI_ERR_CONFIG,
					 "\"%s\": element %zu must have the strings containerID "
					 "and ifname",
					 list->string, index);
		index++;
		req->valid[req->n_valid] = (struct attachment){
			.network = req->attachment.network,
			.container_id = id->valuestring,
			.ifname = ifname->valuestring,
		};
		/* An invalid name is left out: nothing that we have added can have it. */
		req->n_valid += attachment_is_valid(&req->valid[req->n_valid]);
	}
	qsort(req->valid, req->n_valid, sizeof(*req->valid), compare_valid);
	return 0;
}

static int cni_read_version(const struct cni_plugin *plugin, const struct operation *op,
			    struct cni_request *req, struct cni_error *err)
{
	const char *text = "0.1.0"; /* the version of a configuration without cniVersion */

	if (conf_get_string(req->conf, "", "cniVersion", &text, err) < 0)
		return -1;
	if (*text == '\0')
		text = "0.1.0";
	if (cni_version_parse(text, &req->version) < 0 || req->version < plugin->oldest) {
		req->version = CNI_VERSION_LATEST; /* for the error */
		return cni_error(err, CNI_ERR_VERSION,
				 "the network configuration has cniVersion \"%.20s\"; %s speaks %s "
				 "to %s",
				 text, plugin->name, cni_version_name(plugin->oldest),
				 cni_version_name(CNI_VERSION_LATEST));
	}
	if (req->version < op->since)
		return cni_error(err, CNI_ERR_VERSION,
				 "%s needs cniVersion %s or later, and the network configuration "
				 "has %s",
				 op->name, cni_version_name(op->since), text);
	return 0;
}

/* Read prevResult. For DEL, one that cannot be read counts as absent. */
static int read_prev(const struct cni_plugin *plugin, const struct operation *op,
		     struct cni_request *req, struct cni_error *err)
{
	struct cni_error mine = {0};
	const cJSON *prev = NULL;
	int present = conf_get_object(req->conf, "", "prevResult", &prev, &mine);

	if (present > 0 && result_parse(prev, req->version, "prevResult", &req->prev, &mine) < 0)
		present = -1;
	req->has_prev = present > 0;
	if (present >= 0)
		return 0;
	result_free(&req->prev);
	if (op->strict) {
		*err = mine;
		return -1;
	}
	fprintf(stderr, "%s: passed over: %s\n", plugin->name, mine.msg);
	return 0;
}

int cni_pass_on(const struct cni_request *req, struct cni_result *result, struct cni_error *err)
{
	if (!req->has_prev)
		return 0;
	return result_parse(json_get(req->conf, "prevResult"), req->version, "prevResult", result,
			    err);
}

/* Read the configuration's members that belong to the protocol. */
static int read_configuration(const struct cni_plugin *plugin, const struct operation *op,
			      struct cni_request *req, struct cni_error *err)
{
	struct cni_error ignored = {0};
	int present;

	if (cni_read_version(plugin, op, req, err) < 0)
		return -1;
	present = conf_get_string(req->conf, "", "name", &req->attachment.network, err);
	if (present < 0)
		return -1;
	if (present == 0 || !cni_valid_network_name(req->attachment.network))
		return cni_error(err, CNI_ERR_CONFIG,
				 "the network's name is \"%.60s\", but must be an alphanumeric "
				 "followed by alphanumerics, '_', '.' and '-', at most %d bytes",
				 present == 0 ? "" : req->attachment.network, ATTACHMENT_NAME_MAX);
	if (conf_get_object(req->conf, "", "runtimeConfig", &req->runtime,
			    op->strict ? err : &ignored) < 0 &&
	    op->strict)
		return -1;
	if (op->attachment && read_prev(plugin, op, req, err) < 0)
		return -1;
	return strcmp(op->name, "GC") == 0 ? read_valid_attachments(req, err) : 0;
}

/* Write a result or an error to standard output, whole. */
static int cni_write_output(const char *text, size_t len, struct cni_error *err)
{
	struct pollfd event = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t done = 0;

	while (done < len) {
		const ssize_t n = TEMP_FAILURE_RETRY(write(STDOUT_FILENO, text + done, len - done));

		/* The caller may have made the pipe non-blocking; then wait until it has read. */
		if (n < 0 && errno == EAGAIN && poll(&event, 1, STDOUT_LIMIT_MS) > 0)
			continue;
		if (n < 0)
			return cni_error_errno(err, CNI_ERR_IO,
					       "cannot write the result to standard output");
		done += (size_t)n;
	}
	return 0;
}

static int print_json(const cJSON *json, struct cni_error *err)
{
	cleanup_free char *text = cJSON_Print(json);
	size_t len;

	if (text == NULL)
		return cni_error_nomem(err);
	len = strlen(text);
	text[len++] = '\n'; /* in the place of the NUL */
	return cni_write_output(text, len, err);
}

static int print_versions(const struct cni_plugin *plugin, const char *asked, struct cni_error *err)
{
	cleanup_json cJSON *json = cJSON_CreateObject();
	cJSON *list;

	if (cJSON_AddStringToObject(json, "cniVersion", asked) == NULL)
		return cni_error_nomem(err);
	list = cJSON_AddArrayToObject(json, "supportedVersions");
	for (int v = (int)plugin->oldest; v < CNI_VERSION_COUNT; v++) {
		cJSON *name = cJSON_CreateString(cni_version_name((enum cni_version)v));

		if (!cJSON_AddItemToArray(list, name)) {
			cJSON_Delete(name);
			return cni_error_nomem(err);
		}
	}
	return print_json(json, err);
}

/*
 * VERSION. Old runtimes give no input, so none is required. A cniVersion that is given is repeated,
 * as the spec says.
 */
static int serve_version(const struct cni_plugin *plugin, struct cni_error *err)
{
	const char *asked = cni_version_name(CNI_VERSION_LATEST);
	cleanup_text struct text text = {0};
	cleanup_json cJSON *conf = NULL;
	struct cni_error ignored = {0};

	if (!isatty(STDIN_FILENO) && read_stdin(&text, &ignored) == 0 &&
	    json_parse(text.data, text.len, "standard input", &conf, &ignored) == 0)
		conf_get_string(conf, "", "cniVersion", &asked, &ignored);
	return print_versions(plugin, asked, err);
}

static int serve_add(const struct cni_plugin *plugin, const struct cni_request *req,
		     struct cni_error *err)
{
	cleanup_result struct cni_result result = {0};
	cleanup_json cJSON *json = NULL;
	struct cni_error ignored = {0};

	if (plugin->add(req, &result, err) < 0)
		return -1;
	if (result_print(&result, req->version, &json, err) == 0 && print_json(json, err) == 0)
		return 0;
	plugin->del(req, &ignored); /* the runtime assumes that there is no attachment */
	return -1;
}

static int cni_call(const struct cni_plugin *plugin, const struct operation *op,
		    struct cni_request *req, const cJSON *conf, struct cni_error *err)
{
	req->conf = conf;
	if (read_configuration(plugin, op, req, err) < 0)
		return -1;
	if (strcmp(op->name, "ADD") == 0)
		return serve_add(plugin, req, err);
	if (strcmp(op->name, "DEL") == 0)
		return plugin->del(req, err);
	if (strcmp(op->name, "CHECK") == 0) {
		if (!req->has_prev)
			return cni_error(err, CNI_ERR_CONFIG,
					 "CHECK needs prevResult in the network configuration");
		return plugin->check(req, err);
	}
	return strcmp(op->name, "GC") == 0 ? plugin->gc(req, err) : plugin->status(req, err);
}

/* Everything of one call, except that it does not print the error. */
static int cni_serve(const struct cni_plugin *plugin, struct cni_request *req,
		     struct cni_error *err)
{
	const char *command = getenv("CNI_COMMAND");
	const struct operation *op = find_operation(command == NULL ? "" : command);
	cleanup_text struct text text = {0};
	cleanup_json cJSON *conf = NULL;

	if (command == NULL || *command == '\0')
		return cni_error(
			err, CNI_ERR_ENVIRONMENT,
			"CNI_COMMAND is not set; it must be ADD, DEL, CHECK, GC, STATUS or "
			"VERSION");
	if (op == NULL)
		return cni_error(
			err, CNI_ERR_ENVIRONMENT,
			"CNI_COMMAND is \"%.60s\", but must be ADD, DEL, CHECK, GC, STATUS "
			"or VERSION",
			command);
	if (cni_read_environment(op, req, err) < 0)
		return -1;
	if (strcmp(op->name, "VERSION") == 0)
		return serve_version(plugin, err);
	if (read_stdin(&text, err) < 0)
		return -1;
	if (json_parse(text.data, text.len, "the network configuration", &conf, err) < 0)
		return -1;
	return cni_call(plugin, op, req, conf, err);
}

/* Append a member of an object. The text is UTF-8, and its only control characters are newlines. */
static char *cni_put_string(char *out, const char *key, const char *text)
{
	out += sprintf(out, "\"%s\": \"", key);
	for (; *text != '\0'; text++) {
		if (strchr("\"\\\n", *text) != NULL)
			*out++ = '\\';
		*out++ = *text == '\n' ? 'n' : *text;
	}
	*out++ = '"';
	return out;
}

/* Print an error, without cJSON: "out of memory" must not need memory. */
static int print_error(const struct cni_error *error, enum cni_version version)
{
	/* Twice the length, in case every character is escaped, and room for the keys. */
	char text[2 * sizeof(*error) + 128];
	char *end = text + sprintf(text, "{\n\t");
	struct cni_error ignored = {0};

	end = cni_put_string(end, "cniVersion", cni_version_name(version));
	end += sprintf(end, ",\n\t\"code\": %d,\n\t", error->code);
	end = cni_put_string(end, "msg", error->msg);
	if (error->details[0] != '\0') {
		end += sprintf(end, ",\n\t");
		end = cni_put_string(end, "details", error->details);
	}
	end += sprintf(end, "\n}\n");
	if (cni_write_output(text, (size_t)(end - text), &ignored) < 0)
		fprintf(stderr, "%s\n", error->msg);
	return 1;
}

/* Tell a person who starts a plugin by hand what it is. */
static int introduce(const struct cni_plugin *plugin)
{
	const struct cni_error error = {
		.code = CNI_ERR_ENVIRONMENT,
		.msg = "CNI_COMMAND is not set; it must be ADD, DEL, CHECK, GC, STATUS or VERSION",
	};

	fprintf(stderr, "%s: %s (CNI plugin of usernet-cni " USERNET_VERSION ")\n", plugin->name,
		plugin->about);
	fprintf(stderr, "CNI spec versions:");
	for (int v = (int)plugin->oldest; v < CNI_VERSION_COUNT; v++)
		fprintf(stderr, " %s", cni_version_name((enum cni_version)v));
	fprintf(stderr, "\n");
	/* A program that reads our output gets the error as JSON. */
	return isatty(STDOUT_FILENO) ? 0 : print_error(&error, CNI_VERSION_LATEST);
}

/*
 * A descriptor that we open must not become 0, 1 or 2. The replacement for a closed one cannot be
 * written to, so that a result which nobody would get becomes a failure.
 */
static void cni_fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int cni_main(const struct cni_plugin *plugin, int argc, char **argv)
{
	struct cni_request req = {.version = CNI_VERSION_LATEST};
	struct cni_error err = {0};
	int status = 0;

	cni_fill_descriptors();
	/* A failed write is to be an error that can be reported, not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take our children's status away */
	if (getenv("CNI_COMMAND") == NULL) {
		if (argc > 1 && strcmp(argv[1], "--version") == 0)
			return version_print(plugin->name);
		return introduce(plugin);
	}
	if (cni_serve(plugin, &req, &err) < 0)
		status = print_error(&err, req.version);
	result_free(&req.prev);
	free(req.valid);
	return status;
}
