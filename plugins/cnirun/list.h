/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network configuration lists: where they are found, and what they say (CNI spec, section 1). */
#ifndef CNIRUN_LIST_H
#define CNIRUN_LIST_H

#include <limits.h>
#include <stdbool.h>

#include <cjson/cJSON.h>

#include "error.h"
#include "version.h"

#define SYSTEM_NETWORKS "/etc/cni/net.d"
/* Not slirp4netns: for Podman, --network slirp4netns is a mode of its own, never a list. */
#define DEFAULT_NETWORK "slirp"
/* What people call it all the same, where no list has that name. */
#define PROGRAM_NETWORK "slirp4netns"

struct network_list {
	cJSON *conf;              /* the whole list, plugins of a directory included */
	char source[PATH_MAX];    /* where it was read, for messages */
	const char *name;         /* points into conf, as does plugins */
	enum cni_version version; /* the highest that it offers and we speak */
	bool disable_check;
	bool disable_gc;
	const cJSON *plugins; /* array of objects, each with a type; not empty */
};

void list_free(struct network_list *list);
#define cleanup_list __attribute__((cleanup(list_free)))

/**
 * list_find() - load a list.
 * @network: a name, or, when it has a '/', a path; NULL: the default network
 * @publish: whether ports are to be published
 * @list:    filled; list_free() it
 *
 * The default network is built in, for machines where no list of its name is installed; and, when
 * it was not asked for by name, for where that list cannot publish ports and @publish asks for it.
 * A file of one plugin (.conf, .json) becomes a list of one. A broken file in a directory is passed
 * over, and named where no other has the name; one that somebody else could have written is passed
 * over and told on standard error. A path is taken as it is.
 *
 * Return: 0, or -1 with @err filled.
 */
int list_find(const char *network, bool publish, struct network_list *list, struct cni_error *err);

/**
 * list_parse() - a list from text.
 * @source:    what it is called in messages
 * @directory: where files NAME/X.conf are looked for, unless loadOnlyInlinedPlugins; NULL: nowhere
 *
 * Return: 0, or -1 with @err filled.
 */
int list_parse(const char *text, size_t len, const char *source, const char *directory,
	       struct network_list *list, struct cni_error *err);

/* Whether a capability is declared, and true, in one of the plugins. */
bool list_has_capability(const struct network_list *list, const char *capability);

#endif
