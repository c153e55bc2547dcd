/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of an attachment. Three places can ask for an address: the capability `ips`,
 * args.cni.ips, and IP in CNI_ARGS; the first that is present counts, as the CNI conventions have
 * it. The same holds for `mac`, args.cni.mac and MAC.
 */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "conf.h"
#include "link.h"

#define MTU_MIN 68    /* RFC 791 */
#define MTU_MAX 65521 /* slirp4netns's own limit */
#define MTU_MIN_IPV6 1280

/* slirp4netns's layout of its virtual network (slirp4netns(1), "--cidr"). */
#define GATEWAY_OFFSET 2
#define NAMESERVER_OFFSET 3
#define CONTAINER_OFFSET 100
#define CIDR_PREFIX_MAX 25 /* room for CONTAINER_OFFSET */

static const char default_cidr[] = "10.0.2.0/24";
static const char ipv6_gateway[] = "fd00::2";
static const char ipv6_nameserver[] = "fd00::3";
static const char ipv6_address[] = "fd00::100/64";

static struct ip_address host_in(const struct ip_prefix *network, uint32_t offset)
{
	struct ip_address address = network->address;

	address.v4.s_addr = htonl(ntohl(address.v4.s_addr) + offset);
	return address;
}

static int read_cidr(const cJSON *conf, struct config *config, struct cni_error *err)
{
	const char *text = default_cidr;
	struct ip_prefix *network = &config->network;
	uint32_t address;

	if (conf_get_string(conf, "", "cidr", &text, err) < 0)
		return -1;
	if (ip_prefix_parse(text, network) < 0 || network->address.family != AF_INET ||
	    network->length < 1 || network->length > CIDR_PREFIX_MAX)
		return cni_error(
			err, CNI_ERR_CONFIG,
			"cidr is \"%.60s\", but must be an IPv4 network with a prefix of 1 "
			"to %d bits, such as %s",
			text, CIDR_PREFIX_MAX, default_cidr);
	address = ntohl(network->address.v4.s_addr);
	if (address & (UINT32_MAX >> network->length))
		return cni_error(err, CNI_ERR_CONFIG,
				 "cidr is \"%.60s\", which is an address in a network; the "
				 "network's own address must end in zero bits, as in %s",
				 text, default_cidr);
	if (address >> 24 == 0 || address >> 24 == 127 || address >> 24 >= 224)
		return cni_error(err, CNI_ERR_CONFIG,
				 "cidr is \"%.60s\", which is not a network for hosts; take a "
				 "private one, such as %s",
				 text, default_cidr);
	config->gateway = host_in(network, GATEWAY_OFFSET);
	config->nameserver = host_in(network, NAMESERVER_OFFSET);
	config->address = *network;
	config->address.address = host_in(network, CONTAINER_OFFSET);
	return 0;
}

static int set_address4(struct config *config, const struct ip_prefix *want, const char *text,
			struct cni_error *err)
{
	const struct ip_prefix *network = &config->network;
	const uint32_t host_bits = UINT32_MAX >> network->length;
	const uint32_t host = ntohl(want->address.v4.s_addr) & host_bits;
	char shown[IP_PREFIX_TEXT_MAX];

	ip_prefix_format(network, shown);
	if (!ip_prefix_contains(network, &want->address) || host == 0 || host == host_bits)
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s is not one for a host in the network %s (key "
				 "\"cidr\")",
				 text, shown);
	if (ip_address_equal(&want->address, &config->gateway) ||
	    ip_address_equal(&want->address, &config->nameserver))
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s is slirp4netns's own, its gateway's or DNS "
				 "server's; take another in %s",
				 text, shown);
	config->address.address = want->address;
	return 0;
}

static int set_address6(struct config *config, const struct ip_prefix *want, const char *text,
			struct cni_error *err)
{
	struct ip_address network;

	ip_address_parse("fd00::", &network);
	if (!config->ipv6)
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s is IPv6, which this network does not have; set "
				 "enableIPv6",
				 text);
	if (!ip_prefix_contains(&config->address6, &want->address) ||
	    ip_address_equal(&want->address, &network))
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s is not one for a host in the network fd00::/64",
				 text);
	if (ip_address_equal(&want->address, &config->gateway6) ||
	    ip_address_equal(&want->address, &config->nameserver6))
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s is slirp4netns's own, its gateway's or DNS "
				 "server's; take another in fd00::/64",
				 text);
	config->address6.address = want->address;
	return 0;
}

