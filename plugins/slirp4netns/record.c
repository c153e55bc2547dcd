/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"

void slirp_attachment_init(struct slirp_attachment *a, const struct state *state,
			   const struct attachment *key)
{
	char hash[17];

	state_hash(key->network, key->container_id, key->ifname, hash);
	*a = (struct slirp_attachment){.key = *key};
	snprintf(a->socket_name, sizeof(a->socket_name), "%s.sock", hash);
	snprintf(a->log_name, sizeof(a->log_name), "%s.log", hash);
	snprintf(a->socket, sizeof(a->socket), "%s/sock/%s", state->root, a->socket_name);
}

int slirp_record_write(const struct state *state, const struct slirp_attachment *a,
		       const char *netns, const struct process_id *daemon, struct cni_error *err)
{
	cleanup_json cJSON *record = cJSON_CreateObject();

	if (cJSON_AddStringToObject(record, "network", a->key.network) == NULL ||
	    cJSON_AddStringToObject(record, "containerId", a->key.container_id) == NULL ||
	    cJSON_AddStringToObject(record, "ifname", a->key.ifname) == NULL ||
	    cJSON_AddStringToObject(record, "netns", netns) == NULL ||
	    cJSON_AddStringToObject(record, "socket", a->socket) == NULL ||
	    cJSON_AddNumberToObject(record, "pid", daemon->pid) == NULL ||
	    cJSON_AddNumberToObject(record, "startTime", (double)daemon->start_time) == NULL ||
	    cJSON_AddStringToObject(record, "bootId", daemon->boot_id) == NULL ||
	    (daemon->inode != 0 &&
	     cJSON_AddNumberToObject(record, "pidfdInode", (double)daemon->inode) == NULL))
		return cni_error_nomem(err);
	return state_write(state, &a->key, record, false, err);
}

int slirp_record_read(const struct state *state, const struct slirp_attachment *a,
		      struct process_id *daemon, struct cni_error *err)
{
	cleanup_json cJSON *record = NULL;
	const char *boot_id = NULL;
	int64_t pid = 0, start = 0, inode = 0;
	const int present = state_read(state, &a->key, &record, err);

	if (present <= 0)
		return present;
	*daemon = (struct process_id){0};
	if (conf_get_int(record, "", "pid", 2, INT32_MAX, &pid, err) <= 0 ||
	    conf_get_int(record, "", "startTime", 0, INT64_C(1) << 53, &start, err) <= 0 ||
	    conf_get_string(record, "", "bootId", &boot_id, err) <= 0 ||
	    conf_get_int(record, "", "pidfdInode", 1, INT64_C(1) << 53, &inode, err) < 0 ||
	    strlen(boot_id) >= sizeof(daemon->boot_id))
		return cni_error(err, CNI_ERR_DECODE, "the record of %s@%s does not name a process",
				 a->key.container_id, a->key.ifname);
	daemon->pid = (pid_t)pid;
	daemon->start_time = (uint64_t)start;
	daemon->inode = (uint64_t)inode;
	strcpy(daemon->boot_id, boot_id);
	return 1;
}
