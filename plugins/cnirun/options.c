/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "address.h"
#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "publish.h"
#include "trust.h"

#define DEFAULT_PATH "/opt/cni/bin:/usr/libexec/cni:/usr/lib/cni:/usr/local/lib/cni"
#define DEFAULT_LIMIT_S 60

enum {
	OPT_IP = 256,
	OPT_MAC,
	OPT_NETNS,
	OPT_PID,
	OPT_CONTAINER_ID,
	OPT_CACHE_DIR,
	OPT_TIMEOUT,
	OPT_ALL,
};

static const struct option long_options[] = {
	{"network", required_argument, NULL, 'n'},
	{"publish", required_argument, NULL, 'p'},
	{"ip", required_argument, NULL, OPT_IP},
	{"mac", required_argument, NULL, OPT_MAC},
	{"netns", required_argument, NULL, OPT_NETNS},
	{"pid", required_argument, NULL, OPT_PID},
	{"ifname", required_argument, NULL, 'i'},
	{"container-id", required_argument, NULL, OPT_CONTAINER_ID},
	{"cache-dir", required_argument, NULL, OPT_CACHE_DIR},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"keep", no_argument, NULL, 'k'},
	{"all", no_argument, NULL, OPT_ALL},
	{"verbose", no_argument, NULL, 'v'},
	{0},
};

/* Which form takes which option; every form takes verbose and timeout. */
static const struct {
	int option;
	unsigned int commands;
} takes[] = {
	{'n', FOR_RUN},
	{'p', FOR_RUN | FOR_ADD},
	{OPT_IP, FOR_RUN | FOR_ADD},
	{OPT_MAC, FOR_RUN | FOR_ADD},
	{OPT_NETNS, FOR_RUN},
	{OPT_PID, FOR_RUN},
	{'k', FOR_RUN},
	{'i', FOR_RUN | FOR_ADD | FOR_DEL | FOR_CHECK},
	{OPT_CONTAINER_ID, FOR_RUN | FOR_ADD | FOR_DEL | FOR_CHECK},
	{OPT_CACHE_DIR, FOR_RUN | FOR_ADD | FOR_DEL | FOR_CHECK | FOR_GC},
	{OPT_ALL, FOR_GC},
};

void options_free(struct options *options)
{
	cJSON_Delete(options->capabilities);
	options->capabilities = NULL;
}

static bool is_taken(int option, unsigned int command)
{
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		if (takes[i].option == option)
			return takes[i].commands & command;
	}
	return true;
}

static const char *option_name(int option)
{
	for (const struct option *o = long_options; o->name != NULL; o++) {
		if (o->val == option)
			return o->name;
	}
	return "?";
}

int options_number(const char *option, const char *text, long max, long *out, struct cni_error *err)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end || *out < 1 || *out > max)
		return cni_error(err, CNI_ERR_CONFIG,
				 "--%s is \"%.40s\", but must be a whole number from 1 to %ld",
				 option, text, max);
	return 0;
}

/*
 * The array of a capability, made if there is none. The first option of its kind replaces what
 * CAP_ARGS has; @fresh says whether that is done.
 */
static cJSON *capability_array(struct options *options, const char *capability, bool *fresh)
{
	if (options->capabilities == NULL)
		options->capabilities = cJSON_CreateObject();
	if (!*fresh) {
		cJSON_DeleteItemFromObjectCaseSensitive(options->capabilities, capability);
		*fresh = true;
		return cJSON_AddArrayToObject(options->capabilities, capability);
	}
	return cJSON_GetObjectItemCaseSensitive(options->capabilities, capability);
}