/* One wanted address; @seen has a bit for each family that was asked for before. */
static int config_read_address(const char *text, struct config *config, unsigned int *seen,
			       struct cni_error *err)
{
	struct ip_prefix want;
	bool has_length, v4;
	unsigned int bit, length;

	if (ip_prefix_parse_optional(text, &want, &has_length) < 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "\"%.60s\" is not an IP address, with or without a prefix length",
				 text);
	v4 = want.address.family == AF_INET;
	bit = v4 ? 1 : 2;
	length = v4 ? config->network.length : config->address6.length;
	/* Podman repeats an address that it was given when it reloads a network. */
	if (*seen & bit && !ip_address_equal(&want.address, v4 ? &config->address.address
							       : &config->address6.address))
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s is a second one of its family; an interface "
				 "has one IPv4 and one IPv6 address here",
				 text);
	*seen |= bit;
	if (has_length && (v4 || config->ipv6) && want.length != length)
		return cni_error(err, CNI_ERR_CONFIG,
				 "the address %.60s has a prefix of %u bits, but the network's is "
				 "%u",
				 text, want.length, length);
	return v4 ? set_address4(config, &want, text, err) : set_address6(config, &want, text, err);
}

static int read_address_list(const cJSON *list, const char *what, struct config *config,
			     struct cni_error *err)
{
	unsigned int seen = 0;
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item))
			return cni_error(err, CNI_ERR_CONFIG, "%s must be an array of strings",
					 what);
		if (config_read_address(item->valuestring, config, &seen, err) < 0)
			return cni_error_wrap(err, "%s", what);
	}
	return 0;
}

/* IP of CNI_ARGS: one address, or several separated by commas. */
static int read_address_arg(const char *args, struct config *config, struct cni_error *err)
{
	char text[256];
	char *rest = text;
	unsigned int seen = 0;
	const int present = cni_args_get(args, "IP", text, sizeof(text), err);

	/* "IP=" is how some runtimes say that they have no wish. */
	while (present > 0 && text[0] != '\0' && rest != NULL) {
		const char *address = strsep(&rest, ",");

		if (config_read_address(address, config, &seen, err) < 0)
			return cni_error_wrap(err, "IP in CNI_ARGS");
	}
	return present < 0 ? -1 : 0;
}

static int config_set_mac(struct config *config, const char *text, const char *what,
			  struct cni_error *err)
{
	static const uint8_t zero[6];

	if (mac_parse(text, config->mac) < 0 || config->mac[0] & 1 ||
	    memcmp(config->mac, zero, sizeof(zero)) == 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "%s is \"%.60s\", but must be the hardware address of one "
				 "interface, such as 02:00:5e:10:00:01",
				 what, text);
	config->has_mac = true;
	return 0;
}

/* Addresses and MAC, each from the first place that names it. */
static int read_identity(const struct cni_request *req, struct config *config,
			 struct cni_error *err)
{
	const cJSON *args = NULL, *cni_args = NULL, *ips = NULL;
	const char *mac = NULL;
	char buf[64];
	int present;

	if (conf_get_object(req->conf, "", "args", &args, err) < 0 ||
	    conf_get_object(args, "args.", "cni", &cni_args, err) < 0)
		return -1;

	present = conf_get_array(req->runtime, "runtimeConfig.", "ips", &ips, err);
	if (present > 0 && cJSON_GetArraySize(ips) > 0)
		present = read_address_list(ips, "runtimeConfig.ips", config, err);
	else if (present >= 0 &&
		 (present = conf_get_array(cni_args, "args.cni.", "ips", &ips, err)) > 0)
		present = read_address_list(ips, "args.cni.ips", config, err);
	else if (present == 0)
		present = read_address_arg(req->args, config, err);
	if (present < 0)
		return -1;

	present = conf_get_string(req->runtime, "runtimeConfig.", "mac", &mac, err);
	if (present > 0 && *mac != '\0')
		return config_set_mac(config, mac, "runtimeConfig.mac", err);
	if (present >= 0)
		present = conf_get_string(cni_args, "args.cni.", "mac", &mac, err);
	if (present > 0 && *mac != '\0')
		return config_set_mac(config, mac, "args.cni.mac", err);
	if (present >= 0)
		present = cni_args_get(req->args, "MAC", buf, sizeof(buf), err);
	if (present > 0 && buf[0] != '\0')
		return config_set_mac(config, buf, "MAC in CNI_ARGS", err);
	return present < 0 ? -1 : 0;
}

