/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the network configuration and the runtime ask for. */
#ifndef SLIRP4NETNS_CONFIG_H
#define SLIRP4NETNS_CONFIG_H

#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "cni.h"
#include "error.h"

/* A request for confinement: its value, and whether it was explicit. */
struct confinement {
	bool on;
	bool asked; /* the key is true explicitly: it is an error if this cannot be had */
};

struct config {
	uint32_t mtu; /* bytes */
	struct ip_prefix network;
	struct ip_address gateway;
	struct ip_address nameserver;
	struct ip_prefix address;
	bool ipv6;
	struct ip_address gateway6;
	struct ip_address nameserver6;
	struct ip_prefix address6;
	bool has_mac;
	uint8_t mac[6];
	bool allow_host_loopback;
	bool disable_dns;
	char outbound[INET6_ADDRSTRLEN]; /* an address; empty: not asked for */
	char outbound6[INET6_ADDRSTRLEN];
	struct confinement sandbox;
	struct confinement seccomp;
	const char *daemon_path; /* NULL: search PATH */
	const char *state_dir;   /* NULL: the default */
	const cJSON *dns;        /* the configuration's own `dns`, or NULL */
	bool built_in_dns;       /* the container is told to ask the daemon's own DNS server */
};

/**
 * slirp_config_read() - what the configuration, runtimeConfig, args and CNI_ARGS ask for.
 *
 * Strings point into the request. Return: 0, or -1: CNI_ERR_CONFIG, CNI_ERR_FIELD (ipam),
 * CNI_ERR_ENVIRONMENT (CNI_ARGS).
 */
int slirp_config_read(const struct cni_request *req, struct config *config, struct cni_error *err);

/**
 * config_read_state_dir() - just stateDir: what DEL and GC need, even if the rest is wrong by now.
 * @state_dir: a string of the request; NULL for the default
 *
 * Return: 0, or -1 CNI_ERR_CONFIG.
 */
int config_read_state_dir(const struct cni_request *req, const char **state_dir,
			  struct cni_error *err);

#endif
