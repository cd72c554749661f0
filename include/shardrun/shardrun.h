#ifndef SHARDRUN_SHARDRUN_H
#define SHARDRUN_SHARDRUN_H

/*
 * libshardrun for C99 and whatever calls C: the whole protocol of shardrun-protocol(7).
 *
 * Every call that can fail returns 0 or a negative errno value; shardrun_last_error() then has the
 * sentence. One client is one connection and not for several threads at once. No call raises
 * SIGPIPE. Strings are borrowed for the length of a call; what a call returns belongs to the caller
 * unless said otherwise.
 */

#include <stddef.h>
#include <stdint.h>

#include "shardrun/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(readability-identifier-naming): as C spells its names. */

typedef struct shardrun_client shardrun_client; /* one connection */
typedef struct shardrun_frame shardrun_frame;   /* one message from the supervisor, with its fds */

#define SHARDRUN_SOCKET "/run/shardrun/shardrun.sock"
#define SHARDRUN_FOREVER (-1)     /* a timeout_ms */
#define SHARDRUN_UNSET UINT64_MAX /* a number that is not said */
#define SHARDRUN_NOT_SAID (-1)    /* the same for an int */

/* ---- What is asked for. Initialise each struct with its _init, then set what you mean. ---- */

typedef struct shardrun_io_limit {
    uint32_t major;
    uint32_t minor;
    uint64_t read_bytes_per_second; /* each may be SHARDRUN_UNSET */
    uint64_t write_bytes_per_second;
    uint64_t read_ops_per_second;
    uint64_t write_ops_per_second;
} shardrun_io_limit;

typedef struct shardrun_limits {
    size_t struct_size;          /* set by _init: older programs go on working */
    uint64_t cpu_max_millicores; /* 1000: one core */
    uint64_t cpu_weight;
    const char* cpuset_cpus; /* "0-3,7" or NULL */
    uint64_t memory_high_bytes;
    uint64_t memory_max_bytes;
    uint64_t memory_swap_max_bytes;
    uint64_t pids_max;
    const shardrun_io_limit* io_max;
    size_t io_max_count;
    uint64_t io_weight;
    uint64_t tmpfs_size_max_bytes;
    uint64_t files_max;
} shardrun_limits;

enum shardrun_network {
    SHARDRUN_NETWORK_NONE = 0,
    SHARDRUN_NETWORK_ISOLATED = 1,
    SHARDRUN_NETWORK_NAT = 2,
    SHARDRUN_NETWORK_HOST = 3
};

typedef struct shardrun_options {
    size_t struct_size;
    const shardrun_limits* limits;   /* or NULL */
    int network;                     /* enum shardrun_network or SHARDRUN_NOT_SAID */
    const char* seccomp_profile;     /* or NULL */
    const char* hostname;            /* or NULL */
    int user_namespace;              /* 0, 1 or SHARDRUN_NOT_SAID */
    const char* const* capabilities; /* ends with NULL; or NULL */
    const char* image;               /* or NULL */
} shardrun_options;

typedef struct shardrun_program {
    size_t struct_size;
    const char* const* argv; /* ends with NULL; at least one */
    const char* const* env;  /* ends with NULL; NULL: empty */
    const char* cwd;         /* or NULL: "/" */
    int stdio[3];            /* borrowed; all three, or all -1 */
    int has_terminal;        /* 1: on a pseudo-terminal of this size, without stdio */
    uint16_t rows;
    uint16_t columns;
    int wants_pidfd;
} shardrun_program;

typedef struct shardrun_exit {
    uint8_t status;        /* exit status */
    uint8_t signal_number; /* killed by this signal */
    int out_of_memory;     /* the shard's memory limit did it */
    uint64_t user_cpu_us;
    uint64_t system_cpu_us;
    uint64_t memory_peak_bytes;
} shardrun_exit;

SHARDRUN_EXPORT void shardrun_limits_init_sized(shardrun_limits* limits, size_t struct_size);
SHARDRUN_EXPORT void shardrun_options_init_sized(shardrun_options* options, size_t struct_size);
SHARDRUN_EXPORT void shardrun_program_init_sized(shardrun_program* program, size_t struct_size);
#define shardrun_limits_init(limits) shardrun_limits_init_sized((limits), sizeof *(limits))
#define shardrun_options_init(options) shardrun_options_init_sized((options), sizeof *(options))
#define shardrun_program_init(program) shardrun_program_init_sized((program), sizeof *(program))

/* ---- The connection. ---- */

