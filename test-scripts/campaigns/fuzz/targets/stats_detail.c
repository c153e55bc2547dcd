/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers of generic netlink, and the text files of the kernel, that `show --detail` makes JSON of.
 * The first byte says which.
 */
#include "plugins/netns-stats/detail_genl.c"

#include <stdlib.h>

#include "cleanup.h"
#include "fuzz.h"

/* The kinds of files, in the order in which detail.c reads them. */
static void (*const kinds[])(struct json_write *w, char *data) = {
	detail_write_paired_lines, detail_write_paired_lines, detail_write_lines,
	detail_write_sockets,      detail_write_sockets,
};

static void answer(struct json_write *w, unsigned int which, const struct nlattr *first, int len)
{
	static const struct member *const members[] = {linkstate_members, linkmodes_members,
						       queue_members, napi_members, qstats_members};
	struct question q = {.w = w, .members = members[which % 5]};

	switch (which % 4) {
	case 0:
		json_write_object(w, NULL);
		members_answer(&q, first, len);
		json_write_object_end(w);
		break;
	case 1:
		json_write_object(w, NULL);
		stats_answer(&q, first, len);
		json_write_object_end(w);
		break;
	case 2:
		object_answer(&q, first, len);
		break;
	default:
		metrics_answer(&q, first, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	const unsigned int which = input_byte(&input);
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};
	size_t len;

	if (which & 0x80) {
		cleanup_free char *text = input_last_text(&input);

		json_write_object(&w, NULL);
		kinds[which % (sizeof(kinds) / sizeof(kinds[0]))](&w, text);
		json_write_object_end(&w);
	} else {
		const void *attrs = input_datagram(&input, &len);

		answer(&w, which, attrs, (int)len);
	}
	PROMISE(!out.failed && out.data);
	fuzz_check_json(out.data, out.len);
	return 0;
}
