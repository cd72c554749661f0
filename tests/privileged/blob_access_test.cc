// Single blobs: into a shard's /blobs, and as a descriptor; never a byte that was not verified.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "privileged/needs.h"
#include "privileged/testbed.h"

namespace shardrun::test {

const Needs kNeeds{};

namespace {

namespace fs = std::filesystem;

const std::string kContent(300'000, 'b');

/// A store with some blobs, put there by the command.
class StoreFolder {
 public:
    StoreFolder() {
        std::array<char, 40> name{"/var/tmp/shardrun-blob-access-XXXXXX"};
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name.data();
        put("greeting", "hello from the store\n");
        put("deep/er/large", kContent);
        put("bad", "to be damaged\n");
    }
    ~StoreFolder() { fs::remove_all(folder_); }
    StoreFolder(const StoreFolder&) = delete;
    StoreFolder& operator=(const StoreFolder&) = delete;

    std::string settings() const { return "[store]\npath = \"" + store() + "\"\n"; }
    /// Changes the bytes of the blob that has this size.
    void damage(std::uintmax_t size) const {
        for (const auto& entry : fs::recursive_directory_iterator(store() + "/blobs")) {
            if (!entry.is_regular_file() || entry.file_size() != size) continue;
            fs::permissions(entry.path(), fs::perms::owner_all);
            std::ofstream(entry.path()) << std::string(size, 'x');
        }
    }

 private:
    std::string store() const { return folder_ + "/store"; }
    void put(const std::string& name, const std::string& content) const {
        std::ofstream(folder_ + "/content") << content;
        const std::string command = std::string(::getenv("SHARDRUN")) + " blob put --store " +
                                    store() + " --name " + name + " " + folder_ +
                                    "/content > /dev/null";
        REQUIRE(std::system(command.c_str()) == 0);
    }

    std::string folder_;
};

PrefetchResponse answer(const Result<ReceivedFrame>& received) {
    REQUIRE_MESSAGE(received, (received ? "" : received.error().message));
    const auto* response = std::get_if<PrefetchResponse>(&received->frame.message);
    REQUIRE(response != nullptr);
    return *response;
}

ShardId new_shard(Client& client) {
    const ReceivedFrame assigned = must(client.new_shard());
    return assigned.assignment()->shard;
}

}  // namespace

TEST_CASE("a blob appears under /blobs when it is whole, and is there from then on") {
    const StoreFolder store;
    const Testbed testbed(Controllers::best_effort, store.settings());
    Client client = testbed.connect();
    const ShardId shard = new_shard(client);
    CHECK(output_of(client, in_shard(shard, {"ls", "/blobs"})).empty());
    const PrefetchResponse first = answer(client.access({shard, BlobKind::data, "greeting"}));
    CHECK(first.outcome == BlobOutcome::demand_loaded);
    CHECK(first.size_bytes == 21);
    CHECK(output_of(client, in_shard(shard, {"cat", "/blobs/greeting"})) ==
          "hello from the store\n");
    CHECK(answer(client.access({shard, BlobKind::data, "greeting"})).outcome == BlobOutcome::hit);
    CHECK(answer(client.access({shard, BlobKind::data, "deep/er/large"})).outcome ==
          BlobOutcome::demand_loaded);
    CHECK(output_of(client, in_shard(shard, {"cat", "/blobs/deep/er/large"})) == kContent);
}

TEST_CASE("what is not there or not right is told, and nothing appears") {
    const StoreFolder store;
    store.damage(14);
    const Testbed testbed(Controllers::best_effort, store.settings());
    Client client = testbed.connect();
    const ShardId shard = new_shard(client);
    for (const char* name : {"bad", "none"}) {
        CAPTURE(name);
        const PrefetchResponse failed = answer(client.access({shard, BlobKind::data, name}));
        CHECK(failed.outcome == BlobOutcome::failed);
        CHECK(failed.reason.value_or("").find(name) != std::string::npos);
        CHECK(answer(client.blob(name)).outcome == BlobOutcome::failed);
    }
    CHECK(output_of(client, in_shard(shard, {"ls", "/blobs"})).empty());
}

TEST_CASE("a blob comes as a descriptor that nobody can change") {
    const StoreFolder store;
    const Testbed testbed(Controllers::best_effort, store.settings());
    Client client = testbed.connect();
    const ReceivedFrame received = must(client.blob("deep/er/large"));
    CHECK(std::get<PrefetchResponse>(received.frame.message).outcome == BlobOutcome::demand_loaded);
    REQUIRE(received.fds.size() == 1);
    const int blob = received.fds.front().get();
    std::string content(kContent.size() + 1, '\0');
    CHECK(::pread(blob, content.data(), content.size(), 0) ==
          static_cast<ssize_t>(kContent.size()));
    content.pop_back();
    CHECK(content == kContent);
    CHECK(::pwrite(blob, "x", 1, 0) == -1);
    CHECK(::ftruncate(blob, 0) == -1);
}

}  // namespace shardrun::test
