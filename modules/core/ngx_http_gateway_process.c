/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shared memory: memory of a new zone, and names of processes, for what a
 * process leaves there when it is killed.
 *
 * A pid is no such name: it is given to another process in time, and then what
 * the killed one has left looks held for as long as that one lives.  With the
 * pid goes when its process began, which Linux tells in /proc/PID/stat.  Where
 * that is not to be had, the pid has to do.
 *
 * A name has 54 bits, so that a word can hold some more: the time has 32, the
 * pid 22, and Linux needs no more for one.
 */

#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_PROCESS_PID  22    /* bits */


static uint32_t ngx_http_gateway_process_began(ngx_pid_t pid);


uint64_t
ngx_http_gateway_process_self(void)
{
    static ngx_pid_t  pid;
    static uint64_t   self;

    /* a process that has forked is another one */

    if (pid != ngx_pid) {
        self = (uint64_t) ngx_http_gateway_process_began(ngx_pid)
                   << NGX_HTTP_GATEWAY_PROCESS_PID
               | (ngx_pid & ((1 << NGX_HTTP_GATEWAY_PROCESS_PID) - 1));
        pid = ngx_pid;
    }

    return self;
}


ngx_uint_t
ngx_http_gateway_process_gone(uint64_t process)
{
    uint32_t   began, now;
    ngx_pid_t  pid;

    pid = process & ((1 << NGX_HTTP_GATEWAY_PROCESS_PID) - 1);
    began = process >> NGX_HTTP_GATEWAY_PROCESS_PID;

    /* EPERM: it is there, of another user, as the master is to its workers */

    if (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 1;
    }

    if (began == 0) {
        return 0;
    }

    now = ngx_http_gateway_process_began(pid);

    return now != 0 && now != began;
}


/* the low bits of the time since boot, in the kernel's ticks; 0: unknown */

static uint32_t
ngx_http_gateway_process_began(ngx_pid_t pid)
{
    char        stat[1024], *p;
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_uint_t  i;

    /* of this much nothing is cut: a name has 64 bytes, the rest is numbers */

    ngx_sprintf((u_char *) stat, "/proc/%P/stat%Z", pid);

    fd = ngx_open_file(stat, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    n = ngx_read_fd(fd, stat, sizeof(stat) - 1);

    (void) ngx_close_file(fd);

    if (n <= 0) {
        return 0;
    }

    stat[n] = '\0';

    /* the name, field 2, may have blanks and parentheses; the time is 22 */

    p = strrchr(stat, ')');

    for (i = 2; p && i < 22; i++) {
        p = strchr(p + 1, ' ');
    }

    return p ? (uint32_t) strtoull(p + 1, NULL, 10) : 0;
}


/*
 * An allocator that fills what it allocates (NGX_DEBUG_MALLOC) is known by the
 * first byte: nginx may be built with it where this module is not.
 */

void *
ngx_http_gateway_zone_alloc(ngx_slab_pool_t *shpool, size_t size)
{
    u_char  *p;

    p = ngx_slab_alloc(shpool, size);

    if (p && *p != 0) {
        ngx_memzero(p, size);
    }

    return p;
}
