/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"

#include <sys/signalfd.h>

static bool is_ignored(int sig)
{
	struct sigaction action;

	return sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int signals_take(struct signals *signals, struct cni_error *err)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	static const int others[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGPWR};
	sigset_t end_set, all;

	sigemptyset(&end_set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		/* A blocked signal is queued even if it is ignored, so that one is not blocked. */
		if (!is_ignored(ending[i]))
			sigaddset(&end_set, ending[i]);
	}
	all = end_set;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!is_ignored(others[i]))
			sigaddset(&all, others[i]);
	}
	sigaddset(&all, SIGCHLD);
	signals->sigpipe_ignored = is_ignored(SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	signals->sigchld_ignored = is_ignored(SIGCHLD);
	signal(SIGCHLD, SIG_DFL); /* if it is ignored, children have no status to wait for */
	sigprocmask(SIG_BLOCK, &all, &signals->before);
	signals->ending = signalfd(-1, &end_set, SFD_CLOEXEC | SFD_NONBLOCK);
	signals->forwarded = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->ending < 0 || signals->forwarded < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot take signals as descriptors");
	return 0;
}

void signals_restore(const struct signals *signals)
{
	if (!signals->sigpipe_ignored)
		signal(SIGPIPE, SIG_DFL);
	if (signals->sigchld_ignored)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
}
