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
/* It is not "slirp4netns": for Podman, --network slirp4netns is a mode of its own, never a list. */
#define DEFAULT_NETWORK "slirp"
/* Also a name of the default network, unless a list has that name. */
#define PROGRAM_NETWORK "slirp4netns"

struct network_list {
	cJSON *conf;              /* the whole list, plugins of a directory included */
	char source[PATH_MAX];    /* where it was read, for messages */
	const char *name;         /* points into conf, as does plugins */
	enum cni_version version; /* the highest that both the list and we have */
	bool disable_check;
	bool disable_gc;
	const cJSON *plugins; /* array of objects, each with a type; not empty */
};

void list_free(struct network_list *list);
#define cleanup_list __attribute__((cleanup(list_free)))

/**
 * list_find() - load a list.
 * @network: a name, or, if it has a '/', a path; NULL for the default network
 * @publish: whether ports will be published
 * @list:    filled; the caller calls list_free()
 *
 * The default network is built in, for machines where no list of its name is installed. The
 * built-in list also takes the place of an installed one that cannot publish ports, if @publish is
 * true and
 * @network is NULL. A file of one plugin (.conf, .json) becomes a list of one. A broken file in a
 * directory is passed over, and the error names it if no other file has the network; a file that
 * somebody else could have written is passed over with a line on standard error. A path is taken as
 * it is.
 *
 * Return: 0, or -1 with @err filled.
 */
int list_find(const char *network, bool publish, struct network_list *list, struct cni_error *err);

/**
 * list_parse() - a list from text.
 * @source:    what messages call it
 * @directory: where files NAME/X.conf are looked for, unless loadOnlyInlinedPlugins is true; NULL
 * if they are not
 * @list:      filled; the caller calls list_free()
 *
 * Return: 0, or -1 with @err filled.
 */
int list_parse(const char *text, size_t len, const char *source, const char *directory,
	       struct network_list *list, struct cni_error *err);

/* Whether a capability is declared, and true, in one of the plugins. */
bool list_has_capability(const struct network_list *list, const char *capability);

#endif
