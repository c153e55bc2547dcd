/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other attachments of a container, which may have its ports already. */
#ifndef PORTMAP_SIBLINGS_H
#define PORTMAP_SIBLINGS_H

#include "backend.h"

/**
 * siblings_take() - leave out of @config what another attachment of the container publishes.
 * @call: the attachment; its lock is not needed
 *
 * Only what is published this moment, by a record in this state directory, and to the same port of
 * the container. Reads the names of all records: for when something is in the way.
 *
 * Return: how many mappings were left out; 0 also when records cannot be read.
 */
size_t siblings_take(const struct call *call, struct config *config);

#endif
