// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A namespace's answers to netns-stats (root of a container sends them if it likes), and what is
 * printed of them: JSON, a table, Prometheus's text. An input is a byte, a pod's name, a NUL, and
 * two datagrams, of links and of addresses, split where the byte says.
 */
#include "plugins/netns-stats/sample.c"

#include <stdio.h>

#include "fuzz.h"
#include "json_scan.h"
#include "plugins/netns-stats/exposition.h"
#include "plugins/netns-stats/show.h"
#include "utf8.h"

#define SEQ 1

static void read_datagram(const struct dump *d, struct sample *s, const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct cni_error err = {0};
	bool disturbed = false;
	size_t len;
	cleanup_free char *buf = input_rest(&input, &len);

	if (parse_datagram(d, s, buf, len, SEQ, &disturbed, &err) < 0)
		fuzz_check_error(&err);
}

static void check_form(const struct show_form *form, const struct container *c, struct sample *s)
{
	cleanup_text struct text out = {0};
	struct sweep_job job = {.path = c->netns, .sample = *s};
	struct show show = {.loopback = true};
	struct cni_error err = {0};

	PROMISE(form->container(&show, c, &job, &out, &err) == 0);
	show.printed = 1;
	PROMISE(form->end(&show, &out, &err) == 0);
	if (form->free)
		form->free(&show);
	PROMISE(!out.failed && out.data);
	if (form == &show_json)
		fuzz_check_json(out.data, out.len);
	else
		fuzz_check_printable(out.data);
}

/* name{label="value",...} number: no newline but at the end, and as many quotes as there must be.
 */
static void check_line(const char *line, size_t len)
{
	size_t quotes = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\\')
			i++;
		else if (line[i] == '"')
			quotes++;
	}
	PROMISE_OF(quotes == 10, line);
	PROMISE_OF(len > 0 && line[len - 1] >= '0' && line[len - 1] <= '9', line);
}

static void check_exposition(const struct container *c, const struct sample *s)
{
	cleanup_exposition struct exposition e = {0};
	cleanup_text struct text out = {0};
	struct cni_error err = {0};

	PROMISE(exposition_add(&e, c, s, true, &err) == 0);
	PROMISE(exposition_print(&e, true, NULL, &out, &err) == 0);
	for (const char *line = out.data; *line;) {
		const size_t len = strcspn(line, "\n");

		PROMISE(line[len] == '\n');
		if (*line != '#')
			check_line(line, len);
		for (size_t i = 0, n; i < len; i += n) {
			n = utf8_length(line + i, len - i);
			PROMISE_OF(n > 0, line);
		}
		line += len + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_sample struct sample s = {0};
	const size_t split = input_byte(&input) * (size_t)8;
	cleanup_free char *pod = input_text(&input);
	const size_t first = split < input.left ? split : input.left;
	struct attachment a = {.container_id = pod,
			       .network = pod,
			       .ifname = pod,
			       .netns = pod,
			       .pod = pod,
			       .pod_namespace = pod,
			       .begin = pod};
	const struct container c = {.id = pod,
				    .netns = "/n",
				    .pod = pod,
				    .pod_namespace = pod,
				    .attachments = &a,
				    .n = 1};

	read_datagram(&links_dump, &s, input.at, first);
	read_datagram(&addresses_dump, &s, input.at + first, input.left - first);
	for (size_t i = 0; i < s.n_links; i++) {
		PROMISE(memchr(s.links[i].name, '\0', IFNAMSIZ));
		PROMISE(s.links[i].hwaddr_len <= HWADDR_MAX);
	}
	check_form(&show_json, &c, &s);
	check_form(&show_table, &c, &s);
	check_exposition(&c, &s);
	return 0;
}
