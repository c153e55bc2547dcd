/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is made of the process that we were started as, before anything else. */
#ifndef CNIRUN_PREPARE_H
#define CNIRUN_PREPARE_H

/* Open what is closed of 0, 1 and 2: a descriptor that we open must not become one of them. */
void prepare_descriptors(void);

/*
 * Where XDG_RUNTIME_DIR is not set (su, cron), a user's own /run/user/UID serves. It is looked for
 * here, and told to whom we call: a plugin that is started as root of the user's namespace no
 * longer knows UID.
 */
void prepare_runtime_dir(void);

#endif
