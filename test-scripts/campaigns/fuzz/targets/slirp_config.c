/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slirp4netns's configuration: CNI_ARGS, a NUL, and the configuration of the network. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"
#include "fuzz.h"
#include "plugins/slirp4netns/config.h"

/* What the rest of the plugin, and the daemon's command line, rely on. */
static void check_config(const struct config *config)
{
	struct ip_address address;

	PROMISE(config->mtu >= 68 && config->mtu <= 65521);
	PROMISE(config->network.address.family == AF_INET && config->network.length >= 1 &&
		config->network.length <= 25);
	PROMISE(ip_prefix_contains(&config->network, &config->gateway));
	PROMISE(ip_prefix_contains(&config->network, &config->nameserver));
	PROMISE(ip_prefix_contains(&config->network, &config->address.address));
	PROMISE(!ip_address_equal(&config->address.address, &config->gateway));
	PROMISE(config->address.length == config->network.length);
	PROMISE(config->address6.length == 64);
	PROMISE(!config->has_mac || !(config->mac[0] & 1));
	PROMISE(!config->outbound[0] || ip_address_parse(config->outbound, &address) == 0);
	PROMISE(!config->outbound6[0] ||
		(ip_address_parse(config->outbound6, &address) == 0 && address.family == AF_INET6));
	PROMISE(!config->daemon_path || config->daemon_path[0] == '/');
	PROMISE(!config->dns || cJSON_IsObject(config->dns));
	PROMISE(!config->ipv6 || config->mtu >= 1280);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_free char *args = input_text(&input);
	cleanup_json cJSON *conf = input_json(&input);
	const cJSON *runtime = json_get(conf, "runtimeConfig");
	struct cni_request req = {
		.command = "ADD",
		.attachment = {"net", "c", "eth0"},
		.netns = "/run/netns/c",
		.args = args,
		.version = CNI_VERSION_LATEST,
		.conf = conf,
		.runtime = cJSON_IsObject(runtime) ? runtime : NULL,
	};
	struct config config;
	struct cni_error err = {0};
	const char *state_dir;
	int value;

	if (conf == NULL)
		return 0;
	value = slirp_config_read(&req, &config, &err);
	fuzz_check_outcome(value, &err);
	if (value == 0)
		check_config(&config);
	err = (struct cni_error){0};
	fuzz_check_outcome(config_read_state_dir(&req, &state_dir, &err), &err);
	return 0;
}
