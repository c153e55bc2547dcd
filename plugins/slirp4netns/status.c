/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "binary.h"
#include "cleanup.h"
#include "config.h"
#include "daemon.h"
#include "hostdns.h"

/* The error of STATUS has the code "not available" (50) and keeps the message of the cause. */
static int unavailable(struct cni_error *err)
{
	err->code = CNI_ERR_UNAVAILABLE;
	return -1;
}

static int check_writable(int dirfd, const struct state *state, struct cni_error *err)
{
	if (faccessat(dirfd, ".", W_OK, AT_EACCESS) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot write to the state directory %s",
				       state->root);
	return 0;
}

/* ADD makes the record, the log and the socket in these directories. */
static int check_state(const struct state *state, struct cni_error *err)
{
	static const char *const subdirs[] = {"log", "sock"};

	if (check_writable(state->fd, state, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(subdirs) / sizeof(subdirs[0]); i++) {
		cleanup_close int dir = state_subdir(state, subdirs[i], err);

		if (dir < 0 || check_writable(dir, state, err) < 0)
			return -1;
	}
	return 0;
}

/* Opened as the daemon will open it, and asked: an ordinary file of that name would open, too. */
static int check_tun(struct cni_error *err)
{
	cleanup_close int tun = open_as_daemon("/dev/net/tun", O_RDWR);
	unsigned int features = 0;

	if (tun < 0)
		return cni_error_errno(
			err, CNI_ERR_IO,
			"cannot open /dev/net/tun, which slirp4netns needs; load the "
			"module tun, or let this user read and write the device");
	if (ioctl(tun, TUNGETFEATURES, &features) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "/dev/net/tun is not the device that slirp4netns needs "
				       "(character device 10, 200)");
	return 0;
}

int plugin_status(const struct cni_request *req, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct config config;
	struct binary binary;

	if (slirp_config_read(req, &config, err) < 0)
		return -1;
	if (state_open(config.state_dir, PLUGIN_NAME, req->attachment.network, true, &state, err) <
		    0 ||
	    binary_find(config.daemon_path, &state, &binary, err) < 0 ||
	    daemon_can_start(&state, &config, &binary, err) < 0 || check_state(&state, err) < 0 ||
	    check_tun(err) < 0)
		return unavailable(err);
	return 0;
}
