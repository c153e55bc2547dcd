/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands. Each is given its own argv, its name first, and returns the exit status. */
#ifndef CNIRUN_COMMANDS_H
#define CNIRUN_COMMANDS_H

#define EXIT_FAILED 1
#define EXIT_USAGE 2

int run_main(int argc, char **argv);
int add_main(int argc, char **argv);
int del_main(int argc, char **argv);
int check_main(int argc, char **argv);
int gc_main(int argc, char **argv);
int status_main(int argc, char **argv);

#endif
