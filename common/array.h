/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrays that grow. The caller has the pointer, the number of elements and the number that there is
 * room for as members of a struct of its own. The room is doubled, so that appending n elements
 * copies fewer than 2n.
 */
#ifndef USERNET_ARRAY_H
#define USERNET_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The function behind array_reserve(). @array is the address of the pointer, of whatever type. */
static inline bool array_reserve_(void *array, size_t *size, size_t n, size_t more, size_t element)
{
	size_t need, bytes, room = *size > 0 ? *size : 4;
	void *old, *grown;

	if (__builtin_add_overflow(n, more, &need))
		return false;
	if (need <= *size)
		return true;
	while (room < need)
		if (__builtin_mul_overflow(room, 2, &room))
			return false;
	/* The C library refuses what is larger than any object; a sanitizer ends the program. */
	if (__builtin_mul_overflow(room, element, &bytes) || bytes > PTRDIFF_MAX)
		return false;
	/* Copied and not cast: an object of one pointer type may not be written as another. */
	memcpy(&old, array, sizeof(old));
	grown = reallocarray(old, room, element);
	if (grown == NULL)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*size = room;
	return true;
}

/**
 * array_reserve() - make room for @more elements behind the first @n.
 * @array: the pointer to the first element; NULL when there is none yet
 * @size:  number of elements that there is room for, a size_t that begins as 0
 *
 * Elements may move. Return: true; or false when memory is short or the size does not fit a size_t,
 * and then nothing has changed.
 */
#define array_reserve(array, size, n, more) \
	array_reserve_(&(array), &(size), n, more, sizeof(*(array)))

#endif