struct find_address {
	int index;
	int family;
	bool found;
	struct ip_address address;
};

static int match_address(const struct link_address *address, void *arg)
{
	struct find_address *find = arg;
	const struct ip_address *ip = &address->prefix.address;

	if (find->found || address->index != find->index || ip->family != find->family)
		return 0;
	if (ip->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&ip->v6))
		return 0;
	find->address = *ip;
	find->found = true;
	return 0;
}

/* The first address of an interface of the host. */
static int address_of_interface(const char *key, const char *name, int family,
				struct ip_address *out, struct cni_error *err)
{
	cleanup_netlink struct netlink *sk = netlink_open(NULL, NETLINK_ROUTE, err);
	struct find_address find = {.family = family};
	struct link link;
	int present;

	if (sk == NULL)
		return -1;
	present = link_get(sk, name, &link, err);
	find.index = link.index;
	if (present > 0)
		present = link_each_address(sk, match_address, NULL, &find, err);
	if (present < 0)
		return -1;
	if (!find.found)
		return cni_error(err, CNI_ERR_CONFIG,
				 "%s is \"%.60s\", which is neither an IPv%d address nor an "
				 "interface of the host with one",
				 key, name, family == AF_INET ? 4 : 6);
	*out = find.address;
	return 0;
}

/*
 * Whether connections can come from the address. It is bound to, which libslirp does for each
 * connection, and not looked for among the host's addresses, since routes and sysctls may let a
 * program bind to others. A multicast address can be bound to, but nothing can come from it.
 */
static int check_source(const char *key, const struct ip_address *address, struct cni_error *err)
{
	const bool v4 = address->family == AF_INET;
	const struct sockaddr_in sa4 = {.sin_family = AF_INET, .sin_addr = address->v4};
	const struct sockaddr_in6 sa6 = {.sin6_family = AF_INET6, .sin6_addr = address->v6};
	cleanup_close int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[INET6_ADDRSTRLEN];

	ip_address_format(address, text);
	if (v4 ? IN_MULTICAST(ntohl(address->v4.s_addr)) ||
			    address->v4.s_addr == htonl(INADDR_BROADCAST)
	       : IN6_IS_ADDR_MULTICAST(&address->v6))
		return cni_error(err, CNI_ERR_CONFIG,
				 "%s is %s, from which nothing can come; take an address of the "
				 "host",
				 key, text);
	if (fd < 0 || (v4 ? bind(fd, (const struct sockaddr *)&sa4, sizeof(sa4))
			  : bind(fd, (const struct sockaddr *)&sa6, sizeof(sa6))) < 0)
		return cni_error_errno(err, CNI_ERR_CONFIG,
				       "%s: no connection can come from %s; take an address of the "
				       "host, or the name of one of its interfaces",
				       key, text);
	return 0;
}

/*
 * outboundAddr and outboundAddr6: an address, or an interface that we look up ourselves, because
 * slirp4netns 1.2.0 does so for IPv4 only.
 */
static int read_outbound(const cJSON *conf, const char *key, int family, char out[INET6_ADDRSTRLEN],
			 struct cni_error *err)
{
	struct ip_address address;
	const char *text = NULL;
	const int present = conf_get_string(conf, "", key, &text, err);

	if (present <= 0)
		return present;
	if (ip_address_parse(text, &address) < 0 || address.family != family) {
		if (!cni_valid_ifname(text))
			return cni_error(err, CNI_ERR_CONFIG,
					 "%s is \"%.60s\", but must be an IPv%d address or an "
					 "interface of the host",
					 key, text, family == AF_INET ? 4 : 6);
		if (address_of_interface(key, text, family, &address, err) < 0)
			return -1;
	}
	if (check_source(key, &address, err) < 0)
		return -1;
	ip_address_format(&address, out);
	return 0;
}

static int read_confinement(const cJSON *conf, const char *key, struct confinement *c,
			    struct cni_error *err)
{
	c->on = true;
	c->asked = false;
	switch (conf_get_bool(conf, "", key, &c->on, err)) {
	case 1:
		c->asked = c->on;
		return 0;
	case 0:
		return 0;
	default:
		return -1;
	}
}

static bool names_built_in(const struct config *config, const struct ip_address *address)
{
	return ip_address_equal(address, &config->nameserver) ||
	       (config->ipv6 && ip_address_equal(address, &config->nameserver6));
}