/* path NULL: SHARDRUN_SOCKET. */
SHARDRUN_EXPORT int shardrun_connect(const char* path, shardrun_client** client);
/* Owns `fd`, a connected stream socket, also when it fails. */
SHARDRUN_EXPORT int shardrun_adopt(int fd, shardrun_client** client);
SHARDRUN_EXPORT void shardrun_close(shardrun_client* client);

/* The sentence of the last call that failed, until the next one; NULL client: of this thread's last
 * shardrun_connect or shardrun_adopt. Never NULL. */
SHARDRUN_EXPORT const char* shardrun_last_error(const shardrun_client* client);

/* 0: calls below only send their message and return at once, without reply; the frames are fetched
 * by shardrun_try_receive. 1, the default: they wait. */
SHARDRUN_EXPORT void shardrun_set_blocking(shardrun_client* client, int is_blocking);
/* Of the last message that was sent: what its reply and its events carry. */
SHARDRUN_EXPORT uint64_t shardrun_last_correlation(const shardrun_client* client);

SHARDRUN_EXPORT int shardrun_fd(
    const shardrun_client* client); /* to be polled; stays the client's */
SHARDRUN_EXPORT int shardrun_is_open(const shardrun_client* client);
SHARDRUN_EXPORT int shardrun_wants_write(const shardrun_client* client);
SHARDRUN_EXPORT int shardrun_flush(shardrun_client* client);

/* 0 with *frame NULL: no whole frame is there. */
SHARDRUN_EXPORT int shardrun_try_receive(shardrun_client* client, shardrun_frame** frame);
/* The next frame, whatever it is. */
SHARDRUN_EXPORT int shardrun_receive(shardrun_client* client, int timeout_ms,
                                     shardrun_frame** frame);
/* The next event: of the request with this correlation id, or any with 0. */
SHARDRUN_EXPORT int shardrun_next_event(shardrun_client* client, uint64_t correlation,
                                        int timeout_ms, shardrun_frame** frame);

/* ---- Requests. `reply` may be NULL; else it is set to the reply, or NULL when not blocking. ----
 */

SHARDRUN_EXPORT int shardrun_open_session(shardrun_client* client, const char* profile,
                                          int timeout_ms);
SHARDRUN_EXPORT int shardrun_new_shard(shardrun_client* client, const shardrun_options* options,
                                       int timeout_ms, shardrun_frame** reply);
/* shard 0: a new one of `options` (or NULL), which ends with the program. Waits until it runs. */
SHARDRUN_EXPORT int shardrun_run(shardrun_client* client, uint64_t shard,
                                 const shardrun_options* options, const shardrun_program* program,
                                 int timeout_ms, shardrun_frame** started);
/* The same, and waits for its end. Needs a blocking client: -EINVAL. */
SHARDRUN_EXPORT int shardrun_run_program(shardrun_client* client, uint64_t shard,
                                         const shardrun_options* options,
                                         const shardrun_program* program, int timeout_ms,
                                         shardrun_exit* how);
/* program 0: all of the shard. */
SHARDRUN_EXPORT int shardrun_signal(shardrun_client* client, uint64_t shard, uint64_t program,
                                    int signal_number, int timeout_ms);
/* shard 0: all of this client. */
SHARDRUN_EXPORT int shardrun_release(shardrun_client* client, uint64_t shard, int timeout_ms);
SHARDRUN_EXPORT int shardrun_resize(shardrun_client* client, uint64_t shard,
                                    const shardrun_limits* limits, int timeout_ms,
                                    shardrun_frame** reply);
/* The client's own figures: load 0..10000 or SHARDRUN_UNSET, queue or SHARDRUN_UNSET. */
SHARDRUN_EXPORT int shardrun_status(shardrun_client* client, uint64_t shard, uint64_t reported_load,
                                    uint64_t reported_queue, int timeout_ms,
                                    shardrun_frame** reply);
/* shard 0: all that this client may see. One frame per shard; free the list with
 * shardrun_frames_free. */
SHARDRUN_EXPORT int shardrun_list(shardrun_client* client, uint64_t shard, int timeout_ms,
                                  shardrun_frame*** frames, size_t* count);
SHARDRUN_EXPORT int shardrun_subscribe(shardrun_client* client, int lifecycle, int prefetch,
                                       int timeout_ms);
enum shardrun_blob_kind { SHARDRUN_DATA = 1, SHARDRUN_CODE = 2, SHARDRUN_CONFIGURATION = 3 };
SHARDRUN_EXPORT int shardrun_access(shardrun_client* client, uint64_t shard,
                                    enum shardrun_blob_kind kind, const char* name, int timeout_ms,
                                    shardrun_frame** reply);
