#include "blob/catalogue.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "../../support/temp_dir.h"
#include "blob/session.h"

namespace shardrun::blob {
namespace {

namespace fs = std::filesystem;

const WallTime kThen{std::chrono::microseconds(1'700'000'000'000'000)};

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

Digest digest_of_text(const std::string& text) {
    return digest_of(bytes_of(text));
}

struct World {
    test::TempDir dir;
    Store store = *Store::open(dir.path("store"));
    int fillings = 0;

    Result<Catalogue> open() {
        return Catalogue::open(store, [&](const Catalogue& empty) -> Result<void> {
            ++fillings;
            SR_TRY(const std::vector<StoredBlob> blobs, store.list_blobs());
            return empty.add_blobs(blobs, kThen);
        });
    }
    std::string file() const { return store.root() + "/index.db"; }
    std::size_t damaged_count() const {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(store.root()))
            if (entry.path().filename().string().starts_with("index.db.damaged-")) ++count;
        return count;
    }
};

void put(const Store& store, const std::string& text) {
    auto session = *store.begin_session();
    REQUIRE(session.add_bytes(bytes_of(text)));
    REQUIRE(session.flush());
}

TEST_CASE("a new catalogue is filled from the store, once") {
    World world;
    put(world.store, "abc");
    for (int i = 0; i < 3; ++i) {
        const auto catalogue = world.open();
        REQUIRE(catalogue);
        const auto blobs = *catalogue->list_blobs();
        REQUIRE(blobs.size() == 1);
        CHECK(blobs[0].digest == digest_of_text("abc"));
        CHECK(blobs[0].size_bytes == 3);
        CHECK(blobs[0].added == kThen);
        CHECK_FALSE(blobs[0].verified);
        CHECK(catalogue->notice().empty());
    }
    CHECK(world.fillings == 1);
}

TEST_CASE("a filling that fails is begun again") {
    World world;
    const auto fails = [](const Catalogue&) -> Result<void> { return refuse(EIO, "no"); };
    CHECK(Catalogue::open(world.store, fails).error().code == EIO);
    REQUIRE(world.open());
    CHECK(world.fillings == 1);
}

TEST_CASE("manifests and what they use are remembered and forgotten") {
    World world;
    const auto catalogue = *world.open();
    const std::vector<StoredBlob> blobs{{digest_of_text("m"), 1}, {digest_of_text("a"), 1}};
    REQUIRE(catalogue.add_blobs(blobs, kThen));
    const ManifestRow row{digest_of_text("m"), kThen, "/some/dir", 5, 4, 3, 2};
    const std::vector<Digest> children{digest_of_text("a")};
    REQUIRE(catalogue.add_manifest(row, children));
    REQUIRE(catalogue.add_manifest(row, children));
    const auto found = *catalogue.find_manifest(row.digest);
    REQUIRE(found);
    CHECK(found->source == "/some/dir");
    CHECK(found->edge_count == 2);
    CHECK(*catalogue.users_of(digest_of_text("a")) == std::vector{row.digest});
    REQUIRE(catalogue.set_verified(children, kThen + std::chrono::seconds(1)));
    const auto rows = *catalogue.list_blobs();
    for (const BlobRow& blob : rows) {
        CHECK(blob.user_count == (blob.digest == digest_of_text("a") ? 1 : 0));
        CHECK(blob.verified.has_value() == (blob.digest == digest_of_text("a")));
    }
    REQUIRE(catalogue.remove_blobs(std::vector{row.digest}));
    CHECK_FALSE(catalogue.find_manifest(row.digest)->has_value());
    CHECK(catalogue.users_of(digest_of_text("a"))->empty());
    CHECK(catalogue.list_blobs()->size() == 1);
}

TEST_CASE("a damaged file is set aside and made anew, with a message") {
    for (const std::size_t at : {std::size_t{0}, std::size_t{4096}}) {
        World world;
        put(world.store, "abc");
        REQUIRE(world.open());
        // Overwrites the header in one case, the pages of the tables in the other.
        const std::size_t size = fs::file_size(world.file());
        std::fstream file(world.file(), std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(at));
        file << std::string(size - at, '#');
        file.close();
        const auto catalogue = world.open();
        REQUIRE(catalogue);
        CHECK(catalogue->list_blobs()->size() == 1);
        CHECK(catalogue->notice().find("damaged") != std::string::npos);
        CHECK(world.damaged_count() == 1);
        CHECK(world.open()->notice().empty());
    }
}

TEST_CASE("a newer schema is refused with a sentence and left as it is") {
    World world;
    REQUIRE(world.open());
    REQUIRE(Database::open(world.file())->execute("PRAGMA user_version = 99"));
    const auto catalogue = world.open();
    REQUIRE_FALSE(catalogue);
    CHECK(catalogue.error().code == EPROTONOSUPPORT);
    CHECK(catalogue.error().message.find("version 99") != std::string::npos);
    CHECK(*Database::open(world.file())->query_integer("PRAGMA user_version") == 99);
}

TEST_CASE("a session that was killed on the way makes the catalogue be filled again") {
    World world;
    {
        const auto session = *world.store.begin_session();
        REQUIRE(world.open()->begin_change(session.name()));
        REQUIRE(world.open());  // It still runs.
        CHECK(world.fillings == 1);
    }
    REQUIRE(world.open());
    CHECK(world.fillings == 2);
    REQUIRE(world.open());
    CHECK(world.fillings == 2);
    const auto session = *world.store.begin_session();
    REQUIRE(world.open()->begin_change(session.name()));
    REQUIRE(world.open()->end_change(session.name()));
    REQUIRE(world.open());
    CHECK(world.fillings == 2);
}

}  // namespace
}  // namespace shardrun::blob