/* The well-known key `dns`: checked here, and put into the result by ADD. */
static int read_dns(const cJSON *conf, struct config *config, struct cni_error *err)
{
	static const char *const lists[] = {"nameservers", "search", "options"};
	const cJSON *list = NULL, *item;
	const char *domain;
	struct ip_address address;
	bool others = false;

	if (conf_get_object(conf, "", "dns", &config->dns, err) < 0 ||
	    conf_get_string(config->dns, "dns.", "domain", &domain, err) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		list = NULL;
		if (conf_get_array(config->dns, "dns.", lists[i], &list, err) < 0)
			return -1;
		cJSON_ArrayForEach (item, list) {
			if (!cJSON_IsString(item))
				return cni_error(err, CNI_ERR_CONFIG,
						 "dns.%s must be an array of strings", lists[i]);
			if (i > 0)
				continue;
			if (ip_address_parse(item->valuestring, &address) < 0)
				return cni_error(err, CNI_ERR_CONFIG,
						 "dns.nameservers: \"%.60s\" is not an IP address",
						 item->valuestring);
			others = true;
			config->built_in_dns |= names_built_in(config, &address);
		}
	}
	config->built_in_dns = !config->disable_dns && (config->built_in_dns || !others);
	return 0;
}

int config_read_state_dir(const struct cni_request *req, const char **state_dir,
			  struct cni_error *err)
{
	*state_dir = NULL;
	return conf_get_string(req->conf, "", "stateDir", state_dir, err) < 0 ? -1 : 0;
}

static int read_daemon_path(const cJSON *conf, struct config *config, struct cni_error *err)
{
	const char **path = &config->daemon_path;

	if (conf_get_string(conf, "", "slirp4netnsPath", path, err) < 0)
		return -1;
	if (*path != NULL && **path != '/')
		return cni_error(err, CNI_ERR_CONFIG,
				 "slirp4netnsPath is \"%.60s\", but must be an absolute path",
				 *path);
	return 0;
}

/* There is nothing to manage: the daemon's network has one address for a container. */
static int refuse_ipam(const cJSON *conf, struct cni_error *err)
{
	const cJSON *ipam = cJSON_GetObjectItemCaseSensitive(conf, "ipam");
	cleanup_free char *text = NULL;

	if (ipam == NULL || cJSON_IsNull(ipam) || (cJSON_IsObject(ipam) && ipam->child == NULL))
		return 0; /* Go programs print an empty one */
	text = cJSON_PrintUnformatted(ipam);
	return cni_error(
		err, CNI_ERR_FIELD,
		"\"ipam\": %.120s is not supported: slirp4netns's network is private to the "
		"container; use \"cidr\", and the capability \"ips\" for an address",
		text == NULL ? "" : text);
}

int slirp_config_read(const struct cni_request *req, struct config *config, struct cni_error *err)
{
	const cJSON *conf = req->conf;
	int64_t mtu = 65520;

	*config = (struct config){0};
	if (config_read_state_dir(req, &config->state_dir, err) < 0 ||
	    read_daemon_path(conf, config, err) < 0 || refuse_ipam(conf, err) < 0 ||
	    conf_get_int(conf, "", "mtu", MTU_MIN, MTU_MAX, &mtu, err) < 0 ||
	    conf_get_bool(conf, "", "enableIPv6", &config->ipv6, err) < 0 ||
	    conf_get_bool(conf, "", "allowHostLoopback", &config->allow_host_loopback, err) < 0 ||
	    conf_get_bool(conf, "", "disableDNS", &config->disable_dns, err) < 0 ||
	    read_confinement(conf, "enableSandbox", &config->sandbox, err) < 0 ||
	    read_confinement(conf, "enableSeccomp", &config->seccomp, err) < 0 ||
	    read_cidr(conf, config, err) < 0)
		return -1;
	config->mtu = (uint32_t)mtu;
	if (config->ipv6 && mtu < MTU_MIN_IPV6)
		return cni_error(err, CNI_ERR_CONFIG, "mtu is %u, but enableIPv6 needs at least %d",
				 config->mtu, MTU_MIN_IPV6);
	ip_address_parse(ipv6_gateway, &config->gateway6);
	ip_address_parse(ipv6_nameserver, &config->nameserver6);
	ip_prefix_parse(ipv6_address, &config->address6);
	if (read_dns(conf, config, err) < 0 || read_identity(req, config, err) < 0 ||
	    read_outbound(conf, "outboundAddr", AF_INET, config->outbound, err) < 0 ||
	    read_outbound(conf, "outboundAddr6", AF_INET6, config->outbound6, err) < 0)
		return -1;
	return 0;
}