SHARDRUN_EXPORT int shardrun_blob(shardrun_client* client, const char* name, int timeout_ms,
                                  shardrun_frame** reply);
/* Never waits. probability 0..10000 and deadline_ms may be SHARDRUN_UNSET. */
SHARDRUN_EXPORT int shardrun_hint(shardrun_client* client, uint64_t shard,
                                  enum shardrun_blob_kind kind, const char* name,
                                  uint64_t probability, uint64_t deadline_ms);

/* ---- What came. All of it belongs to the frame. ---- */

SHARDRUN_EXPORT void shardrun_frame_free(shardrun_frame* frame);
SHARDRUN_EXPORT void shardrun_frames_free(shardrun_frame** frames, size_t count);

enum shardrun_message {
    SHARDRUN_RESOURCE_REQUEST = 1,
    SHARDRUN_SHARD_ASSIGNMENT = 2,
    SHARDRUN_RESOURCE_ACCESS = 3,
    SHARDRUN_SHARD_STATUS = 4,
    SHARDRUN_PREFETCH_REQUEST = 5,
    SHARDRUN_PREFETCH_RESPONSE = 6
};
enum shardrun_flag {
    SHARDRUN_REPLY = 1,
    SHARDRUN_ERROR = 2,
    SHARDRUN_MORE = 4,
    SHARDRUN_EVENT = 8
};
SHARDRUN_EXPORT int shardrun_frame_type(const shardrun_frame* frame); /* enum shardrun_message */
SHARDRUN_EXPORT int shardrun_frame_flags(const shardrun_frame* frame);
SHARDRUN_EXPORT uint64_t shardrun_frame_correlation(const shardrun_frame* frame);
/* The negative errno value of an error frame, 0 of any other; its sentence is SHARDRUN_SENTENCE. */
SHARDRUN_EXPORT int shardrun_frame_error(const shardrun_frame* frame);

enum shardrun_kind { /* SHARDRUN_KIND of a ShardAssignment */
                     SHARDRUN_SESSION = 1,
                     SHARDRUN_ASSIGNED = 2,
                     SHARDRUN_STARTED = 3,
                     SHARDRUN_EXITED = 4,
                     SHARDRUN_STOPPED = 5,
                     SHARDRUN_RESIZED = 6,
                     SHARDRUN_SPLIT = 7,
                     SHARDRUN_MERGED = 8,
                     SHARDRUN_DRAINING = 9,
                     SHARDRUN_RECLAIMED = 10,
                     SHARDRUN_FAILED = 11,
                     SHARDRUN_LISTED = 12,
                     SHARDRUN_DONE = 13,
                     SHARDRUN_CONTINUED = 14
};

