/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done before anything else, whatever state the caller started us in. */
#ifndef CNIRUN_PREPARE_H
#define CNIRUN_PREPARE_H

/* Open those of 0, 1 and 2 that are closed: a descriptor that we open must not become one. */
void prepare_descriptors(void);

/*
 * If XDG_RUNTIME_DIR is not set (su, cron), set it to the user's own /run/user/UID, if there is
 * one: a plugin that is started as root of the user's namespace no longer knows UID.
 */
void prepare_runtime_dir(void);

#endif
