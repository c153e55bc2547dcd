/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DEL looks at the record. It does not look at the namespace, which may have gone, nor at the rest
 * of the configuration, which may have been broken since: what ADD left is found under names made
 * of network, container id and interface. The interface goes with the daemon that holds it open.
 * Only if there is no record is the interface looked at, since the record may be lost.
 */
#include "plugin.h"

#include <stdio.h>
#include <unistd.h>

#include "config.h"
#include "daemon.h"
#include "orphan.h"

/*
 * There is no record. A daemon that runs all the same is ended, or reported on standard error: DEL
 * succeeds in both cases.
 */
static int remove_orphan(const struct cni_request *req, const struct state *state,
			 const struct slirp_attachment *a, struct cni_error *err)
{
	cleanup_process struct process daemon = PROCESS_NONE;
	char may_be[80] = "";
	pid_t suspect = 0;

	switch (orphan_find(req->netns, a, &daemon, &suspect)) {
	case 0:
		return 0;
	case 1:
		break;
	default:
		if (suspect != 0)
			snprintf(may_be, sizeof(may_be),
				 ", though process %d claims to be; end it by hand if it is",
				 (int)suspect);
		fprintf(stderr,
			PLUGIN_NAME ": no record of %s@%s: its interface in %s stays, because no "
				    "process is proved to be its slirp4netns%s\n",
			a->key.container_id, a->key.ifname, req->netns, may_be);
		return 0;
	}
	if (process_stop(&daemon, STOP_GRACE_MS, err) < 0)
		return cni_error_wrap(err, "no record of %s@%s: cannot stop its slirp4netns",
				      a->key.container_id, a->key.ifname);
	fprintf(stderr,
		PLUGIN_NAME ": the record of %s@%s was lost: its slirp4netns (process %d) was "
			    "found by the interface, and has ended\n",
		a->key.container_id, a->key.ifname, (int)daemon.id.pid);
	return state_remove_file(state, "sock", a->socket_name, err) < 0 ||
			       state_remove_file(state, "log", a->log_name, err) < 0
		       ? -1
		       : 0;
}

int plugin_del(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct slirp_attachment attachment;
	const char *state_dir;
	bool had_ended;
	int present;

	if (config_read_state_dir(req, &state_dir, err) < 0 ||
	    state_open(state_dir, PLUGIN_NAME, req->attachment.network, false, &state, err) < 0)
		return -1;
	slirp_attachment_init(&attachment, &state, &req->attachment);
	present = slirp_attachment_remove(&state, &attachment, &had_ended, err);
	if (present < 0)
		return -1;
	if (present == 0 && req->netns != NULL)
		return remove_orphan(req, &state, &attachment, err);
	/*
	 * If the namespace has gone, the daemon ended with it, as it should. If the namespace is
	 * there, something ended the daemon: the host's log may say what.
	 */
	if (had_ended && req->netns != NULL && access(req->netns, F_OK) == 0)
		fprintf(stderr,
			PLUGIN_NAME ": the daemon of %s@%s had ended before DEL: the container was "
				    "without its network\n",
			req->attachment.container_id, req->attachment.ifname);
	return 0;
}