/* Numbers that a frame may carry; see shardrun-protocol(7) for each. */
enum shardrun_number {
    SHARDRUN_KIND = 1,
    SHARDRUN_SHARD = 2,
    SHARDRUN_PROGRAM = 3,
    SHARDRUN_STATE = 4,
    SHARDRUN_UNENFORCED = 5,
    SHARDRUN_SHARD_UID = 6,
    SHARDRUN_OWNER_UID = 7,
    SHARDRUN_INIT_PID = 8,
    SHARDRUN_CREATED_US_AGO = 9,
    SHARDRUN_PREPARE_US = 10,
    SHARDRUN_WARM = 11,
    SHARDRUN_ERROR_OFFSET_BYTES = 12,
    SHARDRUN_EXIT_STATUS = 20,
    SHARDRUN_EXIT_SIGNAL = 21,
    SHARDRUN_OUT_OF_MEMORY = 22,
    SHARDRUN_USER_CPU_US = 23,
    SHARDRUN_SYSTEM_CPU_US = 24,
    SHARDRUN_PROGRAM_MEMORY_PEAK_BYTES = 25,
    SHARDRUN_NETWORK = 30,
    SHARDRUN_USER_NAMESPACE = 31,
    SHARDRUN_CPU_MAX_MILLICORES = 40,
    SHARDRUN_CPU_WEIGHT = 41,
    SHARDRUN_MEMORY_HIGH_BYTES = 42,
    SHARDRUN_MEMORY_MAX_BYTES = 43,
    SHARDRUN_MEMORY_SWAP_MAX_BYTES = 44,
    SHARDRUN_PIDS_MAX = 45,
    SHARDRUN_IO_WEIGHT = 46,
    SHARDRUN_TMPFS_SIZE_MAX_BYTES = 47,
    SHARDRUN_FILES_MAX = 48,
    SHARDRUN_REPORTED_LOAD = 60,
    SHARDRUN_REPORTED_QUEUE = 61,
    SHARDRUN_CPU_USAGE_US = 62,
    SHARDRUN_CPU_THROTTLED_US = 63,
    SHARDRUN_CPU_THROTTLED_PERIODS = 64,
    SHARDRUN_MEMORY_CURRENT_BYTES = 65,
    SHARDRUN_MEMORY_PEAK_BYTES = 66,
    SHARDRUN_MEMORY_SWAP_BYTES = 67,
    SHARDRUN_OOM_KILLS = 68,
    SHARDRUN_PIDS_CURRENT = 69,
    SHARDRUN_PIDS_REFUSED = 70,
    SHARDRUN_IO_READ_BYTES = 71,
    SHARDRUN_IO_WRITE_BYTES = 72,
    SHARDRUN_NETWORK_RECEIVED_BYTES = 73,
    SHARDRUN_NETWORK_SENT_BYTES = 74,
    SHARDRUN_TMPFS_USED_BYTES = 75,
    SHARDRUN_CPU_PRESSURE_SOME = 80, /* 0..10000, over 10 s; FULL likewise */
    SHARDRUN_CPU_PRESSURE_FULL = 81,
    SHARDRUN_MEMORY_PRESSURE_SOME = 82,
    SHARDRUN_MEMORY_PRESSURE_FULL = 83,
    SHARDRUN_IO_PRESSURE_SOME = 84,
    SHARDRUN_IO_PRESSURE_FULL = 85,
    SHARDRUN_BLOB_KIND = 100,
    SHARDRUN_PROBABILITY = 101,
    SHARDRUN_DEADLINE_MS = 102,
    SHARDRUN_OUTCOME = 103, /* 1 hit, 2 prefetched, 3 demand-loaded, 4 failed */
    SHARDRUN_SIZE_BYTES = 104,
    SHARDRUN_ELAPSED_US = 105
};
/* -ENODATA when the frame does not carry it. */
SHARDRUN_EXPORT int shardrun_frame_number(const shardrun_frame* frame, enum shardrun_number which,
                                          uint64_t* value);
/* The same, 0 when it is absent: for ids and kinds, which never are 0. */
SHARDRUN_EXPORT uint64_t shardrun_frame_value(const shardrun_frame* frame,
                                              enum shardrun_number which);

enum shardrun_text {
    SHARDRUN_SENTENCE = 1, /* of an error frame */
    SHARDRUN_REASON = 2,
    SHARDRUN_PROFILE = 3,
    SHARDRUN_CGROUP = 4,
    SHARDRUN_HOSTNAME = 5,
    SHARDRUN_SECCOMP_PROFILE = 6,
    SHARDRUN_IMAGE = 7,
    SHARDRUN_CPUSET_CPUS = 8,
    SHARDRUN_NAME = 9 /* of a blob */
};
/* NULL when the frame does not carry it. */
SHARDRUN_EXPORT const char* shardrun_frame_text(const shardrun_frame* frame,
                                                enum shardrun_text which);
/* The index-th row "ID PID STATE ARGV0", capability or io limit; NULL or -ENODATA past the last. */
SHARDRUN_EXPORT const char* shardrun_frame_program(const shardrun_frame* frame, size_t index);
SHARDRUN_EXPORT const char* shardrun_frame_capability(const shardrun_frame* frame, size_t index);
SHARDRUN_EXPORT int shardrun_frame_io_limit(const shardrun_frame* frame, size_t index,
                                            shardrun_io_limit* limit);
/* How a program ended; -ENODATA when the frame does not say. */
SHARDRUN_EXPORT int shardrun_frame_exit(const shardrun_frame* frame, shardrun_exit* how);
/* A blob's SHA-256, and its data when it is inline; NULL when absent. */
SHARDRUN_EXPORT const unsigned char* shardrun_frame_digest(const shardrun_frame* frame);
SHARDRUN_EXPORT const void* shardrun_frame_data(const shardrun_frame* frame, size_t* size);

enum shardrun_fd_role {
    SHARDRUN_FD_BLOB = 0, /* the only one of a PrefetchResponse */
    SHARDRUN_FD_TMPFS = 1,
    SHARDRUN_FD_PIDFD = 2,
    SHARDRUN_FD_TERMINAL = 3
};
/* The descriptor becomes the caller's; -ENODATA when there is none with this role (any more). */
SHARDRUN_EXPORT int shardrun_frame_take_fd(shardrun_frame* frame, enum shardrun_fd_role role);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif
