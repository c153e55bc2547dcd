/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A redirected packet is forwarded, and a chain at the hook `forward` with the policy drop discards
 * it unless one of its rules accepts it: docker and ufw have such a chain. No rule of our table can
 * help, because every chain at the hook has to accept a packet. Whether some rule there accepts it
 * cannot be known without running it. So ADD succeeds and reports the chain, and so does CHECK.
 *
 * Two designs: to list all chains of the host, which are thousands on a node of Kubernetes, or to
 * ask for the names that this chain has in practice. The second is taken: it costs half a dozen
 * small requests. (Few kernels can list what is at a hook.)
 *
 * The rule that helps is given in the syntax of the program whose chain it is: iptables refuses to
 * work on a table of its own in which it finds a rule of nft's (`ct status dnat` is one that it
 * cannot read), and with it docker, ufw and kube-proxy.
 */
#include "forward.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#include "nft.h"

#define N_NAMES (sizeof(forward_names) / sizeof(*forward_names))

static const struct {
	uint8_t family;
	const char *word; /* nft(8)'s for it */
	const char *table;
	const char *chain;
	const char *iptables; /* the program whose chain it is, docker's and ufw's; NULL: nft's */
} forward_names[] = {
	{NFPROTO_IPV4, "ip", "filter", "FORWARD", "iptables"},
	{NFPROTO_IPV6, "ip6", "filter", "FORWARD", "ip6tables"},
	{NFPROTO_INET, "inet", "filter", "forward", NULL},
	{NFPROTO_IPV4, "ip", "filter", "forward", NULL},
	{NFPROTO_IPV6, "ip6", "filter", "forward", NULL},
	{NFPROTO_INET, "inet", "filter", "FORWARD", NULL},
	{NFPROTO_INET, "inet", "firewall", "forward", NULL},
};

struct report {
	const struct netlink_batch *questions; /* one for each name */
	bool drops[N_NAMES];
};

static int on_forward_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct report *report = arg;
	const size_t name = netlink_position(report->questions, nlh);
	const struct nlattr *hook = nft_attr(nlh, NFTA_CHAIN_HOOK);
	const struct nlattr *policy = nft_attr(nlh, NFTA_CHAIN_POLICY);
	const struct nlattr *number;

	if (!nft_is(nlh, NFT_MSG_NEWCHAIN) || name >= N_NAMES || hook == NULL || policy == NULL)
		return 0;
	number = nla_find(nla_data(hook), nla_len(hook), NFTA_HOOK_HOOKNUM);
	report->drops[name] = number != NULL && ntohl(netlink_u32(number)) == NF_INET_FORWARD &&
			      ntohl(netlink_u32(policy)) == NF_DROP;
	return 0;
}

static void forward_say(size_t name)
{
	fprintf(stderr,
		"chain %s of table %s %s drops what none of its rules accepts: connections to "
		"published ports do not reach the container unless a rule accepts them; ",
		forward_names[name].chain, forward_names[name].word, forward_names[name].table);
	if (forward_names[name].iptables != NULL)
		fprintf(stderr, "`%s -I %s -m conntrack --ctstate DNAT -j ACCEPT`",
			forward_names[name].iptables, forward_names[name].chain);
	else
		fprintf(stderr, "`nft insert rule %s %s %s ct status dnat accept`",
			forward_names[name].word, forward_names[name].table,
			forward_names[name].chain);
	fprintf(stderr, " lets them through\n");
}

void forward_report(struct netlink *nl, bool ipv4, bool ipv6)
{
	cleanup_netlink_batch struct netlink_batch b = {0};
	struct report report = {.questions = &b};

	for (size_t i = 0; i < N_NAMES; i++) {
		struct nl_msg *msg = nft_begin(&b, forward_names[i].family, NFT_MSG_GETCHAIN, 0);

		if (msg == NULL)
			return;
		nla_put_string(msg, NFTA_CHAIN_TABLE, forward_names[i].table);
		nla_put_string(msg, NFTA_CHAIN_NAME, forward_names[i].chain);
		netlink_end(&b);
	}
	if (netlink_exchange(nl, &b, on_forward_chain, &report) < 0)
		return;
	for (size_t i = 0; i < N_NAMES; i++) {
		if (!report.drops[i] || (forward_names[i].family == NFPROTO_IPV4 && !ipv4) ||
		    (forward_names[i].family == NFPROTO_IPV6 && !ipv6))
			continue;
		forward_say(i);
	}
}
