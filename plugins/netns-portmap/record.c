/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include "cleanup.h"

#define LOCK_MS 60000

int portmap_lock(struct call *call, struct cni_error *err)
{
	call->lock = state_lock(call->state, LOCK_MS, err);
	return call->lock < 0 ? -1 : 0;
}

void portmap_unlock(struct call *call)
{
	cleanup_close_(&call->lock);
	call->lock = -1;
}

cJSON *portmap_record_new(const char *backend, const struct mapping *mappings, size_t n)
{
	cleanup_json cJSON *record = cJSON_CreateObject();
	cJSON *array;

	if (cJSON_AddStringToObject(record, "backend", backend) == NULL)
		return NULL;
	array = mappings_print(mappings, n);
	if (!cJSON_AddItemToObject(record, "mappings", array)) {
		cJSON_Delete(array);
		return NULL;
	}
	return take_ptr(record);
}

int portmap_record_write(const struct call *call, const cJSON *record, struct cni_error *err)
{
	return state_write(call->state, &call->attachment, record, true, err) < 0 ? -1 : 0;
}

int portmap_record_remove(struct call *call, const cJSON *record, struct cni_error *err)
{
	cleanup_json cJSON *now = NULL;
	int found;

	if (call->lock < 0 && portmap_lock(call, err) < 0)
		return -1;
	found = state_read(call->state, &call->attachment, &now, err);
	if (found <= 0 || !cJSON_Compare(now, record, true))
		return found < 0 ? -1 : 0;
	return state_remove(call->state, &call->attachment, err);
}
