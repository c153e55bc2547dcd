/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"
#include "json_scan.h"
#include "utf8.h"

#define DATAGRAM_MAX (1u << 20)

static int report_fd = STDERR_FILENO;

/* libFuzzer is told to close what the code under test writes to; a finding must be heard. */
__attribute__((constructor)) static void keep_stderr(void)
{
	const int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);

	if (fd >= 0)
		report_fd = fd;
}

void fuzz_broken(const char *file, int line, const char *condition, const char *text)
{
	dprintf(report_fd, "%s:%d: broken promise: %s %.2000s\n", file, line, condition, text);
	abort();
}

uint8_t input_byte(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static void *copy_of(const void *data, size_t len, size_t size)
{
	char *copy = malloc(size);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

char *input_text(struct input *input)
{
	const uint8_t *end = input->left > 0 ? memchr(input->at, '\0', input->left) : NULL;
	const size_t len = end != NULL ? (size_t)(end - input->at) : input->left;
	char *text = copy_of(input->at, len, len + 1);

	text[len] = '\0';
	input->at += len + (end != NULL);
	input->left -= len + (end != NULL);
	return text;
}

char *input_rest(struct input *input, size_t *len)
{
	char *data = copy_of(input->at, input->left, input->left);

	*len = input->left;
	input->left = 0;
	return data;
}

void *input_datagram(struct input *input, size_t *len)
{
	static char *end;
	char *data;

	if (end == NULL) {
		const size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *room = mmap(NULL, DATAGRAM_MAX + page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		end = room + DATAGRAM_MAX;
		if (room == MAP_FAILED || mprotect(end, page, PROT_NONE) < 0)
			abort();
	}
	*len = input->left < DATAGRAM_MAX ? input->left : DATAGRAM_MAX;
	data = end - (*len + 3) / 4 * 4;
	if (*len > 0)
		memcpy(data, input->at, *len);
	input->left = 0;
	return data;
}

char *input_last_text(struct input *input)
{
	char *text = input_text(input);

	input->left = 0;
	return text;
}

void input_variable(struct input *input, const char *name)
{
	cleanup_free char *value = input_text(input);

	if (strcmp(value, "-") == 0)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

cJSON *input_json(struct input *input)
{
	struct cni_error err = {0};
	cJSON *json = NULL;
	size_t len;
	cleanup_free char *text = input_rest(input, &len);

	fuzz_check_outcome(json_parse(text, len, "the input", &json, &err), &err);
	return json;
}

/* The whole text is well-formed and does nothing to a terminal. */
static bool is_printable(const char *text, bool newlines)
{
	size_t len = strlen(text);

	while (len > 0) {
		const size_t n = utf8_length(text, len);
		const unsigned char c = (unsigned char)*text;

		if (n == 0 || (c < ' ' && !(c == '\n' && newlines)) || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)text[1] < 0xa0))
			return false;
		text += n;
		len -= n;
	}
	return true;
}

void fuzz_check_printable(const char *text)
{
	PROMISE_OF(is_printable(text, true), text);
}

void fuzz_check_error(const struct cni_error *err)
{
	PROMISE(err->code != 0);
	PROMISE(memchr(err->msg, '\0', sizeof(err->msg)));
	PROMISE(memchr(err->details, '\0', sizeof(err->details)));
	PROMISE_OF(err->msg[0] && is_printable(err->msg, false), err->msg);
	PROMISE_OF(is_printable(err->details, true), err->details);
}

void fuzz_check_outcome(int value, const struct cni_error *err)
{
	if (value < 0)
		fuzz_check_error(err);
	else
		PROMISE_OF(err->code == 0, err->msg);
}

void fuzz_check_json(const char *text, size_t len)
{
	size_t at;

	PROMISE_OF(json_scan(text, len, &at) == NULL, text);
}

static bool same_number(const cJSON *a, const cJSON *b)
{
	/* A raw item is a number in full (json_copy()). */
	const double x = cJSON_IsRaw(a) ? strtod(a->valuestring, NULL) : a->valuedouble;
	const double y = cJSON_IsRaw(b) ? strtod(b->valuestring, NULL) : b->valuedouble;

	return !(x < y || x > y || isnan(x) || isnan(y));
}

static bool is_number(const cJSON *json)
{
	return cJSON_IsNumber(json) || cJSON_IsRaw(json);
}

bool fuzz_same(const cJSON *a, const cJSON *b)
{
	const cJSON *x = a->child;
	const cJSON *y = b->child;

	if (is_number(a) || is_number(b))
		return is_number(a) && is_number(b) && same_number(a, b);
	if ((a->type & 0xff) != (b->type & 0xff))
		return false;
	if (cJSON_IsString(a))
		return strcmp(a->valuestring, b->valuestring) == 0;
	for (; x != NULL && y != NULL; x = x->next, y = y->next) {
		if (cJSON_IsObject(a) && strcmp(x->string, y->string) != 0)
			return false;
		if (!fuzz_same(x, y))
			return false;
	}
	return x == NULL && y == NULL;
}

char *fuzz_print(const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	PROMISE(text);
	fuzz_check_json(text, strlen(text));
	return text;
}

const char *fuzz_dir(void)
{
	static char dir[64];

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%.40s/fuzz-XXXXXX", getenv("FUZZ_DIR") ?: "/dev/shm");
		if (mkdtemp(dir) == NULL)
			abort();
	}
	return dir;
}

void fuzz_write_file(const char *path, const void *data, size_t len)
{
	cleanup_close int fd = -1;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
}
