#include <cerrno>

#include "driver.h"

using namespace shardrun;
using namespace shardrun::supervisor;

namespace {

PrefetchRequest hint_of(ShardId shard, std::string name) {
    PrefetchRequest hint;
    hint.shard = shard;
    hint.name = std::move(name);
    return hint;
}

ResourceAccess access_of(ShardId shard, std::string name) {
    return {shard, BlobKind::data, std::move(name)};
}

BlobReported loaded(std::uint64_t request) {
    BlobReported reported{request, {}};
    reported.report.outcome = BlobOutcome::prefetched;
    reported.report.name = "whatever";
    reported.report.digest = Digest{std::byte{7}};
    reported.report.size_bytes = 4096;
    reported.report.elapsed = std::chrono::microseconds(250);
    return reported;
}

BlobReported failed(std::uint64_t request) {
    BlobReported reported{request, {}};
    reported.report.error = Error{EBADMSG, "blob 'm': its bytes have another digest"};
    return reported;
}

PrefetchResponse response(const Driver& driver, ClientId client, std::uint64_t correlation) {
    const Frame frame = driver.reply(client, correlation);
    CHECK(frame.type == MessageType::prefetch_response);
    CHECK_FALSE(has_flag(frame, FrameFlag::error));
    return std::get<PrefetchResponse>(frame.message);
}

/// Hints with the correlations 1000, 1001, … in one step.
void hint_often(Driver& driver, ClientId client, ShardId shard, std::uint32_t count,
                const std::string& name) {
    std::vector<Event> events;
    for (std::uint32_t i = 0; i < count; ++i) {
        Frame frame;
        frame.type = MessageType::prefetch_request;
        frame.correlation = 1000 + i;
        frame.message = hint_of(shard, name);
        events.emplace_back(ClientFrame{client, std::move(frame), {}});
    }
    driver.step(std::move(events));
}

}  // namespace

TEST_CASE("a hint that begins with '/' fills a file of the image, another loads a blob") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.ask(client, hint_of(shard, "/usr/lib/libc.so.6"));
    const PrefetchFile file = driver.only<PrefetchFile>();
    CHECK(file.shard == shard);
    CHECK(file.name == "/usr/lib/libc.so.6");
    CHECK_FALSE(driver.has<SendFrame>());
    driver.ask(client, hint_of(shard, "models/tiny.bin"));
    const LoadBlob load = driver.only<LoadBlob>();
    CHECK(load.shard == shard);
    CHECK(load.name == "models/tiny.bin");
    CHECK(load.request != file.request);
}

TEST_CASE("a hint is answered once, with what the backend says became of it") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto asked = driver.ask(client, hint_of(shard, "/bin/sh"));
    const std::uint64_t request = driver.only<PrefetchFile>().request;
    driver.on(loaded(request));
    const PrefetchResponse told = response(driver, client, asked);
    CHECK(told.shard == shard);
    CHECK(told.outcome == BlobOutcome::prefetched);
    CHECK(told.name == "/bin/sh");
    CHECK(told.digest == Digest{std::byte{7}});
    CHECK(told.size_bytes == 4096);
    CHECK(told.elapsed_us == 250);
    CHECK_FALSE(told.reason);
    driver.on(loaded(request));
    CHECK(driver.actions.empty());
}

TEST_CASE("a blob that cannot be had is a response with the reason, not an error") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto asked = driver.ask(client, access_of(shard, "m"));
    driver.on(failed(driver.only<LoadBlob>().request));
    const PrefetchResponse told = response(driver, client, asked);
    CHECK(told.outcome == BlobOutcome::failed);
    CHECK(told.name == "m");
    CHECK(told.reason == "blob 'm': its bytes have another digest");
    CHECK_FALSE(told.size_bytes);
}

TEST_CASE("what is asked of a shard that is not ready begins when it is") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.new_shard(client);
    const ShardId shard = driver.asked_for().id;
    driver.ask(client, hint_of(shard, "/bin/sh"));
    CHECK(driver.actions.empty());
    driver.ask(client, access_of(shard, "m"));
    CHECK(driver.actions.empty());
    driver.prepared(shard);
    CHECK(driver.only<PrefetchFile>().name == "/bin/sh");
    const auto asked = driver.only<LoadBlob>();
    driver.on(loaded(asked.request));
    CHECK(driver.frames(client).size() == 1);
}

