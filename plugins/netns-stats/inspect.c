/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats inspect: an attachment's result under the names of `docker inspect` and `podman
 * inspect`.
 *
 * An array with an object per container: Id and NetworkSettings. The settings of the first network
 * are at its top too, as in both tools; "Networks" has those of each. A member that the result does
 * not tell has the empty value of its type, because scripts that read this take members for
 * granted.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "commands.h"
#include "complain.h"
#include "conf.h"
#include "container.h"
#include "json_write.h"
#include "mapping.h"
#include "options.h"
#include "registry.h"
#include "result.h"
#include "text.h"

/* One network's settings; pointers into the result. */
struct settings {
	const char *address, *gateway, *address6, *gateway6, *mac;
	char address_text[INET6_ADDRSTRLEN], address6_text[INET6_ADDRSTRLEN];
	unsigned int prefix, prefix6;
};

static void take_ip(struct settings *s, const struct cni_ip *ip)
{
	struct ip_prefix prefix;

	if (ip->address == NULL || ip_prefix_parse(ip->address, &prefix))
		return;
	if (ip->family == AF_INET && s->address == NULL) {
		s->address = ip_address_format(&prefix.address, s->address_text);
		s->prefix = prefix.length;
		s->gateway = ip->gateway;
	} else if (ip->family == AF_INET6 && s->address6 == NULL) {
		s->address6 = ip_address_format(&prefix.address, s->address6_text);
		s->prefix6 = prefix.length;
		s->gateway6 = ip->gateway;
	}
}

/* The addresses of this attachment's interface, or those that name none. */
static void read_settings(const struct cni_result *result, const struct registry_entry *a,
			  struct settings *s)
{
	int index = result_find_interface(result, a->key.ifname, a->netns);

	if (index < 0)
		index = result_find_interface(result, a->key.ifname, NULL);
	if (index >= 0 && result->interfaces != NULL)
		s->mac = result->interfaces[index].mac;
	for (size_t i = 0; i < result->n_ips; i++)
		if (index < 0 || result->ips[i].interface < 0 || result->ips[i].interface == index)
			take_ip(s, &result->ips[i]);
}

static void inspect_add_string(cJSON *to, const char *key, const char *value)
{
	cJSON_AddStringToObject(to, key, value != NULL ? value : "");
}

static void add_settings(cJSON *to, const struct settings *s)
{
	inspect_add_string(to, "EndpointID", "");
	inspect_add_string(to, "Gateway", s->gateway);
	inspect_add_string(to, "IPAddress", s->address);
	cJSON_AddNumberToObject(to, "IPPrefixLen", s->prefix);
	inspect_add_string(to, "IPv6Gateway", s->gateway6);
	inspect_add_string(to, "GlobalIPv6Address", s->address6);
	cJSON_AddNumberToObject(to, "GlobalIPv6PrefixLen", s->prefix6);
	inspect_add_string(to, "MacAddress", s->mac);
}

/* As "80/tcp": [{"HostIp": "", "HostPort": "8080"}]. */
static void add_port(cJSON *ports, const struct mapping *m)
{
	char host[INET6_ADDRSTRLEN], key[24], number[16];
	cJSON *list, *entry;

	snprintf(key, sizeof(key), "%u/%s", m->container_port, mapping_protocol(m));
	snprintf(number, sizeof(number), "%u", m->host_port);
	mapping_host(m, host);
	list = cJSON_GetObjectItemCaseSensitive(ports, key);
	if (list == NULL)
		list = cJSON_AddArrayToObject(ports, key);
	entry = cJSON_CreateObject();
	inspect_add_string(entry, "HostIp", host[0] ? host : "0.0.0.0");
	inspect_add_string(entry, "HostPort", number);
	if (!cJSON_AddItemToArray(list, entry))
		cJSON_Delete(entry);
}

static int add_mappings(cJSON *ports, const cJSON *array, struct cni_error *err)
{
	cleanup_free struct mapping *mappings = NULL;
	size_t n;

	if (mappings_read(array, "portMappings", &mappings, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		add_port(ports, &mappings[i]);
	return 0;
}

/*
 * Read the mappings with the reader that netns-portmap uses. It refuses a list as a whole, but the
 * attachment is there all the same, maybe with ports that another plugin published. Then each
 * mapping is read by itself, with a line on stderr for those that cannot be read.
 */
static void add_ports(cJSON *ports, const struct registry_entry *a, const cJSON *list)
{
	struct cni_error err = {0};
	const cJSON *item;
	char path[40];
	size_t i = 0;

	if (add_mappings(ports, list, &err) == 0)
		return;
	cJSON_ArrayForEach (item, list) {
		struct mapping m = {0};

		snprintf(path, sizeof(path), "portMappings[%zu].", i++);
		if (mapping_read(item, path, &m, &err) == 0) {
			add_port(ports, &m);
			continue;
		}
		cni_error_wrap(&err, "%s of %s, left out", a->key.ifname, a->key.container_id);
		complain_error(&err);
	}
}

static int inspect_attachment(const struct registry *r, const struct registry_entry *a, bool first,
			      cJSON *to, cJSON *ports, cJSON *networks, struct cni_error *err)
{
	cleanup_result struct cni_result result = {0};
	cleanup_registry_source struct registry_source source = {0};
	struct cni_error unreadable = {0};
	struct settings s = {0};
	cJSON *network;

	if (registry_read(r, a, &source, err) < 0)
		return -1;
	/* Our own records have the latest version; a cached result names its own. A result without
	 * a version tells nothing, and is not a reason to leave out the rest. */
	if (cJSON_IsObject(source.result) &&
	    result_parse(source.result, CNI_VERSION_LATEST, "the result of the attachment", &result,
			 &unreadable) < 0)
		complain_error(&unreadable);
	read_settings(&result, a, &s);
	if (first)
		add_settings(to, &s);
	network = cJSON_AddObjectToObject(networks, a->key.network);
	inspect_add_string(network, "NetworkID", a->key.network);
	inspect_add_string(network, "InterfaceName", a->key.ifname);
	add_settings(network, &s);
	add_ports(ports, a, source.ports);
	return 0;
}

int inspect_container(const struct registry *r, const struct container *c, cJSON *out,
		      struct cni_error *err)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *ports = cJSON_CreateObject();
	cJSON *networks = cJSON_CreateObject();
	cJSON *settings;
	int ret = 0;

	cJSON_AddItemToArray(out, object);
	inspect_add_string(object, "Id", c->id);
	if (c->pod[0])
		inspect_add_string(object, "Pod", c->pod);
	if (c->pod_namespace[0])
		inspect_add_string(object, "PodNamespace", c->pod_namespace);
	settings = cJSON_AddObjectToObject(object, "NetworkSettings");
	inspect_add_string(settings, "Bridge", "");
	inspect_add_string(settings, "SandboxID", "");
	inspect_add_string(settings, "SandboxKey", c->netns);
	for (size_t i = 0; !ret && i < c->n; i++) {
		const struct registry_entry *a = &c->attachments[i];

		if (!i || !registry_same_attachment(a, a - 1))
			ret = inspect_attachment(r, a, !i, settings, ports, networks, err);
	}
	cJSON_AddItemToObject(settings, "Ports", ports);
	cJSON_AddItemToObject(settings, "Networks", networks);
	return ret;
}

int inspect_main(int argc, char **argv)
{
	cleanup_container_list struct container_list list = {0};
	cleanup_registry struct registry registry = REGISTRY_NONE;
	cleanup_json cJSON *out = cJSON_CreateArray();
	cleanup_free char *printed = NULL;
	cleanup_text struct text text = {0};
	struct inspect_options options;
	struct cni_error err = {0};

	if (options_of_inspect(argc, argv, &options) != 0)
		return EXIT_USAGE;
	if (registry_load(&registry, &options.where, NULL, &err) != 0)
		return complain_error(&err);
	for (int i = 0; i < options.n_rest; i++) {
		size_t first, n;

		if (registry_find(&registry, options.rest[i], &first, &n, &err) < 0 ||
		    container_list_add(&list, &registry, first, n, &err) < 0)
			return complain_error(&err);
	}
	for (size_t i = 0; i < list.n; i++)
		if (inspect_container(&registry, &list.all[i], out, &err) < 0)
			return complain_error(&err);
	printed = cJSON_Print(out);
	if (printed != NULL)
		json_write_escaped(&text, printed);
	text_add(&text, "\n");
	if (printed == NULL)
		cni_error_nomem(&err);
	if (printed == NULL || text_write(&text, STDOUT_FILENO, &err) < 0)
		return complain_error(&err);
	return 0;
}
