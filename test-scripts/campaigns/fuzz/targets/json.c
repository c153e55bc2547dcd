/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_parse() and json_copy(). What the strict scanner lets through is what cJSON takes, so a text
 * that is accepted comes back the same when it is printed and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"
#include "fuzz.h"
#include "json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct cni_error err = {0};
	cleanup_json cJSON *tree = NULL;
	cleanup_json cJSON *copy = NULL;
	cleanup_json cJSON *again = NULL;
	cleanup_free char *printed = NULL;
	size_t len, at = 0;
	cleanup_free char *text = input_rest(&input, &len);
	const char *fault = json_scan(text, len, &at);
	const int value = json_parse(text, len, "the input", &tree, &err);

	PROMISE(at <= len);
	fuzz_check_outcome(value, &err);
	PROMISE(!fault || value < 0);
	/* What the scanner accepts, only memory could make cJSON refuse. */
	PROMISE(value == 0 || strcmp(err.msg, "out of memory") != 0);
	if (value < 0)
		return 0;
	copy = json_copy(tree);
	PROMISE(copy);
	printed = fuzz_print(copy);
	PROMISE_OF(json_parse(printed, strlen(printed), "the print", &again, &err) == 0, printed);
	PROMISE_OF(fuzz_same(tree, again), printed);
	return 0;
}
