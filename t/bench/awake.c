/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keeps wrk awake: preloaded into it, asks for events without waiting.
 *
 * A generator that is faster than the server sleeps between two responses,
 * and Linux lets the sender of a packet pay for waking the receiver: on a
 * virtual machine 4 to 9 us for each response, more than nginx itself takes.
 * A slow scenario would pay it and a fast one would not, since wrk never gets
 * to sleep there.  On a core of its own wrk may as well stay awake in all.
 */

#define _GNU_SOURCE

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>


int
epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
    (void) timeout;

    return (int) syscall(SYS_epoll_pwait, epfd, events, maxevents, 0, NULL,
                         sizeof(long));
}
