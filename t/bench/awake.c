/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keeps wrk awake: preloaded into wrk, makes it poll for events without
 * waiting.
 *
 * If wrk is faster than the server, it sleeps between two responses.  Linux
 * charges the sender of a packet for waking the receiver: on a virtual machine
 * 4 to 9 us for each response, more than nginx itself uses.  A slow scenario
 * would include this time and a fast one would not, since wrk does not sleep
 * there.  With a core of its own, wrk can stay awake in all scenarios.
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
