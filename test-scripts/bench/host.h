/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts to measure on: nothing of the machine's network, mounts, processes and /run is seen or
 * touched. ip and nft make what a host has before anything is timed.
 */
#ifndef USERNET_BENCH_HOST_H
#define USERNET_BENCH_HOST_H

#include <stddef.h>

/*
 * Go on in network, mount and process namespaces of our own, with an empty /run and /var/lib/cni.
 * The caller's process waits and exits as the one that goes on does; its end ends all others.
 */
void host_enter(void);

/* Run a program, given as words, with @input on its standard input; die when it fails. */
void host_feed(const char *input, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define host_run(...) host_feed(NULL, __VA_ARGS__)

/* Enter the network namespace /run/netns/@name, NULL: the one of host_enter(). */
void host_switch(const char *name);

/* Mounts of a host's own: an empty /run and /var/lib/cni. Return: for host_use_mounts(). */
int host_new_mounts(void);

/* Go on among the mounts @fd; -1: those of host_enter(). */
void host_use_mounts(int fd);

/* Make /run/netns/@name. */
void host_make(const char *name);

/* printf(3) into memory that is never freed. */
char *host_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
