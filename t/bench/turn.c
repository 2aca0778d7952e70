/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The longest turn of an event loop: preloaded into nginx, measures the time
 * between the end of one epoll_wait() and the start of the next.
 *
 * The file that GATEWAY_TURN names, of 24 bytes, holds the longest turn by the
 * clock and by CPU time, in nanoseconds, and the number of turns.  It is mapped
 * before nginx clears the environment, and is shared with the worker.  A reader
 * can write zeros to it to start again.  The time by the clock includes that of
 * other programs which run on the same core.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


typedef struct {
    volatile uint64_t   wall;
    volatile uint64_t   cpu;
    volatile uint64_t   n;
} turn_t;


static turn_t  *turn;


__attribute__((constructor))
static void
turn_map(void)
{
    int          fd;
    void        *map;
    const char  *path;

    path = getenv("GATEWAY_TURN");
    if (path == NULL) {
        return;
    }

    fd = open(path, O_RDWR|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    map = mmap(NULL, sizeof(turn_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
        turn = map;
    }

    (void) close(fd);
}


static uint64_t
turn_now(clockid_t clock)
{
    struct timespec  ts;

    (void) clock_gettime(clock, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
turn_end(uint64_t wall, uint64_t cpu)
{
    wall = turn_now(CLOCK_MONOTONIC) - wall;
    cpu = turn_now(CLOCK_THREAD_CPUTIME_ID) - cpu;

    if (wall > turn->wall) {
        turn->wall = wall;
    }

    if (cpu > turn->cpu) {
        turn->cpu = cpu;
    }

    turn->n++;
}


int
epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
    int              n;
    static uint64_t  wall, cpu;

    if (turn && wall) {
        turn_end(wall, cpu);
    }

    n = (int) syscall(SYS_epoll_pwait, epfd, events, maxevents, timeout, NULL,
                      sizeof(long));

    if (turn) {
        wall = turn_now(CLOCK_MONOTONIC);
        cpu = turn_now(CLOCK_THREAD_CPUTIME_ID);
    }

    return n;
}
