/* The whole C interface against a real Server, from a C99 program. Prints its claims in TAP. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shardrun/shardrun.h"

static int failures = 0;

static void claim(int holds, const char* what) {
    printf("%s - %s\n", holds ? "ok" : "not ok", what);
    if (!holds) failures += 1;
}

static void init_program(shardrun_program* program, const char* const* argv) {
    shardrun_program_init(program);
    program->argv = argv;
}

static void test_connection(const char* path) {
    shardrun_client* client = NULL;
    claim(shardrun_connect("/nonexistent/socket", &client) == -ENOENT && client == NULL &&
              strstr(shardrun_last_error(NULL), "/nonexistent/socket") != NULL,
          "connect says which path failed and why");
    claim(shardrun_connect(path, &client) == 0 && shardrun_is_open(client), "connect opens");
    claim((fcntl(shardrun_fd(client), F_GETFD) & FD_CLOEXEC) != 0, "the socket is close-on-exec");
    claim(!shardrun_wants_write(client) && shardrun_flush(client) == 0, "nothing waits at first");
    claim(shardrun_open_session(client, "c-test", SHARDRUN_FOREVER) == 0, "a session opens");
    claim(shardrun_open_session(client, "again", SHARDRUN_FOREVER) == -EINVAL &&
              strlen(shardrun_last_error(client)) > 0,
          "a second session is refused with a sentence");
    shardrun_close(client);
}

static void test_shard(shardrun_client* client) {
    static const char* const sleeper[] = {"sleep", NULL};
    shardrun_limits limits;
    shardrun_options options;
    shardrun_program program;
    shardrun_frame* frame = NULL;
    shardrun_frame** list = NULL;
    size_t count = 0;
    uint64_t shard = 0;
    uint64_t number = 0;
    uint64_t run = 0;

    shardrun_limits_init(&limits);
    limits.pids_max = 17;
    shardrun_options_init(&options);
    options.limits = &limits;
    options.hostname = "c-host";
    claim(shardrun_new_shard(client, &options, SHARDRUN_FOREVER, &frame) == 0, "a shard is given");
    shard = shardrun_frame_value(frame, SHARDRUN_SHARD);
    claim(shardrun_frame_type(frame) == SHARDRUN_SHARD_ASSIGNMENT &&
              (shardrun_frame_flags(frame) & SHARDRUN_REPLY) != 0 &&
              shardrun_frame_value(frame, SHARDRUN_KIND) == SHARDRUN_ASSIGNED && shard != 0,
          "its assignment has kind and id");
    claim(shardrun_frame_value(frame, SHARDRUN_PIDS_MAX) == 17 &&
              strcmp(shardrun_frame_text(frame, SHARDRUN_HOSTNAME), "c-host") == 0,
          "and says the configuration in force");
    claim(shardrun_frame_number(frame, SHARDRUN_EXIT_STATUS, &number) == -ENODATA &&
              shardrun_frame_text(frame, SHARDRUN_SENTENCE) == NULL,
          "what a frame does not carry is -ENODATA or NULL");
    shardrun_frame_free(frame);

    shardrun_limits_init(&limits);
    limits.pids_max = 23;
    claim(shardrun_resize(client, shard, &limits, SHARDRUN_FOREVER, &frame) == 0 &&
              shardrun_frame_value(frame, SHARDRUN_PIDS_MAX) == 23,
          "a resize returns the limits in force");
    shardrun_frame_free(frame);
    claim(shardrun_status(client, shard, 5000, SHARDRUN_UNSET, SHARDRUN_FOREVER, &frame) == 0 &&
              shardrun_frame_value(frame, SHARDRUN_PIDS_CURRENT) == 1,
          "the status is the measured one");
    shardrun_frame_free(frame);

    init_program(&program, sleeper);
    program.stdio[0] = program.stdio[1] = program.stdio[2] = STDERR_FILENO;
    program.wants_pidfd = 1;
    claim(shardrun_run(client, shard, NULL, &program, SHARDRUN_FOREVER, &frame) == 0 &&
              shardrun_frame_value(frame, SHARDRUN_KIND) == SHARDRUN_STARTED,
          "a program runs in the shard");
    run = shardrun_last_correlation(client);
    number = (uint64_t)shardrun_frame_take_fd(frame, SHARDRUN_FD_PIDFD);
    claim((int)number >= 0 && close((int)number) == 0 &&
              shardrun_frame_take_fd(frame, SHARDRUN_FD_PIDFD) == -ENODATA,
          "its pidfd is taken once");
    number = shardrun_frame_value(frame, SHARDRUN_PROGRAM);
    shardrun_frame_free(frame);

    claim(shardrun_list(client, 0, SHARDRUN_FOREVER, &list, &count) == 0 && count == 1 &&
              shardrun_frame_value(list[0], SHARDRUN_SHARD) == shard &&
              shardrun_frame_program(list[0], 0) != NULL &&
              shardrun_frame_program(list[0], 1) == NULL,
          "a listing shows the shard and its program");
    shardrun_frames_free(list, count);

    claim(shardrun_signal(client, shard, number, SIGTERM, SHARDRUN_FOREVER) == 0,
          "it is signalled");
    claim(shardrun_next_event(client, run, SHARDRUN_FOREVER, &frame) == 0 &&
              shardrun_frame_value(frame, SHARDRUN_KIND) == SHARDRUN_EXITED &&
              shardrun_frame_value(frame, SHARDRUN_EXIT_SIGNAL) == SIGTERM,
          "and its end is told");
    shardrun_frame_free(frame);
    claim(shardrun_release(client, shard, SHARDRUN_FOREVER) == 0, "the shard is released");
    claim(shardrun_release(client, shard, SHARDRUN_FOREVER) == -ENOENT, "but only once");
}

static void test_programs(shardrun_client* client) {
    static const char* const seven[] = {"exit", NULL};
    static const char* const never[] = {"never", NULL};
    static const char* const none[] = {NULL};
    shardrun_program program;
    shardrun_exit how;

    init_program(&program, seven);
    memset(&how, 0, sizeof how);
    claim(shardrun_run_program(client, 0, NULL, &program, SHARDRUN_FOREVER, &how) == 0 &&
              how.status == 7 && how.signal_number == 0,
          "run_program gives the exit status");
    init_program(&program, never);
    claim(shardrun_run(client, 0, NULL, &program, 20, NULL) == -ETIMEDOUT, "a wait has its limit");
    claim(shardrun_is_open(client), "after which the connection goes on");
    init_program(&program, none);
    claim(shardrun_run(client, 0, NULL, &program, 20, NULL) == -EINVAL, "argv may not be empty");
    init_program(&program, seven);
    program.stdio[1] = STDERR_FILENO;
    claim(shardrun_run(client, 0, NULL, &program, 20, NULL) == -EINVAL, "nor stdio be partial");
    claim(shardrun_blob(client, "blob", SHARDRUN_FOREVER, NULL) == 0, "a blob is answered");
    claim(shardrun_hint(client, 0, SHARDRUN_DATA, "blob", 5000, SHARDRUN_UNSET) == 0,
          "a hint is sent");
    claim(shardrun_hint(client, 0, SHARDRUN_DATA, "blob", 70000, SHARDRUN_UNSET) == -EINVAL,
          "a probability that does not fit is refused");
}

static void test_non_blocking(shardrun_client* client) {
    static const char* const quick[] = {"true", NULL};
    shardrun_program program;
    shardrun_frame* frame = NULL;
    int kinds[2] = {0, 0};
    int seen = 0;

    shardrun_set_blocking(client, 0);
    init_program(&program, quick);
    claim(shardrun_run(client, 0, NULL, &program, SHARDRUN_FOREVER, &frame) == 0 && frame == NULL,
          "a call that does not block returns without a reply");
    while (seen < 2) {
        struct pollfd ready;
        if (shardrun_try_receive(client, &frame) != 0) break;
        if (frame == NULL) {
            ready.fd = shardrun_fd(client);
            ready.events = POLLIN;
            ready.revents = 0;
            if (poll(&ready, 1, 10000) != 1) break;
            continue;
        }
        if (shardrun_frame_correlation(frame) == shardrun_last_correlation(client))
            kinds[seen++] = (int)shardrun_frame_value(frame, SHARDRUN_KIND);
        shardrun_frame_free(frame);
    }
    claim(kinds[0] == SHARDRUN_STARTED && kinds[1] == SHARDRUN_EXITED,
          "its frames come through try_receive");
    shardrun_set_blocking(client, 1);
}

static void test_subscription(shardrun_client* watcher, shardrun_client* client) {
    shardrun_frame* frame = NULL;
    int is_told = 0;
    claim(shardrun_subscribe(watcher, 1, 0, SHARDRUN_FOREVER) == 0, "a client subscribes");
    claim(shardrun_new_shard(client, NULL, SHARDRUN_FOREVER, NULL) == 0, "another gets a shard");
    while (!is_told && shardrun_next_event(watcher, 0, 10000, &frame) == 0) {
        is_told = shardrun_frame_value(frame, SHARDRUN_KIND) == SHARDRUN_ASSIGNED;
        shardrun_frame_free(frame);
    }
    claim(is_told, "and the first is told");
}

int main(int argc, char** argv) {
    shardrun_client* client = NULL;
    shardrun_client* watcher = NULL;
    if (argc != 2) return 2;
    test_connection(argv[1]);
    if (shardrun_connect(argv[1], &client) != 0 || shardrun_connect(argv[1], &watcher) != 0)
        return 1;
    test_shard(client);
    test_programs(client);
    test_non_blocking(client);
    test_subscription(watcher, client);
    shardrun_close(watcher);
    shardrun_close(client);
    return failures == 0 ? 0 : 1;
}
