/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin.h"

#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"

/* STATUS says "not available" (50) and keeps the reason, whatever its own code. */
static int unavailable(struct cni_error *err)
{
	err->code = CNI_ERR_UNAVAILABLE;
	return -1;
}

int plugin_status(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	cleanup_close int tun = -1;
	struct config config;
	struct binary binary;

	if (config_read(req, &config, err) < 0)
		return -1;
	if (state_open(config.state_dir, PLUGIN_NAME, req->network, true, &state, err) < 0 ||
	    binary_find(config.daemon_path, &state, &binary, err) < 0)
		return unavailable(err);
	if (faccessat(state.fd, ".", W_OK, AT_EACCESS) < 0) {
		cni_error_errno(err, CNI_ERR_UNAVAILABLE, "cannot write to the state directory %s",
				state.root);
		return -1;
	}
	tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tun < 0)
		return cni_error_errno(
			err, CNI_ERR_UNAVAILABLE,
			"cannot open /dev/net/tun, which slirp4netns needs; load the "
			"module tun, or let this user read and write the device");
	return 0;
}
