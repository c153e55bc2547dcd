/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A redirected packet is forwarded, and a chain at the hook `forward` whose policy is drop ends it
 * unless a rule of that chain accepts it: docker and ufw have such a chain. No rule of our table
 * can help, for a packet has to be accepted by every chain at the hook. Whether some rule there
 * accepts it cannot be known without running it. So ADD succeeds, and says so; CHECK too.
 *
 * Two designs: to list all chains of the host, which are thousands on a node of Kubernetes, or to
 * ask for the names under which the field has this chain. The second: half a dozen small requests.
 * (The kernel's own list of what is at a hook is in few kernels.)
 *
 * The rule that helps is said in the words of the program whose chain it is: iptables refuses to
 * work on a table of its own in which it finds a rule of nft's (`ct status dnat` is one that it
 * cannot read), and with it docker, ufw and kube-proxy.
 */
#include "forward.h"

#include <arpa/inet.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#define N_NAMES (sizeof(names) / sizeof(*names))

static const struct {
	uint8_t family;
	const char *word; /* nft(8)'s for it */
	const char *table;
	const char *chain;
	const char *iptables; /* the program whose chain it is, docker's and ufw's; NULL: nft's */
} names[] = {
	{NFPROTO_IPV4, "ip", "filter", "FORWARD", "iptables"},
	{NFPROTO_IPV6, "ip6", "filter", "FORWARD", "ip6tables"},
	{NFPROTO_INET, "inet", "filter", "forward", NULL},
	{NFPROTO_IPV4, "ip", "filter", "forward", NULL},
	{NFPROTO_IPV6, "ip6", "filter", "forward", NULL},
	{NFPROTO_INET, "inet", "filter", "FORWARD", NULL},
	{NFPROTO_INET, "inet", "firewall", "forward", NULL},
};

struct report {
	uint32_t first_seq; /* of the question for the first name */
	bool drops[N_NAMES];
};

static int on_forward_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct report *report = arg;
	const uint32_t name = nlh->nlmsg_seq - report->first_seq;
	const struct nlattr *attr;
	const struct nlattr *inner;
	uint32_t hook = NF_INET_NUMHOOKS;
	uint32_t policy = NF_ACCEPT;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || name >= N_NAMES)
		return 0;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_POLICY)
			policy = ntohl(nfnl_get_u32(attr));
		if (mnl_attr_get_type(attr) != NFTA_CHAIN_HOOK)
			continue;
		mnl_attr_for_each_nested(inner, attr)
		{
			if (mnl_attr_get_type(inner) == NFTA_HOOK_HOOKNUM)
				hook = ntohl(nfnl_get_u32(inner));
		}
	}
	report->drops[name] = hook == NF_INET_FORWARD && policy == NF_DROP;
	return 0;
}

static void forward_say(size_t name)
{
	fprintf(stderr,
		"chain %s of table %s %s drops what none of its rules accepts: unless one accepts "
		"what comes for published ports, the container does not get it; ",
		names[name].chain, names[name].word, names[name].table);
	if (names[name].iptables)
		fprintf(stderr, "`%s -I %s -m conntrack --ctstate DNAT -j ACCEPT`",
			names[name].iptables, names[name].chain);
	else
		fprintf(stderr, "`nft insert rule %s %s %s ct status dnat accept`",
			names[name].word, names[name].table, names[name].chain);
	fprintf(stderr, " lets it through\n");
}

void forward_report(struct nfnl *nl, bool ipv4, bool ipv6)
{
	cleanup_nfnl_buffer struct nfnl_buffer b = {0};
	struct report report = {.first_seq = nl->seq + 1};

	for (size_t i = 0; i < N_NAMES; i++) {
		void *at = nfnl_put(nl, &b);
		struct nlmsghdr *nlh =
			nftnl_nlmsg_build_hdr(at, NFT_MSG_GETCHAIN, names[i].family, 0, nl->seq);

		mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, names[i].table);
		mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, names[i].chain);
		nfnl_done(&b, nlh);
	}
	if (nfnl_send(nl, &b) < 0 || nfnl_receive(nl, on_forward_chain, &report) < 0)
		return;
	for (size_t i = 0; i < N_NAMES; i++) {
		if (!report.drops[i] || (names[i].family == NFPROTO_IPV4 && !ipv4) ||
		    (names[i].family == NFPROTO_IPV6 && !ipv6))
			continue;
		forward_say(i);
	}
}