static int set_ip(struct options *options, const char *text, bool *fresh, struct cni_error *err)
{
	cJSON *ips = capability_array(options, "ips", fresh);
	struct ip_prefix parsed;
	bool has_length;
	cJSON *ip;

	options->ip = true;
	if (ip_prefix_parse_optional(text, &parsed, &has_length) < 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "--ip is \"%.60s\", but must be an address, like 10.0.2.15 or "
				 "10.0.2.15/24",
				 text);
	ip = cJSON_CreateString(text);
	if (!cJSON_AddItemToArray(ips, ip)) {
		cJSON_Delete(ip);
		return cni_error_nomem(err);
	}
	return 0;
}

static int options_set_mac(struct options *options, const char *text, struct cni_error *err)
{
	char canonical[MAC_TEXT_MAX];
	uint8_t mac[6];

	options->mac = true;
	if (mac_parse(text, mac) < 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "--mac is \"%.40s\", but must be a hardware address, like "
				 "c2:11:22:33:44:55",
				 text);
	if (options->capabilities == NULL)
		options->capabilities = cJSON_CreateObject();
	cJSON_DeleteItemFromObjectCaseSensitive(options->capabilities, "mac");
	return cJSON_AddStringToObject(options->capabilities, "mac", mac_format(mac, canonical)) !=
			       NULL
		       ? 0
		       : cni_error_nomem(err);
}

static int set_publish(struct options *options, const char *text, bool *fresh,
		       struct cni_error *err)
{
	cJSON *mappings = capability_array(options, "portMappings", fresh);

	options->publish = true;
	return mappings != NULL ? publish_parse(text, mappings, err) : cni_error_nomem(err);
}

static int set_option(struct options *options, int option, bool fresh[2], struct cni_error *err)
{
	long number;

	switch (option) {
	case 'n':
		options->network = optarg;
		return 0;
	case 'p':
		return set_publish(options, optarg, &fresh[0], err);
	case OPT_IP:
		return set_ip(options, optarg, &fresh[1], err);
	case OPT_MAC:
		return options_set_mac(options, optarg, err);
	case OPT_NETNS:
		options->netns = optarg;
		return 0;
	case OPT_PID:
		if (options_number("pid", optarg, INT_MAX, &number, err) < 0)
			return -1;
		options->pid = (pid_t)number;
		return 0;
	case 'i':
		options->ifname = optarg;
		return 0;
	case OPT_CONTAINER_ID:
		options->container_id = optarg;
		return 0;
	case OPT_CACHE_DIR:
		options->cache_dir = optarg;
		return 0;
	case OPT_TIMEOUT:
		if (options_number("timeout", optarg, 3600, &number, err) < 0)
			return -1;
		options->limit_ms = (int)number * 1000;
		return 0;
	case 'k':
		options->keep = true;
		return 0;
	case OPT_ALL:
		options->all = true;
		return 0;
	default:
		options->verbose = true;
		return 0;
	}
}

/* cnitool's grammar: pairs, with neither key nor value empty. */
int options_check_args(const char *args, struct cni_error *err)
{
	for (const char *pair = args; pair != NULL; pair = *pair ? pair + 1 : NULL) {
		const size_t len = strcspn(pair, ";");
		const size_t key = strcspn(pair, "=;");

		if (key == 0 || key + 1 >= len || pair[key] != '=')
			return cni_error(err, CNI_ERR_ENVIRONMENT,
					 "CNI_ARGS is \"%.60s\", but must be KEY=VALUE pairs "
					 "separated by ';'",
					 args);
		pair += len;
	}
	return 0;
}

const char *options_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value ? value : NULL;
}

bool options_is_in_path(const char *dir)
{
	const char *path = getenv("PATH");
	const size_t len = strlen(dir);

	for (const char *p = path; p != NULL; p = *p ? p + 1 : NULL) {
		const size_t n = strcspn(p, ":");

		if (n == len && strncmp(p, dir, n) == 0)
			return true;
		p += n;
	}
	return false;
}

/* The directory of our executable; "" if that is not known. */
static void own_directory(char out[PATH_MAX])
{
	const ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	out[n > 0 ? n : 0] = '\0';
	slash = strrchr(out, '/');
	if (slash != NULL)
		*slash = '\0';
}

