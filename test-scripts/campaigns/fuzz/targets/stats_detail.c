/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies of generic netlink, and the text files of the kernel, that `show --detail` makes JSON of.
 * The first byte says which. What follows it is the attributes that the kernel replies to every
 * request, in front of a page that cannot be read; or the file's text.
 */
#include <stdlib.h>
#include <string.h>

#include <netlink/genl/genl.h>

#include "cleanup.h"
#include "common/netlink.h"
#include "fuzz.h"
#include "plugins/netns-stats/detail.h"

/* The kinds of files, in the order in which detail.c reads them. */
static void (*const kinds[])(struct json_write *w, char *data) = {
	detail_write_paired_lines, detail_write_paired_lines, detail_write_lines,
	detail_write_sockets,      detail_write_sockets,
};

static const struct nlmsghdr *message;

struct netlink *__wrap_netlink_open(const struct netns *ns, int protocol, struct cni_error *err);
struct netlink *__wrap_netlink_open(const struct netns *ns, int protocol, struct cni_error *err)
{
	static struct netlink nowhere = {.fd = -1};

	(void)ns, (void)protocol, (void)err;
	return &nowhere;
}

void __wrap_netlink_close(struct netlink *nl);
void __wrap_netlink_close(struct netlink *nl)
{
	(void)nl;
}

int __wrap_netlink_family(struct netlink *nl, const char *name, struct cni_error *err);
int __wrap_netlink_family(struct netlink *nl, const char *name, struct cni_error *err)
{
	(void)nl, (void)name, (void)err;
	return 20;
}

int __wrap_netlink_request(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn, void *arg,
			   const char *what, struct cni_error *err);
int __wrap_netlink_request(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn, void *arg,
			   const char *what, struct cni_error *err)
{
	(void)nl, (void)msg, (void)what, (void)err;
	return fn(message, arg);
}

int __wrap_netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn,
			void (*restart)(void *arg), void *arg, const char *what,
			struct cni_error *err);
int __wrap_netlink_dump(struct netlink *nl, struct nl_msg *msg, netlink_fn *fn,
			void (*restart)(void *arg), void *arg, const char *what,
			struct cni_error *err)
{
	(void)restart;
	return __wrap_netlink_request(nl, msg, fn, arg, what, err);
}

/* The attributes behind the two headers of a message. */
static const void *as_message(struct input *input)
{
	const size_t len = NLMSG_HDRLEN + GENL_HDRLEN + input->left;
	cleanup_free struct nlmsghdr *nlh = calloc(1, len);
	struct input whole = {(const void *)nlh, len};
	size_t ignored;

	if (nlh == NULL)
		abort();
	nlh->nlmsg_len = (uint32_t)len;
	nlh->nlmsg_type = 20;
	if (input->left > 0) /* an empty input has no address */
		memcpy((char *)nlh + NLMSG_HDRLEN + GENL_HDRLEN, input->at, input->left);
	return input_datagram(&whole, &ignored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	const unsigned int which = input_byte(&input);
	cleanup_text struct text out = {0};
	struct json_write w = {.out = &out};

	json_write_object(&w, NULL);
	if (which & 0x80) {
		cleanup_free char *text = input_last_text(&input);

		kinds[which % (sizeof(kinds) / sizeof(kinds[0]))](&w, text);
	} else {
		struct link links[] = {{.index = 2, .name = "eth0"}};
		const struct sample s = {.links = links, .n_links = 1};

		message = as_message(&input);
		detail_genl(&s, &w);
	}
	json_write_object_end(&w);
	PROMISE(!out.failed && out.data);
	fuzz_check_json(out.data, out.len);
	return 0;
}