TEST_CASE("an access loads a blob and never a file of the image") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    driver.ask(client, access_of(shard, "m"));
    CHECK(driver.only<LoadBlob>().name == "m");
    const auto asked = driver.ask(client, access_of(shard, "/bin/sh"));
    CHECK(driver.refusal(client, asked).code == EINVAL);
    CHECK(driver.reply(client, asked).type == MessageType::prefetch_response);
}

TEST_CASE("a blob comes as a descriptor, without any shard") {
    Driver driver;
    const ClientId client = driver.connect();
    const auto asked = driver.request(client, ResourceRequest::Blob{"m"});
    const OpenBlob open = driver.only<OpenBlob>();
    CHECK(open.name == "m");
    BlobReported reported = loaded(open.request);
    reported.report.fd = shard::FdToken{5};
    driver.on(reported);
    CHECK(response(driver, client, asked).shard == ShardId{});
    CHECK(driver.only<SendFrame>().fds == std::vector{shard::FdToken{5}});
    CHECK(driver.reply(client, asked).fd_count == 1);
    CHECK_FALSE(driver.has<DiscardFd>());
}

TEST_CASE("the descriptor for a client that is gone is discarded, and nothing is sent") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.request(client, ResourceRequest::Blob{"m"});
    BlobReported reported = loaded(driver.only<OpenBlob>().request);
    reported.report.fd = shard::FdToken{5};
    driver.leave(client);
    CHECK_FALSE(driver.has<SendFrame>());
    driver.on(reported);
    CHECK(driver.only<DiscardFd>().fd == shard::FdToken{5});
    CHECK(driver.actions.size() == 1);
}

TEST_CASE("what still waits when its shard ends has failed, before the shard is destroyed") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    const auto hint = driver.ask(client, hint_of(shard, "/bin/sh"));
    const std::uint64_t request = driver.only<PrefetchFile>().request;
    const auto access = driver.ask(client, access_of(shard, "m"));
    driver.request(client, ResourceRequest::Release{shard});
    CHECK(driver.comes_before<SendFrame, DestroyShard>());
    CHECK(response(driver, client, hint).outcome == BlobOutcome::failed);
    CHECK(response(driver, client, hint).name == "/bin/sh");
    CHECK(response(driver, client, access).reason == "shard 1: was released");
    driver.on(loaded(request));
    CHECK(driver.actions.empty());
    const auto late = driver.ask(client, hint_of(shard, "/bin/sh"));
    CHECK(driver.refusal(client, late).code == ESHUTDOWN);
}

TEST_CASE("an administrator's request in another's shard goes with whichever of the two goes") {
    Config config = Driver::no_pool();
    config.clients[1005].is_administrator = true;
    Driver driver(config);
    const ShardId shard = driver.ready_shard(driver.connect(1000));
    const ClientId one = driver.connect(1005);
    const ClientId two = driver.connect(1005);
    driver.ask(one, hint_of(shard, "/a"));
    const auto asked = driver.ask(two, hint_of(shard, "/b"));
    driver.leave(one);
    CHECK(driver.actions.empty());
    driver.on(ShardDied{shard, shard::DeathCause::init_exited});
    CHECK(response(driver, two, asked).reason == "shard 1: its init exited");
}

