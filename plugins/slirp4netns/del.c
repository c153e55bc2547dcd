/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DEL looks at the record alone, not at the namespace, which may have gone, nor at the rest of the
 * configuration, which may have been broken since: what ADD left is found under names made of
 * network, container id and interface. The interface goes with the daemon that holds it open.
 */
#include "plugin.h"

#include <stdio.h>
#include <unistd.h>

int plugin_del(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct attachment attachment;
	const char *state_dir;
	bool had_ended;

	if (config_read_state_dir(req, &state_dir, err) < 0 ||
	    state_open(state_dir, PLUGIN_NAME, req->network, false, &state, err) < 0)
		return -1;
	attachment_init(&attachment, &state, req->network, req->container_id, req->ifname);
	if (attachment_remove(&state, &attachment, &had_ended, err) < 0)
		return -1;
	/* With the namespace it ends as it should; before it, something ended it: see the log of
	 * the host. */
	if (had_ended && req->netns != NULL && access(req->netns, F_OK) == 0)
		fprintf(stderr,
			PLUGIN_NAME ": the daemon of %s@%s had ended before DEL: the container was "
				    "without its network\n",
			req->container_id, req->ifname);
	return 0;
}
