/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other attachments of a container, which may have its ports already. */
#ifndef PORTMAP_SIBLINGS_H
#define PORTMAP_SIBLINGS_H

#include "backend.h"

/**
 * siblings_take() - leave out of @config what another attachment of the container publishes.
 * @call: the attachment; its lock is not needed
 *
 * Only mappings count that are published at this moment, by a record in this state directory, to
 * the same port of the container. This reads the names of all records, so it is for the case that a
 * port is taken.
 *
 * Return: how many mappings were left out; 0 also if records cannot be read.
 */
size_t siblings_take(const struct call *call, struct config *config);

#endif
