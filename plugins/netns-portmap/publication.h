/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an attachment publishes through nf_tables, its record, and the elements that it comes to. */
#ifndef PORTMAP_PUBLICATION_H
#define PORTMAP_PUBLICATION_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "backend.h"
#include "layout.h"

/* nft(8) takes comments of up to 127 bytes. */
#define OWNER_MAX 128

struct publication {
	const struct mapping *mappings;
	size_t n;
	struct mapping *owned;        /* the mappings, where they are not the configuration's */
	struct ip_address address[2]; /* the container's, IPv4 and IPv6; family 0: none */
	char device[2][IFNAMSIZ];     /* the interface behind which it is; "": none */
	bool snat;
	bool masq_all;
	unsigned int mark_bit;
	int layout; /* of the table for which it was published; 1 if a record does not tell */
	char owner[OWNER_MAX];
};

/* Free the mappings that publication_read() has read. */
void publication_free(struct publication *p);
#define cleanup_publication __attribute__((cleanup(publication_free)))

/* Fill in what an ADD asks for; devices are left empty. Nothing in it is owned. */
void publication_init(struct publication *p, const struct call *call);
/* Its record; NULL out of memory. */
cJSON *publication_print(const struct publication *p);
/* From a record. Return: 0, or -1 CNI_ERR_DECODE: cut off, edited by hand, or not ours. */
int publication_read(const struct call *call, const cJSON *record, struct publication *p,
		     struct cni_error *err);

/*
 * Whether no other attachment has a record of this backend in this state directory. At most eight
 * records are read: it is also true if none of those is of this backend.
 */
bool publication_is_last(const struct call *call);

/*
 * Call @fn with the device behind which the IPv4 address is, for each record of an earlier layout
 * in the plugin's state directory. Return: 0, or -1 if @fn failed, which ends the walk.
 */
int publication_each_older(int plugin_fd, int (*fn)(const char *device, struct cni_error *err),
			   struct cni_error *err);

/*
 * The owner of an element: "network/container id@interface". A long network name or container id is
 * cut, and a hash of all three is put behind a '~', which neither can contain. nft(8) cannot read a
 * '"' in a comment: in an interface's name it is written %22, and a '\\' is written %5c; no name
 * has a '%'. A name that gets too long by that is replaced by a '~' and the hash, which is longer
 * than any interface's name.
 */
void owner_name(const char *network, const char *container_id, const char *ifname,
		char out[OWNER_MAX]);
/* What the owners of a network begin with. */
void owner_prefix(const char *network, char out[OWNER_MAX]);

struct element {
	uint8_t set;     /* table_set() */
	uint8_t key_len; /* bytes */
	uint8_t data_len;
	uint8_t key[16 + 4 + 4 + IFNAMSIZ];
	uint8_t data[16 + 4];
	uint32_t mapping; /* index */
	/* What a look at the table found: */
	bool found;
	bool ours;
	bool as_planned; /* with the same value */
	char owner[OWNER_MAX];
};

struct elements {
	struct element *elements; /* by set */
	size_t n;
	size_t first[TABLE_SETS + 1]; /* of each set */
};

/* Free the elements of elements_plan(). */
void elements_free(struct elements *list);
#define cleanup_elements __attribute__((cleanup(elements_free)))

/* The elements of a publication. Return: 0, or -1 out of memory. */
int elements_plan(const struct publication *p, struct elements *list, struct cni_error *err);

/* ADD found an element that belongs to another attachment. Return: -1 ERR_TAKEN, with @err filled.
 */
int publication_say_taken(const struct publication *p, const struct element *e,
			  struct cni_error *err);

#endif
