/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shared memory: allocation in a new zone, and identifiers of processes, which
 * show what a killed process has left behind.
 *
 * A pid alone is not sufficient: the system reuses it, and what a killed
 * process has left would seem to be in use by the new process.  The identifier
 * therefore also contains the start time of the process, which Linux provides
 * in /proc/PID/stat.  If it is not available, the pid alone is used.
 *
 * An identifier has 54 bits, which leaves room for other data in a word: 32 for
 * the time and 22 for the pid, the maximum of Linux.
 */

#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_PROCESS_PID  22    /* bits */


static uint32_t ngx_http_gateway_process_began(ngx_pid_t pid);


uint64_t
ngx_http_gateway_process_self(void)
{
    static ngx_pid_t  pid;
    static uint64_t   self;

    /* a forked process has another identifier */

    if (pid != ngx_pid) {
        self = (uint64_t) ngx_http_gateway_process_began(ngx_pid)
                   << NGX_HTTP_GATEWAY_PROCESS_PID
               | (ngx_pid & ((1 << NGX_HTTP_GATEWAY_PROCESS_PID) - 1));
        pid = ngx_pid;
    }

    return self;
}


ngx_pid_t
ngx_http_gateway_process_pid(uint64_t process)
{
    return process & ((1 << NGX_HTTP_GATEWAY_PROCESS_PID) - 1);
}


ngx_uint_t
ngx_http_gateway_process_gone(uint64_t process)
{
    uint32_t   began, now;
    ngx_pid_t  pid;

    pid = ngx_http_gateway_process_pid(process);
    began = process >> NGX_HTTP_GATEWAY_PROCESS_PID;

    /* EPERM: a process of another user, as the master is for its workers */

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

    /* large enough for a file with a name of 64 bytes and some 50 numbers */

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

    /* field 2, the name, can contain blanks and ")"; field 22 is the time */

    p = strrchr(stat, ')');

    for (i = 2; p && i < 22; i++) {
        p = strchr(p + 1, ' ');
    }

    return p ? (uint32_t) strtoull(p + 1, NULL, 10) : 0;
}


/*
 * Fresh shared memory is zeroed, unless the allocator fills it: nginx can be
 * built with NGX_DEBUG_MALLOC where this module is not.  The first byte shows
 * it.
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
