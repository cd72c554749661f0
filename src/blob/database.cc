#include "blob/database.h"

#include <sqlite3.h>

#include "base/fail.h"

namespace shardrun::blob {
namespace {

// Others hold the lock for as long as one transaction takes.
constexpr int kBusyTimeoutMs = 10'000;

int errno_of(int result) {
    switch (result & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return EUCLEAN;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return EBUSY;
        case SQLITE_FULL:
            return ENOSPC;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return EACCES;
        case SQLITE_CANTOPEN:
            return ENOENT;
        case SQLITE_NOMEM:
            return ENOMEM;
        default:
            return EIO;
    }
}

std::unexpected<Error> failure(sqlite3* database, int result) {
    const char* const path = ::sqlite3_db_filename(database, "main");
    return refuse(errno_of(result), "database '{}': {}", path != nullptr ? path : "",
                  ::sqlite3_errmsg(database));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    (void)::sqlite3_finalize(statement);  // Repeats what step() said.
}

void Database::Close::operator()(sqlite3* database) const {
    // Later, if a statement should outlive it after all.
    (void)::sqlite3_close_v2(database);
}

Statement& Statement::bind(std::int64_t value) {
    bind_result_ |= ::sqlite3_bind_int64(statement_.get(), next_parameter_++, value);
    return *this;
}

// Null stands for "the bytes are copied": SQLITE_TRANSIENT is an old-style cast.
Statement& Statement::bind(std::string_view text) {
    auto* const copied =
        reinterpret_cast<sqlite3_destructor_type>(-1);  // NOLINT(performance-no-int-to-ptr)
    bind_result_ |= ::sqlite3_bind_text64(statement_.get(), next_parameter_++, text.data(),
                                          text.size(), copied, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind(std::span<const std::byte> bytes) {
    auto* const copied =
        reinterpret_cast<sqlite3_destructor_type>(-1);  // NOLINT(performance-no-int-to-ptr)
    bind_result_ |= ::sqlite3_bind_blob64(statement_.get(), next_parameter_++, bytes.data(),
                                          bytes.size(), copied);
    return *this;
}

Result<bool> Statement::step() {
    SR_ASSERT(bind_result_ == SQLITE_OK);
    const int result = ::sqlite3_step(statement_.get());
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    return failure(database_, result);
}

Result<void> Statement::run() {
    SR_TRY(const bool has_row, step());
    SR_ASSERT(!has_row);
    reset();
    return {};
}

void Statement::reset() {
    (void)::sqlite3_reset(statement_.get());  // Repeats what step() said.
    next_parameter_ = 1;
}

std::int64_t Statement::integer(int column) const {
    return ::sqlite3_column_int64(statement_.get(), column);
}

bool Statement::is_null(int column) const {
    return ::sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string Statement::text(int column) const {
    const std::span<const std::byte> value = bytes(column);
    return std::string(reinterpret_cast<const char*>(value.data()), value.size());
}

std::span<const std::byte> Statement::bytes(int column) const {
    const void* const data = ::sqlite3_column_blob(statement_.get(), column);
    const int size = ::sqlite3_column_bytes(statement_.get(), column);
    return {static_cast<const std::byte*>(data), static_cast<std::size_t>(size)};
}

Result<Database> Database::open(const std::string& path) {
    sqlite3* raw = nullptr;
    const int result = ::sqlite3_open_v2(
        path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
        nullptr);
    if (raw == nullptr) return fail(ENOMEM, "open database '{}'", path);
    Database database(raw);
    if (result != SQLITE_OK) return failure(raw, result);
    (void)::sqlite3_busy_timeout(raw, kBusyTimeoutMs);  // Fails for no valid handle.
    (void)::sqlite3_extended_result_codes(raw, 1);
    SR_DO(
        database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                         "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"));
    return database;
}

Result<Statement> Database::prepare(std::string_view sql) const {
    sqlite3_stmt* statement = nullptr;
    const int result = ::sqlite3_prepare_v2(database_.get(), sql.data(),
                                            static_cast<int>(sql.size()), &statement, nullptr);
    if (result != SQLITE_OK) return failure(database_.get(), result);
    return Statement(database_.get(), statement);
}

Result<void> Database::execute(const std::string& sql) const {
    const int result = ::sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) return failure(database_.get(), result);
    return {};
}

Result<std::int64_t> Database::query_integer(std::string_view sql) const {
    SR_TRY(Statement statement, prepare(sql));
    SR_TRY(const bool has_row, statement.step());
    return has_row ? statement.integer(0) : 0;
}

}  // namespace shardrun::blob
