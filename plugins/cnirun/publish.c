/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "publish.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

struct range {
	long first;
	long last;
};

static int refuse(const char *text, const char *why, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_CONFIG,
			 "--publish \"%.80s\": %s; it is "
			 "[ADDRESS:]HOSTPORT[-LAST][:PORT[-LAST]][/tcp|/udp|/sctp]",
			 text, why);
}

/* Parse one to five digits. Return: the port, or -1. *end is set behind it. */
static long publish_parse_port(const char *text, const char **end)
{
	const size_t digits = strspn(text, "0123456789");
	long port;

	*end = text + digits;
	if (digits < 1 || digits > 5)
		return -1;
	port = strtol(text, NULL, 10);
	return port >= 1 && port <= 65535 ? port : -1;
}

static int parse_range(const char *text, struct range *range)
{
	const char *end;

	range->first = range->last = publish_parse_port(text, &end);
	if (*end == '-')
		range->last = publish_parse_port(end + 1, &end);
	return range->first < 0 || range->last < range->first || *end ? -1 : 0;
}

/* Remove "ADDRESS:" from the beginning. Return: the rest, or NULL if it is not an address. */
static char *publish_take_address(char *spec, char **address)
{
	const bool bracket = *spec == '[';
	char *end = strchr(spec, bracket ? ']' : ':');
	struct ip_address parsed;

	*address = NULL;
	if (!bracket && (end == NULL || memchr(spec, '.', (size_t)(end - spec)) == NULL))
		return spec;
	if (end == NULL || (bracket && end[1] != ':'))
		return NULL;
	*end = '\0';
	*address = spec + bracket;
	if (ip_address_parse(*address, &parsed) < 0 || (parsed.family == AF_INET6) != bracket)
		return NULL;
	return end + 1 + bracket;
}

static int publish_append(cJSON *mappings, const char *address, const char *protocol, long host,
			  long container)
{
	cJSON *mapping = cJSON_CreateObject();

	if (cJSON_AddNumberToObject(mapping, "hostPort", (double)host) == NULL ||
	    cJSON_AddNumberToObject(mapping, "containerPort", (double)container) == NULL ||
	    cJSON_AddStringToObject(mapping, "protocol", protocol) == NULL ||
	    (address != NULL && cJSON_AddStringToObject(mapping, "hostIP", address) == NULL) ||
	    !cJSON_AddItemToArray(mappings, mapping)) {
		cJSON_Delete(mapping);
		return -1;
	}
	return 0;
}

int publish_parse(const char *text, cJSON *mappings, struct cni_error *err)
{
	char spec[128];
	const char *protocol = "tcp";
	struct range host, container;
	char *address, *ports, *slash, *colon;

	if (strlen(text) >= sizeof(spec))
		return refuse(text, "that is too long", err);
	strcpy(spec, text);
	slash = strrchr(spec, '/');
	if (slash != NULL) {
		*slash = '\0';
		protocol = slash + 1;
		/* Upper case is accepted, as in a runtime's port mappings. */
		for (char *c = slash + 1; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
		    strcmp(protocol, "sctp") != 0)
			return refuse(text, "there is no such protocol", err);
	}
	ports = publish_take_address(spec, &address);
	if (ports == NULL)
		return refuse(text, "that is not an address", err);
	colon = strchr(ports, ':');
	if (colon != NULL)
		*colon = '\0';
	if (parse_range(ports, &host) < 0 ||
	    parse_range(colon != NULL ? colon + 1 : ports, &container) < 0)
		return refuse(text, "ports are 1 to 65535", err);
	if (host.last - host.first != container.last - container.first)
		return refuse(text, "the two ranges are not equally long", err);
	if (cJSON_GetArraySize(mappings) + host.last - host.first + 1 > PUBLISH_MAX)
		return refuse(text, "that makes more than 8192 ports", err);
	for (long i = 0; i <= host.last - host.first; i++) {
		if (publish_append(mappings, address, protocol, host.first + i,
				   container.first + i) < 0)
			return cni_error_nomem(err);
	}
	return 0;
}
