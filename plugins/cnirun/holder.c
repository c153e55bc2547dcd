/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The holder.
 *
 * A network namespace must outlive the COMMAND that runs in it, because the plugins need it when
 * they are called to remove the network; and it must not outlive cnirun, however cnirun ends. So a
 * process of its own holds it, the holder. It waits for the end of a socket whose other end only we
 * have. When cnirun is killed, the kernel closes that end. Then the holder ends, and with it the
 * slirp4netns daemon, which watches the holder (its --exit-fd), and the namespace.
 *
 * The holder says what it has made, we map the ids of a new user namespace, the holder sets the
 * loopback up and says that it is ready, and then waits.
 */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "handover.h"
#include "idmap.h"

#define ANSWER_LIMIT_MS 10000

/* What the holder has done, or could not do. */
enum step {
	MADE_NETNS,
	MADE_USERNS, /* and the network namespace in it */
	NO_NETNS,
	NO_USERNS,
	READY,
	NO_LOOPBACK,
};

struct holder_report {
	enum step step;
	int errnum;
};

/* What we tell the holder; the end of the socket tells it to end. */
enum order {
	GO_ON,
	STAY, /* live on when the socket ends */
};

static void holder_say(int control, enum step step)
{
	const struct holder_report report = {step, errno};

	if (send(control, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		_exit(1);
}

static int set_loopback_up(void)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
}

static int hold(void *arg)
{
	int control = *(const int *)arg;
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	enum order order = GO_ON;

	/* Keys at the terminal must not reach it, and it must not keep the caller's files open. */
	setsid();
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (dup2(control, 3) == 3)
		control = 3;
	syscall(SYS_close_range, control + 1, ~0U, 0);
	(void)!chdir("/");
	prctl(PR_SET_NAME, "cnirun-holder");
	if (unshare(CLONE_NEWNET) == 0) {
		holder_say(control, MADE_NETNS);
	} else if (errno != EPERM) {
		holder_say(control, NO_NETNS);
		return 1;
	} else if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
		holder_say(control, MADE_USERNS);
	} else {
		holder_say(control, NO_USERNS);
		return 1;
	}
	if (recv(control, &order, sizeof(order), 0) != sizeof(order))
		return 0;
	/* Plugins in our user namespace open /proc/PID/ns, which ptrace(2) allows if dumpable. */
	prctl(PR_SET_DUMPABLE, 1);
	holder_say(control, set_loopback_up() == 0 ? READY : NO_LOOPBACK);
	while (recv(control, &order, sizeof(order), 0) == sizeof(order) && order != STAY)
		;
	while (order == STAY)
		pause();
	return 0;
}

static int holder_hear(const struct holder *holder, struct holder_report *report,
		       struct cni_error *err)
{
	struct pollfd event = {.fd = holder->control, .events = POLLIN};

	if (TEMP_FAILURE_RETRY(poll(&event, 1, ANSWER_LIMIT_MS)) <= 0 ||
	    recv(holder->control, report, sizeof(*report), 0) != sizeof(*report))
		return cni_error(err, CNI_ERR_IO,
				 "the process that holds the namespaces ended early");
	errno = report->errnum;
	return 0;
}

static int refuse_userns(struct cni_error *err)
{
	const char *hint = "root can run cnirun";

	if (errno == ENOSPC)
		hint = "its limit is reached, or 0: sysctl user.max_user_namespaces (and "
		       "max_net_namespaces); or run cnirun as root";
	else if (errno == EPERM)
		hint = "this system forbids it to ordinary users (sysctl "
		       "kernel.unprivileged_userns_clone), or a sandbox does; or run cnirun as "
		       "root";
	return cni_error_errno(err, CNI_ERR_IO, "cannot make a user namespace; %s", hint);
}

static int talk(struct holder *holder, bool verbose, struct cni_error *err)
{
	const enum order order = GO_ON;
	struct holder_report report = {0};

	if (holder_hear(holder, &report, err) < 0)
		return -1;
	if (report.step == NO_NETNS)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a network namespace");
	if (report.step == NO_USERNS)
		return refuse_userns(err);
	if (report.step == MADE_USERNS && idmap_write(holder->child.pid, verbose, err) < 0)
		return -1;
	if (send(holder->control, &order, sizeof(order), MSG_NOSIGNAL) < 0 ||
	    holder_hear(holder, &report, err) < 0)
		return cni_error(err, CNI_ERR_IO,
				 "the process that holds the namespaces ended early");
	if (report.step != READY)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot set the loopback of a new network namespace up");
	return 0;
}

int holder_start(struct holder *holder, bool verbose, struct cni_error *err)
{
	cleanup_close int theirs = -1;
	const struct child_spec spec = {.purpose = "hold the namespaces",
					.fn = hold,
					.arg = &theirs,
					.default_signals = true};

	*holder = HOLDER_NONE;
	if (handover_pair(&holder->control, &theirs, err) < 0)
		return -1;
	if (child_start(&spec, &holder->child, err) == 0) {
		close(take_fd(&theirs));
		if (talk(holder, verbose, err) == 0) {
			snprintf(holder->netns, sizeof(holder->netns), "/proc/%d/ns/net",
				 (int)holder->child.pid);
			return 0;
		}
	}
	holder_stop(holder);
	return -1;
}

void holder_leave(struct holder *holder)
{
	const enum order order = STAY;

	send(holder->control, &order, sizeof(order), MSG_NOSIGNAL);
	child_leave(&holder->child);
}

void holder_stop(struct holder *holder)
{
	cleanup_close_(&holder->control);
	holder->control = -1;
	child_end(&holder->child); /* there is nothing in it to save */
}
