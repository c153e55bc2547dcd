/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container in several networks. Podman hands the published ports to each of them, but a host
 * port can be published only once: the first attachment has it, and the others find it taken by
 * their own container. That is not an error; they leave the port to the first. It is withdrawn with
 * the attachment that has it (`podman network reload` gives it to one that is left).
 *
 * Two designs: to look for such attachments before publishing, which would make every ADD read the
 * names of all records, or to do so after a port was found taken, which costs that ADD alone. The
 * second is taken. A record alone is not believed: it may be left over from a container that was
 * killed, while some program has the port; so it is checked, as CHECK does.
 */
#include "siblings.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"

struct search {
	const struct call *call;
	struct config *config;
	const struct state *state; /* of the network that is looked at */
};

/* Take out of the configuration what @sibling has published by its @record. */
static void siblings_take_one(const struct call *sibling, const cJSON *record,
			      struct config *config, struct cni_error *err)
{
	const struct backend *backend = portmap_backend_of(record, err);
	cleanup_free struct mapping *recorded = NULL;
	size_t n = 0;

	if (backend != NULL &&
	    mappings_read_record(json_get(record, "mappings"), &recorded, &n, err) == 0 &&
	    backend->check(sibling, record, err) == 0)
		config->n_mappings =
			mappings_subtract(config->mappings, config->n_mappings, recorded, n);
}

static int siblings_visit(const struct attachment *a, void *arg, struct cni_error *err)
{
	struct search *s = arg;
	const struct call sibling = {
		.req = s->call->req,
		.attachment = *a,
		.config = s->config,
		.state = s->state,
		.lock = -1,
	};
	cleanup_json cJSON *record = NULL;

	if (strcmp(a->container_id, s->call->attachment.container_id) != 0 ||
	    attachment_compare(a, &s->call->attachment) == 0)
		return 0;
	if (state_read(s->state, a, &record, err) > 0)
		siblings_take_one(&sibling, record, s->config, err);
	return 0;
}

static int siblings_visit_network(const char *network, void *arg, struct cni_error *err)
{
	struct search *s = arg;
	cleanup_state struct state state = STATE_NONE;

	if (state_open(s->config->state_dir, PLUGIN_NAME, network, false, &state, err) < 0)
		return 0;
	s->state = &state;
	state_each(&state, siblings_visit, s, err);
	return 0;
}

size_t siblings_take(const struct call *call, struct config *config)
{
	struct search s = {.call = call, .config = config};
	const size_t asked = config->n_mappings;
	struct cni_error ignored;

	state_each_network(call->state, siblings_visit_network, &s, &ignored);
	return asked - config->n_mappings;
}
