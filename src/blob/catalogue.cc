#include "blob/catalogue.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

#include "base/fail.h"
#include "sys/staged_file.h"

namespace shardrun::blob {
namespace {

constexpr const char* kFile = "index.db";

/// What brings a database of version N to version N + 1, for each N. Never changed, only added to.
constexpr std::array kMigrations{
    "CREATE TABLE blobs(digest BLOB PRIMARY KEY, size INTEGER NOT NULL, added_us INTEGER NOT NULL,"
    "  verified_us INTEGER) WITHOUT ROWID;"
    "CREATE TABLE manifests(digest BLOB PRIMARY KEY, added_us INTEGER NOT NULL,"
    "  source TEXT NOT NULL, entries INTEGER NOT NULL, files INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL, edges INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE uses(manifest BLOB NOT NULL REFERENCES manifests ON DELETE CASCADE,"
    "  blob BLOB NOT NULL, PRIMARY KEY(blob, manifest)) WITHOUT ROWID;"
    "CREATE INDEX uses_by_manifest ON uses(manifest);"
    // A session that changes the store and has not written here what it changed.
    "CREATE TABLE sessions(name TEXT PRIMARY KEY) WITHOUT ROWID;"
    // Absent until the first filling is complete.
    "CREATE TABLE filled(yes INTEGER PRIMARY KEY);",
};
constexpr auto kVersion = static_cast<std::int64_t>(kMigrations.size());

Digest digest_at(const Statement& row, int column) {
    Digest digest;
    const std::span<const std::byte> bytes = row.bytes(column);
    if (bytes.size() == digest.bytes.size())
        std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
    return digest;
}

WallTime time_at(const Statement& row, int column) {
    return WallTime(std::chrono::microseconds(row.integer(column)));
}

std::uint64_t count_at(const Statement& row, int column) {
    return static_cast<std::uint64_t>(row.integer(column));
}

std::int64_t number(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

std::int64_t number(WallTime time) {
    return time.time_since_epoch().count();
}

}  // namespace

Result<Catalogue> Catalogue::open(const Store& store, const Filler& fill) {
    auto opened = open_once(store, fill);
    if (opened || opened.error().code != EUCLEAN) return opened;
    SR_DO(set_damaged_aside(store));
    auto again = open_once(store, fill);
    if (again)
        again->notice_ = fmt::format(
            "the index of store '{}' was damaged: set aside as '{}.damaged-…' and made anew from "
            "what is stored",
            store.root(), kFile);
    return again;
}

Result<Catalogue> Catalogue::open_once(const Store& store, const Filler& fill) {
    SR_TRY(Database database, Database::open(store.root() + "/" + kFile));
    Catalogue catalogue(std::move(database), "");
    SR_DO(catalogue.migrate());
    SR_TRY(const bool is_behind, catalogue.is_behind(store));
    if (is_behind) SR_DO(catalogue.refill(fill));
    return catalogue;
}

Result<void> Catalogue::set_damaged_aside(const Store& store) {
    const sys::Directory& root = store.root_directory();
    const std::string suffix = ".damaged-" + sys::unique_name();
    // The log beside it belongs to it; without the log the rest may be worth looking at.
    for (const char* const end : {"", "-wal", "-shm"}) {
        const std::string name = std::string(kFile) + end;
        auto moved = root.rename(name, root, std::string(kFile) + suffix + end);
        if (!moved && moved.error().code != ENOENT) return moved;
    }
    return root.sync();
}

Result<void> Catalogue::migrate() const {
    return database_.in_transaction([&]() -> Result<void> {
        SR_TRY(const std::int64_t version, database_.query_integer("PRAGMA user_version"));
        if (version > kVersion)
            return refuse(EPROTONOSUPPORT,
                          "the index of the store has version {}, and this shardrun knows {} at "
                          "most: use the newer one, or remove '{}', which is then made anew",
                          version, kVersion, kFile);
        for (std::int64_t at = version; at < kVersion; ++at)
            SR_DO(database_.execute(kMigrations.at(static_cast<std::size_t>(at))));
        if (version == kVersion) return {};
        return database_.execute(fmt::format("PRAGMA user_version = {}", kVersion));
    });
}

/// Whether a session was killed between changing the store and telling of it here.
Result<bool> Catalogue::is_behind(const Store& store) const {
    SR_TRY(const std::int64_t filled, database_.query_integer("SELECT count(*) FROM filled"));
    if (filled == 0) return true;
    SR_TRY(Statement rows, database_.prepare("SELECT name FROM sessions"));
    while (true) {
        SR_TRY(const bool has_row, rows.step());
        if (!has_row) return false;
        SR_TRY(const bool is_alive, store.is_session_alive(rows.text(0)));
        if (!is_alive) return true;
    }
}

Result<void> Catalogue::refill(const Filler& fill) const {
    return database_.in_transaction([&]() -> Result<void> {
        SR_DO(
            database_.execute("DELETE FROM blobs; DELETE FROM uses; DELETE FROM manifests;"
                              "DELETE FROM sessions; DELETE FROM filled;"));
        SR_DO(fill(*this));
        return database_.execute("INSERT INTO filled VALUES(1)");
    });
}

Result<void> Catalogue::begin_change(const std::string& session) const {
    SR_TRY(Statement insert, database_.prepare("INSERT OR IGNORE INTO sessions VALUES(?)"));
    return insert.bind(session).run();
}

Result<void> Catalogue::end_change(const std::string& session) const {
    SR_TRY(Statement remove, database_.prepare("DELETE FROM sessions WHERE name = ?"));
    return remove.bind(session).run();
}

Result<void> Catalogue::add_blobs(std::span<const StoredBlob> blobs, WallTime added) const {
    SR_TRY(Statement insert,
           database_.prepare("INSERT INTO blobs(digest, size, added_us) VALUES(?, ?, ?)"
                             " ON CONFLICT(digest) DO UPDATE SET size = excluded.size"));
    for (const StoredBlob& blob : blobs)
        SR_DO(insert.bind(std::span<const std::byte>(blob.digest.bytes))
                  .bind(number(blob.size_bytes))
                  .bind(number(added))
                  .run());
    return {};
}

Result<void> Catalogue::add_manifest(const ManifestRow& manifest,
                                     std::span<const Digest> children) const {
    SR_TRY(Statement insert,
           database_.prepare("INSERT INTO manifests VALUES(?, ?, ?, ?, ?, ?, ?)"
                             " ON CONFLICT(digest) DO UPDATE SET source = excluded.source,"
                             " added_us = excluded.added_us"));
    const std::span<const std::byte> own(manifest.digest.bytes);
    SR_DO(insert.bind(own)
              .bind(number(manifest.added))
              .bind(std::string_view(manifest.source))
              .bind(number(manifest.entry_count))
              .bind(number(manifest.file_count))
              .bind(number(manifest.content_bytes))
              .bind(number(manifest.edge_count))
              .run());
    SR_TRY(Statement use, database_.prepare("INSERT OR IGNORE INTO uses VALUES(?, ?)"));
    for (const Digest& child : children)
        SR_DO(use.bind(own).bind(std::span<const std::byte>(child.bytes)).run());
    return {};
}

Result<void> Catalogue::remove_blobs(std::span<const Digest> digests) const {
    return database_.in_transaction([&]() -> Result<void> {
        SR_TRY(Statement blobs, database_.prepare("DELETE FROM blobs WHERE digest = ?"));
        SR_TRY(Statement manifests, database_.prepare("DELETE FROM manifests WHERE digest = ?"));
        for (const Digest& digest : digests) {
            const std::span<const std::byte> bytes(digest.bytes);
            SR_DO(blobs.bind(bytes).run());
            SR_DO(manifests.bind(bytes).run());
        }
        return {};
    });
}

Result<void> Catalogue::set_verified(std::span<const Digest> digests, WallTime when) const {
    return database_.in_transaction([&]() -> Result<void> {
        SR_TRY(Statement update,
               database_.prepare("UPDATE blobs SET verified_us = ? WHERE digest = ?"));
        for (const Digest& digest : digests)
            SR_DO(update.bind(number(when)).bind(std::span<const std::byte>(digest.bytes)).run());
        return {};
    });
}

Result<std::vector<BlobRow>> Catalogue::list_blobs() const {
    SR_TRY(Statement rows, database_.prepare("SELECT digest, size, added_us, verified_us,"
                                             " (SELECT count(*) FROM uses WHERE blob = digest)"
                                             " FROM blobs ORDER BY digest"));
    std::vector<BlobRow> blobs;
    while (true) {
        SR_TRY(const bool has_row, rows.step());
        if (!has_row) return blobs;
        BlobRow row{digest_at(rows, 0), count_at(rows, 1), time_at(rows, 2)};
        if (!rows.is_null(3)) row.verified = time_at(rows, 3);
        row.user_count = count_at(rows, 4);
        blobs.push_back(row);
    }
}

Result<std::optional<ManifestRow>> Catalogue::find_manifest(const Digest& digest) const {
    SR_TRY(Statement rows, database_.prepare("SELECT added_us, source, entries, files, bytes, edges"
                                             " FROM manifests WHERE digest = ?"));
    rows.bind(std::span<const std::byte>(digest.bytes));
    SR_TRY(const bool has_row, rows.step());
    if (!has_row) return std::nullopt;
    return ManifestRow{digest,
                       time_at(rows, 0),
                       rows.text(1),
                       count_at(rows, 2),
                       count_at(rows, 3),
                       count_at(rows, 4),
                       count_at(rows, 5)};
}

Result<std::vector<Digest>> Catalogue::users_of(const Digest& digest) const {
    SR_TRY(Statement rows,
           database_.prepare("SELECT manifest FROM uses WHERE blob = ? ORDER BY manifest"));
    rows.bind(std::span<const std::byte>(digest.bytes));
    std::vector<Digest> users;
    while (true) {
        SR_TRY(const bool has_row, rows.step());
        if (!has_row) return users;
        users.push_back(digest_at(rows, 0));
    }
}

}  // namespace shardrun::blob
