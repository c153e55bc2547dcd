/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic netlink. Only its users link or load libnl-genl-3, so this is not in netlink.c.
 *
 * libnl's genl_ctrl_resolve(3) is not used, because it takes a reply from whoever sends first.
 */
#include <errno.h>
#include <linux/genetlink.h>

#include <netlink/genl/genl.h>

#include "netlink.h"

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];

	if (nlh->nlmsg_type == GENL_ID_CTRL &&
	    netlink_parse(nlh, GENL_HDRLEN, attrs, CTRL_ATTR_MAX))
		*(uint16_t *)arg = netlink_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

int netlink_family(struct netlink *nl, const char *name, struct cni_error *err)
{
	cleanup_nl_msg struct nl_msg *msg = nlmsg_alloc();
	uint16_t id = 0;

	if (msg == NULL ||
	    genlmsg_put(msg, 0, 0, GENL_ID_CTRL, 0, 0, CTRL_CMD_GETFAMILY, 1) == NULL ||
	    nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, name) < 0)
		return errno = ENOMEM, cni_error_nomem(err);
	if (netlink_request(nl, msg, take_family, &id, "tell about a generic netlink family", err) <
	    0)
		return -1;
	if (id == 0) {
		errno = EBADMSG;
		return cni_error_errno(err, CNI_ERR_IO, "the kernel's reply has no family in it");
	}
	return id;
}