TEST_CASE("what may not be asked is refused and not begun") {
    Driver driver;
    const ClientId client = driver.connect(1000);
    const ShardId mine = driver.ready_shard(client);
    const ShardId foreign = driver.ready_shard(driver.connect(1001));
    const auto code = [&](Message message) {
        const auto asked = driver.ask(client, std::move(message));
        CHECK(driver.actions.size() == 1);
        CHECK(driver.reply(client, asked).type == MessageType::prefetch_response);
        return driver.refusal(client, asked).code;
    };
    const std::string digest(64, 'a');
    CHECK(code(hint_of(foreign, "/bin/sh")) == ENOENT);
    CHECK(code(access_of(foreign, "m")) == ENOENT);
    CHECK(code(hint_of(ShardId{}, "m")) == ENOENT);
    CHECK(code(hint_of(mine, "/bin/../sh")) == EINVAL);
    CHECK(code(hint_of(mine, "-m")) == EINVAL);
    CHECK(code(access_of(mine, "a b")) == EINVAL);
    CHECK(code(ResourceRequest{ResourceRequest::Blob{"/m"}}) == EINVAL);
    CHECK(code(hint_of(mine, digest)) == EACCES);
    CHECK(code(access_of(mine, "sha256:" + digest)) == EACCES);
    CHECK(code(ResourceRequest{ResourceRequest::Blob{digest}}) == EACCES);
}

TEST_CASE("root and administrators may tell a blob by its digest") {
    Config config = Driver::no_pool();
    config.clients[1005].is_administrator = true;
    Driver driver(config);
    const std::string digest(64, 'a');
    for (const uid_t uid : {0U, 1005U}) {
        driver.request(driver.connect(uid), ResourceRequest::Blob{digest});
        CHECK(driver.only<OpenBlob>().name == digest);
    }
}

TEST_CASE("hints are bounded by number and by the bytes of their names, and not with the others") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    hint_often(driver, client, shard, 16384, "/f");
    CHECK(driver.all<PrefetchFile>().size() == 16384);
    CHECK_FALSE(driver.has<SendFrame>());
    const std::uint64_t first = driver.all<PrefetchFile>().front().request;
    const ErrorReply many = driver.refusal(client, driver.ask(client, hint_of(shard, "/f")));
    CHECK(many.code == EAGAIN);
    CHECK(many.sentence ==
          "hints: 16384 of this connection are in work, 16384 may be; wait for answers first");
    driver.ask(client, access_of(shard, "m"));
    CHECK(driver.has<LoadBlob>());
    driver.on(loaded(first));
    driver.ask(client, hint_of(shard, "/f"));
    CHECK(driver.has<PrefetchFile>());

    const ClientId other = driver.connect();
    hint_often(driver, other, shard, 4097, '/' + std::string(1023, 'f'));
    CHECK(driver.all<PrefetchFile>().size() == 4096);
    const ErrorReply long_names = driver.refusal(other, 1000 + 4096);
    CHECK(long_names.code == EAGAIN);
    CHECK(long_names.sentence ==
          "hints: the names of those in work have 4194304 bytes, 4194304 may be; wait for answers "
          "first");
}

TEST_CASE("accesses and blobs are bounded with the other requests of a connection") {
    Driver driver;
    const ClientId client = driver.connect();
    const ShardId shard = driver.ready_shard(client);
    for (int i = 0; i < 128; ++i) {
        driver.ask(client, access_of(shard, "m"));
        driver.request(client, ResourceRequest::Blob{"m"});
    }
    const std::uint64_t last = driver.only<OpenBlob>().request;
    CHECK(driver.refusal(client, driver.ask(client, access_of(shard, "m"))).code == EAGAIN);
    const auto refused = driver.request(client, ResourceRequest::Blob{"m"});
    CHECK(driver.refusal(client, refused).code == EAGAIN);
    driver.on(failed(last));
    driver.request(client, ResourceRequest::Blob{"m"});
    CHECK(driver.has<OpenBlob>());
}

TEST_CASE("a drain takes no further blobs and lets none wait beyond its end") {
    Driver driver;
    const ClientId client = driver.connect();
    driver.running(client);
    const auto waiting = driver.request(client, ResourceRequest::Blob{"m"});
    driver.on(DrainRequested{});
    const auto late = driver.request(client, ResourceRequest::Blob{"m"});
    CHECK(driver.refusal(client, late).code == ESHUTDOWN);
    driver.on(ShardReclaimed{ShardId{1}});
    CHECK(response(driver, client, waiting).reason == "the supervisor is shutting down");
    CHECK(driver.comes_before<SendFrame, CloseClient>());
}
