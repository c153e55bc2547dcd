/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements that no record names. For GC: those of this network whose attachment is not in the list.
 * GC has removed the records before, so these elements have none: a state directory was lost, or is
 * another one now. For an attachment whose record cannot be read: its own elements.
 */
#ifndef PORTMAP_SWEEP_H
#define PORTMAP_SWEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "cni.h"
#include "netlink.h"
#include "publication.h"

struct nft_sweep {
	const struct cni_request *req;
	char owner[OWNER_MAX];  /* of the one attachment; "": GC */
	char prefix[OWNER_MAX]; /* of the network's owners */
	unsigned int set;
	struct netlink_batch b;   /* the transaction */
	size_t n;                 /* deletions in it */
	bool missing;             /* there is no table */
	char (*valid)[OWNER_MAX]; /* sorted */
};

/* Free the transaction; @valid stays the caller's. */
void nft_sweep_free(struct nft_sweep *s);
#define cleanup_nft_sweep __attribute__((cleanup(nft_sweep_free)))

/* The order of @valid, for qsort(3). */
int nft_sweep_compare(const void *a, const void *b);

/* Put the deletions into the transaction. Return: 0, or an errno. */
int nft_sweep_read(struct netlink *nl, struct nft_sweep *s);

/* What each reply to that goes through; @arg: the sweep. Return: 0, or -1 with errno. */
int nft_sweep_on_reply(const struct nlmsghdr *nlh, void *arg);

#endif
