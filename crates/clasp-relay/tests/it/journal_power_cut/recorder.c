/* Notes in order what a process does to the files of one folder: T-DUR-03 builds from it what a power cut may leave.

   Loaded with LD_PRELOAD. RECORDED_FOLDER is the folder, its real path; RECORD is the file to write, outside of it.
   Everything is done as asked for, except that a sync only takes a while: it is the test that forgets what was not
   synced. What SQLite shares between processes (-shm) is left out, since it makes that anew.

   One lock is held while something is done and noted, so that the order in the record is the order of the deeds. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As record.rs reads them. */
enum { CREATED = 1, WRITTEN, CUT_TO, SYNC_BEGUN, SYNC_RETURNED, RENAMED, REMOVED };

struct entry {
    uint32_t kind;
    uint32_t payload_bytes;
    uint64_t inode;
    /* An offset, a length, or which sync it is. */
    uint64_t number;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static int record = -1;
static uint64_t syncs;

/* About that of a disk, so that a kill may come in the middle of it. */
static const long SYNC_NANOS = 500000;

__attribute__((constructor)) static void begin(void) {
    const char *watched = getenv("RECORDED_FOLDER"), *path = getenv("RECORD");
    if (!watched || !path || strlen(watched) >= sizeof folder)
        return;
    strcpy(folder, watched);
    record = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (record < 0)
        abort();
}

static void note(uint32_t kind, uint64_t inode, uint64_t number, const void *payload, size_t bytes) {
    struct entry entry = {kind, bytes, inode, number};
    struct iovec parts[] = {{&entry, sizeof entry}, {(void *)payload, bytes}};
    int error = errno;
    /* A record with a hole would say what never was. */
    if (syscall(SYS_writev, record, parts, 2) != (long)(sizeof entry + bytes))
        abort();
    errno = error;
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* The folder, or a file in it. */
static int is_watched(const char *path) {
    size_t length = strlen(folder);
    return record >= 0 && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0) &&
           !ends_with(path, "-shm") && !ends_with(path, "-shm (deleted)");
}

/* Its number, or 0 if it is of no interest; its path as well. */
static uint64_t inode_of(int fd, char path[PATH_MAX]) {
    struct stat found;
    char link[64];
    if (record < 0 || fstat(fd, &found) != 0 || !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return is_watched(path) ? found.st_ino : 0;
}

static uint64_t watched(int fd) {
    char path[PATH_MAX];
    int error = errno;
    uint64_t inode = inode_of(fd, path);
    errno = error;
    return inode;
}

static int noted_open(int at, const char *name, int flags, mode_t mode) {
    if (record < 0 || !(flags & (O_CREAT | O_TRUNC)))
        return syscall(SYS_openat, at, name, flags, mode);
    char path[PATH_MAX];
    struct stat before;
    pthread_mutex_lock(&turn);
    int was_there = fstatat(at, name, &before, 0) == 0;
    int fd = syscall(SYS_openat, at, name, flags, mode);
    int error = errno;
    uint64_t inode = fd < 0 ? 0 : inode_of(fd, path);
    if (inode && !was_there)
        note(CREATED, inode, 0, path, strlen(path));
    else if (inode && flags & O_TRUNC)
        note(CUT_TO, inode, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = error;
    return fd;
}

#define MODE_OF(flags, mode)                                                                                          \
    mode_t mode = 0;                                                                                                  \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                              \
        va_list more;                                                                                                 \
        va_start(more, flags);                                                                                        \
        mode = va_arg(more, mode_t);                                                                                  \
        va_end(more);                                                                                                 \
    }

int open(const char *name, int flags, ...) {
    MODE_OF(flags, mode)
    return noted_open(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
    MODE_OF(flags, mode)
    return noted_open(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

int openat(int at, const char *name, int flags, ...) {
    MODE_OF(flags, mode)
    return noted_open(at, name, flags, mode);
}

int openat64(int at, const char *name, int flags, ...) {
    MODE_OF(flags, mode)
    return noted_open(at, name, flags | O_LARGEFILE, mode);
}

int creat(const char *name, mode_t mode) { return noted_open(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int creat64(const char *name, mode_t mode) { return creat(name, mode); }

/* Parts that are written as one; `offset` is -1 for where the file stands. */
static ssize_t noted_write(int fd, const struct iovec *parts, int count, off_t offset) {
    uint64_t inode = watched(fd);
    if (inode)
        pthread_mutex_lock(&turn);
    long written = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                              : syscall(SYS_pwritev, fd, parts, count, (long)offset, 0L);
    if (!inode)
        return written;
    int error = errno;
    uint64_t at = offset < 0 && written > 0 ? lseek(fd, 0, SEEK_CUR) - written : offset;
    long left = written;
    for (int part = 0; part < count && left > 0; part++) {
        long bytes = left < (long)parts[part].iov_len ? left : (long)parts[part].iov_len;
        note(WRITTEN, inode, at, parts[part].iov_base, bytes);
        at += bytes;
        left -= bytes;
    }
    pthread_mutex_unlock(&turn);
    errno = error;
    return written;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    struct iovec part = {(void *)bytes, count};
    return noted_write(fd, &part, 1, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    struct iovec part = {(void *)bytes, count};
    return noted_write(fd, &part, 1, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) { return noted_write(fd, parts, count, -1); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return noted_write(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return noted_write(fd, parts, count, offset);
}

int ftruncate(int fd, off_t length) {
    uint64_t inode = watched(fd);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_ftruncate, fd, length);
    if (inode && result == 0)
        note(CUT_TO, inode, length, NULL, 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

/* It vouches for what was noted before it began, and only once it has returned. */
static int noted_sync(int fd, long call) {
    uint64_t inode = watched(fd);
    if (!inode)
        return syscall(call, fd);
    struct timespec time = {0, SYNC_NANOS};
    pthread_mutex_lock(&turn);
    uint64_t which = ++syncs;
    note(SYNC_BEGUN, inode, which, NULL, 0);
    pthread_mutex_unlock(&turn);
    nanosleep(&time, NULL);
    pthread_mutex_lock(&turn);
    note(SYNC_RETURNED, inode, which, NULL, 0);
    pthread_mutex_unlock(&turn);
    return 0;
}

int fsync(int fd) { return noted_sync(fd, SYS_fsync); }

int fdatasync(int fd) { return noted_sync(fd, SYS_fdatasync); }

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    /* Both names with a 0 between them. */
    char names[2 * PATH_MAX];
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (result == 0 && is_watched(to)) {
        int length = snprintf(names, sizeof names, "%s%c%s", from, 0, to);
        note(RENAMED, 0, 0, names, length);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    return renameat2(from_at, from, to_at, to, 0);
}

int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *name, int flags) {
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_unlinkat, at, name, flags);
    if (result == 0 && is_watched(name))
        note(REMOVED, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&turn);
    return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
