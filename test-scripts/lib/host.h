/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts in C, as host.bash makes them in bash: the benchmark, the campaigns of faults and of load
 * and the unit tests do what they do in namespaces of their own, so that nothing of the machine's
 * network, mounts, processes and /run is seen or touched, and whatever is left ends with the
 * program.
 *
 * ip and nft make what a host has before anything is measured or broken. What cannot be made ends
 * the program by die(): there is nothing to try then.
 */
#ifndef USERNET_TEST_HOST_H
#define USERNET_TEST_HOST_H

/* "PROGRAM: message" on standard error, and exit(1). */
void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);

/* @result is that of a call that sets errno: when it is negative, die with @what. */
void host_must(int result, const char *what);

/**
 * host_unshare() - namespaces of this process's own, and mounts that nobody else sees.
 * @spaces: flags of unshare(2) beside CLONE_NEWNS
 *
 * Return: 0, or -1 with errno, without root for example.
 */
int host_unshare(int spaces);

/**
 * host_enter() - go on as process 1 of a host: mounts and processes of its own.
 * @spaces: further flags of unshare(2), such as CLONE_NEWNET
 *
 * The caller's process waits, and exits as the one that goes on does, whose end ends all others.
 */
void host_enter(int spaces);

/* An empty file system at @where, which is made if it is not there. @mode: "mode=755" */
void host_tmpfs(const char *where, const char *mode);

/* What plugins keep, emptied: /run, with /run/netns in it, and /var/lib/cni. */
void host_empty(void);

/* Make a file, or overwrite it. */
void host_write(const char *path, const char *text);

/* Run a program, given as words, with @input on its standard input; die when it fails. */
void host_feed(const char *input, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define host_run(...) host_feed(NULL, __VA_ARGS__)

/* printf(3) into memory that is never freed. */
char *host_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A network of the host's own, with lo, in place of the one that it has had. */
void host_new_network(void);

/* Make the network namespace /run/netns/@name; the process stays where it is. */
void host_make(const char *name);

/* Enter the network namespace /run/netns/@name, NULL: the host's own. */
void host_switch(const char *name);

#endif
