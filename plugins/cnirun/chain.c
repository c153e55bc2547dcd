/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chain of plugins.
 *
 * A plugin is given its own object of the list, changed as the spec says ("Deriving request
 * configuration from plugin configuration"). What it prints is checked before anybody relies on it:
 * one JSON object, and a result that can be read in its version; then it is passed on as it came,
 * unknown members included, as the next plugin's prevResult.
 *
 * A plugin that fails says so twice, by its exit status and by an object with a code. Either is
 * enough: otherwise an error object with exit status 0 would pass for an empty result.
 */
#include "chain.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"
#include "program.h"
#include "result.h"
#include "trust.h"
#include "utf8.h"

#define RUNTIME_DIR "XDG_RUNTIME_DIR"

extern char **environ;

void chain_free(struct chain *chain)
{
	cJSON_Delete(chain->plugin_error);
	chain->plugin_error = NULL;
}

/* Print text of others, which may reach a terminal: invisible characters are shown as '?'. */
static void print_clean(const char *text, bool newlines)
{
	size_t len = strlen(text);

	while (len > 0) {
		const size_t n = utf8_length(text, len) ?: 1;

		if ((*text == '\n' && newlines) || *text == '\t')
			putc(*text, stderr);
		else if (*text == '\n')
			putc(' ', stderr);
		else if (utf8_length(text, len) == 0 || !utf8_is_seen(text, n))
			putc('?', stderr);
		else
			fwrite(text, 1, n, stderr);
		text += n;
		len -= n;
	}
}

void chain_complain(struct chain *chain, const struct cni_error *err)
{
	const cJSON *printed = chain != NULL ? chain->plugin_error : NULL;
	const cJSON *msg = json_get(printed, "msg");
	const cJSON *details = json_get(printed, "details");

	fputs("cnirun: ", stderr);
	if (printed != NULL) {
		/* err->msg ends where the plugin's begins. */
		fprintf(stderr, "%s: ", err->msg);
		print_clean(cJSON_IsString(msg) ? msg->valuestring : "no message", false);
		if (cJSON_IsString(details) && *details->valuestring) {
			fputs(": ", stderr);
			print_clean(details->valuestring, true);
		}
	} else {
		fprintf(stderr, "%s%s%s", err->msg, err->details[0] ? ": " : "", err->details);
	}
	fputc('\n', stderr);
	if (chain != NULL)
		chain_free(chain);
}

/*
 * Pass on a plugin's standard error: its notes are for the user. A line that does not begin with
 * the plugin's name, as those of our plugins do, gets it in front.
 */
static void pass_stderr_on(const char *type, const char *text)
{
	const size_t own = strlen(type);

	if (text == NULL)
		return;
	while (*text) {
		const size_t len = strcspn(text, "\n");
		cleanup_free char *line = strndup(text, len);

		if (line != NULL && *line) {
			if (strncmp(line, type, own) != 0 || line[own] != ':')
				fprintf(stderr, "%s: ", type);
			print_clean(line, false);
			fputc('\n', stderr);
		}
		text += len + (text[len] == '\n');
	}
}

int chain_find_plugin(const char *type, const char *path, char out[PATH_MAX], struct cni_error *err)
{
	struct stat st;

	for (const char *dir = path; dir != NULL; dir = *dir ? dir + 1 : NULL) {
		const size_t len = strcspn(dir, ":");

		if (len > 0 && snprintf(out, PATH_MAX, "%.*s/%s", (int)len, dir, type) < PATH_MAX &&
		    stat(out, &st) == 0 && S_ISREG(st.st_mode) && trust_or_pass_over("plugin", out))
			return 0;
		dir += len;
	}
	return cni_error(err, CNI_ERR_CONFIG,
			 "no plugin \"%.60s\" in %.300s; install it, or set CNI_PATH", type,
			 path != NULL && *path ? path : "CNI_PATH, which has no directory");
}

void chain_environment_free(struct chain_environment *env)
{
	for (size_t i = 0; i < env->n_own; i++)
		free((char *)(uintptr_t)env->list[i]);
	free(env->list);
}

static int set_variable(struct chain_environment *env, const char *name, const char *value)
{
	char *text;

	if (value == NULL)
		return 0;
	if (asprintf(&text, "%s=%s", name, value) < 0)
		return -1;
	env->list[env->n_own++] = text;
	return 0;
}

/* For DEL see chain_del(); the other operations have opened the namespace, so it was there. */
static const char *netns_of(const struct chain *chain, const char *command)
{
	const char *path = chain->attachment->netns;

	if (path == NULL ||
	    (strcmp(command, "DEL") == 0 && (chain->ns == NULL || !netns_is_at(chain->ns, path))))
		return "";
	return path;
}

int chain_make_environment(const struct chain *chain, const char *command,
			   struct chain_environment *env)
{
	const struct attachment_parameters *a = chain->attachment;
	const char *runtime_dir = a != NULL ? a->runtime_dir : NULL;
	size_t n = 0;

	while (environ[n] != NULL)
		n++;
	env->list = calloc(n + 9, sizeof(*env->list));
	if (env->list == NULL || set_variable(env, "CNI_COMMAND", command) < 0 ||
	    set_variable(env, "CNI_PATH", chain->path) < 0)
		return -1;
	if (a != NULL && (set_variable(env, "CNI_CONTAINERID", a->key.container_id) < 0 ||
			  set_variable(env, "CNI_IFNAME", a->key.ifname) < 0 ||
			  set_variable(env, "CNI_NETNS", netns_of(chain, command)) < 0 ||
			  set_variable(env, RUNTIME_DIR, runtime_dir) < 0 ||
			  set_variable(env, "CNI_ARGS", a->args ?: "") < 0))
		return -1;
	n = env->n_own;
	for (char **variable = environ; *variable != NULL; variable++) {
		if (strncmp(*variable, "CNI_", 4) != 0 &&
		    (runtime_dir == NULL ||
		     strncmp(*variable, RUNTIME_DIR "=", sizeof(RUNTIME_DIR)) != 0))
			env->list[n++] = *variable;
	}
	return 0;
}

static int replace_item(cJSON *object, const char *key, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	if (item == NULL || !cJSON_AddItemToObject(object, key, item)) {
		cJSON_Delete(item);
		return -1;
	}
	return 0;
}

/* runtimeConfig has those capabilities that the plugin declares and that we have arguments for. */
static int add_runtime_config(cJSON *request, const struct attachment_parameters *a)
{
	cleanup_json cJSON *runtime = cJSON_CreateObject();
	const cJSON *declared = json_get(request, "capabilities");
	const cJSON *capability;

	cJSON_ArrayForEach (capability, declared) {
		const cJSON *value =
			a != NULL ? json_get(a->capabilities, capability->string) : NULL;

		if (cJSON_IsTrue(capability) && value != NULL &&
		    replace_item(runtime, capability->string, cJSON_Duplicate(value, true)) < 0)
			return -1;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(request, "capabilities");
	if (cJSON_GetArraySize(runtime) == 0)
		return 0;
	return replace_item(request, "runtimeConfig", take_ptr(runtime));
}

/* Members that only a runtime may set. */
static void drop_reserved(cJSON *request)
{
	cJSON *next;

	cJSON_DeleteItemFromObjectCaseSensitive(request, "prevResult");
	for (cJSON *member = request->child; member != NULL; member = next) {
		next = member->next;
		if (strncmp(member->string, "cni.dev/", 8) == 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(request, member));
	}
}

char *chain_request(const struct chain *chain, const cJSON *plugin, const cJSON *prev,
		    const cJSON *valid)
{
	cleanup_json cJSON *request = cJSON_Duplicate(plugin, true);
	cleanup_json cJSON *exact = NULL;

	if (request == NULL)
		return NULL;
	drop_reserved(request);
	if (replace_item(request, "cniVersion",
			 cJSON_CreateString(cni_version_name(chain->list->version))) < 0 ||
	    replace_item(request, "name", cJSON_CreateString(chain->list->name)) < 0 ||
	    add_runtime_config(request, chain->attachment) < 0)
		return NULL;
	if (prev != NULL && replace_item(request, "prevResult", cJSON_Duplicate(prev, true)) < 0)
		return NULL;
	/* cni.dev/attachments is the name that libcni used first, and still sends. */
	if (valid != NULL &&
	    (replace_item(request, "cni.dev/valid-attachments", cJSON_Duplicate(valid, true)) < 0 ||
	     replace_item(request, "cni.dev/attachments", cJSON_Duplicate(valid, true)) < 0))
		return NULL;
	exact = json_copy(request);
	return exact != NULL ? cJSON_PrintUnformatted(exact) : NULL;
}

static bool is_error(const cJSON *printed)
{
	return cJSON_IsNumber(json_get(printed, "code"));
}

int chain_judge(struct chain *chain, const char *type, const char *command,
		const struct outcome *outcome, cJSON **printed, const struct cni_error *unreadable,
		struct cni_error *err)
{
	char status[64];

	if (*printed != NULL && is_error(*printed)) {
		cJSON_Delete(chain->plugin_error);
		chain->plugin_error = take_ptr(*printed);
		/* valueint is the code, or the nearest int. */
		return cni_error(err, json_get(chain->plugin_error, "code")->valueint,
				 "plugin %.60s failed (%s, code %.0f)", type, command,
				 json_get(chain->plugin_error, "code")->valuedouble);
	}
	if (outcome->status == 0)
		return 0;
	program_describe_status(outcome->status, status, sizeof(status));
	if (outcome->output_len > 0 && WIFEXITED(outcome->status))
		cni_error(err, CNI_ERR_PLUGIN,
			  "plugin %.60s failed (%s, %s) without saying why: %s", type, command,
			  status,
			  *printed != NULL ? "its output is not an error" : unreadable->msg);
	else
		cni_error(err, CNI_ERR_PLUGIN,
			  "plugin %.60s failed (%s, %s) without an error on standard output", type,
			  command, status);
	if (outcome->stderr_text != NULL && *outcome->stderr_text)
		cni_error_details(err, "%s", outcome->stderr_text);
	return -1;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/*
 * The user namespace to execute a plugin in. A plugin that knows nothing of user namespaces needs
 * the capabilities of the one that owns the container's network, and so is executed in it, where
 * that namespace's root has power over its process (common/netns.c). Ours enter by themselves, and
 * leave no process there. A foreign plugin with a name of ours has less power than it may need,
 * never more. Return: a descriptor; -1 for our own user namespace.
 */
static int where_to_execute(const struct chain *chain, const char *type)
{
	static const char *const ours[] = {"slirp4netns", "netns-portmap", "netns-stats"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(type, ours[i]) == 0)
			return -1;
	}
	return chain->ns != NULL ? chain->ns->userns_fd : -1;
}

/* Find and execute one plugin. @printed: what it printed, if that is an object; else NULL. */
static int chain_call(struct chain *chain, const cJSON *plugin, const char *command,
		      const char *request, cJSON **printed, struct cni_error *err)
{
	const char *type = json_get(plugin, "type")->valuestring;
	cleanup_outcome struct outcome outcome = {0};
	struct chain_environment __attribute__((cleanup(chain_environment_free))) env = {0};
	struct cni_error unreadable = {0};
	const double start = now_ms();
	char path[PATH_MAX];
	const char *const argv[] = {path, NULL};
	struct program program = {
		.path = path,
		.argv = argv,
		.input = request,
		.userns_fd = where_to_execute(chain, type),
		.interrupt_fd = chain->interrupt_fd,
		.limit_ms = chain->limit_ms,
	};
	int value;

	*printed = NULL;
	if (chain_find_plugin(type, chain->path, path, err) < 0)
		return -1;
	if (chain_make_environment(chain, command, &env) < 0)
		return cni_error_nomem(err);
	program.envp = env.list;
	value = program_run(&program, &outcome, err);
	if (chain->verbose)
		fprintf(stderr, "cnirun: %s %s: %.1f ms%s\n", command, path, now_ms() - start,
			value < 0 || outcome.status != 0 ? ", failed" : "");
	if (value < 0)
		return cni_error_wrap(err, "plugin %.60s failed (%s)", type, command);
	if (outcome.output_len > 0)
		json_parse(outcome.output, outcome.output_len, "its output", printed, &unreadable);
	if (chain_judge(chain, type, command, &outcome, printed, &unreadable, err) < 0)
		return -1;
	pass_stderr_on(type, outcome.stderr_text);
	if (strcmp(command, "ADD") == 0 && *printed == NULL)
		return cni_error(err, CNI_ERR_DECODE, "plugin %.60s failed (ADD): %s", type,
				 outcome.output_len > 0 ? unreadable.msg : "it printed no result");
	return 0;
}

static int call_plugin(struct chain *chain, const cJSON *plugin, const char *command,
		       const cJSON *prev, const cJSON *valid, cJSON **printed,
		       struct cni_error *err)
{
	cleanup_free char *request = chain_request(chain, plugin, prev, valid);

	*printed = NULL;
	if (request == NULL)
		return cni_error_nomem(err);
	return chain_call(chain, plugin, command, request, printed, err);
}

static int call_without_result(struct chain *chain, const cJSON *plugin, const char *command,
			       const cJSON *prev, const cJSON *valid, struct cni_error *err)
{
	cleanup_json cJSON *printed = NULL;

	return call_plugin(chain, plugin, command, prev, valid, &printed, err);
}

int chain_accept_result(const struct chain *chain, const char *type, cJSON **printed,
			struct cni_error *err)
{
	cleanup_result struct cni_result result = {0};
	const char *asked = cni_version_name(chain->list->version);
	const cJSON *version = json_get(*printed, "cniVersion");
	cleanup_json cJSON *converted = NULL;

	if (version == NULL || (cJSON_IsString(version) && !*version->valuestring)) {
		if (replace_item(*printed, "cniVersion", cJSON_CreateString(asked)) < 0)
			return cni_error_nomem(err);
		version = json_get(*printed, "cniVersion");
	}
	if (result_parse(*printed, chain->list->version, "its result", &result, err) < 0)
		return cni_error_wrap(err, "plugin %.60s failed (ADD)", type);
	if (strcmp(version->valuestring, asked) == 0)
		return 0;
	if (result_print(&result, chain->list->version, &converted, err) < 0)
		return -1;
	cJSON_Delete(*printed);
	*printed = take_ptr(converted);
	return 0;
}

cJSON *chain_as_prev(const struct chain *chain, const cJSON *result)
{
	cleanup_result struct cni_result parsed = {0};
	struct cni_error ignored;
	const cJSON *version = json_get(result, "cniVersion");
	cJSON *converted = NULL;

	/* DEL has prevResult since 0.4.0, and so has CHECK, which came with that version. */
	if (result == NULL || chain->list->version < CNI_0_4_0 ||
	    result_parse(result, chain->list->version, "the cached result", &parsed, &ignored) < 0)
		return NULL;
	if (cJSON_IsString(version) &&
	    strcmp(version->valuestring, cni_version_name(chain->list->version)) == 0)
		return cJSON_Duplicate(result, true);
	result_print(&parsed, chain->list->version, &converted, &ignored);
	return converted;
}

/* DEL for plugins @last down to 0. */
static int del_from(struct chain *chain, int last, const cJSON *result, bool all,
		    struct cni_error *err)
{
	int value = 0;

	for (int i = last; i >= 0; i--) {
		const cJSON *plugin = cJSON_GetArrayItem(chain->list->plugins, i);

		if (call_without_result(chain, plugin, "DEL", result, NULL, err) == 0)
			continue;
		value = -1;
		if (!all)
			return -1;
		chain_complain(chain, err);
	}
	return value;
}

int chain_del(struct chain *chain, const cJSON *result, bool all, struct cni_error *err)
{
	cleanup_json cJSON *prev = chain_as_prev(chain, result);

	return del_from(chain, cJSON_GetArraySize(chain->list->plugins) - 1, prev, all, err);
}

static bool interrupted(const struct chain *chain)
{
	struct pollfd event = {.fd = chain->interrupt_fd, .events = POLLIN};

	return chain->interrupt_fd >= 0 && poll(&event, 1, 0) > 0;
}

/* Whether two errors of a plugin, of ADD and of DEL, have the same reason. */
static bool same_failure(const struct chain *a, const struct cni_error *a_err,
			 const struct chain *b, const struct cni_error *b_err)
{
	const cJSON *a_msg = json_get(a->plugin_error, "msg"),
		    *b_msg = json_get(b->plugin_error, "msg");

	return a_err->code == b_err->code && (a_msg == NULL) == (b_msg == NULL) &&
	       (a_msg == NULL || cJSON_Compare(a_msg, b_msg, true));
}

/*
 * Undo an ADD that failed at plugin @last with @failure, or was interrupted before that plugin
 * (@failure is NULL). If DEL fails for the same reason as ADD, the plugin has left nothing.
 */
static void chain_undo(struct chain *chain, int last, const cJSON *result,
		       const struct cni_error *failure)
{
	cleanup_chain struct chain again = *chain;
	struct cni_error err;
	bool undone = true;

	again.interrupt_fd = -1; /* undoing is not interrupted */
	again.plugin_error = NULL;
	if (chain->list->version < CNI_0_4_0)
		result = NULL;
	if (failure != NULL) {
		const cJSON *plugin = cJSON_GetArrayItem(chain->list->plugins, last);

		if (call_without_result(&again, plugin, "DEL", result, NULL, &err) < 0 &&
		    !same_failure(chain, failure, &again, &err)) {
			undone = false;
			chain_complain(&again, &err);
		}
		chain_free(&again);
	}
	chain->undone = del_from(&again, last - 1, result, true, &err) == 0 && undone;
}

/* Check that every plugin is there, before the first one has done anything. */
static int find_all(const struct chain *chain, struct cni_error *err)
{
	const cJSON *plugin;
	char path[PATH_MAX];

	cJSON_ArrayForEach (plugin, chain->list->plugins) {
		if (chain_find_plugin(json_get(plugin, "type")->valuestring, chain->path, path,
				      err) < 0)
			return -1;
	}
	return 0;
}

int chain_add(struct chain *chain, cJSON **result, struct cni_error *err)
{
	cleanup_json cJSON *prev = NULL;
	const cJSON *plugin;
	int i = 0;

	chain->undone = true;
	if (find_all(chain, err) < 0)
		return -1;
	cJSON_ArrayForEach (plugin, chain->list->plugins) {
		const char *type = json_get(plugin, "type")->valuestring;
		cleanup_json cJSON *printed = NULL;

		if (interrupted(chain)) {
			cni_error(err, CNI_ERR_AGAIN, "interrupted before plugin %.60s", type);
			chain_undo(chain, i, prev, NULL);
			return -1;
		}
		if (call_plugin(chain, plugin, "ADD", prev, NULL, &printed, err) < 0 ||
		    chain_accept_result(chain, type, &printed, err) < 0) {
			chain_undo(chain, i, prev, err);
			return -1;
		}
		cJSON_Delete(prev);
		prev = take_ptr(printed);
		i++;
	}
	*result = take_ptr(prev);
	return 0;
}

int chain_check(struct chain *chain, const cJSON *result, struct cni_error *err)
{
	cleanup_json cJSON *prev = chain_as_prev(chain, result);
	const cJSON *plugin;

	if (chain->list->version < CNI_0_4_0)
		return cni_error(err, CNI_ERR_VERSION,
				 "CHECK needs cniVersion 0.4.0 or later, and network %.60s has %s",
				 chain->list->name, cni_version_name(chain->list->version));
	if (chain->list->disable_check)
		return 0;
	cJSON_ArrayForEach (plugin, chain->list->plugins) {
		if (call_without_result(chain, plugin, "CHECK", prev, NULL, err) < 0)
			return -1;
	}
	return 0;
}

int chain_status(struct chain *chain, struct cni_error *err)
{
	const cJSON *plugin;

	if (chain->list->version < CNI_1_1_0)
		return 0;
	cJSON_ArrayForEach (plugin, chain->list->plugins) {
		if (call_without_result(chain, plugin, "STATUS", NULL, NULL, err) < 0)
			return -1;
	}
	return 0;
}

int chain_gc(struct chain *chain, const cJSON *valid, struct cni_error *err)
{
	const cJSON *plugin;
	int value = 0;

	if (chain->list->version < CNI_1_1_0)
		return 0;
	/* Each plugin is called; the caller says the last error, with the error object. */
	cJSON_ArrayForEach (plugin, chain->list->plugins) {
		struct chain one = *chain;
		struct cni_error mine;

		one.plugin_error = NULL;
		if (call_without_result(&one, plugin, "GC", NULL, valid, &mine) == 0)
			continue;
		if (value < 0)
			chain_complain(chain, err);
		chain->plugin_error = one.plugin_error;
		*err = mine;
		value = -1;
	}
	return value;
}
