#include "blob/store.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "../../support/fd_census.h"
#include "../../support/temp_dir.h"
#include "base/fail.h"
#include "blob/session.h"
#include "sys/file_io.h"

namespace shardrun::blob {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

Digest put(const Store& store, const std::string& text) {
    auto session = store.begin_session();
    REQUIRE(session);
    const auto added = session->add_bytes(bytes_of(text));
    REQUIRE(added);
    REQUIRE(session->flush());
    return added->digest;
}

std::string text_of(const std::vector<std::byte>& bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void write_file(const std::string& path, const std::string& text) {
    std::error_code is_new;
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, is_new);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// Nothing leads anywhere.
Result<void> mark_nothing(DigestSet&) {
    return {};
}

std::size_t entry_count(const std::string& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
    return count;
}

struct World {
    test::TempDir dir;
    Store store = *Store::open(dir.path("store"));

    std::string path_of(const Digest& digest) const {
        return store.root() + "/blobs/sha256/" + blob_path(digest);
    }
};

TEST_CASE("a blob is read back as it was put, under its digest") {
    World world;
    for (const std::size_t size : {0U, 1U, 4096U, 300'000U, 3'000'000U}) {
        const std::string text(size, 'x');
        const Digest digest = put(world.store, text);
        CHECK(digest == digest_of(bytes_of(text)));
        CHECK(text_of(*world.store.read_blob(digest, size)) == text);
        CHECK(*world.store.size_of(digest) == size);
        CHECK(world.store.open_blob(digest)->size_bytes == size);
    }
    CHECK(world.store.list_blobs()->size() == 5);
}

TEST_CASE("a blob's file can be written by nobody, and the store is its owner's alone") {
    World world;
    const Digest digest = put(world.store, "abc");
    struct stat status {};
    REQUIRE(::stat(world.path_of(digest).c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0444);
    REQUIRE(::stat(world.store.root().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0700);
}

TEST_CASE("a blob that is not there is ENOENT, one that is too large EFBIG") {
    World world;
    const Digest digest = put(world.store, "abcd");
    CHECK(world.store.open_blob(digest_of({})).error().code == ENOENT);
    CHECK(world.store.read_blob(digest_of({}), 10).error().code == ENOENT);
    CHECK(world.store.read_blob(digest, 4));
    CHECK(world.store.read_blob(digest, 3).error().code == EFBIG);
    CHECK_FALSE(world.store.size_of(digest_of({}))->has_value());
}

TEST_CASE("nothing of a blob is visible before its session makes it so") {
    World world;
    auto session = *world.store.begin_session();
    const auto blob = session.add_bytes(bytes_of("abc"));
    CHECK(world.store.list_blobs()->empty());
    REQUIRE(session.flush());
    CHECK(world.store.list_blobs()->size() == 1);
    StagedBlob never_added = session.stage();
    REQUIRE(never_added.append(bytes_of(std::string(500'000, 'y'))));
    REQUIRE(session.flush());
    CHECK(world.store.list_blobs()->size() == 1);
}

TEST_CASE("a blob that is put again costs nothing") {
    World world;
    const Digest digest = put(world.store, "abc");
    struct stat before {};
    REQUIRE(::stat(world.path_of(digest).c_str(), &before) == 0);
    auto session = *world.store.begin_session();
    REQUIRE(session.add_bytes(bytes_of("abc")));
    REQUIRE(session.flush());
    CHECK(session.new_count() == 0);
    struct stat after {};
    REQUIRE(::stat(world.path_of(digest).c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("many blobs go through in batches, and equal ones once") {
    World world;
    auto session = *world.store.begin_session();
    for (int i = 0; i < 1000; ++i) REQUIRE(session.add_bytes(bytes_of(fmt::format("{}", i % 600))));
    REQUIRE(session.flush());
    CHECK(session.new_count() == 600);
    CHECK(world.store.list_blobs()->size() == 600);
}

TEST_CASE("a session leaves no descriptor and no lease") {
    World world;
    (void)put(world.store, "warm up");
    const auto before = test::fd_census();
    (void)put(world.store, "abc");
    CHECK(test::fd_census() == before);
    CHECK(entry_count(world.store.root() + "/leases") == 0);
    CHECK(entry_count(world.store.root() + "/staging") == 0);
}

TEST_CASE("bit rot is found, set aside, and mended by putting the blob again") {
    World world;
    const Digest digest = put(world.store, "abc");
    CHECK(*world.store.verify_blob(digest) == Store::Health::sound);
    write_file(world.path_of(digest), "abd");
    CHECK(world.store.read_blob(digest, 10).error().code == EBADMSG);
    CHECK(*world.store.verify_blob(digest) == Store::Health::rotten);
    CHECK(*world.store.verify_blob(digest) == Store::Health::missing);
    CHECK(entry_count(world.store.root() + "/quarantine") == 1);
    CHECK(put(world.store, "abc") == digest);
    CHECK(text_of(*world.store.read_blob(digest, 10)) == "abc");
}

TEST_CASE("a blob whose file was cut short is replaced when it is put again") {
    World world;
    const Digest digest = put(world.store, "abc");
    write_file(world.path_of(digest), "ab");
    CHECK(put(world.store, "abc") == digest);
    CHECK(text_of(*world.store.read_blob(digest, 10)) == "abc");
    CHECK(entry_count(world.store.root() + "/quarantine") == 1);
}

TEST_CASE("a sweep keeps what is named and what is reached, and removes the rest") {
    World world;
    const Digest image = put(world.store, "image");
    const Digest child = put(world.store, "child");
    const Digest pinned = put(world.store, "pinned");
    const Digest garbage = put(world.store, "garbage");
    REQUIRE(world.store.set_ref(RefKind::image, "app", image));
    REQUIRE(world.store.set_ref(RefKind::pin, "mine", pinned));
    const auto mark = [&](DigestSet& reachable) -> Result<void> {
        if (reachable.contains(image)) reachable.insert(child);
        return {};
    };
    const auto dry = world.store.sweep(mark, nullptr, true);
    CHECK(dry->removed.size() == 1);
    CHECK(world.store.size_of(garbage)->has_value());
    const auto report = world.store.sweep(mark, nullptr, false);
    REQUIRE(report->removed.size() == 1);
    CHECK(report->removed[0].digest == garbage);
    CHECK(report->removed_bytes == 7);
    CHECK(report->kept_count == 3);
    CHECK_FALSE(world.store.size_of(garbage)->has_value());
    REQUIRE(world.store.remove_ref(RefKind::image, "app"));
    CHECK(world.store.sweep(mark, nullptr, false)->removed.size() == 2);
    CHECK(world.store.size_of(pinned)->has_value());
}

/// As a fetcher brings it: whole and on disk, without a name.
StoredBlob adopt(const World& world, Session& session, const std::string& text) {
    auto file = session.stage_file();
    REQUIRE(file);
    REQUIRE(sys::write_all(file->fd(), bytes_of(text)));
    const StoredBlob blob{digest_of(bytes_of(text)), text.size()};
    REQUIRE(session.adopt(*file, blob));
    CHECK(fs::file_size(world.path_of(blob.digest)) == text.size());
    return blob;
}

TEST_CASE("what others wrote and verified is adopted, once, and kept while its session lives") {
    World world;
    auto session = world.store.begin_session();
    REQUIRE(session);
    const StoredBlob blob = adopt(world, *session, "fetched");
    (void)adopt(world, *session, "fetched");
    CHECK(session->new_count() == 1);
    CHECK(world.store.sweep(mark_nothing, nullptr, false)->removed.empty());
    const auto read = world.store.read_blob(blob.digest, 100);
    REQUIRE(read);
    CHECK(text_of(*read) == "fetched");
}

TEST_CASE("what was adopted takes the place of a file that was cut short") {
    World world;
    const Digest digest = put(world.store, "whole");
    write_file(world.path_of(digest), "wh");
    auto session = world.store.begin_session();
    REQUIRE(session);
    CHECK(adopt(world, *session, "whole").digest == digest);
    CHECK(text_of(*world.store.read_blob(digest, 100)) == "whole");
}

TEST_CASE("what was adopted is to be listed until a listing of it has ended") {
    World world;
    CHECK(!*world.store.begin_listing());
    auto session = world.store.begin_session();
    REQUIRE(session);
    (void)adopt(world, *session, "one");
    CHECK(*world.store.begin_listing());
    // Whoever began is killed here; the next one begins again.
    CHECK(*world.store.begin_listing());
    (void)adopt(world, *session, "two");
    REQUIRE(world.store.end_listing());
    CHECK(*world.store.begin_listing());
    REQUIRE(world.store.end_listing());
    CHECK(!*world.store.begin_listing());
}

TEST_CASE("a sweep removes nothing when marking fails") {
    World world;
    (void)put(world.store, "abc");
    const auto fails = [](DigestSet&) -> Result<void> { return refuse(EBADMSG, "unreadable"); };
    CHECK(world.store.sweep(fails, nullptr, false).error().code == EBADMSG);
    CHECK(world.store.list_blobs()->size() == 1);
}

TEST_CASE("a sweep of chosen blobs leaves the others") {
    World world;
    const DigestSet chosen{put(world.store, "a")};
    (void)put(world.store, "b");
    CHECK(world.store.sweep(mark_nothing, &chosen, false)->removed.size() == 1);
    CHECK(world.store.list_blobs()->size() == 1);
}

TEST_CASE("a sweep takes nothing that a running session added, found or holds") {
    World world;
    const Digest found = put(world.store, "found");
    const Digest held = put(world.store, "held");
    const Digest other = put(world.store, "other");
    Digest fresh;
    {
        auto session = *world.store.begin_session();
        fresh = session.add_bytes(bytes_of("fresh"))->digest;
        REQUIRE(session.add_bytes(bytes_of("found")));
        CHECK(*session.hold(held));
        CHECK_FALSE(*session.hold(digest_of(bytes_of("nowhere"))));
        REQUIRE(session.flush());
        const auto report = world.store.sweep(mark_nothing, nullptr, false);
        REQUIRE(report->removed.size() == 1);
        CHECK(report->removed[0].digest == other);
    }
    CHECK(world.store.sweep(mark_nothing, nullptr, false)->removed.size() == 3);
    CHECK_FALSE(world.store.size_of(found)->has_value());
    CHECK_FALSE(world.store.size_of(fresh)->has_value());
}

TEST_CASE("what a killed process left behind goes with the next sweep") {
    World world;
    const std::string root = world.store.root();
    write_file(root + "/leases/1-dead-1", "");
    write_file(root + "/staging/1-dead-2", "half a blob");
    write_file(root + "/refs/images/.1-dead-3", "half a name");
    CHECK(world.store.list_refs(RefKind::image)->empty());
    CHECK_FALSE(*world.store.is_session_alive("1-dead-1"));
    REQUIRE(world.store.sweep(mark_nothing, nullptr, false));
    for (const char* const folder : {"/leases", "/staging", "/refs/images"})
        CHECK(entry_count(root + folder) == 0);
}

TEST_CASE("names are made, replaced, listed and removed") {
    World world;
    const Digest one = put(world.store, "1");
    const Digest two = put(world.store, "2");
    const std::string name = "registry/team/app:1.0";
    CHECK_FALSE(world.store.find_ref(RefKind::image, name)->has_value());
    REQUIRE(world.store.set_ref(RefKind::image, name, one));
    REQUIRE(world.store.set_ref(RefKind::image, "a", one));
    REQUIRE(world.store.set_ref(RefKind::image, name, two));
    CHECK(*world.store.find_ref(RefKind::image, name) == two);
    CHECK_FALSE(world.store.find_ref(RefKind::pin, name)->has_value());
    const auto refs = *world.store.list_refs(RefKind::image);
    REQUIRE(refs.size() == 2);
    CHECK(refs[1].name == name);
    CHECK(*world.store.remove_ref(RefKind::image, name));
    CHECK_FALSE(*world.store.remove_ref(RefKind::image, name));
}

TEST_CASE("what is no name is refused") {
    World world;
    for (const std::string& name :
         {std::string(), std::string("."), std::string("../x"), std::string("-x"),
          std::string("/x"), std::string("a b"), std::string("a%2F"), std::string("a\n"),
          std::string(201, 'a')}) {
        CAPTURE(name);
        CHECK(world.store.set_ref(RefKind::pin, name, Digest{}).error().code == EINVAL);
        CHECK(world.store.find_ref(RefKind::pin, name).error().code == EINVAL);
    }
    CHECK(Store::check_ref_name(std::string(200, 'a')));
}

TEST_CASE("a damaged name is an error, and never taken for no name") {
    World world;
    write_file(world.store.root() + "/refs/images/app", "not a digest\n");
    CHECK(world.store.find_ref(RefKind::image, "app").error().code == EBADMSG);
    CHECK(world.store.sweep(mark_nothing, nullptr, false).error().code == EBADMSG);
}

TEST_CASE("a store is not made among other files, nor opened when it is newer") {
    test::TempDir dir;
    fs::create_directory(dir.path("full"));
    write_file(dir.path("full") + "/letter", "mine");
    CHECK(Store::open(dir.path("full")).error().code == EEXIST);
    CHECK(Store::open_existing(dir.path("none")).error().code == ENOENT);
    const std::string deep = dir.path("a") + "/b/c";
    REQUIRE(Store::open(deep));
    REQUIRE(Store::open(deep));
    REQUIRE(Store::open_existing(deep));
    write_file(deep + "/format", "shardrun store 2\n");
    CHECK(Store::open(deep).error().code == EPROTONOSUPPORT);
}

TEST_CASE("what else lies between the blobs is left alone") {
    World world;
    const Digest digest = put(world.store, "abc");
    const std::string folder = fs::path(world.path_of(digest)).parent_path();
    write_file(folder + "/README", "hello");
    write_file(folder + "/" + to_hex(digest_of({})), "");  // In the wrong folder.
    CHECK(world.store.list_blobs()->size() == 1);
}

}  // namespace
}  // namespace shardrun::blob
