/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface of a backend: a way of publishing ports. main.c calls one of the two, which do not
 * know each other.
 */
#ifndef PORTMAP_BACKEND_H
#define PORTMAP_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "address.h"
#include "cni.h"
#include "error.h"
#include "mapping.h"
#include "state.h"

#define PLUGIN_NAME "netns-portmap"

/* The plugin's own error codes; netns-portmap(8) lists them. */
enum {
	ERR_TAKEN = CNI_ERR_PLUGIN, /* another attachment, or a program, has the host port */
	ERR_REFUSED,                /* slirp4netns, or the kernel, refused a mapping */
	ERR_CHECK,                  /* CHECK: something is not as it was added */
};

struct backend;

struct config {
	const char *state_dir;         /* NULL: the default */
	const struct backend *backend; /* NULL: left out */
	bool snat;
	bool masq_all;
	unsigned int mark_bit;
	struct mapping *mappings; /* owned */
	size_t n_mappings;
};

/* One attachment, and what is known of it. */
struct call {
	const struct cni_request *req; /* prevResult and netns: for ADD only */
	struct attachment attachment;
	const struct config *config;
	const struct state *state;
	int lock; /* the network's, released before waiting for anybody (record.h); -1: none */
	struct ip_address address[2]; /* ADD: the container's, IPv4 and IPv6; family 0: none */
};

struct backend {
	const char *name;
	/*
	 * Whether the attachment in prevResult is this backend's. Return: 1, 0, or -1. NULL: it
	 * takes what no other backend claims.
	 */
	int (*claims)(const struct cni_request *req, const struct config *config,
		      struct cni_error *err);
	/*
	 * Take mappings out of the configuration that this backend publishes by another mapping of
	 * it, or cannot publish beside another one: what is left out is not an error of ADD, and
	 * CHECK does not look for it. @say: write a line to standard error where somebody may miss
	 * it. Return: 0, or -1 if two mappings contradict each other for this backend. May be NULL.
	 */
	int (*narrow)(struct config *config, bool say, struct cni_error *err);
	/*
	 * Write the record, publish config->mappings, all or none. After a failure nothing is
	 * published and no record is left. If that cannot be known, the record stays.
	 */
	int (*add)(struct call *call, struct cni_error *err);
	/*
	 * Undo what the record says and remove it. Return: 0, also if nothing is left to undo; or
	 * -1, with CNI_ERR_DECODE and no other code if the record does not say what to undo.
	 */
	int (*del)(struct call *call, const cJSON *record, struct cni_error *err);
	/* If the record does not say it: find by other means what belongs to the attachment, and
	 * undo it. May be NULL. */
	int (*recover)(struct call *call, struct cni_error *err);
	int (*check)(const struct call *call, const cJSON *record, struct cni_error *err);
	/* For GC, after the records: undo what no record names. May be NULL. */
	int (*sweep)(const struct cni_request *req, const struct config *config,
		     struct cni_error *err);
	/* Whether an ADD could succeed. May be NULL. */
	int (*status)(const struct config *config, struct cni_error *err);
};

#define BACKEND_NFTABLES "nftables"
#define BACKEND_SLIRP4NETNS "slirp4netns"

extern const struct backend backend_nftables;
extern const struct backend backend_slirp4netns;

/*
 * Both, and NULL, in the order in which they are asked whether an attachment is theirs; nf_tables
 * takes any.
 */
extern const struct backend *const portmap_backends[];

/* Return: the backend, or NULL if there is none of that name. */
const struct backend *portmap_backend_by_name(const char *name);

/* The backend of a record. Return: NULL with @err filled (CNI_ERR_DECODE) if it has none. */
const struct backend *portmap_backend_of(const cJSON *record, struct cni_error *err);

#endif
