/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "table.h"

void portmap_config_free(struct config *config)
{
	free(config->mappings);
}

/* What the reference plugin passes to iptables. An empty list asks for nothing. */
static int refuse_conditions(const cJSON *conf, const char *key, struct cni_error *err)
{
	const cJSON *conditions = NULL;

	if (conf_get_array(conf, "", key, &conditions, err) < 0)
		return -1;
	if (cJSON_GetArraySize(conditions) == 0)
		return 0;
	return cni_error(
		err, CNI_ERR_FIELD,
		"%s: arguments of iptables have no meaning here; limit a mapping to an address "
		"with its hostIP, or who may connect with a rule of your own in a forward "
		"chain of nf_tables",
		key);
}

static int read_backend(const cJSON *conf, struct config *config, struct cni_error *err)
{
	const char *name = "";

	if (conf_get_string(conf, "", "backend", &name, err) < 0)
		return -1;
	config->backend = *name ? portmap_backend_by_name(name) : NULL;
	if (*name && config->backend == NULL)
		return cni_error(
			err, CNI_ERR_FIELD,
			"backend \"%.32s\": there are slirp4netns and nftables%s; if it is left "
			"out, the interface decides",
			name,
			strcmp(name, "iptables") == 0 ? ", which works beside rules of iptables"
						      : "");
	return 0;
}

int portmap_config_read_basics(const struct cni_request *req, struct config *config,
			       struct cni_error *err)
{
	*config = (struct config){.snat = true, .mark_bit = TABLE_DEFAULT_MARK_BIT};
	return conf_get_string(req->conf, "", "stateDir", &config->state_dir, err) < 0 ? -1 : 0;
}

int portmap_config_read(const struct cni_request *req, struct config *config, struct cni_error *err)
{
	int64_t bit = TABLE_DEFAULT_MARK_BIT;
	const char *chain = "";
	const cJSON *mappings = NULL;

	if (portmap_config_read_basics(req, config, err) < 0 ||
	    read_backend(req->conf, config, err) < 0 ||
	    conf_get_bool(req->conf, "", "snat", &config->snat, err) < 0 ||
	    conf_get_bool(req->conf, "", "masqAll", &config->masq_all, err) < 0 ||
	    conf_get_int(req->conf, "", "markMasqBit", 0, 31, &bit, err) < 0 ||
	    refuse_conditions(req->conf, "conditionsV4", err) < 0 ||
	    refuse_conditions(req->conf, "conditionsV6", err) < 0 ||
	    conf_get_string(req->conf, "", "externalSetMarkChain", &chain, err) < 0)
		return -1;
	config->mark_bit = (unsigned int)bit;
	if (*chain)
		return cni_error(err, CNI_ERR_FIELD,
				 "externalSetMarkChain \"%.64s\": chains of iptables are not used; "
				 "leave it out, and set markMasqBit if bit %d is taken",
				 chain, TABLE_DEFAULT_MARK_BIT);
	if (conf_get_array(req->runtime, "runtimeConfig.", "portMappings", &mappings, err) < 0)
		return -1;
	return mappings_read(mappings, "runtimeConfig.portMappings", &config->mappings,
			     &config->n_mappings, err);
}
