/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sweep.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "elements.h"

void nft_sweep_free(struct nft_sweep *s)
{
	netlink_batch_free(&s->b);
}

int nft_sweep_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int on_swept(const struct found *found, void *arg)
{
	struct nft_sweep *s = arg;
	char owner[OWNER_MAX];
	struct element e = {.set = s->set};

	if (strncmp(found->owner, s->prefix, strlen(s->prefix)) != 0 || found->key == NULL ||
	    found->key_len > sizeof(e.key) || strlen(found->owner) >= sizeof(owner))
		return 0;
	strcpy(owner, found->owner);
	if (s->owner[0] ? strcmp(owner, s->owner) != 0
			: s->req->n_valid && bsearch(owner, s->valid, s->req->n_valid,
						     sizeof(*s->valid), nft_sweep_compare) != NULL)
		return 0;
	e.key_len = (uint8_t)found->key_len;
	memcpy(e.key, found->key, found->key_len);
	elements_put_one(&s->b, NFT_MSG_DELSETELEM, 0, &e, NULL);
	s->n++;
	return 0;
}

int nft_sweep_on_reply(const struct nlmsghdr *nlh, void *arg)
{
	const int error = netlink_errno(nlh);

	if (error) {
		errno = error;
		return -1;
	}
	return elements_each(nlh, on_swept, arg);
}

int nft_sweep_read(struct netlink *nl, struct nft_sweep *s)
{
	cleanup_netlink_batch struct netlink_batch question = {0};

	for (s->set = 0; s->set < TABLE_SETS; s->set++) {
		elements_put_dump(&question, s->set);
		if (netlink_exchange(nl, &question, nft_sweep_on_reply, s) < 0 && errno != ENOENT)
			return errno;
	}
	return 0;
}
