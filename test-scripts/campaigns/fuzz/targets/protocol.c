/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole call of cni_main(): environment and standard input in, exit status and standard output
 * out. The plugin behind it does nothing but look at what it is given. An input is CNI_COMMAND,
 * CNI_CONTAINERID, CNI_IFNAME, CNI_NETNS, CNI_ARGS and standard input, each ended by a NUL; a
 * variable that is "-" is not set.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "fuzz.h"
#include "json_scan.h"

/* What a plugin may rely on. */
static void check_request(const struct cni_request *req)
{
	const bool attachment =
		strcmp(req->command, "GC") != 0 && strcmp(req->command, "STATUS") != 0;

	PROMISE(cni_valid_network_name(req->attachment.network));
	PROMISE(cJSON_IsObject(req->conf) && (!req->runtime || cJSON_IsObject(req->runtime)));
	PROMISE(attachment == (req->attachment.container_id && req->attachment.ifname));
	if (attachment) {
		PROMISE(cni_valid_container_id(req->attachment.container_id));
		PROMISE(cni_valid_ifname(req->attachment.ifname));
	}
	if (strcmp(req->command, "ADD") == 0 || strcmp(req->command, "CHECK") == 0)
		PROMISE(req->netns && req->netns[0] == '/');
	for (size_t i = 0; i < req->n_valid; i++)
		PROMISE(cni_is_valid(req, &req->valid[i]));
}

static int stub_add(const struct cni_request *req, struct cni_result *result, struct cni_error *err)
{
	check_request(req);
	if (!req->has_prev)
		return cni_error(err, CNI_ERR_CONFIG, "%s", req->netns);
	return cni_pass_on(req, result, err);
}

static int stub(const struct cni_request *req, struct cni_error *err)
{
	check_request(req);
	if (req->n_valid > 2)
		return cni_error(err, CNI_ERR_PLUGIN, "%s", req->valid[0].container_id);
	return 0;
}

/* Put a memory file in the place of a standard descriptor. Return: what was there. */
static int replace_descriptor(int fd, const void *data, size_t len)
{
	const int before = fcntl(fd, F_DUPFD_CLOEXEC, 50);
	cleanup_close int file = memfd_create("fuzz", MFD_CLOEXEC);

	if (file < 0 || write(file, data, len) != (ssize_t)len || lseek(file, 0, SEEK_SET) != 0 ||
	    dup2(file, fd) < 0)
		abort();
	return before;
}

static void put_back(int fd, int before)
{
	if (before >= 0) {
		dup2(before, fd);
		close(before);
	} else {
		close(fd);
	}
}

static void check_answer(const char *command, int status, const char *answer, size_t len)
{
	cleanup_json cJSON *json = NULL;
	struct cni_error err = {0};
	const cJSON *code;

	if (len == 0) {
		PROMISE(status == 0 && command);
		PROMISE_OF(strcmp(command, "ADD") != 0 && strcmp(command, "VERSION") != 0, command);
		return;
	}
	PROMISE_OF(json_parse(answer, len, "the answer", &json, &err) == 0, err.msg);
	PROMISE(answer[len - 1] == '\n');
	code = json_get(json, "code");
	PROMISE(cJSON_IsString(json_get(json, "cniVersion")));
	if (status == 0) {
		PROMISE(command);
		PROMISE_OF(strcmp(command, "ADD") == 0 || strcmp(command, "VERSION") == 0, command);
		return;
	}
	PROMISE(status == 1 && cJSON_IsNumber(code) && code->valueint > 0);
	PROMISE(cJSON_IsString(json_get(json, "msg")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cni_plugin plugins[] = {
		{"stub", "does nothing", CNI_0_1_0, stub_add, stub, stub, stub, stub},
		{"chained", "does nothing", CNI_0_3_0, stub_add, stub, stub, stub, stub},
	};
	char *argv[] = {(char[]){"stub"}, NULL};
	struct input input = {data, size};
	const struct cni_plugin *plugin = &plugins[input_byte(&input) & 1];
	cleanup_free char *config = NULL;
	cleanup_free char *answer = NULL;
	int in, out, status;
	size_t len;
	off_t end;

	input_variable(&input, "CNI_COMMAND");
	input_variable(&input, "CNI_CONTAINERID");
	input_variable(&input, "CNI_IFNAME");
	input_variable(&input, "CNI_NETNS");
	input_variable(&input, "CNI_ARGS");
	config = input_rest(&input, &len);
	fflush(stdout);
	in = replace_descriptor(STDIN_FILENO, config, len);
	out = replace_descriptor(STDOUT_FILENO, "", 0);
	status = cni_main(plugin, 1, argv);
	fflush(stdout);
	end = lseek(STDOUT_FILENO, 0, SEEK_END);
	answer = malloc((size_t)end + 1);
	if (answer == NULL || pread(STDOUT_FILENO, answer, (size_t)end, 0) != end)
		abort();
	answer[end] = '\0';
	put_back(STDIN_FILENO, in);
	put_back(STDOUT_FILENO, out);
	check_answer(getenv("CNI_COMMAND"), status, answer, (size_t)end);
	return 0;
}
