// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The functions of libmnl with which netns-portmap and libnftnl write messages and walk through
 * answers, for static executables: there is no static library of it in Debian.
 *
 * libnftnl cannot be had without them. They are arithmetic on the lengths of netlink's headers
 * (netlink(7)); contracts are those of libmnl's documentation. What reads messages in other ways is
 * in absent.c, with the design that was left.
 */
#include <string.h>

#include <libmnl/libmnl.h>

/* Headers and payloads lie in the caller's buffer, which is never const. */
static void *at(const void *base, size_t offset)
{
	return (char *)(uintptr_t)base + offset;
}

size_t mnl_nlmsg_size(size_t len)
{
	return MNL_NLMSG_HDRLEN + len;
}

struct nlmsghdr *mnl_nlmsg_put_header(void *buf)
{
	struct nlmsghdr *message = buf;

	memset(buf, 0, MNL_NLMSG_HDRLEN);
	message->nlmsg_len = MNL_NLMSG_HDRLEN;
	return message;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *nlh, size_t size)
{
	void *header = at(nlh, nlh->nlmsg_len);

	memset(header, 0, MNL_ALIGN(size));
	nlh->nlmsg_len += MNL_ALIGN(size);
	return header;
}

void *mnl_nlmsg_get_payload(const struct nlmsghdr *nlh)
{
	return at(nlh, MNL_NLMSG_HDRLEN);
}

void *mnl_nlmsg_get_payload_offset(const struct nlmsghdr *nlh, size_t offset)
{
	return at(nlh, MNL_NLMSG_HDRLEN + MNL_ALIGN(offset));
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *nlh)
{
	return at(nlh, MNL_ALIGN(nlh->nlmsg_len));
}

bool mnl_nlmsg_ok(const struct nlmsghdr *nlh, int len)
{
	return len >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (unsigned int)len;
}

struct nlmsghdr *mnl_nlmsg_next(const struct nlmsghdr *nlh, int *len)
{
	*len -= (int)MNL_ALIGN(nlh->nlmsg_len);
	return at(nlh, MNL_ALIGN(nlh->nlmsg_len));
}

uint16_t mnl_attr_get_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *attr)
{
	return attr->nla_len - MNL_ATTR_HDRLEN;
}

void *mnl_attr_get_payload(const struct nlattr *attr)
{
	return at(attr, MNL_ATTR_HDRLEN);
}

uint16_t mnl_attr_get_u16(const struct nlattr *attr)
{
	uint16_t value;

	memcpy(&value, at(attr, MNL_ATTR_HDRLEN), sizeof(value));
	return value;
}

uint32_t mnl_attr_get_u32(const struct nlattr *attr)
{
	uint32_t value;

	memcpy(&value, at(attr, MNL_ATTR_HDRLEN), sizeof(value));
	return value;
}

bool mnl_attr_ok(const struct nlattr *attr, int len)
{
	return len >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr) && attr->nla_len <= len;
}

struct nlattr *mnl_attr_next(const struct nlattr *attr)
{
	return at(attr, MNL_ALIGN(attr->nla_len));
}

void mnl_attr_put(struct nlmsghdr *nlh, uint16_t type, size_t len, const void *data)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + len);
	if (len)
		memcpy(at(attr, MNL_ATTR_HDRLEN), data, len);
	/* The kernel sees the padding, too. */
	memset(at(attr, attr->nla_len), 0, MNL_ALIGN(len) - len);
	nlh->nlmsg_len += MNL_ATTR_HDRLEN + MNL_ALIGN(len);
}

void mnl_attr_put_u8(struct nlmsghdr *nlh, uint16_t type, uint8_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_u16(struct nlmsghdr *nlh, uint16_t type, uint16_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_u64(struct nlmsghdr *nlh, uint16_t type, uint64_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_str(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
	mnl_attr_put(nlh, type, strlen(data), data);
}

void mnl_attr_put_strz(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
	mnl_attr_put(nlh, type, strlen(data) + 1, data);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *start = mnl_nlmsg_get_payload_tail(nlh);

	/* Its length follows at the end. */
	start->nla_type = NLA_F_NESTED | type;
	nlh->nlmsg_len += MNL_ATTR_HDRLEN;
	return start;
}

void mnl_attr_nest_end(struct nlmsghdr *nlh, struct nlattr *start)
{
	start->nla_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(nlh) - (char *)start);
}
