// The C interface's connection and requests: each call converts, asks the C++ Client, and turns
// Results into negative errno values.
#include <cerrno>
#include <chrono>
#include <new>
#include <span>
#include <utility>

#include "base/fail.h"
#include "client/c_convert.h"
#include "client/c_handles.h"

namespace {

using shardrun::Client;
using shardrun::Error;
using shardrun::Message;
using shardrun::ProgramId;
using shardrun::ReceivedFrame;
using shardrun::Result;
using shardrun::ShardId;
using shardrun::Timeout;
using shardrun::UniqueFd;
using What = shardrun::ResourceRequest;

std::string& connect_error() {
    static thread_local std::string sentence;
    return sentence;
}

int fail_with(std::string& sentence, const Error& error) {
    sentence = error.message;
    return error.code > 0 ? -error.code : -EIO;
}

int fail_with(shardrun_client* client, const Error& error) {
    return fail_with(client->last_error, error);
}

Timeout to_timeout(int timeout_ms) {
    return timeout_ms < 0 ? shardrun::kNoTimeout : Timeout(timeout_ms);
}

std::optional<ShardId> to_shard(uint64_t shard) {
    return shard == 0 ? std::nullopt : std::optional(ShardId{shard});
}

int open_client(Result<Client> opened, shardrun_client** client) {
    *client = nullptr;
    if (!opened) return fail_with(connect_error(), opened.error());
    *client = new shardrun_client{*std::move(opened), {}, 0, true};
    return 0;
}

int give(shardrun_client* client, Result<ReceivedFrame> received, shardrun_frame** frame) {
    if (frame != nullptr) *frame = nullptr;
    if (!received) return fail_with(client, received.error());
    if (frame != nullptr) *frame = new shardrun_frame{*std::move(received)};
    return 0;
}

// A request with its reply, or, when the client does not block, only the request.
int ask(shardrun_client* client, const Message& message, std::span<const int> fds, int timeout_ms,
        shardrun_frame** reply) {
    if (reply != nullptr) *reply = nullptr;
    auto sent = client->client.send(message, fds);
    if (!sent) return fail_with(client, sent.error());
    client->last_correlation = *sent;
    if (!client->is_blocking) return 0;
    return give(client, client->client.await_reply(*sent, to_timeout(timeout_ms)), reply);
}

Result<What::Run> to_run(uint64_t shard, const shardrun_options* options,
                         const shardrun_program& program) {
    What::Run run;
    run.shard = to_shard(shard);
    SR_TRY(run.options, shardrun::client::to_options(options));
    SR_TRY(run.program, shardrun::client::to_program(program));
    return run;
}

}  // namespace

int shardrun_connect(const char* path, shardrun_client** client) {
    return open_client(Client::connect(path == nullptr ? SHARDRUN_SOCKET : path), client);
}

int shardrun_adopt(int fd, shardrun_client** client) {
    return open_client(Client::adopt(UniqueFd(fd)), client);
}

void shardrun_close(shardrun_client* client) {
    delete client;
}

const char* shardrun_last_error(const shardrun_client* client) {
    return client == nullptr ? connect_error().c_str() : client->last_error.c_str();
}

void shardrun_set_blocking(shardrun_client* client, int is_blocking) {
    client->is_blocking = is_blocking != 0;
}

uint64_t shardrun_last_correlation(const shardrun_client* client) {
    return client->last_correlation;
}

int shardrun_fd(const shardrun_client* client) {
    return client->client.fd();
}

int shardrun_is_open(const shardrun_client* client) {
    return client->client.is_open() ? 1 : 0;
}

int shardrun_wants_write(const shardrun_client* client) {
    return client->client.wants_write() ? 1 : 0;
}

int shardrun_flush(shardrun_client* client) {
    const auto flushed = client->client.flush();
    return flushed ? 0 : fail_with(client, flushed.error());
}

int shardrun_try_receive(shardrun_client* client, shardrun_frame** frame) {
    *frame = nullptr;
    auto received = client->client.try_receive();
    if (!received) return fail_with(client, received.error());
    std::optional<ReceivedFrame> whole = *std::move(received);
    if (whole) *frame = new shardrun_frame{*std::move(whole)};
    return 0;
}

int shardrun_receive(shardrun_client* client, int timeout_ms, shardrun_frame** frame) {
    return give(client, client->client.receive(to_timeout(timeout_ms)), frame);
}

int shardrun_next_event(shardrun_client* client, uint64_t correlation, int timeout_ms,
                        shardrun_frame** frame) {
    return give(client, client->client.next_event(correlation, to_timeout(timeout_ms)), frame);
}

int shardrun_open_session(shardrun_client* client, const char* profile, int timeout_ms) {
    return ask(client, What{What::Session{profile}}, {}, timeout_ms, nullptr);
}

int shardrun_new_shard(shardrun_client* client, const shardrun_options* options, int timeout_ms,
                       shardrun_frame** reply) {
    auto converted = shardrun::client::to_options(options);
    if (!converted) return give(client, std::unexpected(converted.error()), reply);
    return ask(client, What{What::NewShard{*std::move(converted)}}, {}, timeout_ms, reply);
}

