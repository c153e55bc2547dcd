/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A state directory as somebody else may have left it: a record of slirp4netns's with any content,
 * and a file with any name beside it. An input is the file's name, a NUL, and the record.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fuzz.h"
#include "plugins/slirp4netns/plugin.h"
#include "plugins/slirp4netns/record.h"

struct seen {
	const struct state *state;
	unsigned int records;
};

static int on_record(const struct attachment *a, void *arg, struct cni_error *err)
{
	struct seen *seen = arg;
	struct cni_error ignored = {0};
	cleanup_json cJSON *record = NULL;
	int value;

	(void)err;
	PROMISE(attachment_is_valid(a));
	value = state_read(seen->state, a, &record, &ignored);
	fuzz_check_outcome(value, &ignored);
	PROMISE((value > 0) == (record != NULL));
	seen->records++;
	return 0;
}

static const struct attachment key = {"net", "c", "eth0"};

static void check_record(const struct state *state)
{
	struct slirp_attachment attachment;
	struct process_id id;
	struct cni_error err = {0};
	int value;

	slirp_attachment_init(&attachment, state, &key);
	PROMISE(strlen(attachment.socket) <= 107);
	memset(&id, 0xff, sizeof(id));
	value = slirp_record_read(state, &attachment, &id, &err);
	fuzz_check_outcome(value, &err);
	if (value > 0) {
		PROMISE(id.pid > 1);
		PROMISE(memchr(id.boot_id, '\0', sizeof(id.boot_id)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_state struct state state = STATE_NONE;
	cleanup_free char *name = input_text(&input);
	struct seen seen = {.state = &state};
	struct cni_error err = {0};
	bool extra;
	int fd;

	PROMISE_OF(state_open(fuzz_dir(), PLUGIN_NAME, "net", true, &state, &err) == 0, err.msg);
	unlinkat(state.fd, "c@eth0.json", 0);
	extra = *name && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
		strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX &&
		strncmp(name, "c@eth0", 6) != 0;
	if (extra) {
		fd = openat(state.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		cleanup_close_(&fd);
	}
	fd = openat(state.fd, "c@eth0.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, input.at, input.left) != (ssize_t)input.left)
		abort();
	close(fd);
	check_record(&state);
	fuzz_check_outcome(state_each(&state, on_record, &seen, &err), &err);
	PROMISE(seen.records >= 1 && seen.records <= 2);
	PROMISE(state_remove(&state, &key, &err) == 0);
	if (extra)
		unlinkat(state.fd, name, 0);
	return 0;
}
