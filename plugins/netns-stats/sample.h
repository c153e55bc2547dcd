/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one network namespace counts at one moment: its links with their counters, its addresses.
 */
#ifndef NETNS_STATS_SAMPLE_H
#define NETNS_STATS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "link.h"
#include "text.h"

/* The arrays are the sample's own; sample_free() frees them. Flat, so that a child process can hand
 * one on through a pipe. */
struct sample {
	struct link *links;
	size_t n_links, links_size;
	size_t links_max; /* how many are read at most; 0: all */
	struct link_address *addresses;
	size_t n_addresses, addresses_size;
	struct text detail; /* a JSON object; "" without SAMPLE_DETAIL */
	uint64_t cookie;    /* SO_NETNS_COOKIE: which namespace it was; 0: Linux before 5.14 */
};

#define SAMPLE_ADDRESSES 1u /* also addresses */
#define SAMPLE_DETAIL 2u    /* also what detail_collect() finds */

/* Free all that it owns and make it empty. */
void sample_free(struct sample *s);
#define cleanup_sample __attribute__((cleanup(sample_free)))

/**
 * sample_here() - read the namespace that this thread is in.
 * @s:    zero-filled, or one that was read before: its memory is used again
 * @what: SAMPLE_* or 0
 *
 * Names and counters come out of one dump, so a link that is renamed meanwhile has one name or the
 * other, and never another link's counters. Return: 0, or -1 CNI_ERR_IO.
 */
int sample_here(struct sample *s, unsigned int what, struct cni_error *err);

/**
 * sample_is_sane() - whether a sample that another process handed over is well-formed.
 *
 * Every name ends, every length fits its array, each address is of a known family and its prefix is
 * not longer than it, and the detail is one JSON object. It need not be true.
 */
bool sample_is_sane(const struct sample *s);

/* Find a link by index, or by name; NULL if there is none. */
const struct link *sample_link(const struct sample *s, int index);
const struct link *sample_link_named(const struct sample *s, const char *name);

/* Make room for n more elements; return false out of memory. */
bool sample_reserve_links(struct sample *s, size_t n);
bool sample_reserve_addresses(struct sample *s, size_t n);

#endif
