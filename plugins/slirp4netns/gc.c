/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin.h"

#include "config.h"
#include "daemon.h"

struct sweep {
	const struct cni_request *req;
	const struct state *state;
	unsigned int failures;
	struct cni_error first;
};

/* An attachment that cannot be removed must not keep the others from being removed. */
static int gc_sweep_one(const struct attachment *a, void *arg, struct cni_error *err)
{
	struct sweep *sweep = arg;
	struct slirp_attachment attachment;
	bool had_ended;

	if (cni_is_valid(sweep->req, a))
		return 0;
	slirp_attachment_init(&attachment, sweep->state, a);
	if (slirp_attachment_remove(sweep->state, &attachment, &had_ended, err) < 0 &&
	    sweep->failures++ == 0)
		sweep->first = *err;
	return 0;
}

int plugin_gc(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct sweep sweep = {.req = req, .state = &state};
	const char *state_dir;

	if (config_read_state_dir(req, &state_dir, err) < 0 ||
	    state_open(state_dir, PLUGIN_NAME, req->attachment.network, false, &state, err) < 0 ||
	    state_each(&state, gc_sweep_one, &sweep, err) < 0)
		return -1;
	if (sweep.failures == 0)
		return 0;
	*err = sweep.first;
	return cni_error_wrap(err, "%u attachments could not be removed; the first",
			      sweep.failures);
}