/*
 * CNI_PATH of the plugins. The directory of our executable comes last, and only if it is one of
 * plugins: in /usr/bin, slirp4netns is the daemon. Plugins look into CNI_PATH themselves, for IPAM
 * plugins: so directories that cannot be trusted are not passed on to them either.
 */
static void find_path(char *out, size_t size)
{
	const char *given = options_variable("CNI_PATH");
	char all[sizeof(DEFAULT_PATH) + PATH_MAX], self[PATH_MAX];
	size_t used = 0;

	snprintf(all, sizeof(all), DEFAULT_PATH);
	own_directory(self);
	if (*self && !options_is_in_path(self))
		snprintf(all, sizeof(all), DEFAULT_PATH ":%s", self);
	*out = '\0';
	for (const char *p = given ?: all; p != NULL; p = *p ? p + 1 : NULL) {
		const size_t len = strcspn(p, ":");
		char directory[PATH_MAX];

		snprintf(directory, sizeof(directory), "%.*s", (int)len, p);
		if (len > 0 && len < sizeof(directory) && used + len + 2 < size &&
		    trust_or_pass_over("directory", directory))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ":" : "",
						 directory);
		p += len;
	}
}

static int options_environment(struct options *options, unsigned int command, struct cni_error *err)
{
	const char *capabilities = options_variable("CAP_ARGS");

	options->ifname = options_variable("CNI_IFNAME") ?: "eth0";
	options->limit_ms = DEFAULT_LIMIT_S * 1000;
	find_path(options->cni_path, sizeof(options->cni_path));
	if (command & (FOR_GC | FOR_STATUS))
		return 0;
	options->args = options_variable("CNI_ARGS");
	if (options->args != NULL && options_check_args(options->args, err) < 0)
		return -1;
	if (capabilities != NULL && json_parse(capabilities, strlen(capabilities), "CAP_ARGS",
					       &options->capabilities, err) < 0) {
		err->code = CNI_ERR_ENVIRONMENT;
		return -1;
	}
	return 0;
}

/*
 * The error of an option that there is not. After a dash with several letters, optind is not yet
 * behind the argument, but optopt has the letter.
 */
static int refuse_unknown(char **argv, const char *letters, struct cni_error *err)
{
	if (optopt != 0 && optopt <= CHAR_MAX &&
	    (strchr("+:", optopt) != NULL || strchr(letters, optopt) == NULL))
		return cni_error(err, CNI_ERR_CONFIG, "there is no option -%c", optopt);
	return cni_error(err, CNI_ERR_CONFIG, "there is no option %.40s", argv[optind - 1]);
}

int options_parse(int argc, char **argv, unsigned int command, struct options *options,
		  struct cni_error *err)
{
	bool fresh[2] = {false, false};
	/* '+' ends the options at COMMAND: what follows belongs to COMMAND. */
	const char *const letters = command == FOR_RUN ? "+:n:p:i:kv" : ":n:p:i:kv";
	int option;

	*options = (struct options){0};
	if (options_environment(options, command, err) < 0)
		return -1;
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (option == '?')
			return refuse_unknown(argv, letters, err);
		if (option == ':')
			return cni_error(err, CNI_ERR_CONFIG, "%.40s needs a value",
					 argv[optind - 1]);
		if (!is_taken(option, command))
			return cni_error(err, CNI_ERR_CONFIG,
					 "--%s is not an option here; try cnirun --help",
					 option_name(option));
		if (set_option(options, option, fresh, err) < 0)
			return -1;
	}
	if (!cni_valid_ifname(options->ifname))
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "the interface's name is \"%.60s\", but must be 1 to 15 printable "
				 "characters without '/', ':', '%%' and spaces",
				 options->ifname);
	if (options->container_id != NULL && !cni_valid_container_id(options->container_id))
		return cni_error(err, CNI_ERR_ENVIRONMENT,
				 "--container-id is \"%.60s\", but must be an alphanumeric "
				 "followed by alphanumerics, '_', '.' and '-', at most 200 bytes",
				 options->container_id);
	options->rest = argv + optind;
	options->n_rest = argc - optind;
	return 0;
}

