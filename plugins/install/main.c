/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usernet-cni-install: what the image's container does on a node of Kubernetes.
 *
 * It brings the node into a state, and keeps it there: `present`, the plugins of the image in
 * /opt/cni/bin and then its lists in /etc/cni/net.d; or `absent`. Installing, upgrading, mending
 * and removing are one function, settle(), with different lists of what is wanted.
 *
 * There are two designs of the removal:
 *
 * - On SIGTERM, or by a preStop hook. Users have nothing to learn; but a rolling update ends the
 * old pod in the same way as the removal of the DaemonSet, so each upgrade would remove the
 * network's list, the node would become NotReady, and pods that end meanwhile would find no plugin
 * for their DEL. To distinguish the two takes the API server, and so a token and rights.
 * - A state that the pod template asks for: USERNET_CNI=absent, rolled out like an upgrade, then
 *   the DaemonSet is deleted. Costs one command before `kubectl delete`; without it files are left
 *   behind (which go on to work: plugins do not need the DaemonSet).
 *
 * The second is used. SIGTERM ends the program and leaves everything as it is. There is one pod of
 * a DaemonSet on a node at a time, so the one that installs and the one that removes do not meet;
 * if they do, by another DaemonSet, a lock makes them work one after the other.
 *
 * Then it sleeps. inotify wakes it when the directories change (a distribution's package that
 * cleans up, a ConfigMap with another list), and a signal ends it: there is no polling. If it
 * cannot restore the state, it ends and says why, and kubelet starts it again, in ever longer
 * intervals, until it can.
 *
 *   options.c          what is asked for
 *   keep.c             doing it, and again whenever something changes
 *     └── settle.c     once
 *           ├── place.c    a directory of the node, whole files only
 *           └── node.c     what the node must have, and must no longer have
 */
#include "keep.h"
#include "options.h"

int main(int argc, char **argv)
{
	struct install_options options;
	const int status = install_options_parse(&options, argc, argv);

	if (status >= 0)
		return status;
	return options.check ? install_check(&options) : install_keep(&options);
}