int shardrun_run(shardrun_client* client, uint64_t shard, const shardrun_options* options,
                 const shardrun_program* program, int timeout_ms, shardrun_frame** started) {
    auto run = to_run(shard, options, *program);
    if (!run) return give(client, std::unexpected(run.error()), started);
    const auto stdio = shardrun::client::to_stdio(*program);
    if (!stdio) return give(client, std::unexpected(stdio.error()), started);
    if (!client->is_blocking) return ask(client, What{*std::move(run)}, *stdio, 0, started);
    auto received = client->client.run(*run, *stdio, to_timeout(timeout_ms));
    if (received) client->last_correlation = received->frame.correlation;
    return give(client, std::move(received), started);
}

int shardrun_run_program(shardrun_client* client, uint64_t shard, const shardrun_options* options,
                         const shardrun_program* program, int timeout_ms, shardrun_exit* how) {
    if (!client->is_blocking)
        return fail_with(client, {EINVAL, "run_program waits; use shardrun_run and its events"});
    auto run = to_run(shard, options, *program);
    if (!run) return fail_with(client, run.error());
    const auto stdio = shardrun::client::to_stdio(*program);
    if (!stdio) return fail_with(client, stdio.error());
    const auto ended = client->client.run_program(*run, *stdio, to_timeout(timeout_ms));
    if (!ended) return fail_with(client, ended.error());
    *how = shardrun::client::from_exit(*ended);
    return 0;
}

int shardrun_signal(shardrun_client* client, uint64_t shard, uint64_t program, int signal_number,
                    int timeout_ms) {
    if (signal_number <= 0)
        return fail_with(client, {EINVAL, "signal_number: a signal is 1 to 64"});
    const What::Signal signal{ShardId{shard}, ProgramId{program},
                              static_cast<std::uint32_t>(signal_number)};
    return ask(client, What{signal}, {}, timeout_ms, nullptr);
}

int shardrun_release(shardrun_client* client, uint64_t shard, int timeout_ms) {
    return ask(client, What{What::Release{to_shard(shard)}}, {}, timeout_ms, nullptr);
}

int shardrun_resize(shardrun_client* client, uint64_t shard, const shardrun_limits* limits,
                    int timeout_ms, shardrun_frame** reply) {
    auto converted = shardrun::client::to_limits(*limits);
    if (!converted) return give(client, std::unexpected(converted.error()), reply);
    return ask(client, What{What::Resize{ShardId{shard}, *std::move(converted)}}, {}, timeout_ms,
               reply);
}

int shardrun_subscribe(shardrun_client* client, int lifecycle, int prefetch, int timeout_ms) {
    const What::Subscribe what{lifecycle != 0, prefetch != 0};
    return ask(client, What{what}, {}, timeout_ms, nullptr);
}

int shardrun_blob(shardrun_client* client, const char* name, int timeout_ms,
                  shardrun_frame** reply) {
    return ask(client, What{What::Blob{name}}, {}, timeout_ms, reply);
}

int shardrun_access(shardrun_client* client, uint64_t shard, enum shardrun_blob_kind kind,
                    const char* name, int timeout_ms, shardrun_frame** reply) {
    const shardrun::ResourceAccess access{ShardId{shard}, static_cast<shardrun::BlobKind>(kind),
                                          name};
    return ask(client, access, {}, timeout_ms, reply);
}

int shardrun_status(shardrun_client* client, uint64_t shard, uint64_t reported_load,
                    uint64_t reported_queue, int timeout_ms, shardrun_frame** reply) {
    auto report = shardrun::client::to_report(shard, reported_load, reported_queue);
    if (!report) return give(client, std::unexpected(report.error()), reply);
    return ask(client, *report, {}, timeout_ms, reply);
}

int shardrun_hint(shardrun_client* client, uint64_t shard, enum shardrun_blob_kind kind,
                  const char* name, uint64_t probability, uint64_t deadline_ms) {
    auto hint = shardrun::client::to_hint(shard, kind, name, probability, deadline_ms);
    if (!hint) return fail_with(client, hint.error());
    const auto sent = client->client.hint(*hint);
    return sent ? 0 : fail_with(client, sent.error());
}

int shardrun_list(shardrun_client* client, uint64_t shard, int timeout_ms, shardrun_frame*** frames,
                  size_t* count) {
    *frames = nullptr;
    *count = 0;
    const What::List list{to_shard(shard)};
    if (!client->is_blocking) return ask(client, What{list}, {}, timeout_ms, nullptr);
    auto rows = client->client.list(list.shard, to_timeout(timeout_ms));
    if (!rows) return fail_with(client, rows.error());
    *frames = new shardrun_frame* [rows->size() + 1] {};
    for (shardrun::ShardAssignment& row : *rows) {
        const shardrun::Frame frame{shardrun::MessageType::shard_assignment, SHARDRUN_REPLY, 0, 0,
                                    std::move(row)};
        (*frames)[(*count)++] = new shardrun_frame{{frame, {}}};
    }
    return 0;
}

void shardrun_frame_free(shardrun_frame* frame) {
    delete frame;
}

void shardrun_frames_free(shardrun_frame** frames, size_t count) {
    for (size_t i = 0; i < count; ++i) delete frames[i];
    delete[] frames;
}