int options_absolute_path(const char *path, char out[PATH_MAX], struct cni_error *err)
{
	char whole[2 * PATH_MAX];
	char cwd[PATH_MAX] = "";
	size_t len = 0;

	if (*path != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return cni_error_errno(err, CNI_ERR_IO, "cannot determine the working directory");
	if (strlen(path) >= PATH_MAX ||
	    (size_t)snprintf(whole, sizeof(whole), "%s/%s", cwd, path) >= PATH_MAX)
		return cni_error(err, CNI_ERR_ENVIRONMENT, "the path %.60s... is too long", path);
	for (const char *p = whole; *p;) {
		const size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n + (p[n] == '/');
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return 0;
}

/*
 * The container id that cnitool uses, so that `cnirun del` finds what `cnitool add` left: it has
 * the first bytes of the SHA-512 of the namespace's path.
 */
static char *cnitool_id(const char *netns)
{
	uint8_t hash[10];
	char id[sizeof("cnitool-") + 2 * sizeof(hash)];
	struct sha512_ctx sha512;

	sha512_init(&sha512);
	sha512_update(&sha512, strlen(netns), (const uint8_t *)netns);
	sha512_digest(&sha512, sizeof(hash), hash);
	strcpy(id, "cnitool-");
	for (size_t i = 0; i < sizeof(hash); i++)
		sprintf(id + strlen(id), "%02x", hash[i]);
	return strdup(id);
}

int options_attachment(const struct options *options, const char *network, const char *netns,
		       struct attachment_parameters *attachment, struct cni_error *err)
{
	char path[PATH_MAX] = "";

	if (netns != NULL && options_absolute_path(netns, path, err) < 0)
		return -1;
	*attachment = (struct attachment_parameters){
		.key = {.network = strdup(network),
			.container_id = options->container_id != NULL
						? strdup(options->container_id)
						: cnitool_id(path),
			.ifname = strdup(options->ifname)},
		.netns = netns != NULL ? strdup(path) : NULL,
		.args = options->args != NULL ? strdup(options->args) : NULL,
		.capabilities = options->capabilities != NULL
					? cJSON_Duplicate(options->capabilities, true)
					: NULL,
	};
	return attachment->key.network != NULL && attachment->key.container_id != NULL &&
			       attachment->key.ifname != NULL &&
			       (netns == NULL || attachment->netns != NULL)
		       ? 0
		       : cni_error_nomem(err);
}

struct chain options_chain(const struct options *options, const struct network_list *list,
			   const struct attachment_parameters *attachment, int interrupt_fd)
{
	return (struct chain){
		.list = list,
		.attachment = attachment,
		.path = options->cni_path,
		.interrupt_fd = interrupt_fd,
		.limit_ms = options->limit_ms,
		.verbose = options->verbose,
	};
}

int options_check_capabilities(const struct options *options, const struct network_list *list,
			       struct cni_error *err)
{
	const struct {
		bool asked;
		const char *capability;
		const char *option;
		const char *hint;
	} known[] = {
		{options->publish, "portMappings", "--publish",
		 "; add a plugin like netns-portmap to it"},
		{options->ip, "ips", "--ip", ""},
		{options->mac, "mac", "--mac", ""},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].asked && !list_has_capability(list, known[i].capability))
			return cni_error(
				err, CNI_ERR_CONFIG,
				"%s: no plugin of network %.60s (%.200s) has the capability "
				"%s%s",
				known[i].option, list->name, list->source, known[i].capability,
				known[i].hint);
	}
	return 0;
}
