/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A namespace's replies to netns-stats (root of a container may send them), and what is
 * printed of them: JSON, a table, Prometheus's text. An input is a byte, a pod's name, a NUL, and
 * two datagrams, of links and of addresses, split where the byte says.
 */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fuzz.h"
#include "json_scan.h"
#include "plugins/netns-stats/exposition.h"
#include "plugins/netns-stats/sample.h"
#include "plugins/netns-stats/show.h"
#include "utf8.h"

#define SEQ 1 /* of messages that are for whatever was asked last */

/* The kernel's replies: a datagram for each list, and the end. */
static struct input links, addresses;
static struct nlmsghdr asked;
static bool answered;

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	(void)fd, (void)flags, (void)to, (void)to_len;
	PROMISE(len >= sizeof(asked));
	memcpy(&asked, data, sizeof(asked));
	answered = false;
	return (ssize_t)len;
}

static size_t copy_datagram(void *to, size_t size, const struct input *from)
{
	const size_t len = from->left < size ? from->left : size;
	struct nlmsghdr *nlh = to;
	int left = (int)len;

	if (len > 0)
		memcpy(to, from->at, len);
	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_seq == SEQ)
			nlh->nlmsg_seq = asked.nlmsg_seq;
	}
	return len;
}

ssize_t recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from,
		 socklen_t *from_len)
{
	const struct nlmsghdr end = {
		.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = NLMSG_DONE, .nlmsg_seq = asked.nlmsg_seq};

	(void)fd, (void)flags, (void)from, (void)from_len;
	if (!answered) {
		answered = true;
		return (ssize_t)copy_datagram(
			to, size, asked.nlmsg_type == RTM_GETLINK ? &links : &addresses);
	}
	memcpy(to, &end, sizeof(end));
	return sizeof(end);
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
	if (form->free != NULL)
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
	struct registry_entry a = {.key = {pod, pod, pod},
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

	struct cni_error err = {0};

	links = (struct input){input.at, first};
	addresses = (struct input){input.at + first, input.left - first};
	if (sample_here(&s, SAMPLE_ADDRESSES, &err) < 0)
		fuzz_check_error(&err);
	for (size_t i = 0; i < s.n_links; i++) {
		PROMISE(memchr(s.links[i].name, '\0', IFNAMSIZ));
		PROMISE(s.links[i].hwaddr_len <= HWADDR_MAX);
	}
	check_form(&show_json, &c, &s);
	check_form(&show_table, &c, &s);
	check_exposition(&c, &s);
	return 0;
}
