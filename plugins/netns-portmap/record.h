/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of an attachment's mappings, and the lock under which it is written (state.h says
 * where both are). Its backend defines what else a record has.
 */
#ifndef PORTMAP_RECORD_H
#define PORTMAP_RECORD_H

#include "backend.h"

/* Wait up to a minute for the network's lock. Return: 0, or -1 with @err filled. */
int portmap_lock(struct call *call, struct cni_error *err);
/* Release the lock, if it is held. */
void portmap_unlock(struct call *call);

/* A new record with the members that every one has: backend and mappings. NULL out of memory. */
cJSON *portmap_record_new(const char *backend, const struct mapping *mappings, size_t n);

/* Write it. Return: 0, or -1 with @err filled. */
int portmap_record_write(const struct call *call, const cJSON *record, struct cni_error *err);

/*
 * Remove it, unless another call has written another one while this one did not hold the lock.
 * Takes the lock if it is not held, and keeps it. Return: 0, or -1 with @err filled.
 */
int portmap_record_remove(struct call *call, const cJSON *record, struct cni_error *err);

#endif
